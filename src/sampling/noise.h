#pragma once
// Initial noise of the sampler.

#include <cstdint>

#include "core/tensor.h"
#include "sinter/noise.h"

namespace sinter::sampling {

/// Fills an f32 tensor of any shape with standard normal values, in row-major order. The torch
/// kinds give values of half precision, as upstream draws them; the two of the CPU generator want a
/// multiple of 16 values (latents always are) and raise ErrorCode::invalid_argument otherwise.
void fill_noise(Noise kind, std::uint64_t seed, const Tensor& out);

}  // namespace sinter::sampling
