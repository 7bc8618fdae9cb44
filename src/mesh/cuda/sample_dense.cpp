#include "mesh/cuda/sample_dense.h"

#include "mesh/cuda/queries.h"

namespace sinter::mesh::cuda {

DeviceField sample_dense(const Grid& grid,
                         const DeviceSampler& sampler,
                         const DenseOptions& options,
                         Arena& arena,
                         cudaStream_t stream,
                         SampleStats* stats) {
  const ArenaScope scope(arena);
  DeviceField field(grid, arena.allocator(), stream);
  const auto total = static_cast<double>(grid.point_count());
  ChunkedQueries queries(
      field,
      sampler,
      options.chunk,
      [&](std::int64_t asked) {
        if (options.progress) options.progress(static_cast<double>(asked) / total);
      },
      arena,
      stream);
  queries.run({grid.points(), 1, grid.resolution()}, nullptr, grid.point_count(), field.values());
  queries.check();
  field.set_range(queries.range());
  if (stats != nullptr) {
    *stats = {};
    stats->grid_points = grid.point_count();
    stats->queries = queries.evaluated();
    stats->levels = {{1, queries.evaluated()}};
    stats->passes = 1;
  }
  return field;
}

}  // namespace sinter::mesh::cuda
