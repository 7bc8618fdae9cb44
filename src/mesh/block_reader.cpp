#include "mesh/block_reader.h"

#include <algorithm>

namespace sinter::mesh {
namespace {

constexpr int kCells = kBlockCells;

constexpr std::size_t brick_offset(int x, int y, int z) {
  return static_cast<std::size_t>(((x % kCells) * kCells + y % kCells) * kCells + z % kCells);
}

}  // namespace

bool BlockReader::read(const GridIndex& position, BlockValues& block) const {
  Bricks bricks;
  for (int n = 0; n < 8; ++n) {
    bricks[static_cast<std::size_t>(n)] = values_.brick(
        {position[0] + ((n >> 2) & 1), position[1] + ((n >> 1) & 1), position[2] + (n & 1)});
  }
  const auto absent = std::count(bricks.begin(), bricks.end(), nullptr);
  if (absent == 8) return false;
  if (absent == 0 && is_whole(position)) {
    copy_rows(bricks, block);
  } else {
    std::size_t next = 0;
    for (int x = 0; x < kBlockPoints; ++x) {
      for (int y = 0; y < kBlockPoints; ++y) {
        for (int z = 0; z < kBlockPoints; ++z) {
          block.value[next++] = read_point(bricks, position, x, y, z);
        }
      }
    }
  }
  int inside = 0;
  for (const float value : block.value) inside += value > 0;
  block.crossed = inside != 0 && inside != static_cast<int>(block.value.size());
  return true;
}

/// Whether every point of the block lies in the lattice.
bool BlockReader::is_whole(const GridIndex& position) const {
  return std::all_of(position.begin(), position.end(), [&](int p) {
    return p >= 0 && (p + 1) * kCells < values_.points();
  });
}

void BlockReader::copy_rows(const Bricks& bricks, BlockValues& block) const {
  for (int x = 0; x < kBlockPoints; ++x) {
    for (int y = 0; y < kBlockPoints; ++y) {
      const auto which = static_cast<std::size_t>((x / kCells) * 4 + (y / kCells) * 2);
      const std::size_t row = brick_offset(x, y, 0);
      const float* src = bricks[which]->data() + row;
      float* dst = block.value.data() + BlockValues::index(x, y, 0);
      for (int z = 0; z < kCells; ++z) dst[z] = src[z] - level_;
      dst[kCells] = (*bricks[which + 1])[row] - level_;
    }
  }
}

float BlockReader::read_point(
    const Bricks& bricks, const GridIndex& position, int x, int y, int z) const {
  const auto in_lattice = [&](int p, int local) {
    const int index = p * kCells + local;
    return index >= 0 && index < values_.points();
  };
  if (!in_lattice(position[0], x) || !in_lattice(position[1], y) || !in_lattice(position[2], z)) {
    return beyond_;
  }
  const auto which = static_cast<std::size_t>((x / kCells) * 4 + (y / kCells) * 2 + z / kCells);
  if (bricks[which] == nullptr) return std::numeric_limits<float>::quiet_NaN();
  return (*bricks[which])[brick_offset(x, y, z)] - level_;
}

}  // namespace sinter::mesh
