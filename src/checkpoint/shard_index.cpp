#include "checkpoint/shard_index.h"

#include <utility>

#include "checkpoint/json_events.h"
#include "checkpoint/problems.h"
#include "core/error.h"

namespace sinter::checkpoint {

namespace {

using WeightMap = std::map<std::string, std::string, std::less<>>;

/// A name that stays inside the folder of the index and can be put into a message.
bool is_plain_file_name(std::string_view name) {
  return !name.empty() && name.size() <= 255 && name != "." && name != ".." &&
         name.find('/') == std::string_view::npos && printable(name) == name;
}

class IndexHandler final : public JsonHandler {
 public:
  IndexHandler(WeightMap& map, Problems& problems, std::string_view label)
      : map_(map), problems_(problems), label_(label) {}

  void begin_object() override {
    if (in_map_ && depth_ == 2) wrong_value("an object");
    if (++depth_ != 2 || key_ != "weight_map") return;
    if (std::exchange(seen_, true)) problems_.add("weight_map is given twice");
    in_map_ = true;
  }
  void end_object() override {
    if (--depth_ == 1) in_map_ = false;
  }
  void begin_array() override {
    if (in_map_ && depth_ == 2) wrong_value("a list");
    ++depth_;
  }
  void end_array() override { --depth_; }
  void key(std::string& name) override {
    problems_.raise_if_enough(label_);
    if (depth_ <= 2) key_ = std::move(name);
  }
  void scalar(const JsonScalar& value) override {
    if (!in_map_ || depth_ != 2) return;
    const auto* file = std::get_if<std::string>(&value);
    if (file == nullptr || !is_plain_file_name(*file)) return wrong_value(describe(value));
    if (!map_.emplace(key_, *file).second) {
      problems_.add(cat("weight_map.", printable(key_), " is given twice"));
    }
  }
  bool seen() const { return seen_; }

 private:
  void wrong_value(const std::string& found) {
    problems_.add(cat(
        "weight_map.", printable(key_), ": expected a file name without a folder, found ", found));
  }

  WeightMap& map_;
  Problems& problems_;
  std::string_view label_;
  std::string key_;
  int depth_ = 0;
  bool in_map_ = false;
  bool seen_ = false;
};

}  // namespace

WeightMap parse_shard_index(std::string_view text, std::string_view label) {
  WeightMap map;
  Problems problems;
  try {
    IndexHandler handler(map, problems, label);
    parse_json(text, label, handler);
    if (!handler.seen()) problems.add("no weight_map: not the index of a sharded checkpoint");
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::out_of_memory, "[checkpoint] ", label, ": out of memory");
  }
  problems.raise(label);
  return map;
}

}  // namespace sinter::checkpoint
