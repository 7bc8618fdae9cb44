#pragma once
// Mean colours of many texels.

#include "texture/cuda/array.h"

namespace sinter::texture::cuda {

/// Sums in float64 by a fixed number of threads in a fixed order.
struct ColourSum {
  double sum[3];
  double count;
};

/// Queues the sum of colours[i] over every i = 0, stride, 2 stride, ... below `count` with face[i]
/// != 0 and, where `known` is not null, known[i] != 0.
void sum_colours(const std::array<float, 3>* colours,
                 const std::int32_t* face,
                 const std::uint8_t* known,
                 std::int64_t count,
                 int stride,
                 ColourSum* result,
                 Arena& arena,
                 cudaStream_t stream);

}  // namespace sinter::texture::cuda
