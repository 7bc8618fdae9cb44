// FlashVDM decoding of random networks against an independent PyTorch implementation
// (tools/goldens/make_flashvdm_goldens.py): keys chosen by brick and by bin, levels, points,
// values.

#include <cmath>

#include "models/golden.h"
#include "pipeline/volume.h"

namespace sinter::pipeline {
namespace {

using models::Goldens;
using models::OwnedTensor;

// Both sides compute in fp32; values are logits less their median, times 15 to 40. Measured: 2e-6.
constexpr double kLimit = 1e-5;

struct Run {
  const char* bundle;
  double box;  ///< as in the generator
  const char* name;
  FlashVdmKeys keys;
  mesh::FlashVdmLevels levels;
  double least_difference;  ///< between attending to the chosen keys and to all
};

constexpr Run kRuns[] = {
    {"base", 0.04, "mean", FlashVdmKeys::mean, mesh::FlashVdmLevels::own, 1e-3},
    // No key of this one has a weight as small as the threshold.
    {"base", 0.04, "merge", FlashVdmKeys::merge, mesh::FlashVdmLevels::upstream, 0},
    {"distilled", 0.008, "mean", FlashVdmKeys::mean, mesh::FlashVdmLevels::upstream, 1},
    {"distilled", 0.008, "merge", FlashVdmKeys::merge, mesh::FlashVdmLevels::own, 1},
};
constexpr std::size_t kStored = 3;  // every how manieth value the file holds

std::vector<float> evaluated_values(const mesh::Field& field) {
  std::vector<float> values;
  const int points = field.grid().points();
  for (int i = 0; i < points; ++i) {
    for (int j = 0; j < points; ++j) {
      for (int k = 0; k < points; ++k) {
        if (const float v = field.at({i, j, k}); !std::isnan(v)) values.push_back(v);
      }
    }
  }
  return values;
}

class FlashVdmGolden : public testing::TestWithParam<Run> {
 protected:
  /// The values and the queries of each level, asked for through `answer`.
  mesh::Field decode(const mesh::GroupSampler& answer, mesh::SampleStats& stats) const {
    const float offset = goldens_.values("offset")[0], gain = goldens_.values("gain")[0];
    const auto scaled = [&](mesh::GroupStage stage, std::span<const mesh::PointGroup> groups) {
      answer(stage, groups);
      for (const mesh::PointGroup& group : groups) {
        for (float& value : group.logits) value = (value - offset) * gain;
      }
    };
    mesh::FlashVdmOptions options = flashvdm_options(ctx_, {.flashvdm_keys = GetParam().keys}, {});
    options.levels = GetParam().levels;
    options.min_resolution = 6;
    options.call_points = 700;
    options.follow_surface = false;
    return sample_flashvdm(mesh::Grid(24, GetParam().box), scaled, options, &stats);
  }

  Context ctx_;
  const Goldens goldens_{GetParam().bundle, "flashvdm"};
};

TEST_P(FlashVdmGolden, LevelsPointsAndValues) {
  const auto vae = models::random_model(GetParam().bundle).load_vae({.threads = 1});
  const OwnedTensor latents("input.region_latents", {48, 16}, 2.0F);
  const models::GeometryMemory memory = vae->remember(ctx_, vae->decode(ctx_, latents));
  ctx_.threads = 2;
  mesh::SampleStats stats;
  const mesh::Field field = decode(flashvdm_sampler(ctx_, *vae, memory, GetParam().keys), stats);

  const std::string name = GetParam().name;
  std::vector<float> counts;
  for (const mesh::SampleLevel& level : stats.levels) {
    counts.push_back(static_cast<float>(level.queries));
  }
  EXPECT_EQ(counts, goldens_.values(name + ".counts"));
  const std::vector<float> values = evaluated_values(field);
  std::vector<float> stored;
  for (std::size_t n = 0; n < values.size(); n += kStored) stored.push_back(values[n]);
  models::expect_near(stored, goldens_, name + ".values", kLimit);

  // The keys matter: with all of them the values would be others.
  const auto all_keys = [&](mesh::GroupStage, std::span<const mesh::PointGroup> groups) {
    for (const mesh::PointGroup& group : groups) {
      const auto count = static_cast<std::int64_t>(group.points.size());
      vae->query(
          ctx_,
          memory,
          {const_cast<mesh::Vec3*>(group.points.data()), DType::f32, Device::cpu, {count, 3}, {}},
          {group.logits.data(), DType::f32, Device::cpu, {count}, {}});
    }
  };
  mesh::SampleStats ignored;
  const mesh::Field whole = decode(all_keys, ignored);
  double most = 0;
  for (int n = 0; n < field.grid().points(); ++n) {
    for (int m = 0; m < field.grid().points(); ++m) {
      const float a = field.at({n, m, n}), b = whole.at({n, m, n});
      if (!std::isnan(a) && !std::isnan(b)) most = std::max(most, std::abs(double{a} - double{b}));
    }
  }
  std::printf("    %-34s %.1e\n", "difference of attending to all", most);
  EXPECT_GE(most, GetParam().least_difference);
}

INSTANTIATE_TEST_SUITE_P(Random, FlashVdmGolden, testing::ValuesIn(kRuns), [](const auto& run) {
  return std::string(run.param.bundle) + "_" + run.param.name;
});

}  // namespace
}  // namespace sinter::pipeline
