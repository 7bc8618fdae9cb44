#include "checkpoint/pickle.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "checkpoint/utf8.h"
#include "support.h"
#include "torch_builder.h"

namespace sinter::checkpoint {
namespace {

using namespace std::string_literals;
using Kind = PickleValue::Kind;
using Use = PickleGlobal::Use;

constexpr std::array<PickleGlobal, 3> kAllowed = {{
    {"m", "value", Use::value},
    {"m", "call", Use::function},
    {"collections", "OrderedDict", Use::dictionary},
}};

Pickle parse(const std::string& bytes) {
  return Pickle::parse(bytes_of(bytes), kAllowed, "p");
}

/// The value of a pickle with these operations. The bytes must live as long as the result.
struct Parsed {
  explicit Parsed(const std::string& operations)
      : bytes(op::pickle(operations)), pickle(parse(bytes)), root(pickle.root()) {}
  const PickleValue& item(std::size_t index) const { return pickle[pickle.items(root)[index]]; }
  std::size_t count() const { return pickle.items(root).size(); }

  std::string bytes;
  Pickle pickle;
  const PickleValue& root;
};

TEST(Pickle, Scalars) {
  EXPECT_EQ(Parsed("N").root.kind, Kind::none);
  EXPECT_EQ(Parsed("\x88").root.kind, Kind::boolean);
  EXPECT_EQ(Parsed("\x88").root.integer, 1);
  EXPECT_EQ(Parsed("\x89").root.integer, 0);
  const std::vector<std::pair<std::string, std::int64_t>> integers = {
      {"K\xff", 255},
      {"M\x01\x80", 0x8001},
      {"J\xff\xff\xff\xff", -1},
      {"J\x00\x00\x00\x80"s, INT32_MIN},
      {"\x8a\x00"s, 0},
      {"\x8a\x01\xff", -1},
      {"\x8a\x02\x00\x80"s, -32768},
      {"\x8a\x05\x00\x00\x00\x00\x01"s, std::int64_t{1} << 32},
      {"\x8a\x08" + little(INT64_MIN, 8), INT64_MIN},
      {"\x8a\x08" + little(INT64_MAX, 8), INT64_MAX},
  };
  for (const auto& [operations, expected] : integers) {
    const Parsed parsed(operations);
    EXPECT_EQ(parsed.root.kind, Kind::integer);
    EXPECT_EQ(parsed.root.integer, expected);
  }
  const Parsed real("G\xbf\xf8\x00\x00\x00\x00\x00\x01"s);
  EXPECT_EQ(real.root.kind, Kind::real);
  EXPECT_EQ(real.root.real, -1.5 - 0x1p-52);
}

TEST(Pickle, Text) {
  for (const std::string& operations : {"X\x06\0\0\0h\xc3\xa9llo"s,
                                        "\x8c\x06h\xc3\xa9llo"s,
                                        "\x8d\x06\0\0\0\0\0\0\0h\xc3\xa9llo"s}) {
    const Parsed parsed(operations);
    EXPECT_EQ(parsed.root.kind, Kind::text);
    EXPECT_EQ(parsed.root.text, "h\xc3\xa9llo");
  }
  for (const std::string& operations :
       {"B\x02\0\0\0\xff\0"s, "C\x02\xff\0"s, "\x8e\x02\0\0\0\0\0\0\0\xff\0"s}) {
    const Parsed parsed(operations);
    EXPECT_EQ(parsed.root.kind, Kind::bytes);
    EXPECT_EQ(parsed.root.text, "\xff\0"s);
  }
  expect_error(ErrorCode::corrupt, "[checkpoint] p: pickle: text that is not UTF-8 (byte 2)", [] {
    Parsed("\x8c\x02\xff\xff");
  });
  expect_error(
      ErrorCode::corrupt,
      "[checkpoint] p: pickle is cut short: expected 9223372036854775807 bytes at byte 11, got 2",
      [] { Parsed("\x8d" + little(INT64_MAX, 8) + "x"); });
}

TEST(Utf8, WellFormedOrNot) {
  for (const std::string& good : {""s,
                                  "a\x7f\0b"s,
                                  "\xc2\x80"s,
                                  "\xdf\xbf"s,
                                  "\xe0\xa0\x80"s,
                                  "\xed\x9f\xbf"s,
                                  "\xee\x80\x80"s,
                                  "\xef\xbf\xbf"s,
                                  "\xf0\x90\x80\x80"s,
                                  "\xf4\x8f\xbf\xbf"s,
                                  "x\xe5\x90\x8dy"s}) {
    EXPECT_TRUE(is_utf8(good)) << good;
  }
  for (const std::string& bad : {"\x80"s,
                                 "\xbf"s,
                                 "\xc0\x80"s,
                                 "\xc1\xbf"s,
                                 "\xc2"s,
                                 "\xc2\x7f"s,
                                 "\xc2\xc0"s,
                                 "\xe0\x9f\xbf"s,
                                 "\xe1\x80"s,
                                 "\xe1\x80\x7f"s,
                                 "\xed\xa0\x80"s,
                                 "\xf0\x8f\xbf\xbf"s,
                                 "\xf0\x90\x80"s,
                                 "\xf4\x90\x80\x80"s,
                                 "\xf5\x80\x80\x80"s,
                                 "\xff"s,
                                 "a\xe5\x90"s}) {
    EXPECT_FALSE(is_utf8(bad)) << bad;
  }
}

TEST(Pickle, Containers) {
  EXPECT_EQ(Parsed(")").count(), 0u);
  EXPECT_EQ(Parsed("K\1\x85").item(0).integer, 1);
  EXPECT_EQ(Parsed("K\1K\2\x86").item(1).integer, 2);
  EXPECT_EQ(Parsed("K\1K\2K\3\x87").item(2).integer, 3);
  EXPECT_EQ(Parsed("(K\1K\2K\3K\4t").count(), 4u);

  const Parsed list("](K\1K\2eK\3a");
  EXPECT_EQ(list.root.kind, Kind::list);
  ASSERT_EQ(list.count(), 3u);
  EXPECT_EQ(list.item(2).integer, 3);

  const Parsed dictionary("}(K\1K\2K\3K\4uK\5K\6s");
  EXPECT_EQ(dictionary.root.kind, Kind::dictionary);
  ASSERT_EQ(dictionary.count(), 6u);
  EXPECT_EQ(dictionary.item(5).integer, 6);
}

TEST(Pickle, MemoSharesValues) {
  const Parsed parsed("]q\0K\7q\1h\1h\1h\0t"s.insert(0, "("));
  ASSERT_EQ(parsed.count(), 5u);
  EXPECT_EQ(&parsed.item(1), &parsed.item(2));
  EXPECT_EQ(&parsed.item(0), &parsed.item(4));
  const Parsed memoized("(K\7\x94K\x8\x94h\1h\0t"s);
  EXPECT_EQ(memoized.item(2).integer, 8);
  EXPECT_EQ(memoized.item(3).integer, 7);
  const Parsed rewritten("(K\7q\0q\0K\x8\x94h\1t"s);
  EXPECT_EQ(rewritten.item(2).integer, 8);
  const Parsed wide("(K\7r\2\0\0\0j\2\0\0\0t"s);
  EXPECT_EQ(&wide.item(0), &wide.item(1));
}

TEST(Pickle, ObjectsAreRecorded) {
  const Parsed global("cm\nvalue\n");
  EXPECT_EQ(global.root.kind, Kind::global);
  EXPECT_EQ(global.root.integer, 0);
  EXPECT_EQ(Parsed("\x8c\1m\x8c\4call\x93").root.integer, 1);

  const Parsed call("cm\ncall\nK\1\x85R");
  EXPECT_EQ(call.root.kind, Kind::call);
  EXPECT_EQ(call.item(0).integer, 1);
  EXPECT_EQ(call.pickle.items(call.item(1)).size(), 1u);

  const Parsed ordered("ccollections\nOrderedDict\n)RK\1K\2s}K\3K\4sb");
  EXPECT_EQ(ordered.root.kind, Kind::dictionary);
  EXPECT_EQ(ordered.count(), 2u);

  const Parsed persistent("K\1Q");
  EXPECT_EQ(persistent.root.kind, Kind::persistent);
  EXPECT_EQ(persistent.item(0).integer, 1);
}

TEST(Pickle, EveryProtocol) {
  for (const char protocol : {'\2', '\3', '\4', '\5'}) {
    EXPECT_NO_THROW(parse("\x80"s + protocol + "N."));
  }
  EXPECT_NO_THROW(parse("\x80\4\x95\2\0\0\0\0\0\0\0N."s));
  for (const char protocol : {'\0', '\1', '\6', '\xff'}) {
    expect_error_with(ErrorCode::unsupported, "pickle: expected protocol 2 to 5, got ", [&] {
      parse("\x80"s + protocol + "N.");
    });
  }
  expect_error(ErrorCode::corrupt,
               "[checkpoint] p: pickle: does not start like one of protocol 2 to 5 (byte 0)",
               [] { parse("(dp0\n."); });
}

TEST(Pickle, OtherObjectsAreRefused) {
  struct Case {
    std::string operations;
    std::string name;
  };
  const std::vector<Case> cases = {
      {"cos\nsystem\n", "os.system"},
      {"cposix\nsystem\nX\2\0\0\0id\x85R"s, "posix.system"},
      {"\x8c\2os\x8c\6system\x93", "os.system"},
      {"\x8c\x08"
       "builtins\x8c\x04"
       "eval\x93",
       "builtins.eval"},
      {"c__builtin__\neval\n", "__builtin__.eval"},
      {"cbuiltins\nexec\n", "builtins.exec"},
      {"cnumpy.core.multiarray\n_reconstruct\n", "numpy.core.multiarray._reconstruct"},
      {"cm\nvalue.__class__\n", "m.value.__class__"},
      {"cm.value\n\n", "m.value."},
      {"cm\nvalu\n", "m.valu"},
      {"cother\nvalue\n", "other.value"},
      {"c\n\n", "."},
      {"cm\nx\x1b[2J\n", "m.x?[2J"},
      {"K\1cos\nsystem\n0", "os.system"},
  };
  for (const Case& each : cases) {
    expect_error_with(ErrorCode::unsupported,
                      "[checkpoint] p: pickle: refused, because it names " + each.name +
                          ", which no weights need; nothing was run (byte ",
                      [&] { Parsed parsed(each.operations); });
  }
  expect_error(ErrorCode::unsupported,
               "[checkpoint] p: pickle: refused, because it calls m.value (byte 12)",
               [] { Parsed("cm\nvalue\n)R"); });
  expect_error(ErrorCode::unsupported,
               "[checkpoint] p: pickle: OrderedDict with arguments (byte 29)",
               [] { Parsed("ccollections\nOrderedDict\nN\x85R"); });
  expect_error(ErrorCode::corrupt,
               "[checkpoint] p: pickle: calls the result of a call with a tuple (byte 13)",
               [] { Parsed("cm\ncall\n)R)R"); });
}

// Exactly the operations of the list, and no other of the 256, are read.
TEST(Pickle, OtherOperationsAreRefused) {
  const std::string known =
      "(JKMNQRX]abcehjqrstu)}GBC."
      "\x85\x86\x87\x88\x89\x8a\x8c\x8d\x8e\x93\x94\x95";
  for (int opcode = 0; opcode < 256; ++opcode) {
    const bool read = known.find(static_cast<char>(opcode)) != std::string::npos;
    std::string message;
    try {
      parse("\x80\2"s + static_cast<char>(opcode));
    } catch (const Error& error) {
      message = error.message();
    }
    EXPECT_EQ(message.find("no weights need") == std::string::npos, read) << opcode << message;
    EXPECT_FALSE(message.empty()) << opcode;
  }
}

TEST(Pickle, BrokenPickles) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "pickle: expected one value at the end (byte 2)"},
      {"NN", "pickle: expected one value at the end (byte 4)"},
      {"N(", "pickle: expected one value at the end (byte 4)"},
      {"N.", "pickle: goes on behind its end (byte 3)"},
      {"t", "pickle: ends a group that was not begun (byte 2)"},
      {"\x85", "pickle: takes more values than there are (byte 2)"},
      {"N(\x85", "pickle: takes more values than there are (byte 4)"},
      {"N(a", "pickle: takes more values than there are (byte 4)"},
      {"NNa", "pickle: expected a list, got None (byte 4)"},
      {"}Na", "pickle: expected a list, got a dictionary (byte 4)"},
      {"]NNs", "pickle: expected a dictionary, got a list (byte 5)"},
      {"}(Nu", "pickle: a key without a value (byte 5)"},
      {"(NNu", "pickle: takes more values than there are (byte 5)"},
      {"NNR", "pickle: calls None with None (byte 4)"},
      {"NNb", "pickle: expected a dictionary, got None (byte 4)"},
      {"NN\x93", "pickle: the name of a Python object is not text (byte 4)"},
      {"h\1", "pickle: memo entry 1 is read before it is written (byte 2)"},
      {"q\0"s, "pickle: takes more values than there are (byte 2)"},
      {"Nr\xff\xff\xff\xff", "pickle: memo index 4294967295 is out of range (byte 3)"},
      {"Nr\0\0\0\x10"s, "pickle: memo index 268435456 is out of range (byte 3)"},
      {"Nj\xff\xff\xff\xff", "pickle: memo entry 4294967295 is read before it is written (byte 3)"},
      {"Nq\3h\2", "pickle: memo entry 2 is read before it is written (byte 5)"},
      {"\x95\xff\0\0\0\0\0\0\0N"s, "pickle: a frame that is longer than the pickle (byte 2)"},
      {"cos", "pickle: the name of a Python object does not end (byte 2)"},
      {"c" + std::string(300, 'x') + "\n",
       "pickle: the name of a Python object does not end (byte 2)"},
  };
  for (const auto& [operations, message] : cases) {
    expect_error(
        ErrorCode::corrupt, "[checkpoint] p: " + message, [&] { parse(op::pickle(operations)); });
  }
  expect_error(ErrorCode::unsupported,
               "[checkpoint] p: pickle: expected an integer of at most 8 bytes, got 9 (byte 2)",
               [] { Parsed("\x8a\x09" + std::string(9, '\1')); });
}

