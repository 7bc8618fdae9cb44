// Layers against a float64 reference, on odd sizes, with every option of the blocks.

#include <gtest/gtest.h>

#include <cmath>
#include <deque>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "checkpoint/writer.h"
#include "nn/moe.h"
#include "nn/tap.h"
#include "nn/transformer.h"

namespace sinter::nn {
namespace {

/// A matrix in float64.
struct Matrix {
  std::int64_t rows = 0, columns = 0;
  std::vector<double> values;

  Matrix(std::int64_t r, std::int64_t c)
      : rows(r), columns(c), values(static_cast<std::size_t>(r * c)) {}
  double& at(std::int64_t r, std::int64_t c) {
    return values[static_cast<std::size_t>(r * columns + c)];
  }
  double at(std::int64_t r, std::int64_t c) const {
    return values[static_cast<std::size_t>(r * columns + c)];
  }
};

/// Random fp32 weights by name, as a checkpoint and as float64.
class Weights {
 public:
  void add(const std::string& name, const Shape& shape, float offset, float scale) {
    std::uniform_real_distribution<float> distribution(offset - scale, offset + scale);
    std::vector<float>& values = data_[name];
    for (std::int64_t i = 0; i < shape.elements(); ++i) values.push_back(distribution(generator_));
    shapes_[name] = shape;
  }
  void add_linear(const std::string& name, std::int64_t in, std::int64_t out, bool bias = true) {
    add(name + ".weight", {out, in}, 0.0F, std::sqrt(3.0F / static_cast<float>(in)));
    if (bias) add(name + ".bias", {out}, 0.0F, 0.5F);
  }
  void add_norm(const std::string& name, std::int64_t channels) {
    add(name + ".weight", {channels}, 1.0F, 0.5F);
    add(name + ".bias", {channels}, 0.0F, 0.5F);
  }
  checkpoint::Checkpoint checkpoint() const {
    std::vector<checkpoint::TensorSource> sources;
    for (const auto& [name, values] : data_) {
      sources.push_back({name, DType::f32, shapes_.at(name), std::as_bytes(std::span(values))});
    }
    return checkpoint::Checkpoint::from_bytes(checkpoint::to_safetensors(sources), "random");
  }
  bool has(const std::string& name) const { return data_.contains(name); }
  const float* get(const std::string& name) const { return data_.at(name).data(); }

