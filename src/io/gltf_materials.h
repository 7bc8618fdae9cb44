#pragma once
// The colours of glTF materials (section 3.9 of the specification) and the pictures behind them.

#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "io/gltf_accessors.h"
#include "io/gltf_document.h"
#include "io/texture_loader.h"

namespace sinter::io {

/// baseColorFactor, baseColorTexture with its sampler, doubleSided; KHR_texture_transform,
/// EXT_texture_webp, and diffuseFactor and diffuseTexture of KHR_materials_pbrSpecularGlossiness
/// where a material has no other base colour. Alpha is not looked at. A material that is damaged is
/// white, with a warning.
class GltfMaterials {
 public:
  GltfMaterials(const MeshSource& source,
                const GltfObject& root,
                GltfAccessors& accessors,
                MeshLooks& looks)
      : source_(source),
        root_(root),
        accessors_(accessors),
        looks_(looks),
        loader_(source, looks) {}

  struct Use {
    std::uint32_t material = 0;              ///< place in looks.materials
    std::optional<std::size_t> coordinates;  ///< accessor of its texture's coordinates
  };
  Use use(const GltfObject& primitive);

 private:
  /// What a material says, before it is known whether a mesh has the coordinates it needs.
  struct Read {
    Material look;
    std::size_t coordinate_set = 0;
  };
  const Read& read(std::optional<std::size_t> index);
  void read_base(const GltfObject& material, Read& read);
  void read_texture(const GltfObject& info, Read& read);
  int load_image(std::size_t index);

  const MeshSource& source_;
  GltfObject root_;
  GltfAccessors& accessors_;
  MeshLooks& looks_;
  TextureLoader loader_;
  std::map<std::optional<std::size_t>, Read> read_;
  /// By material and whether there are coordinates for its texture, the place in looks.materials.
  std::map<std::pair<std::optional<std::size_t>, bool>, std::uint32_t> places_;
};

}  // namespace sinter::io
