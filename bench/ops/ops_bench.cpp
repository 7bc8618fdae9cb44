// Operators at the shapes that the shipped small model and the full-size models give them.
//
//   bench_ops [--threads=N] [Google Benchmark options]
//
// Each line names its share of a ceiling measured at the start: multiply-adds on registers for what
// computes, a large copy for what moves memory.

#include <benchmark/benchmark.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "core/context.h"
#include "cpu/copy_rate.h"
#include "ops/activation.h"
#include "ops/attention.h"
#include "ops/ceiling.h"
#include "ops/elementwise.h"
#include "ops/embedding.h"
#include "ops/farthest_point_sampling.h"
#include "ops/linear.h"
#include "ops/norm.h"
#include "ops/resize.h"

namespace {

using namespace sinter;

struct Machine {
  int threads = 2;
  double gflops = 0.0;
  double gigabytes = 0.0;
};
Machine machine;

/// Owns its values; a Tensor views them.
struct Values {
  explicit Values(Shape s) : shape(s), buffer(static_cast<std::size_t>(s.elements()) * 4) {
    std::mt19937 random(static_cast<unsigned>(s.elements()));
    std::normal_distribution<float> normal;
    float* p = tensor().f32_mut();
    for (std::int64_t i = 0; i < s.elements(); ++i) p[i] = normal(random);
  }
  Tensor tensor() const { return {buffer.data(), DType::f32, Device::cpu, shape, "bench"}; }
  Shape shape;
  Buffer buffer;
};

struct Weight {
  Weight(std::int64_t in, std::int64_t out) {
    Values weight({out, in});
    const Values bias({out});
    float* p = weight.tensor().f32_mut();
    const float norm = 1.0F / std::sqrt(static_cast<float>(in));
    for (std::int64_t i = 0; i < in * out; ++i) p[i] *= norm;
    linear = ops::LinearWeight(weight.tensor(), bias.tensor());
  }
  ops::LinearWeight linear;
};

/// Times the iterations of one benchmark itself: a share of the ceiling has no unit per second.
class Report {
 public:
  explicit Report(benchmark::State& state) : state_(state) {}
  void flops(double each) const {
    const double rate = each * static_cast<double>(state_.iterations()) * 1e-9 / seconds();
    state_.counters["GFLOP/s"] = rate;
    state_.counters["peak%"] = 100.0 * rate / machine.gflops;
  }
  void bytes(double each) const {
    const double rate = each * static_cast<double>(state_.iterations()) * 1e-9 / seconds();
    state_.counters["GB/s"] = rate;
    state_.counters["copy%"] = 100.0 * rate / machine.gigabytes;
  }

