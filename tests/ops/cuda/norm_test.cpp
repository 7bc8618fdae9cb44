#include "ops/cuda/norm.h"

#include <algorithm>

#include "core/error.h"
#include "ops/cuda/cuda_test.h"

namespace sinter::ops::cuda::test {
namespace {

class CudaNorm : public CudaTest {};

constexpr float kEps = 1e-6F;

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

/// f32 arithmetic of a few thousand terms, far below the rounding of the result. Values near zero
/// after a cancellation are held to the absolute error of what was cancelled: terms of order 10.
constexpr double kNormSlack = 3e-5;

void expect_near(double actual, double wanted, DType dtype) {
  ASSERT_NEAR(actual, wanted, half_unit(dtype) * std::abs(wanted) + kNormSlack);
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
      const HostRows before = s.residual.host;
      DeviceRows y(dtype, 7, columns);
      add_gated_layer_norm_modulate(
          s.rows(), s.residual.pointer(0, 0), s.x.pointer(0, 0), y.pointer(0, 0), nullptr);
      y.fetch();
      s.residual.fetch();
      for (std::int64_t row = 0; row < 7; ++row) {
        const std::int64_t group = row < s.first ? 0 : 1;
        std::vector<double> sums;
        for (std::int64_t c = 0; c < columns; ++c) {
          const double old = before.at(row, c);
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

TEST_F(CudaNorm, RoundsToE4m3) {
  unsigned seed = 900;
  for (const DType dtype : {DType::f16, DType::bf16}) {
    for (const std::int64_t columns : kColumns) {
      SCOPED_TRACE(cat(to_string(dtype), " ", columns));
      ModulatedCase s(dtype, columns, 3, 4, seed += 3);
      s.vectors.host.set(1, 0, 500.0F);  // beyond the largest value
      s.vectors.upload();
      ModulatedRows rows = s.rows();
      rows.narrow = true;
      const HostRows before = s.residual.host;
      DeviceRows plain(DType::f8_e4m3, 7, columns), gated(DType::f8_e4m3, 7, columns);
      layer_norm_modulate(rows, s.x.pointer(0, 0), plain.pointer(0, 0), nullptr);
      add_gated_layer_norm_modulate(
          rows, s.residual.pointer(0, 0), s.x.pointer(0, 0), gated.pointer(0, 0), nullptr);
      s.residual.fetch();
      const auto check = [&](DeviceRows& y, const DeviceRows& x) {
        y.fetch();
        for (std::int64_t row = 0; row < 7; ++row) {
          std::vector<double> values;
          for (std::int64_t c = 0; c < columns; ++c) values.push_back(x.at(row, c));
          const std::vector<double> wanted = s.norm(values, row < s.first ? 0 : 1);
          for (std::int64_t c = 0; c < columns; ++c) {
            const double w = std::clamp(wanted[static_cast<std::size_t>(c)], -448.0, 448.0);
            ASSERT_NEAR(y.at(row, c),
                        w,
                        half_unit(DType::f8_e4m3) * std::abs(w) +
                            half_unit_at_zero(DType::f8_e4m3) + kNormSlack);
          }
        }
      };
      check(plain, s.x);
      check(gated, s.residual);
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

/// Mean and 1 / sqrt(variance + eps) of a row, float64.
struct Moments {
  double mean = 0, inverse = 0;

  template <class Value>
  Moments(std::int64_t count, Value value) {
    double variance = 0;
    const auto n = static_cast<double>(count);
    for (std::int64_t i = 0; i < count; ++i) mean += value(i) / n;
    for (std::int64_t i = 0; i < count; ++i) variance += (value(i) - mean) * (value(i) - mean) / n;
    inverse = 1.0 / std::sqrt(variance + kEps);
  }
};

TEST_F(CudaNorm, LayerNormMatchesFloat64) {
  unsigned seed = 500;
  for (const DType st : kFloats) {
    for (const DType dt : kFloats) {
      if (st != dt && st != DType::f32 && dt != DType::f32) continue;
      for (const std::int64_t columns :
           {1, 51, 192, 512, 588, 1024, 1032, 1536, 2048, 3072, 4096}) {
        for (const RowLayout& layout : kLayouts) {
          for (const bool affine : {true, false}) {
            SCOPED_TRACE(cat(to_string(st), " to ", to_string(dt), ", ", columns, " columns"));
            const DeviceRows x(st, 5, columns, ++seed, 2.0F, layout);
            const DeviceRows vectors(dt, 2, columns, ++seed, 1.0F, layout);
            DeviceRows y(dt, 5, columns, layout);
            layer_norm(y.view(),
                       x.view(),
                       affine ? vectors.pointer(0, 0) : nullptr,
                       affine ? vectors.pointer(1, 0) : nullptr,
                       kEps,
                       nullptr);
            std::vector<Moments> moments;
            for (std::int64_t r = 0; r < 5; ++r)
              moments.emplace_back(columns, [&](std::int64_t c) { return x.at(r, c); });
            expect_rows(y, kNormSlack, [&](std::int64_t r, std::int64_t c) {
              const Moments& m = moments[static_cast<std::size_t>(r)];
              const double norm = (x.at(r, c) - m.mean) * m.inverse;
              return affine ? norm * vectors.at(0, c) + vectors.at(1, c) : norm;
            });
            if (HasFatalFailure()) return;
          }
        }
      }
    }
  }
}

TEST_F(CudaNorm, LayerNormWorksInPlace) {
  for (const RowLayout& layout : kLayouts) {
    DeviceRows x(DType::bf16, 6, 1536, 700, 2.0F, layout), y(DType::bf16, 6, 1536, layout);
    layer_norm(y.view(), x.view(), nullptr, nullptr, kEps, nullptr);
    y.fetch();
    layer_norm(x.view(), x.view(), nullptr, nullptr, kEps, nullptr);
    x.fetch();
    EXPECT_EQ(x.host, y.host);
  }
}

enum class HeadNormForm { rms, rms_pair, layer, layer_pair };

/// Norms q, or q and k, of x [rows, q|k|v, head, dim] and compares all of x.
void expect_head_norm(HeadNormForm form, DType dtype, std::int64_t dim, std::int64_t heads) {
  const std::int64_t rows = 13, width = heads * dim;
  const auto seed = static_cast<unsigned>(1000 + width);
  DeviceRows x(dtype, rows, 3 * width, seed, 4.0F);
  const DeviceRows weights(dtype, 4, dim, seed + 1);  // of q and k, then their biases
  const HostRows before = x.host;
  const HeadVectors q{x.pointer(0, 0), rows, heads, dim, 3 * width, dim};
  HeadVectors k = q;
  k.data = x.pointer(0, width);
  const auto w = [&](std::int64_t i) { return weights.pointer(i, 0); };
  const bool centred = form == HeadNormForm::layer || form == HeadNormForm::layer_pair;
  const bool pair = form == HeadNormForm::rms_pair || form == HeadNormForm::layer_pair;
  switch (form) {
    case HeadNormForm::rms:
      rms_norm_heads(q, w(0), dtype, kEps, nullptr);
      break;
    case HeadNormForm::rms_pair:
      rms_norm_heads(q, k, w(0), w(1), dtype, kEps, nullptr);
      break;
    case HeadNormForm::layer:
      layer_norm_heads(q, w(0), w(2), dtype, kEps, nullptr);
      break;
    case HeadNormForm::layer_pair:
      layer_norm_heads(q, k, {w(0), w(2)}, {w(1), w(3)}, dtype, kEps, nullptr);
      break;
  }
  x.fetch();
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t vector = 0; vector < 3 * heads; ++vector) {
      const std::int64_t first = vector * dim, part = vector / heads;
      const auto old = [&](std::int64_t e) { return before.at(row, first + e); };
      double squares = 0;
      for (std::int64_t e = 0; e < dim; ++e) squares += old(e) * old(e);
      const double rms = 1.0 / std::sqrt(squares / static_cast<double>(dim) + kEps);
      const Moments moments(dim, old);
      for (std::int64_t e = 0; e < dim; ++e) {
        if (part > (pair ? 1 : 0)) {
          ASSERT_EQ(x.at(row, first + e), old(e)) << "part " << part << " is not normed";
          continue;
        }
        const double norm = centred ? (old(e) - moments.mean) * moments.inverse : old(e) * rms;
        expect_near(x.at(row, first + e),
                    norm * weights.at(part, e) + (centred ? weights.at(2 + part, e) : 0.0),
                    dtype);
      }
    }
  }
}

TEST_F(CudaNorm, HeadNormsMatchFloat64) {
  for (const HeadNormForm form :
       {HeadNormForm::rms, HeadNormForm::rms_pair, HeadNormForm::layer, HeadNormForm::layer_pair}) {
    for (const DType dtype : {DType::f16, DType::bf16}) {
      for (const std::int64_t dim : {64, 128}) {
        for (const std::int64_t heads : {1, 3, 16}) {
          SCOPED_TRACE(cat("form ", static_cast<int>(form), " ", to_string(dtype), " ", dim));
          expect_head_norm(form, dtype, dim, heads);
          if (HasFatalFailure()) return;
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

  const DeviceRows other(DType::bf16, 4, 64, 401), wider(DType::f16, 4, kMaxNormColumns + 1, 402);
  const void* const weight = s.vectors.pointer(0, 0);
  EXPECT_THROW(layer_norm(other.view(), y.view(), nullptr, nullptr, kEps, nullptr), Error);
  EXPECT_THROW(layer_norm(wider.view(), wider.view(), nullptr, nullptr, kEps, nullptr), Error);
  EXPECT_THROW(layer_norm(y.view(), y.view(), weight, nullptr, kEps, nullptr), Error);
  const HeadVectors heads{y.pointer(0, 0), 4, 1, 64, 64, 64};
  EXPECT_THROW(layer_norm_heads(heads, weight, nullptr, DType::f16, kEps, nullptr), Error);
  EXPECT_THROW(rms_norm_heads(heads, weight, DType::f32, kEps, nullptr), Error);
}

}  // namespace
}  // namespace sinter::ops::cuda::test
