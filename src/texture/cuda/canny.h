#pragma once
// Edges of a picture in grey.

#include "texture/cuda/array.h"

namespace sinter::texture::cuda {

/// Queues cv::Canny(levels, edges, low, high), aperture 3, L1 gradient, to the pixel: `edges` is 1
/// on an edge, else 0.
///
/// Sources: J. Canny, "A Computational Approach to Edge Detection", 1986; OpenCV,
/// modules/imgproc/src/canny.cpp, for the rounding of directions and for ties.
void find_edges(const std::uint8_t* levels,
                int width,
                int height,
                int low,
                int high,
                std::uint8_t* edges,
                Arena& arena,
                cudaStream_t stream);

}  // namespace sinter::texture::cuda
