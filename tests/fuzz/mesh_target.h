#pragma once
// What the targets of the mesh formats share.

#include <cstdlib>

#include "core/error.h"
#include "io/mesh_file.h"

/// Texture coordinates and normals are read too: an Error, or lists that fit the mesh.
inline void check_attributes(std::span<const std::uint8_t> file,
                             const char* name,
                             const sinter::io::MeshLimits& limits) {
  using namespace sinter;
  MeshAttributes attributes;
  mesh::TriangleMesh mesh;
  try {
    mesh = io::decode_mesh(file, name, limits, &attributes);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::internal) abort();
    return;
  }
  const auto check = [&](std::size_t count, const std::vector<mesh::Face>& faces) {
    if (faces.empty() && count != 0 && count != mesh.positions.size()) abort();
    if (!faces.empty() && faces.size() != mesh.faces.size()) abort();
    for (const mesh::Face& face : faces) {
      for (const std::uint32_t index : face) {
        if (index >= count) abort();
      }
    }
  };
  check(attributes.uv.size(), attributes.uv_faces);
  check(attributes.normals.size(), attributes.normal_faces);
}

/// Reads bytes as a file of that name: an Error, or a mesh with faces whose indices are in range.
inline void fuzz_mesh(const std::uint8_t* data, std::size_t size, const char* name) {
  using namespace sinter;
  io::MeshLimits limits;
  limits.max_elements = 1 << 14;
  try {
    const mesh::TriangleMesh mesh = io::decode_mesh({data, size}, name, limits);
    check_attributes({data, size}, name, limits);
    if (mesh.faces.empty()) abort();
    if (mesh.positions.size() > limits.max_elements) abort();
    for (const mesh::Face& face : mesh.faces) {
      for (const std::uint32_t index : face) {
        if (index >= mesh.positions.size()) abort();
      }
    }
  } catch (const Error& error) {
    if (error.message().find('\n') != std::string::npos) abort();
    if (error.code() == ErrorCode::internal) abort();
  }
}
