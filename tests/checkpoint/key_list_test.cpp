// The text form of key lists, and the lists of the official checkpoints against published figures.

#include "checkpoint/key_list.h"

#include "checkpoint/checkpoint.h"
#include "checkpoint/published.h"
#include "checkpoint/support.h"

namespace sinter::checkpoint {
namespace {

TEST(KeyList, ExpandsRangesAndWords) {
  const auto entries = parse_key_list("# comment\n\nx.{0..2}.{a,b}.w F16 2,3\ny BF16 -\n", "list");
  ASSERT_EQ(entries.size(), 7u);
  std::vector<std::string> names;
  for (const TensorEntry& entry : entries) names.push_back(entry.name);
  EXPECT_EQ(names,
            (std::vector<std::string>{
                "x.0.a.w", "x.1.a.w", "x.2.a.w", "x.0.b.w", "x.1.b.w", "x.2.b.w", "y"}));
  EXPECT_EQ(entries[0].shape, (Shape{2, 3}));
  EXPECT_EQ(entries[6].shape, Shape{});
  EXPECT_EQ(entries[6].dtype, DType::bf16);
}

TEST(KeyList, NamesTheLineOfAnError) {
  const auto expect = [](std::string_view text, std::string_view problem) {
    SCOPED_TRACE(text);
    expect_error(ErrorCode::corrupt, cat("[key_list] f: line 2: ", problem), [&] {
      parse_key_list(cat("ok F32 1\n", text), "f");
    });
  };
  expect("x F16", "expected \"name dtype shape\"");
  expect("x F99 1", "unknown dtype F99");
  expect("x F16 1,-2", "not an extent: -2");
  expect("x F16 1,", "not an extent: ");
  expect("x{0..1 F16 1", "braces do not match");
  expect("x}0{ F16 1", "braces do not match");
  expect("x{3..1} F16 1", "not a range: {3..1}");
  expect("x{0..} F16 1", "not a range: {0..}");
  expect("x{0..9999999} F16 1", "not a range: {0..9999999}");
  expect("x{0..999}{0..999} F16 1", "more than 100000 tensors");
}

/// Bytes of the file that the official library writes for these tensors, computed from its format
/// here, apart from the writer of this room.
std::size_t file_bytes(const Checkpoint& checkpoint) {
  std::string json = "{";
  std::size_t offset = 0;
  for (const TensorEntry& entry : checkpoint.entries()) {
    std::string shape = entry.shape.str();
    std::erase(shape, ' ');
    json += cat(json.size() > 1 ? "," : "", "\"", entry.name, "\":{\"dtype\":\"F16\",\"shape\":");
    json += cat(shape, ",\"data_offsets\":[", offset, ",", offset + entry.byte_count(), "]}");
    offset += entry.byte_count();
  }
  json += "}";
  return 8 + (json.size() + 7) / 8 * 8 + offset;
}

TEST(KeyList, EveryReleasedCheckpointHasItsPublishedSize) {
  int sizes = 0;
  const std::vector<PublishedCheckpoint> all = published_checkpoints();
  EXPECT_EQ(all.size(), 17u);
  for (const PublishedCheckpoint& one : all) {
    SCOPED_TRACE(one.folder);
    if (!one.bytes) continue;
    ++sizes;
    EXPECT_EQ(file_bytes(one.outline()), *one.bytes);
  }
  EXPECT_EQ(sizes, 6);
}

TEST(KeyList, ListsHaveTheNumbersOfTheArchitecture) {
  struct Numbers {
    const char* list;
    std::size_t tensors, parameters;
  };
  for (const Numbers& numbers : {
           Numbers{"v2-0", 1645, 2'463'968'065},
           Numbers{"v2-0-turbo", 1649, 2'465'280'833},
           Numbers{"v2-mini", 1325, 1'909'889'857},
           Numbers{"v2-mini-turbo", 1329, 1'911'202'625},
           Numbers{"vae-v2-0", 266, 214'212'865},
           Numbers{"vae-v2-mini-turbo", 262, 203'690'497},
           Numbers{"vae-v2-0-withencoder", 410, 214'212'865 + 113'533'312},
       }) {
    SCOPED_TRACE(numbers.list);
    const Checkpoint outline = PublishedCheckpoint{{}, numbers.list, {}}.outline();
    EXPECT_EQ(outline.entries().size(), numbers.tensors);
    EXPECT_EQ(outline.total_elements(), numbers.parameters);
  }
}

}  // namespace
}  // namespace sinter::checkpoint