 private:
  std::mt19937 generator_{1};
  std::map<std::string, std::vector<float>> data_;
  std::map<std::string, Shape> shapes_;
};

Matrix random_rows(std::int64_t rows, std::int64_t columns, float scale, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> distribution(0.0F, scale);
  Matrix m(rows, columns);
  for (double& value : m.values) value = distribution(generator);
  return m;
}

Tensor to_tensor(Context& ctx, const Matrix& m) {
  const Tensor t = ctx.allocate(DType::f32, {m.rows, m.columns}, "x");
  for (std::size_t i = 0; i < m.values.size(); ++i) {
    t.f32_mut()[i] = static_cast<float>(m.values[i]);
  }
  return t;
}

double relative_error(const Tensor& got, const Matrix& expected) {
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < expected.values.size(); ++i) {
    difference += std::pow(got.f32()[i] - expected.values[i], 2);
    norm += std::pow(expected.values[i], 2);
  }
  return std::sqrt(difference / norm);
}

// The reference, formula by formula.

Matrix linear(const Weights& w, const std::string& name, const Matrix& x, std::int64_t out) {
  const float* weight = w.get(name + ".weight");
  const float* bias = w.has(name + ".bias") ? w.get(name + ".bias") : nullptr;
  Matrix y(x.rows, out);
  for (std::int64_t r = 0; r < x.rows; ++r) {
    const double* row = x.values.data() + r * x.columns;
    for (std::int64_t o = 0; o < out; ++o) {
      double sum = bias != nullptr ? bias[o] : 0.0;
      for (std::int64_t i = 0; i < x.columns; ++i) {
        sum += row[i] * static_cast<double>(weight[o * x.columns + i]);
      }
      y.at(r, o) = sum;
    }
  }
  return y;
}

/// LayerNorm of `count` columns from `first`, in place.
void normalise(const Weights& w,
               const std::string& name,
               Matrix& x,
               std::int64_t first,
               std::int64_t count,
               double eps) {
  const float* weight = w.get(name + ".weight");
  const float* bias = w.get(name + ".bias");
  const auto n = static_cast<double>(count);
  for (std::int64_t r = 0; r < x.rows; ++r) {
    double mean = 0, variance = 0;
    for (std::int64_t c = 0; c < count; ++c) mean += x.at(r, first + c) / n;
    for (std::int64_t c = 0; c < count; ++c) {
      variance += std::pow(x.at(r, first + c) - mean, 2) / n;
    }
    for (std::int64_t c = 0; c < count; ++c) {
      double& value = x.at(r, first + c);
      value = (value - mean) / std::sqrt(variance + eps) * weight[c] + bias[c];
    }
  }
}

Matrix layer_norm(const Weights& w, const std::string& name, Matrix x) {
  normalise(w, name, x, 0, x.columns, 1e-6);
  return x;
}

Matrix gelu(Matrix x) {
  for (double& v : x.values) v = v / 2 * (1 + std::erf(v / std::sqrt(2.0)));
  return x;
}

void add(Matrix& x, const Matrix& y) {
  for (std::size_t i = 0; i < x.values.size(); ++i) x.values[i] += y.values[i];
}

/// q: heads of 64 columns every `q_stride`; k and v inside `kv`, likewise, from k_first and
/// v_first.
struct Layout {
  std::int64_t heads, q_stride, k_first, v_first, kv_stride;
};

Matrix attention(const Weights& w, const BlockOptions& o, Matrix q, Matrix kv, const Layout& at) {
  constexpr std::int64_t kDim = 64;
  Matrix out(q.rows, at.heads * kDim);
  for (std::int64_t h = 0; h < at.heads; ++h) {
    const std::int64_t qc = h * at.q_stride, kc = h * at.kv_stride + at.k_first,
                       vc = h * at.kv_stride + at.v_first;
    if (o.qk_norm) {
      normalise(w, "b.attn.attention.q_norm", q, qc, kDim, 1e-6);
      normalise(w, "b.attn.attention.k_norm", kv, kc, kDim, 1e-6);
    }
    for (std::int64_t r = 0; r < q.rows; ++r) {
      std::vector<double> weight;
      double total = 0;
      for (std::int64_t s = 0; s < kv.rows; ++s) {
        double dot = 0;
        for (std::int64_t c = 0; c < kDim; ++c) dot += q.at(r, qc + c) * kv.at(s, kc + c);
        weight.push_back(std::exp(dot / 8.0));
        total += weight.back();
      }
      for (std::int64_t s = 0; s < kv.rows; ++s) {
        for (std::int64_t c = 0; c < kDim; ++c) {
          out.at(r, h * kDim + c) += weight[static_cast<std::size_t>(s)] / total * kv.at(s, vc + c);
        }
      }
    }
  }
  return out;
}

Matrix mlp(const Weights& w, const BlockOptions& o, const Matrix& x) {
  return linear(
      w, "b.mlp.c_proj", gelu(linear(w, "b.mlp.c_fc", x, o.width * o.mlp_ratio)), o.width);
}

void add_common(Weights& w, const BlockOptions& o) {
  for (const char* name : {"b.ln_1", "b.ln_2"}) w.add_norm(name, o.width);
  w.add_linear("b.attn.c_proj", o.width, o.width);
  w.add_linear("b.mlp.c_fc", o.width, o.width * o.mlp_ratio);
  w.add_linear("b.mlp.c_proj", o.width * o.mlp_ratio, o.width);
  if (o.qk_norm) {
    w.add_norm("b.attn.attention.q_norm", 64);
    w.add_norm("b.attn.attention.k_norm", 64);
  }
}

struct BlockCase {
  std::int64_t heads;
  std::int64_t ratio;
  bool bias;
  bool qk_norm;
  float scale;  // of the input; 1e-3 makes the epsilons matter

