#pragma once
// The half-precision normal streams of PyTorch's CPU generator, which upstream draws its initial
// latents from: same seed, same starting noise as upstream run with a CPU generator.
//
// Both are torch.randn(n, dtype=float16) after manual_seed(seed), widened to float: MT19937 seeded
// with the low 32 bits, one output an element; in each block of 16, elements j < 8 and j + 8 form a
// Box-Muller pair. `out.size()` must be a positive multiple of 16 (latents always are); a prefix of
// the stream does not depend on its length. Libraries' logarithms and sines differ in the last bit,
// so about one value in 10^5 may be off by one unit in the last place of half precision.

#include <cstdint>
#include <span>

namespace sinter::sampling {

/// Releases from 2.13 on, which evaluate the transform in fp32 (compared with 2.15): u = (word &
/// 0xFFFFFF) / 2^24, rounded to half precision at the end.
void fill_normal_torch(std::uint64_t seed, std::span<float> out);

/// Releases up to 2.12, those of upstream's time: u = (word & 2047) / 2048, radius and angle
/// rounded to half precision. At most 2048 radii, all below 3.905: a stream to reproduce, not a
/// good normal generator.
void fill_normal_torch_half(std::uint64_t seed, std::span<float> out);

}  // namespace sinter::sampling
