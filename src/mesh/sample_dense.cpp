#include "mesh/sample_dense.h"

#include "mesh/chunked_sampler.h"
#include "mesh/parallel.h"

namespace sinter::mesh {
namespace {

void add_brick(Field& field, const GridIndex& position, ChunkedSampler& chunks) {
  constexpr int kSide = BrickTable::kSide;
  BrickTable::Brick& brick = field.values().make_brick(position);
  const int points = field.grid().points();
  const GridIndex corner = {position[0] * kSide, position[1] * kSide, position[2] * kSide};
  for (int i = 0; i < std::min(kSide, points - corner[0]); ++i) {
    for (int j = 0; j < std::min(kSide, points - corner[1]); ++j) {
      for (int k = 0; k < std::min(kSide, points - corner[2]); ++k) {
        chunks.add({corner[0] + i, corner[1] + j, corner[2] + k},
                   &brick[static_cast<std::size_t>((i * kSide + j) * kSide + k)]);
      }
    }
  }
}

}  // namespace

Field sample_dense(const Grid& grid,
                   const FieldSampler& sampler,
                   const DenseOptions& options,
                   SampleStats* stats) {
  return with_memory_errors("sample_dense", [&] {
    const auto total = static_cast<double>(grid.point_count());
    ChunkedSampler chunks(grid, sampler, options.chunk, [&](std::int64_t done) {
      if (options.progress) options.progress(static_cast<double>(done) / total);
    });
    Field field(grid);
    for (std::int64_t n = 0; n < field.values().brick_count(); ++n) {
      add_brick(field, field.values().brick_position(n), chunks);
    }
    chunks.flush();
    field.set_range(chunks.range());
    if (stats != nullptr) {
      *stats = {};
      stats->grid_points = grid.point_count();
      stats->queries = chunks.evaluated();
      stats->levels = {{1, chunks.evaluated()}};
      stats->passes = 1;
    }
    return field;
  });
}

}  // namespace sinter::mesh
