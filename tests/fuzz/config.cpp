// The reader of config.yaml: an Error or a tree whose values can be asked for as any type.

#include "checkpoint/config.h"

#include <cstdint>
#include <cstdlib>

#include "core/error.h"

namespace {

using sinter::checkpoint::ConfigNode;

template <class Action>
void expect_value_or_error(const Action& action) {
  try {
    action();
  } catch (const sinter::Error& error) {
    if (error.message().find('\n') != std::string::npos) abort();
    if (error.code() == sinter::ErrorCode::internal) abort();
  }
}

/// Asks each value for one type, chosen by its place: errors are slow. Aliases may make the tree
/// exponentially large, so the walk has a budget.
void walk(const ConfigNode& node, int& budget) {
  if (--budget < 0) return;
  expect_value_or_error([&] {
    switch (budget % 5) {
      case 0:
        return void(node.as<std::int64_t>());
      case 1:
        return void(node.as<double>());
      case 2:
        return void(node.as<bool>());
      case 3:
        return void(node.as<std::string>());
      default:
        return void(node.target());
    }
  });
  if (node.is_list()) {
    for (const ConfigNode& item : node.items()) walk(item, budget);
  } else if (node.is_mapping()) {
    for (const std::string& key : node.keys()) walk(node.child(key), budget);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  expect_value_or_error([&] {
    int budget = 40;
    walk(ConfigNode::parse(text, "f"), budget);
  });
  return 0;
}
