#pragma once
// The better bake: every texel looks for itself in every view.
//
// A texel's place on the surface is projected into the view and sampled between pixels that show
// the same surface there, so colours are as sharp as the view and no texel is missed between
// pixels. Weights are those of the reference (view weight times cosine^4) times a ramp that rises
// from 0 at outlines and jumps of depth, so that views fade into each other where the reference
// has an edge. Texels beside a chart's border look with the surface continued, which is what a
// viewer's filter blends in there.

#include <span>

#include "core/image.h"
#include "texture/bake/scatter.h"
#include "texture/bake/texel_map.h"

namespace sinter::texture {

class TexelGather {
 public:
  /// `normals` are mean_normals() of the mesh. All arguments must outlive the object.
  TexelGather(const ViewMesh& mesh, const std::vector<mesh::Vec3>& normals, const TexelMap& texels);

  /// Adds a view. `picture` is RGB or RGBA of the raster's size.
  void add(const ViewCamera& camera, const ViewGeometry& view, const Image& picture, int threads);
  Texture finish() const;

 private:
  const ViewMesh& mesh_;
  const std::vector<mesh::Vec3>& normals_;
  const TexelMap& texels_;
  std::vector<std::array<float, 3>> colour_;
  std::vector<float> weight_;
};

}  // namespace sinter::texture