 private:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }
  benchmark::State& state_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

void run_linear(benchmark::State& state, ops::Activation activation) {
  const std::int64_t rows = state.range(0), in = state.range(1), out = state.range(2);
  const Values x({rows, in}), y({rows, out});
  const Weight weight(in, out);
  Context ctx;
  ctx.threads = machine.threads;
  const Report report(state);
  for (auto _ : state) ops::linear_into(ctx, x.tensor(), weight.linear, y.tensor(), {activation});
  report.flops(2.0 * static_cast<double>(rows * in * out));
}

void linear(benchmark::State& state) {
  run_linear(state, ops::Activation::none);
}
void linear_gelu_erf(benchmark::State& state) {
  run_linear(state, ops::Activation::gelu_erf);
}
void linear_gelu_tanh(benchmark::State& state) {
  run_linear(state, ops::Activation::gelu_tanh);
}

void attention(benchmark::State& state) {
  const std::int64_t queries = state.range(0), keys = state.range(1);
  const std::int64_t heads = state.range(2), dim = state.range(3);
  const Values q({queries, heads * dim}), kv({keys, 2 * heads * dim}), y({queries, heads * dim});
  Context ctx;
  ctx.threads = machine.threads;
  const Report report(state);
  const ops::HeadView k = ops::heads_of(kv.tensor(), heads, dim, 0, 2 * dim);
  const ops::HeadView v = ops::heads_of(kv.tensor(), heads, dim, dim, 2 * dim);
  for (auto _ : state) {
    ops::attention(
        ctx, ops::heads_of(q.tensor(), heads, dim), k, v, ops::heads_of(y.tensor(), heads, dim));
  }
  report.flops(4.0 * static_cast<double>(queries * keys * heads * dim));
}

void layer_norm(benchmark::State& state) {
  const Values x({state.range(0), state.range(1)});
  const Values weight({state.range(1)}), bias({state.range(1)});
  Context ctx;
  ctx.threads = machine.threads;
  const Report report(state);
  for (auto _ : state) {
    ArenaScope scope(ctx.arena());
    ops::layer_norm(ctx, x.tensor(), weight.tensor(), bias.tensor(), 1e-6F);
  }
  report.bytes(8.0 * static_cast<double>(x.shape.elements()));
}

void rms_norm_heads(benchmark::State& state) {
  const Values x({state.range(0), state.range(1) * 64}), scale({64});
  for (int i = 0; i < 64; ++i) scale.tensor().f32_mut()[i] = 1.0F;  // applied again and again
  Context ctx;
  ctx.threads = machine.threads;
  const Report report(state);
  for (auto _ : state) {
    ops::rms_norm_heads_in_place(
        ctx, ops::heads_of(x.tensor(), state.range(1), 64), scale.tensor(), 1e-6F);
  }
  report.bytes(8.0 * static_cast<double>(x.shape.elements()));
}

void activation(benchmark::State& state) {
  const auto kind = static_cast<ops::Activation>(state.range(0));
  const Values x({state.range(1), 512}), y({state.range(1), 512});
  Context ctx;
  ctx.threads = machine.threads;
  const Report report(state);
  for (auto _ : state) {
    // Fresh values each time: an activation of its own results soon works on denormal numbers.
    std::memcpy(y.tensor().data, x.tensor().data, x.tensor().bytes());
    ops::activate_in_place(ctx, y.tensor(), kind);
  }
  report.bytes(16.0 * static_cast<double>(x.shape.elements()));
}

void fourier_embed(benchmark::State& state) {
  const Values points({state.range(0), 3});
  Context ctx;
  ctx.threads = machine.threads;
  const Report report(state);
  for (auto _ : state) {
    ArenaScope scope(ctx.arena());
    ops::fourier_embed(ctx, points.tensor());
  }
  report.bytes(static_cast<double>(state.range(0)) * (3 + 51) * 4.0);
}

void farthest_point_sampling(benchmark::State& state) {
  const Values points({state.range(0), 3});
  Context ctx;
  ctx.threads = machine.threads;
  const Report report(state);
  for (auto _ : state) {
    ArenaScope scope(ctx.arena());
    ops::farthest_point_sampling(ctx, points.tensor(), state.range(1), 0);
  }
  report.bytes(static_cast<double>(state.range(0) * state.range(1)) * 20.0);
}

void resize_bilinear(benchmark::State& state) {
  const Values image({3, state.range(0), state.range(0)});
  Context ctx;
  ctx.threads = machine.threads;
  const Report report(state);
  for (auto _ : state) {
    ArenaScope scope(ctx.arena());
    ops::resize_bilinear_antialias(ctx, image.tensor(), state.range(1), state.range(1));
  }
  report.bytes(12.0 * static_cast<double>(state.range(0) * state.range(0) +
                                          state.range(1) * state.range(1)));
}

/// Everything that the geometry decoder does to a chunk of query points.
struct GeometryDecoder {
  GeometryDecoder(std::int64_t width, std::int64_t ratio, std::int64_t key_count)
      : g(width),
        keys(key_count),
        query_proj(51, g),
        c_q(g, g),
        c_proj(g, g),
        c_fc(g, ratio * g),
        mlp_proj(ratio * g, g),
        output(g, 1),
        kv({keys, 2 * g}),
        vector({g}),
        head({64}) {
    Context ctx;
    packed = ops::PackedKeyValues(ctx,
                                  ops::heads_of(kv.tensor(), g / 64, 64, 0, 128),
                                  ops::heads_of(kv.tensor(), g / 64, 64, 64, 128));
  }

