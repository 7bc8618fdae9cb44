#pragma once
// bake/gather.h on the device.

#include "core/image.h"
#include "texture/cuda/texture.h"
#include "texture/cuda/view_geometry.h"

namespace sinter::texture::cuda {

/// A picture on the device.
struct DevicePicture {
  int channels;
  Array<std::uint8_t> pixels;

  /// A blocking copy.
  DevicePicture(const Image& image, Allocator* memory, cudaStream_t stream)
      : channels(image.channels), pixels(std::span(image.pixels), memory, stream) {}
};

/// TexelGather, with the same bits.
class TexelGather {
 public:
  /// Both arguments must outlive the object.
  TexelGather(const DeviceViewMesh& mesh,
              const DeviceTexelMap& texels,
              Arena& arena,
              cudaStream_t stream);

  /// Queues.
  void add(const ViewCamera& camera,
           const DeviceViewGeometry& view,
           const DevicePicture& picture,
           Arena& arena,
           cudaStream_t stream);
  /// Queues; call it once.
  DeviceTexture finish(Arena& arena, cudaStream_t stream);

 private:
  const DeviceViewMesh& mesh_;
  const DeviceTexelMap& texels_;
  Array<std::array<float, 3>> colour_;
  Array<float> weight_;
};

}  // namespace sinter::texture::cuda
