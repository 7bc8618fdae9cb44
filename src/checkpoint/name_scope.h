#pragma once
// The tensors below one prefix, asked by name: what a header tells of a network.

#include <charconv>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "checkpoint/checkpoint.h"

namespace sinter::checkpoint {

class NameScope {
 public:
  /// `prefix` with its dot, or empty. The checkpoint must outlive the scope.
  NameScope(const Checkpoint& checkpoint, std::string prefix)
      : checkpoint_(checkpoint), prefix_(std::move(prefix)) {}

  bool has(std::string_view name) const { return find(name) != nullptr; }
  /// Extent of an axis; 0 where the tensor is absent or of a lower rank.
  std::int64_t dim(std::string_view name, int axis) const {
    const TensorEntry* entry = find(name);
    return entry == nullptr || entry->shape.rank() <= axis ? 0 : entry->shape[axis];
  }
  /// How many distinct i occur in "<list>.i.", or in "<list>.i.<below>..." where `below` is given.
  std::int64_t count(std::string_view list, std::string_view below = {}) const {
    const std::string start = prefix_ + std::string(list) + ".";
    std::set<std::int64_t> found;
    for (const TensorEntry& entry : checkpoint_.with_prefix(start)) {
      const char* first = entry.name.data() + start.size();
      const char* last = entry.name.data() + entry.name.size();
      std::int64_t index = 0;
      const auto [end, error] = std::from_chars(first, last, index);
      if (error != std::errc{} || end == last || *end != '.') continue;
      if (std::string_view(end + 1, last).starts_with(below)) found.insert(index);
    }
    return static_cast<std::int64_t>(found.size());
  }

 private:
  const TensorEntry* find(std::string_view name) const {
    return checkpoint_.find(prefix_ + std::string(name));
  }

  const Checkpoint& checkpoint_;
  std::string prefix_;
};

}  // namespace sinter::checkpoint
