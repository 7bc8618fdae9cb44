// Opening files, directories and sharded checkpoints, right and wrong.

#include "checkpoint/checkpoint.h"

#include <sys/stat.h>

#include <cstring>

#include "checkpoint/support.h"

namespace sinter::checkpoint {
namespace {

const std::string kOfficial = SINTER_SOURCE_DIR "/tests/checkpoint/data/official.safetensors";

template <class T>
std::vector<T> values(const TensorEntry& entry) {
  std::vector<T> result(entry.elements());
  std::memcpy(result.data(), entry.bytes.data(), entry.bytes.size());
  return result;
}

TEST(Checkpoint, ReadsAFileOfTheOfficialLibrary) {
  const Checkpoint official = Checkpoint::open(kOfficial);
  EXPECT_EQ(official.entries().size(), 13u);
  EXPECT_EQ(official.metadata().at("format"), "pt");
  EXPECT_EQ(official.files(), std::vector<std::string>{kOfficial});
  EXPECT_EQ(official.config_path(), "");
  EXPECT_EQ(official.total_elements(), 63u);
  EXPECT_EQ(official.total_bytes(), 208u);
  EXPECT_EQ(official.dtypes().size(), 10u);
  EXPECT_TRUE(official.has_data());

  // values as data/make_official.py makes them: (3 j + i + 1) / 8 for the i-th dtype
  const auto eighths = [](int i) {
    std::vector<float> expected;
    for (int j = 0; j < 6; ++j) expected.push_back(static_cast<float>(3 * j + i + 1) / 8.0f);
    return expected;
  };
  const char* floating[] = {"f64", "f32", "f16", "bf16"};
  for (int i = 0; i < 4; ++i) {
    const TensorEntry* entry = official.find(cat("layers.", i, ".", floating[i]));
    ASSERT_NE(entry, nullptr);
    EXPECT_EQ(entry->shape, (Shape{2, 3}));
    std::vector<float> got(6);
    convert_to_float(entry->bytes.data(), entry->dtype, got.data(), 6);
    EXPECT_EQ(got, eighths(i));
  }
  EXPECT_EQ(values<std::int64_t>(*official.find("layers.4.i64")),
            (std::vector<std::int64_t>{5, 8, 11, 14, 17, 20}));
  EXPECT_EQ(values<std::uint8_t>(*official.find("layers.9.bool")),
            (std::vector<std::uint8_t>{0, 1, 0, 1, 0, 1}));
  EXPECT_EQ(official.find("scalar")->shape, Shape{});
  EXPECT_EQ(official.find("nothing")->shape, (Shape{3, 0, 2}));
  EXPECT_NE(official.find("quoted \"name\"\\\xc3\xbc"), nullptr);
  EXPECT_EQ(official.find("layers.4"), nullptr);
  EXPECT_EQ(official.with_prefix("layers.").size(), 10u);
  EXPECT_EQ(official.with_prefix("layers.1.").size(), 1u);
  EXPECT_TRUE(official.with_prefix("z").empty());
}

TEST(Checkpoint, HashesTheBytesOfTheFile) {
  // sha256sum tests/checkpoint/data/official.safetensors
  EXPECT_EQ(Checkpoint::open(kOfficial).content_hash(),
            "7b76c2290b53721ed243a99871f9d7a0613a28ab8a0a12b98291bc031f13e448");
}

TEST(Checkpoint, EntriesOutliveTheirFirstOwner) {
  const TemporaryFolder folder;
  RandomTensors tensors;
  tensors.add("w", {300, 70});
  const std::string path = folder.file("x.safetensors");
  write_safetensors(path, tensors.sources());
  auto first = std::make_unique<Checkpoint>(Checkpoint::open(path));
  const Checkpoint second = *first;
  const TensorEntry* entry = first->find("w");
  first.reset();
  std::filesystem::remove(path);
  EXPECT_EQ(std::memcmp(entry->bytes.data(), tensors.values("w").data(), entry->bytes.size()), 0);
  second.drop_pages(*entry);  // the content stays
  EXPECT_EQ(std::memcmp(entry->bytes.data(), tensors.values("w").data(), entry->bytes.size()), 0);
}

TEST(Checkpoint, NamesWhatCannotBeOpened) {
  const TemporaryFolder folder;
  const auto open = [&](const std::string& path) { Checkpoint::open(path); };
  std::string path = folder.file("none.safetensors");
  expect_error(ErrorCode::not_found,
               cat("[checkpoint] ", path, ": cannot open: No such file or directory"),
               [&] { open(path); });
  path = folder.write("empty.safetensors", "");
  expect_error(
      ErrorCode::corrupt,
      cat("[checkpoint] ", path, ": not a safetensors file: expected at least 8 bytes, got 0"),
      [&] { open(path); });
  path = folder.write("picture.png", "PNG");
  expect_error(ErrorCode::unsupported,
               cat("[checkpoint] ",
                   path,
                   ": expected a .safetensors, .ckpt, .bin, .pt or .pth file, an .index.json or a "
                   "model directory"),
               [&] { open(path); });
  path = folder.file("d.safetensors");
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  expect_error(ErrorCode::invalid_argument,
               cat("[checkpoint] ", path, ": expected a regular file, got a device or pipe"),
               [&] { open(path); });
}

TEST(Checkpoint, ChoosesTheModelFileOfADirectory) {
  const TemporaryFolder folder;
  RandomTensors tensors;
  tensors.add("w", {2});
  const auto open = [&](const Variant& variant = {}) {
    return Checkpoint::open(folder.path(), variant);
  };
  expect_error(ErrorCode::not_found,
               cat("[checkpoint] ",
                   folder.path(),
                   ": no model file, looked for model.fp16.safetensors, "
                   "model.fp16.safetensors.index.json, model.safetensors.index.fp16.json, "
                   "model.safetensors, model.safetensors.index.json, model.fp16.ckpt, model.ckpt, "
                   "model.fp16.bin, model.bin"),
               [&] { open(); });
  write_safetensors(folder.file("model.safetensors"), tensors.sources());
  EXPECT_EQ(open().path(), folder.file("model.safetensors"));
  EXPECT_EQ(open().config_path(), "");
  write_safetensors(folder.file("model.fp16.safetensors"), tensors.sources());
  folder.write("config.yaml", "model: {}\n");
  EXPECT_EQ(open().path(), folder.file("model.fp16.safetensors"));
  EXPECT_EQ(open("").path(), folder.file("model.safetensors"));
  EXPECT_EQ(open("fp16").path(), folder.file("model.fp16.safetensors"));
  expect_error(ErrorCode::not_found,
               cat("[checkpoint] ",
                   folder.path(),
                   ": no model file, looked for model.bf16.safetensors, "
                   "model.bf16.safetensors.index.json, model.safetensors.index.bf16.json, "
                   "model.bf16.ckpt, model.bf16.bin, there are: model.fp16.safetensors, "
                   "model.safetensors"),
               [&] { open("bf16"); });
  EXPECT_EQ(parse_variant("auto"), std::nullopt);
  EXPECT_EQ(parse_variant("none"), "");
  EXPECT_EQ(parse_variant("fp16"), "fp16");
  for (const char* wrong : {"", "a/b", "..x\n"}) EXPECT_THROW(parse_variant(wrong), Error);
  EXPECT_EQ(open().config_path(), folder.file("config.yaml"));
  // a path without the slash at its end
  const std::string bare = folder.path().substr(0, folder.path().size() - 1);
  EXPECT_EQ(Checkpoint::open(bare).path(), folder.file("model.fp16.safetensors"));
  // the configuration belongs to the file as well
  EXPECT_EQ(Checkpoint::open(folder.file("model.safetensors")).config_path(),
            folder.file("config.yaml"));
}

/// Two shards: "one" with a and b, "two" with c.
class Sharded : public testing::Test {
 protected:
  Sharded() {
    one_.add("a", {2, 3}, DType::f16).add("b", {4});
    two_.add("c", {5});
    write_safetensors(folder_.file("one.safetensors"), one_.sources());
    write_safetensors(folder_.file("two.safetensors"), two_.sources());
  }
  std::string index(std::string_view map) {
    return folder_.write(
        "model.safetensors.index.json",
        cat(R"({"metadata":{"total_size":48,"weight_map":3},"weight_map":{)", map, "}}"));
  }
  void expect_problem(std::string_view map, std::string_view message, ErrorCode code) {
    SCOPED_TRACE(map);
    const std::string path = index(map);
    expect_error(code, cat("[checkpoint] ", path, ": ", message), [&] { Checkpoint::open(path); });
  }

