#include "ops/attention.h"

#include "ops/test_support.h"

namespace sinter::ops::test {
namespace {

SINTER_OPS_TEST_SUITE(Attention);

/// softmax(scale q k^T + bias) v in float64, the full score row in memory.
std::vector<double> reference(
    const HeadView& q, const HeadView& k, const HeadView& v, double scale, double first_key_bias) {
  const auto at = [](const HeadView& view, std::int64_t token, std::int64_t head) {
    return view.at(token, head);
  };
  std::vector<double> dst;
  std::vector<double> weights(static_cast<std::size_t>(k.tokens));
  for (std::int64_t token = 0; token < q.tokens; ++token) {
    for (std::int64_t head = 0; head < q.heads; ++head) {
      double top = -1e300;
      for (std::int64_t key = 0; key < k.tokens; ++key) {
        double dot = 0.0;
        for (std::int64_t c = 0; c < q.dim; ++c) {
          dot += double{at(q, token, head)[c]} * at(k, key, head)[c];
        }
        double& weight = weights[static_cast<std::size_t>(key)];
        weight = dot * scale + (key == 0 ? first_key_bias : 0.0);
        top = std::max(top, weight);
      }
      double total = 0.0;
      for (double& weight : weights) total += weight = std::exp(weight - top);
      for (std::int64_t c = 0; c < q.dim; ++c) {
        double sum = 0.0;
        for (std::int64_t key = 0; key < k.tokens; ++key) {
          sum += weights[static_cast<std::size_t>(key)] * at(v, key, head)[c];
        }
        dst.push_back(sum / total);
      }
    }
  }
  return dst;
}

void expect_near(Guarded& actual, const std::vector<double>& expected, double tolerance) {
  ASSERT_TRUE(actual.intact());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    ASSERT_NEAR(actual[static_cast<std::int64_t>(i)], expected[i], tolerance) << "element " << i;
  }
}

// Logits are of order 1, known to about 1e-6 after a sum over dim and a product with log2 e;
// weights sum to 1 and values are of order 1, so that error passes to the result unchanged.
constexpr double kTolerance = 4e-6;

struct Size {
  std::int64_t queries, keys, heads, dim;
};

// One key, one query; keys around the width of a panel and of a block; many queries; odd head
// sizes.
const Size kSizes[] = {{1, 1, 1, 1},
                       {1, 1, 2, 64},
                       {5, 1, 3, 8},
                       {3, 31, 2, 64},
                       {17, 32, 1, 64},
                       {16, 33, 2, 16},
                       {7, 127, 3, 37},
                       {14, 128, 2, 64},
                       {113, 129, 2, 64},
                       {225, 40, 1, 48},
                       {50, 300, 2, 128},
                       {57, 129, 3, 128},
                       {4, 1370, 1, 128},
                       {2, 1100, 1, 64},
                       {29, 257, 4, 80}};

TEST_P(Attention, MatchesFloat64) {
  for (const Size& s : kSizes) {
    SCOPED_TRACE(cat(s.queries, " x ", s.keys, ", ", s.heads, " heads of ", s.dim));
    const std::int64_t width = s.heads * s.dim;
    Guarded q = random_values({s.queries, width}, 1), k = random_values({s.keys, width}, 2);
    Guarded v = random_values({s.keys, width}, 3), y({s.queries, width});
    const HeadView qs = heads_of(q.tensor(), s.heads, s.dim);
    const HeadView ks = heads_of(k.tensor(), s.heads, s.dim);
    const HeadView vs = heads_of(v.tensor(), s.heads, s.dim);
    attention(ctx, qs, ks, vs, heads_of(y.tensor(), s.heads, s.dim));
    const double scale = 1.0 / std::sqrt(static_cast<double>(s.dim));
    expect_near(y, reference(qs, ks, vs, scale, 0.0), kTolerance);
  }
}

TEST_P(Attention, TakesScaleAndFirstKeyBias) {
  // More than two blocks of keys: the bias belongs to the first key of the first.
  Guarded q = random_values({20, 64}, 4), kv = random_values({600, 128}, 5), y({20, 64});
  const HeadView qs = heads_of(q.tensor(), 2, 32);
  const HeadView ks = heads_of(kv.tensor(), 2, 32, 0, 64);
  const HeadView vs = heads_of(kv.tensor(), 2, 32, 32, 64);
  for (const float scale : {0.3F, -0.2F, 0.01F}) {
    for (const float bias : {0.0F, 7.22F, -3.0F}) {
      attention(ctx, qs, ks, vs, heads_of(y.tensor(), 2, 32), {scale, bias});
      // Logits reach 19 in units of log2, where a rounding is 1e-6, as is each that led there.
      expect_near(y, reference(qs, ks, vs, double{scale}, double{bias}), 3.0 * kTolerance);
    }
  }
}

TEST_P(Attention, FirstKeyBiasCountsAKeyManyTimes) {
  // One key with a bias of ln n against n copies of that key.
  constexpr std::int64_t kCopies = 90;
  Guarded q = random_values({11, 32}, 6), k = random_values({40, 32}, 7);
  Guarded v = random_values({40, 32}, 8), folded({11, 32}), plain({11, 32});
  Guarded many_k({kCopies + 39, 32}), many_v({kCopies + 39, 32});
  for (std::int64_t key = 0; key < kCopies + 39; ++key) {
    const std::int64_t from = key < kCopies ? 0 : key - kCopies + 1;
    for (std::int64_t c = 0; c < 32; ++c) {
      many_k[key * 32 + c] = k[from * 32 + c];
      many_v[key * 32 + c] = v[from * 32 + c];
    }
  }
  const auto heads = [](Guarded& x) { return heads_of(x.tensor(), 2, 16); };
  attention(ctx,
            heads(q),
            heads(k),
            heads(v),
            heads(folded),
            {.first_key_bias = std::log(static_cast<float>(kCopies))});
  attention(ctx, heads(q), heads(many_k), heads(many_v), heads(plain));
  for (std::int64_t i = 0; i < 11 * 32; ++i) ASSERT_NEAR(folded[i], plain[i], 2 * kTolerance);
}

TEST_P(Attention, ReadsFusedLayoutsAndSegments) {
  // Two streams in the layout [q|k|v][head][d], joined; outputs go to slices of wider rows, cut
  // elsewhere than the inputs.
  constexpr std::int64_t kHeads = 3, kDim = 20, kWidth = kHeads * kDim;
  for (const std::int64_t first : {1, 33, 150}) {
    const std::int64_t second = 170 - first;
    Guarded text = random_values({first, 3 * kWidth}, 9);
    Guarded image = random_values({second, 3 * kWidth}, 10);
    Guarded joined({170, 3 * kWidth});
    std::copy(text.data(), text.data() + first * 3 * kWidth, joined.data());
    std::copy(image.data(), image.data() + second * 3 * kWidth, joined.data() + first * 3 * kWidth);
    const auto part = [](Guarded& x, std::int64_t which) {
      return heads_of(x.tensor(), kHeads, kDim, which * kWidth, kDim);
    };
    Guarded head_rows({100, kWidth + 9}), tail_rows({70, kWidth});
    attention(ctx,
              {part(text, 0), part(image, 0)},
              {part(text, 1), part(image, 1)},
              {part(text, 2), part(image, 2)},
              {heads_of(columns(head_rows.tensor(), 5, 5 + kWidth), kHeads, kDim),
               heads_of(tail_rows.tensor(), kHeads, kDim)});
    EXPECT_TRUE(head_rows.intact() && tail_rows.intact());
    const std::vector<double> expected = reference(
        part(joined, 0), part(joined, 1), part(joined, 2), 1.0 / std::sqrt(double{kDim}), 0.0);
    for (std::int64_t t = 0; t < 170; ++t) {
      for (std::int64_t c = 0; c < kWidth; ++c) {
        const float actual =
            t < 100 ? head_rows[t * (kWidth + 9) + 5 + c] : tail_rows[(t - 100) * kWidth + c];
        ASSERT_NEAR(actual, expected[static_cast<std::size_t>(t * kWidth + c)], kTolerance);
      }
    }
    for (std::int64_t t = 0; t < 100; ++t) {
      for (const std::int64_t c : {0, 4, 65, 68}) {
        ASSERT_TRUE(std::isnan(head_rows[t * (kWidth + 9) + c])) << "written outside the slice";
      }
    }
    // The cut changes no bit.
    Guarded whole({170, kWidth});
    attention(ctx,
              part(joined, 0),
              part(joined, 1),
              part(joined, 2),
              heads_of(whole.tensor(), kHeads, kDim));
    for (std::int64_t i = 0; i < 70 * kWidth; ++i) {
      ASSERT_EQ(tail_rows[i], whole[100 * kWidth + i]);
    }
  }
}

TEST_P(Attention, WritesOverItsQueries) {
  Guarded x = random_values({130, 3 * 96}, 11), y({130, 96});
  const HeadView q = heads_of(x.tensor(), 2, 48, 0, 144);
  const HeadView k = heads_of(x.tensor(), 2, 48, 48, 144);
  const HeadView v = heads_of(x.tensor(), 2, 48, 96, 144);
  attention(ctx, q, k, v, heads_of(y.tensor(), 2, 48));
  attention(ctx, q, k, v, q);
  for (std::int64_t t = 0; t < 130; ++t) {
    for (std::int64_t h = 0; h < 2; ++h) {
      for (std::int64_t c = 0; c < 48; ++c) {
        ASSERT_EQ(x[t * 288 + h * 144 + c], y[t * 96 + h * 48 + c]);
      }
    }
  }
}

TEST_P(Attention, SurvivesExtremeLogits) {
  // Logits from -4000 to 4000: every exponential but a few under- or overflows without the maximum.
  Guarded q = random_values({30, 16}, 12, 30.0F), k = random_values({200, 16}, 13, 30.0F);
  Guarded v = random_values({200, 16}, 14), y({30, 16});
  const auto heads = [](Guarded& x) { return heads_of(x.tensor(), 1, 16); };
  attention(ctx, heads(q), heads(k), heads(v), heads(y), {1.0F, 0.0F});
  // Logits of 4000 are known to 4000 * 6e-8 * a few.
  expect_near(y, reference(heads(q), heads(k), heads(v), 1.0, 0.0), 2e-3);
}

TEST_P(Attention, BytesDoNotDependOnThreadsNorOnOtherQueries) {
  Guarded q = random_values({301, 96}, 15), kv = random_values({170, 192}, 16);
  const HeadView k = heads_of(kv.tensor(), 2, 48, 0, 96), v = heads_of(kv.tensor(), 2, 48, 48, 96);
  const auto run = [&](std::int64_t begin, std::int64_t end) {
    Guarded y({end - begin, 96});
    attention(ctx,
              tokens_of(heads_of(q.tensor(), 2, 48), begin, end),
              k,
              v,
              heads_of(y.tensor(), 2, 48),
              {.first_key_bias = 1.5F});
    EXPECT_TRUE(y.intact());
    return y.copy();
  };
  expect_same_for_any_threads([&] { return run(0, 301); });
  const std::vector<float> all = run(0, 301);
  for (const std::int64_t begin : {0, 57, 300}) {
    const std::vector<float> one = run(begin, begin + 1);
    const auto from = all.begin() + begin * 96;
    EXPECT_TRUE(same_bytes(one, {from, from + 96})) << begin;
  }
}

TEST_P(Attention, PackedKeysGiveTheSameBytes) {
  Guarded q = random_values({61, 120}, 17), kv = random_values({190, 240}, 18);
  const HeadView qs = heads_of(q.tensor(), 3, 40);
  const HeadView k = heads_of(kv.tensor(), 3, 40, 0, 80), v = heads_of(kv.tensor(), 3, 40, 40, 80);
  Guarded plain({61, 120}), packed({61, 120});
  const AttentionOptions options{.scale = 0.2F, .first_key_bias = -1.0F};
  attention(ctx, qs, k, v, heads_of(plain.tensor(), 3, 40), options);
  ctx.threads = 3;
  const PackedKeyValues keys(ctx, {tokens_of(k, 0, 50), tokens_of(k, 50, 190)}, v);
  EXPECT_EQ(keys.keys(), 190);
  EXPECT_EQ(keys.heads(), 3);
  EXPECT_EQ(keys.dim(), 40);
  for (std::int64_t i = 0; i < 190 * 240; ++i) kv[i] = kNaN;  // packed means copied
  attention(ctx, qs, keys, heads_of(packed.tensor(), 3, 40), options);
  EXPECT_TRUE(packed.intact());
  EXPECT_TRUE(same_bytes(plain.copy(), packed.copy()));
}

TEST_P(Attention, TakesNoQueries) {
  Guarded q({0, 16}), k = random_values({3, 16}, 19), y({0, 16});
  attention(ctx,
            heads_of(q.tensor(), 1, 16),
            heads_of(k.tensor(), 1, 16),
            heads_of(k.tensor(), 1, 16),
            heads_of(y.tensor(), 1, 16));
  EXPECT_TRUE(y.intact());
}

TEST_P(Attention, RejectsWrongShapes) {
  Guarded a = random_values({4, 32}, 20), b = random_values({5, 32}, 21), none({0, 32});
  const HeadView four = heads_of(a.tensor(), 2, 16), five = heads_of(b.tensor(), 2, 16);
  const HeadView other = heads_of(b.tensor(), 4, 8);
  const auto bad = ErrorCode::invalid_argument;
  expect_error(bad, {"[attention]", "v:", "5 tokens", "4 tokens"}, [&] {
    attention(ctx, four, five, four, four);
  });
  expect_error(bad, {"[attention]", "k:", "2 heads of 16", "4 heads of 8"}, [&] {
    attention(ctx, four, other, other, four);
  });
  expect_error(bad, {"[attention]", "dst:", "4 tokens", "5 tokens"}, [&] {
    attention(ctx, four, five, five, five);
  });
  const HeadView empty = heads_of(none.tensor(), 2, 16);
  expect_error(
      bad, {"[attention]", "k:", "0 keys"}, [&] { attention(ctx, four, empty, empty, four); });
  expect_error(bad, {"[attention]", "segment 1", "2 heads of 16", "4 of 8"}, [&] {
    attention(ctx, four, {five, other}, five, four);
  });
  HeadView elsewhere = four;
  elsewhere.device = Device::cuda;
  expect_error(bad, {"[attention]", "cuda"}, [&] {
    attention(ctx, elsewhere, elsewhere, elsewhere, elsewhere);
  });
  const PackedKeyValues keys(ctx, five, five);
  expect_error(bad, {"[attention]", "dst:", "4 tokens", "5 tokens"}, [&] {
    attention(ctx, four, keys, five);
  });
  expect_error(bad, {"[attention]", "packed", "4 heads of 8", "2 heads of 16"}, [&] {
    attention(ctx, other, keys, other);
  });
}

}  // namespace
}  // namespace sinter::ops::test
