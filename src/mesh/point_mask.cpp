#include "mesh/point_mask.h"

namespace sinter::mesh {

void PointMask::dilate_along_rows() {
  const int unused = 64 * words_ - points_;
  const std::uint64_t last_used = ~std::uint64_t{0} >> unused;
  for (std::size_t start = 0; start < bits_.size(); start += static_cast<std::size_t>(words_)) {
    std::uint64_t* words = bits_.data() + start;
    std::uint64_t below = 0;  // the word before, as it was
    for (int w = 0; w < words_; ++w) {
      const std::uint64_t here = words[w];
      const std::uint64_t above = w + 1 < words_ ? words[w + 1] : 0;
      words[w] = here | (here << 1) | (below >> 63) | (here >> 1) | (above << 63);
      below = here;
    }
    words[words_ - 1] &= last_used;
  }
}

/// Along the second axis, within one slab.
void PointMask::dilate_slab(int i) {
  const auto n = static_cast<std::size_t>(words_);
  std::vector<std::uint64_t> below(n), here(n);
  for (int j = 0; j < points_; ++j) {
    std::uint64_t* words = row(i, j);
    std::copy_n(words, n, here.begin());
    const std::uint64_t* above = j + 1 < points_ ? row(i, j + 1) : nullptr;
    for (std::size_t w = 0; w < n; ++w) {
      words[w] |= below[w] | (above != nullptr ? above[w] : 0);
    }
    below.swap(here);
  }
}

void PointMask::dilate() {
  dilate_along_rows();
  for (int i = 0; i < points_; ++i) dilate_slab(i);
  const std::size_t slab = row_offset(1, 0);
  std::vector<std::uint64_t> below(slab), here(slab);
  for (int i = 0; i < points_; ++i) {
    std::uint64_t* words = row(i, 0);
    std::copy_n(words, slab, here.begin());
    const std::uint64_t* above = i + 1 < points_ ? row(i + 1, 0) : nullptr;
    for (std::size_t w = 0; w < slab; ++w) {
      words[w] |= below[w] | (above != nullptr ? above[w] : 0);
    }
    below.swap(here);
  }
}

}  // namespace sinter::mesh
