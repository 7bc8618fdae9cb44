#pragma once
// Points for a DeviceSampler, and calls of it in chunks.

#include <cuda_runtime.h>

#include <cstdint>
#include <functional>

#include "core/buffer.h"
#include "mesh/cuda/device_field.h"
#include "mesh/cuda/event.h"
#include "mesh/cuda/value_range.h"

namespace sinter::mesh::cuda {

/// A cubic lattice of a grid's points, as mesh::Lattice numbers them: point (i, j, k) is at place
/// (i * points + j) * points + k and at grid index min(i * stride, last), ...
struct LatticeShape {
  int points, stride, last;
};

/// Queues: coordinates of `count` lattice points: those at every n-th of `places`, or at first,
/// first + 1, .. where that is null.
void make_points(const DeviceField& field,
                 const LatticeShape& lattice,
                 const std::uint32_t* places,
                 std::int64_t first,
                 std::int64_t count,
                 float* points,
                 cudaStream_t stream,
                 int every = 1);

/// Holds the host back to a chunk or two ahead of the device, so that progress means something and
/// a wish to stop is heard.
class Pace {
 public:
  /// After queueing a chunk: waits for the one before it.
  void step(cudaStream_t stream) {
    events_[steps_ % 2].record(stream);
    events_[++steps_ % 2].wait();
  }

 private:
  Event events_[2];
  unsigned steps_ = 0;
};

/// Evaluates points chunk by chunk, and keeps count of them and of their values.
class ChunkedQueries {
 public:
  /// `after_chunk(total)`, where set, is told how many points have been asked for so far.
  ChunkedQueries(const DeviceField& field,
                 const DeviceSampler& sampler,
                 std::int64_t chunk,
                 std::function<void(std::int64_t)> after_chunk,
                 Arena& arena,
                 cudaStream_t stream);

  /// Queues: values [points^3] takes the answers for the lattice points at `places`, or for all of
  /// them where that is null.
  void run(const LatticeShape& lattice,
           const std::uint32_t* places,
           std::int64_t count,
           float* values);

  /// Waits for the device, and raises ErrorCode::internal where an answer of a run since the last
  /// call was not finite.
  void check();

  std::int64_t evaluated() const { return evaluated_; }
  /// Of all answers up to the last check().
  const ValueRange& range() const { return range_; }

 private:
  const DeviceField& field_;
  const DeviceSampler& sampler_;
  std::int64_t chunk_;
  std::function<void(std::int64_t)> after_chunk_;
  cudaStream_t stream_;
  Pace pace_;
  float *points_, *logits_;  // of one chunk
  DeviceRange* device_range_;
  LatticeShape lattice_{};  // of the last run
  std::int64_t evaluated_ = 0;
  ValueRange range_;
};

}  // namespace sinter::mesh::cuda
