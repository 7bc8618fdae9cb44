#include <algorithm>

#include "core/error.h"
#include "mesh/cuda/lattice.cuh"
#include "mesh/cuda/launch.cuh"
#include "mesh/cuda/queries.h"
#include "mesh/cuda/scratch.h"

namespace sinter::mesh::cuda {
namespace {

constexpr const char* kName = "field queries";

}  // namespace

void make_points(const DeviceField& field,
                 const LatticeShape& lattice,
                 const std::uint32_t* places,
                 std::int64_t first,
                 std::int64_t count,
                 float* points,
                 cudaStream_t stream,
                 int every) {
  const float *x = field.axis(0), *y = field.axis(1), *z = field.axis(2);
  for_each(count, kName, stream, [=] __device__(std::int64_t n) {
    const std::int64_t place = places != nullptr ? places[n * every] : first + n;
    const int3 p = point_at(lattice, place);
    points[3 * n] = x[to_grid(lattice, p.x)];
    points[3 * n + 1] = y[to_grid(lattice, p.y)];
    points[3 * n + 2] = z[to_grid(lattice, p.z)];
  });
}

ChunkedQueries::ChunkedQueries(const DeviceField& field,
                               const DeviceSampler& sampler,
                               std::int64_t chunk,
                               std::function<void(std::int64_t)> after_chunk,
                               Arena& arena,
                               cudaStream_t stream)
    : field_(field), sampler_(sampler), after_chunk_(std::move(after_chunk)), stream_(stream) {
  SINTER_CHECK(chunk >= 1 && chunk <= Grid(Grid::kMaxResolution).point_count(),
               ErrorCode::invalid_argument,
               "[field] chunk: expected 1 or more points, got ",
               chunk);
  chunk_ = std::min(chunk, field.grid().point_count());
  points_ = take<float>(arena, 3 * chunk_);
  logits_ = take<float>(arena, chunk_);
  device_range_ = make_range(arena, stream);
}

void ChunkedQueries::run(const LatticeShape& lattice,
                         const std::uint32_t* places,
                         std::int64_t count,
                         float* values) {
  lattice_ = lattice;
  for (std::int64_t first = 0; first < count; first += chunk_) {
    const std::int64_t size = std::min(chunk_, count - first);
    const std::uint32_t* some = places != nullptr ? places + first : nullptr;
    float* answers = places != nullptr ? logits_ : values + first;
    make_points(field_, lattice, some, first, size, points_, stream_);
    // NaN, so that a sampler that leaves a value out is found out.
    set_bytes(answers, 0xff, size, kName, stream_);
    sampler_(points_, size, answers, stream_);
    if (places != nullptr) take_values(answers, some, size, values, device_range_, stream_);
    evaluated_ += size;
    pace_.step(stream_);
    if (after_chunk_) after_chunk_(evaluated_);
  }
  if (places == nullptr) take_values(values, nullptr, count, nullptr, device_range_, stream_);
}

void ChunkedQueries::check() {
  const DeviceRange found = read_back(device_range_, kName, stream_);
  check_finite(found, field_.grid(), lattice_.points, lattice_.stride);
  range_ = found.values();
}

}  // namespace sinter::mesh::cuda