  static constexpr std::string_view kMap =
      R"("a":"one.safetensors","c":"two.safetensors","b":"one.safetensors")";
  TemporaryFolder folder_;
  RandomTensors one_, two_;
};

TEST_F(Sharded, JoinsTheShards) {
  index(kMap);
  const Checkpoint checkpoint = Checkpoint::open(folder_.path());
  EXPECT_EQ(checkpoint.path(), folder_.file("model.safetensors.index.json"));
  ASSERT_EQ(checkpoint.entries().size(), 3u);
  EXPECT_EQ(checkpoint.entries()[2].name, "c");
  EXPECT_EQ(checkpoint.files()[checkpoint.entries()[2].file], folder_.file("two.safetensors"));
  EXPECT_EQ(std::memcmp(checkpoint.find("c")->bytes.data(), two_.values("c").data(), 20), 0);
  EXPECT_EQ(checkpoint.total_bytes(), 48u);
}

TEST_F(Sharded, HashesTheListingOfTheShards) {
  index(kMap);
  const std::string hash = Checkpoint::open(folder_.path()).content_hash();
  const std::string listing = cat(Checkpoint::open(folder_.file("one.safetensors")).content_hash(),
                                  "  one.safetensors\n",
                                  Checkpoint::open(folder_.file("two.safetensors")).content_hash(),
                                  "  two.safetensors\n");
  // written to a file, the listing is hashed as a plain file would be
  EXPECT_EQ(hash.size(), 64u);
  const std::string listed = folder_.write("listing", listing);
  FILE* pipe = ::popen(cat("sha256sum ", listed).c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  char text[65] = {};
  ASSERT_EQ(std::fread(text, 1, 64, pipe), 64u);
  ::pclose(pipe);
  EXPECT_EQ(hash, text);
}

TEST_F(Sharded, ReportsEveryDisagreement) {
  expect_problem(R"("a":"one.safetensors","b":"one.safetensors")"
                 R"(,"c":"two.safetensors","d":"two.safetensors")",
                 "d: not in two.safetensors, where the index puts it",
                 ErrorCode::corrupt);
  expect_problem(R"("a":"one.safetensors","c":"two.safetensors")",
                 "b: in one.safetensors but not in the index",
                 ErrorCode::corrupt);
  expect_problem(R"("a":"two.safetensors","b":"one.safetensors","c":"one.safetensors")",
                 "2 problems: a: not in two.safetensors, where the index puts it; c: not in "
                 "one.safetensors, where the index puts it",
                 ErrorCode::corrupt);
  write_safetensors(folder_.file("two.safetensors"), RandomTensors().add("b", {4}).sources());
  expect_problem(R"("a":"one.safetensors","b":"two.safetensors")",
                 "b: in both one.safetensors and two.safetensors",
                 ErrorCode::corrupt);
}

TEST_F(Sharded, ReportsMissingAndBrokenShards) {
  std::filesystem::remove(folder_.file("one.safetensors"));
  expect_problem(kMap,
                 cat(folder_.file("one.safetensors"), ": cannot open: No such file or directory"),
                 ErrorCode::not_found);
  folder_.write("two.safetensors", "12345");
  expect_problem(kMap,
                 cat("2 problems: ",
                     folder_.file("one.safetensors"),
                     ": cannot open: No such file or directory; ",
                     folder_.file("two.safetensors"),
                     ": not a safetensors file: expected at least 8 bytes, got 5"),
                 ErrorCode::corrupt);
}

TEST_F(Sharded, RefusesBrokenIndices) {
  const auto bad_value = [](std::string_view found) {
    return cat("weight_map.a: expected a file name without a folder, found ", found);
  };
  for (const char* name : {"../one.safetensors", "/etc/passwd", "..", "", "a\\nb"}) {
    std::string shown = name == std::string_view("a\\nb") ? "a?b" : name;
    expect_problem(cat(R"("a":")", name, "\""),
                   bad_value(cat("the string \"", shown, "\"")),
                   ErrorCode::corrupt);
  }
  expect_problem(R"("a":3)", bad_value("the number 3"), ErrorCode::corrupt);
  expect_problem(R"("a":[])", bad_value("a list"), ErrorCode::corrupt);
  expect_problem(R"("a":{"b":{}})", bad_value("an object"), ErrorCode::corrupt);
  expect_problem(R"("a":"one.safetensors","a":"one.safetensors")",
                 "weight_map.a is given twice",
                 ErrorCode::corrupt);
  const auto whole = [&](std::string_view text, std::string_view message) {
    const std::string path = folder_.write("model.safetensors.index.json", text);
    expect_error(ErrorCode::corrupt, cat("[checkpoint] ", path, ": ", message), [&] {
      Checkpoint::open(path);
    });
  };
  constexpr const char* kNone = "no weight_map: not the index of a sharded checkpoint";
  for (const char* text : {"{}", "[]", "3", R"({"weight_map":[]})", R"([{"weight_map":{}}])"}) {
    whole(text, kNone);
  }
  whole("", "not valid JSON at byte 1");
  whole(R"({"weight_map":{},"weight_map":{}})", "weight_map is given twice");
}

TEST(Outline, HasNamesAndShapesOnly) {
  std::vector<TensorEntry> entries(2);
  entries[0] = {"b", DType::f16, {2, 3}, {}};
  entries[1] = {"a", DType::f32, {4}, {}};
  const Checkpoint outline = Checkpoint::outline(entries, "list");
  EXPECT_FALSE(outline.has_data());
  EXPECT_EQ(outline.entries()[0].name, "a");
  EXPECT_EQ(outline.total_bytes(), 28u);
  expect_error(ErrorCode::internal, "[checkpoint] list: has no data to hash", [&] {
    outline.content_hash();
  });
  entries[1].name = "b";
  expect_error(ErrorCode::invalid_argument, "[checkpoint] list: b is given twice", [&] {
    Checkpoint::outline(entries, "list");
  });
}

}  // namespace
}  // namespace sinter::checkpoint
