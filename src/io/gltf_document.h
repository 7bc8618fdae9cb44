#pragma once
// The JSON side of a glTF file: members with the types that the format demands, or a refusal that
// names them.

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/mesh_codecs.h"

namespace sinter::io {

/// An object of the document; a small handle that must not outlive it.
class GltfObject {
 public:
  GltfObject(const nlohmann::json& json, const MeshSource& source)
      : json_(&json), source_(&source) {}

  bool has(const char* key) const;
  /// A whole number, not negative. Refuses another type.
  std::optional<std::size_t> find_integer(const char* key) const;
  std::size_t integer(const char* key) const;
  std::optional<double> find_number(const char* key) const;
  /// Null, false or absent where the member is missing or of another type.
  const std::string* find_text(const char* key) const;
  bool flag(const char* key) const;
  std::optional<GltfObject> find_object(const char* key) const;
  GltfObject object(const char* key) const;
  /// Fills `values` from a list of exactly as many numbers; false where it is absent.
  bool numbers(const char* key, std::span<double> values) const;

  /// Lists; an absent one is empty.
  std::size_t size(const char* key) const;
  GltfObject item(const char* key, std::size_t index) const;
  std::vector<std::size_t> integers(const char* key) const;
  std::vector<std::string> texts(const char* key) const;

  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    source_->refuse(ErrorCode::corrupt, "glTF: ", parts...);
  }

 private:
  const nlohmann::json* find(const char* key) const;
  const nlohmann::json* find_list(const char* key) const;

  const nlohmann::json* json_;
  const MeshSource* source_;
};

/// Parses the JSON of a glTF 2.x file and refuses other versions and required extensions that move
/// its triangles.
class GltfDocument {
 public:
  GltfDocument(const MeshSource& source, std::string_view text);
  ~GltfDocument();
  GltfObject root() const;

 private:
  const MeshSource& source_;
  std::unique_ptr<nlohmann::json> json_;
};

}  // namespace sinter::io
