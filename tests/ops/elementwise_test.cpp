#include "ops/elementwise.h"

#include "ops/activation.h"
#include "ops/test_support.h"

namespace sinter::ops::test {
namespace {

SINTER_OPS_TEST_SUITE(Elementwise);

// A sum of two products, each rounded once at most twice: 2 * 6e-8 relative to the largest term.
constexpr double kTolerance = 3e-7;

const std::int64_t kWidths[] = {1, 3, 15, 16, 17, 64, 101};

/// Runs `op` on columns [2, 2 + width) of rows of width + 5 and compares with expected(x, y,
/// column).
template <class Op, class Expected>
void check_slice(Op op, Expected expected) {
  for (const std::int64_t width : kWidths) {
    const std::int64_t pitch = width + 5;
    Guarded x = random_values({7, pitch}, 1), y = random_values({7, pitch}, 2);
    const std::vector<float> before = x.copy();
    op(columns(x.tensor(), 2, 2 + width), columns(y.tensor(), 1, 1 + width));
    EXPECT_TRUE(x.intact());
    for (std::int64_t r = 0; r < 7; ++r) {
      for (std::int64_t c = 0; c < pitch; ++c) {
        const std::int64_t at = r * pitch + c;
        const float old = before[static_cast<std::size_t>(at)];
        if (c < 2 || c >= 2 + width) {
          ASSERT_EQ(x[at], old) << "written outside the slice";
          continue;
        }
        const double value = expected(double{old}, double{y[at - 1]}, c - 2);
        ASSERT_NEAR(x[at], value, kTolerance * 10.0) << width;
      }
    }
  }
}

TEST_P(Elementwise, Copies) {
  check_slice([&](const RowView& x, const RowView& y) { copy_into(ctx, x, y); },
              [](double, double y, std::int64_t) { return y; });
}

TEST_P(Elementwise, Adds) {
  check_slice([&](auto x, auto y) { add_in_place(ctx, x, y); },
              [](double x, double y, auto) { return x + y; });
}

TEST_P(Elementwise, AddsARowToEveryRow) {
  Guarded x = random_values({2, 3, 37}, 3), row = random_values({37}, 4);
  const std::vector<float> before = x.copy();
  add_in_place(ctx, x.tensor(), row.tensor());
  EXPECT_TRUE(x.intact());
  for (std::int64_t i = 0; i < 6 * 37; ++i) {
    ASSERT_EQ(x[i], before[static_cast<std::size_t>(i)] + row[i % 37]);
  }
}

TEST_P(Elementwise, AddsGated) {
  Guarded gate = random_values({101}, 5);
  check_slice(
      [&](auto x, auto y) {
        Tensor own = gate.tensor();
        own.shape = {x.columns};
        add_gated_in_place(ctx, x, own, y);
      },
      [&](double x, double y, std::int64_t c) { return x + gate[c] * y; });
}

TEST_P(Elementwise, AddsScaled) {
  float factor = 0.0204F;
  const Tensor cell{.data = &factor, .shape = {1}, .name = "factor"};
  check_slice([&](auto x, auto y) { add_scaled_in_place(ctx, x, cell, y); },
              [](double x, double y, auto) { return x + double{0.0204F} * y; });
}

TEST_P(Elementwise, Scales) {
  check_slice([&](auto x, auto) { scale_in_place(ctx, x, -1.7F); },
              [](double x, double, auto) { return x * double{-1.7F}; });
}

TEST_P(Elementwise, Guides) {
  check_slice([&](auto x, auto y) { guide_in_place(ctx, x, y, 5.0F); },
              [](double x, double y, auto) { return x + 5.0 * (y - x); });
}

TEST_P(Elementwise, ActivatesASlice) {
  check_slice([&](auto x, auto) { gelu_erf_in_place(ctx, x); },
              [](double x, double, auto) { return 0.5 * x * std::erfc(-x / std::sqrt(2.0)); });
  check_slice([&](auto x, auto) { gelu_tanh_in_place(ctx, x); },
              [](double x, double, auto) {
                const double u = std::sqrt(2.0 / M_PI) * (x + 0.044715 * x * x * x);
                return 0.5 * x * (1.0 + std::tanh(u));
              });
  check_slice([&](auto x, auto) { silu_in_place(ctx, x); },
              [](double x, double, auto) { return x / (1.0 + std::exp(-x)); });
  check_slice([&](auto x, auto) { activate_in_place(ctx, x, Activation::none); },
              [](double x, double, auto) { return x; });
}

TEST_P(Elementwise, SiluMulTakesHalves) {
  for (const std::int64_t width : kWidths) {
    Guarded x = random_values({3, 2 * width}, 6);
    const Tensor y = silu_mul(ctx, x.tensor());
    ASSERT_EQ(y.shape, Shape({3, width}));
    for (std::int64_t r = 0; r < 3; ++r) {
      for (std::int64_t c = 0; c < width; ++c) {
        const double a = x[r * 2 * width + c], b = x[r * 2 * width + width + c];
        ASSERT_NEAR(y.f32()[r * width + c], a / (1.0 + std::exp(-a)) * b, 10.0 * kTolerance);
      }
    }
  }
}

TEST_P(Elementwise, BytesDoNotDependOnThreads) {
  Guarded x = random_values({401, 203}, 7), y = random_values({401, 203}, 8);
  float factor = 0.3F;
  const Tensor cell{.data = &factor, .shape = {1}, .name = "factor"};
  expect_same_for_any_threads([&] {
    Guarded z = x;
    gelu_erf_in_place(ctx, z.tensor());
    add_scaled_in_place(ctx, z.tensor(), cell, y.tensor());
    guide_in_place(ctx, z.tensor(), y.tensor(), 2.5F);
    EXPECT_TRUE(z.intact());
    return z.copy();
  });
}

TEST_P(Elementwise, RejectsWrongShapes) {
  Guarded x = random_values({3, 8}, 9), y = random_values({3, 7}, 10),
          z = random_values({2, 8}, 11);
  Guarded gate = random_values({7}, 12);
  const Tensor cell = random_values({1}, 13).tensor();
  const auto bad = ErrorCode::invalid_argument;
  expect_error(
      bad, {"[add]", "3 rows of 8", "3 of 7"}, [&] { add_in_place(ctx, x.tensor(), y.tensor()); });
  expect_error(bad, {"[add_scaled]", "3 rows of 8", "2 of 8"}, [&] {
    add_scaled_in_place(ctx, x.tensor(), cell, z.tensor());
  });
  expect_error(
      bad, {"[guide]", "conditional"}, [&] { guide_in_place(ctx, x.tensor(), z.tensor(), 1.0F); });
  expect_error(bad, {"[add_gated]", "gate", "[8]", "[7]"}, [&] {
    add_gated_in_place(ctx, x.tensor(), gate.tensor(), x.tensor());
  });
  expect_error(bad, {"[silu_mul]", "even", "[3, 7]"}, [&] { silu_mul(ctx, y.tensor()); });
  RowView elsewhere = x.tensor();
  elsewhere.device = Device::cuda;
  expect_error(bad, {"[scale]", "cuda"}, [&] { scale_in_place(ctx, elsewhere, 1.0F); });
}

}  // namespace
}  // namespace sinter::ops::test
