#pragma once
// Meshes and glTF files for the tests.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "io/mesh_file.h"

namespace sinter::io::test {

/// A closed surface of random points: a bumpy octahedron, `splits` times subdivided.
mesh::TriangleMesh bumpy_mesh(int splits, std::uint64_t seed);

/// Assembles a glTF file piece by piece; add_* return the index of what they added.
class GltfBuilder {
 public:
  GltfBuilder();
  /// Appends bytes (aligned to four) to the one buffer, and a bufferView over them.
  int add_view(const void* data, std::size_t bytes, int stride = 0);
  int add_accessor(int view, int component_type, std::size_t count, const std::string& type);
  int add_positions(const std::vector<mesh::Vec3>& positions);
  int add_indices_u32(const std::vector<std::uint32_t>& indices);
  /// A mesh of one primitive; `indices` below 0 leaves them out.
  int add_mesh(int positions, int indices);
  /// Positions are accessor and bufferView 0 where nothing came before, indices are 1.
  int add_indexed_mesh(const std::vector<mesh::Vec3>& positions,
                       const std::vector<std::uint32_t>& indices);

  /// As GLB with the buffer in its binary chunk.
  Bytes glb() const;
  /// As .gltf; the buffer's uri is a data URI where none is given.
  Bytes gltf(const std::string& uri = {}) const;

  nlohmann::json root;
  Bytes buffer;
};

Bytes glb_of(const std::string& json, const Bytes& binary);

}  // namespace sinter::io::test
