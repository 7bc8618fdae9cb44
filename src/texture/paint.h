#pragma once
// The colours of a painted mesh at points of its faces.

#include <cstdint>
#include <vector>

#include "sinter/mesh_types.h"
#include "texture/mip_texture.h"

namespace sinter::texture {

/// Weights of a face's three corners at a sample of a picture, and how they change to the samples
/// to the right and below.
struct CornerWeights {
  std::array<double, 3> at, right, down;
};

class Paint {
 public:
  /// Keeps references. Raises "[render] ..." (invalid_argument) for lists that do not fit the mesh
  /// and indices out of range.
  Paint(const PaintedMesh& mesh, int threads);

  /// Whether there is a colour to see: a texture, colours of vertices, or a material that is not
  /// grey. Without it the file tells no more than that nobody painted the mesh.
  bool has_colour() const;

  /// Linear RGB of a face, 0..1.
  std::array<float, 3> colour(std::size_t face, const CornerWeights& weights) const;
  /// Whether its inner side has that colour too.
  bool two_sided(std::size_t face) const { return material(face).two_sided; }

 private:
  const Material& material(std::size_t face) const;
  TextureFootprint footprint(std::size_t face, const CornerWeights& weights) const;

  const PaintedMesh& mesh_;
  std::vector<MipTexture> textures_;
};

}  // namespace sinter::texture
