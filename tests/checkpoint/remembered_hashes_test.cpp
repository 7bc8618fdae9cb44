// Hashes that were remembered count for the very file that was hashed, and for no other.

#include "checkpoint/remembered_hashes.h"

#include <utime.h>

#include "checkpoint/checkpoint.h"
#include "checkpoint/support.h"

namespace sinter::checkpoint {
namespace {

const std::string kHash(64, 'a');
constexpr RememberedHashes::Options kAny{.least_bytes = 1, .settled_seconds = 0};

class RememberedHashesTest : public testing::Test {
 protected:
  TemporaryFolder folder_;
  std::string path_ = folder_.write("weights", "some bytes");
  RememberedHashes hashes_{folder_.file("notes/deeper"), kAny};
};

TEST_F(RememberedHashesTest, AreFoundForTheSameFile) {
  const auto file = MappedFile::open(path_);
  EXPECT_EQ(hashes_.find(*file), std::nullopt);
  hashes_.remember(*file, kHash);
  EXPECT_EQ(hashes_.find(*file), kHash);
  EXPECT_EQ(hashes_.find(*MappedFile::open(path_)), kHash);
  const auto other = MappedFile::open(folder_.write("other", "some bytes"));
  EXPECT_EQ(hashes_.find(*other), std::nullopt);
}

TEST_F(RememberedHashesTest, AreForgottenWithTheBytes) {
  const auto file = MappedFile::open(path_);
  struct stat before {};
  ASSERT_EQ(::stat(path_.c_str(), &before), 0);
  hashes_.remember(*file, kHash);
  // The same size, and the same time of change set by hand.
  folder_.write("weights", "SOME BYTES");
  const utimbuf times{before.st_atime, before.st_mtime};
  ASSERT_EQ(::utime(path_.c_str(), &times), 0);
  EXPECT_EQ(hashes_.find(*MappedFile::open(path_)), std::nullopt);
  EXPECT_EQ(hashes_.find(*file), std::nullopt) << "mapped before the change";
  // Another file under the name.
  const auto next = MappedFile::open(path_);
  hashes_.remember(*next, kHash);
  std::filesystem::rename(folder_.write("new", "SOME BYTES"), path_);
  EXPECT_EQ(hashes_.find(*MappedFile::open(path_)), std::nullopt);
  EXPECT_EQ(hashes_.find(*next), std::nullopt) << "no longer under its name";
}

TEST_F(RememberedHashesTest, NeitherSmallNorFreshFilesAreRemembered) {
  const auto file = MappedFile::open(path_);
  const RememberedHashes large(folder_.file("notes"), {.least_bytes = 11, .settled_seconds = 0});
  const RememberedHashes settled(folder_.file("notes"), {.least_bytes = 1, .settled_seconds = 60});
  const RememberedHashes nowhere("", kAny);
  for (const RememberedHashes* hashes : {&large, &settled, &nowhere}) {
    hashes->remember(*file, kHash);
    EXPECT_EQ(hashes->find(*file), std::nullopt);
  }
  EXPECT_FALSE(std::filesystem::exists(folder_.file("notes")));
}

TEST_F(RememberedHashesTest, WhatIsNoNoteCountsForNothing) {
  const auto file = MappedFile::open(path_);
  hashes_.remember(*file, kHash);
  std::string note;
  for (const auto& entry : std::filesystem::directory_iterator(folder_.file("notes/deeper"))) {
    note = entry.path().string();
  }
  std::ifstream in(note);
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  for (const std::string& bad : {std::string(),
                                 std::string("\xff\x00\n", 3),
                                 text.substr(0, 40),
                                 text.substr(1),
                                 "A" + text.substr(1),
                                 text.substr(0, text.size() - 2) + "\n",
                                 kHash}) {
    std::ofstream(note, std::ios::binary) << bad;
    EXPECT_EQ(hashes_.find(*file), std::nullopt) << bad;
  }
  std::filesystem::remove(note);
  std::filesystem::create_directory(note);
  hashes_.remember(*file, kHash);
  EXPECT_EQ(hashes_.find(*file), std::nullopt);
}

TEST(CheckpointHash, ReadsOnlyWhatIsNotRemembered) {
  const TemporaryFolder folder;
  const std::string header =
      R"({"w":{"dtype":"U8","shape":[67108864],"data_offsets":[0,67108864]}})";
  const std::string path = folder.write("large.safetensors", raw_file(header, 64u << 20));
  const std::string notes = folder.file("notes");
  const Checkpoint fresh = Checkpoint::open(path);
  const std::string hash = fresh.content_hash({}, notes);
  EXPECT_EQ(hash, fresh.content_hash());
  EXPECT_FALSE(std::filesystem::exists(notes)) << "changed a moment ago";
  // A note for this file, of a hash that no reading would give.
  RememberedHashes(notes, {.settled_seconds = 0}).remember(*MappedFile::open(path), kHash);
  int polls = 0;
  EXPECT_EQ(fresh.content_hash([&] { ++polls; }, notes), kHash);
  EXPECT_EQ(polls, 0);
}

}  // namespace
}  // namespace sinter::checkpoint
