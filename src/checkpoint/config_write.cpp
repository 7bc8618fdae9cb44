// Writes a part of a configuration as a document of its own.

#include "checkpoint/config.h"
#include "checkpoint/config_document.h"
#include "checkpoint/json_events.h"
#include "core/error.h"

namespace sinter::checkpoint {

namespace {

using Node = ConfigNode::Node;
using Kind = Node::Kind;

/// Aliases are written out, so a small document could grow without end and nest without end.
class YamlWriter {
 public:
  explicit YamlWriter(const std::string& label) : label_(label) {}

  std::string run(const Node& root) {
    value(root, 0);
    return std::move(text_);
  }

 private:
  void check(int depth) const {
    SINTER_CHECK(depth <= kMaxConfigDepth && text_.size() <= kMaxConfigBytes,
                 ErrorCode::unsupported,
                 "[config] ",
                 label_,
                 ": too large to be written out: expected at most ",
                 kMaxConfigBytes,
                 " bytes and ",
                 kMaxConfigDepth,
                 " levels");
  }

  /// What stands behind "key:" or "-", with the line feed at its end.
  void value(const Node& node, int depth) {
    check(depth);
    const std::string indent(2 * static_cast<std::size_t>(depth), ' ');
    const bool nested = node.kind == Kind::mapping || node.kind == Kind::list;
    if (nested && depth > 0 && !(node.fields.empty() && node.items.empty())) text_ += "\n";
    if (node.kind == Kind::mapping && !node.fields.empty()) {
      for (const auto& [key, child] : node.fields) {
        text_ += indent + json_quoted(key) + ":";
        value(*child, depth + 1);
      }
    } else if (node.kind == Kind::list && !node.items.empty()) {
      for (const Node* child : node.items) {
        text_ += indent + "-";
        value(*child, depth + 1);
      }
    } else {
      text_ += " " + scalar(node) + "\n";
    }
  }

  static std::string scalar(const Node& node) {
    switch (node.kind) {
      case Kind::mapping:
        return "{}";
      case Kind::list:
        return "[]";
      case Kind::string:
        return json_quoted(node.text);
      case Kind::null:
        return "null";
      default:
        return node.text;
    }
  }

  const std::string& label_;
  std::string text_;
};

}  // namespace

std::string ConfigNode::to_yaml() const {
  return node_ == nullptr ? "" : YamlWriter(file()).run(*node_);
}

}  // namespace sinter::checkpoint
