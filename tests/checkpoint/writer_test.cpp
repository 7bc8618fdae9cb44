// The writer against the official library's bytes, and against files that cannot be written.

#include "checkpoint/writer.h"

#include <sys/resource.h>

#include <csignal>
#include <cstring>

#include "checkpoint/checkpoint.h"
#include "checkpoint/support.h"

namespace sinter::checkpoint {
namespace {

const std::string kOfficial = SINTER_SOURCE_DIR "/tests/checkpoint/data/official.safetensors";

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<TensorSource> sources_of(const Checkpoint& checkpoint) {
  std::vector<TensorSource> sources;
  for (const TensorEntry& entry : checkpoint.entries()) {
    sources.push_back({entry.name, entry.dtype, entry.shape, entry.bytes});
  }
  return sources;
}

TEST(Writer, WritesTheBytesOfTheOfficialLibrary) {
  const Checkpoint official = Checkpoint::open(kOfficial);
  const TemporaryFolder folder;
  write_safetensors(folder.file("copy.safetensors"), sources_of(official), official.metadata());
  EXPECT_EQ(read_file(folder.file("copy.safetensors")), read_file(kOfficial));
  const Buffer memory = to_safetensors(sources_of(official), official.metadata());
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(memory.data()), memory.size()),
            read_file(kOfficial));
}

TEST(Writer, AlignsEveryTensorToItsElement) {
  RandomTensors tensors;
  tensors.add("a", {3}, DType::i8).add("b", {5}, DType::f16).add("c", {3}, DType::f32);
  tensors.add("d", {1}, DType::i64).add("e", {1}, DType::boolean);
  const Checkpoint checkpoint = Checkpoint::from_bytes(tensors.file(), "memory");
  for (const TensorEntry& entry : checkpoint.entries()) {
    // a Buffer starts at a multiple of 64
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(entry.bytes.data()) % size_of(entry.dtype), 0u)
        << entry.name;
  }
}

TEST(Writer, RefusesWrongTensors) {
  const std::string four = "1234";
  const auto write = [&](std::vector<TensorSource> tensors) { to_safetensors(tensors); };
  const TensorSource good{"a", DType::f32, {1}, bytes_of(four)};
  TensorSource bad = good;
  bad.shape = {2};
  expect_error(ErrorCode::invalid_argument, "[checkpoint] a: expected 8 bytes, got 4", [&] {
    write({bad});
  });
  expect_error(ErrorCode::invalid_argument, "[checkpoint] a: is to be written twice", [&] {
    write({good, good});
  });
  bad = good;
  bad.name = "__metadata__";
  expect_error(ErrorCode::invalid_argument,
               "[checkpoint] __metadata__: a tensor cannot have this name",
               [&] { write({bad}); });
  bad.name = "a\xff";
  expect_error(ErrorCode::invalid_argument,
               "[checkpoint] a\xff: expected a name in UTF-8, got other bytes",
               [&] { write({bad}); });
}

std::size_t files_in(const TemporaryFolder& folder) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    ++count;
  }
  return count;
}

TEST(Writer, LeavesNothingBehindAfterAnError) {
  const TemporaryFolder folder;
  RandomTensors tensors;
  tensors.add("a", {100'000});
  const std::string missing = folder.file("none/x.safetensors");
  expect_error(ErrorCode::io,
               cat("[checkpoint] ", missing, ": cannot write: No such file or directory"),
               [&] { write_safetensors(missing, tensors.sources()); });
  const std::string directory = folder.file("d.safetensors");
  std::filesystem::create_directory(directory);
  expect_error(ErrorCode::io,
               cat("[checkpoint] ", directory, ": cannot write: exists and is not a regular file"),
               [&] { write_safetensors(directory, tensors.sources()); });
  EXPECT_EQ(files_in(folder), 1u);  // the directory
}

TEST(Writer, ReportsAFullDisk) {
  // A limit on the file size stands in for a full disk: the same path through a short write.
  const TemporaryFolder folder;
  RandomTensors tensors;
  tensors.add("a", {100'000});
  const std::string path = folder.write("x.safetensors", "old content");
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit limited = before;
  limited.rlim_cur = 4096;
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limited), 0);
  expect_error(ErrorCode::io, cat("[checkpoint] ", path, ": cannot write: File too large"), [&] {
    write_safetensors(path, tensors.sources());
  });
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_EQ(read_file(path), "old content");
  EXPECT_EQ(files_in(folder), 1u);
}

}  // namespace
}  // namespace sinter::checkpoint
