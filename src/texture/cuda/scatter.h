#pragma once
// bake/scatter.h on the device.

#include "texture/cuda/gather.h"

namespace sinter::texture::cuda {

/// scatter_view() and ViewMerge, with the same bits: a texel adds what falls on it in the order of
/// the pixels, which a sort by texel keeps.
class ViewMerge {
 public:
  ViewMerge(int size, Arena& arena, cudaStream_t stream);

  /// Waits for the device. Returns whether the view was added. `uv` by vertex, v upwards. Scratch
  /// memory takes 64 bytes a pixel and more.
  bool add(const DeviceViewMesh& mesh,
           const Array<std::array<float, 2>>& uv,
           const DeviceViewGeometry& view,
           const DevicePicture& picture,
           double weight,
           Arena& arena,
           cudaStream_t stream);
  /// Queues; call it once.
  DeviceTexture finish(Arena& arena, cudaStream_t stream);

 private:
  int size_;
  Array<std::array<float, 3>> colour_;
  Array<float> weight_;
};

}  // namespace sinter::texture::cuda
