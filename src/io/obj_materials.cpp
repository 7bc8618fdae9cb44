#include "io/obj_materials.h"

#include <algorithm>

#include "core/error.h"
#include "io/neighbour.h"
#include "io/text_scanner.h"

namespace sinter::io {
namespace {

constexpr std::size_t kMaxLibraryBytes = std::size_t{16} << 20;

std::string with_slashes(std::string_view name) {
  std::string text(name);
  std::replace(text.begin(), text.end(), '\\', '/');
  return text;
}

}  // namespace

void ObjMaterials::add_libraries(std::string_view names) {
  const std::string whole = with_slashes(rest_of_line(names));
  std::error_code error;
  if (std::filesystem::is_regular_file(source_.folder / whole, error)) {
    libraries_.push_back(whole);
    return;
  }
  TextScanner words(whole);
  for (std::string_view word = words.word(); !word.empty(); word = words.word()) {
    libraries_.emplace_back(word);
  }
}

void ObjMaterials::use(std::string_view name) {
  in_use_ = rest_of_line(name);
  current_ = {};
}

void ObjMaterials::extend(std::size_t faces, bool has_uv) {
  auto& place = current_[has_uv ? 1 : 0];
  if (!place) {
    place = places_.try_emplace({in_use_, has_uv}, static_cast<std::uint32_t>(places_.size()))
                .first->second;
  }
  looks_.face_materials.resize(faces, *place);
}

void ObjMaterials::finish() {
  for (const std::string& library : libraries_) {
    complete_ = loader_.attempt([&] { read_library(library); }) && complete_;
  }
  looks_.materials.resize(places_.size());
  for (const auto& [key, place] : places_) {
    looks_.materials[place] = look_of(key.first, key.second);
  }
}

void ObjMaterials::read_library(const std::string& name) {
  const auto path = neighbour_path(source_, source_.folder, name, "material file");
  const Bytes bytes = read_file(path, "mesh", kMaxLibraryBytes);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  for (auto& [material, read] : parse_mtl(text)) {
    known_.insert_or_assign(material, Known{std::move(read), path.parent_path()});
  }
}

Material ObjMaterials::look_of(const std::string& name, bool has_uv) {
  if (name.empty()) return {};
  const auto found = known_.find(name);
  if (found == known_.end()) {
    if (complete_) {
      loader_.warn(cat("[mesh] ",
                       source_.name,
                       ": no material file describes \"",
                       printable(name.substr(0, 60)),
                       "\""));
    }
    return {};
  }
  const MtlMaterial& material = found->second.material;
  Material look = material.look;
  if (material.picture.empty()) return look;
  if (!has_uv) {
    loader_.warn(cat("[mesh] ", source_.name, ": a textured part has no texture coordinates"));
    return look;
  }
  loader_.attempt([&] {
    const auto path =
        neighbour_path(source_, found->second.folder, with_slashes(material.picture), "texture");
    look.texture = loader_.load(
        printable(path), [&] { return read_file(path, "image", source_.limits.max_file_bytes); });
  });
  return look;
}

}  // namespace sinter::io
