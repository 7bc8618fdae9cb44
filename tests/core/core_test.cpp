#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <sstream>

#include "core/buffer.h"
#include "core/context.h"
#include "core/env.h"

namespace sinter {
namespace {

TEST(Half, EveryBitPatternRoundTrips) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = half_to_float(static_cast<std::uint16_t>(bits));
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(half_to_float(float_to_half(value))));
    } else {
      EXPECT_EQ(float_to_half(value), bits);
    }
  }
}

TEST(Half, RoundsToNearestEven) {
  // halfway between 1 and 1 + 2^-10 goes to the even 1; just above it goes up
  EXPECT_EQ(float_to_half(1.0f + 0x1p-11f), 0x3c00);
  EXPECT_EQ(float_to_half(1.0f + 0x1p-11f + 0x1p-20f), 0x3c01);
  EXPECT_EQ(float_to_half(1.0f + 3 * 0x1p-11f), 0x3c02);
  EXPECT_EQ(float_to_half(65519.0f), 0x7bff);
  EXPECT_EQ(float_to_half(65520.0f), 0x7c00);
  EXPECT_EQ(float_to_half(0x1p-25f), 0);
  EXPECT_EQ(float_to_half(0x1.8p-25f), 1);
}

TEST(Bfloat16, RoundsToNearestEvenAndKeepsNan) {
  EXPECT_EQ(bfloat16_to_float(float_to_bfloat16(1.0f + 0x1p-8f)), 1.0f);
  EXPECT_EQ(bfloat16_to_float(float_to_bfloat16(1.0f + 3 * 0x1p-8f)), 1.0f + 0x1p-6f);
  EXPECT_TRUE(std::isnan(bfloat16_to_float(float_to_bfloat16(std::nanf("")))));
}

TEST(Shape, RejectsNegativeAndOverflowingExtents) {
  EXPECT_THROW((Shape{-1, 2}), Error);
  EXPECT_THROW((Shape{std::int64_t{1} << 40, std::int64_t{1} << 40}), Error);
  EXPECT_EQ((Shape{2, 3, 4}).elements(), 24);
  EXPECT_EQ((Shape{2, 0}).elements(), 0);
}

TEST(Tensor, SliceAndReshapeAddressTheSameMemory) {
  Arena arena;
  const Tensor tensor = arena.allocate(DType::f32, {4, 6}, "t");
  for (int i = 0; i < 24; ++i) tensor.f32_mut()[i] = static_cast<float>(i);
  const Tensor rows = tensor.slice(1, 3);
  EXPECT_EQ(rows.shape, (Shape{2, 6}));
  EXPECT_EQ(rows.f32()[0], 6.0f);
  EXPECT_EQ(tensor.reshape({24}).f32()[23], 23.0f);
  EXPECT_THROW(tensor.reshape({5, 5}), Error);
  EXPECT_THROW(tensor.slice(3, 5), Error);
  EXPECT_THROW(tensor.ptr<std::uint16_t>(), Error);
}

TEST(Arena, ScopesReuseMemoryAndAlign) {
  Arena arena;
  void* first = nullptr;
  for (int round = 0; round < 3; ++round) {
    ArenaScope scope(arena);
    const Tensor a = arena.allocate(DType::f32, {3});
    const Tensor b = arena.allocate(DType::f32, {40 << 20});  // larger than a chunk
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(a.data) % 64, 0u);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(b.data) % 64, 0u);
    if (round == 0) first = b.data;
    EXPECT_EQ(b.data, first);
  }
  EXPECT_EQ(arena.bytes_in_use(), 0u);
  EXPECT_GE(arena.peak_bytes(), std::size_t{160} << 20);
}

TEST(Arena, ReservesOneBlock) {
  Arena arena;
  constexpr std::int64_t kHalf = 20 << 20;  // floats: each half is larger than a chunk
  arena.reserve(std::size_t{8} * kHalf);
  const void* last = nullptr;
  for (int round = 0; round < 2; ++round) {
    ArenaScope scope(arena);
    const Tensor a = arena.allocate(DType::f32, {kHalf});
    const Tensor b = arena.allocate(DType::f32, {kHalf});
    EXPECT_EQ(static_cast<float*>(a.data) + kHalf, b.data);
    EXPECT_TRUE(last == nullptr || last == b.data);
    last = b.data;
    // What was not reserved is added.
    arena.allocate(DType::f32, {1000}).f32_mut()[999] = 1;
    EXPECT_THROW(arena.reserve(1), Error);
  }
  EXPECT_GT(arena.peak_bytes(), std::size_t{8} * kHalf);
  arena.reserve(100);
  EXPECT_EQ(arena.peak_bytes(), 0u);
  ArenaScope scope(arena);
  arena.allocate(DType::f32, {30}).f32_mut()[29] = 1;
}

TEST(Narrow, RaisesOnLoss) {
  EXPECT_EQ(narrow<int>(std::int64_t{5}), 5);
  EXPECT_THROW(narrow<int>(std::int64_t{1} << 40), Error);
  EXPECT_THROW(narrow<std::uint32_t>(-1), Error);
}

TEST(Environment, DefaultsAndBadValues) {
  EXPECT_TRUE(Switches::from_environment().modulation_table);
  setenv("SINTER_MODULATION_TABLE", "0", 1);
  EXPECT_FALSE(Switches::from_environment().modulation_table);
  setenv("SINTER_MODULATION_TABLE", "yes", 1);
  EXPECT_THROW(Switches::from_environment(), Error);
  unsetenv("SINTER_MODULATION_TABLE");
}

TEST(Environment, EverySwitchIsDocumented) {
  std::ifstream page(SINTER_SOURCE_DIR "/docs/environment.md");
  std::stringstream text;
  text << page.rdbuf();
  for (const SwitchInfo& info : all_switches()) {
    EXPECT_NE(text.str().find(info.name), std::string::npos) << info.name;
  }
}

TEST(Error, ExitCodesStayBelowTheShellsOwn) {
  for (int code = 0; code <= static_cast<int>(ErrorCode::internal); ++code) {
    EXPECT_GE(exit_code(static_cast<ErrorCode>(code)), 2);
    EXPECT_LT(exit_code(static_cast<ErrorCode>(code)), 126);
  }
}

}  // namespace
}  // namespace sinter
