#include "ops/key_selection.h"

#include <algorithm>
#include <array>
#include <numeric>

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

  /// Two of different sizes where there are queries enough.
  std::vector<std::int64_t> groups() const {
    const std::int64_t first = size.queries / 3;
    if (first == 0) return {size.queries};
    return {first, size.queries - first};
  }
};

/// Whether a group's head keeps a key: [group][head][key].
using Kept = std::vector<std::vector<std::vector<bool>>>;

/// What a rule chooses of the keys, whatever their values. Keys are told apart by values that are
/// one in a channel of their own: a query of zeros gives the mean of those that were kept.
template <class Choose>
Kept kept_by(Context& ctx, const HeadView& k, std::size_t groups, const Choose& choose) {
  const std::int64_t width = k.heads * k.dim;
  Kept kept(
      groups,
      {static_cast<std::size_t>(k.heads), std::vector<bool>(static_cast<std::size_t>(k.tokens))});
  for (std::int64_t first = 0; first < k.tokens; first += k.dim) {
    Guarded values({k.tokens, width}), query({1, width}), mean({1, width});
    for (std::int64_t i = 0; i < k.tokens * width; ++i)
      values[i] = i / width - first == i % k.dim ? 1.0F : 0.0F;
    for (std::int64_t i = 0; i < width; ++i) query[i] = 0.0F;
    const std::vector<PackedKeyValues> chosen =
        choose(PackedKeyValues(ctx, k, heads_of(values.tensor(), k.heads, k.dim)));
    EXPECT_EQ(chosen.size(), groups);
    for (std::size_t group = 0; group < chosen.size(); ++group) {
      attention(ctx,
                heads_of(query.tensor(), k.heads, k.dim),
                chosen[group],
                heads_of(mean.tensor(), k.heads, k.dim));
      for (std::int64_t i = 0; i < width; ++i) {
        const std::int64_t key = first + i % k.dim;
        if (key < k.tokens && mean[i] != 0.0F)
          kept[group][static_cast<std::size_t>(i / k.dim)][static_cast<std::size_t>(key)] = true;
      }
    }
  }
  return kept;
}

// Upstream's form, a mean of products, in float64: every kept key scores at least as much as every
// other one, up to the rounding of the float32 scores (64 products of order 1: 1e-5 is ample).
TEST_P(KeySelection, TopKeysHaveTheLargestMeanProducts) {
  for (const Size& size : kSizes) {
    SCOPED_TRACE(size.keys);
    const Case c(size, ctx);
    const std::vector<std::int64_t> groups = c.groups();
    const Kept kept = kept_by(ctx, c.k, groups.size(), [&](const PackedKeyValues& keys) {
      return choose_top_keys(ctx, keys, c.q, groups, size.kept);
    });
    std::int64_t first = 0;
    for (std::size_t group = 0; group < groups.size(); ++group) {
      for (std::int64_t head = 0; head < size.heads; ++head) {
        const std::vector<bool>& mine = kept[group][static_cast<std::size_t>(head)];
        ASSERT_EQ(std::count(mine.begin(), mine.end(), true), size.kept);
        double least = 1e9, most = -1e9;
        for (std::int64_t key = 0; key < size.keys; ++key) {
          double score = 0;
          for (std::int64_t n = first; n < first + groups[group]; ++n)
            score += dot(at(c.q, n, head), at(c.k, key, head), size.dim);
          score /= static_cast<double>(groups[group]);
          const bool in = mine[static_cast<std::size_t>(key)];
          (in ? least : most) = in ? std::min(least, score) : std::max(most, score);
        }
        EXPECT_GE(least, most - 1e-5);
      }
      first += groups[group];
    }
  }
}

TEST_P(KeySelection, OfEqualKeysTheFirstAreKept) {
  Guarded same({40, 8}), query({1, 8});
  for (std::int64_t i = 0; i < 320; ++i) same[i] = static_cast<float>(i % 8) - 2.5F;
  for (std::int64_t i = 0; i < 8; ++i) query[i] = 0.75F;
  const Kept kept =
      kept_by(ctx, heads_of(same.tensor(), 1, 8), 1, [&](const PackedKeyValues& keys) {
        return choose_top_keys(ctx, keys, heads_of(query.tensor(), 1, 8), std::array{1L}, 5);
      });
  for (std::size_t key = 0; key < 40; ++key) EXPECT_EQ(kept[0][0][key], key < 5) << key;
}

TEST_P(KeySelection, KeepsKeysWithWeightForSomeQuery) {
  constexpr double kThreshold = 1e-3;
  std::int64_t on = 0, off = 0;
  for (const Size& size : kSizes) {
    SCOPED_TRACE(size.keys);
    const Case c(size, ctx);
    const std::vector<std::int64_t> groups = c.groups();
    const Kept kept = kept_by(ctx, c.k, groups.size(), [&](const PackedKeyValues& keys) {
      return choose_attended_keys(ctx, keys, c.q, groups, static_cast<float>(kThreshold));
    });
    std::int64_t first = 0;
    for (std::size_t group = 0; group < groups.size(); ++group) {
      std::vector<double> largest(static_cast<std::size_t>(size.keys));
      for (std::int64_t n = first; n < first + groups[group]; ++n) {
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
      first += groups[group];
      for (std::size_t key = 0; key < largest.size(); ++key) {
        for (const std::vector<bool>& head : kept[group]) ASSERT_EQ(head[key], kept[group][0][key]);
        if (std::abs(largest[key] / kThreshold - 1) < 1e-4) continue;  // rounding may decide
        EXPECT_EQ(kept[group][0][key], largest[key] > kThreshold) << key;
        ++(kept[group][0][key] ? on : off);
      }
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
  const std::vector<std::int64_t> groups = {4, 5};
  for (std::int64_t i = 0; i < 9 * 32; i += 3) c.q_values[i] = kNaN;
  for (const PackedKeyValues& chosen : choose_top_keys(ctx, c.packed, c.q, groups, 20))
    EXPECT_EQ(chosen.keys(), 20);
  for (const PackedKeyValues& chosen : choose_attended_keys(ctx, c.packed, c.q, groups, 1e-6F))
    EXPECT_EQ(chosen.keys(), 70);
}

TEST_P(KeySelection, WrongSizesAreRefused) {
  const Case c(kSizes[1], ctx), many(kSizes[3], ctx);
  for (const std::int64_t count : {0, 33}) {
    expect_error(ErrorCode::invalid_argument, {"1..32", cat(count)}, [&] {
      choose_top_keys(ctx, c.packed, c.q, std::array{1L}, count);
    });
  }
  for (const std::vector<std::int64_t>& groups :
       {std::vector<std::int64_t>{}, {69}, {70, 0}, {71}, {30, 41}}) {
    expect_error(ErrorCode::invalid_argument, {"70 queries"}, [&] {
      choose_attended_keys(ctx, many.packed, many.q, groups, 0.1F);
    });
  }
  expect_error(ErrorCode::invalid_argument, {"2 heads of 64"}, [&] {
    choose_top_keys(ctx, many.packed, c.q, std::array{1L}, 1);
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
