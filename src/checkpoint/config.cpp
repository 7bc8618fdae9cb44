#include "checkpoint/config.h"

#include <charconv>
#include <cmath>
#include <limits>

#include "checkpoint/config_document.h"
#include "checkpoint/mapped_file.h"
#include "checkpoint/problems.h"
#include "core/error.h"

namespace sinter::checkpoint {

namespace {

using Node = ConfigNode::Node;
using Kind = Node::Kind;

std::string join(const std::string& path, std::string_view key) {
  if (key.empty()) return path;
  return path.empty() ? printable(key) : cat(path, ".", printable(key));
}

std::string describe(const Node& node) {
  switch (node.kind) {
    case Kind::null:
      return "nothing";
    case Kind::boolean:
      return cat("the truth value ", node.text);
    case Kind::integer:
    case Kind::real:
      return cat("the number ", node.text);
    case Kind::string:
      return cat("the string \"", printable(node.text), "\"");
    case Kind::list:
      return "a list";
    case Kind::mapping:
      return "a mapping";
  }
  return "nothing";
}

template <class T>
T number(const Node& node) {
  std::string_view text = node.text;
  if (text.starts_with('+')) text.remove_prefix(1);
  T value{};
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// One function a type: true and the value, or false; and what to call the type in a message.

bool read(const Node& node, std::int64_t& value) {
  if (node.kind != Kind::integer) return false;
  value = number<std::int64_t>(node);
  return true;
}

bool read(const Node& node, int& value) {
  std::int64_t wide = 0;
  if (!read(node, wide) || wide < std::numeric_limits<int>::min() ||
      wide > std::numeric_limits<int>::max()) {
    return false;
  }
  value = static_cast<int>(wide);
  return true;
}

bool read(const Node& node, double& value) {
  if (node.kind != Kind::integer && node.kind != Kind::real) return false;
  // from_chars knows no ".inf" and leaves NaN in place
  value = std::numeric_limits<double>::quiet_NaN();
  std::string_view text = node.text;
  if (text.starts_with('+')) text.remove_prefix(1);
  std::from_chars(text.data(), text.data() + text.size(), value);
  return std::isfinite(value);
}

bool read(const Node& node, bool& value) {
  if (node.kind != Kind::boolean) return false;
  const char first = node.text[0];
  const char second = node.text[1];  // tells "on" from "off" and "no"
  value = first == 't' || first == 'T' || first == 'y' || first == 'Y' ||
          ((first == 'o' || first == 'O') && (second == 'n' || second == 'N'));
  return true;
}

bool read(const Node& node, std::string& value) {
  if (node.kind != Kind::string) return false;
  value = node.text;
  return true;
}

const char* type_name(std::int64_t) {
  return "an integer";
}
const char* type_name(int) {
  return "an integer of 32 bits";
}
const char* type_name(double) {
  return "a finite number";
}
const char* type_name(bool) {
  return "true or false";
}
const char* type_name(const std::string&) {
  return "a string";
}

}  // namespace

const Node* ConfigNode::Node::field(std::string_view key) const {
  for (const auto& [name, node] : fields) {
    if (name == key) return node;
  }
  return nullptr;
}

ConfigNode ConfigNode::load(const std::string& path) {
  const auto file = MappedFile::open(path);
  const std::span<const std::byte> bytes = file->bytes();
  return parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path);
}

ConfigNode ConfigNode::parse(std::string_view text, const std::string& label) {
  SINTER_CHECK(text.size() <= kMaxConfigBytes,
               ErrorCode::corrupt,
               "[config] ",
               label,
               ": expected at most ",
               kMaxConfigBytes,
               " bytes, got ",
               text.size());
  try {
    auto document = std::make_shared<Document>();
    document->label = label;
    read_yaml(text, label, document->nodes, document->root);
    SINTER_CHECK(document->root != nullptr && document->root->kind == Kind::mapping,
                 ErrorCode::corrupt,
                 "[config] ",
                 label,
                 ": expected a mapping, found ",
                 document->root == nullptr ? "nothing" : describe(*document->root));
    const Node* root = document->root;
    return ConfigNode(std::move(document), root, {});
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::out_of_memory, "[config] ", label, ": out of memory");
  }
}

