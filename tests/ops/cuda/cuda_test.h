#pragma once
// Shared by the operator tests that need a GPU: rows on both sides, filled at random.

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "core/dtype.h"
#include "cuda/memory.h"
#include "cuda/status.h"
#include "ops/cuda/rows.h"

namespace sinter::ops::cuda::test {

/// Skips every test of the suite where there is no GPU.
class CudaTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (sinter::cuda::device_count() == 0) GTEST_SKIP() << "no CUDA device";
  }
};

/// Half the distance between neighbours at 1, relative: what one rounding to nearest costs at most.
inline double half_unit(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return std::ldexp(1.0, -24);
    case DType::f16:
      return std::ldexp(1.0, -11);
    case DType::bf16:
      return std::ldexp(1.0, -8);
    default:
      return std::ldexp(1.0, -4);  // e4m3
  }
}
/// Half the distance between neighbours near zero.
inline double half_unit_at_zero(DType dtype) {
  return std::ldexp(1.0, dtype == DType::f8_e4m3 ? -10 : -25);
}

/// The e4m3 value nearest to x: of all 127 sizes, the even one of two that are as near.
inline std::uint8_t nearest_e4m3(double x) {
  if (std::isnan(x)) return 0x7f;
  std::uint8_t best = 0;
  const auto distance = [&](int code) {
    return std::abs(std::abs(x) - e4m3_to_float(static_cast<std::uint8_t>(code)));
  };
  for (int code = 1; code < 0x7f; ++code) {
    if (distance(code) < distance(best) || (distance(code) == distance(best) && code % 2 == 0))
      best = static_cast<std::uint8_t>(code);
  }
  return static_cast<std::uint8_t>(best | (std::signbit(x) ? 0x80 : 0));
}

/// Strided rows of f32, f16, bf16 or e4m3 on the host; what lies between the rows belongs to them
/// too.
struct HostRows {
  DType dtype = DType::f16;
  std::int64_t rows = 0, columns = 0, stride = 0;
  std::int64_t offset = 0;  ///< of the first element: other than a multiple of 8 is not aligned
  std::vector<std::uint8_t> bytes;

  double at(std::int64_t row, std::int64_t column) const {
    const std::uint8_t* from = bytes.data() + index(row, column);
    if (dtype == DType::f32) return read<float>(from);
    if (dtype == DType::f8_e4m3) return e4m3_to_float(*from);
    const auto bits = read<std::uint16_t>(from);
    return dtype == DType::f16 ? __half2float(__ushort_as_half(bits))
                               : __bfloat162float(__ushort_as_bfloat16(bits));
  }
  /// The nearest value.
  void set(std::int64_t row, std::int64_t column, float x) {
    std::uint8_t* to = bytes.data() + index(row, column);
    if (dtype == DType::f8_e4m3) {
      *to = nearest_e4m3(x);
      return;
    }
    const std::uint16_t bits = dtype == DType::f16 ? __half_as_ushort(__float2half_rn(x))
                                                   : __bfloat16_as_ushort(__float2bfloat16_rn(x));
    dtype == DType::f32 ? std::memcpy(to, &x, sizeof x) : std::memcpy(to, &bits, sizeof bits);
  }
  std::size_t index(std::int64_t row, std::int64_t column) const {
    return static_cast<std::size_t>(offset + row * stride + column) * size_of(dtype);
  }
  bool operator==(const HostRows&) const = default;

 private:
  template <class T>
  static T read(const std::uint8_t* from) {
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
  }
};

/// How rows lie: `gap` elements between them, `offset` before them.
struct RowLayout {
  std::int64_t gap = 0, offset = 0;
};

/// The same on the device.
struct DeviceRows {
  DType dtype;
  std::int64_t rows, columns;
  HostRows host;
  sinter::cuda::DeviceMemory device;

  /// All NaN, gaps too: what nobody writes stays visible.
  DeviceRows(DType type, std::int64_t r, std::int64_t c, RowLayout layout = {})
      : dtype(type), rows(r), columns(c) {
    host = {type, r, c, c + layout.gap, layout.offset, {}};
    host.bytes.assign(std::max<std::size_t>(host.index(r, 0), 1), 0xFF);
    device = sinter::cuda::DeviceMemory(host.bytes.size());
    upload();
  }
  /// Normal values.
  DeviceRows(DType type,
             std::int64_t r,
             std::int64_t c,
             unsigned seed,
             float deviation = 1.0F,
             RowLayout layout = {})
      : DeviceRows(type, r, c, layout) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(0.0F, deviation);
    for (std::int64_t row = 0; row < r; ++row) {
      for (std::int64_t column = 0; column < c; ++column) host.set(row, column, normal(random));
    }
    upload();
  }

  void upload() { device.copy_from_host(host.bytes.data()); }
  void fetch() {
    sinter::cuda::check(cudaDeviceSynchronize(), "test");
    device.copy_to_host(host.bytes.data());
  }
  double at(std::int64_t row, std::int64_t column) const { return host.at(row, column); }
  void* pointer(std::int64_t row, std::int64_t column) const {
    return device.as<std::uint8_t>() + host.index(row, column);
  }
  Rows view() const { return {pointer(0, 0), dtype, rows, columns, host.stride}; }
};

/// Values of a plain type on the device.
template <class T>
struct DeviceArray {
  std::vector<T> host;
  sinter::cuda::DeviceMemory device;

  explicit DeviceArray(std::vector<T> values)
      : host(std::move(values)), device(std::max<std::size_t>(host.size(), 1) * sizeof(T)) {
    if (!host.empty()) device.copy_from_host(host.data());
  }
  T* data() const { return device.as<T>(); }
  const std::vector<T>& fetch() {
    sinter::cuda::check(cudaDeviceSynchronize(), "test");
    if (!host.empty()) device.copy_to_host(host.data());
    return host;
  }
};

/// Every element of `actual` is `wanted(row, column)` up to its rounding and `slack`, which covers
/// f32 arithmetic and what cancels in it. Gaps between rows are untouched (NaN).
template <class Wanted>
void expect_rows(DeviceRows& actual, double slack, Wanted wanted) {
  actual.fetch();
  const HostRows& x = actual.host;
  for (std::int64_t row = 0; row < x.rows; ++row) {
    for (std::int64_t column = 0; column < x.columns; ++column) {
      const double w = wanted(row, column);
      // Below the smallest normal value the spacing stays.
      ASSERT_NEAR(x.at(row, column),
                  w,
                  half_unit(x.dtype) * 1.0001 * std::abs(w) + half_unit_at_zero(x.dtype) + slack)
          << to_string(x.dtype) << " row " << row << " column " << column;
    }
    for (std::int64_t column = x.columns; column < x.stride; ++column)
      ASSERT_TRUE(std::isnan(x.at(row, column))) << "behind row " << row;
  }
  for (std::int64_t i = 1; i <= x.offset; ++i)
    ASSERT_TRUE(std::isnan(x.at(0, -i))) << "before the first row";
}

/// Layouts of rows: without gaps, aligned with gaps, and neither.
inline const RowLayout kLayouts[] = {{0, 0}, {8, 16}, {3, 1}};
inline const DType kFloats[] = {DType::f32, DType::f16, DType::bf16};

}  // namespace sinter::ops::cuda::test
