#include "mesh/cuda/launch.cuh"
#include "mesh/cuda/point_marks.h"
#include "mesh/cuda/surface_following.h"

namespace sinter::mesh::cuda {

void mark_missing_corners(
    const float* values, int points, float level, std::uint32_t* words, cudaStream_t stream) {
  constexpr const char* kName = "surface following";
  const std::int64_t side = points + 1;  // cells from -1, below the lattice
  set_bytes(words, 0, mark_words(std::int64_t{points} * points * points), kName, stream);
  for_each(side * side * side, kName, stream, [=] __device__(std::int64_t n) {
    const auto cell = static_cast<std::uint32_t>(n), s = static_cast<std::uint32_t>(side);
    const int x = static_cast<int>(cell / (s * s)) - 1, y = static_cast<int>(cell / s % s) - 1,
              z = static_cast<int>(cell % s) - 1;
    bool inside = false, outside = false;
    unsigned missing = 0;
    const auto place = [&](int c) {
      return (std::int64_t{x + (c >> 2)} * points + y + ((c >> 1) & 1)) * points + z + (c & 1);
    };
#pragma unroll
    for (int c = 0; c < 8; ++c) {
      const int i = x + (c >> 2), j = y + ((c >> 1) & 1), k = z + (c & 1);
      if (i < 0 || j < 0 || k < 0 || i >= points || j >= points || k >= points) {
        outside = true;
        continue;
      }
      const float value = values[place(c)] - level;
      if (!isfinite(value)) {
        missing |= 1u << c;
      } else {
        (value > 0 ? inside : outside) = true;
      }
    }
    if (!inside || !outside) return;
    for (int c = 0; c < 8; ++c) {
      if (((missing >> c) & 1) != 0) atomicOr(words + place(c) / 32, 1u << (place(c) % 32));
    }
  });
}

}  // namespace sinter::mesh::cuda