bool ConfigNode::is_mapping() const {
  return defined() && node_->kind == Kind::mapping;
}

bool ConfigNode::is_list() const {
  return defined() && node_->kind == Kind::list;
}

const std::string& ConfigNode::file() const {
  static const std::string kNone;
  return document_ == nullptr ? kNone : document_->label;
}

void ConfigNode::fail_at(std::string_view key, const std::string& problem) const {
  const std::string where = join(path_, key);
  fail(ErrorCode::corrupt,
       "[config] ",
       file(),
       ": ",
       where.empty() ? "the document" : where,
       ": ",
       problem);
}

bool ConfigNode::has(std::string_view key) const {
  return find(key).defined();
}

ConfigNode ConfigNode::find(std::string_view key) const {
  const std::string path = join(path_, key);
  if (!defined()) return ConfigNode(document_, nullptr, path);
  if (node_->kind != Kind::mapping) {
    fail_at({}, cat("expected a mapping, found ", describe(*node_)));
  }
  return ConfigNode(document_, node_->field(key), path);
}

ConfigNode ConfigNode::child(std::string_view key) const {
  const ConfigNode node = find(key);
  SINTER_CHECK(node.defined(),
               ErrorCode::not_found,
               "[config] ",
               file(),
               ": ",
               node.path(),
               ": expected a value, but the key is missing");
  return node;
}

template <class T>
T ConfigNode::as() const {
  T value{};
  if (!defined()) fail_at({}, cat("expected ", type_name(value), ", found nothing"));
  if (!read(*node_, value)) {
    fail_at({}, cat("expected ", type_name(value), ", found ", describe(*node_)));
  }
  return value;
}

template <class T>
T ConfigNode::get(std::string_view key, T fallback) const {
  const ConfigNode node = find(key);
  return node.defined() ? node.as<T>() : fallback;
}

std::string ConfigNode::get(std::string_view key, const char* fallback) const {
  return get<std::string>(key, fallback);
}

template <class T>
T ConfigNode::required(std::string_view key) const {
  return child(key).as<T>();
}

template std::int64_t ConfigNode::as() const;
template int ConfigNode::as() const;
template double ConfigNode::as() const;
template bool ConfigNode::as() const;
template std::string ConfigNode::as() const;
template std::int64_t ConfigNode::get(std::string_view, std::int64_t) const;
template int ConfigNode::get(std::string_view, int) const;
template double ConfigNode::get(std::string_view, double) const;
template bool ConfigNode::get(std::string_view, bool) const;
template std::string ConfigNode::get(std::string_view, std::string) const;
template std::int64_t ConfigNode::required(std::string_view) const;
template int ConfigNode::required(std::string_view) const;
template double ConfigNode::required(std::string_view) const;
template bool ConfigNode::required(std::string_view) const;
template std::string ConfigNode::required(std::string_view) const;

std::vector<ConfigNode> ConfigNode::items() const {
  if (!is_list()) {
    fail_at({}, cat("expected a list, found ", defined() ? describe(*node_) : "nothing"));
  }
  std::vector<ConfigNode> result;
  for (std::size_t i = 0; i < node_->items.size(); ++i) {
    result.push_back(ConfigNode(document_, node_->items[i], cat(path_, "[", i, "]")));
  }
  return result;
}

std::vector<std::string> ConfigNode::keys() const {
  if (!is_mapping()) {
    fail_at({}, cat("expected a mapping, found ", defined() ? describe(*node_) : "nothing"));
  }
  std::vector<std::string> result;
  for (const auto& [name, node] : node_->fields) result.push_back(name);
  return result;
}

std::string ConfigNode::target() const {
  const auto path = required<std::string>("target");
  const std::size_t dot = path.rfind('.');
  std::string name = dot == std::string::npos ? path : path.substr(dot + 1);
  if (name.empty()) {
    fail_at("target", cat("expected a class path, found \"", printable(path), "\""));
  }
  return name;
}

}  // namespace sinter::checkpoint
