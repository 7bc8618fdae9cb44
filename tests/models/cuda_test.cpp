// The shipped model's networks on a GPU against the same networks on the CPU in f32.

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "cuda/status.h"
#include "models/golden.h"
#include "ops/cuda/backend.h"
#include "ops/transfer.h"

namespace sinter::models {
namespace {

/// What 16-bit activations with f32 sums may lose over the depth of a network, as root mean square
/// of the difference over that of the values. A rounding is 2^-12 (f16) or 2^-9 (bf16) of a value
/// on average over its range; the residual stream is rounded some 20 to 60 times on the way, which
/// adds up as independent errors: about 8 roundings, and three times that for the modulations and
/// attention weights that are rounded besides. A wrong kernel is off by the size of the values.
double limit_of(DType dtype) {
  return dtype == DType::f16 ? 24.0 / 4096 : 24.0 / 512;
}

struct Result {
  std::vector<float> condition, velocity, tokens, logits;
};

std::vector<float> values_of(Context& ctx, const Tensor& tensor) {
  ArenaScope scope(ctx.host().arena());
  const std::span<const float> values = ops::to_host(ctx, tensor).span();
  return {values.begin(), values.end()};
}

Result run(const ShapeModel& model, Context& ctx) {
  const ShapeModelConfig& config = model.config();
  const OwnedTensor image("input.image", {3, 512, 512});
  const OwnedTensor noise("input.latents", {config.vae.num_latents, config.vae.embed_dim}, 1.75F);
  const OwnedTensor points("input.points", {333, 3});
  const OwnedTensor logits({333}, NAN);
  ctx.threads = 2;
  Result result;

  const auto conditioner = model.load_conditioner(ctx.placement());
  const Tensor tokens = conditioner->forward(ctx, image);
  result.condition = values_of(ctx, tokens);

  const auto dit = model.load_dit(ctx.placement());
  const std::vector<float> times = {0.25F, 0.375F};
  const Denoise denoise = dit->begin(ctx, {.condition = tokens, .times = times, .guidance = 5.0F});
  const Tensor latents = ops::to_device(ctx, noise, DType::f32);
  const Tensor velocity = ctx.allocate(DType::f32, {2, latents.dim(0), latents.dim(1)});
  denoise(ctx, 1, latents, velocity);
  result.velocity = values_of(ctx, velocity);

  const auto vae = model.load_vae(ctx.placement());
  const Tensor decoded = vae->decode(ctx, latents);
  result.tokens = values_of(ctx, decoded);
  vae->query(ctx, vae->remember(ctx, decoded), points, logits);
  result.logits = values_of(ctx, logits);
  return result;
}

class CudaModel : public testing::TestWithParam<DType> {};

TEST_P(CudaModel, EqualsTheCpu) {
  if (cuda::device_count() == 0) GTEST_SKIP() << "no GPU";
  const ShapeModel model =
      ShapeModel::open(std::string(SINTER_SOURCE_DIR) + "/models/sinter-small");
  Context host, device(ops::cuda::make_backend(0), GetParam());
  const Result expected = run(model, host), got = run(model, device);
  const double limit = limit_of(GetParam());
  const auto check = [&](const char* what, const auto& values, const auto& reference) {
    ASSERT_EQ(values.size(), reference.size());
    const double error = relative_error(values, reference);
    RecordProperty(what, std::to_string(error));
    std::printf("%s %s: %.2e\n", to_string(GetParam()), what, error);
    EXPECT_LT(error, limit) << what;
  };
  check("condition", got.condition, expected.condition);
  check("velocity", got.velocity, expected.velocity);
  check("tokens", got.tokens, expected.tokens);
  check("logits", got.logits, expected.logits);
}

INSTANTIATE_TEST_SUITE_P(Types, CudaModel, testing::Values(DType::f16, DType::bf16));

}  // namespace
}  // namespace sinter::models
