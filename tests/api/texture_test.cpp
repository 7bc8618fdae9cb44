#include "sinter/texture.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "sinter/error.h"

namespace sinter {
namespace {

namespace fs = std::filesystem;

class RasterStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("sinter-texture-" + std::to_string(getpid()));
    mesh_ = {{{0, 0, 0}, {1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
             {{0, 2, 1}, {0, 1, 3}, {0, 3, 2}, {1, 2, 3}}};
    options_ = {};
    options_.device = "cpu";  // a GPU keeps no rasters
    options_.size = 64;
    options_.threads = 2;
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::map<std::string, std::string> maps() {
    write_maps((folder_ / "maps").string(), mesh_, options_);
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::directory_iterator(folder_ / "maps")) {
      std::ifstream file(entry.path(), std::ios::binary);
      files[entry.path().filename().string()] = {std::istreambuf_iterator<char>(file), {}};
    }
    return files;
  }

  fs::path folder_;
  Mesh mesh_;
  MapOptions options_;
};

TEST_F(RasterStoreTest, ReusesViewsAcrossCallsAndGivesTheSameMaps) {
  const auto without = maps();
  options_.rasters = std::make_shared<RasterStore>();
  EXPECT_TRUE(maps() == without);
  EXPECT_EQ(options_.rasters->stats().made, 6);
  EXPECT_EQ(options_.rasters->stats().reused, 0);
  EXPECT_TRUE(maps() == without);
  options_.cameras[0].weight = 0.5;  // takes no part in what is seen
  EXPECT_TRUE(maps() == without);
  EXPECT_EQ(options_.rasters->stats().made, 6);
  EXPECT_EQ(options_.rasters->stats().reused, 12);
  // Baking for coordinates that are given sees the same mesh.
  TexturedMesh given;
  given.mesh = mesh_;
  given.uv = {{0.1f, 0.1f}, {0.9f, 0.1f}, {0.1f, 0.9f}, {0.8f, 0.8f}};
  BakeOptions bake_options;
  bake_options.render_size = bake_options.unwrap.texture_size = 64;
  bake_options.rasters = options_.rasters;
  std::vector<std::string> pictures;
  for (int i = 0; i < 6; ++i) {
    pictures.push_back((folder_ / "maps" / ("0" + std::to_string(i) + "_normal.png")).string());
  }
  const TexturedMesh kept = bake(given, pictures, bake_options);
  EXPECT_EQ(options_.rasters->stats().made, 6);
  EXPECT_EQ(options_.rasters->stats().reused, 18);
  bake_options.rasters = nullptr;
  EXPECT_TRUE(bake(given, pictures, bake_options).rgb == kept.rgb);
}

TEST_F(RasterStoreTest, AChangedMeshCameraOrSizeIsAnother) {
  options_.rasters = std::make_shared<RasterStore>();
  const auto first = maps();
  mesh_.positions[3][2] = 1.0000001f;
  maps();
  EXPECT_EQ(options_.rasters->stats().made, 12);
  std::swap(mesh_.faces[0], mesh_.faces[1]);
  maps();
  EXPECT_EQ(options_.rasters->stats().made, 18);
  options_.cameras[1].azimuth = 91;
  maps();
  EXPECT_EQ(options_.rasters->stats().made, 19);
  options_.size = 65;
  maps();
  EXPECT_EQ(options_.rasters->stats().made, 25);
  SetUp();
  options_.rasters = std::make_shared<RasterStore>();
  EXPECT_TRUE(maps() == first);
}

TEST_F(RasterStoreTest, HoldsNoMoreThanItMay) {
  const std::size_t view = 64 * 64 * 4;
  options_.rasters = std::make_shared<RasterStore>(3 * view);
  const auto first = maps();
  EXPECT_LE(options_.rasters->stats().bytes, 3 * view);
  EXPECT_GE(options_.rasters->stats().bytes, view);
  EXPECT_TRUE(maps() == first);
  EXPECT_GT(options_.rasters->stats().made, 6);
}

TEST(TextureProgress, StopsTheRun) {
  const fs::path folder = fs::temp_directory_path() / ("sinter-stop-" + std::to_string(getpid()));
  MapOptions options;
  options.size = 16;
  options.threads = 1;
  int calls = 0;
  options.progress = [&](const Progress& now) {
    EXPECT_STREQ(now.stage, "views");
    return ++calls < 2;
  };
  const Mesh mesh{{{0, 0, 0}, {1, 0, 0}, {0, 1, 0}}, {{0, 1, 2}}};
  try {
    write_maps(folder.string(), mesh, options);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::cancelled);
  }
  EXPECT_EQ(calls, 2);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace sinter
