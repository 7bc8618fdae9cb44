#include "mesh/brick_table.h"

#include <limits>

#include "mesh/parallel.h"

namespace sinter::mesh {
BrickTable::BrickTable(int points) : points_(points), bricks_((points + kSide - 1) / kSide) {
  with_memory_errors("field", [&] {
    const auto n = static_cast<std::size_t>(bricks_);
    table_.resize(n * n * n);
  });
}

float* BrickTable::slot(const GridIndex& index) {
  return &make_brick(brick_of(index))[offset_of(index)];
}

const BrickTable::Brick* BrickTable::brick(const GridIndex& position) const {
  for (const int p : position) {
    if (p < 0 || p >= bricks_) return nullptr;
  }
  return table_[number(position)].get();
}

BrickTable::Brick& BrickTable::make_brick(const GridIndex& position) {
  auto& entry = table_[number(position)];
  if (!entry) {
    with_memory_errors("field", [&] { entry = std::make_unique<Brick>(); });
    entry->fill(std::numeric_limits<float>::quiet_NaN());
  }
  return *entry;
}

std::size_t BrickTable::bytes() const {
  std::size_t bytes = table_.size() * sizeof(table_[0]);
  for (const auto& entry : table_) bytes += entry ? sizeof(Brick) : 0;
  return bytes;
}

}  // namespace sinter::mesh