  BlockOptions options() const {
    return {.width = 64 * heads,
            .heads = heads,
            .mlp_ratio = ratio,
            .qkv_bias = bias,
            .qk_norm = qk_norm};
  }
};

class Block : public testing::TestWithParam<BlockCase> {};

// fp32 against float64: three products of up to 768 channels, sqrt(768) 6e-8 / 2 each at most.
constexpr double kLimit = 3e-6;

TEST_P(Block, SelfAttention) {
  const BlockOptions o = GetParam().options();
  Weights w;
  add_common(w, o);
  w.add_linear("b.attn.c_qkv", o.width, 3 * o.width, o.qkv_bias);
  checkpoint::WeightStore store;
  const checkpoint::Binder binder(w.checkpoint(), store);
  const SelfAttentionBlock block(binder.scope("b"), o);
  ASSERT_NO_THROW(binder.finish());

  Matrix x = random_rows(13, o.width, GetParam().scale, 7);
  Context ctx;
  const Tensor got = to_tensor(ctx, x);
  block.forward(ctx, got);

  const Matrix qkv = linear(w, "b.attn.c_qkv", layer_norm(w, "b.ln_1", x), 3 * o.width);
  add(x,
      linear(w, "b.attn.c_proj", attention(w, o, qkv, qkv, {o.heads, 192, 64, 128, 192}), o.width));
  add(x, mlp(w, o, layer_norm(w, "b.ln_2", x)));
  EXPECT_LT(relative_error(got, x), kLimit);
}

TEST_P(Block, CrossAttention) {
  const BlockOptions o = GetParam().options();
  Weights w;
  add_common(w, o);
  w.add_norm("b.ln_3", o.width);
  w.add_linear("b.attn.c_q", o.width, o.width, o.qkv_bias);
  w.add_linear("b.attn.c_kv", o.width, 2 * o.width, o.qkv_bias);
  checkpoint::WeightStore store;
  const checkpoint::Binder binder(w.checkpoint(), store);
  const CrossAttentionBlock block(binder.scope("b"), o);
  ASSERT_NO_THROW(binder.finish());

  Matrix x = random_rows(11, o.width, GetParam().scale, 8);
  const Matrix memory = random_rows(29, o.width, GetParam().scale, 9);
  Context ctx;
  const Tensor got = to_tensor(ctx, x);
  block.forward(ctx, got, block.keys_values(ctx, to_tensor(ctx, memory)));

  const Matrix q = linear(w, "b.attn.c_q", layer_norm(w, "b.ln_1", x), o.width);
  const Matrix m = linear(w, "b.attn.c_kv", layer_norm(w, "b.ln_2", memory), 2 * o.width);
  add(x, linear(w, "b.attn.c_proj", attention(w, o, q, m, {o.heads, 64, 0, 64, 128}), o.width));
  add(x, mlp(w, o, layer_norm(w, "b.ln_3", x)));
  EXPECT_LT(relative_error(got, x), kLimit);
}

INSTANTIATE_TEST_SUITE_P(Options,
                         Block,
                         testing::Values(BlockCase{1, 1, false, false, 1.0F},
                                         BlockCase{3, 4, false, true, 1.0F},
                                         BlockCase{2, 2, true, true, 1e-3F},
                                         BlockCase{2, 3, true, false, 3.0F}));

TEST(Linear, SlicesOfAFusedWeightAreItsColumns) {
  Weights w;
  w.add_linear("fused", 37, 50);
  checkpoint::WeightStore store;
  const checkpoint::Binder binder(w.checkpoint(), store);
  const Linear whole(binder, "fused", 37, 50);
  const Linear tail(binder, "fused", 37, OutputSlice{50, 21, 29});
  EXPECT_NO_THROW(binder.finish());
  Context ctx;
  const Tensor x = to_tensor(ctx, random_rows(5, 37, 1.0F, 3));
  const Tensor all = whole.forward(ctx, x), part = tail.forward(ctx, x);
  ASSERT_EQ(part.shape, (Shape{5, 29}));
  for (std::int64_t r = 0; r < 5; ++r) {
    for (std::int64_t c = 0; c < 29; ++c) {
      EXPECT_EQ(part.f32()[r * 29 + c], all.f32()[r * 50 + 21 + c]);
    }
  }
}

TEST(Linear, KeepsNothingInTheStoreAndOutlivesTheCheckpoint) {
  checkpoint::WeightStore store;
  std::deque<Linear> layers;
  Weights w;
  w.add_linear("a", 8, 4);
  {
    const checkpoint::Binder binder(w.checkpoint(), store);
    layers.emplace_back(binder, "a", 8, 4);
    binder.finish();
  }
  EXPECT_EQ(store.bytes(), 0U);
  const Matrix x = random_rows(3, 8, 1.0F, 4);
  Context ctx;
  EXPECT_LT(relative_error(layers[0].forward(ctx, to_tensor(ctx, x)), linear(w, "a", x, 4)), 1e-6);
}

TEST(RmsHeadNorm, BindsItsTwoScales) {
  Weights w;
  w.add("query_norm.scale", {64}, 1.0F, 0.5F);
  w.add("key_norm.scale", {64}, 1.0F, 0.5F);
  checkpoint::WeightStore store;
  const checkpoint::Binder binder(w.checkpoint(), store);
  const RmsHeadNorm norm(binder, {.query = "query_norm.scale", .key = "key_norm.scale"}, 64, 1e-6F);
  ASSERT_NO_THROW(binder.finish());
  const Matrix x = random_rows(7, 128, 1e-3F, 5);  // a query and a key head in each row
  Context ctx;
  const Tensor got = to_tensor(ctx, x);
  norm.apply_query(ctx, ops::heads_of(got, 1, 64, 0, 64));
  norm.apply_key(ctx, ops::heads_of(got, 1, 64, 64, 64));
  Matrix expected = x;
  for (std::int64_t r = 0; r < 7; ++r) {
    for (std::int64_t part = 0; part < 2; ++part) {
      double square = 0;
      for (std::int64_t c = 0; c < 64; ++c) square += std::pow(x.at(r, 64 * part + c), 2) / 64;
      const float* scale = w.get(part == 0 ? "query_norm.scale" : "key_norm.scale");
      for (std::int64_t c = 0; c < 64; ++c) {
        expected.at(r, 64 * part + c) *= scale[c] / std::sqrt(square + 1e-6);
      }
    }
  }
  EXPECT_LT(relative_error(got, expected), 1e-6);
}

// Every expert on every row in float64, weighted where it is among the first two.
TEST(MixtureOfExperts, MatchesFloat64) {
  constexpr std::int64_t kWidth = 24, kInner = 40, kExperts = 5, kRows = 61;
  Weights w;
  w.add("moe.gate.weight", {kExperts, kWidth}, 0.0F, 0.5F);
  std::vector<std::string> experts;
  for (std::int64_t e = 0; e < kExperts; ++e) experts.push_back(cat("moe.experts.", e));
  experts.emplace_back("moe.shared_experts");
  for (const std::string& expert : experts) {
    w.add_linear(expert + ".net.0.proj", kWidth, kInner);
    w.add_linear(expert + ".net.2", kInner, kWidth);
  }
  const Matrix x = random_rows(kRows, kWidth, 1.0F, 1),
               residual = random_rows(kRows, kWidth, 1.0F, 2);
  const auto expert_of = [&](const std::string& name) {
    return linear(w, name + ".net.2", gelu(linear(w, name + ".net.0.proj", x, kInner)), kWidth);
  };
  Matrix expected = residual;
  const Matrix shared = expert_of(experts.back());
  const Matrix logits = linear(w, "moe.gate", x, kExperts);
  for (std::int64_t e = 0; e < kExperts; ++e) {
    const Matrix y = expert_of(experts[static_cast<std::size_t>(e)]);
    for (std::int64_t r = 0; r < kRows; ++r) {
      double total = 0;
      int above = 0;
      for (std::int64_t other = 0; other < kExperts; ++other) {
        total += std::exp(logits.at(r, other));
        above += logits.at(r, other) > logits.at(r, e) ? 1 : 0;
      }
      const double p = above < 2 ? std::exp(logits.at(r, e)) / total : 0.0;
      for (std::int64_t c = 0; c < kWidth; ++c) {
        expected.at(r, c) += p * y.at(r, c) + (e == 0 ? shared.at(r, c) : 0.0);
      }
    }
  }
  const checkpoint::Checkpoint file = w.checkpoint();
  checkpoint::WeightStore store;
  const checkpoint::Binder binder(file, store, "moe");
  const MixtureOfExperts moe(binder,
                             {.width = kWidth, .inner = kInner, .experts = kExperts, .top_k = 2});
  binder.finish();
  std::vector<float> first;
  for (const int threads : {1, 2, 3}) {
    Context ctx;
    ctx.threads = threads;
    const Tensor y = to_tensor(ctx, residual);
    moe.add_to(ctx, y, to_tensor(ctx, x));
    // f32 sums over 24 and 40 channels
    EXPECT_LT(relative_error(y, expected), 1e-6);
    const std::vector<float> bytes(y.span().begin(), y.span().end());
    if (first.empty()) first = bytes;
    EXPECT_EQ(bytes, first) << threads << " threads";
  }
}

// An expert that no row is sent to, and rows fewer than experts.
TEST(MixtureOfExperts, TakesExpertsWithoutRows) {
  Weights w;
  w.add("gate.weight", {9, 3}, 0.0F, 1.0F);
  for (std::int64_t e = 0; e < 9; ++e) {
    w.add_linear(cat("experts.", e, ".net.0.proj"), 3, 2);
    w.add_linear(cat("experts.", e, ".net.2"), 2, 3);
  }
  w.add_linear("shared_experts.net.0.proj", 3, 2);
  w.add_linear("shared_experts.net.2", 2, 3);
  checkpoint::WeightStore store;
  const checkpoint::Binder binder(w.checkpoint(), store);
  const MixtureOfExperts moe(binder, {.width = 3, .inner = 2, .experts = 9, .top_k = 1});
  Context ctx;
  const Tensor y = to_tensor(ctx, random_rows(2, 3, 1.0F, 3));
  const std::vector<float> before(y.span().begin(), y.span().end());
  moe.add_to(ctx, y, to_tensor(ctx, random_rows(2, 3, 1.0F, 4)));
  for (std::size_t i = 0; i < before.size(); ++i) {
    EXPECT_TRUE(std::isfinite(y.f32()[i]));
    EXPECT_NE(y.f32()[i], before[i]);
  }
}

TEST(Linear, StacksProjections) {
  for (const bool bias : {false, true}) {
    Weights w;
    for (const char* name : {"to_q", "to_k", "to_v"}) w.add_linear(name, 11, 6, bias);
    checkpoint::WeightStore store;
    const checkpoint::Binder binder(w.checkpoint(), store, "", {.threads = 2});
    const Linear all = Linear::stacked(binder, {"to_q", "to_k", "to_v"}, 11, 6, bias);
    binder.finish();
    Context ctx;
    const Matrix x = random_rows(4, 11, 1.0F, 5);
    const Tensor y = all.forward(ctx, to_tensor(ctx, x));
    ASSERT_EQ(y.shape, (Shape{4, 18}));
    std::int64_t first = 0;
    for (const char* name : {"to_q", "to_k", "to_v"}) {
      const Matrix part = linear(w, name, x, 6);
      for (std::int64_t r = 0; r < 4; ++r) {
        for (std::int64_t c = 0; c < 6; ++c) {
          EXPECT_NEAR(y.f32()[r * 18 + first + c], part.at(r, c), 2e-6);
        }
      }
      first += 6;
    }
  }
}

TEST(Tap, ShowsNamedTensorsToAListenerOnly) {
  Context ctx;
  const Tensor x = to_tensor(ctx, random_rows(1, 2, 1.0F, 6));
  tap(ctx, x, "nobody listens");
  std::vector<std::string> names;
  ctx.tap = [&](std::string_view name, const Tensor& tensor) {
    names.emplace_back(name);
    EXPECT_EQ(tensor.data, x.data);
  };
  tap(ctx, x, "blocks.", 3, ".img");
  EXPECT_EQ(names, std::vector<std::string>{"blocks.3.img"});
}

}  // namespace
}  // namespace sinter::nn
