#pragma once
// A scalar field on the device: one value for each point of a grid.

#include <cuda_runtime.h>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/buffer.h"
#include "mesh/field.h"

namespace sinter::mesh::cuda {

/// Queues the evaluation of points: `points` [count, 3] and `logits` [count] are f32 on the device.
/// Must be a pure function of each point, and finite. `count` is at most the chunk of the options
/// it was called under.
using DeviceSampler = std::function<void(
    const float* points, std::int64_t count, float* logits, cudaStream_t stream)>;

/// The values of a grid's points, f32, point (i, j, k) at (i * points + j) * points + k. NaN means
/// not evaluated.
class DeviceField {
 public:
  /// Values not initialised. `memory` is the stream's. Raises ErrorCode::out_of_memory.
  DeviceField(Grid grid, Allocator* memory, cudaStream_t stream);

  const Grid& grid() const { return grid_; }
  float* values() { return reinterpret_cast<float*>(values_.data()); }
  const float* values() const { return reinterpret_cast<const float*>(values_.data()); }
  /// Coordinates along an axis, on the device: point (i, j, k) lies at (axis(0)[i], axis(1)[j],
  /// axis(2)[k]), with the bits of Grid::point().
  const float* axis(int axis) const {
    return reinterpret_cast<const float*>(axes_.data()) + axis * grid_.points();
  }

  /// As Field::range(); empty where the values were not sampled.
  const ValueRange& range() const { return range_; }
  void set_range(const ValueRange& range) { range_ = range; }

  /// Blocking copies of all values, in the order above. Uploading forgets the range.
  void upload(std::span<const float> values, cudaStream_t stream);
  std::vector<float> download(cudaStream_t stream) const;

 private:
  Grid grid_;
  Buffer values_, axes_;
  ValueRange range_;
};

}  // namespace sinter::mesh::cuda
