#pragma once
// Reads a lattice in blocks of 9x9x9 points: the corners of the 8x8x8 cells that start in one
// brick.

#include <array>
#include <cstddef>
#include <limits>

#include "mesh/brick_table.h"

namespace sinter::mesh {

inline constexpr int kBlockCells = BrickTable::kSide;
inline constexpr int kBlockPoints = kBlockCells + 1;

/// Value minus level of the points of one block; above 0 is inside.
struct BlockValues {
  std::array<float, kBlockPoints * kBlockPoints * kBlockPoints> value;
  bool crossed = false;  ///< some points are above 0, and some are not (NaN included)

  static constexpr std::size_t index(int x, int y, int z) {
    return static_cast<std::size_t>((x * kBlockPoints + y) * kBlockPoints + z);
  }
  float at(int x, int y, int z) const { return value[index(x, y, z)]; }
};

class BlockReader {
 public:
  /// `closed`: points beyond the lattice are far outside; otherwise they are NaN.
  BlockReader(const BrickTable& values, float level, bool closed)
      : values_(values),
        level_(level),
        beyond_(closed ? std::numeric_limits<float>::lowest()
                       : std::numeric_limits<float>::quiet_NaN()) {}

  /// Fills `block` with points 8 * position .. 8 * position + 8 along each axis. The position may
  /// be -1, for the cells below the lattice. False, with nothing filled, where no brick is there.
  bool read(const GridIndex& position, BlockValues& block) const;

 private:
  using Bricks = std::array<const BrickTable::Brick*, 8>;

  bool is_whole(const GridIndex& position) const;
  void copy_rows(const Bricks& bricks, BlockValues& block) const;
  float read_point(const Bricks& bricks, const GridIndex& position, int x, int y, int z) const;

  const BrickTable& values_;
  float level_;
  float beyond_;
};

}  // namespace sinter::mesh
