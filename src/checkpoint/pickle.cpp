#include "checkpoint/pickle.h"

#include <algorithm>
#include <bit>
#include <ios>

#include "checkpoint/byte_reader.h"
#include "checkpoint/problems.h"
#include "checkpoint/utf8.h"
#include "core/error.h"

namespace sinter::checkpoint {

namespace {

using Kind = PickleValue::Kind;

/// The operations that are read, by their names in pickletools.
enum Opcode : std::uint8_t {
  kMark = '(',
  kStop = '.',
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kNone = 'N',
  kBinPersId = 'Q',
  kReduce = 'R',
  kBinUnicode = 'X',
  kEmptyList = ']',
  kAppend = 'a',
  kBuild = 'b',
  kGlobal = 'c',
  kAppends = 'e',
  kBinGet = 'h',
  kLongBinGet = 'j',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kSetItem = 's',
  kTuple = 't',
  kSetItems = 'u',
  kEmptyTuple = ')',
  kEmptyDict = '}',
  kBinFloat = 'G',
  kBinBytes = 'B',
  kShortBinBytes = 'C',
  kProto = 0x80,
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kLong1 = 0x8a,
  kShortBinUnicode = 0x8c,
  kBinUnicode8 = 0x8d,
  kBinBytes8 = 0x8e,
  kStackGlobal = 0x93,
  kMemoize = 0x94,
  kFrame = 0x95,
};

}  // namespace

/// The stack machine for which a pickle is a program. Each operation is constant time, or linear in
/// the bytes or items that it consumes.
class PickleMachine {
 public:
  PickleMachine(std::span<const std::byte> bytes,
                std::span<const PickleGlobal> allowed,
                std::string_view label)
      : size_(bytes.size()), reader_(bytes, label, "pickle"), allowed_(allowed), label_(label) {
    pickle_.items_.emplace_back();
  }

  Pickle run() {
    if (reader_.u8() != kProto) broken("does not start like one of protocol 2 to 5");
    const std::uint8_t protocol = reader_.u8();
    if (protocol < 2 || protocol > 5) {
      unsupported("expected protocol 2 to 5, got ", int{protocol});
    }
    for (;;) {
      operation_at_ = reader_.position();
      const std::uint8_t opcode = reader_.u8();
      if (opcode == kStop) break;
      if (!scalar(opcode) && !text(opcode) && !container(opcode) && !memo(opcode) &&
          !object(opcode)) {
        unsupported("operation 0x", std::hex, int{opcode}, std::dec, ", which no weights need");
      }
    }
    if (stack_.size() != 1 || !marks_.empty()) broken("expected one value at the end");
    if (reader_.remaining() != 0) broken("goes on behind its end");
    pickle_.root_ = stack_.back();
    return std::move(pickle_);
  }

 private:
  template <class... Args>
  [[noreturn]] void stop(ErrorCode code, const Args&... args) const {
    fail(code, "[checkpoint] ", label_, ": pickle: ", args..., " (byte ", operation_at_, ")");
  }
  template <class... Args>
  [[noreturn]] void broken(const Args&... args) const {
    stop(ErrorCode::corrupt, args...);
  }
  template <class... Args>
  [[noreturn]] void unsupported(const Args&... args) const {
    stop(ErrorCode::unsupported, args...);
  }

  // --- values and stack

  PickleRef make(PickleValue value) {
    if (pickle_.values_.size() >= kMaxPickleValues) {
      unsupported("more than ", kMaxPickleValues, " values");
    }
    pickle_.values_.push_back(value);
    return static_cast<PickleRef>(pickle_.values_.size() - 1);
  }
  PickleRef make(Kind kind, std::vector<PickleRef> items) {
    PickleValue value{.kind = kind};
    value.items = static_cast<std::uint32_t>(pickle_.items_.size());
    const PickleRef ref = make(value);
    pickle_.items_.push_back(std::move(items));
    return ref;
  }
  bool push(PickleRef ref) {
    stack_.push_back(ref);
    return true;
  }
  bool push_number(Kind kind, std::int64_t integer) {
    return push(make({.kind = kind, .integer = integer}));
  }

  const PickleValue& value(PickleRef ref) const { return pickle_.values_[ref]; }
  std::vector<PickleRef>& items(PickleRef ref) { return pickle_.items_[value(ref).items]; }

