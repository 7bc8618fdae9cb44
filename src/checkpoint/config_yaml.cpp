// The only source that sees the YAML library. It listens to the library's events instead of its
// document tree, so that depth, size and aliases are under control.

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <sstream>

#include "checkpoint/config_document.h"
#include "checkpoint/problems.h"
#include "core/error.h"

namespace sinter::checkpoint {

namespace {

using Node = ConfigNode::Node;

template <class T>
bool is_number(std::string_view text) {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

/// What an unquoted scalar stands for (YAML 1.1, as the official loader reads it, but with every
/// decimal float form).
Node::Kind resolve(std::string_view text) {
  if (is_one_of(text, {"", "~", "null", "Null", "NULL"})) return Node::Kind::null;
  if (is_one_of(text, {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"}) ||
      is_one_of(text, {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"})) {
    return Node::Kind::boolean;
  }
  if (is_number<std::int64_t>(text)) return Node::Kind::integer;
  const bool digits = text.find_first_of("0123456789") != std::string_view::npos;
  if ((digits && is_number<double>(text)) ||
      is_one_of(text, {".inf", "-.inf", "+.inf", ".nan", ".Inf", "-.Inf", ".NaN"})) {
    return Node::Kind::real;
  }
  return Node::Kind::string;
}

/// Builds the tree. An alias refers to the node of its anchor, it is not copied.
class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(const std::string& label, std::deque<Node>& nodes) : label_(label), nodes_(nodes) {}

  const Node* root() const { return root_; }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(mark, new_node(mark), anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto known = anchors_.find(anchor);
    if (known == anchors_.end()) fail_at(mark, "an alias inside its own anchor");
    place(mark, *known->second);
  }
  void OnScalar(const YAML::Mark& mark,
                const std::string& tag,
                YAML::anchor_t anchor,
                const std::string& value) override {
    Node& node = new_node(mark);
    node.text = value;
    node.kind = scalar_kind(mark, tag, value);
    add(mark, node, anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark,
                       const std::string& tag,
                       YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Node::Kind::list);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark,
                  const std::string& tag,
                  YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Node::Kind::mapping);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Level {
    Node* node;
    YAML::anchor_t anchor;
    YAML::Mark mark;
    std::string key;  // of a mapping: the key whose value comes next
    bool has_key = false;
  };

  [[noreturn]] void fail_at(const YAML::Mark& mark, const std::string& problem) const {
    fail(ErrorCode::corrupt, "[config] ", label_, ": line ", mark.line + 1, ": ", problem);
  }

  Node& new_node(const YAML::Mark& mark) {
    if (nodes_.size() >= kMaxConfigNodes)
      fail_at(mark, cat("more than ", kMaxConfigNodes, " values"));
    return nodes_.emplace_back();
  }

  Node::Kind scalar_kind(const YAML::Mark& mark, const std::string& tag, const std::string& value) {
    if (tag == "!" || tag == "tag:yaml.org,2002:str") return Node::Kind::string;
    if (!is_one_of(tag,
                   {"",
                    "?",
                    "tag:yaml.org,2002:int",
                    "tag:yaml.org,2002:float",
                    "tag:yaml.org,2002:bool",
                    "tag:yaml.org,2002:null"})) {
      fail_at(mark, cat("tag ", printable(tag), " is not supported"));
    }
    return resolve(value);
  }

  void open(const YAML::Mark& mark,
            const std::string& tag,
            YAML::anchor_t anchor,
            Node::Kind kind) {
    if (!is_one_of(tag, {"", "?", "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"})) {
      fail_at(mark, cat("tag ", printable(tag), " is not supported"));
    }
    if (levels_.size() >= kMaxConfigDepth) {
      fail_at(mark, cat("nested more than ", kMaxConfigDepth, " deep"));
    }
    Node& node = new_node(mark);
    node.kind = kind;
    levels_.push_back({&node, anchor, mark, {}, false});
  }

  /// A list or mapping is complete: only now can its anchor be used, so no node contains itself.
  void close() {
    const Level level = std::move(levels_.back());
    levels_.pop_back();
    add(level.mark, *level.node, level.anchor);
  }

  void add(const YAML::Mark& mark, const Node& node, YAML::anchor_t anchor) {
    if (anchor != 0) anchors_[anchor] = &node;
    place(mark, node);
  }

  /// Puts a complete node where it belongs: root, list item, key or value.
  void place(const YAML::Mark& mark, const Node& node) {
    if (levels_.empty()) {
      root_ = &node;
      return;
    }
    Level& level = levels_.back();
    if (level.node->kind == Node::Kind::list) {
      level.node->items.push_back(&node);
    } else if (level.has_key) {
      level.node->fields.emplace_back(std::move(level.key), &node);
      level.has_key = false;
    } else {
      take_key(mark, node, level);
    }
  }

  void take_key(const YAML::Mark& mark, const Node& node, Level& level) {
    if (node.kind == Node::Kind::list || node.kind == Node::Kind::mapping) {
      fail_at(mark, "a key that is a list or a mapping is not supported");
    }
    if (node.text == "<<") fail_at(mark, "merge keys (<<) are not supported");
    if (level.node->field(node.text) != nullptr) {
      fail_at(mark, cat("the key ", printable(node.text), " is given twice"));
    }
    level.key = node.text;
    level.has_key = true;
  }

  const std::string& label_;
  std::deque<Node>& nodes_;
  std::map<YAML::anchor_t, const Node*> anchors_;
  std::vector<Level> levels_;
  const Node* root_ = nullptr;
};

/// Refuses a text with a second document, of which the official loader would complain as well.
class NoMore final : public YAML::EventHandler {
 public:
  explicit NoMore(const std::string& label) : label_(label) {}
  void OnDocumentStart(const YAML::Mark&) override {
    fail(ErrorCode::corrupt, "[config] ", label_, ": more than one document");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&,
                const std::string&,
                YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&,
                       const std::string&,
                       YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&,
                  const std::string&,
                  YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

 private:
  const std::string& label_;
};

}  // namespace

void read_yaml(std::string_view text,
               const std::string& label,
               std::deque<Node>& nodes,
               const Node*& root) {
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    TreeBuilder builder(label, nodes);
    if (parser.HandleNextDocument(builder)) {
      NoMore rest(label);
      parser.HandleNextDocument(rest);
    }
    root = builder.root();
  } catch (const YAML::Exception& error) {
    const bool placed = error.mark.line >= 0;
    fail(ErrorCode::corrupt,
         "[config] ",
         label,
         placed ? cat(": line ", error.mark.line + 1) : "",
         ": not valid YAML: ",
         printable(error.msg));
  }
}

}  // namespace sinter::checkpoint
