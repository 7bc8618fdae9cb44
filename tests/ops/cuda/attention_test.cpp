#include "ops/cuda/attention.h"

#include "ops/cuda/cuda_test.h"

namespace sinter::ops::cuda::test {
namespace {

using sinter::cuda::HeadRows;

class CudaAttention : public CudaTest {};

/// Rows of one stretch of a fused [q|k|v][head][d] tensor.
struct Stretch {
  std::int64_t first = 0, tokens = 0;
};

struct Case {
  DType dtype;
  std::int64_t dim, heads;
  /// Of each sequence: two stretches of queries, two of keys (rows of the fused tensor).
  struct Parts {
    Stretch queries[2], keys[2];
    float bias = 0.0F;
  };
  std::vector<Parts> sequences;
  float scale = 0.0F;
};

const int kQueryBlocks[] = {0, 128, 192};

/// One sequence in float64, from the rounded inputs.
void reference(const Case& c,
               const Case::Parts& s,
               const DeviceRows& x,
               std::vector<double>& result) {
  const std::int64_t width = c.heads * c.dim;
  const double scale = c.scale != 0.0F ? c.scale : 1.0 / std::sqrt(static_cast<double>(c.dim));
  std::vector<std::int64_t> keys;
  for (const Stretch& part : s.keys) {
    for (std::int64_t i = 0; i < part.tokens; ++i) keys.push_back(part.first + i);
  }
  std::vector<double> weights(keys.size());
  for (const Stretch& part : s.queries) {
    for (std::int64_t row = part.first; row < part.first + part.tokens; ++row) {
      for (std::int64_t head = 0; head < c.heads; ++head) {
        const std::int64_t q = head * c.dim, k = width + q, v = 2 * width + q;
        double top = -1e300, total = 0;
        for (std::size_t i = 0; i < keys.size(); ++i) {
          double dot = 0;
          for (std::int64_t e = 0; e < c.dim; ++e) dot += x.at(row, q + e) * x.at(keys[i], k + e);
          weights[i] = dot * scale + (i == 0 ? double{s.bias} : 0.0);
          top = std::max(top, weights[i]);
        }
        for (double& w : weights) total += w = std::exp(w - top);
        for (std::int64_t e = 0; e < c.dim; ++e) {
          double sum = 0;
          for (std::size_t i = 0; i < keys.size(); ++i) sum += weights[i] * x.at(keys[i], v + e);
          result[static_cast<std::size_t>(row * width + q + e)] = sum / total;
        }
      }
    }
  }
}

/// Runs the case on random values and compares; rows that belong to no query must stay as they
/// were.
void expect_matches(const Case& c, unsigned seed) {
  std::int64_t rows = 3;  // beyond every stretch
  for (const Case::Parts& s : c.sequences) {
    for (int g = 0; g < 2; ++g) {
      rows = std::max({rows,
                       s.queries[g].first + s.queries[g].tokens + 3,
                       s.keys[g].first + s.keys[g].tokens + 3});
    }
  }
  const std::int64_t width = c.heads * c.dim;
  const DeviceRows x(c.dtype, rows, 3 * width, seed);
  DeviceRows y(c.dtype, rows, width);
  const auto view = [&](const DeviceRows& from, const Stretch& part, std::int64_t column) {
    return HeadRows{
        from.pointer(part.first, column), part.tokens, c.heads, c.dim, from.columns, c.dim};
  };
  std::vector<AttentionSequence> sequences;
  std::vector<double> expected(static_cast<std::size_t>(rows * width), std::nan(""));
  for (const Case::Parts& s : c.sequences) {
    AttentionSequence sequence;
    sequence.first_key_bias = s.bias;
    for (std::size_t g = 0; g < 2; ++g) {
      sequence.queries[g] = {view(x, s.queries[g], 0), view(y, s.queries[g], 0)};
      sequence.keys[g] = {view(x, s.keys[g], width), view(x, s.keys[g], 2 * width)};
    }
    sequences.push_back(sequence);
    reference(c, s, x, expected);
  }
  // Each launch must leave the workspace ready for the next.
  const AttentionWorkspace workspace;
  for (const int query_block : kQueryBlocks) {
    y.device.fill(0xFF);
    attention({sequences, c.dtype, c.scale, query_block}, workspace, nullptr);
    y.fetch();
    double error = 0, norm = 0;
    for (std::int64_t i = 0; i < rows * width; ++i) {
      const double actual = y.at(i / width, i % width),
                   wanted = expected[static_cast<std::size_t>(i)];
      ASSERT_EQ(std::isnan(actual), std::isnan(wanted))
          << "row " << i / width << " column " << i % width;
      if (std::isnan(wanted)) continue;
      error += (actual - wanted) * (actual - wanted);
      norm += wanted * wanted;
    }
    // Weights and result are each rounded to the element type (half a unit: 2^-12 in f16, 2^-9 in
    // bf16), at random, and the two add up as squares: 1.41 * 2^-12 = 3.5e-4 at most, as measured
    // below that.
    const double unit = c.dtype == DType::f16 ? std::ldexp(1.0, -12) : std::ldexp(1.0, -9);
    EXPECT_LT(std::sqrt(error / norm), 1.5 * unit);

    // The same result rounded to e4m3 instead.
    constexpr float kFactor = 100.0F;
    DeviceRows narrow(DType::f8_e4m3, rows, width);
    for (std::size_t i = 0; i < sequences.size(); ++i) {
      for (std::size_t g = 0; g < 2; ++g)
        sequences[i].queries[g].dst = view(narrow, c.sequences[i].queries[g], 0);
    }
    attention({sequences, c.dtype, c.scale, query_block, kFactor}, workspace, nullptr);
    narrow.fetch();
    for (std::size_t i = 0; i < sequences.size(); ++i) {
      for (std::size_t g = 0; g < 2; ++g)
        sequences[i].queries[g].dst = view(y, c.sequences[i].queries[g], 0);
    }
    for (std::int64_t i = 0; i < rows * width; ++i) {
      const double from = y.at(i / width, i % width);
      const double wanted = std::clamp(kFactor * from, -448.0, 448.0);
      const double actual = narrow.at(i / width, i % width);
      ASSERT_EQ(std::isnan(actual), std::isnan(wanted)) << i / width << ", " << i % width;
      if (std::isnan(wanted)) continue;
      // y is rounded itself.
      ASSERT_NEAR(actual,
                  wanted,
                  std::abs(wanted) * (half_unit(DType::f8_e4m3) + 2 * half_unit(c.dtype)) +
                      half_unit_at_zero(DType::f8_e4m3))
          << i / width << ", " << i % width;
    }
  }
}

TEST_F(CudaAttention, MatchesFloat64) {
  unsigned seed = 1;
  for (const DType dtype : {DType::f16, DType::bf16}) {
    for (const std::int64_t dim : {64, 128}) {
      for (const std::int64_t tokens : {1, 2, 63, 64, 65, 127, 128, 129, 191, 193, 300}) {
        SCOPED_TRACE(cat(to_string(dtype), " ", tokens, " tokens, heads of ", dim));
        expect_matches({dtype, dim, 3, {{{{0, tokens}, {}}, {{0, tokens}, {}}}}}, seed++);
      }
    }
  }
}

TEST_F(CudaAttention, QueriesAndKeysMayDiffer) {
  // Cross attention: many queries of few keys and the other way round.
  for (const std::int64_t dim : {64, 128}) {
    expect_matches({DType::f16, dim, 2, {{{{0, 700}, {}}, {{700, 5}, {}}}}}, 50);
    expect_matches({DType::f16, dim, 2, {{{{900, 3}, {}}, {{0, 900}, {}}}}}, 51);
  }
}

TEST_F(CudaAttention, JoinsTwoStretches) {
  // A gap between the stretches, and a short one before a long one and behind it.
  expect_matches({DType::f16, 64, 2, {{{{0, 130}, {135, 260}}, {{0, 130}, {135, 260}}}}}, 60);
  expect_matches({DType::bf16, 128, 2, {{{{300, 7}, {0, 290}}, {{0, 290}, {300, 7}}}}}, 61);
  expect_matches({DType::f16, 64, 1, {{{{}, {0, 70}}, {{}, {0, 70}}}}}, 62);
}

TEST_F(CudaAttention, RunsSequencesOfDifferentLengthsTogether) {
  // As in guidance: condition and latents, then one condition token that counts many times and
  // latents.
  const float bias = std::log(150.0F);
  for (const DType dtype : {DType::f16, DType::bf16}) {
    for (const std::int64_t dim : {64, 128}) {
      const Case::Parts guided{{{0, 150}, {151, 200}}, {{0, 150}, {151, 200}}};
      const Case::Parts free{{{150, 1}, {351, 200}}, {{150, 1}, {351, 200}}, bias};
      expect_matches({dtype, dim, 3, {guided, free}}, 70);
      expect_matches({dtype, dim, 3, {free, guided}}, 71);
    }
  }
}

TEST_F(CudaAttention, TakesAScale) {
  expect_matches({DType::f16, 64, 2, {{{{0, 200}, {}}, {{0, 200}, {}}}}, 0.02F}, 80);
  expect_matches({DType::f16, 64, 2, {{{{0, 1}, {1, 180}}, {{0, 1}, {1, 180}}, -2.5F}}, 0.3F}, 81);
}

TEST_F(CudaAttention, RefusesWhatItCannotDo) {
  const DeviceRows x(DType::f16, 8, 192, 1);
  const AttentionWorkspace workspace;
  const auto run = [&](std::int64_t dim, std::int64_t first_keys, float bias, DType dtype) {
    AttentionSequence s;
    const HeadRows rows{x.pointer(0, 0), 4, 1, dim, 192, dim};
    HeadRows keys = rows;
    keys.tokens = first_keys;
    s.queries[0] = {rows, rows};
    s.keys[0] = {keys, keys};
    s.keys[1] = {rows, rows};
    s.first_key_bias = bias;
    attention({{&s, 1}, dtype}, workspace, nullptr);
  };
  EXPECT_THROW(run(96, 1, 0.0F, DType::f16), Error);
  EXPECT_THROW(run(64, 2, 1.0F, DType::f16), Error);
  EXPECT_THROW(run(64, 1, 0.0F, DType::f32), Error);
  EXPECT_THROW(attention({{}, DType::f16}, workspace, nullptr), Error);
  EXPECT_NO_THROW(run(64, 1, 1.0F, DType::f16));
}

}  // namespace
}  // namespace sinter::ops::cuda::test
