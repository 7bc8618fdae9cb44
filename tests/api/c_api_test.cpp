// The C interface: what it adds to the C++ one, which is statuses, versions of structs, arrays.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "sinter/sinter.h"

namespace {

const std::string kModel = std::string(SINTER_SOURCE_DIR) + "/models/sinter-small";

// A tetrahedron, outward.
const std::vector<float> kPositions = {0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1};
const std::vector<uint32_t> kFaces = {0, 2, 1, 0, 1, 3, 0, 3, 2, 1, 2, 3};

TEST(CApi, MeshGoesInAndOut) {
  sinter_error error;
  sinter_mesh* mesh = nullptr;
  ASSERT_EQ(sinter_mesh_create(kPositions.data(), 4, kFaces.data(), 4, &mesh, &error), SINTER_OK)
      << error.message;
  EXPECT_STREQ(error.message, "");
  ASSERT_EQ(sinter_mesh_vertex_count(mesh), 4u);
  ASSERT_EQ(sinter_mesh_face_count(mesh), 4u);
  EXPECT_EQ(std::memcmp(sinter_mesh_positions(mesh), kPositions.data(), 48), 0);
  EXPECT_EQ(std::memcmp(sinter_mesh_faces(mesh), kFaces.data(), 48), 0);
  sinter_mesh_report report;
  report.size = sizeof report;
  ASSERT_EQ(sinter_mesh_check(mesh, 1, &report, &error), SINTER_OK) << error.message;
  EXPECT_EQ(report.sound, 1);
  EXPECT_NEAR(report.volume, 1.0 / 6, 1e-7);
  void* bytes = nullptr;
  size_t count = 0;
  ASSERT_EQ(sinter_mesh_encode(mesh, "glb", &bytes, &count, &error), SINTER_OK) << error.message;
  ASSERT_GT(count, 4u);
  EXPECT_EQ(std::memcmp(bytes, "glTF", 4), 0);
  sinter_bytes_free(bytes);
  EXPECT_EQ(sinter_mesh_encode(mesh, "fbx", &bytes, &count, &error), SINTER_INVALID_ARGUMENT);
  EXPECT_EQ(bytes, nullptr);
  EXPECT_NE(std::string(error.message).find("fbx"), std::string::npos) << error.message;
  sinter_mesh_free(mesh);
}

TEST(CApi, WrongArgumentsAreStatusesNotCrashes) {
  sinter_error error;
  sinter_mesh* mesh = nullptr;
  const uint32_t beyond[] = {0, 1, 4};
  EXPECT_EQ(sinter_mesh_create(kPositions.data(), 4, beyond, 1, &mesh, &error),
            SINTER_INVALID_ARGUMENT);
  EXPECT_EQ(mesh, nullptr);
  EXPECT_EQ(sinter_mesh_read("/nowhere/x.glb", &mesh, &error), SINTER_NOT_FOUND);
  EXPECT_EQ(error.status, SINTER_NOT_FOUND);
  EXPECT_EQ(sinter_mesh_read("/nowhere/x.glb", &mesh, nullptr), SINTER_NOT_FOUND);
  EXPECT_EQ(sinter_mesh_write(nullptr, "x.glb", &error), SINTER_INVALID_ARGUMENT);
  sinter_engine* engine = nullptr;
  EXPECT_EQ(sinter_engine_create("/nowhere", nullptr, &engine, &error), SINTER_NOT_FOUND);
  EXPECT_EQ(engine, nullptr);
  sinter_engine_options options{};  // not through the _init function
  EXPECT_EQ(sinter_engine_create(kModel.c_str(), &options, &engine, &error),
            SINTER_INVALID_ARGUMENT);
  EXPECT_STREQ(sinter_status_name(SINTER_CORRUPT), "corrupt");
  EXPECT_STREQ(sinter_status_name(SINTER_OK), "ok");
  sinter_mesh_free(nullptr);
  sinter_engine_free(nullptr);
  sinter_bytes_free(nullptr);
}

TEST(CApi, OlderAndNewerStructsWork) {
  // A header that ended after `steps`, and one with more fields than this library knows.
  constexpr size_t kOld = offsetof(sinter_generate_options, guidance);
  struct Newer {
    sinter_generate_options known;
    double more[4];
  } newer;
  std::memset(&newer, 0x5a, sizeof newer);
  sinter_generate_options_init(&newer.known, sizeof newer);
  EXPECT_EQ(newer.known.size, sizeof newer);
  EXPECT_EQ(newer.known.octree, 384);
  EXPECT_EQ(newer.more[3], 0);
  sinter_generate_options old;
  std::memset(&old, 0x5a, sizeof old);
  sinter_generate_options_init(&old, kOld);
  EXPECT_EQ(old.size, kOld);
  EXPECT_EQ(old.octree, 0x5a5a5a5a);  // beyond the caller's struct: not touched
}

struct Calls {
  int count = 0, until = 0;
};

int count_calls(const sinter_progress* now, void* user) {
  auto* calls = static_cast<Calls*>(user);
  EXPECT_GE(now->total, 0);
  return ++calls->count < calls->until;
}

TEST(CApi, GenerateReportsAndCancels) {
  sinter_error error;
  sinter_engine_options engine_options;
  sinter_engine_options_init(&engine_options, sizeof engine_options);
  engine_options.threads = 1;
  sinter_engine* engine = nullptr;
  ASSERT_EQ(sinter_engine_create(kModel.c_str(), &engine_options, &engine, &error), SINTER_OK)
      << error.message;
  const std::string path = std::string(SINTER_SOURCE_DIR) + "/examples/images/mug.png";
  sinter_picture picture{};
  picture.path = path.c_str();
  sinter_generate_options options;
  sinter_generate_options_init(&options, sizeof options);
  EXPECT_EQ(options.seed, 1234u);
  EXPECT_TRUE(std::isnan(options.guidance));
  options.octree = 24;
  options.steps = 2;
  sinter_mesh* mesh = nullptr;
  Calls calls{0, 1 << 30};
  ASSERT_EQ(sinter_generate(engine, &picture, &options, count_calls, &calls, &mesh, &error),
            SINTER_OK)
      << error.message;
  EXPECT_GT(calls.count, 7);
  EXPECT_GT(sinter_mesh_face_count(mesh), 0u);
  sinter_mesh_free(mesh);
  calls = {0, 3};
  EXPECT_EQ(sinter_generate(engine, &picture, &options, count_calls, &calls, &mesh, &error),
            SINTER_CANCELLED);
  EXPECT_EQ(calls.count, 3);
  EXPECT_EQ(mesh, nullptr);
  sinter_engine_free(engine);
}

}  // namespace
