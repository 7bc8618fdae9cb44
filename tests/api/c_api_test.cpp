// The C interface: what it adds to the C++ one, which is statuses, versions of structs, arrays; and
// that every option of the C++ one can be given.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "sinter/convert.h"
#include "sinter/engine.h"
#include "sinter/file.h"
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
  sinter_mesh_write_options write;
  sinter_mesh_write_options_init(&write, sizeof write);
  EXPECT_EQ(write.size, sizeof write);
  write.format = "glb";
  ASSERT_EQ(sinter_mesh_encode(mesh, &write, &bytes, &count, &error), SINTER_OK) << error.message;
  ASSERT_GT(count, 4u);
  EXPECT_EQ(std::memcmp(bytes, "glTF", 4), 0);
  sinter_bytes_free(bytes);
  write.format = "fbx";
  EXPECT_EQ(sinter_mesh_encode(mesh, &write, &bytes, &count, &error), SINTER_INVALID_ARGUMENT);
  EXPECT_EQ(bytes, nullptr);
  EXPECT_NE(std::string(error.message).find("fbx"), std::string::npos) << error.message;
  EXPECT_EQ(sinter_mesh_encode(mesh, nullptr, &bytes, &count, &error), SINTER_INVALID_ARGUMENT);
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
  EXPECT_EQ(sinter_mesh_write(nullptr, "x.glb", nullptr, &error), SINTER_INVALID_ARGUMENT);
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
  ASSERT_EQ(sinter_generate(engine, &picture, 1, &options, count_calls, &calls, &mesh, &error),
            SINTER_OK)
      << error.message;
  EXPECT_GT(calls.count, 7);
  EXPECT_GT(sinter_mesh_face_count(mesh), 0u);
  sinter_mesh_free(mesh);
  calls = {0, 3};
  EXPECT_EQ(sinter_generate(engine, &picture, 1, &options, count_calls, &calls, &mesh, &error),
            SINTER_CANCELLED);
  EXPECT_EQ(calls.count, 3);
  EXPECT_EQ(mesh, nullptr);
  sinter_engine_free(engine);
}

// ---- every option reaches the C++ interface ----

using Bytes = std::vector<std::uint8_t>;

class COptions : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("sinter-c-" + std::to_string(::getpid()));
    std::filesystem::create_directory(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  /// The shipped model's configuration, as one of several views.
  std::string multi_view_config() const {
    std::ostringstream text;
    text << std::ifstream(kModel + "/config.yaml").rdbuf();
    std::string config = text.str();
    for (const auto& [old, replacement] :
         {std::pair{"type: DinoImageEncoder", "type: DinoImageEncoderMV"},
          {".ImageProcessorV2", ".MVImageProcessorV2"}}) {
      config.replace(config.find(old), std::strlen(old), replacement);
    }
    sinter::write_file(path("views.yaml"), config);
    return path("views.yaml");
  }

 private:
  std::filesystem::path folder_;
};

std::string example(const std::string& name) {
  return std::string(SINTER_SOURCE_DIR) + "/examples/images/" + name;
}

struct FreeEngine {
  void operator()(sinter_engine* engine) const { sinter_engine_free(engine); }
};
struct FreeMesh {
  void operator()(sinter_mesh* mesh) const { sinter_mesh_free(mesh); }
};
using EngineHandle = std::unique_ptr<sinter_engine, FreeEngine>;
using MeshHandle = std::unique_ptr<sinter_mesh, FreeMesh>;

sinter_engine_options engine_defaults() {
  sinter_engine_options options;
  sinter_engine_options_init(&options, sizeof options);
  options.threads = 1;
  return options;
}

sinter_generate_options fast() {
  sinter_generate_options options;
  sinter_generate_options_init(&options, sizeof options);
  options.steps = 2;
  options.octree = 20;
  return options;
}

sinter::GenerateOptions fast_in_cpp() {
  sinter::GenerateOptions options;
  options.steps = 2;
  options.octree = 20;
  return options;
}

EngineHandle create(const sinter_engine_options& options) {
  sinter_engine* engine = nullptr;
  sinter_error error;
  EXPECT_EQ(sinter_engine_create(kModel.c_str(), &options, &engine, &error), SINTER_OK)
      << error.message;
  return EngineHandle(engine);
}

/// Empty where the run fails; `error` says why.
Bytes generate(const EngineHandle& engine,
               const std::vector<sinter_picture>& pictures,
               const sinter_generate_options& options,
               sinter_error* error) {
  sinter_mesh* made = nullptr;
  sinter_generate(
      engine.get(), pictures.data(), pictures.size(), &options, nullptr, nullptr, &made, error);
  const MeshHandle mesh(made);
  if (made == nullptr) return {};
  sinter_mesh_write_options write;
  sinter_mesh_write_options_init(&write, sizeof write);
  write.format = "ply";
  void* block = nullptr;
  size_t size = 0;
  EXPECT_EQ(sinter_mesh_encode(made, &write, &block, &size, error), SINTER_OK) << error->message;
  const auto* bytes = static_cast<const std::uint8_t*>(block);
  Bytes result(bytes, bytes + size);
  sinter_bytes_free(block);
  return result;
}