  /// Values above the last mark; only those may be popped.
  std::size_t available() const { return stack_.size() - (marks_.empty() ? 0 : marks_.back()); }
  void need(std::size_t count) const {
    if (available() < count) broken("takes more values than there are");
  }
  PickleRef pop() {
    need(1);
    const PickleRef ref = stack_.back();
    stack_.pop_back();
    return ref;
  }
  std::vector<PickleRef> pop_many(std::size_t count) {
    need(count);
    std::vector<PickleRef> values(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    return values;
  }
  std::vector<PickleRef> pop_to_mark() {
    if (marks_.empty()) broken("ends a group that was not begun");
    std::vector<PickleRef> values = pop_many(available());
    marks_.pop_back();
    return values;
  }
  /// The container on top of the stack, which must be of this kind.
  PickleRef top(Kind kind) const {
    need(1);
    const PickleRef ref = stack_.back();
    if (!value(ref).is(kind)) {
      broken("expected ", describe(kind), ", got ", describe(value(ref).kind));
    }
    return ref;
  }

  // --- operations, by group; each returns false for an opcode that is not its own

  bool scalar(std::uint8_t opcode) {
    switch (opcode) {
      case kNone:
        return push(make({}));
      case kNewTrue:
        return push_number(Kind::boolean, 1);
      case kNewFalse:
        return push_number(Kind::boolean, 0);
      case kBinInt:
        return push_number(Kind::integer, static_cast<std::int32_t>(reader_.u32()));
      case kBinInt1:
        return push_number(Kind::integer, reader_.u8());
      case kBinInt2:
        return push_number(Kind::integer, reader_.u16());
      case kLong1:
        return push_number(Kind::integer, long_integer(reader_.u8()));
      case kBinFloat: {
        std::uint64_t bits = 0;  // the one big-endian field of the format
        for (int i = 0; i < 8; ++i) bits = bits << 8 | reader_.u8();
        return push(make({.kind = Kind::real, .real = std::bit_cast<double>(bits)}));
      }
      default:
        return false;
    }
  }

  /// Two's complement of `width` bytes; none at all are 0.
  std::int64_t long_integer(std::uint8_t width) {
    if (width > 8) unsupported("expected an integer of at most 8 bytes, got ", int{width});
    if (width == 0) return 0;
    const int shift = 64 - 8 * width;
    return static_cast<std::int64_t>(reader_.little(width) << shift) >> shift;
  }

  bool text(std::uint8_t opcode) {
    switch (opcode) {
      case kShortBinUnicode:
        return push_text(Kind::text, 1);
      case kBinUnicode:
        return push_text(Kind::text, 4);
      case kBinUnicode8:
        return push_text(Kind::text, 8);
      case kShortBinBytes:
        return push_text(Kind::bytes, 1);
      case kBinBytes:
        return push_text(Kind::bytes, 4);
      case kBinBytes8:
        return push_text(Kind::bytes, 8);
      default:
        return false;
    }
  }
  bool push_text(Kind kind, std::size_t length_bytes) {
    const std::string_view content = reader_.text(reader_.little(length_bytes));
    if (kind == Kind::text && !is_utf8(content)) broken("text that is not UTF-8");
    return push(make({.kind = kind, .text = content}));
  }

  bool container(std::uint8_t opcode) {
    switch (opcode) {
      case kMark:
        marks_.push_back(static_cast<std::uint32_t>(stack_.size()));
        return true;
      case kEmptyTuple:
        return push(make(Kind::tuple, {}));
      case kTuple1:
      case kTuple2:
      case kTuple3:
        return push(make(Kind::tuple, pop_many(opcode - kTuple1 + 1u)));
      case kTuple:
        return push(make(Kind::tuple, pop_to_mark()));
      case kEmptyList:
        return push(make(Kind::list, {}));
      case kAppend:
        return extend(Kind::list, pop_many(1));
      case kAppends:
        return extend(Kind::list, pop_to_mark());
      case kEmptyDict:
        return push(make(Kind::dictionary, {}));
      case kSetItem:
        return extend(Kind::dictionary, pop_many(2));
      case kSetItems:
        return extend(Kind::dictionary, pop_to_mark());
      default:
        return false;
    }
  }
  bool extend(Kind kind, const std::vector<PickleRef>& added) {
    if (kind == Kind::dictionary && added.size() % 2 != 0) broken("a key without a value");
    std::vector<PickleRef>& all = items(top(kind));
    all.insert(all.end(), added.begin(), added.end());
    return true;
  }

  bool memo(std::uint8_t opcode) {
    switch (opcode) {
      case kBinPut:
        return put(reader_.u8());
      case kLongBinPut:
        return put(reader_.u32());
      case kMemoize:
        return put(memo_entries_);
      case kBinGet:
        return get(reader_.u8());
      case kLongBinGet:
        return get(reader_.u32());
      default:
        return false;
    }
  }
  /// Writers count from 0, one entry a value, so no index of theirs reaches the number of bytes.
  bool put(std::size_t index) {
    if (index >= size_) broken("memo index ", index, " is out of range");
    need(1);
    if (index >= memo_.size()) memo_.resize(index + 1, kNothing);
    if (memo_[index] == kNothing) ++memo_entries_;
    memo_[index] = stack_.back();
    return true;
  }
  bool get(std::size_t index) {
    if (index >= memo_.size() || memo_[index] == kNothing) {
      broken("memo entry ", index, " is read before it is written");
    }
    return push(memo_[index]);
  }

  bool object(std::uint8_t opcode) {
    switch (opcode) {
      case kFrame: {
        const std::uint64_t bytes = reader_.u64();
        if (bytes > reader_.remaining()) broken("a frame that is longer than the pickle");
        return true;
      }
      case kGlobal: {
        const std::string_view module = line();
        return name(module, line());
      }
      case kStackGlobal: {
        const std::vector<PickleRef> names = pop_many(2);
        if (!value(names[0]).is(Kind::text) || !value(names[1]).is(Kind::text)) {
          broken("the name of a Python object is not text");
        }
        return name(value(names[0]).text, value(names[1]).text);
      }
      case kBinPersId:
        return push(make(Kind::persistent, pop_many(1)));
      case kReduce:
        return call();
      case kBuild:
        // attributes of an ordered dictionary: torch keeps version numbers there
        pop_many(1);
        top(Kind::dictionary);
        return true;
      default:
        return false;
    }
  }
  /// Text up to a line feed. No name that could be allowed is longer than this.
  std::string_view line() {
    constexpr std::size_t kLongest = 256;
    const std::size_t most = std::min(reader_.remaining(), kLongest);
    ByteReader ahead = reader_;
    const std::size_t length = ahead.text(most).find('\n');
    if (length == std::string_view::npos) broken("the name of a Python object does not end");
    const std::string_view content = reader_.text(length);
    reader_.take(1);
    return content;
  }
  bool name(std::string_view module, std::string_view name) {
    const auto it = std::find_if(allowed_.begin(), allowed_.end(), [&](const PickleGlobal& each) {
      return each.module == module && each.name == name;
    });
    if (it == allowed_.end()) {
      unsupported("refused, because it names ",
                  printable(module),
                  ".",
                  printable(name),
                  ", which no weights need; nothing was run");
    }
    return push_number(Kind::global, it - allowed_.begin());
  }
  bool call() {
    const std::vector<PickleRef> parts = pop_many(2);
    const PickleValue& function = value(parts[0]);
    const PickleValue& arguments = value(parts[1]);
    if (!function.is(Kind::global) || !arguments.is(Kind::tuple)) {
      broken("calls ", describe(function.kind), " with ", describe(arguments.kind));
    }
    const PickleGlobal& global = allowed_[static_cast<std::size_t>(function.integer)];
    switch (global.use) {
      case PickleGlobal::Use::function:
        return push(make(Kind::call, parts));
      case PickleGlobal::Use::dictionary:
        if (!items(parts[1]).empty()) unsupported(global.name, " with arguments");
        return push(make(Kind::dictionary, {}));
      case PickleGlobal::Use::value:
        break;
    }
    unsupported("refused, because it calls ", global.module, ".", global.name);
  }

  static constexpr PickleRef kNothing = UINT32_MAX;

  std::size_t size_;
  ByteReader reader_;
  std::span<const PickleGlobal> allowed_;
  std::string_view label_;
  std::size_t operation_at_ = 0;
  Pickle pickle_;
  std::vector<PickleRef> stack_;
  std::vector<std::uint32_t> marks_;  // heights of the stack
  std::vector<PickleRef> memo_;
  std::size_t memo_entries_ = 0;
};

Pickle Pickle::parse(std::span<const std::byte> bytes,
                     std::span<const PickleGlobal> allowed,
                     std::string_view label) {
  SINTER_CHECK(bytes.size() <= kMaxPickleBytes,
               ErrorCode::unsupported,
               "[checkpoint] ",
               label,
               ": pickle: expected at most ",
               kMaxPickleBytes,
               " bytes, got ",
               bytes.size());
  return PickleMachine(bytes, allowed, label).run();
}

const char* describe(PickleValue::Kind kind) {
  switch (kind) {
    case Kind::none:
      return "None";
    case Kind::boolean:
      return "a truth value";
    case Kind::integer:
      return "an integer";
    case Kind::real:
      return "a number";
    case Kind::text:
      return "text";
    case Kind::bytes:
      return "bytes";
    case Kind::global:
      return "a Python object";
    case Kind::tuple:
      return "a tuple";
    case Kind::list:
      return "a list";
    case Kind::dictionary:
      return "a dictionary";
    case Kind::call:
      return "the result of a call";
    case Kind::persistent:
      return "a stored object";
  }
  return "nothing";
}

}  // namespace sinter::checkpoint
