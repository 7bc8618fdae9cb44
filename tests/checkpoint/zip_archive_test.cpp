#include "checkpoint/zip_archive.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support.h"
#include "torch_builder.h"

namespace sinter::checkpoint {
namespace {

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::vector<ZipPart> three_parts() {
  std::vector<ZipPart> parts(3);
  parts[0].name = "m/data.pkl";
  parts[0].content = "not a pickle";
  parts[1].name = "m/empty";
  parts[2].name = "m/data/0";
  parts[2].content = std::string(100, '\x5a') + "PK\x05\x06 inside";
  return parts;
}

void expect_three(const std::string& file) {
  const ZipArchive archive = ZipArchive::parse(bytes_of(file), "good.zip");
  ASSERT_EQ(archive.entries().size(), 3u);
  for (const ZipPart& part : three_parts()) {
    const ZipEntry* entry = archive.find(part.name);
    ASSERT_NE(entry, nullptr) << part.name;
    EXPECT_EQ(text_of(entry->bytes), part.content);
    EXPECT_EQ(entry->crc32, slow_crc32(part.content));
    EXPECT_NO_THROW(check_crc32(*entry, "good.zip"));
  }
  EXPECT_EQ(archive.find("m/data/1"), nullptr);
  EXPECT_EQ(archive.find(""), nullptr);
  EXPECT_EQ(archive.entries()[0].name, "m/data.pkl");
  EXPECT_EQ(archive.entries()[1].name, "m/data/0");
}

// Every legal way of writing the same three entries.
TEST(ZipArchive, EveryFormOfAnEntry) {
  for (unsigned form = 0; form < 256; ++form) {
    SCOPED_TRACE(form);
    std::vector<ZipPart> parts = three_parts();
    for (ZipPart& part : parts) {
      part.descriptor = (form & 1) != 0;
      if ((form & 2) != 0) part.flags = 0;
      part.wide_descriptor = (form & 4) != 0;
      part.local_sizes = (form & 8) != 0;
      part.central64 = (form & 16) != 0;
      part.local64 = (form & 32) != 0 && (!part.descriptor || part.local_sizes);
      if ((form & 64) != 0) part.local_extra = "";
      if ((form & 128) != 0) part.comment = "PK\x01\x02";
    }
    expect_three(zip_file(parts));
  }
}

TEST(ZipArchive, EveryFormOfTheEnd) {
  for (unsigned form = 0; form < 8; ++form) {
    SCOPED_TRACE(form);
    ZipEnd end;
    end.zip64 = (form & 1) != 0;
    end.saturated = (form & 3) == 3;
    if ((form & 4) != 0)
      end.comment = "a comment that holds PK\x05\x06, which starts an end record";
    expect_three(zip_file(three_parts(), end));
  }
  expect_three(zip_file(three_parts(), {.comment = std::string(0xffff, 'c')}));
}

TEST(ZipArchive, NoEntries) {
  EXPECT_TRUE(ZipArchive::parse(bytes_of(zip_file({})), "empty.zip").entries().empty());
}

TEST(ZipArchive, Recognises) {
  EXPECT_TRUE(ZipArchive::recognises(bytes_of(zip_file(three_parts()))));
  for (const char* other : {"", "P", "PK\x03", "PK\x05\x06", "\x80\x02"}) {
    EXPECT_FALSE(ZipArchive::recognises(bytes_of(other)));
  }
}

TEST(ZipArchive, ChecksumOfTheContent) {
  std::string file = zip_file(three_parts());
  const ZipArchive archive = ZipArchive::parse(bytes_of(file), "bad.zip");
  file[file.find("pickle")] = 'n';
  expect_error(ErrorCode::corrupt,
               "[checkpoint] bad.zip: broken zip archive: m/data.pkl: the content does not match "
               "its checksum",
               [&] { check_crc32(*archive.find("m/data.pkl"), "bad.zip"); });

  // torch can be told to leave out checksums
  std::vector<ZipPart> parts = three_parts();
  parts[0].descriptor = false;
  parts[0].claimed_crc = 0;
  file = zip_file(parts);
  file.replace(14, 4, 4, '\0');
  const ZipArchive unchecked = ZipArchive::parse(bytes_of(file), "unchecked.zip");
  EXPECT_NO_THROW(check_crc32(*unchecked.find("m/data.pkl"), "unchecked.zip"));
}

struct Hostile {
  const char* what;
  std::vector<ZipPart> parts;
  ZipEnd end;
  ErrorCode code;
  std::string message;  // behind "[checkpoint] bad.zip: "
};

/// The three parts with one of them changed.
template <class Change>
std::vector<ZipPart> with(std::size_t index, Change change) {
  std::vector<ZipPart> parts = three_parts();
  change(parts[index]);
  return parts;
}

std::vector<Hostile> hostile_archives() {
  constexpr auto kCorrupt = ErrorCode::corrupt;
  constexpr auto kUnsupported = ErrorCode::unsupported;
  const std::string broken = "broken zip archive: ";
  const std::string contradict =
      broken + "m/data/0: directory and local header contradict each other";
  const auto lie = [](std::int64_t ZipEnd::*field, std::int64_t value, bool zip64) {
    ZipEnd end;
    end.zip64 = zip64;
    end.*field = value;
    return end;
  };
  // in the honest archive the directory reaches from byte 304 to byte 467
  return {
      {"deflated",
       with(0, [](ZipPart& p) { p.method = p.local_method = 8; }),
       {},
       kUnsupported,
       "zip archive: m/data.pkl: expected stored bytes as torch.save writes them, got compression "
       "method 8 (a TorchScript program, or packed by another tool)"},
      {"deflated, says the local header",
       with(2, [](ZipPart& p) { p.local_method = 8; }),
       {},
       kCorrupt,
       contradict},
      {"encrypted",
       with(0, [](ZipPart& p) { p.flags = 1; }),
       {},
       kUnsupported,
       "zip archive: m/data.pkl is encrypted"},
      {"another local name",
       with(2, [](ZipPart& p) { p.local_name = "m/data/1"; }),
       {},
       kCorrupt,
       contradict},
      {"repeated name",
       with(1, [](ZipPart& p) { p.name = "m/data.pkl"; }),
       {},
       kCorrupt,
       broken + "m/data.pkl is given twice"},
      {"a content that grows",
       with(2, [](ZipPart& p) { p.claimed_size = 1000, p.claimed_stored = 100; }),
       {},
       kCorrupt,
       broken + "m/data/0: 1000 bytes cannot be stored in 100"},
      {"a size past the data",
       with(2, [](ZipPart& p) { p.claimed_size = 1 << 30; }),
       {},
       kCorrupt,
       "zip entry is cut short: expected 1073741824 bytes at byte 44, got 127"},
      {"a size of 2^64 - 1",
       with(2, [](ZipPart& p) { p.central64 = true, p.claimed_size = INT64_MAX; }),
       {},
       kCorrupt,
       "zip entry is cut short: expected 9223372036854775807 bytes at byte 44, got 127"},
      {"a descriptor without signature",
       with(2, [](ZipPart& p) { p.descriptor_signature = false; }),
       {},
       kCorrupt,
       broken + "m/data/0: no data descriptor that matches the directory"},
      {"a size that hides the descriptor",
       with(2, [](ZipPart& p) { p.claimed_size = 5; }),
       {},
       kCorrupt,
       broken + "m/data/0: no data descriptor that matches the directory"},
      {"local sizes that differ",
       with(2, [](ZipPart& p) { p.descriptor = false, p.claimed_size = 5; }),
       {},
       kCorrupt,
       contradict},
      {"a checksum that differs",
       with(2, [](ZipPart& p) { p.claimed_crc = 5, p.local_sizes = true; }),
       {},
       kCorrupt,
       contradict},
      {"an offset into the middle",
       with(2, [](ZipPart& p) { p.claimed_offset = 1; }),
       {},
       kCorrupt,
       broken + "m/data/0: no entry at byte 1"},
      {"an offset past the end",
       with(2, [](ZipPart& p) { p.claimed_offset = 1 << 20; }),
       {},
       kCorrupt,
       broken + "m/data/0 lies behind the central directory"},
      {"an offset of 2^63 - 1",
       with(2, [](ZipPart& p) { p.central64 = true, p.claimed_offset = INT64_MAX; }),
       {},
       kCorrupt,
       broken + "m/data/0 lies behind the central directory"},
      {"a hole",
       with(2, [](ZipPart& p) { p.gap = "?"; }),
       {},
       kCorrupt,
       broken + "1 bytes in front of m/data/0 belong to no entry"},
      {"something in front",
       with(0, [](ZipPart& p) { p.gap = "#!/bin/sh"; }),
       {},
       kCorrupt,
       broken + "9 bytes in front of m/data.pkl belong to no entry"},
      {"something in front of the directory",
       three_parts(),
       {.front = "?"},
       kCorrupt,
       broken + "1 bytes belong to no entry"},
      {"other flags, says the local header",
       with(2, [](ZipPart& p) { p.local_flags = 1; }),
       {},
       kCorrupt,
       contradict},
      {"a directory that starts late",
       three_parts(),
       {.gap = "?"},
       kCorrupt,
       broken + "expected a central directory that ends at byte 468, got 163 bytes from byte 304"},
      {"zip64 sizes that are not there",
       with(1, [](ZipPart& p) { p.claimed_size = 0xffffffff; }),
       {},
       kCorrupt,
       broken + "m/empty: its zip64 extra field is missing"},
      {"too few entries",
       three_parts(),
       lie(&ZipEnd::count, 2, false),
       kCorrupt,
       broken + "54 bytes behind the last directory entry"},
      {"too many entries",
       three_parts(),
       lie(&ZipEnd::count, 4, false),
       kCorrupt,
       broken + "4 entries do not fit a directory of 163 bytes"},
      {"absurdly many entries",
       three_parts(),
       lie(&ZipEnd::count, 0xffff, false),
       kCorrupt,
       broken + "65535 entries do not fit a directory of 163 bytes"},
      {"a directory past the end",
       three_parts(),
       lie(&ZipEnd::offset, 1 << 30, false),
       kCorrupt,
       broken + "expected a central directory that ends at byte 467, got 163 bytes from byte "
                "1073741824"},
      {"a directory that is too long",
       three_parts(),
       lie(&ZipEnd::size, 1 << 30, false),
       kCorrupt,
       broken + "expected a central directory that ends at byte 467, got 1073741824 bytes from "
                "byte 304"},
      {"several disks",
       three_parts(),
       {.disk = 1},
       kUnsupported,
       "zip archive: spread over several disks"},
      {"several zip64 disks",
       three_parts(),
       lie(&ZipEnd::disks, 2, true),
       kUnsupported,
       "zip archive: spread over several disks"},
      {"2^62 zip64 entries",
       three_parts(),
       {.zip64 = true, .saturated = true, .count64 = std::int64_t{1} << 62},
       kCorrupt,
       broken + "4611686018427387904 entries do not fit a directory of 163 bytes"},
      {"zip64 entries that contradict",
       three_parts(),
       lie(&ZipEnd::count64, 2, true),
       kCorrupt,
       broken + "its two end records contradict"},
      {"a zip64 directory that overflows",
       three_parts(),
       {.zip64 = true, .saturated = true, .size64 = INT64_MAX, .offset64 = INT64_MAX},
       kCorrupt,
       broken + "expected a central directory that ends at byte 467, got 9223372036854775807 bytes "
                "from byte 9223372036854775807"},
      {"a zip64 record that is not there",
       three_parts(),
       lie(&ZipEnd::record_at, 8, true),
       kCorrupt,
       broken + "no zip64 end record at byte 8"},
      {"a zip64 record behind its locator",
       three_parts(),
       lie(&ZipEnd::record_at, INT64_MAX, true),
       kCorrupt,
       broken + "the zip64 end record lies behind its locator"},
      {"a zip64 record that overlaps its locator",
       three_parts(),
       lie(&ZipEnd::record_at, 467 + 55, true),
       kCorrupt,
       "zip64 end record is cut short: expected 4 bytes at byte 0, got 1"},
      {"a zip64 record of another size",
       three_parts(),
       lie(&ZipEnd::record_size, 45, true),
       kCorrupt,
       broken + "the zip64 end record does not reach to its locator"},
  };
}

TEST(ZipArchive, HostileArchives) {
  for (const Hostile& hostile : hostile_archives()) {
    SCOPED_TRACE(hostile.what);
    const std::string file = zip_file(hostile.parts, hostile.end);
    expect_error(hostile.code, "[checkpoint] bad.zip: " + hostile.message, [&] {
      ZipArchive::parse(bytes_of(file), "bad.zip");
    });
  }
}

TEST(ZipArchive, NotAnArchive) {
  for (const std::string& file : {std::string(), std::string("PK"), std::string(100000, 'x')}) {
    expect_error(ErrorCode::corrupt,
                 "[checkpoint] x: broken zip archive: no end record; the file is cut short or not "
                 "a zip archive",
                 [&] { ZipArchive::parse(bytes_of(file), "x"); });
  }
}

// Many directory entries for one content are how a zip bomb without compression is made.
TEST(ZipArchive, OverlappingEntries) {
  std::vector<ZipPart> parts(1);
  parts[0].name = "bomb";
  parts[0].content = std::string(10000, 'b');
  for (int i = 0; i < 1000; ++i) {
    ZipPart alias;
    alias.name = "bomb";
    alias.claimed_offset = 0;
    alias.claimed_size = 10000;
    alias.claimed_crc = slow_crc32(parts[0].content);
    parts.push_back(alias);
  }
  const std::string file = zip_file(parts);
  expect_error(ErrorCode::corrupt,
               "[checkpoint] bomb.zip: broken zip archive: bomb overlaps the entry in front of it",
               [&] { ZipArchive::parse(bytes_of(file), "bomb.zip"); });

  // an entry inside the content of another
  std::vector<ZipPart> nested(2);
  nested[1].name = "inner";
  nested[1].content = "inner content";
  nested[1].descriptor = false;
  nested[1].claimed_offset = 30 + 5 + 6;
  nested[0].name = "outer";
  nested[0].content =
      zip_file({{.name = "inner", .content = "inner content", .descriptor = false}});
  const std::string matryoshka = zip_file(nested);
  expect_error(ErrorCode::corrupt,
               "[checkpoint] bomb.zip: broken zip archive: inner overlaps the entry in front of it",
               [&] { ZipArchive::parse(bytes_of(matryoshka), "bomb.zip"); });
}

// More than a 16-bit count, as a model of very many tensors has; and more than the reader accepts.
TEST(ZipArchive, ManyEntries) {
  std::vector<ZipPart> parts(70000);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    parts[i] = {.name = std::to_string(i), .content = "c", .local_extra = ""};
  }
  const std::string file = zip_file(parts, {.zip64 = true, .saturated = true});
  const ZipArchive archive = ZipArchive::parse(bytes_of(file), "many.zip");
  EXPECT_EQ(archive.entries().size(), parts.size());
  EXPECT_NE(archive.find("69999"), nullptr);
}

/// What must hold for any file that is accepted, whatever was done to it: no byte of the file is
/// given out twice, so the contents cannot be larger than the file.
void expect_sound(const ZipArchive& archive, const std::string& file) {
  std::vector<bool> given(file.size(), false);
  for (const ZipEntry& entry : archive.entries()) {
    for (const std::byte& byte : entry.bytes) {
      const auto at = static_cast<std::size_t>(reinterpret_cast<const char*>(&byte) - file.data());
      ASSERT_LT(at, file.size());
      ASSERT_FALSE(given[at]);
      given[at] = true;
    }
  }
}

TEST(ZipArchive, TruncatedAnywhere) {
  for (const bool zip64 : {false, true}) {
    const std::string whole = zip_file(three_parts(), {.zip64 = zip64});
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const std::string file = whole.substr(0, size);
      EXPECT_THROW(ZipArchive::parse(bytes_of(file), "cut.zip"), Error) << size;
    }
  }
}

