#include "io/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "io/test_util.h"

namespace sinter::io {
namespace {

namespace fs = std::filesystem;
using test::bytes_of;
using test::error_of;
using test::expect_error;
using test::TemporaryFolder;

std::string text_in(const fs::path& path) {
  const Bytes bytes = read_file(path, "test", 1 << 20);
  return std::string(bytes.begin(), bytes.end());
}

TEST(AtomicFile, WritesWhatReadFileReads) {
  const TemporaryFolder folder;
  Bytes bytes;
  for (int i = 0; i < 300'001; ++i) bytes.push_back(static_cast<std::uint8_t>(i * 37 + i / 251));
  write_file_atomically(folder / "a.bin", bytes);
  EXPECT_EQ(read_file(folder / "a.bin", "test", bytes.size()), bytes);
  EXPECT_EQ(folder.entries(), 1);
}

TEST(AtomicFile, FollowsTheUmaskAndKeepsThePermissionsOfAReplacedFile) {
  const TemporaryFolder folder;
  const mode_t before = ::umask(027);
  write_file_atomically(folder / "new", "x");
  ::umask(before);
  struct stat status {};
  ASSERT_EQ(::stat((folder / "new").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640u);
  ASSERT_EQ(::chmod((folder / "new").c_str(), 0604), 0);
  write_file_atomically(folder / "new", "longer than before");
  ASSERT_EQ(::stat((folder / "new").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0604u);
  EXPECT_EQ(text_in(folder / "new"), "longer than before");
}

TEST(AtomicFile, LeavesTheOldFileWithoutCommit) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a", "old");
  {
    AtomicFile file(folder / "a");
    file.write("new");
    EXPECT_EQ(folder.entries(), 2);
    EXPECT_EQ(text_in(folder / "a"), "old");
  }
  EXPECT_EQ(folder.entries(), 1);
  EXPECT_EQ(text_in(folder / "a"), "old");
}

TEST(AtomicFile, ReplacesWhatASymbolicLinkLeadsTo) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "deep");
  write_file_atomically(folder / "deep/real", "old");
  fs::create_symlink("deep/real", folder / "link");
  write_file_atomically(folder / "link", "new");
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  EXPECT_EQ(text_in(folder / "deep/real"), "new");
  fs::create_symlink("nowhere", folder / "dangling");
  const std::string name = (folder / "dangling").string();
  expect_error(ErrorCode::not_found, "[output] " + name + ": is a symbolic link to nothing", [&] {
    write_file_atomically(name, "x");
  });
}

TEST(AtomicFile, WritesThroughDevicesAndPipes) {
  const TemporaryFolder folder;
  check_writable("/dev/null");
  write_file_atomically("/dev/null", "x");
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
  const fs::path pipe = folder / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  check_writable(pipe);
  std::thread writer([&] { write_file_atomically(pipe, "through"); });
  EXPECT_EQ(text_in(pipe), "through");
  writer.join();
  EXPECT_TRUE(fs::is_fifo(pipe));
  EXPECT_EQ(folder.entries(), 1);
}

TEST(AtomicFile, EachRefusalSaysWhy) {
  const TemporaryFolder folder;
  const auto refuse = [&](ErrorCode code, const fs::path& path, const std::string& why) {
    const std::string message = "[output] " + path.string() + ": " + why;
    expect_error(code, message, [&] { write_file_atomically(path, "x"); });
    expect_error(code, message, [&] { check_writable(path); });
  };
  const std::string root = folder.path().string();
  refuse(ErrorCode::invalid_argument, root, "is a directory; expected a file name");
  refuse(ErrorCode::invalid_argument, root + "/", "is a directory; expected a file name");
  refuse(ErrorCode::not_found, root + "/no/a.glb", "the folder " + root + "/no does not exist");
  write_file_atomically(folder / "file", "x");
  refuse(ErrorCode::not_found, root + "/file/a.glb", root + "/file is not a folder");
  ASSERT_EQ(::chmod((folder / "file").c_str(), 0444), 0);
  refuse(ErrorCode::io, root + "/file", "is read-only");
  expect_error(
      ErrorCode::invalid_argument, "[output] the path is empty", [] { check_writable(""); });
  const Error error = error_of([&] { check_writable(folder / std::string(300, 'n')); });
  EXPECT_NE(error.message().find("File name too long"), std::string::npos);
  EXPECT_EQ(folder.entries(), 1);
}

TEST(AtomicFile, NamesAsLongAsTheFileSystemAllows) {
  const TemporaryFolder folder;
  const std::string name(255, 'n');
  check_writable(folder / name);
  EXPECT_EQ(folder.entries(), 0);
  write_file_atomically(folder / name, "x");
  EXPECT_EQ(text_in(folder / name), "x");
}

TEST(AtomicFile, ReportsAFolderThatIsNotWritable) {
  if (::geteuid() == 0) GTEST_SKIP() << "the super-user may write everywhere";
  const TemporaryFolder folder;
  fs::create_directory(folder / "locked");
  ASSERT_EQ(::chmod((folder / "locked").c_str(), 0555), 0);
  const std::string path = (folder / "locked/a.glb").string();
  expect_error(ErrorCode::io,
               "[output] " + path + ": the folder " + (folder / "locked").string() +
                   " is not writable (Permission denied)",
               [&] { check_writable(path); });
}

TEST(AtomicFile, ReportsAFullDevice) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full";
  expect_error(ErrorCode::io, "[output] /dev/full: the disk is full (No space left on device)", [] {
    write_file_atomically("/dev/full", "x");
  });
}

/// Runs `body` in a child process that may change its limits and mounts; returns its exit status.
int in_child(const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 200;
}

TEST(AtomicFile, LeavesNothingBehindWhenTheDiskFillsUp) {
  constexpr int kNoMount = 77;
  const TemporaryFolder folder;
  const int status = in_child([&] {
    // Root may mount; others get the right in a user namespace of their own, where there are such.
    const bool allowed = ::geteuid() == 0 ? ::unshare(CLONE_NEWNS) == 0
                                          : ::unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0;
    if (!allowed || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", folder.path().c_str(), "tmpfs", 0, "size=64k") != 0) {
      return kNoMount;
    }
    write_file_atomically(folder / "a.glb", "old");
    try {
      write_file_atomically(folder / "a.glb", Bytes(1 << 20, 7));
      return 1;
    } catch (const Error& error) {
      if (error.message() != "[output] " + (folder / "a.glb").string() +
                                 ": the disk is full (No space left on device)") {
        return 2;
      }
    }
    if (text_in(folder / "a.glb") != "old" || folder.entries() != 1) return 3;
    // Filled to the last block: known before the run.
    try {
      AtomicFile file(folder / "filler");
      while (true) file.write(Bytes(4096, 1));
    } catch (const Error&) {
    }
    const int filler = ::open((folder / "filler").c_str(), O_WRONLY | O_CREAT, 0600);
    const Bytes block(4096, 1);
    while (::write(filler, block.data(), block.size()) > 0) {
    }
    try {
      check_writable(folder / "b.glb");
      return 4;
    } catch (const Error& error) {
      if (error.message().find("the disk is full") == std::string::npos) return 5;
    }
    return folder.entries() == 2 ? 0 : 6;
  });
  if (status == kNoMount) GTEST_SKIP() << "no right to mount a small file system";
  EXPECT_EQ(status, 0);
}

TEST(AtomicFile, LeavesNothingBehindWhenAWriteFails) {
  const TemporaryFolder folder;
  const int status = in_child([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{8192, 8192};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    try {
      write_file_atomically(folder / "a.glb", Bytes(1 << 20, 7));
      return 1;
    } catch (const Error& error) {
      return folder.entries() == 0 && error.code() == ErrorCode::io ? 0 : 2;
    }
  });
  EXPECT_EQ(status, 0);
}

TEST(ReadFile, EachRefusalSaysWhy) {
  const TemporaryFolder folder;
  const std::string root = folder.path().string();
  expect_error(ErrorCode::not_found, "[image] " + root + "/no.png: no such file", [&] {
    read_file(root + "/no.png", "image", 100);
  });
  expect_error(ErrorCode::invalid_argument,
               "[image] " + root + ": is a directory; expected a file",
               [&] { read_file(root, "image", 100); });
  write_file_atomically(folder / "five", "12345");
  EXPECT_EQ(read_file(folder / "five", "image", 5), bytes_of("12345"));
  expect_error(ErrorCode::unsupported,
               "[image] " + root + "/five: longer than the limit of 4 bytes",
               [&] { read_file(folder / "five", "image", 4); });
  write_file_atomically(folder / "empty", "");
  EXPECT_TRUE(read_file(folder / "empty", "image", 0).empty());
}

TEST(ReadFile, TakesAtMostTheLimitFromAnEndlessDevice) {
  expect_error(ErrorCode::unsupported,
               "[image] /dev/zero: longer than the limit of 1000000 bytes",
               [] { read_file("/dev/zero", "image", 1'000'000); });
}

TEST(Printable, KeepsAMessageOnOneLine) {
  EXPECT_EQ(printable("a\nb\x1b[31m.png"), "a?b?[31m.png");
  EXPECT_EQ(printable("bän k.png"), "bän k.png");
}

}  // namespace
}  // namespace sinter::io
