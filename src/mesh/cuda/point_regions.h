#pragma once
// Points of a lattice sorted into the parts of a box: FlashVDM's bricks and bins.

#include <cuda_runtime.h>

#include <cstdint>
#include <vector>

#include "core/buffer.h"
#include "mesh/cuda/device_field.h"
#include "mesh/cuda/point_marks.h"
#include "mesh/cuda/queries.h"

namespace sinter::mesh::cuda {

/// Which of `parts` parts along each axis a lattice index falls into; parts^3 is at most 256.
struct PartTable {
  std::uint8_t* part;  ///< [3, points], on the device
  int parts;
};

/// Queues: cuts the points along each axis as evenly as they allow.
void cut_evenly(const PartTable& table, const LatticeShape& lattice, cudaStream_t stream);

/// Queues: cuts the bounding box of the listed points into equal parts, of which the last one
/// contains its end: floor(place * scale) with a place of 0..1 in the box. Points outside count to
/// the nearest part.
void cut_bounding_box(const PartTable& table,
                      float scale,
                      const DeviceField& field,
                      const LatticeShape& lattice,
                      const PointList& list,
                      Arena& arena,
                      cudaStream_t stream);

/// Points by part, each part's in the order of the grid.
struct PointRegions {
  std::uint32_t* places;            ///< of all points, on the device
  std::vector<std::int64_t> count;  ///< by part
  std::vector<std::int64_t> first;  ///< by part: its first one of all points
};

/// Waits for the device, for the sizes.
PointRegions sort_into_parts(const PartTable& table,
                             const LatticeShape& lattice,
                             const PointList& list,
                             Arena& arena,
                             cudaStream_t stream);

}  // namespace sinter::mesh::cuda
