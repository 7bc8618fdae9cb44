#pragma once
// From accessors to numbers: every byte is looked up through bufferView and buffer and checked to
// lie inside both.

#include <cstdint>
#include <span>
#include <vector>

#include "io/gltf_buffers.h"
#include "io/gltf_document.h"

namespace sinter::io {

class GltfAccessors {
 public:
  GltfAccessors(const MeshSource& source,
                const GltfObject& root,
                std::span<const std::uint8_t> binary)
      : source_(source), root_(root), binary_(binary), buffers_(source) {}

  /// A VEC3 accessor as floats; integers too, normalised where it says so
  /// (KHR_mesh_quantization).
  std::vector<mesh::Vec3> positions(std::size_t index);
  std::vector<mesh::Vec3> normals(std::size_t index);
  /// The same of a VEC2 accessor.
  std::vector<std::array<float, 2>> coordinates(std::size_t index);
  /// A VEC3 or VEC4 accessor, of which the first three components.
  std::vector<std::array<float, 3>> colours(std::size_t index);
  /// A SCALAR accessor of unsigned integers.
  std::vector<std::uint32_t> indices(std::size_t index);
  /// All bytes of a bufferView, and what GltfBuffers::load() returns.
  std::span<const std::uint8_t> view_bytes(std::size_t index);
  std::span<const std::uint8_t> file(const std::string& uri, std::string_view what) {
    return buffers_.load(uri, what);
  }

 private:
  struct Values;

  std::span<const std::uint8_t> buffer(std::size_t index);
  Values view(std::size_t index, std::size_t offset, Values values);
  Values describe(const GltfObject& accessor, const char* type, std::size_t components);
  template <class Replace>
  void for_each_sparse(const GltfObject& accessor, const Values& base, Replace&& replace);
  template <std::size_t N>
  std::vector<std::array<float, N>> vectors(std::size_t index, const char* type, const char* what);
  std::size_t component_bytes(int type) const;
  void check_index_type(int type) const;

  const MeshSource& source_;
  GltfObject root_;
  std::span<const std::uint8_t> binary_;
  GltfBuffers buffers_;
};

}  // namespace sinter::io
