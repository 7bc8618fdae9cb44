#pragma once
// The cells of the atlas that are taken, and the lowest place that is left for a stamp.

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "texture/unwrap/stamp.h"

namespace sinter::texture {

struct Cell {
  std::int32_t x, y;
};

class AtlasGrid {
 public:
  /// side x side empty cells; no halo may reach further than `reach` beyond its body.
  AtlasGrid(std::int32_t side, std::int32_t reach);

  /// The place with the lowest y, then the lowest x, at which the stamp's body lies in the grid and
  /// its halo meets no body; not below `first_row`, and with the body's top below `top`.
  std::optional<Cell> find(const Stamp& stamp, std::int32_t first_row, std::int32_t top) const;

  void place(const Stamp& stamp, Cell at);

 private:
  using Word = std::uint64_t;
  std::size_t row_start(int level, std::int32_t y) const {
    return (static_cast<std::size_t>(level) * static_cast<std::size_t>(rows_) +
            static_cast<std::size_t>(y)) *
           static_cast<std::size_t>(row_words_);
  }
  /// Brings the higher levels of a row up to date with what was taken between two places.
  void widen(std::int32_t y, std::int32_t begin, std::int32_t end);

  std::int32_t side_, reach_, rows_, row_words_;
  int levels_;
  /// Level k, row y + reach: bit x + reach is set where one of the 2^k cells from x on is taken.
  std::vector<Word> bits_;
};

}  // namespace sinter::texture
