#include "mesh/chunked_sampler.h"

#include <limits>

#include "core/error.h"

namespace sinter::mesh {

ChunkedSampler::ChunkedSampler(const Grid& grid,
                               const FieldSampler& sampler,
                               std::int64_t chunk,
                               std::function<void(std::int64_t)> after_chunk)
    : grid_(grid), sampler_(sampler), after_chunk_(std::move(after_chunk)) {
  SINTER_CHECK(chunk >= 1 && chunk <= Grid(Grid::kMaxResolution).point_count(),
               ErrorCode::invalid_argument,
               "[field] chunk: expected 1 or more points, got ",
               chunk);
  chunk_ = static_cast<std::size_t>(chunk);
}

void ChunkedSampler::add(const GridIndex& index, float* destination) {
  points_.push_back(grid_.point(index));
  destinations_.push_back(destination);
  if (points_.size() == chunk_) flush();
}

void ChunkedSampler::flush() {
  if (points_.empty()) return;
  // NaN, so that a sampler that leaves a value out is found out below.
  logits_.assign(points_.size(), std::numeric_limits<float>::quiet_NaN());
  sampler_(points_, logits_);
  include_values(points_, logits_, range_);
  for (std::size_t n = 0; n < points_.size(); ++n) *destinations_[n] = logits_[n];
  evaluated_ += static_cast<std::int64_t>(points_.size());
  points_.clear();
  destinations_.clear();
  if (after_chunk_) after_chunk_(evaluated_);
}

}  // namespace sinter::mesh
