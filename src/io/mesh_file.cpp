#include "io/mesh_file.h"

#include <cstring>
#include <new>
#include <optional>

#include "io/mesh_codecs.h"
#include "io/mesh_format.h"
#include "io/zip_file.h"

namespace sinter::io {
namespace {

std::optional<MeshFormat> format_of_extension(const std::filesystem::path& path) {
  return mesh_format_named(extension_of(path));
}

/// Both are zip archives; a USD layer comes first in one of them.
MeshFormat recognise_archive(const MeshSource& source, std::optional<MeshFormat> named) {
  if (named == MeshFormat::threemf || named == MeshFormat::usdz) return *named;
  const ZipReader archive(source);
  return !archive.names().empty() && is_usd_layer(archive.names()[0]) ? MeshFormat::usdz
                                                                      : MeshFormat::threemf;
}

/// True where the text begins with a word of those letters.
bool starts_with_word(std::string_view text, std::string_view word) {
  return text.starts_with(word) &&
         (text.size() == word.size() || text[word.size()] == ' ' || text[word.size()] == '\n' ||
          text[word.size()] == '\r' || text[word.size()] == '\t');
}

/// Binary STL has no magic, but its length follows from its count. In a text those four bytes would
/// be a count far beyond any file's length.
bool is_binary_stl(std::span<const std::uint8_t> bytes) {
  if (bytes.size() < 84) return false;
  std::uint32_t count = 0;
  std::memcpy(&count, bytes.data() + 80, 4);
  return bytes.size() == 84 + 50 * std::uint64_t{count};
}

std::optional<MeshFormat> recognise(const MeshSource& source) {
  const std::string_view text = source.text();
  if (text.starts_with("glTF")) return MeshFormat::glb;
  if (starts_with_word(text, "ply")) return MeshFormat::ply;
  const auto named = format_of_extension(std::filesystem::path(source.name));
  if (is_binary_stl(source.bytes)) return MeshFormat::stl;
  if (ZipReader::recognises(source.bytes)) return recognise_archive(source, named);
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (named != MeshFormat::stl && first != std::string_view::npos && text[first] == '{') {
    return MeshFormat::gltf;
  }
  if (named != MeshFormat::obj && starts_with_word(text, "solid")) return MeshFormat::stl;
  return named;
}

mesh::TriangleMesh decode(const MeshSource& source, MeshFileInfo& info, const LooksWanted& wanted) {
  if (source.bytes.empty()) source.refuse(ErrorCode::corrupt, "the file is empty");
  const auto format = recognise(source);
  if (!format) {
    source.refuse(ErrorCode::unsupported,
                  "is not a mesh; expected GLB, glTF, OBJ, PLY, STL, 3MF or USDZ");
  }
  info.format = to_string(*format);
  switch (*format) {
    case MeshFormat::glb:
    case MeshFormat::gltf:
      info.metres_per_unit = 1;
      return decode_gltf(source, info, wanted);
    case MeshFormat::obj:
      return decode_obj(source, info, wanted);
    case MeshFormat::ply:
      return decode_ply(source);
    case MeshFormat::stl:
      return decode_stl(source);
    case MeshFormat::threemf:
      return decode_threemf(source, info);
    case MeshFormat::usdz:
      return decode_usdz(source, info);
  }
  return {};
}

mesh::TriangleMesh decode_checked(const MeshSource& source,
                                  MeshFileInfo* info,
                                  const LooksWanted& wanted) {
  try {
    MeshFileInfo unwanted;
    if (wanted.attributes != nullptr) *wanted.attributes = {};
    if (wanted.looks != nullptr) *wanted.looks = {};
    mesh::TriangleMesh mesh = decode(source, info != nullptr ? *info : unwanted, wanted);
    if (mesh.faces.empty()) source.refuse(ErrorCode::corrupt, "holds no triangle");
    return mesh;
  } catch (const std::bad_alloc&) {
    source.refuse(ErrorCode::out_of_memory, "no memory for the mesh");
  }
}

}  // namespace

std::string extension_of(const std::filesystem::path& path) {
  std::string extension = path.extension().string();
  if (!extension.empty()) extension.erase(0, 1);
  for (char& c : extension) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return extension;
}

const char* to_string(MeshFormat format) {
  switch (format) {
    case MeshFormat::glb:
      return "glb";
    case MeshFormat::gltf:
      return "gltf";
    case MeshFormat::obj:
      return "obj";
    case MeshFormat::ply:
      return "ply";
    case MeshFormat::stl:
      return "stl";
    case MeshFormat::threemf:
      return "3mf";
    case MeshFormat::usdz:
      return "usdz";
  }
  return "?";
}

std::optional<MeshFormat> mesh_format_named(std::string_view name) {
  for (const MeshFormat format : {MeshFormat::glb,
                                  MeshFormat::gltf,
                                  MeshFormat::obj,
                                  MeshFormat::ply,
                                  MeshFormat::stl,
                                  MeshFormat::threemf,
                                  MeshFormat::usdz}) {
    if (name == to_string(format)) return format;
  }
  return std::nullopt;
}

mesh::TriangleMesh read_mesh(const std::filesystem::path& path,
                             const MeshLimits& limits,
                             MeshFileInfo* info,
                             const LooksWanted& wanted) {
  const Bytes bytes = read_file(path, "mesh", limits.max_file_bytes);
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  return decode_checked({bytes, printable(path), limits, folder}, info, wanted);
}

mesh::TriangleMesh decode_mesh(std::span<const std::uint8_t> bytes,
                               std::string_view name,
                               const MeshLimits& limits,
                               const LooksWanted& wanted) {
  return decode_checked({bytes, name, limits, {}}, nullptr, wanted);
}

}  // namespace sinter::io
