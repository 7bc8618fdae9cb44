#pragma once
// Where a key begins in a sorted list.

#include <cstdint>

namespace sinter::texture::cuda {

/// The first place of 0 .. count whose key is not below `key`.
__device__ inline std::int64_t lower_bound(const std::uint32_t* keys,
                                           std::int64_t count,
                                           std::uint32_t key) {
  std::int64_t low = 0, high = count;
  while (low < high) {
    const std::int64_t middle = (low + high) / 2;
    if (keys[middle] < key) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

}  // namespace sinter::texture::cuda
