#pragma once
// What is known of many values on the device: the smallest, the largest, and whether one is not
// finite.

#include <cuda_runtime.h>

#include <cstdint>

#include "core/buffer.h"
#include "mesh/field.h"

namespace sinter::mesh::cuda {

/// Lies on the device, and is copied back as a whole.
struct DeviceRange {
  int min, max;               ///< float bits in the order of signed integers; min > max: no value
  unsigned long long broken;  ///< lowest place of a value that is not finite, then its 32 bits

  static constexpr unsigned long long kNone = ~0ull;

  /// The values as ValueRange counts them, NaN left out.
  ValueRange values() const;
};

/// A cleared range on the device.
DeviceRange* make_range(Arena& arena, cudaStream_t stream);

/// Queues: includes `values` [count] in the range and stores value n at destination[places[n]].
/// Without places they count as 0, 1, .. and nothing is stored.
void take_values(const float* values,
                 const std::uint32_t* places,
                 std::int64_t count,
                 float* destination,
                 DeviceRange* range,
                 cudaStream_t stream);

/// Raises ErrorCode::internal as include_values() does, where a value was not finite. `points`:
/// along each axis of the lattice whose places are meant; `stride`: its stride on the grid.
void check_finite(const DeviceRange& range, const Grid& grid, int points, int stride);

}  // namespace sinter::mesh::cuda
