#pragma once
// Reads a Python pickle as data. Nothing is imported, called or built: a call is recorded as a
// call, and a name of a Python object that is not on the caller's list ends the reading.
//
// Protocols 2 to 5, of which those operations that weights need: numbers, text, bytes, tuples,
// lists, dictionaries, names, calls, persistent ids, the memo.
// Format: CPython, Lib/pickletools.py (the description of each opcode).

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace sinter::checkpoint {

/// Bounds on what is read. A model of 2000 tensors has a pickle of some 300 kB and 40,000 values.
inline constexpr std::size_t kMaxPickleBytes = std::size_t{16} << 20;
inline constexpr std::size_t kMaxPickleValues = std::size_t{1} << 21;

/// A Python object that a pickle may name.
struct PickleGlobal {
  enum class Use {
    value,       ///< stands for itself: a class or a constant
    function,    ///< may be called; the result is a PickleValue::Kind::call
    dictionary,  ///< called without arguments it makes a dictionary, whose attributes are ignored
  };
  std::string_view module;
  std::string_view name;
  Use use = Use::value;
};

/// Number of a value in its Pickle.
using PickleRef = std::uint32_t;

struct PickleValue {
  enum class Kind : std::uint8_t {
    none,
    boolean,  ///< integer is 0 or 1
    integer,  ///< of at most 64 bits
    real,
    text,        ///< valid UTF-8
    bytes,       ///< in text
    global,      ///< integer is the index in the list of allowed ones
    tuple,       ///< items
    list,        ///< items
    dictionary,  ///< items: key, value, key, value, ... as written; keys may repeat
    call,        ///< items: the function (a global), a tuple of its arguments
    persistent,  ///< items: the id
  };
  Kind kind = Kind::none;
  std::uint32_t items = 0;  ///< number of its item list, where the kind has one
  std::int64_t integer = 0;
  double real = 0;
  std::string_view text = {};  ///< points into the pickle's bytes

  bool is(Kind other) const { return kind == other; }
};

/// What a pickle says, as a graph: values refer to each other by number, one value may be an item
/// of many others, and lists and dictionaries may contain themselves. The cost of reading is linear
/// in the bytes, whatever refers to what; who walks the graph must bound the walk.
class Pickle {
 public:
  /// `bytes` must outlive the result. Raises ErrorCode::corrupt for a broken pickle, and
  /// ErrorCode::unsupported for a Python object not in `allowed`, an operation that weights do not
  /// need, another protocol, or a pickle past the bounds above. `label` names the file.
  static Pickle parse(std::span<const std::byte> bytes,
                      std::span<const PickleGlobal> allowed,
                      std::string_view label);

  const PickleValue& root() const { return values_[root_]; }
  const PickleValue& operator[](PickleRef ref) const { return values_[ref]; }
  /// Empty for a kind without items.
  std::span<const PickleRef> items(const PickleValue& value) const { return items_[value.items]; }

 private:
  friend class PickleMachine;
  std::vector<PickleValue> values_;
  std::vector<std::vector<PickleRef>> items_;  // the first list is empty and nobody's
  PickleRef root_ = 0;
};

/// "a number", "a dictionary", ...: for messages.
const char* describe(PickleValue::Kind kind);

}  // namespace sinter::checkpoint