  Tensor forward(Context& ctx, const Tensor& points) const {
    const Tensor none;
    const std::int64_t n = g / 64;
    Tensor x = ops::linear(ctx, ops::fourier_embed(ctx, points), query_proj.linear);
    Tensor u = ops::layer_norm(ctx, x, vector.tensor(), vector.tensor(), 1e-6F);
    const Tensor q = ops::linear(ctx, u, c_q.linear);
    const ops::HeadView heads = ops::heads_of(q, n, 64);
    ops::layer_norm_heads_in_place(ctx, heads, head.tensor(), head.tensor(), 1e-6F);
    ops::attention(ctx, heads, packed, heads);
    ops::linear_add_gated_in_place(ctx, x, none, q, c_proj.linear);
    u = ops::layer_norm(ctx, x, vector.tensor(), vector.tensor(), 1e-6F);
    const Tensor inner = ops::linear(ctx, u, c_fc.linear, {ops::Activation::gelu_erf});
    ops::linear_add_gated_in_place(ctx, x, none, inner, mlp_proj.linear);
    u = ops::layer_norm(ctx, x, vector.tensor(), vector.tensor(), 1e-5F);
    return ops::linear(ctx, u, output.linear);
  }

  double flops(std::int64_t points) const {
    const std::int64_t inner = c_fc.linear.out_features();
    return 2.0 *
           static_cast<double>(points * (51 * g + 2 * g * g + 2 * keys * g + 2 * g * inner + g));
  }

