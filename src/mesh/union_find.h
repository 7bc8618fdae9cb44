#pragma once
// Disjoint sets of the numbers 0 .. n - 1 (Tarjan 1975, with path halving). The smallest member
// represents its set, so results do not depend on the order of the joins.

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

namespace sinter::mesh {

class UnionFind {
 public:
  explicit UnionFind(std::size_t count) : parent_(count) {
    std::iota(parent_.begin(), parent_.end(), 0u);
  }
  std::uint32_t find(std::uint32_t x) {
    while (parent_[x] != x) x = parent_[x] = parent_[parent_[x]];
    return x;
  }
  void join(std::uint32_t x, std::uint32_t y) {
    x = find(x);
    y = find(y);
    if (x < y) {
      parent_[y] = x;
    } else {
      parent_[x] = y;
    }
  }

 private:
  std::vector<std::uint32_t> parent_;
};

}  // namespace sinter::mesh
