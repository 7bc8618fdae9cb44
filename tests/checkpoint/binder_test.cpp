// Taking weights by name: values, lifetime, and the one list of all that is wrong.

#include "checkpoint/binder.h"

#include <cstring>
#include <limits>

#include "checkpoint/key_list.h"
#include "checkpoint/support.h"

namespace sinter::checkpoint {
namespace {

RandomTensors bundle() {
  RandomTensors tensors;
  tensors.add("model.blocks.0.weight", {6, 5}, DType::f16).add("model.blocks.0.bias", {6});
  tensors.add("model.blocks.10.weight", {6, 5}).add("model.scale", {});
  tensors.add("vae.post.weight", {3}).add("vae.encoder.weight", {2});
  return tensors;
}

TEST(Binder, ConvertsAndMarks) {
  RandomTensors tensors = bundle();
  WeightStore store;
  const Binder model(Checkpoint::from_bytes(tensors.file(), "f"), store, "model", {.threads = 2});
  const Binder block = model.scope("blocks", 0);
  EXPECT_EQ(block.full_name("weight"), "model.blocks.0.weight");
  EXPECT_TRUE(block.has("weight"));
  EXPECT_FALSE(block.has("weigh"));
  EXPECT_TRUE(model.has_scope("blocks"));
  EXPECT_FALSE(model.has_scope("block"));
  EXPECT_FALSE(model.has_scope("scale"));

  const Tensor weight = block.take("weight", {6, 5});
  ASSERT_TRUE(weight.defined());
  EXPECT_EQ(weight.name, "model.blocks.0.weight");
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(weight.data) % 64, 0u);
  const auto* half = reinterpret_cast<const std::uint16_t*>(tensors.sources()[0].bytes.data());
  for (int i = 0; i < 30; ++i) EXPECT_EQ(weight.f32()[i], half_to_float(half[i]));
  // twice the same name is the same memory
  EXPECT_EQ(model.take("blocks.0.weight", {6, 5}).data, weight.data);

