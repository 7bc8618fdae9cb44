#pragma once
// Colours for what no view shows, from vertex to vertex.
// Source: Hunyuan3D-2, hy3dgen/texgen/differentiable_renderer/mesh_processor.cpp ("smooth").

#include <span>

#include "mesh/triangle_mesh.h"
#include "texture/bake/scatter.h"

namespace sinter::texture {

struct VertexFill {
  std::int64_t sweeps = 0;
  std::int64_t filled_vertices = 0;  ///< that had no colour before
};

/// The reference's fill, step by step: every corner whose texel is not known joins a list, once for
/// each face; sweeps over the list in its order set each to the mean of its coloured neighbours,
/// weighted by 1 / distance^2 (at least 1e-4 apart), in place; a neighbour is the next corner of a
/// face. A sweep that leaves as many uncoloured as the one before takes one of two lives, another
/// gives one. Vertices then write their texel: row round((1 - v)(size - 1)), column likewise, half
/// to even.
VertexFill fill_vertices(std::span<const mesh::Vec3> positions,
                         std::span<const mesh::Face> faces,
                         std::span<const std::array<float, 2>> uv,
                         int threads,
                         Texture& texture);

}  // namespace sinter::texture
