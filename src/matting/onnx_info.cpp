#include "matting/onnx_info.h"

#include <set>
#include <vector>

#include "core/error.h"

namespace sinter::matting {
namespace {

using Bytes = std::span<const std::uint8_t>;

// Field numbers of onnx.proto.
constexpr int kModelGraph = 7;
constexpr int kGraphNode = 1, kGraphInitializer = 5, kGraphInput = 11, kGraphOutput = 12;
constexpr int kNodeOutput = 2, kNodeType = 4;
constexpr int kTensorName = 8;
constexpr int kValueName = 1, kValueType = 2;
constexpr int kTypeTensor = 1, kTensorShape = 2, kShapeDim = 1, kDimValue = 1;

/// One field after the other of one message; damaged() once they do not follow the format.
class Message {
 public:
  explicit Message(Bytes bytes) : left_(bytes) {}

  /// Steps to the next field; false at the end.
  bool next() {
    if (damaged_ || left_.empty()) return false;
    const std::uint64_t key = varint();
    field_ = static_cast<int>(key >> 3 & 0x1fffffff);
    value_ = 0;
    body_ = {};
    switch (key & 7) {
      case 0:
        value_ = varint();
        break;
      case 1:
        body_ = take(8);
        break;
      case 2:
        body_ = take(varint());
        break;
      case 5:
        body_ = take(4);
        break;
      default:
        damaged_ = true;
    }
    return !damaged_;
  }
  int field() const { return field_; }
  std::uint64_t value() const { return value_; }  ///< of a varint
  Bytes body() const { return body_; }            ///< of anything else
  std::string text() const { return {body_.begin(), body_.end()}; }
  bool damaged() const { return damaged_; }

 private:
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64 && !left_.empty(); shift += 7) {
      const std::uint8_t byte = left_[0];
      left_ = left_.subspan(1);
      value |= std::uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return value;
    }
    damaged_ = true;
    return 0;
  }
  Bytes take(std::uint64_t count) {
    if (damaged_ || count > left_.size()) {
      damaged_ = true;
      return {};
    }
    const Bytes taken = left_.first(static_cast<std::size_t>(count));
    left_ = left_.subspan(static_cast<std::size_t>(count));
    return taken;
  }

  Bytes left_, body_;
  std::uint64_t value_ = 0;
  int field_ = 0;
  bool damaged_ = false;
};

/// The last sub-message or string with that number; empty where there is none.
Bytes child(Bytes message, int field) {
  Bytes found;
  for (Message m(message); m.next();) {
    if (m.field() == field) found = m.body();
  }
  return found;
}

std::string text_of(Bytes message, int field) {
  const Bytes body = child(message, field);
  return {body.begin(), body.end()};
}

/// Sizes of a value's tensor; 0 for one that is a name or missing.
std::vector<std::int64_t> sizes_of(Bytes value_info) {
  const Bytes type = child(child(value_info, kValueType), kTypeTensor);
  std::vector<std::int64_t> sizes;
  for (Message shape(child(type, kTensorShape)); shape.next();) {
    if (shape.field() != kShapeDim) continue;
    std::int64_t size = 0;
    for (Message dim(shape.body()); dim.next();) {
      if (dim.field() == kDimValue) size = static_cast<std::int64_t>(dim.value());
    }
    sizes.push_back(size);
  }
  return sizes;
}

struct Graph {
  std::vector<Bytes> inputs, outputs, nodes;
  std::set<std::string> constants;  // early files list weights among the inputs
};

Graph read_graph(Bytes bytes, std::string_view name) {
  const auto refuse = [&] {
    fail(ErrorCode::corrupt, "[matte] ", name, ": is not an ONNX network, or is damaged");
  };
  Bytes body;
  Message model(bytes);
  while (model.next()) {
    if (model.field() == kModelGraph) body = model.body();
  }
  Graph graph;
  Message fields(body);
  while (fields.next()) {
    switch (fields.field()) {
      case kGraphNode:
        graph.nodes.push_back(fields.body());
        break;
      case kGraphInput:
        graph.inputs.push_back(fields.body());
        break;
      case kGraphOutput:
        graph.outputs.push_back(fields.body());
        break;
      case kGraphInitializer:
        graph.constants.insert(text_of(fields.body(), kTensorName));
        break;
      default:
        break;
    }
  }
  if (model.damaged() || fields.damaged() || graph.inputs.empty() || graph.outputs.empty()) {
    refuse();
  }
  return graph;
}

bool comes_from_sigmoid(const Graph& graph, const std::string& output) {
  for (const Bytes node : graph.nodes) {
    for (Message m(node); m.next();) {
      if (m.field() == kNodeOutput && m.text() == output) {
        return text_of(node, kNodeType) == "Sigmoid";
      }
    }
  }
  return false;
}

}  // namespace

OnnxInfo read_onnx_info(std::span<const std::uint8_t> bytes, std::string_view name) {
  const Graph graph = read_graph(bytes, name);
  OnnxInfo info;
  info.first_output = text_of(graph.outputs.front(), kValueName);
  info.ends_in_sigmoid = comes_from_sigmoid(graph, info.first_output);
  for (const Bytes input : graph.inputs) {
    if (graph.constants.contains(text_of(input, kValueName))) continue;
    const std::vector<std::int64_t> sizes = sizes_of(input);
    if (sizes.size() == 4 && (sizes[1] == 3 || sizes[1] == 0)) {
      info.height = sizes[2];
      info.width = sizes[3];
      return info;
    }
    break;
  }
  fail(ErrorCode::unsupported,
       "[matte] ",
       name,
       ": expected a network whose first input is a picture [1, 3, height, width]");
}

}  // namespace sinter::matting
