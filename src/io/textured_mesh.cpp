#include "io/textured_mesh.h"

#include <map>
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

/// The other way of counting v.
std::array<float, 2> flipped(const std::array<float, 2>& uv) {
  return {uv[0], 1 - uv[1]};
}

/// v, vt, vn where there are normals, and f.
Bytes encode_textured_obj(const TexturedMesh& mesh,
                          const MeshMetadata& metadata,
                          const std::string& material_file) {
  check_encodable(mesh.mesh);
  Bytes text;
  text.reserve(mesh.mesh.positions.size() * 36 + mesh.uv.size() * 24 + mesh.mesh.faces.size() * 40);
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
  for (const std::array<float, 2>& uv : mesh.uv) {
    append_line("vt", mesh.v_down ? flipped(uv) : uv);
  }
  for (const mesh::Vec3& normal : mesh.normals) append_line("vn", normal);
  append_text(text, "usemtl textured\n");
  for (std::size_t f = 0; f < mesh.mesh.faces.size(); ++f) {
    const mesh::Face& face = mesh.mesh.faces[f];
    const mesh::Face& uv = mesh.uv_faces.empty() ? face : mesh.uv_faces[f];
    const mesh::Face& normal = mesh.normal_faces.empty() ? face : mesh.normal_faces[f];
    text.push_back('f');
    for (std::size_t k = 0; k < 3; ++k) {
      text.push_back(' ');
      append_number(text, std::uint64_t{face[k]} + 1);
      text.push_back('/');
      append_number(text, std::uint64_t{uv[k]} + 1);
      if (mesh.normals.empty()) continue;
      text.push_back('/');
      append_number(text, std::uint64_t{normal[k]} + 1);
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

Bytes encode_textured_glb(const TexturedMesh& mesh,
                          const Bytes& png,
                          const MeshMetadata& metadata) {
  const TexturedMesh whole = attributes_by_vertex(mesh);
  std::vector<std::array<float, 2>> uv = whole.uv;
  if (!whole.v_down) {
    for (std::array<float, 2>& p : uv) p = flipped(p);
  }
  const Appearance appearance{uv, whole.normals, png};
  return encode_glb(whole.mesh, metadata, {.appearance = &appearance});
}

/// Lists of the right lengths, indices in range.
void check_attributes(const TexturedMesh& mesh) {
  const auto check =
      [&](const char* what, std::size_t count, const std::vector<mesh::Face>& faces) {
        const std::size_t expected = faces.empty() ? mesh.mesh.positions.size() : count;
        SINTER_CHECK(count == expected && (faces.empty() || faces.size() == mesh.mesh.faces.size()),
                     ErrorCode::invalid_argument,
                     "[mesh] ",
                     what,
                     ": expected one for each of ",
                     mesh.mesh.positions.size(),
                     " vertices, or of ",
                     mesh.mesh.faces.size(),
                     " faces, got ",
                     count);
        for (const mesh::Face& face : faces) {
          for (const std::uint32_t index : face) {
            SINTER_CHECK(index < count,
                         ErrorCode::invalid_argument,
                         "[mesh] ",
                         what,
                         ": expected indices below ",
                         count,
                         ", got ",
                         index);
          }
        }
      };
  check("texture coordinates", mesh.uv.size(), mesh.uv_faces);
  if (!mesh.normals.empty() || !mesh.normal_faces.empty()) {
    check("normals", mesh.normals.size(), mesh.normal_faces);
  }
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

TexturedMesh attributes_by_vertex(const TexturedMesh& mesh) {
  check_attributes(mesh);
  if (mesh.uv_faces.empty() && mesh.normal_faces.empty()) return mesh;
  TexturedMesh whole = mesh;
  whole.uv_faces.clear();
  whole.normal_faces.clear();
  whole.uv.assign(mesh.mesh.positions.size(), {0, 0});
  const bool normals = !mesh.normals.empty();
  whole.normals.assign(normals ? mesh.mesh.positions.size() : 0, mesh::Vec3{0, 0, 1});
  // By vertex the attributes of the vertex itself, once it has met some; copies in `more`.
  using Pair = std::array<std::uint32_t, 2>;
  constexpr std::uint32_t kNone = ~0u;
  std::vector<Pair> own(mesh.mesh.positions.size(), Pair{kNone, kNone});
  std::map<std::array<std::uint32_t, 3>, std::uint32_t> more;
  for (std::size_t f = 0; f < mesh.mesh.faces.size(); ++f) {
    for (std::size_t k = 0; k < 3; ++k) {
      const std::uint32_t v = mesh.mesh.faces[f][k];
      const Pair pair = {mesh.uv_faces.empty() ? v : mesh.uv_faces[f][k],
                         !normals                    ? 0
                         : mesh.normal_faces.empty() ? v
                                                     : mesh.normal_faces[f][k]};
      std::uint32_t vertex = v;
      if (own[v][0] == kNone) {
        own[v] = pair;
      } else if (own[v] != pair) {
        const auto next = static_cast<std::uint32_t>(whole.mesh.positions.size());
        const auto [entry, added] = more.try_emplace({v, pair[0], pair[1]}, next);
        if (added) {
          whole.mesh.positions.push_back(mesh.mesh.positions[v]);
          whole.uv.emplace_back();
          if (normals) whole.normals.emplace_back();
        }
        vertex = entry->second;
      }
      whole.mesh.faces[f][k] = vertex;
      whole.uv[vertex] = mesh.uv[pair[0]];
      if (normals) whole.normals[vertex] = mesh.normals[pair[1]];
    }
  }
  return whole;
}

void write_textured_mesh(const std::filesystem::path& path,
                         const TexturedMesh& mesh,
                         const MeshMetadata& metadata) {
  const MeshFormat format = textured_mesh_format(path);
  check_attributes(mesh);
  try {
    const Bytes png = encode_texture(mesh);
    if (format == MeshFormat::obj) {
      write_obj(path, mesh, png, metadata);
    } else {
      write_file_atomically(path, encode_textured_glb(mesh, png, metadata));
    }
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::out_of_memory, "[mesh] no memory to write ", printable(path));
  }
}

}  // namespace sinter::io
