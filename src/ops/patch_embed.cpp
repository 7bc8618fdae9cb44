#include "ops/patch_embed.h"

#include <algorithm>

#include "cpu/threads.h"
#include "ops/backend.h"
#include "ops/check.h"

namespace sinter::ops {

Tensor patch_embed(Context& ctx, const Tensor& image, const LinearWeight& weight, int patch) {
  check_rank("patch_embed", "image", image, 3);
  const std::int64_t channels = image.dim(0);
  const std::int64_t height = image.dim(1);
  const std::int64_t width = image.dim(2);
  SINTER_CHECK(patch > 0 && height > 0 && width > 0 && height % patch == 0 && width % patch == 0,
               ErrorCode::invalid_argument,
               "[patch_embed] image: expected height and width to be multiples of ",
               patch,
               ", got ",
               image.shape,
               origin(image.name));
  SINTER_CHECK(weight.in_features() == channels * patch * patch,
               ErrorCode::invalid_argument,
               "[patch_embed] weight: expected ",
               channels * patch * patch,
               " inputs, got ",
               weight.in_features());
  const std::int64_t across = width / patch;
  const std::int64_t tokens = height / patch * across;
  Tensor y = ctx.activation({tokens, weight.out_features()});
  ArenaScope scratch(ctx.arena());
  const Tensor patches = ctx.activation({tokens, weight.in_features()});
  if (image.device != Device::cpu) {
    backend(ctx, "patch_embed").patches(image, patch, patches);
    linear_into(ctx, patches, weight, y);
    return y;
  }
  const float* src = image.f32();
  float* dst = patches.f32_mut();
  cpu::parallel_ranges(ctx.threads, tokens, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t token = begin; token < end; ++token) {
      float* row = dst + token * weight.in_features();
      const std::int64_t top = token / across * patch;
      const std::int64_t left = token % across * patch;
      for (std::int64_t c = 0; c < channels; ++c) {
        for (std::int64_t line = top; line < top + patch; ++line) {
          const float* pixels = src + (c * height + line) * width + left;
          row = std::copy(pixels, pixels + patch, row);
        }
      }
    }
  });
  linear_into(ctx, patches, weight, y);
  return y;
}

}  // namespace sinter::ops