Bytes generate_in_cpp(sinter::EngineOptions engine,
                      const std::vector<sinter::Picture>& pictures,
                      const sinter::GenerateOptions& options) {
  engine.threads = 1;
  const auto made = sinter::Engine(kModel, engine).generate(pictures, options);
  sinter::MeshWriteOptions write;
  write.format = "ply";
  return sinter::encode_mesh(made.mesh, write, made.provenance);
}

/// Keeps a pointer to `path`.
sinter_picture picture_of(const std::string& path, int view = SINTER_VIEW_FRONT) {
  sinter_picture picture{};
  picture.path = path.c_str();
  picture.view = view;
  return picture;
}

// The provenance in the bytes names nearly every option, and the mesh depends on the others.
TEST_F(COptions, OfARun) {
  const std::string photo = std::string(SINTER_SOURCE_DIR) + "/tests/matting/data/photo.png";
  const std::string network = std::string(SINTER_SOURCE_DIR) + "/tests/matting/data/net_u2.onnx";
  const std::string matte = path("c.png");
  sinter_generate_options c = fast();
  c.guidance = 3.5;
  c.seed = 7;
  c.noise = SINTER_NOISE_TORCH_CPU_FP32;
  c.octree = 32;
  c.decode = SINTER_DECODE_FLASHVDM;
  c.flashvdm_keys = SINTER_FLASHVDM_KEYS_MERGE;
  c.flashvdm_levels = SINTER_FLASHVDM_LEVELS_UPSTREAM;
  c.level = -0.05;
  c.box = 1.1;
  c.faces = 500;
  c.remove_floaters = 0;
  c.remove_background = SINTER_REMOVE_BACKGROUND_ON;
  c.matting_model = network.c_str();
  c.save_matte = matte.c_str();
  sinter::GenerateOptions cpp = fast_in_cpp();
  cpp.guidance = 3.5;
  cpp.seed = 7;
  cpp.noise = sinter::Noise::torch_cpu_fp32;
  cpp.octree = 32;
  cpp.decode = sinter::Decode::flashvdm;
  cpp.flashvdm_keys = sinter::FlashVdmKeys::merge;
  cpp.flashvdm_levels = sinter::FlashVdmLevels::upstream;
  cpp.level = -0.05;
  cpp.box = 1.1;
  cpp.faces = 500;
  cpp.remove_floaters = false;
  cpp.remove_background = sinter::RemoveBackground::on;
  cpp.matting_model = network;
  cpp.save_matte = path("cpp.png");
  sinter_error error;
  const Bytes made = generate(create(engine_defaults()), {picture_of(photo)}, c, &error);
  ASSERT_FALSE(made.empty()) << error.message;
  EXPECT_EQ(made, generate_in_cpp({}, {{.path = photo}}, cpp));
  EXPECT_EQ(sinter::file_sha256(matte), sinter::file_sha256(path("cpp.png")));
}

TEST_F(COptions, ViewsOfAModelWithAnotherConfiguration) {
  const std::string config = multi_view_config();
  const std::string front = example("mug.png"), back = example("car.png");
  sinter_engine_options options = engine_defaults();
  options.config = config.c_str();
  const EngineHandle engine = create(options);
  const std::vector<sinter_picture> two = {picture_of(back, SINTER_VIEW_BACK), picture_of(front)};
  sinter_error error;
  const Bytes made = generate(engine, two, fast(), &error);
  ASSERT_FALSE(made.empty()) << error.message;
  sinter::EngineOptions cpp;
  cpp.config = config;
  EXPECT_EQ(made,
            generate_in_cpp(
                cpp, {{.path = front}, {.path = back, .view = sinter::View::back}}, fast_in_cpp()));
  EXPECT_NE(made, generate(engine, {picture_of(front)}, fast(), &error));
  const std::vector<std::vector<sinter_picture>> wrong = {
      {},
      {picture_of(front), picture_of(back)},
      {picture_of(front, 4)},
      std::vector<sinter_picture>(5, picture_of(front))};
  for (const auto& pictures : wrong) {
    EXPECT_TRUE(generate(engine, pictures, fast(), &error).empty());
    EXPECT_EQ(error.status, SINTER_INVALID_ARGUMENT) << error.message;
  }
  EXPECT_TRUE(generate(create(engine_defaults()), two, fast(), &error).empty());
  EXPECT_NE(std::strstr(error.message, "single view"), nullptr) << error.message;
}

