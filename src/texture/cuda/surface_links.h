#pragma once
// Which vertices of a surface are one, and which are next to each other.

#include "texture/bake/surface_graph.h"
#include "texture/cuda/array.h"

namespace sinter::texture::cuda {

/// What bake/surface_graph.h wants, in the same order.
struct SurfaceLinks {
  Array<std::uint32_t> first;       ///< by vertex: the first vertex at its place
  Array<std::uint64_t> begin;       ///< of each vertex' neighbours, and the end
  Array<std::uint32_t> neighbours;  ///< room for 6 a face
  /// Corners 3 face + k of each vertex, those of all vertices at a place with the first one.
  Array<std::uint64_t> corner_begin;
  Array<std::uint32_t> corners;
};

/// Queued. At most 2^32 / 6 faces, or ErrorCode::unsupported.
SurfaceLinks link_surface(const Array<mesh::Vec3>& positions,
                          const Array<mesh::Face>& faces,
                          Arena& arena,
                          cudaStream_t stream);

}  // namespace sinter::texture::cuda