  const Tensor bias = block.take("bias", {6});
  EXPECT_EQ(std::memcmp(bias.data, tensors.values("model.blocks.0.bias").data(), 24), 0);
  EXPECT_EQ(model.take("scale", {}).elements(), 1);
  EXPECT_FALSE(model.take_optional("guidance.weight", {1}).defined());
  EXPECT_TRUE(model.scope("blocks").scope("10").take_optional("weight", {6, 5}).defined());
  EXPECT_EQ(store.tensors(), 4u);
  EXPECT_NO_THROW(model.finish());
}

TEST(Binder, TensorsNeedOnlyTheStore) {
  WeightStore kept;
  Tensor weight;
  {
    WeightStore store;
    const Binder binder(Checkpoint::from_bytes(bundle().file(), "f"), store);
    weight = binder.take("vae.post.weight", {3});
    kept = std::move(store);
  }
  RandomTensors same = bundle();
  EXPECT_EQ(std::memcmp(weight.data, same.values("vae.post.weight").data(), 12), 0);
  EXPECT_EQ(weight.name, "vae.post.weight");
  const Tensor derived = kept.allocate({2, 2}, std::string("fused"));
  EXPECT_EQ(derived.name, "fused");
  EXPECT_EQ(kept.tensors(), 2u);
  EXPECT_GE(kept.bytes(), 28u);
}

TEST(Binder, ListsEverythingWrongAtOnce) {
  RandomTensors tensors = bundle();
  tensors.add("model.index", {4}, DType::i64).add("model.left", {1, 2});
  tensors.add("model.nan", {2, 3});
  tensors.values("model.nan")[4] = std::numeric_limits<float>::quiet_NaN();
  WeightStore store;
  const Binder model(Checkpoint::from_bytes(tensors.file(), "m/model.safetensors"), store, "model");
  const Tensor wrong = model.take("blocks.0.weight", {5, 6});
  EXPECT_FALSE(wrong.defined());
  EXPECT_EQ(wrong.shape, (Shape{5, 6}));
  EXPECT_EQ(wrong.name, "model.blocks.0.weight");
  EXPECT_FALSE(model.take("blocks.1.weight", {6, 5}).defined());
  EXPECT_FALSE(model.take("blocks.1.weight", {6, 5}).defined());  // listed once
  EXPECT_FALSE(model.take("index", {4}).defined());
  EXPECT_FALSE(model.take("nan", {2, 3}).defined());
  EXPECT_EQ(model.take_raw("scale", {1}), nullptr);
  model.take("blocks.10.weight", {6, 5});
  model.add_problem("model: expected an even width, got 5");
  expect_error(ErrorCode::corrupt,
               "[checkpoint] m/model.safetensors: 8 problems: "
               "model.blocks.0.weight: expected [5, 6], got [6, 5]; "
               "missing model.blocks.1.weight [6, 5]; "
               "model.index: expected a floating dtype, got i64; "
               "model.nan: infinite or not a number at [1, 1]; "
               "model.scale: expected [1], got []; "
               "model: expected an even width, got 5; "
               "unused model.blocks.0.bias [6]; "
               "unused model.left [1, 2]",
               [&] { model.finish(); });
}

TEST(Binder, FinishesEachComponentAlone) {
  const Checkpoint checkpoint = Checkpoint::from_bytes(bundle().file(), "f");
  WeightStore store;
  const Binder root(checkpoint, store);
  const Binder vae = root.scope("vae");
  vae.take("post.weight", {3});
  root.scope("model").take("missing", {1});
  expect_error(
      ErrorCode::corrupt, "[checkpoint] f: unused vae.encoder.weight [2]", [&] { vae.finish(); });
  EXPECT_NO_THROW(vae.finish({"encoder"}));
  expect_error(ErrorCode::corrupt, "[checkpoint] f: unused vae.encoder.weight [2]", [&] {
    vae.finish({"enc"});
  });
  vae.skip("encoder");
  EXPECT_NO_THROW(vae.finish());
}

TEST(Binder, FindsNamesOfNoComponent) {
  const Checkpoint checkpoint =
      Checkpoint::from_bytes(bundle().add("models.x", {1}).add("ema", {2}).file(), "f");
  EXPECT_EQ(names_outside(checkpoint, {"model", "vae"}),
            (std::vector<std::string>{"ema", "models.x"}));
  expect_error(
      ErrorCode::corrupt, "[checkpoint] f: 2 problems: unused ema [2]; unused models.x [1]", [&] {
        check_components(checkpoint, {"model", "vae"});
      });
  EXPECT_NO_THROW(check_components(checkpoint, {"model", "vae", "models", "ema"}));
}

TEST(Binder, TakesRawBytes) {
  RandomTensors tensors = bundle();
  tensors.add("model.index", {4}, DType::i64);
  const Checkpoint checkpoint = Checkpoint::from_bytes(tensors.file(), "f");
  WeightStore store;
  const Binder model(checkpoint, store, "model.");
  const TensorEntry* index = model.take_raw("index", {4});
  ASSERT_NE(index, nullptr);
  EXPECT_EQ(index->dtype, DType::i64);
  EXPECT_EQ(index, checkpoint.find("model.index"));
  EXPECT_EQ(store.tensors(), 0u);
}

TEST(Binder, ReleasesMappedPagesOfAFile) {
  const TemporaryFolder folder;
  RandomTensors tensors;
  tensors.add("a", {1000, 1000}, DType::f16).add("b", {7});
  write_safetensors(folder.file("x.safetensors"), tensors.sources());
  WeightStore store;
  const Binder binder(Checkpoint::open(folder.file("x.safetensors")), store);
  const Tensor a = binder.take("a", {1000, 1000});
  const Tensor b = binder.take("b", {7});
  EXPECT_EQ(std::memcmp(b.data, tensors.values("b").data(), 28), 0);
  const auto* half = reinterpret_cast<const std::uint16_t*>(tensors.sources()[0].bytes.data());
  for (int i = 0; i < 1'000'000; ++i) ASSERT_EQ(a.f32()[i], half_to_float(half[i]));
  EXPECT_NO_THROW(binder.finish());
}

/// Resident bytes of mapped files of this process.
long resident_file_kilobytes() {
  std::ifstream status("/proc/self/status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.starts_with("RssFile:")) return std::stol(line.substr(8));
  }
  return -1;
}

TEST(Binder, RawBytesDoNotStayResident) {
  const TemporaryFolder folder;
  RandomTensors tensors;
  for (const char* layer : {"0.", "1.", "2."}) {
    tensors.add(cat(layer, "weight"), {2 << 20}).add(cat(layer, "bias"), {64});
  }
  write_safetensors(folder.file("x.safetensors"), tensors.sources());
  WeightStore store;
  const Binder binder(Checkpoint::open(folder.file("x.safetensors")), store);
  const long before = resident_file_kilobytes();
  for (const char* layer : {"0.", "1.", "2."}) {
    // as a layer does: take weight and bias, then read both
    const TensorEntry* weight = binder.take_raw(cat(layer, "weight"), {2 << 20});
    const TensorEntry* bias = binder.take_raw(cat(layer, "bias"), {64});
    for (const TensorEntry* entry : {weight, bias}) {
      const std::span<float> expected = tensors.values(entry->name);
      EXPECT_EQ(std::memcmp(entry->bytes.data(), expected.data(), entry->bytes.size()), 0);
    }
    const long now = resident_file_kilobytes();
    EXPECT_GT(now, before + 6'000);   // this weight's 8 MB
    EXPECT_LT(now, before + 12'000);  // and no other's
  }
  binder.finish();
  EXPECT_LT(resident_file_kilobytes(), before + 3'000);
}

TEST(Binder, ChecksAnOutlineWithoutWeights) {
  const Checkpoint outline = Checkpoint::outline(
      parse_key_list("net.{0..2}.weight F16 70000,70000\nnet.bias F16 3\n", "list"), "list");
  WeightStore store;
  const Binder net(outline, store, "net");
  for (const char* name : {"0.weight", "1.weight", "2.weight"}) {
    const Tensor weight = net.take(name, {70000, 70000});
    EXPECT_FALSE(weight.defined());
    EXPECT_EQ(weight.shape, (Shape{70000, 70000}));
  }
  EXPECT_EQ(store.bytes(), 0u);
  expect_error(ErrorCode::corrupt, "[checkpoint] list: unused net.bias [3]", [&] { net.finish(); });
  net.take("bias", {4});
  expect_error(ErrorCode::corrupt, "[checkpoint] list: net.bias: expected [4], got [3]", [&] {
    net.finish();
  });
}

}  // namespace
}  // namespace sinter::checkpoint