// Reading takes no stack of the program, and freeing the result neither.
TEST(Pickle, DeepNesting) {
  constexpr std::size_t kDepth = 300000;
  for (const char* wrap : {"\x85", "]"}) {
    std::string operations = "]";
    for (std::size_t i = 0; i < kDepth; ++i) operations += wrap;
    if (wrap[0] == ']') operations += std::string(kDepth, 'a');
    const Parsed parsed(operations);
    EXPECT_LE(parsed.count(), 1u);
  }
  expect_error_with(ErrorCode::corrupt, "expected one value at the end", [&] {
    Parsed(std::string(kDepth, '('));
  });
}

// Each tuple holds the one before it twice: 2^100000 items if anybody wrote them out.
TEST(Pickle, NestedAliasesDoNotGrow) {
  std::string operations = "]q\0"s;
  for (int i = 0; i < 100000; ++i) operations += "h\0\x86q\0"s;
  const Parsed parsed(operations);
  ASSERT_EQ(parsed.count(), 2u);
  EXPECT_EQ(&parsed.item(0), &parsed.item(1));
}

TEST(Pickle, CyclesAreHarmless) {
  const Parsed parsed(
      "]q\0h\0h\0\x86"
      "a"s);
  EXPECT_EQ(parsed.root.kind, Kind::list);
  const Parsed self("}q\0K\1h\0s"s);
  EXPECT_EQ(&self.item(1), &self.root);
}

