#include "io/textured_mesh.h"

#include <string>

#include "core/error.h"
#include "io/image_file.h"
#include "io/mesh_encode.h"
#include "io/mesh_format.h"
#include "io/text_writer.h"

namespace sinter::io {
namespace {

Bytes encode_texture(const TexturedMesh& mesh) {
  if (mesh.rgb.empty()) return {};
  Image image(mesh.width, mesh.height, 3);
  SINTER_CHECK(image.pixels.size() == mesh.rgb.size(),
               ErrorCode::invalid_argument,
               "[mesh] texture: expected ",
               image.pixels.size(),
               " levels, got ",
               mesh.rgb.size());
  image.pixels = mesh.rgb;
  return encode_png(image);
}

/// v, vt, and f with the same number for both.
Bytes encode_textured_obj(const TexturedMesh& mesh,
                          const MeshMetadata& metadata,
                          const std::string& material_file) {
  check_encodable(mesh.mesh);
  Bytes text;
  text.reserve(mesh.uv.size() * 60 + mesh.mesh.faces.size() * 40);
  for (const std::string& line : metadata_lines(metadata)) append_text(text, "# " + line + "\n");
  append_text(text, "mtllib " + material_file + "\n");
  const auto append_line = [&](const char* keyword, std::span<const float> values) {
    append_text(text, keyword);
    for (const float value : values) {
      text.push_back(' ');
      append_number(text, value);
    }
    text.push_back('\n');
  };
  for (const mesh::Vec3& position : mesh.mesh.positions) append_line("v", position);
  for (const std::array<float, 2>& uv : mesh.uv) append_line("vt", uv);
  append_text(text, "usemtl textured\n");
  for (const mesh::Face& face : mesh.mesh.faces) {
    text.push_back('f');
    for (const std::uint32_t index : face) {
      text.push_back(' ');
      append_number(text, std::uint64_t{index} + 1);
      text.push_back('/');
      append_number(text, std::uint64_t{index} + 1);
    }
    text.push_back('\n');
  }
  return text;
}

void write_obj(const std::filesystem::path& path,
               const TexturedMesh& mesh,
               const Bytes& png,
               const MeshMetadata& metadata) {
  const auto beside = [&](const char* extension) {
    return std::filesystem::path(path).replace_extension(extension);
  };
  std::string material = "newmtl textured\nKa 0 0 0\nKd 1 1 1\nKs 0 0 0\nillum 1\n";
  if (!png.empty()) {
    write_file_atomically(beside(".png"), png);
    material += "map_Kd " + beside(".png").filename().string() + "\n";
  }
  write_file_atomically(beside(".mtl"), material);
  write_file_atomically(path,
                        encode_textured_obj(mesh, metadata, beside(".mtl").filename().string()));
}

}  // namespace

MeshFormat textured_mesh_format(const std::filesystem::path& path) {
  const auto format = mesh_format_named(extension_of(path));
  SINTER_CHECK(format == MeshFormat::glb || format == MeshFormat::obj,
               ErrorCode::invalid_argument,
               "[output] ",
               printable(path),
               ": expected a name that ends in .glb or .obj");
  return *format;
}

void write_textured_mesh(const std::filesystem::path& path,
                         const TexturedMesh& mesh,
                         const MeshMetadata& metadata) {
  const MeshFormat format = textured_mesh_format(path);
  SINTER_CHECK(mesh.uv.size() == mesh.mesh.positions.size(),
               ErrorCode::invalid_argument,
               "[mesh] texture coordinates: expected one for each of ",
               mesh.mesh.positions.size(),
               " vertices, got ",
               mesh.uv.size());
  try {
    const Bytes png = encode_texture(mesh);
    if (format == MeshFormat::obj) {
      write_obj(path, mesh, png, metadata);
    } else {
      const Appearance appearance{mesh.uv, png};
      write_file_atomically(path, encode_glb(mesh.mesh, metadata, {.appearance = &appearance}));
    }
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::out_of_memory, "[mesh] no memory to write ", printable(path));
  }
}

}  // namespace sinter::io
