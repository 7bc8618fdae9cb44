#include "ops/experts.h"

#include "ops/test_support.h"

namespace sinter::ops::test {
namespace {

SINTER_OPS_TEST_SUITE(Experts);

using Rows = std::vector<std::int64_t>;

/// Probabilities of a row in float64.
std::vector<double> softmax(const float* logits, std::int64_t count) {
  std::vector<double> p;
  double total = 0.0;
  for (std::int64_t e = 0; e < count; ++e) total += std::exp(double{logits[e]});
  for (std::int64_t e = 0; e < count; ++e) p.push_back(std::exp(double{logits[e]}) / total);
  return p;
}

TEST_P(Experts, RoutesToTheMostProbable) {
  constexpr std::int64_t kRows = 203;
  for (const std::int64_t count : {1, 2, 5, 8}) {
    for (const int top_k : {1, 2, 5}) {
      if (top_k > count) continue;
      SCOPED_TRACE(cat(count, " experts, top ", top_k));
      Guarded logits = random_values({kRows, count}, 1, 2.0F);
      const std::vector<ExpertRows> routing = route_experts(ctx, logits.tensor(), top_k);
      ASSERT_EQ(routing.size(), static_cast<std::size_t>(count));
      std::vector<int> uses(kRows);
      for (std::int64_t e = 0; e < count; ++e) {
        const ExpertRows& own = routing[static_cast<std::size_t>(e)];
        ASSERT_EQ(own.rows.size(), own.weights.size());
        for (std::size_t i = 0; i < own.rows.size(); ++i) {
          if (i > 0) {
            ASSERT_LT(own.rows[i - 1], own.rows[i]);
          }
          const std::int64_t row = own.rows[i];
          ++uses[static_cast<std::size_t>(row)];
          const std::vector<double> p = softmax(logits.data() + row * count, count);
          const double mine = p[static_cast<std::size_t>(e)];
          // rounded once
          ASSERT_NEAR(own.weights[i], mine, 1e-7);
          const auto above = std::count_if(p.begin(), p.end(), [&](double q) { return q > mine; });
          ASSERT_LT(above, top_k);
        }
      }
      for (const int n : uses) ASSERT_EQ(n, top_k);
    }
  }
}

TEST_P(Experts, GivesTiesToTheLowerIndex) {
  Guarded logits({3, 4});
  const float values[] = {1, 2, 2, 2, 0.5F, 0.5F, 0.5F, 0.5F, 3, -1, 3, 4};
  std::copy(std::begin(values), std::end(values), logits.data());
  const std::vector<ExpertRows> routing = route_experts(ctx, logits.tensor(), 2);
  EXPECT_EQ(routing[0].rows, (Rows{1, 2}));
  EXPECT_EQ(routing[1].rows, (Rows{0, 1}));
  EXPECT_EQ(routing[2].rows, (Rows{0}));
  EXPECT_EQ(routing[3].rows, (Rows{2}));
  EXPECT_EQ(routing[1].weights[1], 0.25F);
}

// Far logits do not overflow; numbers that are none come out as such and name every row top_k
// times.
TEST_P(Experts, TakesExtremeLogits) {
  Guarded logits({2, 3});
  const float values[] = {3e38F, -3e38F, 1, kNaN, 1, 2};
  std::copy(std::begin(values), std::end(values), logits.data());
  const std::vector<ExpertRows> routing = route_experts(ctx, logits.tensor(), 2);
  ASSERT_EQ(routing[0].rows.front(), 0);
  EXPECT_EQ(routing[0].weights.front(), 1.0F);
  std::size_t uses = 0;
  for (const ExpertRows& own : routing) {
    for (std::size_t i = 0; i < own.rows.size(); ++i) {
      uses += own.rows[i] == 1 ? 1U : 0U;
      EXPECT_EQ(std::isnan(own.weights[i]), own.rows[i] == 1);
    }
  }
  EXPECT_EQ(uses, 2U);
}

TEST_P(Experts, GathersAndScatters) {
  Guarded wide = random_values({9, 50}, 2), y = random_values({3, 37}, 3);
  const RowView x = columns(wide.tensor(), 5, 42);
  const Rows rows = {1, 4, 8};
  const std::vector<float> weights = {0.5F, -2.0F, 0.3F};
  const Tensor gathered = gather_rows(ctx, x, rows);
  ASSERT_EQ(gathered.shape, Shape({3, 37}));
  for (std::int64_t i = 0; i < 3; ++i) {
    for (std::int64_t c = 0; c < 37; ++c) {
      ASSERT_EQ(gathered.f32()[i * 37 + c], wide[rows[static_cast<std::size_t>(i)] * 50 + 5 + c]);
    }
  }
  const std::vector<float> before = wide.copy();
  scatter_add_rows(ctx, x, rows, weights, y.tensor());
  ASSERT_TRUE(wide.intact());
  for (std::int64_t r = 0; r < 9; ++r) {
    const auto found = std::find(rows.begin(), rows.end(), r) - rows.begin();
    for (std::int64_t c = 0; c < 50; ++c) {
      const float old = before[static_cast<std::size_t>(r * 50 + c)];
      if (found == 3 || c < 5 || c >= 42) {
        ASSERT_EQ(wide[r * 50 + c], old);
      } else {
        const double factor = weights[static_cast<std::size_t>(found)];
        ASSERT_NEAR(wide[r * 50 + c], old + factor * y[found * 37 + c - 5], 1e-6);
      }
    }
  }
  EXPECT_EQ(gather_rows(ctx, x, {}).dim(0), 0);
}

TEST_P(Experts, BytesDoNotDependOnThreads) {
  expect_same_for_any_threads([&] {
    Guarded x = random_values({400, 300}, 4), y = random_values({200, 300}, 5);
    Rows rows;
    for (std::int64_t r = 0; r < 200; ++r) rows.push_back(2 * r + r % 2);
    const std::vector<float> weights(200, 0.37F);
    scatter_add_rows(ctx, x.tensor(), rows, weights, y.tensor());
    return copy_of(gather_rows(ctx, x.tensor(), rows));
  });
}

TEST_P(Experts, RejectsWrongArguments) {
  Guarded x = random_values({4, 3}, 6), y = random_values({2, 3}, 7);
  const auto code = ErrorCode::invalid_argument;
  expect_error(code, {"[route_experts]", "top_k", "1..3", "got 4"}, [&] {
    route_experts(ctx, x.tensor(), 4);
  });
  expect_error(code, {"top_k", "got 0"}, [&] { route_experts(ctx, x.tensor(), 0); });
  const Rows outside = {0, 4};
  const std::vector<float> two(2), one(1);
  expect_error(
      code, {"[gather_rows]", "below 4", "got 4"}, [&] { gather_rows(ctx, x.tensor(), outside); });
  expect_error(code, {"[scatter_add_rows]", "below 4"}, [&] {
    scatter_add_rows(ctx, x.tensor(), outside, two, y.tensor());
  });
  const Rows inside = {0, 3};
  expect_error(code, {"[scatter_add_rows]", "weights", "expected 2, got 1"}, [&] {
    scatter_add_rows(ctx, x.tensor(), inside, one, y.tensor());
  });
}

}  // namespace
}  // namespace sinter::ops::test
