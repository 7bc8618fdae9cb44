#include "ops/key_selection.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "ops/test_support.h"

namespace sinter::ops::test {
namespace {

SINTER_OPS_TEST_SUITE(KeySelection);

struct Size {
  std::int64_t queries, keys, heads, dim, kept;
};
// Around the width of a panel of keys, and more queries than are worked on together.
const Size kSizes[] = {{3, 1, 2, 8, 1},
                       {1, 32, 1, 64, 5},
                       {7, 33, 3, 16, 33},
                       {70, 131, 2, 64, 43},
                       {5, 300, 4, 37, 1}};

const float* at(const HeadView& view, std::int64_t token, std::int64_t head) {
  return view.at(token, head);
}

double dot(const float* a, const float* b, std::int64_t count) {
  double sum = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += double{a[i]} * b[i];
  return sum;
}

struct Case {
  explicit Case(const Size& s, Context& ctx)
      : size(s),
        q_values(random_values({s.queries, s.heads * s.dim}, 1, 0.5F)),
        k_values(random_values({s.keys, s.heads * s.dim}, 2)),
        v_values(random_values({s.keys, s.heads * s.dim}, 3)),
        q(heads_of(q_values.tensor(), s.heads, s.dim)),
        k(heads_of(k_values.tensor(), s.heads, s.dim)),
        v(heads_of(v_values.tensor(), s.heads, s.dim)),
        packed(ctx, k, v) {}
  const Size size;
  Guarded q_values, k_values, v_values;
  HeadView q, k, v;
  PackedKeyValues packed;
};

// Upstream's form, a mean of products, in float64: every kept key scores at least as much as every
// other one, up to the rounding of the float32 scores (64 products of order 1: 1e-5 is ample).
TEST_P(KeySelection, TopKeysHaveTheLargestMeanProducts) {
  for (const Size& size : kSizes) {
    SCOPED_TRACE(size.keys);
    const Case c(size, ctx);
    Guarded mean({size.heads, size.dim});
    for (std::int64_t head = 0; head < size.heads; ++head) {
      for (std::int64_t i = 0; i < size.dim; ++i) {
        double sum = 0;
        for (std::int64_t n = 0; n < size.queries; ++n) sum += at(c.q, n, head)[i];
        mean[head * size.dim + i] = static_cast<float>(sum / static_cast<double>(size.queries));
      }
    }
    const KeyLists lists = top_keys(ctx, c.packed, mean.tensor(), size.kept);
    ASSERT_EQ(lists.heads, size.heads);
    ASSERT_EQ(lists.count, size.kept);
    for (std::int64_t head = 0; head < size.heads; ++head) {
      const auto* begin = lists.index.data() + head * size.kept;
      const std::set<std::int32_t> kept(begin, begin + size.kept);
      ASSERT_EQ(std::ssize(kept), size.kept);
      EXPECT_TRUE(std::is_sorted(begin, begin + size.kept));
      double least = 1e9, most = -1e9;
      for (std::int64_t key = 0; key < size.keys; ++key) {
        double score = 0;
        for (std::int64_t n = 0; n < size.queries; ++n) {
          score += dot(at(c.q, n, head), at(c.k, key, head), size.dim);
        }
        score /= static_cast<double>(size.queries);
        const bool in = kept.contains(static_cast<std::int32_t>(key));
        (in ? least : most) = in ? std::min(least, score) : std::max(most, score);
      }
      EXPECT_GE(least, most - 1e-5);
    }
  }
}

TEST_P(KeySelection, OfEqualKeysTheFirstAreKept) {
  Guarded same({40, 8}), mean({1, 8});
  for (std::int64_t i = 0; i < 320; ++i) same[i] = static_cast<float>(i % 8) - 2.5F;
  for (std::int64_t i = 0; i < 8; ++i) mean[i] = 0.75F;
  const HeadView keys = heads_of(same.tensor(), 1, 8);
  const KeyLists lists = top_keys(ctx, {ctx, keys, keys}, mean.tensor(), 5);
  EXPECT_EQ(lists.index, (std::vector<std::int32_t>{0, 1, 2, 3, 4}));
}

TEST_P(KeySelection, MarksKeysWithWeightForSomeQuery) {
  constexpr double kThreshold = 1e-3;
  std::int64_t on = 0, off = 0;
  for (const Size& size : kSizes) {
    SCOPED_TRACE(size.keys);
    const Case c(size, ctx);
    std::vector<double> largest(static_cast<std::size_t>(size.keys));
    for (std::int64_t n = 0; n < size.queries; ++n) {
      std::vector<double> mean(largest.size());
      for (std::int64_t head = 0; head < size.heads; ++head) {
        std::vector<double> weight;
        for (std::int64_t key = 0; key < size.keys; ++key) {
          weight.push_back(std::exp(dot(at(c.q, n, head), at(c.k, key, head), size.dim)));
        }
        const double sum = std::accumulate(weight.begin(), weight.end(), 0.0);
        for (std::size_t key = 0; key < mean.size(); ++key) {
          mean[key] += weight[key] / sum / static_cast<double>(size.heads);
        }
      }
      for (std::size_t key = 0; key < mean.size(); ++key) {
        largest[key] = std::max(largest[key], mean[key]);
      }
    }
    std::vector<std::uint8_t> marked(largest.size());
    mark_attended_keys(ctx, c.packed, c.q, static_cast<float>(kThreshold), marked);
    for (std::size_t key = 0; key < largest.size(); ++key) {
      if (std::abs(largest[key] / kThreshold - 1) < 1e-4) continue;  // rounding may decide
      EXPECT_EQ(marked[key] != 0, largest[key] > kThreshold) << key;
      ++(marked[key] != 0 ? on : off);
    }
    const KeyLists lists = marked_keys(size.heads, marked);
    ASSERT_EQ(std::ssize(lists.index), size.heads * lists.count);
    EXPECT_EQ(lists.count, std::count(marked.begin(), marked.end(), 1));
    for (std::size_t i = 0; i < lists.index.size(); ++i) {
      EXPECT_EQ(marked[static_cast<std::size_t>(lists.index[i])], 1);
      EXPECT_EQ(lists.index[i], lists.index[i % static_cast<std::size_t>(lists.count)]);
    }
  }
  EXPECT_GT(on, 100);
  EXPECT_GT(off, 50);
}

// Attention over gathered keys is, to the byte, attention over the same keys packed afresh.
TEST_P(KeySelection, GatheredKeysAreTheListedOnes) {
  for (const Size& size : kSizes) {
    SCOPED_TRACE(size.keys);
    const Case c(size, ctx);
    const std::int64_t width = size.heads * size.dim;
    std::mt19937 random(7);
    KeyLists lists{size.heads, size.kept, {}};
    Guarded k_chosen({size.kept, width}), v_chosen({size.kept, width});
    for (std::int64_t head = 0; head < size.heads; ++head) {
      for (std::int64_t n = 0; n < size.kept; ++n) {
        const auto key = static_cast<std::int64_t>(random() % static_cast<unsigned>(size.keys));
        lists.index.push_back(static_cast<std::int32_t>(key));
        const std::int64_t to = n * width + head * size.dim;
        std::copy_n(at(c.k, key, head), size.dim, k_chosen.data() + to);
        std::copy_n(at(c.v, key, head), size.dim, v_chosen.data() + to);
      }
    }
    Guarded expected({size.queries, width}), got({size.queries, width});
    attention(ctx,
              c.q,
              heads_of(k_chosen.tensor(), size.heads, size.dim),
              heads_of(v_chosen.tensor(), size.heads, size.dim),
              heads_of(expected.tensor(), size.heads, size.dim));
    ctx.threads = 3;
    const PackedKeyValues gathered = c.packed.gather(ctx, lists);
    EXPECT_EQ(gathered.keys(), size.kept);
    attention(ctx, c.q, gathered, heads_of(got.tensor(), size.heads, size.dim));
    EXPECT_TRUE(same_bytes(expected.copy(), got.copy()));
    ctx.threads = 1;
  }
}

// A broken model must end in an error about its values, not in a broken sort or an empty list.
TEST_P(KeySelection, NaNIsSurvived) {
  Case c({9, 70, 2, 16, 20}, ctx);
  Guarded mean({2, 16});
  for (std::int64_t i = 0; i < 32; ++i) mean[i] = i % 3 == 0 ? kNaN : 1.0F;
  EXPECT_EQ(std::ssize(top_keys(ctx, c.packed, mean.tensor(), 20).index), 40);
  for (std::int64_t i = 0; i < 9 * 32; ++i) c.q_values[i] = kNaN;
  std::vector<std::uint8_t> marked(70);
  mark_attended_keys(ctx, c.packed, c.q, 1e-6F, marked);
  EXPECT_EQ(marked_keys(2, marked).count, 70);
}

TEST_P(KeySelection, WrongSizesAreRefused) {
  const Case c(kSizes[1], ctx);
  Guarded mean({1, 64});
  for (const std::int64_t count : {0, 33}) {
    expect_error(ErrorCode::invalid_argument, {"1..32", cat(count)}, [&] {
      top_keys(ctx, c.packed, mean.tensor(), count);
    });
  }
  std::vector<std::uint8_t> marks(31);
  expect_error(ErrorCode::invalid_argument, {"32", "31"}, [&] {
    mark_attended_keys(ctx, c.packed, c.q, 0.1F, marks);
  });
  expect_error(ErrorCode::invalid_argument, {"below 32"}, [&] {
    c.packed.gather(ctx, {1, 1, {32}});
  });
  expect_error(ErrorCode::invalid_argument, {"below 32"}, [&] {
    c.packed.gather(ctx, {1, 0, {}});
  });
}

}  // namespace
}  // namespace sinter::ops::test