  std::int64_t g, keys;
  Weight query_proj, c_q, c_proj, c_fc, mlp_proj, output;
  Values kv, vector, head;
  ops::PackedKeyValues packed;
};

void geometry_decoder(benchmark::State& state) {
  const std::int64_t total = state.range(0), chunk = state.range(1);
  const GeometryDecoder decoder(state.range(2), state.range(3), state.range(4));
  const Values points({total, 3});
  Context ctx;
  ctx.threads = machine.threads;
  const Report report(state);
  for (auto _ : state) {
    for (std::int64_t first = 0; first < total; first += chunk) {
      ArenaScope scope(ctx.arena());
      decoder.forward(ctx, points.tensor().slice(first, std::min(total, first + chunk)));
    }
  }
  report.flops(decoder.flops(total));
  state.counters["points/s"] = benchmark::Counter(static_cast<double>(total * state.iterations()),
                                                  benchmark::Counter::kIsRate);
}

/// A single-stream block of the DiT without its modulation products.
void single_block(benchmark::State& state) {
  const std::int64_t tokens = state.range(0), h = state.range(1), n = h / 64;
  const Values shift({h}), scale({h}), gate({h}), norm({64});
  const Weight qkv(h, 3 * h), mlp(h, 4 * h), out(5 * h, h);
  const Values x({tokens, h});
  Context ctx;
  ctx.threads = machine.threads;
  const Report report(state);
  for (auto _ : state) {
    ArenaScope scope(ctx.arena());
    const Tensor u =
        ops::layer_norm_modulate(ctx, x.tensor(), {shift.tensor(), scale.tensor(), 1e-6F});
    const Tensor y = ops::linear(ctx, u, qkv.linear);
    const Tensor joined = ctx.allocate(DType::f32, {tokens, 5 * h});
    ops::linear_into(
        ctx, u, mlp.linear, ops::columns(joined, h, 5 * h), {ops::Activation::gelu_tanh});
    const ops::HeadView q = ops::heads_of(y, n, 64, 0, 64);
    const ops::HeadView k = ops::heads_of(y, n, 64, h, 64);
    ops::rms_norm_heads_in_place(ctx, q, norm.tensor(), 1e-6F);
    ops::rms_norm_heads_in_place(ctx, k, norm.tensor(), 1e-6F);
    ops::attention(
        ctx, q, k, ops::heads_of(y, n, 64, 2 * h, 64), ops::heads_of(joined, n, 64, 0, 64));
    ops::linear_add_gated_in_place(ctx, x.tensor(), gate.tensor(), joined, out.linear);
  }
  report.flops(2.0 * static_cast<double>(tokens) *
               static_cast<double>(12 * h * h + 2 * tokens * h));
}

BENCHMARK(linear)
    ->ArgNames({"rows", "in", "out"})
    ->Args({229, 256, 768})
    ->Args({357, 256, 1792})
    ->Args({357, 1280, 256})
    ->Args({229, 256, 1024})
    ->Args({229, 1024, 256})
    ->Args({2048, 51, 256})
    ->Args({2048, 256, 256})
    ->Args({2048, 256, 512})
    ->Args({8192, 512, 256})
    ->Args({8192, 256, 1})
    ->Args({1, 1024, 6144})
    ->Args({4442, 1024, 3072})
    ->Args({4442, 1024, 4096})
    ->Args({4442, 5120, 1024})
    ->UseRealTime();
BENCHMARK(linear_gelu_erf)->Args({2048, 256, 512})->UseRealTime();
BENCHMARK(linear_gelu_tanh)->Args({357, 256, 1024})->UseRealTime();
BENCHMARK(attention)
    ->ArgNames({"queries", "keys", "heads", "dim"})
    ->Args({229, 229, 4, 64})
    ->Args({357, 357, 4, 64})
    ->Args({2048, 128, 4, 64})
    ->Args({8192, 128, 4, 64})
    ->Args({8192, 3072, 16, 64})
    ->Args({4442, 4442, 16, 64})
    ->Args({4096, 4096, 4, 128})
    ->UseRealTime();
BENCHMARK(layer_norm)->Args({357, 256})->Args({2048, 256})->Args({4442, 1024})->UseRealTime();
BENCHMARK(rms_norm_heads)->Args({357, 4})->Args({4442, 16})->UseRealTime();
BENCHMARK(activation)
    ->Args({static_cast<int>(ops::Activation::gelu_erf), 2048})
    ->Args({static_cast<int>(ops::Activation::gelu_tanh), 2048})
    ->Args({static_cast<int>(ops::Activation::silu), 2048})
    ->UseRealTime();
BENCHMARK(fourier_embed)->Arg(8192)->UseRealTime();
BENCHMARK(farthest_point_sampling)->Args({8192, 512})->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(resize_bilinear)->Args({512, 518})->Args({1024, 224})->UseRealTime();
BENCHMARK(geometry_decoder)
    ->ArgNames({"points", "chunk", "width", "ratio", "keys"})
    ->Args({16384, 512, 256, 2, 128})
    ->Args({16384, 1024, 256, 2, 128})
    ->Args({16384, 2048, 256, 2, 128})
    ->Args({16384, 4096, 256, 2, 128})
    ->Args({16384, 8192, 256, 2, 128})
    ->Args({4096, 1024, 1024, 4, 512})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK(single_block)
    ->ArgNames({"tokens", "width"})
    ->Args({357, 256})
    ->Args({1882, 1024})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  for (int i = 1; i < argc; ++i) {
    if (std::strncmp(argv[i], "--threads=", 10) == 0) machine.threads = std::atoi(argv[i] + 10);
  }
  machine.gflops = bench::peak_gflops(machine.threads);
  machine.gigabytes = cpu::copy_rate(machine.threads) * 1e-9;
  std::printf("%d threads: %.0f GFLOP/s of f32 multiply-adds, %.1f GB/s copied\n",
              machine.threads,
              machine.gflops,
              machine.gigabytes);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
