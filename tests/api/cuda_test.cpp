// The shipped model from picture to mesh on a GPU, beside the CPU.

#include <gtest/gtest.h>

#include <cstdio>
#include <string>

#include "sinter/engine.h"
#include "sinter/error.h"
#include "sinter/mesh.h"

namespace sinter {
namespace {

struct Way {
  const char* name;
  Decode decode;
  FlashVdmKeys keys;
  FlashVdmLevels levels;
  /// Mean distance of the surfaces in grid cells. 16-bit activations move the surface by some
  /// thousandths of a cell. Where keys are chosen by rank, roundings exchange keys at the cut, and
  /// small pieces of the surface come or go as they do with any other choice.
  double limit;
};
const Way kWays[] = {
    {"dense", Decode::dense, FlashVdmKeys::mean, FlashVdmLevels::own, 0.01},
    {"hierarchical", Decode::hierarchical, FlashVdmKeys::mean, FlashVdmLevels::own, 0.01},
    {"mean", Decode::flashvdm, FlashVdmKeys::mean, FlashVdmLevels::own, 0.1},
    {"mean_upstream", Decode::flashvdm, FlashVdmKeys::mean, FlashVdmLevels::upstream, 0.1},
    {"merge", Decode::flashvdm, FlashVdmKeys::merge, FlashVdmLevels::own, 0.01},
    {"merge_upstream", Decode::flashvdm, FlashVdmKeys::merge, FlashVdmLevels::upstream, 0.01}};

class CudaEngine : public testing::TestWithParam<Way> {
 protected:
  static GenerateResult run(const char* device, const GenerateOptions& options, Metrics& metrics) {
    EngineOptions engine;
    engine.device = device;
    return Engine(SINTER_SOURCE_DIR "/models/sinter-small", engine)
        .generate(SINTER_SOURCE_DIR "/examples/images/chair.png", options, {}, &metrics);
  }
  static bool has_gpu() {
    try {
      EngineOptions options;
      options.device = "cuda";
      Engine(SINTER_SOURCE_DIR "/models/sinter-small", options);
      return true;
    } catch (const Error&) {
      return false;
    }
  }
};

TEST_P(CudaEngine, GivesTheMeshOfTheCpu) {
  if (!has_gpu()) GTEST_SKIP() << "no GPU";
  const Way& way = GetParam();
  GenerateOptions options;
  options.octree = 128;  // two levels
  options.steps = 8;
  options.decode = way.decode;
  options.flashvdm_keys = way.keys;
  options.flashvdm_levels = way.levels;
  Metrics metrics, expected_metrics;
  const Mesh expected = run("cpu", options, expected_metrics).mesh;
  const Mesh found = run("cuda", options, metrics).mesh;
  EXPECT_EQ(metrics.device, "cuda");
  EXPECT_EQ(metrics.grid_points, expected_metrics.grid_points);
  EXPECT_EQ(metrics.field_levels.size(), expected_metrics.field_levels.size());
  EXPECT_NEAR(static_cast<double>(metrics.field_queries),
              static_cast<double>(expected_metrics.field_queries),
              0.02 * static_cast<double>(expected_metrics.field_queries));
  EXPECT_TRUE(check_mesh(found).watertight);

  CompareOptions comparing;
  comparing.normalize = false;
  const Comparison comparison = compare_meshes(found, expected, comparing);
  const double cells = comparison.chamfer * options.octree / (2 * options.box);
  std::printf("    %s: mean distance %.1e cells, largest %.1e\n",
              way.name,
              cells,
              comparison.hausdorff * options.octree / (2 * options.box));
  EXPECT_LT(cells, way.limit);
}

INSTANTIATE_TEST_SUITE_P(Decodes, CudaEngine, testing::ValuesIn(kWays), [](const auto& way) {
  return std::string(way.param.name);
});

}  // namespace
}  // namespace sinter
