#include "checkpoint/produced_data.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "checkpoint/binder.h"
#include "support.h"

namespace sinter::checkpoint {
namespace {

TEST(ProducedData, ForgetsTheOldestBlocks) {
  ProducedData data(std::vector<std::size_t>{5000, 5000, 0, 5000}, 10'000);
  const auto fill = [&](std::size_t index, int value) {
    data.fill(index, [&](std::span<std::byte> out) {
      std::fill(out.begin(), out.end(), static_cast<std::byte>(value));
    });
  };
  const auto at = [&](std::size_t index) { return static_cast<int>(data.block(index).back()); };
  fill(0, 10);
  fill(1, 11);
  fill(2, 12);
  fill(0, 20);  // there already
  EXPECT_EQ(at(0), 10);
  fill(3, 13);
  EXPECT_EQ(at(0), 0);
  EXPECT_EQ(at(1), 11);
  EXPECT_EQ(at(3), 13);
  fill(0, 30);
  EXPECT_EQ(at(0), 30);
  EXPECT_EQ(at(1), 0);
  EXPECT_EQ(data.block(2).size(), 0U);
}

std::vector<TensorEntry> two_tensors() {
  std::vector<TensorEntry> entries(2);
  entries[0].name = "net.b";
  entries[0].shape = {2, 3};
  entries[1].name = "net.a";
  entries[1].shape = {4};
  return entries;
}

/// Every element is the length of the shape's first extent.
Checkpoint produced(const std::string& recipe, int& calls) {
  return Checkpoint::produced(
      two_tensors(), "made", recipe, [&calls](const TensorEntry& entry, std::span<std::byte> out) {
        ++calls;
        const auto value = static_cast<float>(entry.shape[0]);
        for (std::size_t i = 0; i < out.size(); i += sizeof(value)) {
          std::memcpy(out.data() + i, &value, sizeof(value));
        }
      });
}

TEST(ProducedCheckpoint, IsComputedWhenItIsTaken) {
  int calls = 0;
  const Checkpoint checkpoint = produced("recipe", calls);
  EXPECT_TRUE(checkpoint.has_data());
  EXPECT_EQ(checkpoint.total_bytes(), 40U);
  EXPECT_EQ(calls, 0);
  WeightStore store;
  const Binder binder(checkpoint, store, "net");
  EXPECT_EQ(binder.take("b", {2, 3}).f32()[5], 2.0F);
  EXPECT_EQ(calls, 1);
  const TensorEntry* raw = binder.take_raw("a", {4});
  ASSERT_NE(raw, nullptr);
  float last = 0;
  std::memcpy(&last, raw->bytes.data() + 12, sizeof(last));
  EXPECT_EQ(last, 4.0F);
  EXPECT_EQ(calls, 2);
  binder.finish();
}

TEST(ProducedCheckpoint, IsKnownByItsRecipe) {
  int calls = 0;
  const std::string hash = produced("one", calls).content_hash();
  EXPECT_EQ(hash, produced("one", calls).content_hash());
  EXPECT_NE(hash, produced("two", calls).content_hash());
  EXPECT_EQ(calls, 0);
  std::vector<TensorEntry> twice = two_tensors();
  twice[1].name = "net.b";
  expect_error(ErrorCode::invalid_argument, "[checkpoint] made: net.b is given twice", [&] {
    Checkpoint::produced(twice, "made", "", {});
  });
}

TEST(Binder, TellsWhatIsAbsent) {
  WeightStore store;
  const Binder root(Checkpoint::outline({}, "nothing"), store);
  root.scope("block", 1).take("weight", {2, 3});
  root.take_raw("bias", {4});
  root.take_raw("bias", {5});
  const std::map<std::string, Shape> expected = {{"bias", {4}}, {"block.1.weight", {2, 3}}};
  EXPECT_EQ(root.absent(), expected);
}

}  // namespace
}  // namespace sinter::checkpoint
