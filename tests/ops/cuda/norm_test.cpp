#include "ops/cuda/norm.h"

#include <algorithm>

#include "ops/cuda/cuda_test.h"

namespace sinter::ops::cuda::test {
namespace {

class CudaNorm : public CudaTest {};

constexpr float kEps = 1e-6F;

/// Half the distance between neighbours at 1, relative: what one rounding to nearest costs at most.
double half_unit(DType dtype) {
  return dtype == DType::f16 ? std::ldexp(1.0, -11) : std::ldexp(1.0, -8);
}

struct ModulatedCase {
  DType dtype;
  std::int64_t columns, first, second;
  DeviceRows x, residual, vectors;  // vectors: shift, scale, gate of group 0, then of group 1

  ModulatedCase(DType type, std::int64_t c, std::int64_t rows0, std::int64_t rows1, unsigned seed)
      : dtype(type),
        columns(c),
        first(rows0),
        second(rows1),
        x(type, rows0 + rows1, c, seed, 2.0F),
        residual(type, rows0 + rows1, c, seed + 1, 3.0F),
        vectors(type, 6, c, seed + 2, 0.5F) {}

  ModulatedRows rows() const {
    ModulatedRows r{.groups = {}, .columns = columns, .dtype = dtype, .eps = kEps};
    r.groups[0] = {first, vectors.pointer(0, 0), vectors.pointer(1, 0), vectors.pointer(2, 0)};
    r.groups[1] = {second, vectors.pointer(3, 0), vectors.pointer(4, 0), vectors.pointer(5, 0)};
    return r;
  }