TEST_F(COptions, OfAnEngine) {
  const std::string vae = path("vae"), mug = example("mug.png");
  sinter::ConvertOptions convert;
  convert.component = "vae";
  sinter::convert_model(kModel, vae, convert);
  sinter_engine_options options = engine_defaults();
  options.vae = vae.c_str();
  sinter_error error;
  const Bytes made = generate(create(options), {picture_of(mug)}, fast(), &error);
  ASSERT_FALSE(made.empty()) << error.message;
  sinter::EngineOptions cpp;
  cpp.vae = vae;
  EXPECT_EQ(made, generate_in_cpp(cpp, {{.path = mug}}, fast_in_cpp()));
  EXPECT_NE(std::string(made.begin(), made.begin() + 2000).find("vae_sha256"), std::string::npos);

  sinter_engine* none = nullptr;
  options = engine_defaults();
  options.variant = "fp8";
  EXPECT_EQ(sinter_engine_create(kModel.c_str(), &options, &none, &error), SINTER_NOT_FOUND);
  options.variant = "none";  // the shipped weights are model.fp16.safetensors
  EXPECT_EQ(sinter_engine_create(kModel.c_str(), &options, &none, &error), SINTER_NOT_FOUND);
  options.variant = "fp16";
  create(options);
  options.config = "/nowhere.yaml";
  EXPECT_EQ(sinter_engine_create(kModel.c_str(), &options, &none, &error), SINTER_NOT_FOUND);

  options = engine_defaults();
  options.device = "cpu";
  options.dtype = "bf16";  // of a GPU
  const Bytes on_cpu = generate(create(options), {picture_of(mug)}, fast(), &error);
  EXPECT_NE(std::string(on_cpu.begin(), on_cpu.begin() + 2000).find("cpu f32"), std::string::npos);
  options.dtype = "fp32";
  EXPECT_EQ(sinter_engine_create(kModel.c_str(), &options, &none, &error), SINTER_INVALID_ARGUMENT);
  options = engine_defaults();
  options.device = "cpu";
  options.fp8 = 1;  // of a GPU
  EXPECT_EQ(sinter_engine_create(kModel.c_str(), &options, &none, &error), SINTER_INVALID_ARGUMENT);
  EXPECT_NE(std::string(error.message).find("fp8"), std::string::npos) << error.message;
  options = engine_defaults();
  options.device = "tpu";
  EXPECT_EQ(sinter_engine_create(kModel.c_str(), &options, &none, &error), SINTER_INVALID_ARGUMENT);
}

// Left out evaluations and the solver change the mesh, and are not named in it by every option.
TEST_F(COptions, OfSampling) {
  const std::string mug = example("mug.png");
  const std::string file = path("cache.json");
  std::ofstream(file) << R"({"cache_forward": "TaylorSeer", "TaylorSeer": {"n_derivatives": 1},
      "sinter": {"steps": 5, "schedule": [0, 1, 3]}})";
  const EngineHandle engine = create(engine_defaults());
  sinter_generate_options c = fast();
  c.steps = 5;
  sinter_error error;
  const Bytes plain = generate(engine, {picture_of(mug)}, c, &error);
  ASSERT_FALSE(plain.empty()) << error.message;
  c.solver = SINTER_SOLVER_AB2;
  c.cache = file.c_str();
  const Bytes made = generate(engine, {picture_of(mug)}, c, &error);
  ASSERT_FALSE(made.empty()) << error.message;
  EXPECT_NE(made, plain);
  sinter::GenerateOptions cpp = fast_in_cpp();
  cpp.steps = 5;
  cpp.solver = sinter::Solver::ab2;
  cpp.cache = file;
  EXPECT_EQ(made, generate_in_cpp({}, {{.path = mug}}, cpp));
  c.cache = "quick";
  EXPECT_TRUE(generate(engine, {picture_of(mug)}, c, &error).empty());
  EXPECT_EQ(error.status, SINTER_NOT_FOUND);
  EXPECT_NE(std::strstr(error.message, "quick"), nullptr) << error.message;
}

TEST_F(COptions, NumbersThatAreNoEnumeratorAreRefused) {
  const EngineHandle engine = create(engine_defaults());
  const std::string mug = example("mug.png");
  for (int32_t sinter_generate_options::*field : {&sinter_generate_options::noise,
                                                  &sinter_generate_options::decode,
                                                  &sinter_generate_options::remove_background,
                                                  &sinter_generate_options::flashvdm_keys,
                                                  &sinter_generate_options::flashvdm_levels,
                                                  &sinter_generate_options::solver}) {
    for (const int value : {-1, 4, 1 << 30}) {
      sinter_generate_options options = fast();
      options.*field = value;
      sinter_error error;
      EXPECT_TRUE(generate(engine, {picture_of(mug)}, options, &error).empty());
      EXPECT_EQ(error.status, SINTER_INVALID_ARGUMENT);
      EXPECT_NE(std::strstr(error.message, std::to_string(value).c_str()), nullptr)
          << error.message;
    }
  }
}

