#pragma once
// bake/bake.h on the device.

#include <cuda_runtime.h>

#include "core/buffer.h"
#include "texture/bake/bake.h"

namespace sinter::texture::cuda {

/// texture::bake_texture(). By the reference the views are painted on the device, with the same
/// bits, and the rest of the texture is filled by the host, step by step as the reference does. The
/// other method never leaves the device; what no view shows may differ from the host's by a level,
/// see surface_fill.h. Memory and work are those of the arena's allocator and of its stream. Raises
/// ErrorCode::out_of_memory and ErrorCode::device too.
Image bake_texture(const BakeTarget& target,
                   std::span<const ViewCamera> cameras,
                   std::span<const Image> pictures,
                   const BakeOptions& options,
                   BakeReport& report,
                   Arena& arena,
                   cudaStream_t stream);

}  // namespace sinter::texture::cuda
