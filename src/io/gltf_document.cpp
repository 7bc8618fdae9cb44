#include "io/gltf_document.h"

#include <nlohmann/json.hpp>

namespace sinter::io {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 64;
constexpr std::size_t kMaxBytes = std::size_t{256} << 20;

/// Extensions that a file may require and that do not change where its triangles are.
bool harmless(std::string_view extension) {
  return extension == "KHR_mesh_quantization" || extension.starts_with("KHR_materials_") ||
         extension.starts_with("KHR_texture_") || extension.starts_with("EXT_texture_") ||
         extension.starts_with("KHR_lights_") || extension == "KHR_animation_pointer" ||
         extension == "KHR_xmp_json_ld";
}

}  // namespace

const json* GltfObject::find(const char* key) const {
  const auto found = json_->find(key);
  return found == json_->end() ? nullptr : &*found;
}

const json* GltfObject::find_list(const char* key) const {
  const json* member = find(key);
  if (member != nullptr && !member->is_array()) refuse("\"", key, "\" is not a list");
  return member;
}

bool GltfObject::has(const char* key) const {
  return find(key) != nullptr;
}

std::optional<std::size_t> GltfObject::find_integer(const char* key) const {
  const json* member = find(key);
  if (member == nullptr) return std::nullopt;
  if (!member->is_number_unsigned()) refuse("\"", key, "\" is not a whole number");
  return member->get<std::size_t>();
}

std::size_t GltfObject::integer(const char* key) const {
  const auto value = find_integer(key);
  if (!value) refuse("\"", key, "\" is missing");
  return *value;
}

std::optional<double> GltfObject::find_number(const char* key) const {
  const json* member = find(key);
  if (member == nullptr) return std::nullopt;
  if (!member->is_number()) refuse("\"", key, "\" is not a number");
  return member->get<double>();
}

const std::string* GltfObject::find_text(const char* key) const {
  const json* member = find(key);
  return member != nullptr && member->is_string() ? &member->get_ref<const std::string&>()
                                                  : nullptr;
}

bool GltfObject::flag(const char* key) const {
  const json* member = find(key);
  return member != nullptr && member->is_boolean() && member->get<bool>();
}

std::optional<GltfObject> GltfObject::find_object(const char* key) const {
  const json* member = find(key);
  if (member == nullptr || !member->is_object()) return std::nullopt;
  return GltfObject(*member, *source_);
}

GltfObject GltfObject::object(const char* key) const {
  const auto found = find_object(key);
  if (!found) refuse("\"", key, "\" is missing or not an object");
  return *found;
}

bool GltfObject::numbers(const char* key, std::span<double> values) const {
  const json* member = find(key);
  if (member == nullptr) return false;
  const auto check = [&](bool sound) {
    if (!sound) refuse("\"", key, "\" has not ", values.size(), " numbers");
  };
  check(member->is_array() && member->size() == values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    check((*member)[i].is_number());
    values[i] = (*member)[i].get<double>();
  }
  return true;
}

std::size_t GltfObject::size(const char* key) const {
  const json* list = find_list(key);
  return list == nullptr ? 0 : list->size();
}

GltfObject GltfObject::item(const char* key, std::size_t index) const {
  if (index >= size(key) || !(*find_list(key))[index].is_object()) {
    refuse("there is no ", key, "[", index, "]");
  }
  return GltfObject((*find_list(key))[index], *source_);
}

std::vector<std::size_t> GltfObject::integers(const char* key) const {
  std::vector<std::size_t> values;
  const json* list = find_list(key);
  if (list == nullptr) return values;
  for (const json& value : *list) {
    if (!value.is_number_unsigned()) refuse("\"", key, "\" holds something else than numbers");
    values.push_back(value.get<std::size_t>());
  }
  return values;
}

std::vector<std::string> GltfObject::texts(const char* key) const {
  std::vector<std::string> values;
  const json* list = find_list(key);
  if (list == nullptr) return values;
  for (const json& value : *list) {
    if (!value.is_string()) refuse("\"", key, "\" holds something else than text");
    values.push_back(value.get<std::string>());
  }
  return values;
}

GltfDocument::GltfDocument(const MeshSource& source, std::string_view text) : source_(source) {
  if (text.size() > kMaxBytes) {
    source.refuse(ErrorCode::unsupported, "glTF: more than ", kMaxBytes, " bytes of JSON");
  }
  const auto limit_depth = [&](int depth, json::parse_event_t, json&) {
    if (depth > kMaxDepth) {
      source.refuse(ErrorCode::corrupt, "glTF: the JSON is nested more than ", kMaxDepth, " deep");
    }
    return true;
  };
  try {
    json_ = std::make_unique<json>(json::parse(text.begin(), text.end(), limit_depth));
  } catch (const json::exception& error) {
    source.refuse(ErrorCode::corrupt, "glTF: the JSON is damaged (error ", error.id, ")");
  }
  if (!json_->is_object()) source.refuse(ErrorCode::corrupt, "glTF: the JSON is not an object");
  const auto asset = root().find_object("asset");
  const std::string* version = asset ? asset->find_text("version") : nullptr;
  if (version == nullptr || !version->starts_with("2.")) {
    source.refuse(ErrorCode::unsupported,
                  "glTF version \"",
                  printable(version == nullptr ? "" : version->substr(0, 20)),
                  "\"; expected 2.0");
  }
  for (const std::string& extension : root().texts("extensionsRequired")) {
    if (harmless(extension)) continue;
    source.refuse(
        ErrorCode::unsupported, "glTF: needs the extension ", printable(extension.substr(0, 60)));
  }
}

GltfDocument::~GltfDocument() = default;

GltfObject GltfDocument::root() const {
  return GltfObject(*json_, source_);
}

}  // namespace sinter::io
