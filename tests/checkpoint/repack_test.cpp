#include "checkpoint/repack.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <set>

#include "checkpoint/float_cast.h"
#include "support.h"

namespace sinter::checkpoint {
namespace {

namespace fs = std::filesystem;

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

ModelSource open(const std::string& path) {
  return open_model({path}, [](const std::string&) { return std::nullopt; });
}

/// A small bundle in a folder, with its configuration.
class Repack : public testing::Test {
 protected:
  Repack() {
    tensors_.add("model.latent_in.weight", {4, 6}, DType::f16)
        .add("model.latent_in.bias", {4})
        .add("vae.post_kl.weight", {3, 5}, DType::f16)
        .add("vae.steps", {2}, DType::i64)
        .add("conditioner.main_image_encoder.x", {7}, DType::f16);
    fs::create_directories(in());
    write_safetensors(in() + "model.fp16.safetensors", tensors_.sources(), {{"who", "test"}});
    folder_.write("in/config.yaml", kConfig);
  }
  std::string in() const { return folder_.file("in/"); }
  std::string out(const std::string& name = "out") const { return folder_.file(name); }
  std::set<std::string> names_in(const std::string& path) const {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(path)) names.insert(entry.path().filename());
    return names;
  }
  RepackResult repack_to(const std::string& name, const RepackOptions& options = {}) const {
    return repack(open(in()), out(name), options);
  }