TEST(Pickle, BoundsOnSize) {
  expect_error(ErrorCode::unsupported,
               "[checkpoint] p: pickle: expected at most 16777216 bytes, got 16777217",
               [] { parse(std::string(kMaxPickleBytes + 1, 'N')); });
  expect_error_with(ErrorCode::unsupported, "pickle: more than 2097152 values (byte ", [] {
    parse("\x80\2("s + std::string(kMaxPickleValues, 'N') + "t.");
  });
  // as many values as fit, each of the largest kind
  const std::string most = "\x80\2("s + std::string(kMaxPickleValues - 1, ')') + "t.";
  const Pickle pickle = parse(most);
  EXPECT_EQ(pickle.items(pickle.root()).size(), kMaxPickleValues - 1);
}

TEST(Pickle, TruncatedAnywhere) {
  const std::vector<PickleGlobal> allowed = {{"torch", "FloatStorage", Use::value},
                                             {"torch._utils", "_rebuild_tensor_v2", Use::function},
                                             {"collections", "OrderedDict", Use::dictionary}};
  const std::string whole = op::pickle(
      op::dictionary({{"a", op::tensor(op::storage("FloatStorage", "0", 6), 0, {2, 3}, {3, 1})},
                      {"b", op::tuple({"N", "\x88", "G\x3f\xf0\0\0\0\0\0\0"s, "](K\1M\2\3eK\4a"})},
                      {"c", "Nq\1h\1\x86"}}));
  EXPECT_NO_THROW(Pickle::parse(bytes_of(whole), allowed, "p"));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::string file = whole.substr(0, size);
    EXPECT_THROW(Pickle::parse(bytes_of(file), allowed, "p"), Error) << size;
  }
}

}  // namespace
}  // namespace sinter::checkpoint
