#include "mesh/sample_dense.h"

#include "mesh/chunked_sampler.h"
#include "mesh/parallel.h"

namespace sinter::mesh {
namespace {

void add_brick(Field& field, const GridIndex& corner, ChunkedSampler& chunks) {
  constexpr int kBrick = Field::kBrick;
  Field::Brick& brick =
      field.make_brick(corner[0] / kBrick, corner[1] / kBrick, corner[2] / kBrick);
  const int points = field.grid().points();
  for (int i = 0; i < std::min(kBrick, points - corner[0]); ++i) {
    for (int j = 0; j < std::min(kBrick, points - corner[1]); ++j) {
      for (int k = 0; k < std::min(kBrick, points - corner[2]); ++k) {
        chunks.add({corner[0] + i, corner[1] + j, corner[2] + k},
                   &brick[static_cast<std::size_t>((i * kBrick + j) * kBrick + k)]);
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
    for (int a = 0; a < field.bricks(); ++a) {
      for (int b = 0; b < field.bricks(); ++b) {
        for (int c = 0; c < field.bricks(); ++c) {
          add_brick(field, {a * Field::kBrick, b * Field::kBrick, c * Field::kBrick}, chunks);
        }
      }
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
