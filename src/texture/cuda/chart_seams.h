#pragma once
// bake/chart_seams.h on the device.

#include "texture/bake/border_texels.h"
#include "texture/cuda/texture.h"

namespace sinter::texture::cuda {

struct DeviceChartSeams {
  Array<std::uint32_t> chart;  ///< by vertex: the first vertex of its chart
  Array<std::uint32_t> other;  ///< by half: the seam's other one; kNoHalf where no seam is
};

/// Queues find_chart_seams(). `first`: by vertex, the first one at its place; `points`: where
/// vertices lie, in texels.
DeviceChartSeams find_chart_seams(const Array<mesh::Face>& faces,
                                  const Array<std::uint32_t>& first,
                                  const Array<ScreenPoint>& points,
                                  Arena& arena,
                                  cudaStream_t stream);

}  // namespace sinter::texture::cuda
