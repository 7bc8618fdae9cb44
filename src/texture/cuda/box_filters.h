#pragma once
// Boxes around pixels.

#include "texture/cuda/array.h"

namespace sinter::texture::cuda {

/// Queues: each pixel of `mask` becomes 1 where any pixel that is not 0 lies within `radius` rows
/// and columns, else 0. Beyond the picture there is nothing.
void dilate(
    std::uint8_t* mask, int width, int height, int radius, Arena& arena, cudaStream_t stream);

/// Queues ViewSampler::ramp of what is reliable; the picture's border pixels go on beyond it.
void find_ramp(const std::uint8_t* reliable,
               int width,
               int height,
               std::uint8_t* ramp,
               Arena& arena,
               cudaStream_t stream);

}  // namespace sinter::texture::cuda
