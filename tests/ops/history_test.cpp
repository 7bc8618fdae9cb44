#include "ops/history.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ops/test_support.h"

namespace sinter::ops {
namespace {

TEST(History, KeepsRowsInARing) {
  Context ctx;
  std::vector<float> table(3 * 10, -1.0F);
  const Tensor ring{.data = table.data(), .shape = {3, 5, 2}, .name = "ring"};
  for (int place = 0; place < 5; ++place) {
    std::vector<float> x(10);
    for (std::size_t i = 0; i < 10; ++i)
      x[i] = static_cast<float>(10 * place) + static_cast<float>(i);
    store_row(ctx, ring, place, {.data = x.data(), .shape = {5, 2}, .name = "x"});
  }
  EXPECT_EQ(table[0], 30.0F);
  EXPECT_EQ(table[19], 49.0F);
  EXPECT_EQ(table[29], 29.0F);
}

TEST(History, SumsMatchFloat64ForAnyThreads) {
  for (const std::int64_t count : {1, 7, 70001}) {
    std::vector<float> table(static_cast<std::size_t>(4 * count)),
        out(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < table.size(); ++i)
      table[i] = std::sin(0.37F * static_cast<float>(i));
    // A row of weight 0 may hold anything.
    std::fill_n(table.begin() + 2 * count, count, std::numeric_limits<float>::quiet_NaN());
    std::vector<float> weights = {1.5F, -0.75F, 0.0F, 0.25F};
    const Tensor rows{.data = table.data(), .shape = {4, count}, .name = "rows"};
    const Tensor w{.data = weights.data(), .shape = {4}, .name = "w"};
    const Tensor dst{.data = out.data(), .shape = {count}, .name = "dst"};
    std::vector<float> first;
    for (const int threads : {1, 3}) {
      Context ctx;
      ctx.threads = threads;
      weighted_rows(ctx, rows, w, dst);
      for (std::int64_t i = 0; i < count; ++i) {
        double sum = 0;
        for (const int j : {0, 1, 3}) {
          sum += static_cast<double>(weights[static_cast<std::size_t>(j)]) *
                 static_cast<double>(table[static_cast<std::size_t>(j * count + i)]);
        }
        ASSERT_NEAR(
            out[static_cast<std::size_t>(i)], sum, 5e-7);  // three roundings of values near 2
      }
      if (threads == 1) first = out;
      EXPECT_EQ(out, first);
    }
  }
}

TEST(History, ChangesMatchFloat64ForAnyThreads) {
  for (const std::int64_t count : {1, 1000, 100003}) {
    std::vector<float> a(static_cast<std::size_t>(count)), b(a), sums(2), first;
    double difference = 0, size = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      a[i] = std::sin(0.37F * static_cast<float>(i));
      b[i] = std::cos(0.21F * static_cast<float>(i)) - 0.2F;
      difference += std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
      size += std::abs(static_cast<double>(b[i]));
    }
    for (const int threads : {1, 3}) {
      Context ctx;
      ctx.threads = threads;
      measure_change(ctx,
                     {.data = a.data(), .shape = {count}, .name = "a"},
                     {.data = b.data(), .shape = {count}, .name = "b"},
                     {.data = sums.data(), .shape = {2}, .name = "sums"});
      EXPECT_NEAR(sums[0] / difference, 1, 1e-7);
      EXPECT_NEAR(sums[1] / size, 1, 1e-7);
      if (threads == 1) first = sums;
      EXPECT_EQ(sums, first);
    }
  }
}

TEST(History, RefusesOtherSizes) {
  Context ctx;
  std::vector<float> values(12, 1.0F);
  const auto view = [&](Shape shape) {
    return Tensor{.data = values.data(), .shape = shape, .name = "v"};
  };
  EXPECT_THROW(store_row(ctx, view({3, 4}), 0, view({5})), Error);
  EXPECT_THROW(weighted_rows(ctx, view({3, 4}), view({2}), view({4})), Error);
  EXPECT_THROW(measure_change(ctx, view({4}), view({5}), view({2})), Error);
  EXPECT_THROW(measure_change(ctx, view({4}), view({4}), view({3})), Error);
}

}  // namespace
}  // namespace sinter::ops
