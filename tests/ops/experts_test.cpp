#include "ops/experts.h"

#include "ops/test_support.h"

namespace sinter::ops::test {
namespace {

SINTER_OPS_TEST_SUITE(Experts);

/// The rows of one expert and their weights.
struct ExpertRows {
  std::vector<std::int64_t> rows;
  std::vector<float> weights;
};

/// The places of each expert, proven to be those that the rows name.
std::vector<ExpertRows> by_expert(const Routing& routing) {
  std::vector<ExpertRows> result(static_cast<std::size_t>(routing.experts()));
  const std::int32_t* const first = routing.first.ptr<std::int32_t>();
  EXPECT_EQ(first[0], 0);
  EXPECT_EQ(first[result.size()], routing.places());
  std::vector<int> seen(static_cast<std::size_t>(routing.rows));
  const std::int32_t* const row_places = routing.row_places.ptr<std::int32_t>();
  for (std::size_t e = 0; e < result.size(); ++e) {
    for (std::int64_t place = first[e]; place < first[e + 1]; ++place) {
      const std::int32_t row = routing.place_rows.ptr<std::int32_t>()[place];
      result[e].rows.push_back(row);
      result[e].weights.push_back(routing.place_weights.f32()[place]);
      const int k = seen[static_cast<std::size_t>(row)]++;
      EXPECT_EQ(row_places[row * routing.top_k + k], place) << "row " << row;
    }
  }
  return result;
}

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
      const auto routing = by_expert(route_experts(ctx, logits.tensor(), top_k));
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
  const auto routing = by_expert(route_experts(ctx, logits.tensor(), 2));
  EXPECT_EQ(routing[0].rows, (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(routing[1].rows, (std::vector<std::int64_t>{0, 1}));
  EXPECT_EQ(routing[2].rows, (std::vector<std::int64_t>{0}));
  EXPECT_EQ(routing[3].rows, (std::vector<std::int64_t>{2}));
  EXPECT_EQ(routing[1].weights[1], 0.25F);
}

// Far logits do not overflow; numbers that are none come out as such and name every row top_k
// times.
TEST_P(Experts, TakesExtremeLogits) {
  Guarded logits({2, 3});
  const float values[] = {3e38F, -3e38F, 1, kNaN, 1, 2};
  std::copy(std::begin(values), std::end(values), logits.data());
  const auto routing = by_expert(route_experts(ctx, logits.tensor(), 2));
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
  constexpr std::int64_t kRows = 9, kColumns = 37;
  constexpr int kTopK = 3;
  Guarded logits = random_values({kRows, 6}, 1, 2.0F), wide = random_values({kRows, 50}, 2),
          y = random_values({kRows * kTopK, kColumns}, 3);
  const Routing routing = route_experts(ctx, logits.tensor(), kTopK);
  const RowView x = columns(wide.tensor(), 5, 5 + kColumns);
  const Tensor gathered = gather_rows(ctx, x, routing);
  ASSERT_EQ(gathered.shape, Shape({kRows * kTopK, kColumns}));
  std::vector<float> before = wide.copy();
  std::vector<double> expected(before.begin(), before.end());
  for (std::int64_t place = 0; place < routing.places(); ++place) {
    const std::int64_t row = routing.place_rows.ptr<std::int32_t>()[place];
    for (std::int64_t c = 0; c < kColumns; ++c) {
      ASSERT_EQ(gathered.f32()[place * kColumns + c], wide[row * 50 + 5 + c]);
      expected[static_cast<std::size_t>(row * 50 + 5 + c)] +=
          double{routing.place_weights.f32()[place]} * double{y[place * kColumns + c]};
    }
  }
  scatter_add_rows(ctx, x, routing, y.tensor());
  ASSERT_TRUE(wide.intact());
  for (std::int64_t i = 0; i < kRows * 50; ++i) {
    const bool inside = i % 50 >= 5 && i % 50 < 5 + kColumns;
    // three additions of terms of a few units; what is beside the columns stays
    ASSERT_NEAR(wide[i], expected[static_cast<std::size_t>(i)], inside ? 2e-6 : 0.0);
  }
}

/// Each place by its own expert's weight; an expert without places among them.
TEST_P(Experts, MultipliesEachPlaceByItsExpert) {
  constexpr std::int64_t kRows = 37, kIn = 21, kOut = 13, kExperts = 5;
  Guarded logits = random_values({kRows, kExperts}, 41), rows = random_values({kRows, kIn}, 42);
  for (std::int64_t r = 0; r < kRows; ++r) logits.data()[r * kExperts + 3] = -40.0F;
  std::vector<Guarded> weights, biases;
  std::vector<LinearWeight> packed;
  for (unsigned e = 0; e < kExperts; ++e) {
    weights.push_back(random_values({kOut, kIn}, 50 + e));
    biases.push_back(random_values({kOut}, 60 + e));
    packed.emplace_back(weights[e].tensor(), biases[e].tensor());
  }
  std::vector<const LinearWeight*> all;
  for (const LinearWeight& weight : packed) all.push_back(&weight);
  const Routing routing = route_experts(ctx, logits.tensor(), 2);
  const Tensor x = gather_rows(ctx, rows.tensor(), routing);
  Guarded y({routing.places(), kOut});
  linear_experts(ctx, x, all, routing, Activation::silu, y.tensor());
  ASSERT_TRUE(y.intact());
  const std::vector<ExpertRows> experts = by_expert(routing);
  EXPECT_TRUE(experts[3].rows.empty());
  std::int64_t place = 0;
  for (std::size_t e = 0; e < experts.size(); ++e) {
    for (const std::int64_t row : experts[e].rows) {
      for (std::int64_t o = 0; o < kOut; ++o) {
        double sum = biases[e][o];
        for (std::int64_t i = 0; i < kIn; ++i) {
          sum += double{rows[row * kIn + i]} * weights[e][o * kIn + i];
        }
        // 21 products of values up to 4 and their sum, 6e-8 each
        ASSERT_NEAR(y[place * kOut + o], sum / (1 + std::exp(-sum)), 2e-5);
      }
      ++place;
    }
  }
  all.pop_back();
  expect_error(ErrorCode::invalid_argument, {"[linear_experts]", "expected 5", "got 4"}, [&] {
    linear_experts(ctx, x, all, routing, Activation::none, y.tensor());
  });
}

TEST_P(Experts, TakesNoRows) {
  Guarded logits({0, 4}), x({0, 5});
  const Routing routing = route_experts(ctx, logits.tensor(), 2);
  for (int e = 0; e <= 4; ++e) EXPECT_EQ(routing.first.ptr<std::int32_t>()[e], 0);
  const Tensor gathered = gather_rows(ctx, x.tensor(), routing);
  EXPECT_EQ(gathered.shape, Shape({0, 5}));
  scatter_add_rows(ctx, x.tensor(), routing, gathered);
}

TEST_P(Experts, BytesDoNotDependOnThreads) {
  expect_same_for_any_threads([&] {
    Guarded logits = random_values({200, 8}, 3, 2.0F), x = random_values({200, 300}, 4),
            y = random_values({400, 300}, 5);
    const Routing routing = route_experts(ctx, logits.tensor(), 2);
    scatter_add_rows(ctx, x.tensor(), routing, y.tensor());
    return copy_of(gather_rows(ctx, x.tensor(), routing));
  });
}

TEST_P(Experts, RejectsWrongArguments) {
  Guarded logits = random_values({4, 3}, 6), x = random_values({5, 3}, 7);
  const auto code = ErrorCode::invalid_argument;
  expect_error(code, {"[route_experts]", "top_k", "1..3", "got 4"}, [&] {
    route_experts(ctx, logits.tensor(), 4);
  });
  expect_error(code, {"top_k", "got 0"}, [&] { route_experts(ctx, logits.tensor(), 0); });
  const Routing routing = route_experts(ctx, logits.tensor(), 2);
  expect_error(code, {"[gather_rows]", "expected 4 rows", "got 5"}, [&] {
    gather_rows(ctx, x.tensor(), routing);
  });
  expect_error(code, {"[scatter_add_rows]", "x: expected 4 rows", "got 5"}, [&] {
    scatter_add_rows(ctx, x.tensor(), routing, x.tensor());
  });
  expect_error(code, {"[scatter_add_rows]", "y: expected 8 rows of 3", "got 5"}, [&] {
    scatter_add_rows(ctx, logits.tensor(), routing, x.tensor());
  });
}

}  // namespace
}  // namespace sinter::ops::test
