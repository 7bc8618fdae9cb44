#pragma once
// A triangle mesh on the device, and its way to the host.

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

#include "core/buffer.h"
#include "mesh/cuda/download.h"
#include "mesh/triangle_mesh.h"

namespace sinter::mesh::cuda {

/// Move only.
class DeviceMesh {
 public:
  DeviceMesh() = default;
  /// Not initialised. Raises ErrorCode::out_of_memory.
  DeviceMesh(std::int64_t vertices, std::int64_t faces, Allocator* memory);
  /// A blocking copy. `memory` is the stream's.
  DeviceMesh(const TriangleMesh& mesh, Allocator* memory, cudaStream_t stream);

  std::int64_t vertices() const { return vertices_; }
  std::int64_t faces() const { return faces_; }
  /// [vertices, 3]
  float* positions() { return reinterpret_cast<float*>(positions_.data()); }
  const float* positions() const { return reinterpret_cast<const float*>(positions_.data()); }
  /// [faces, 3]
  std::uint32_t* indices() { return reinterpret_cast<std::uint32_t*>(indices_.data()); }
  const std::uint32_t* indices() const {
    return reinterpret_cast<const std::uint32_t*>(indices_.data());
  }

 private:
  std::int64_t vertices_ = 0, faces_ = 0;
  Buffer positions_, indices_;
};

/// Copies meshes to the host.
class MeshDownload {
 public:
  /// Waits for what was queued on the stream before.
  TriangleMesh run(const DeviceMesh& mesh, cudaStream_t stream);

 private:
  Download download_;
};

}  // namespace sinter::mesh::cuda
