#include "mesh/surface_following.h"

#include <algorithm>
#include <cmath>

#include "mesh/block_reader.h"
#include "mesh/parallel.h"

namespace sinter::mesh {
namespace {

/// Bricks, -1 included, whose cells have a corner in the given ones.
std::vector<GridIndex> blocks_around(const BrickTable& values,
                                     const std::vector<GridIndex>& bricks) {
  std::vector<GridIndex> blocks;
  const auto add = [&](const GridIndex& b) {
    for (int n = 0; n < 8; ++n) {
      blocks.push_back({b[0] - ((n >> 2) & 1), b[1] - ((n >> 1) & 1), b[2] - (n & 1)});
    }
  };
  for (const GridIndex& b : bricks) add(b);
  if (bricks.empty()) {
    for (std::int64_t n = 0; n < values.brick_count(); ++n) {
      const GridIndex b = values.brick_position(n);
      if (values.brick(b) != nullptr) add(b);
    }
  }
  std::sort(blocks.begin(), blocks.end());
  blocks.erase(std::unique(blocks.begin(), blocks.end()), blocks.end());
  return blocks;
}

void add_missing(const GridIndex& block,
                 const BlockValues& values,
                 std::vector<GridIndex>& missing) {
  for (int n = 0; n < kBlockCells * kBlockCells * kBlockCells; ++n) {
    const std::array<int, 3> cell = {n / 64, n / 8 % 8, n % 8};
    bool inside = false, outside = false, incomplete = false;
    for (int c = 0; c < 8; ++c) {
      const float v =
          values.at(cell[0] + ((c >> 2) & 1), cell[1] + ((c >> 1) & 1), cell[2] + (c & 1));
      if (!std::isfinite(v)) {
        incomplete = true;
      } else {
        (v > 0 ? inside : outside) = true;
      }
    }
    if (!inside || !outside || !incomplete) continue;
    for (int c = 0; c < 8; ++c) {
      const std::array<int, 3> p = {
          cell[0] + ((c >> 2) & 1), cell[1] + ((c >> 1) & 1), cell[2] + (c & 1)};
      if (std::isfinite(values.at(p[0], p[1], p[2]))) continue;
      missing.push_back({block[0] * kBlockCells + p[0],
                         block[1] * kBlockCells + p[1],
                         block[2] * kBlockCells + p[2]});
    }
  }
}

}  // namespace

std::vector<GridIndex> missing_corners(const BrickTable& values,
                                       float level,
                                       bool closed,
                                       const std::vector<GridIndex>& bricks,
                                       int threads,
                                       const std::function<void()>& poll) {
  const std::vector<GridIndex> blocks = blocks_around(values, bricks);
  std::vector<std::vector<GridIndex>> of_block(blocks.size());
  const BlockReader reader(values, level, closed);
  parallel_blocks(
      threads,
      static_cast<std::int64_t>(blocks.size()),
      16,
      [&](std::int64_t begin, std::int64_t end) {
        BlockValues block;
        for (auto n = static_cast<std::size_t>(begin); std::cmp_less(n, end); ++n) {
          if (!reader.read(blocks[n], block) || !block.crossed) continue;
          add_missing(blocks[n], block, of_block[n]);
        }
      },
      poll);
  std::vector<GridIndex> missing;
  for (const auto& part : of_block) missing.insert(missing.end(), part.begin(), part.end());
  std::sort(missing.begin(), missing.end());
  missing.erase(std::unique(missing.begin(), missing.end()), missing.end());
  // Beyond an open border there is nothing to evaluate.
  std::erase_if(missing, [&](const GridIndex& p) {
    return std::any_of(p.begin(), p.end(), [&](int x) { return x < 0 || x >= values.points(); });
  });
  return missing;
}

}  // namespace sinter::mesh