  /// Modulated norm of a row of values, float64.
  std::vector<double> norm(const std::vector<double>& row, std::int64_t group) const {
    double mean = 0, variance = 0;
    for (const double v : row) mean += v / static_cast<double>(columns);
    for (const double v : row) variance += (v - mean) * (v - mean) / static_cast<double>(columns);
    std::vector<double> result;
    for (std::int64_t c = 0; c < columns; ++c) {
      const double n = (row[static_cast<std::size_t>(c)] - mean) / std::sqrt(variance + kEps);
      result.push_back(n * (1.0 + vectors.at(3 * group + 1, c)) + vectors.at(3 * group, c));
    }
    return result;
  }
};

/// One rounding of the result, and f32 arithmetic of a few thousand terms, far below it. Values
/// near zero after a cancellation are held to the absolute error of what was cancelled: terms of
/// order 10.
void expect_near(double actual, double wanted, DType dtype) {
  ASSERT_NEAR(actual, wanted, half_unit(dtype) * std::abs(wanted) + 3e-5);
}

const std::int64_t kColumns[] = {
    8, 64, 248, 256, 264, 512, 1000, 1024, 1032, 1536, 2048, 3072, 4096};

TEST_F(CudaNorm, LayerNormModulateMatchesFloat64) {
  unsigned seed = 1;
  for (const DType dtype : {DType::f16, DType::bf16}) {
    for (const std::int64_t columns : kColumns) {
      SCOPED_TRACE(cat(to_string(dtype), " ", columns));
      const ModulatedCase s(dtype, columns, 5, 6, seed += 3);
      DeviceRows y(dtype, 11, columns);
      layer_norm_modulate(s.rows(), s.x.pointer(0, 0), y.pointer(0, 0), nullptr);
      y.fetch();
      for (std::int64_t row = 0; row < 11; ++row) {
        std::vector<double> values;
        for (std::int64_t c = 0; c < columns; ++c) values.push_back(s.x.at(row, c));
        const std::vector<double> wanted = s.norm(values, row < s.first ? 0 : 1);
        for (std::int64_t c = 0; c < columns; ++c) {
          expect_near(y.at(row, c), wanted[static_cast<std::size_t>(c)], dtype);
        }
      }
    }
  }
}

TEST_F(CudaNorm, AddGatedLayerNormModulateMatchesFloat64) {
  unsigned seed = 100;
  for (const DType dtype : {DType::f16, DType::bf16}) {
    for (const std::int64_t columns : kColumns) {
      SCOPED_TRACE(cat(to_string(dtype), " ", columns));
      ModulatedCase s(dtype, columns, 3, 4, seed += 3);
      const std::vector<std::uint16_t> before = s.residual.host;
      DeviceRows y(dtype, 7, columns);
      add_gated_layer_norm_modulate(
          s.rows(), s.residual.pointer(0, 0), s.x.pointer(0, 0), y.pointer(0, 0), nullptr);
      y.fetch();
      s.residual.fetch();
      for (std::int64_t row = 0; row < 7; ++row) {
        const std::int64_t group = row < s.first ? 0 : 1;
        std::vector<double> sums;
        for (std::int64_t c = 0; c < columns; ++c) {
          const double old = from_bits(before[static_cast<std::size_t>(row * columns + c)], dtype);
          const double sum = old + s.vectors.at(3 * group + 2, c) * s.x.at(row, c);
          expect_near(s.residual.at(row, c), sum, dtype);
          sums.push_back(s.residual.at(row, c));  // the norm is of the rounded sum
        }
        const std::vector<double> wanted = s.norm(sums, group);
        for (std::int64_t c = 0; c < columns; ++c) {
          expect_near(y.at(row, c), wanted[static_cast<std::size_t>(c)], dtype);
        }
      }
    }
  }
}

TEST_F(CudaNorm, WorksInPlaceAndOnOneGroup) {
  const ModulatedCase s(DType::f16, 1024, 9, 0, 200);
  DeviceRows x = DeviceRows(DType::f16, 9, 1024, 201), y(DType::f16, 9, 1024);
  layer_norm_modulate(s.rows(), x.pointer(0, 0), y.pointer(0, 0), nullptr);
  y.fetch();
  layer_norm_modulate(s.rows(), x.pointer(0, 0), x.pointer(0, 0), nullptr);
  x.fetch();
  EXPECT_EQ(x.host, y.host);
}

TEST_F(CudaNorm, RmsNormHeadsMatchesFloat64) {
  unsigned seed = 300;
  for (const DType dtype : {DType::f16, DType::bf16}) {
    for (const std::int64_t dim : {64, 128}) {
      for (const std::int64_t heads : {1, 3, 16}) {
        SCOPED_TRACE(cat(to_string(dtype), " ", heads, " heads of ", dim));
        const std::int64_t rows = 13, width = heads * dim;
        DeviceRows x(dtype, rows, 3 * width, ++seed, 4.0F);  // [q|k|v][head][dim]
        const DeviceRows weights(dtype, 2, dim, ++seed);
        const std::vector<std::uint16_t> before = x.host;
        const HeadVectors q{x.pointer(0, 0), rows, heads, dim, 3 * width, dim};
        HeadVectors k = q;
        k.data = x.pointer(0, width);
        rms_norm_heads(q, k, weights.pointer(0, 0), weights.pointer(1, 0), dtype, kEps, nullptr);
        x.fetch();
        const auto old = [&](std::int64_t row, std::int64_t column) {
          return double{
              from_bits(before[static_cast<std::size_t>(row * 3 * width + column)], dtype)};
        };
        for (std::int64_t row = 0; row < rows; ++row) {
          for (std::int64_t vector = 0; vector < 2 * heads; ++vector) {
            double squares = 0;
            for (std::int64_t e = 0; e < dim; ++e)
              squares += std::pow(old(row, vector * dim + e), 2);
            const double inverse = 1.0 / std::sqrt(squares / static_cast<double>(dim) + kEps);
            for (std::int64_t e = 0; e < dim; ++e) {
              const double wanted =
                  old(row, vector * dim + e) * inverse * weights.at(vector / heads, e);
              expect_near(x.at(row, vector * dim + e), wanted, dtype);
            }
          }
          for (std::int64_t column = 2 * width; column < 3 * width; ++column) {
            ASSERT_EQ(x.at(row, column), old(row, column)) << "values are not normed";
          }
        }
      }
    }
  }
}

TEST_F(CudaNorm, RefusesWhatItCannotDo) {
  const ModulatedCase s(DType::f16, 64, 2, 2, 400);
  DeviceRows y(DType::f16, 4, 64);
  const auto run = [&](const ModulatedRows& rows, void* dst) {
    layer_norm_modulate(rows, s.x.pointer(0, 0), dst, nullptr);
  };
  ModulatedRows wide = s.rows();
  wide.columns = kMaxNormColumns + 8;
  EXPECT_THROW(run(wide, y.pointer(0, 0)), Error);
  ModulatedRows odd = s.rows();
  odd.columns = 60;
  EXPECT_THROW(run(odd, y.pointer(0, 0)), Error);
  ModulatedRows incomplete = s.rows();
  incomplete.groups[1].scale = nullptr;
  EXPECT_THROW(run(incomplete, y.pointer(0, 0)), Error);
  EXPECT_THROW(run(s.rows(), y.pointer(0, 1)), Error);
}

}  // namespace
}  // namespace sinter::ops::cuda::test
