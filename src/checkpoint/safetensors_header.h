#pragma once
// Turns the JSON of a safetensors header into tensor entries, checking each field.

#include <map>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/json_events.h"
#include "checkpoint/problems.h"
#include "checkpoint/safetensors.h"

namespace sinter::checkpoint {

/// Receives the events of the header. A tensor with any fault is recorded in `problems` and left
/// out of the result, so every entry of the result is sound on its own: its bytes lie inside the
/// data section and match its shape. How the entries lie to each other is checked afterwards.
class HeaderHandler final : public JsonHandler {
 public:
  HeaderHandler(std::span<const std::byte> data,
                SafetensorsHeader& header,
                Problems& problems,
                std::string_view label)
      : data_(data), header_(header), problems_(problems), label_(label) {}

  void begin_object() override;
  void end_object() override;
  void begin_array() override;
  void end_array() override;
  void key(std::string& name) override;
  void scalar(const JsonScalar& value) override;

  /// After the last event: reports the tensors that lie past the end of the file as one problem.
  void finish();

 private:
  enum class At { start, root, tensor, list, metadata };
  enum class Field { other, dtype, shape, offsets };

  struct Raw {
    std::string name;
    std::string dtype;
    std::vector<std::int64_t> shape;     // at most kMaxRank + 1 extents are kept
    std::vector<std::uint64_t> offsets;  // at most 3 are kept
    bool seen[4] = {};                   // by Field
    bool faulty = false;
  };

  void fault(std::string text, ErrorCode code = ErrorCode::corrupt);
  void wrong_type(const std::string& found);
  void list_element(const JsonScalar& value);
  void finish_tensor();
  bool check_extents();
  bool check_range(std::size_t bytes);

  std::span<const std::byte> data_;
  SafetensorsHeader& header_;
  Problems& problems_;
  std::string_view label_;
  At at_ = At::start;
  int skipped_ = 0;  // depth inside a value that is ignored
  bool metadata_seen_ = false;
  std::size_t past_end_ = 0;       // tensors that end behind the data
  std::uint64_t data_needed_ = 0;  // where the farthest of them ends
  std::string key_;
  Field field_ = Field::other;
  Raw raw_;
};

}  // namespace sinter::checkpoint
