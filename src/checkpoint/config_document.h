#pragma once
// The tree behind ConfigNode, and the reader that builds it from YAML.

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "checkpoint/config.h"

namespace sinter::checkpoint {

struct ConfigNode::Node {
  enum class Kind { null, boolean, integer, real, string, list, mapping };
  Kind kind = Kind::null;
  std::string text;  // of a scalar
  std::vector<const Node*> items;
  std::vector<std::pair<std::string, const Node*>> fields;  // in document order

  const Node* field(std::string_view key) const;
};

struct ConfigNode::Document {
  std::string label;
  std::deque<Node> nodes;  // owner; a deque never moves its elements
  const Node* root = nullptr;
};

/// Fills document.nodes and document.root from the text. Raises as ConfigNode::parse() says.
void read_yaml(std::string_view text,
               const std::string& label,
               std::deque<ConfigNode::Node>& nodes,
               const ConfigNode::Node*& root);

}  // namespace sinter::checkpoint
