// Several threads in the library at once: what they make is what one makes alone. Under
// ThreadSanitizer (the preset `tsan`) also: how they make it. Every test runs in a process of its
// own, so what is made at its first use is made by threads that arrive together.

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <latch>
#include <opencv2/core.hpp>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "cpu/kernels.h"
#include "sinter/convert.h"
#include "sinter/engine.h"
#include "sinter/error.h"
#include "sinter/file.h"
#include "sinter/inspect.h"
#include "sinter/sinter.h"

namespace sinter {
namespace {

namespace fs = std::filesystem;

const std::string kSource = SINTER_SOURCE_DIR;
const std::string kModel = kSource + "/models/sinter-small";

using Bytes = std::vector<std::uint8_t>;

/// Runs task(0) ... task(count - 1), each in a thread, released together.
void side_by_side(int count, const std::function<void(int)>& task) {
  std::latch start(count);
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      start.arrive_and_wait();
      task(i);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

class Threads : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("sinter-threads-" + std::to_string(::getpid()));
    fs::create_directory(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

 private:
  fs::path folder_;
};

std::string contents(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

/// A disc that is darker towards one side, before a wall: no alpha, so that OpenCV is at work too.
Picture opaque_disc(int shade) {
  Picture picture;
  picture.width = 72;
  picture.height = 64;
  for (int y = 0; y < picture.height; ++y) {
    for (int x = 0; x < picture.width; ++x) {
      const bool inside = (x - 36) * (x - 36) + (y - 32) * (y - 32) < 400;
      const int red = inside ? shade + 2 * x : 230 - y / 4;
      for (const int value : {red, inside ? 90 : 225, inside ? 40 : 235, 255}) {
        picture.rgba.push_back(static_cast<std::uint8_t>(value));
      }
    }
  }
  return picture;
}

struct Job {
  Picture picture;
  GenerateOptions options;
};

GenerateOptions fast() {
  GenerateOptions options;
  options.steps = 2;
  options.octree = 24;
  return options;
}

/// Two of every kind of work that a run can ask for.
std::vector<Job> jobs() {
  Job first{{.path = kSource + "/examples/images/mug.png"}, fast()};
  first.options.faces = 400;
  Job second{opaque_disc(60), fast()};
  second.options.decode = Decode::flashvdm;
  second.options.noise = Noise::torch_cpu;
  return {first, second};
}

/// Two OpenMP threads each, so that the engines' teams run side by side.
EngineOptions two_threads() {
  EngineOptions options;
  options.threads = 2;
  return options;
}

Bytes glb_of(const GenerateResult& result) {
  MeshWriteOptions write;
  write.format = "glb";
  return encode_mesh(result.mesh, write, result.provenance);
}

Bytes run_alone(const Job& job) {
  Engine engine(kModel, two_threads());
  return glb_of(engine.generate({job.picture}, job.options));
}

TEST_F(Threads, TwoEnginesGiveTheBytesOfOneAfterTheOther) {
  const std::vector<Job> both = jobs();
  std::vector<Bytes> together(2), alone;
  side_by_side(2, [&](int i) {
    const auto n = static_cast<std::size_t>(i);
    together[n] = run_alone(both[n]);
  });
  for (const Job& job : both) alone.push_back(run_alone(job));
  EXPECT_NE(alone[0], alone[1]);
  EXPECT_EQ(together, alone);
}

TEST_F(Threads, OneIsCancelledFromOutsideAndTheOtherGoesOn) {
  const std::vector<Job> both = jobs();
  std::atomic<bool> sampling = false, stop = false;
  std::string outcome;
  Bytes after, other;
  std::thread canceller([&] {
    sampling.wait(false);
    stop = true;
    stop.notify_all();
  });
  side_by_side(2, [&](int i) {
    if (i == 1) {
      other = run_alone(both[1]);
      return;
    }
    Engine engine(kModel, two_threads());
    const auto progress = [&](const Progress& now) {
      if (std::string(now.stage) == "sample") {
        sampling = true;
        sampling.notify_all();
        stop.wait(false);
      }
      return !stop;
    };
    try {
      engine.generate({both[0].picture}, both[0].options, progress);
    } catch (const Error& error) {
      outcome = to_string(error.code());
    }
    after = glb_of(engine.generate({both[0].picture}, both[0].options));
  });
  canceller.join();
  EXPECT_EQ(outcome, "cancelled");
  EXPECT_EQ(after, run_alone(both[0]));
  EXPECT_EQ(other, run_alone(both[1]));
}

/// Through the C interface: a run, its mesh's report and its bytes; then one that is cancelled.
Bytes run_in_c(int octree, std::atomic<int>& stopped) {
  sinter_error error;
  sinter_engine* engine = nullptr;
  sinter_engine_options settings;
  sinter_engine_options_init(&settings, sizeof settings);
  settings.threads = 2;
  settings.keep_weights = 1;
  EXPECT_EQ(sinter_engine_create("/nowhere", &settings, &engine, &error), SINTER_NOT_FOUND);
  EXPECT_EQ(sinter_engine_create(kModel.c_str(), &settings, &engine, &error), SINTER_OK);
  const std::string path = kSource + "/examples/images/car.png";
  sinter_picture picture{};
  picture.path = path.c_str();
  sinter_generate_options options;
  sinter_generate_options_init(&options, sizeof options);
  options.octree = octree;
  options.steps = 2;
  sinter_mesh* mesh = nullptr;
  EXPECT_EQ(sinter_generate(engine, &picture, 1, &options, nullptr, nullptr, &mesh, &error),
            SINTER_OK);
  sinter_mesh_report report;
  report.size = sizeof report;
  EXPECT_EQ(sinter_mesh_check(mesh, 2, &report, &error), SINTER_OK);
  EXPECT_EQ(report.sound, 1);
  void* block = nullptr;
  size_t size = 0;
  sinter_mesh_write_options write;
  sinter_mesh_write_options_init(&write, sizeof write);
  write.format = "3mf";
  EXPECT_EQ(sinter_mesh_encode(mesh, &write, &block, &size, &error), SINTER_OK);
  Bytes bytes(static_cast<std::uint8_t*>(block), static_cast<std::uint8_t*>(block) + size);
  sinter_bytes_free(block);
  sinter_mesh_free(mesh);
  const auto refuse = [](const sinter_progress*, void* count) {
    ++*static_cast<std::atomic<int>*>(count);
    return 0;
  };
  EXPECT_EQ(sinter_generate(engine, &picture, 1, &options, refuse, &stopped, &mesh, &error),
            SINTER_CANCELLED);
  EXPECT_STREQ(error.message, "cancelled");
  sinter_engine_free(engine);
  return bytes;
}

TEST_F(Threads, TheCInterfaceFromTwoThreads) {
  std::atomic<int> stopped = 0;
  std::vector<Bytes> together(2);
  side_by_side(2,
               [&](int i) { together[static_cast<std::size_t>(i)] = run_in_c(20 + i, stopped); });
  EXPECT_EQ(stopped, 2);
  EXPECT_EQ(together[0], run_in_c(20, stopped));
  EXPECT_EQ(together[1], run_in_c(21, stopped));
}

TEST_F(Threads, AllFindTheSameKernels) {
  std::vector<const cpu::Kernels*> found(8);
  side_by_side(8, [&](int i) { found[static_cast<std::size_t>(i)] = &cpu::kernels(); });
  for (const cpu::Kernels* kernels : found) EXPECT_EQ(kernels, &cpu::kernels());
}

TEST_F(Threads, ModelsAreLookedUpSideBySide) {
  const std::string repository = path("hub/models--someone--small/");
  fs::create_directories(repository + "refs");
  write_file(repository + "refs/main", "0123456789012345678901234567890123456789");
  fs::create_directories(repository + "snapshots");
  fs::create_directory_symlink(kModel,
                               repository + "snapshots/0123456789012345678901234567890123456789");
  setenv("HF_HUB_CACHE", path("hub").c_str(), 1);
  std::vector<std::string> seen(6);
  side_by_side(6, [&](int i) {
    try {
      const ModelInfo info = inspect_model(i % 2 == 0 ? "someone/small" : "someone/absent");
      seen[static_cast<std::size_t>(i)] = std::to_string(info.parameters);
    } catch (const Error& error) {
      seen[static_cast<std::size_t>(i)] = to_string(error.code());
    }
  });
  const std::string parameters = std::to_string(inspect_model(kModel).parameters);
  for (std::size_t i = 0; i < seen.size(); ++i) {
    EXPECT_EQ(seen[i], i % 2 == 0 ? parameters : "not_found") << i;
  }
}

int count_complaints(int, const char*, const char*, const char*, int, void* count) {
  ++*static_cast<int*>(count);
  return 0;
}

// The module is loaded by threads that come together. What OpenCV has to say about a broken network
// is kept from the program, and the program's own wish to hear it is as it was afterwards.
TEST_F(Threads, MattingNetworksRunSideBySide) {
  const std::string network = kSource + "/tests/matting/data/net_u2.onnx";
  std::string text = contents(network);
  for (std::size_t at = 0; (at = text.find("MaxPool", at)) != text.npos;) text[at + 6] = 'k';
  write_file(path("broken.onnx"), text);
  int complaints = 0;
  cv::redirectError(count_complaints, &complaints);
  const auto cut = [&](const std::string& name, const std::string& model) {
    MatteOptions options;
    options.matting_model = model;
    write_cut_out(kSource + "/tests/matting/data/photo.png", path(name), options);
    return file_sha256(path(name));
  };
  std::vector<std::string> cuts(3);
  side_by_side(6, [&](int i) {
    if (i % 2 == 0) {
      cuts[static_cast<std::size_t>(i / 2)] = cut("cut" + std::to_string(i) + ".png", network);
    } else {
      EXPECT_THROW(cut("no.png", path("broken.onnx")), Error);
    }
  });
  const std::string alone = cut("alone.png", network);
  for (const std::string& one : cuts) EXPECT_EQ(one, alone);
  EXPECT_EQ(complaints, 0);
  EXPECT_EQ(cv::redirectError(nullptr), &count_complaints);
}

TEST_F(Threads, OneMeshIsReadByAll) {
  Engine engine(kModel, two_threads());
  const Mesh mesh = engine.generate({jobs()[0].picture}, fast()).mesh;
  const auto use = [&](const std::string& name) {
    const MeshReport report = check_mesh(mesh, 2);
    CompareOptions options;
    options.threads = 2;
    options.samples = 2000;
    options.iou_resolution = 16;
    const Comparison comparison = compare_meshes(mesh, mesh, options);
    RenderOptions render;
    render.threads = 2;
    render.tile = 64;
    render_mesh(path(name), mesh, render);
    Mesh fewer = mesh;
    set_face_count(fewer, 300);
    return std::to_string(report.volume) + " " + std::to_string(comparison.volume_iou) + " " +
           std::to_string(fewer.faces.size()) + " " + file_sha256(path(name));
  };
  std::vector<std::string> together(2);
  side_by_side(2, [&](int i) {
    together[static_cast<std::size_t>(i)] = use("sheet" + std::to_string(i) + ".png");
  });
  EXPECT_EQ(together[0], use("alone.png"));
  EXPECT_EQ(together[1], together[0]);
}

// Whoever comes last wins; a file that is half of one and half of the other never appears.
TEST_F(Threads, TwoWriteTheSameFile) {
  const std::string model = path("model.safetensors");
  const std::string mesh = path("mesh.glb");
  ConvertOptions options;
  options.component = "vae";
  options.overwrite = true;
  const auto convert = [&](const std::string& type) {
    ConvertOptions chosen = options;
    chosen.dtype = type;
    convert_model(kModel, model, chosen);
    return file_sha256(model);
  };
  const std::vector<std::string> types = {"fp16", "fp32"};
  const std::vector<std::string> alone = {convert(types[0]), convert(types[1])};
  for (int round = 0; round < 3; ++round) {
    side_by_side(2, [&](int i) { convert(types[static_cast<std::size_t>(i)]); });
    const std::string last = file_sha256(model);
    EXPECT_TRUE(last == alone[0] || last == alone[1]) << round;
  }
  EXPECT_EQ(std::distance(fs::directory_iterator(fs::path(model).parent_path()),
                          fs::directory_iterator()),
            1);
}

}  // namespace
}  // namespace sinter
