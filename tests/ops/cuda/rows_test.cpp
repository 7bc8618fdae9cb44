#include "ops/cuda/rows.h"

#include <functional>

#include "core/error.h"
#include "ops/cuda/cuda_test.h"

namespace sinter::ops::cuda::test {
namespace {

class CudaRows : public CudaTest {};

struct Shape2 {
  std::int64_t rows, columns;
};
const Shape2 kShapes[] = {
    {1, 51}, {7, 588}, {3, 192}, {5, 1024}, {2, 1536}, {1, 4096}, {300, 64}, {3, 8}, {70, 1}};

/// Calls body(dtype of x, dtype of y, shape, layout, seed) for every combination.
void for_all(const std::function<void(DType, DType, Shape2, RowLayout, unsigned)>& body) {
  unsigned seed = 1;
  for (const DType x : kFloats) {
    for (const DType y : kFloats) {
      for (const Shape2& shape : kShapes) {
        for (const RowLayout& layout : kLayouts) {
          SCOPED_TRACE(cat(to_string(x),
                           " with ",
                           to_string(y),
                           ", ",
                           shape.rows,
                           " x ",
                           shape.columns,
                           ", offset ",
                           layout.offset));
          body(x, y, shape, layout, seed += 10);
          if (::testing::Test::HasFatalFailure()) return;
        }
      }
    }
  }
}

/// The same of one dtype.
void for_each(const std::function<void(DType, Shape2, RowLayout, unsigned)>& body) {
  for_all([&](DType x, DType y, Shape2 shape, RowLayout layout, unsigned seed) {
    if (x == y) body(x, shape, layout, seed);
  });
}

TEST_F(CudaRows, CopyConvertsAndPads) {
  for_all([](DType d, DType s, Shape2 shape, RowLayout layout, unsigned seed) {
    const DeviceRows src(s, shape.rows, shape.columns, seed, 3.0F, layout);
    for (const std::int64_t columns :
         {shape.columns, shape.columns + 5, (shape.columns + 15) / 8 * 8}) {
      DeviceRows dst(d, shape.rows, columns, layout);
      copy(dst.view(), src.view(), nullptr);
      expect_rows(dst, 0.0, [&](std::int64_t r, std::int64_t c) {
        return c < shape.columns ? src.at(r, c) : 0.0;
      });
    }
  });
}

TEST_F(CudaRows, CopyKeepsWhatIsNotFinite) {
  DeviceRows src(DType::f32, 1, 8, 1);
  src.host.set(0, 1, 1e6F);  // beyond f16
  src.host.set(0, 2, std::nanf(""));
  src.upload();
  DeviceRows dst(DType::f16, 1, 8);
  copy(dst.view(), src.view(), nullptr);
  dst.fetch();
  EXPECT_TRUE(std::isinf(dst.at(0, 1)));
  EXPECT_TRUE(std::isnan(dst.at(0, 2)));
}

TEST_F(CudaRows, AddMatchesFloat64) {
  for_all([](DType xt, DType yt, Shape2 shape, RowLayout layout, unsigned seed) {
    for (const std::int64_t rows : {shape.rows, std::int64_t{1}}) {
      DeviceRows x(xt, shape.rows, shape.columns, seed, 2.0F, layout);
      const DeviceRows y(yt, rows, shape.columns, seed + 1, 1.0F, layout);
      const HostRows before = x.host;
      add(x.view(), y.view(), nullptr);
      expect_rows(x, 0.0, [&](std::int64_t r, std::int64_t c) {
        return before.at(r, c) + y.at(rows == 1 ? 0 : r, c);
      });
    }
  });
}

TEST_F(CudaRows, AddGatedMatchesFloat64) {
  for_all([](DType xt, DType yt, Shape2 shape, RowLayout layout, unsigned seed) {
    for (const DType gt : kFloats) {
      DeviceRows x(xt, shape.rows, shape.columns, seed, 2.0F, layout);
      const DeviceRows y(yt, shape.rows, shape.columns, seed + 1, 1.0F, layout);
      const DeviceRows gate(gt, 1, shape.columns, seed + 2, 1.0F, layout);
      const HostRows before = x.host;
      add_gated(x.view(), gate.view(), y.view(), nullptr);
      expect_rows(x, 0.0, [&](std::int64_t r, std::int64_t c) {
        return before.at(r, c) + gate.at(0, c) * y.at(r, c);
      });
    }
  });
}

TEST_F(CudaRows, ScaleMatchesFloat64) {
  for_each([](DType dtype, Shape2 shape, RowLayout layout, unsigned seed) {
    DeviceRows x(dtype, shape.rows, shape.columns, seed, 2.0F, layout);
    const HostRows before = x.host;
    scale(x.view(), 0.37F, nullptr);
    expect_rows(
        x, 0.0, [&](std::int64_t r, std::int64_t c) { return before.at(r, c) * double{0.37F}; });
  });
}

TEST_F(CudaRows, AddScaledMatchesFloat64) {
  const DeviceArray<float> factor({99.0F, -0.021F});
  for_all([&](DType xt, DType yt, Shape2 shape, RowLayout layout, unsigned seed) {
    DeviceRows x(xt, shape.rows, shape.columns, seed, 2.0F, layout);
    const DeviceRows y(yt, shape.rows, shape.columns, seed + 1, 1.0F, layout);
    const HostRows before = x.host;
    add_scaled(x.view(), factor.data() + 1, y.view(), nullptr);
    expect_rows(x, 0.0, [&](std::int64_t r, std::int64_t c) {
      return before.at(r, c) + double{-0.021F} * y.at(r, c);
    });
  });
}

TEST_F(CudaRows, GuideMatchesFloat64) {
  for_all([](DType xt, DType yt, Shape2 shape, RowLayout layout, unsigned seed) {
    DeviceRows x(xt, shape.rows, shape.columns, seed, 1.0F, layout);
    const DeviceRows y(yt, shape.rows, shape.columns, seed + 1, 1.0F, layout);
    const HostRows before = x.host;
    guide(x.view(), y.view(), 5.0F, nullptr);
    // The difference, at most 10, is rounded to f32 before it is multiplied with 5.
    expect_rows(x, 50 * half_unit(DType::f32), [&](std::int64_t r, std::int64_t c) {
      return before.at(r, c) + 5.0 * (y.at(r, c) - before.at(r, c));
    });
  });
}

double exact(Activation activation, double x) {
  switch (activation) {
    case Activation::gelu_erf:
      return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
    case Activation::gelu_tanh:
      return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case Activation::silu:
      return x / (1 + std::exp(-x));
    case Activation::none:
      break;
  }
  return x;
}

const Activation kActivations[] = {
    Activation::gelu_erf, Activation::gelu_tanh, Activation::silu, Activation::none};

/// Of f32 arithmetic on values up to 15: a few units of the last place of the result or of one.
constexpr double kActivationSlack = 3e-6;

TEST_F(CudaRows, ActivateMatchesFloat64) {
  for_each([](DType dtype, Shape2 shape, RowLayout layout, unsigned seed) {
    for (const Activation activation : kActivations) {
      DeviceRows x(dtype, shape.rows, shape.columns, seed, 3.0F, layout);
      const HostRows before = x.host;
      activate(x.view(), activation, nullptr);
      expect_rows(x, kActivationSlack, [&](std::int64_t r, std::int64_t c) {
        return exact(activation, before.at(r, c));
      });
    }
  });
}

TEST_F(CudaRows, ActivateIsAccurateOverTheWholeRange) {
  // Every f16 value that is a number; large ones must neither overflow nor turn into NaN.
  DeviceRows x(DType::f16, 256, 256);
  for (std::int64_t i = 0; i < 65536; ++i) {
    const auto bits = static_cast<std::uint16_t>(i);
    const float value = __half2float(__ushort_as_half(bits));
    x.host.set(i / 256, i % 256, std::isfinite(value) ? value : 0.0F);
  }
  const HostRows before = x.host;
  for (const Activation activation : kActivations) {
    x.host = before;
    x.upload();
    activate(x.view(), activation, nullptr);
    expect_rows(x, 5e-7, [&](std::int64_t r, std::int64_t c) {
      return exact(activation, before.at(r, c));
    });
  }
}

TEST_F(CudaRows, AddBiasActivateMatchesFloat64) {
  for_all([](DType xt, DType bt, Shape2 shape, RowLayout layout, unsigned seed) {
    for (const Activation activation : kActivations) {
      DeviceRows x(xt, shape.rows, shape.columns, seed, 2.0F, layout);
      const DeviceRows bias(bt, 1, shape.columns, seed + 1, 1.0F, layout);
      const HostRows before = x.host;
      add_bias_activate(x.view(), bias.view(), activation, nullptr);
      expect_rows(x, kActivationSlack, [&](std::int64_t r, std::int64_t c) {
        return exact(activation, before.at(r, c) + bias.at(0, c));
      });
    }
  });
}

TEST_F(CudaRows, SiluMulMatchesFloat64) {
  for_each([](DType dtype, Shape2 shape, RowLayout layout, unsigned seed) {
    const DeviceRows src(dtype, shape.rows, 2 * shape.columns, seed, 2.0F, layout);
    DeviceRows dst(dtype, shape.rows, shape.columns, layout);
    silu_mul(dst.view(), src.view(), nullptr);
    expect_rows(dst, 1e-5, [&](std::int64_t r, std::int64_t c) {
      return exact(Activation::silu, src.at(r, c)) * src.at(r, shape.columns + c);
    });
  });
}

TEST_F(CudaRows, SelectRowReadsTheIndexOnTheDevice) {
  const DeviceArray<int> index({2, 0, 1});
  for_all([&](DType dt, DType tt, Shape2 shape, RowLayout layout, unsigned seed) {
    if (shape.rows < 3) return;
    const DeviceRows table(tt, 3, shape.columns, seed, 2.0F, layout);
    for (int i = 0; i < 3; ++i) {
      DeviceRows dst(dt, 1, shape.columns, layout);
      select_row(dst.view(), table.view(), index.data() + i, nullptr);
      expect_rows(dst, 0.0, [&](std::int64_t, std::int64_t c) {
        return table.at(index.host[static_cast<std::size_t>(i)], c);
      });
    }
  });
}

TEST_F(CudaRows, RowsMayBeNone) {
  const DeviceRows x(DType::f16, 0, 64);
  EXPECT_NO_THROW(add(x.view(), x.view(), nullptr));
  EXPECT_NO_THROW(copy(x.view(), x.view(), nullptr));
}

TEST_F(CudaRows, RefusesWhatItCannotDo) {
  const DeviceRows x(DType::f16, 4, 64, 1), y(DType::f16, 3, 64, 2), narrow(DType::f16, 4, 32, 3);
  EXPECT_THROW(add(x.view(), y.view(), nullptr), Error);
  EXPECT_THROW(add(x.view(), narrow.view(), nullptr), Error);
  EXPECT_THROW(copy(narrow.view(), x.view(), nullptr), Error);
  EXPECT_THROW(add_gated(x.view(), y.view(), x.view(), nullptr), Error);
  EXPECT_THROW(silu_mul(x.view(), x.view(), nullptr), Error);
  EXPECT_THROW(select_row(x.view(), x.view(), nullptr, nullptr), Error);
  Rows integers = x.view();
  integers.dtype = DType::i16;
  EXPECT_THROW(scale(integers, 2.0F, nullptr), Error);
  Rows overlapping = x.view();
  overlapping.row_stride = 32;
  EXPECT_THROW(scale(overlapping, 2.0F, nullptr), Error);
}

}  // namespace
}  // namespace sinter::ops::cuda::test