  static constexpr const char* kConfig =
      "# kept\nmodel: {target: a.B, params: {x: 1}}\n"
      "vae:\n  target: a.ShapeVAE\n  params: {num_latents: 3, scale_factor: 1.e-1, "
      "name: 'it: is', list: [1, {}, []], deep: [{a: 1, b: [true, null]}]}\n";
  TemporaryFolder folder_;
  RandomTensors tensors_;
};

TEST_F(Repack, KeepsEverything) {
  const RepackResult result = repack_to("out");
  EXPECT_EQ(names_in(out()), (std::set<std::string>{"model.safetensors", "config.yaml"}));
  EXPECT_EQ(result.files, (std::vector{out() + "/model.safetensors", out() + "/config.yaml"}));
  EXPECT_EQ(result.tensors, 5u);
  EXPECT_EQ(content_of(out() + "/model.safetensors"), content_of(in() + "model.fp16.safetensors"));
  EXPECT_EQ(content_of(out() + "/config.yaml"), kConfig);
  // and once more, from a file to a file
  repack(open(out() + "/model.safetensors"), out("again.safetensors"), {});
  EXPECT_EQ(content_of(out("again.safetensors")), content_of(in() + "model.fp16.safetensors"));
  EXPECT_EQ(names_in(folder_.path()), (std::set<std::string>{"in", "out", "again.safetensors"}));
}

TEST_F(Repack, OtherTypes) {
  for (const auto& [dtype, file] : {std::pair{DType::f16, "model.fp16.safetensors"},
                                    std::pair{DType::bf16, "model.safetensors"},
                                    std::pair{DType::f32, "model.safetensors"}}) {
    const std::string name = to_string(dtype);
    repack_to(name, {.dtype = dtype});
    EXPECT_TRUE(names_in(out(name)).contains(file)) << name;
    const Checkpoint result = Checkpoint::open(out(name));
    EXPECT_EQ(result.metadata().at("who"), "test");
    for (const TensorSource& source : tensors_.sources()) {
      const TensorEntry* entry = result.find(source.name);
      ASSERT_NE(entry, nullptr) << source.name;
      EXPECT_EQ(entry->shape, source.shape);
      EXPECT_EQ(entry->dtype, is_floating(source.dtype) ? dtype : source.dtype);
      std::vector<std::byte> expected(entry->byte_count());
      if (is_floating(source.dtype)) {
        ASSERT_FALSE(cast_floats(source.bytes, source.dtype, expected.data(), dtype));
      } else {
        std::memcpy(expected.data(), source.bytes.data(), expected.size());
      }
      EXPECT_EQ(std::memcmp(entry->bytes.data(), expected.data(), expected.size()), 0)
          << source.name;
    }
  }
}

TEST_F(Repack, Shards) {
  // f16 [4, 6] is 48 bytes, f32 [4] 16, f16 [3, 5] 30, i64 [2] 16, f16 [7] 14
  const RepackResult result = repack_to("out", {.max_shard_bytes = 50});
  EXPECT_EQ(names_in(out()),
            (std::set<std::string>{"config.yaml",
                                   "model-00001-of-00003.safetensors",
                                   "model-00002-of-00003.safetensors",
                                   "model-00003-of-00003.safetensors",
                                   "model.safetensors.index.json"}));
  EXPECT_EQ(result.bytes, 124u);
  const Checkpoint joined = Checkpoint::open(out());
  EXPECT_EQ(joined.path(), out() + "/model.safetensors.index.json");
  ASSERT_EQ(joined.entries().size(), 5u);
  EXPECT_EQ(joined.metadata().at("who"), "test");
  for (const TensorSource& source : tensors_.sources()) {
    const TensorEntry* entry = joined.find(source.name);
    ASSERT_NE(entry, nullptr);
    EXPECT_EQ(std::memcmp(entry->bytes.data(), source.bytes.data(), source.bytes.size()), 0);
  }
  EXPECT_NE(content_of(joined.path()).find("\"total_size\": 124"), std::string::npos);
  // joined again they are the file that was cut, byte for byte
  repack(open(out()), out("one.safetensors"), {});
  EXPECT_EQ(content_of(out("one.safetensors")), content_of(in() + "model.fp16.safetensors"));
  // a name of one's own; a tensor larger than the limit gets a file for itself
  repack(open(in()), out("mine.safetensors"), {.max_shard_bytes = 1});
  EXPECT_EQ(Checkpoint::open(out("mine.safetensors.index.json")).files().size(), 5u);
}

TEST_F(Repack, OneComponent) {
  repack_to("vae", {.component = "vae"});
  const Checkpoint vae = Checkpoint::open(out("vae"));
  ASSERT_EQ(vae.entries().size(), 2u);
  EXPECT_NE(vae.find("post_kl.weight"), nullptr);
  const ConfigNode config = ConfigNode::load(out("vae") + "/config.yaml");
  EXPECT_EQ(config.target(), "ShapeVAE");
  const ConfigNode params = config.child("params");
  EXPECT_EQ(params.required<int>("num_latents"), 3);
  EXPECT_EQ(params.required<double>("scale_factor"), 0.1);
  EXPECT_EQ(params.required<std::string>("name"), "it: is");
  EXPECT_EQ(params.child("list").items().size(), 3u);
  EXPECT_EQ(params.child("deep").items()[0].required<int>("a"), 1);
  EXPECT_TRUE(params.child("deep").items()[0].child("b").items()[0].as<bool>());
  // a stand-alone VAE is all there is
  repack(open(out("vae")), out("vae2"), {.component = "vae"});
  EXPECT_EQ(Checkpoint::open(out("vae2")).entries().size(), 2u);
  EXPECT_EQ(ConfigNode::load(out("vae2") + "/config.yaml").target(), "ShapeVAE");
  expect_error(ErrorCode::not_found,
               cat("[convert] ", out("vae"), "/model.fp16.safetensors: holds no model"),
               [&] { repack(open(out("vae")), out("x"), {.component = "model"}); });
  expect_error(ErrorCode::invalid_argument,
               "[convert] component: expected model, vae or conditioner, got 'dit'",
               [&] { repack_to("x", {.component = "dit"}); });
  EXPECT_FALSE(fs::exists(out("x")));
}

TEST_F(Repack, Overflow) {
  tensors_.values("model.latent_in.bias")[2] = -70000.0f;
  write_safetensors(in() + "model.fp16.safetensors", tensors_.sources());
  for (const char* name : {"out", "out.safetensors"}) {
    expect_error(ErrorCode::invalid_argument,
                 "[convert] model.latent_in.bias: -70000 at [2] is beyond the range of f16; bf16 "
                 "and fp32 hold it",
                 [&] { repack_to(name, {.dtype = DType::f16}); });
  }
  EXPECT_EQ(names_in(folder_.path()), std::set<std::string>{"in"});
  EXPECT_NO_THROW(repack_to("out", {.dtype = DType::bf16}));
}

TEST_F(Repack, NeverOverwritesUnasked) {
  folder_.write("out.safetensors", "precious");
  expect_error_with(ErrorCode::invalid_argument,
                    "out.safetensors: is there already, and is replaced only with --force",
                    [&] { repack_to("out.safetensors"); });
  EXPECT_EQ(content_of(out("out.safetensors")), "precious");
  repack_to("out.safetensors", {.overwrite = true});
  EXPECT_EQ(content_of(out("out.safetensors")), content_of(in() + "model.fp16.safetensors"));
  // a folder: its other files stay, and another model in it would hide ours
  fs::create_directories(out());
  folder_.write("out/notes.txt", "mine");
  repack_to("out");
  EXPECT_THROW(repack_to("out"), Error);
  EXPECT_NO_THROW(repack_to("out", {.overwrite = true}));
  EXPECT_EQ(content_of(out() + "/notes.txt"), "mine");
  expect_error_with(ErrorCode::invalid_argument,
                    "holds another model, model.safetensors; name another folder",
                    [&] { repack_to("out", {.dtype = DType::f16, .overwrite = true}); });
  // the source itself, which is mapped while it is replaced
  const std::string before = content_of(in() + "model.fp16.safetensors");
  repack(open(in()), in() + "model.fp16.safetensors", {.overwrite = true});
  EXPECT_EQ(content_of(in() + "model.fp16.safetensors"), before);
}

TEST_F(Repack, Cancelled) {
  int calls = 0;
  expect_error(ErrorCode::cancelled, "cancelled", [&] {
    repack(open(in()), out(), {}, [&](std::uint64_t done, std::uint64_t total) {
      EXPECT_LE(done, total);
      return ++calls < 3;
    });
  });
  EXPECT_EQ(names_in(folder_.path()), std::set<std::string>{"in"});
  std::uint64_t last = 0;
  repack(open(in()), out(), {}, [&](std::uint64_t done, std::uint64_t total) {
    EXPECT_GT(done, last);
    last = done;
    EXPECT_EQ(total, 124u);
    return true;
  });
  EXPECT_EQ(last, 124u);
}

TEST_F(Repack, BadTargets) {
  EXPECT_THROW(repack_to(".safetensors"), Error);
  EXPECT_THROW(repack(open(in()), "", {}), Error);
  folder_.write("file", "x");
  expect_error_with(
      ErrorCode::io, "cannot make the folder", [&] { repack(open(in()), out("file"), {}); });
  expect_error_with(
      ErrorCode::io, "cannot", [&] { repack(open(in()), out("none/x.safetensors"), {}); });
  expect_error_with(ErrorCode::io, "cannot", [&] { repack(open(in()), out("none/x"), {}); });
}

std::size_t resident_peak_kb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stoul(line.substr(6));
  }
  return 0;
}

// 64 MB of weights pass through a few megabytes. Under a sanitizer its own memory hides ours.
TEST_F(Repack, MemoryStaysSmall) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "AddressSanitizer's shadow counts as resident";
#endif
  {
    RandomTensors large;
    large.add("a", {4096, 2048}).add("b", {4096, 2048});
    write_safetensors(folder_.file("large.safetensors"), large.sources());
  }
  std::ofstream("/proc/self/clear_refs") << "5";  // resets the peak
  const std::size_t before = resident_peak_kb();
  repack(open(folder_.file("large.safetensors")), out(), {.dtype = DType::f16});
  EXPECT_LT(resident_peak_kb() - before, 24u * 1024);
}

}  // namespace
}  // namespace sinter::checkpoint