MeshHandle tetrahedron() {
  sinter_mesh* mesh = nullptr;
  EXPECT_EQ(sinter_mesh_create(kPositions.data(), 4, kFaces.data(), 4, &mesh, nullptr), SINTER_OK);
  return MeshHandle(mesh);
}

TEST_F(COptions, OfWriting) {
  const MeshHandle mesh = tetrahedron();
  sinter::Mesh same;
  for (std::size_t i = 0; i < 4; ++i) {
    same.positions.push_back({kPositions[3 * i], kPositions[3 * i + 1], kPositions[3 * i + 2]});
    same.faces.push_back({kFaces[3 * i], kFaces[3 * i + 1], kFaces[3 * i + 2]});
  }
  const std::string file = path("mesh.bin");  // the extension says nothing
  const auto axis = [](sinter::Axis a) { return static_cast<int32_t>(a) + SINTER_AXIS_X; };
  sinter_error error;
  for (const sinter::Axis up : {sinter::Axis::y, sinter::Axis::z}) {
    for (const sinter::Axis forward : {sinter::Axis::x, sinter::Axis::minus_x}) {
      sinter::MeshWriteOptions cpp;
      cpp.format = "stl";
      cpp.size_mm = 50;
      cpp.up = up;
      cpp.forward = forward;
      sinter_mesh_write_options c;
      sinter_mesh_write_options_init(&c, sizeof c);
      c.format = "stl";
      c.size_mm = 50;
      c.up = axis(up);
      c.forward = axis(forward);
      ASSERT_EQ(sinter_mesh_check_path(file.c_str(), &c, &error), SINTER_OK) << error.message;
      ASSERT_EQ(sinter_mesh_write(mesh.get(), file.c_str(), &c, &error), SINTER_OK);
      sinter::write_mesh(path("cpp.bin"), same, {}, cpp);
      EXPECT_EQ(sinter::file_sha256(file), sinter::file_sha256(path("cpp.bin")));
      c.forward = c.up;
      EXPECT_EQ(sinter_mesh_check_path(file.c_str(), &c, &error), SINTER_INVALID_ARGUMENT);
    }
  }
  const std::string unknown = path("x.fbx"), known = path("x.glb");
  EXPECT_EQ(sinter_mesh_check_path(unknown.c_str(), nullptr, &error), SINTER_INVALID_ARGUMENT);
  EXPECT_EQ(sinter_mesh_check_path("/nowhere/x.glb", nullptr, &error), SINTER_NOT_FOUND);
  sinter_mesh_write_options beyond;
  sinter_mesh_write_options_init(&beyond, sizeof beyond);
  beyond.up = SINTER_AXIS_MINUS_Z + 1;
  EXPECT_EQ(sinter_mesh_check_path(known.c_str(), &beyond, &error), SINTER_INVALID_ARGUMENT);
}

TEST_F(COptions, UnitsAndFaceCounts) {
  const MeshHandle mesh = tetrahedron();
  EXPECT_EQ(sinter_mesh_metres_per_unit(mesh.get()), 0);
  sinter_mesh_write_options write;
  sinter_mesh_write_options_init(&write, sizeof write);
  write.metres_per_unit = 0.01;
  const std::string file = path("mesh.3mf");
  sinter_error error;
  ASSERT_EQ(sinter_mesh_write(mesh.get(), file.c_str(), &write, &error), SINTER_OK)
      << error.message;
  sinter_mesh* made = nullptr;
  ASSERT_EQ(sinter_mesh_read(file.c_str(), &made, &error), SINTER_OK) << error.message;
  const MeshHandle read(made);
  EXPECT_DOUBLE_EQ(sinter_mesh_metres_per_unit(made), 0.01);
  ASSERT_EQ(sinter_mesh_set_face_count(made, 101, &error), SINTER_OK) << error.message;
  EXPECT_EQ(sinter_mesh_face_count(made), 100u);
  sinter_mesh_report report;
  report.size = sizeof report;
  ASSERT_EQ(sinter_mesh_check(made, 1, &report, &error), SINTER_OK);
  EXPECT_EQ(report.sound, 1);
  EXPECT_EQ(report.euler_number, 2);
  EXPECT_EQ(report.max[1], 1);
  EXPECT_EQ(sinter_mesh_set_face_count(made, 3, &error), SINTER_INVALID_ARGUMENT);
  EXPECT_EQ(sinter_mesh_set_face_count(nullptr, 4, &error), SINTER_INVALID_ARGUMENT);
}

}  // namespace
