#pragma once
// Checked reading of `config.yaml`, the file that the official bundles carry beside their weights.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sinter::checkpoint {

/// Bounds on what is read, far above any real configuration.
inline constexpr std::size_t kMaxConfigBytes = 1'000'000;
inline constexpr std::size_t kMaxConfigNodes = 10'000;
inline constexpr int kMaxConfigDepth = 32;

/// A node of the document: mapping, list, scalar, or nothing. A cheap value; copies share the
/// document. Anchors and aliases are shared, never expanded, so an alias bomb costs nothing.
///
/// Every error names the file, the dotted key, what was expected and what was found:
/// "[config] m/config.yaml: vae.params.width: expected an integer, found the string "wide"".
/// Codes: not_found for a missing file or key, corrupt for YAML that does not parse, is too deep or
/// large, repeats a key, or holds a value of another type.
class ConfigNode {
 public:
  /// Reads a file.
  static ConfigNode load(const std::string& path);
  /// Reads text; `label` stands for the file in messages.
  static ConfigNode parse(std::string_view text, const std::string& label);

  ConfigNode() = default;

  /// False for the result of find() on a missing key, and for a default-constructed node.
  bool defined() const { return node_ != nullptr; }
  bool is_mapping() const;
  bool is_list() const;

  bool has(std::string_view key) const;
  /// The value below a key. child() raises not_found where the key is missing; find() then returns
  /// a node that is not defined(), of which has() is false, find() not defined() and get() the
  /// default.
  ConfigNode child(std::string_view key) const;
  ConfigNode find(std::string_view key) const;

  /// The scalar below a key as T: std::int64_t, int, double, bool or std::string. get() returns the
  /// default where the key is missing; required() raises not_found. A value of another type is an
  /// error in both. An integer is accepted where a double is asked for; a quoted number is a
  /// string; infinities and NaN are refused.
  template <class T>
  T get(std::string_view key, T fallback) const;
  std::string get(std::string_view key, const char* fallback) const;
  template <class T>
  T required(std::string_view key) const;

  /// The elements of this list; raises where it is not one.
  std::vector<ConfigNode> items() const;
  /// This node itself as a scalar.
  template <class T>
  T as() const;
  /// The keys of this mapping, in document order.
  std::vector<std::string> keys() const;

  /// The last component of the class path under the key `target`:
  /// "hy3dgen.shapegen.models.ShapeVAE" gives "ShapeVAE". Raises where the key is missing or empty.
  std::string target() const;

  /// Dotted position in the document, "vae.params"; empty for the root.
  const std::string& path() const { return path_; }
  /// The file, for messages.
  const std::string& file() const;
  /// This node as a document that parse() reads back as the same values, aliases written out; empty
  /// where not defined(). Raises ErrorCode::unsupported where that is longer than kMaxConfigBytes
  /// or deeper than kMaxConfigDepth.
  std::string to_yaml() const;
  /// Raises with the message form of this class: "[config] file: path.key: problem".
  [[noreturn]] void fail_at(std::string_view key, const std::string& problem) const;

  struct Node;

 private:
  struct Document;
  ConfigNode(std::shared_ptr<const Document> document, const Node* node, std::string path)
      : document_(std::move(document)), node_(node), path_(std::move(path)) {}

  std::shared_ptr<const Document> document_;
  const Node* node_ = nullptr;
  std::string path_;
};

}  // namespace sinter::checkpoint
