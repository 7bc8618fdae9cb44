// Layers on a GPU against the same layers on the CPU in f32.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "checkpoint/writer.h"
#include "cuda/status.h"
#include "nn/moe.h"
#include "ops/cuda/backend.h"
#include "ops/transfer.h"

namespace sinter::nn {
namespace {

constexpr std::int64_t kExperts = 8, kIdle = 5;  // expert kIdle is chosen by no row

float rounded(float value, DType dtype) {
  return dtype == DType::f16 ? half_to_float(float_to_half(value))
                             : bfloat16_to_float(float_to_bfloat16(value));
}

/// Values that `dtype` holds exactly, so that both sides start from the same.
std::vector<float> normal(std::int64_t count, float deviation, unsigned seed, DType dtype) {
  std::mt19937 random(seed);
  std::normal_distribution<float> distribution(0.0F, deviation);
  std::vector<float> values;
  for (std::int64_t i = 0; i < count; ++i) values.push_back(rounded(distribution(random), dtype));
  return values;
}

/// A mixture whose gate reads the logit of expert e off channel e.
checkpoint::Checkpoint mixture(std::int64_t width, std::int64_t inner, DType dtype) {
  std::map<std::string, std::pair<Shape, std::vector<float>>> tensors;
  std::vector<float> gate(static_cast<std::size_t>(kExperts * width));
  for (std::int64_t e = 0; e < kExperts; ++e) gate[static_cast<std::size_t>(e * width + e)] = 1.0F;
  tensors["gate.weight"] = {{kExperts, width}, gate};
  unsigned seed = 100;
  const auto add_linear = [&](const std::string& name, std::int64_t in, std::int64_t out) {
    const float deviation = 1.0F / std::sqrt(static_cast<float>(in));
    tensors[name + ".weight"] = {{out, in}, normal(out * in, deviation, ++seed, dtype)};
    tensors[name + ".bias"] = {{out}, normal(out, 0.3F, ++seed, dtype)};
  };
  for (std::int64_t e = 0; e <= kExperts; ++e) {
    const std::string expert = e < kExperts ? cat("experts.", e) : "shared_experts";
    add_linear(expert + ".net.0.proj", width, inner);
    add_linear(expert + ".net.2", inner, width);
  }
  std::vector<checkpoint::TensorSource> sources;
  for (const auto& [name, tensor] : tensors) {
    sources.push_back({name, DType::f32, tensor.first, std::as_bytes(std::span(tensor.second))});
  }
  return checkpoint::Checkpoint::from_bytes(checkpoint::to_safetensors(sources), "random");
}

/// Rows whose first channels are logits half a unit apart and more, in another order in each row:
/// rounding changes no row's experts.
std::vector<float> rows_for(std::int64_t rows, std::int64_t width, DType dtype) {
  std::vector<float> x = normal(rows * width, 1.0F, 7, dtype);
  std::mt19937 random(8);
  std::vector<float> levels;
  for (std::int64_t e = 0; e < kExperts; ++e) levels.push_back(0.75F * static_cast<float>(e) - 3);
  for (std::int64_t row = 0; row < rows; ++row) {
    float* const logits = x.data() + row * width;
    std::shuffle(levels.begin(), levels.end(), random);
    for (std::int64_t e = 0; e < kExperts; ++e) {
      const float jitter = static_cast<float>(random() % 4) / 16.0F;
      logits[e] = e == kIdle ? -4.0F : levels[static_cast<std::size_t>(e)] + jitter;
    }
  }
  return x;
}

std::vector<float> run(
    Context& ctx, std::int64_t rows, std::int64_t width, DType dtype, std::vector<float> x) {
  const std::int64_t inner = 4 * width;
  checkpoint::WeightStore store;
  const checkpoint::Binder binder(mixture(width, inner, dtype), store, "", ctx.placement());
  const MixtureOfExperts moe(binder,
                             {.width = width, .inner = inner, .experts = kExperts, .top_k = 2});
  binder.finish();
  ArenaScope scope(ctx.arena());
  ArenaScope host(ctx.host().arena());
  std::vector<float> residual = normal(rows * width, 1.0F, 9, dtype);
  const auto upload = [&](std::vector<float>& values) {
    return ops::to_device(ctx, {values.data(), DType::f32, Device::cpu, {rows, width}, "rows"});
  };
  const Tensor sum = upload(residual);
  moe.add_to(ctx, sum, upload(x));
  const std::span<const float> result = ops::to_host(ctx, sum).span();
  return {result.begin(), result.end()};
}

class CudaLayers : public testing::TestWithParam<DType> {};

TEST_P(CudaLayers, MixtureOfExpertsEqualsTheCpu) {
  if (cuda::device_count() == 0) GTEST_SKIP() << "no GPU";
  const DType dtype = GetParam();
  Context host, device(ops::cuda::make_backend(0), dtype);
  // The inner activation is rounded twice, what an expert adds and the residual twice each: as
  // independent errors less than four roundings of 2^-12 (f16) or 2^-9 (bf16) on average; twice
  // that is left. A row at a wrong expert is off by a tenth and more.
  const double limit = dtype == DType::f16 ? 8.0 / 4096 : 8.0 / 512;
  for (const std::int64_t width : {64, 128}) {
    for (const std::int64_t rows : {1, 203, 2051}) {
      SCOPED_TRACE(cat(to_string(dtype), " ", rows, " rows of ", width));
      const std::vector<float> x = rows_for(rows, width, dtype);
      const std::vector<float> expected = run(host, rows, width, dtype, x);
      const std::vector<float> got = run(device, rows, width, dtype, x);
      double worst = 0;
      for (std::int64_t row = 0; row < rows; ++row) {
        double difference = 0, size = 0;
        for (std::int64_t i = row * width; i < (row + 1) * width; ++i) {
          const double wanted = expected[static_cast<std::size_t>(i)];
          const double d = got[static_cast<std::size_t>(i)] - wanted;
          difference += d * d;
          size += wanted * wanted;
        }
        worst = std::max(worst, std::sqrt(difference / size));
      }
      std::printf("%s %lld x %lld: worst row %.2e\n",
                  to_string(dtype),
                  static_cast<long long>(rows),
                  static_cast<long long>(width),
                  worst);
      EXPECT_LT(worst, limit);
      EXPECT_EQ(run(device, rows, width, dtype, x), got) << "a second run gives other bytes";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, CudaLayers, testing::Values(DType::f16, DType::bf16));

}  // namespace
}  // namespace sinter::nn
