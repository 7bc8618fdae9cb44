#pragma once
// What the targets of the mesh formats share.

#include <cstdlib>

#include "core/error.h"
#include "io/mesh_file.h"

/// Texture coordinates, normals, materials, textures and colours are read too: an Error, or lists
/// that fit the mesh.
inline void check_attributes(std::span<const std::uint8_t> file,
                             const char* name,
                             const sinter::io::MeshLimits& limits) {
  using namespace sinter;
  MeshAttributes attributes;
  MeshLooks looks;
  mesh::TriangleMesh mesh;
  try {
    mesh = io::decode_mesh(file, name, limits, {&attributes, &looks});
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
  if (!looks.colours.empty() && looks.colours.size() != mesh.positions.size()) abort();
  if (!looks.face_materials.empty() && looks.face_materials.size() != mesh.faces.size()) abort();
  for (const std::uint32_t place : looks.face_materials) {
    if (place >= looks.materials.size()) abort();
  }
  for (const Material& material : looks.materials) {
    if (material.texture >= static_cast<int>(looks.textures.size())) abort();
    if (material.texture >= 0 && attributes.uv.empty()) abort();
  }
  std::int64_t texels = 0;
  for (const Texture& texture : looks.textures) {
    texels += std::int64_t{texture.width} * texture.height;
    if (texture.levels.size() != static_cast<std::size_t>(texture.width) *
                                     static_cast<std::size_t>(texture.height) *
                                     static_cast<std::size_t>(texture.channels)) {
      abort();
    }
  }
  if (texels > limits.max_texture_pixels) abort();
  for (const std::string& warning : looks.warnings) {
    if (warning.find('\n') != std::string::npos) abort();
  }
}

/// Reads bytes as a file of that name: an Error, or a mesh with faces whose indices are in range.
inline void fuzz_mesh(const std::uint8_t* data, std::size_t size, const char* name) {
  using namespace sinter;
  io::MeshLimits limits;
  limits.max_elements = 1 << 14;
  limits.max_texture_pixels = 1 << 16;
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
