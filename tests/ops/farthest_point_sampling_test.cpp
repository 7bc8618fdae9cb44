#include "ops/farthest_point_sampling.h"

#include <set>

#include "ops/test_support.h"

namespace sinter::ops::test {
namespace {

SINTER_OPS_TEST_SUITE(FarthestPointSampling);

std::vector<std::int64_t> indices(const Tensor& picked) {
  const std::int64_t* p = picked.ptr<std::int64_t>();
  return {p, p + picked.elements()};
}

/// For each pick, the largest distance to the picks before it over all points, and the pick's own.
void expect_greedy(Guarded& points, std::int64_t total, const std::vector<std::int64_t>& picked) {
  for (std::size_t n = 1; n < picked.size(); ++n) {
    double farthest = 0.0, own = 0.0;
    for (std::int64_t i = 0; i < total; ++i) {
      double nearest = 1e300;
      for (std::size_t m = 0; m < n; ++m) {
        double squared = 0.0;
        for (int c = 0; c < 3; ++c) {
          const double d = double{points[3 * i + c]} - points[3 * picked[m] + c];
          squared += d * d;
        }
        nearest = std::min(nearest, squared);
      }
      farthest = std::max(farthest, nearest);
      if (i == picked[n]) own = nearest;
    }
    // Equal up to the rounding of squared distances of order 1.
    ASSERT_NEAR(own, farthest, 2e-6) << "pick " << n;
  }
}

TEST_P(FarthestPointSampling, PicksTheFarthestPointEachTime) {
  for (const std::int64_t total : {1, 2, 15, 17, 300, 2500}) {
    Guarded points = random_values({total, 3}, 1, 0.5F);
    const std::int64_t count = std::min<std::int64_t>(total, 25);
    const std::vector<std::int64_t> picked =
        indices(farthest_point_sampling(ctx, points.tensor(), count, total / 2));
    ASSERT_EQ(picked.size(), static_cast<std::size_t>(count));
    EXPECT_EQ(picked[0], total / 2);
    EXPECT_EQ(std::set<std::int64_t>(picked.begin(), picked.end()).size(), picked.size());
    expect_greedy(points, total, picked);
  }
}

TEST_P(FarthestPointSampling, PicksEveryPointOnce) {
  Guarded points = random_values({40, 3}, 2);
  std::vector<std::int64_t> picked = indices(farthest_point_sampling(ctx, points.tensor(), 40, 3));
  std::sort(picked.begin(), picked.end());
  for (std::int64_t i = 0; i < 40; ++i) EXPECT_EQ(picked[static_cast<std::size_t>(i)], i);
}

TEST_P(FarthestPointSampling, BreaksTiesTowardsTheLowestIndex) {
  // Corners of a square around the start: all four equally far, then two opposite ones.
  Guarded points({70, 3});
  for (std::int64_t i = 0; i < 70; ++i) {
    points[3 * i] = points[3 * i + 1] = points[3 * i + 2] = 0.0F;
  }
  const float corners[4][2] = {{1, 1}, {-1, 1}, {1, -1}, {-1, -1}};
  for (int k = 0; k < 4; ++k) {
    points[3 * (20 + 10 * k)] = corners[k][0];
    points[3 * (20 + 10 * k) + 1] = corners[k][1];
  }
  const std::vector<std::int64_t> picked =
      indices(farthest_point_sampling(ctx, points.tensor(), 7, 5));
  // After the corners only copies of the start remain, at distance 0: lowest index first.
  EXPECT_EQ(picked, (std::vector<std::int64_t>{5, 20, 30, 40, 50, 0, 1}));
}

TEST_P(FarthestPointSampling, BreaksTiesAcrossBlocksAndThreads) {
  constexpr std::int64_t kTotal = 40000;
  Guarded points({kTotal, 3});
  for (std::int64_t i = 0; i < 3 * kTotal; ++i) points[i] = 0.0F;
  for (const std::int64_t far : {1500, 9000, 30000, 39999}) points[3 * far] = 1.0F;
  for (const int threads : {1, 2, 3}) {
    ctx.threads = threads;
    // Copies of the first pick have distance 0 then, as have those of the start.
    EXPECT_EQ(indices(farthest_point_sampling(ctx, points.tensor(), 4, 7)),
              (std::vector<std::int64_t>{7, 1500, 0, 1}));
  }
}

TEST_P(FarthestPointSampling, DoesNotDependOnThreads) {
  Guarded points = random_values({70000, 3}, 3);
  const auto run = [&] { return indices(farthest_point_sampling(ctx, points.tensor(), 12, 9)); };
  const std::vector<std::int64_t> expected = run();
  for (const int threads : {2, 3, 4}) {
    ctx.threads = threads;
    EXPECT_EQ(run(), expected) << threads;
  }
}

TEST_P(FarthestPointSampling, RejectsWrongArguments) {
  Guarded points = random_values({10, 3}, 4), wide = random_values({10, 4}, 5);
  const auto bad = ErrorCode::invalid_argument;
  const auto run = [&](Guarded& p, std::int64_t count, std::int64_t start) {
    return [&, count, start] { farthest_point_sampling(ctx, p.tensor(), count, start); };
  };
  expect_error(bad, {"[farthest_point_sampling]", "count 11"}, run(points, 11, 0));
  expect_error(bad, {"[farthest_point_sampling]", "count 0"}, run(points, 0, 0));
  expect_error(bad, {"[farthest_point_sampling]", "start 10"}, run(points, 5, 10));
  expect_error(bad, {"[farthest_point_sampling]", "start -1"}, run(points, 5, -1));
  expect_error(bad, {"[farthest_point_sampling]", "[10, 3]", "[10, 4]"}, run(wide, 5, 0));
}

}  // namespace
}  // namespace sinter::ops::test
