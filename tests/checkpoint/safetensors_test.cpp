// The reader of safetensors headers against well-formed, broken and hostile files.

#include "checkpoint/safetensors.h"

#include "checkpoint/support.h"

namespace sinter::checkpoint {
namespace {

SafetensorsHeader parse(std::string_view file) {
  return parse_safetensors(bytes_of(file), "f");
}

/// The message for a header of this JSON before so many bytes of data.
void expect_corrupt(std::string_view header, std::size_t data, std::string_view message) {
  SCOPED_TRACE(header.substr(0, 200));
  const std::string file = raw_file(header, data);
  expect_error(ErrorCode::corrupt, message, [&] { parse(file); });
}

constexpr std::string_view kGood = R"({"__metadata__":{"format":"pt"},)"
                                   R"("b":{"dtype":"F16","shape":[2,3],"data_offsets":[0,12]},)"
                                   R"("a":{"dtype":"I64","shape":[],"data_offsets":[12,20]},)"
                                   R"("c":{"dtype":"U8","shape":[4,0],"data_offsets":[12,12]}}   )";

TEST(Safetensors, ReadsNamesTypesShapesAndPlaces) {
  const std::string file = raw_file(kGood, 20);
  const SafetensorsHeader header = parse(file);
  ASSERT_EQ(header.entries.size(), 3u);
  EXPECT_EQ(header.metadata.at("format"), "pt");
  const TensorEntry& a = header.entries[0];
  EXPECT_EQ(a.name, "a");
  EXPECT_EQ(a.dtype, DType::i64);
  EXPECT_EQ(a.shape, Shape{});
  EXPECT_EQ(a.bytes.data(), bytes_of(file).data() + 8 + kGood.size() + 12);
  EXPECT_EQ(a.bytes.size(), 8u);
  EXPECT_EQ(header.entries[1].shape, (Shape{2, 3}));
  EXPECT_EQ(header.entries[2].bytes.size(), 0u);
}

TEST(Safetensors, AcceptsNoTensorsAndUnknownFields) {
  EXPECT_TRUE(parse(raw_file("{}", 0)).entries.empty());
  const auto header = parse(raw_file(
      R"({"x":{"note":{"a":[1,{"b":null}]},"dtype":"I8","shape":[1],"data_offsets":[0,1]}})", 1));
  EXPECT_EQ(header.entries.size(), 1u);
}

TEST(Safetensors, RefusesEveryTruncation) {
  const std::string file = raw_file(kGood, 20);
  for (std::size_t length = 0; length < file.size(); ++length) {
    SCOPED_TRACE(length);
    // an exact copy on the heap, so that the sanitizer sees any read behind it
    const std::vector<char> cut(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(length));
    const std::string_view text(cut.data(), cut.size());
    if (length < 8) {
      expect_error(
          ErrorCode::corrupt,
          cat("[checkpoint] f: not a safetensors file: expected at least 8 bytes, got ", length),
          [&] { parse(text); });
    } else if (length < 8 + kGood.size()) {
      expect_error(ErrorCode::corrupt,
                   cat("[checkpoint] f: header length: expected at most the ",
                       length - 8,
                       " bytes that follow, got ",
                       kGood.size()),
                   [&] { parse(text); });
    } else {
      expect_error_with(ErrorCode::corrupt,
                        "[checkpoint] f: cut short: expected 20 bytes of data, got ",
                        [&] { parse(text); });
    }
  }
}

TEST(Safetensors, RefusesHeaderLengths) {
  expect_error(ErrorCode::corrupt,
               "[checkpoint] f: header length: expected at most 100000000 bytes, got "
               "18446744073709551615",
               [] { parse(std::string(8, '\xff')); });
  expect_error(ErrorCode::corrupt,
               "[checkpoint] f: not a safetensors file: the header does not start with '{'",
               [] { parse(std::string(8, '\0')); });
}

TEST(Safetensors, RefusesWhatIsNotAJsonObject) {
  constexpr const char* kNotOne =
      "[checkpoint] f: not a safetensors file: the header does not start with '{'";
  for (const char* header : {"[]", "1", "\"{\"", " {}", "\xef\xbb\xbf{}"}) {
    expect_corrupt(header, 0, kNotOne);
  }
  expect_corrupt("{", 0, "[checkpoint] f: header: not valid JSON at byte 2");
  expect_corrupt("{}}", 0, "[checkpoint] f: header: not valid JSON at byte 3");
  expect_corrupt("{\"a\":}", 0, "[checkpoint] f: header: not valid JSON at byte 6");
  expect_corrupt("{\"a\xff\":{}}", 0, "[checkpoint] f: header: not valid JSON at byte 4");
  expect_corrupt("{\"a\":1e999}", 0, "[checkpoint] f: header: not valid JSON at byte 10");
  // some readers stop at a zero byte and never see the rest
  expect_corrupt(
      std::string_view("{}\0{}", 5), 0, "[checkpoint] f: header: not valid JSON at byte 3");
}

TEST(Safetensors, BoundsTheNesting) {
  std::string deep = R"({"a":{"x":)";
  deep.append(100'000, '[');
  expect_corrupt(deep, 0, "[checkpoint] f: header: JSON nested more than 16 deep");
  deep = "";
  for (int i = 0; i < 100'000; ++i) deep += R"({"a":)";
  expect_corrupt(deep, 0, "[checkpoint] f: header: JSON nested more than 16 deep");
}

TEST(Safetensors, RefusesWrongTypes) {
  expect_corrupt(R"({"a":3})", 0, "[checkpoint] f: a: expected an object, found the number 3");
  expect_corrupt(R"({"a":[1,[2]]})", 0, "[checkpoint] f: a: expected an object, found a list");
  expect_corrupt(R"({"__metadata__":{"x":1}})",
                 0,
                 "[checkpoint] f: __metadata__.x: expected a string, found the number 1");
  expect_corrupt(R"({"__metadata__":{"x":{}}})",
                 0,
                 "[checkpoint] f: __metadata__.x: expected a string, found an object");
  expect_corrupt(R"({"a":{"dtype":7,"shape":[1],"data_offsets":[0,1]}})",
                 1,
                 "[checkpoint] f: a: dtype: expected a string, found the number 7");
  const auto shape_message = [](std::string_view found) {
    return cat("[checkpoint] f: a: shape: expected a list of integers from 0 to 2^63 - 1, found ",
               found);
  };
  expect_corrupt(
      R"({"a":{"dtype":"I8","shape":1,"data_offsets":[0,1]}})", 1, shape_message("the number 1"));
  expect_corrupt(R"({"a":{"dtype":"I8","shape":[-1],"data_offsets":[0,1]}})",
                 1,
                 shape_message("the number -1"));
  expect_corrupt(R"({"a":{"dtype":"I8","shape":[1.5],"data_offsets":[0,1]}})",
                 1,
                 shape_message("the number 1.5"));
  expect_corrupt(R"({"a":{"dtype":"I8","shape":[18446744073709551615],"data_offsets":[0,1]}})",
                 1,
                 shape_message("the number 18446744073709551615"));
  expect_corrupt(R"({"a":{"dtype":"I8","shape":[99999999999999999999],"data_offsets":[0,1]}})",
                 1,
                 shape_message("the number 1e+20"));
  expect_corrupt(R"({"a":{"dtype":"I8","shape":["1",[2],{}],"data_offsets":[0,1]}})",
                 1,
                 shape_message("the string \"1\""));
}

TEST(Safetensors, RefusesMissingFields) {
  expect_corrupt(R"({"a":{}})",
                 0,
                 "[checkpoint] f: 3 problems: a: dtype is missing; a: shape is missing; a: "
                 "data_offsets is missing");
  expect_corrupt(R"({"a":{"dtype":"I8","shape":[1],"data_offsets":[0]}})",
                 1,
                 "[checkpoint] f: a: data_offsets: expected 2 numbers");
  expect_corrupt(R"({"a":{"dtype":"I8","shape":[1],"data_offsets":[0,1,2]}})",
                 1,
                 "[checkpoint] f: a: data_offsets: expected 2 numbers");
}

TEST(Safetensors, RefusesOverflowingShapes) {
  for (const char* shape : {"[9223372036854775807,9223372036854775807]",
                            "[4294967296,4294967296]",
                            "[2305843009213693952,8]",
                            "[9223372036854775807]"}) {
    expect_corrupt(cat(R"({"a":{"dtype":"F64","shape":)", shape, R"(,"data_offsets":[0,8]}})"),
                   8,
                   "[checkpoint] f: a: shape: the number of elements overflows");
  }
  const auto header = parse(raw_file(
      R"({"a":{"dtype":"F64","shape":[0,4294967296,4294967296],"data_offsets":[0,0]}})", 0));
  EXPECT_EQ(header.entries[0].byte_count(), 0u);
}

TEST(Safetensors, RefusesWrongRanges) {
  expect_corrupt(
      R"({"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,20]}})",
      20,
      "[checkpoint] f: a: data_offsets [0, 20): expected 24 bytes for F32 [2, 3], got 20");
  expect_corrupt(R"({"a":{"dtype":"I8","shape":[1],"data_offsets":[2,1]}})",
                 4,
                 "[checkpoint] f: a: data_offsets [2, 1): the end lies before the begin");
  expect_corrupt(
      R"({"a":{"dtype":"I8","shape":[1],"data_offsets":[4,5]}})",
      4,
      "[checkpoint] f: cut short: expected 5 bytes of data, got 4, so 1 tensor lies past the end");
  expect_corrupt(
      R"({"a":{"dtype":"I8","shape":[1],"data_offsets":[9223372036854775806,9223372036854775807]}})",
      4,
      "[checkpoint] f: cut short: expected 9223372036854775807 bytes of data, got 4, so 1 tensor "
      "lies past the end");
}

std::string three(const char* a, const char* b, const char* c) {
  return cat(R"({"a":{"dtype":"I8","shape":[4],"data_offsets":)",
             a,
             R"(},"b":{"dtype":"I8","shape":[4],"data_offsets":)",
             b,
             R"(},"c":{"dtype":"I8","shape":[4],"data_offsets":)",
             c,
             "}}");
}

TEST(Safetensors, RefusesOverlapsAndHoles) {
  EXPECT_EQ(parse(raw_file(three("[8,12]", "[0,4]", "[4,8]"), 12)).entries.size(), 3u);
  expect_corrupt(three("[0,4]", "[3,7]", "[7,11]"), 11, "[checkpoint] f: b overlaps a in the data");
  expect_corrupt(three("[0,4]", "[0,4]", "[4,8]"), 8, "[checkpoint] f: b overlaps a in the data");
  expect_corrupt(three("[0,4]", "[5,9]", "[9,13]"),
                 13,
                 "[checkpoint] f: 1 bytes of data before b belong to no tensor");
  expect_corrupt(three("[2,6]", "[6,10]", "[10,14]"),
                 14,
                 "[checkpoint] f: 2 bytes of data before a belong to no tensor");
  expect_corrupt(three("[0,4]", "[4,8]", "[8,12]"),
                 15,
                 "[checkpoint] f: the last 3 bytes of data belong to no tensor");
  expect_corrupt("{}", 5, "[checkpoint] f: the last 5 bytes of data belong to no tensor");
}

TEST(Safetensors, RefusesRepeatedKeys) {
  constexpr const char* kOne = R"("a":{"dtype":"I8","shape":[0],"data_offsets":[0,0]})";
  expect_corrupt(cat("{", kOne, ",", kOne, ",", kOne, "}"), 0, "[checkpoint] f: a is given twice");
  expect_corrupt(R"({"a":{"dtype":"I8","dtype":"I8","shape":[0],"data_offsets":[0,0]}})",
                 0,
                 "[checkpoint] f: a: dtype is given twice");
  expect_corrupt(
      R"({"__metadata__":{"k":"1","k":"2"}})", 0, "[checkpoint] f: __metadata__.k is given twice");
  expect_corrupt(
      R"({"__metadata__":{},"__metadata__":{}})", 0, "[checkpoint] f: __metadata__ is given twice");
}

TEST(Safetensors, NamesWhatItDoesNotSupport) {
  for (const char* dtype : {"F8_E4M3", "U16", "C64", "f16", ""}) {
    const std::string file =
        raw_file(cat(R"({"m.w":{"dtype":")", dtype, R"(","shape":[2],"data_offsets":[0,2]}})"), 2);
    expect_error(ErrorCode::unsupported,
                 cat("[checkpoint] f: m.w: dtype ", dtype, " is not supported"),
                 [&] { parse(file); });
  }
  expect_error(
      ErrorCode::unsupported,
      "[checkpoint] f: a: shape: more than 5 dimensions are not supported",
      [] {
        parse(raw_file(R"({"a":{"dtype":"I8","shape":[1,1,1,1,1,1],"data_offsets":[0,1]}})", 1));
      });
}

TEST(Safetensors, ListsTwentyProblemsAndCountsTheRest) {
  std::string header = "{";
  for (int i = 0; i < 25; ++i) {
    header += cat(i == 0 ? "" : ",", "\"t", i, R"(":{"dtype":"I8","shape":[1],"data_offsets":3})");
  }
  const std::string file = raw_file(header + "}", 0);
  try {
    parse(file);
    FAIL();
  } catch (const Error& error) {
    const std::string& text = error.message();
    EXPECT_TRUE(text.starts_with("[checkpoint] f: 25 problems: t0: data_offsets: expected"))
        << text;
    EXPECT_NE(text.find("t19:"), std::string::npos);
    EXPECT_EQ(text.find("t20:"), std::string::npos);
    EXPECT_TRUE(text.ends_with("; and 5 more")) << text;
  }
}

TEST(Safetensors, GivesUpAfterAThousandProblems) {
  std::string header = "{";
  for (int i = 0; i < 5000; ++i) header += cat(i == 0 ? "" : ",", "\"t", i, "\":3");
  const std::string file = raw_file(header + "}", 0);
  expect_error_with(ErrorCode::corrupt,
                    "[checkpoint] f: at least 1000 problems: t0: expected an object",
                    [&] { parse(file); });
  expect_error_with(ErrorCode::corrupt, "; and 980 more", [&] { parse(file); });
}

TEST(Safetensors, PrintsHostileNamesInOneLine) {
  const std::string file = raw_file(R"({"a\n\u001b[31m":3})", 0);
  expect_error(ErrorCode::corrupt,
               "[checkpoint] f: a??[31m: expected an object, found the number 3",
               [&] { parse(file); });
  const std::string longest = raw_file(cat("{\"", std::string(5000, 'x'), "\":3}"), 0);
  expect_error_with(ErrorCode::corrupt, "xxx...: expected an object", [&] { parse(longest); });
}

TEST(Safetensors, SurvivesEveryChangedByte) {
  const std::string file = raw_file(kGood, 20);
  for (std::size_t at = 0; at < file.size() - 20; ++at) {
    for (const int flip : {1, 2, 4, 8, 16, 32, 64, 128}) {
      std::string changed = file;
      changed[at] = static_cast<char>(changed[at] ^ flip);
      try {
        for (const TensorEntry& entry : parse(changed).entries) {
          EXPECT_EQ(entry.bytes.size(), entry.byte_count());
        }
      } catch (const Error& error) {
        EXPECT_TRUE(error.message().starts_with("[checkpoint] f: ")) << error.message();
      }
    }
  }
}

}  // namespace
}  // namespace sinter::checkpoint
