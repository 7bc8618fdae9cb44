#include "ops/cuda/quantize.h"

#include <cstdlib>

#include "core/error.h"
#include "ops/cuda/cuda_test.h"

namespace sinter::ops::cuda::test {
namespace {

class CudaQuantize : public CudaTest {};

void expect_exact(DeviceRows& src, float factor, RowLayout layout = {}) {
  DeviceRows dst(DType::f8_e4m3, src.rows, src.columns, layout);
  quantize(dst.view(), src.view(), factor, Activation::none, nullptr);
  dst.fetch();
  for (std::int64_t row = 0; row < src.rows; ++row) {
    for (std::int64_t column = 0; column < src.columns; ++column) {
      const float x = static_cast<float>(src.at(row, column)) * factor;
      const std::uint8_t got = dst.host.bytes[dst.host.index(row, column)];
      if (std::isnan(x)) {
        ASSERT_EQ(got & 0x7f, 0x7f) << "row " << row << ", column " << column;
      } else {
        ASSERT_EQ(got, nearest_e4m3(x)) << x << " in row " << row << ", column " << column;
      }
    }
    for (std::int64_t column = src.columns; column < dst.host.stride; ++column)
      ASSERT_EQ(dst.host.bytes[dst.host.index(row, column)], 0xff) << "behind row " << row;
  }
}

TEST_F(CudaQuantize, RoundsEveryHalfToTheNearest) {
  DeviceRows every(DType::f16, 64, 1024);
  for (std::size_t bits = 0; bits < 65536; ++bits) {
    const auto value = static_cast<std::uint16_t>(bits);
    std::memcpy(every.host.bytes.data() + 2 * bits, &value, sizeof value);
  }
  every.upload();
  expect_exact(every, 1.0F);
  expect_exact(every, 0.3F);
}

TEST_F(CudaQuantize, TakesEveryTypeAndLayout) {
  unsigned seed = 1;
  for (const DType dtype : kFloats) {
    for (const std::int64_t rows : {1, 3, 77}) {
      for (const std::int64_t columns : {8, 24, 1000, 5120}) {
        SCOPED_TRACE(cat(to_string(dtype), " ", rows, " x ", columns));
        DeviceRows src(dtype, rows, columns, seed += 2, 40.0F, {8, 16});
        expect_exact(src, 3.0F, {16, 8});
      }
    }
  }
}

TEST_F(CudaQuantize, ActivatesBeforeItRounds) {
  DeviceRows src(DType::f16, 19, 128, 7, 2.0F), dst(DType::f8_e4m3, 19, 128);
  quantize(dst.view(), src.view(), 8.0F, Activation::gelu_erf, nullptr);
  expect_rows(dst, 8e-6, [&](std::int64_t row, std::int64_t column) {
    const double x = src.at(row, column);
    return 8 * 0.5 * x * std::erfc(-x / std::sqrt(2.0));
  });
}

TEST_F(CudaQuantize, MeasuresRows) {
  DeviceRows rows(DType::f32, 41, 1032, 11, 1.0F);
  const auto fill = [&](std::int64_t row, float size) {
    for (std::int64_t c = 0; c < rows.columns; ++c)
      rows.host.set(row, c, size * static_cast<float>(rows.at(row, c)));
  };
  fill(3, 0.0F);
  fill(4, 1e-20F);
  rows.host.set(5, 1031, -300.0F);  // one outlier: the largest value, not the longest row
  fill(6, 20.0F);
  rows.upload();
  double most = 0, longest = 0;
  for (std::int64_t row = 0; row < rows.rows; ++row) {
    double squares = 0;
    for (std::int64_t c = 0; c < rows.columns; ++c) {
      most = std::max(most, std::abs(rows.at(row, c)));
      squares += rows.at(row, c) * rows.at(row, c);
    }
    longest = std::max(longest, std::sqrt(squares));
  }
  DeviceRows extent(DType::f32, 1, 2);
  extent.host.set(0, 0, 0.0F);
  extent.host.set(0, 1, 0.0F);
  extent.upload();
  measure_rows(reinterpret_cast<float*>(extent.pointer(0, 0)), rows.view(), nullptr);
  extent.fetch();
  EXPECT_EQ(extent.at(0, 0), most);
  EXPECT_EQ(most, 300);
  EXPECT_NEAR(extent.at(0, 1), longest, 1e-5 * longest);  // f32 sum of 1032 squares
}

TEST_F(CudaQuantize, RefusesWhatItCannotTake) {
  const DeviceRows src(DType::f16, 4, 64, 1), odd(DType::f16, 4, 60, 1);
  DeviceRows dst(DType::f8_e4m3, 4, 64), half(DType::f16, 4, 64), narrow(DType::f8_e4m3, 4, 60);
  const auto refuses = [](const DeviceRows& to, const DeviceRows& from) {
    EXPECT_THROW(quantize(to.view(), from.view(), 1.0F, Activation::none, nullptr), Error);
  };
  refuses(half, src);
  refuses(narrow, odd);
  refuses(narrow, src);
  refuses(dst, dst);
}

}  // namespace
}  // namespace sinter::ops::cuda::test
