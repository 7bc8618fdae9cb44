#pragma once
// The marching-cubes table of mesh/cube_table.h, laid out for the device.

#include <cstdint>

#include "cuda/memory.h"
#include "mesh/cube_table.h"

namespace sinter::mesh::cuda {

/// One way the surface can cross a cell.
struct DeviceCubeEntry {
  std::uint32_t first_triangle;  ///< of DeviceCubeTable::triangles
  std::uint32_t first_center;    ///< of DeviceCubeTable::centers
  std::uint16_t triangles;
  std::uint16_t centers;
};

/// A polygon with an extra vertex in its middle.
struct DeviceCubeCenter {
  std::uint8_t count;
  std::uint8_t edges[kCubeEdges];
};

/// Pointers for kernels. The entry of a cell whose inside corners are `code` is number
/// first[code] + j, where bit n of j says whether the n-th of the faces ambiguous[code], from the
/// lowest, is joined.
struct DeviceCubeTable {
  const std::uint8_t* ambiguous;  ///< [256]
  const std::uint32_t* first;     ///< [256]
  const DeviceCubeEntry* entries;
  const std::uint8_t* triangles;    ///< [.., 3]
  const DeviceCubeCenter* centers;  ///< of an entry: kCenterVertex, kCenterVertex + 1, ..
};

class DeviceCubeTableMemory {
 public:
  /// Raises ErrorCode::out_of_memory.
  DeviceCubeTableMemory();
  const DeviceCubeTable& table() const { return table_; }

 private:
  sinter::cuda::DeviceMemory ambiguous_, first_, entries_, triangles_, centers_;
  DeviceCubeTable table_;
};

}  // namespace sinter::mesh::cuda
