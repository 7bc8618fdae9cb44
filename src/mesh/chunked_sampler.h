#pragma once
// Collects points, calls a FieldSampler with full chunks, and writes the values where they belong.

#include <cstdint>
#include <vector>

#include "mesh/field.h"

namespace sinter::mesh {

class ChunkedSampler {
 public:
  /// `after_chunk(total)`, where set, is told how many points have been evaluated so far.
  ChunkedSampler(const Grid& grid,
                 const FieldSampler& sampler,
                 std::int64_t chunk,
                 std::function<void(std::int64_t)> after_chunk);

  /// The value of the point is in `*destination` after the next flush(), or earlier.
  void add(const GridIndex& index, float* destination);
  /// Evaluates what is still waiting.
  void flush();

  std::int64_t evaluated() const { return evaluated_; }
  const ValueRange& range() const { return range_; }

 private:
  const Grid& grid_;
  const FieldSampler& sampler_;
  std::size_t chunk_;
  std::function<void(std::int64_t)> after_chunk_;
  std::vector<Vec3> points_;
  std::vector<float*> destinations_;
  std::vector<float> logits_;
  std::int64_t evaluated_ = 0;
  ValueRange range_;
};

}  // namespace sinter::mesh
