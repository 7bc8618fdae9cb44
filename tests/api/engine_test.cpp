// The C++ interface on the shipped model: small grid, few steps.
#include "sinter/engine.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#include "sinter/error.h"

namespace sinter {
namespace {

const std::string kModel = std::string(SINTER_SOURCE_DIR) + "/models/sinter-small";

std::string picture(const std::string& name) {
  return std::string(SINTER_SOURCE_DIR) + "/examples/images/" + name;
}

GenerateOptions fast() {
  GenerateOptions options;
  options.steps = 2;
  options.octree = 24;
  return options;
}

std::vector<std::uint8_t> bytes_of(const GenerateResult& result) {
  MeshWriteOptions options;
  options.format = "ply";
  return encode_mesh(result.mesh, options, result.provenance);
}

EngineOptions one_thread(bool keep_weights = false) {
  EngineOptions options;
  options.threads = 1;
  options.keep_weights = keep_weights;
  return options;
}

TEST(Engine, KeptWeightsAndPicturesInMemoryGiveTheSameMesh) {
  Engine engine(kModel, one_thread());
  const auto expected = bytes_of(engine.generate(picture("mug.png"), fast()));
  Engine keeping(kModel, one_thread(true));
  for (int run = 0; run < 2; ++run) {
    EXPECT_EQ(bytes_of(keeping.generate(picture("mug.png"), fast())), expected) << run;
  }
  std::ostringstream file;
  file << std::ifstream(picture("mug.png"), std::ios::binary).rdbuf();
  Picture in_memory;
  in_memory.bytes = file.str();
  EXPECT_EQ(bytes_of(keeping.generate({in_memory}, fast())), expected);
}

TEST(Engine, PixelsInMemoryAreCheckedAndUsed) {
  Engine engine(kModel, one_thread(true));
  Picture disc;
  disc.width = 40;
  disc.height = 30;
  for (int y = 0; y < disc.height; ++y) {
    for (int x = 0; x < disc.width; ++x) {
      const bool inside = (x - 20) * (x - 20) + (y - 15) * (y - 15) < 120;
      for (const int value : {180, 90, 40, inside ? 255 : 0}) {
        disc.rgba.push_back(static_cast<std::uint8_t>(value));
      }
    }
  }
  EXPECT_GT(engine.generate({disc}, fast()).mesh.faces.size(), 0u);
  disc.rgba.pop_back();
  EXPECT_THROW(engine.generate({disc}, fast()), Error);
  EXPECT_THROW(engine.generate({Picture{}}, fast()), Error);
  Picture twice;
  twice.path = picture("mug.png");
  twice.bytes = "x";
  EXPECT_THROW(engine.generate({twice}, fast()), Error);
}

// In every stage: the callback that says stop is the last that is called, on the caller's thread.
TEST(Engine, CancelIsHonouredBeforeTheNextUnitOfEveryStage) {
  Engine engine(kModel, one_thread(true));
  GenerateOptions options = fast();
  options.faces = 200;
  for (const std::string stage :
       {"image", "condition", "sample", "latents", "volume", "surface", "mesh"}) {
    bool stopped = false;
    const std::thread::id caller = std::this_thread::get_id();
    Metrics metrics;
    const auto stop = [&](const Progress& now) {
      EXPECT_FALSE(stopped) << stage;
      EXPECT_EQ(std::this_thread::get_id(), caller);
      stopped = now.stage == stage;
      return !stopped;
    };
    try {
      engine.generate(picture("mug.png"), options, stop, &metrics);
      ADD_FAILURE() << stage << ": not cancelled";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::cancelled) << stage;
    }
    ASSERT_FALSE(metrics.stages.empty());
    EXPECT_EQ(metrics.stages.back().stage, stage);
  }
  // The engine is as good as new.
  EXPECT_GT(engine.generate(picture("mug.png"), options).mesh.faces.size(), 0u);
}

TEST(Engine, ProvenanceIsKnownBeforeTheRun) {
  Engine engine(kModel, one_thread());
  EXPECT_EQ(engine.provenance(fast()).entries,
            engine.generate(picture("mug.png"), fast()).provenance.entries);
}

}  // namespace
}  // namespace sinter