// A change outside of the contents is an error or changes nothing.
TEST(ZipArchive, EveryByteFlipped) {
  for (const bool zip64 : {false, true}) {
    const std::string whole = zip_file(three_parts(), {.zip64 = zip64, .saturated = zip64});
    for (std::size_t at = 0; at < whole.size(); ++at) {
      for (const int flip : {1, 2, 4, 8, 16, 32, 64, 128, 255}) {
        std::string file = whole;
        file[at] = static_cast<char>(file[at] ^ flip);
        try {
          const ZipArchive archive = ZipArchive::parse(bytes_of(file), "flipped.zip");
          expect_sound(archive, file);
          EXPECT_EQ(archive.entries().size(), 3u);
          for (const ZipPart& part : three_parts()) {
            const ZipEntry* entry = archive.find(part.name);
            ASSERT_NE(entry, nullptr);
            const auto begin = static_cast<std::size_t>(
                reinterpret_cast<const char*>(entry->bytes.data()) - file.data());
            const bool inside = at >= begin && at < begin + part.content.size();
            EXPECT_TRUE(inside || text_of(entry->bytes) == part.content) << at;
          }
        } catch (const Error& error) {
          EXPECT_TRUE(error.code() == ErrorCode::corrupt || error.code() == ErrorCode::unsupported);
        }
      }
    }
  }
}

}  // namespace
}  // namespace sinter::checkpoint
