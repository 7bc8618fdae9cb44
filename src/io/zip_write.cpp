#include <minizip/zip.h>

#include <algorithm>
#include <array>

#include "core/error.h"
#include "io/zip_file.h"
#include "io/zip_memory.h"

namespace sinter::io {
namespace {

/// Lengths and offsets of the plain format have 32 bits; USDZ allows no other.
constexpr std::uint64_t kMostBytes = 0xfff00000u;

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kLocalHeader = 30;
/// The extra field that pads: two bytes of id, two of length. The id is that of OpenUSD's writer.
constexpr std::size_t kExtraHeader = 4;
constexpr std::array<char, 2> kExtraId = {'\x86', '\x19'};

}  // namespace

struct ZipWriter::State {
  ~State() {
    if (zip != nullptr) zipClose(zip, nullptr);
  }

  void check(bool good) const {
    if (memory.out_of_memory) fail(ErrorCode::out_of_memory, "[mesh] no memory for the archive");
    SINTER_CHECK(good, ErrorCode::internal, "[mesh] zip archive: not encoded");
  }

  void add(const std::string& name,
           std::span<const std::uint8_t> bytes,
           std::span<const char> extra,
           int method) {
    SINTER_CHECK(memory.written.size() + bytes.size() < kMostBytes,
                 ErrorCode::unsupported,
                 "[mesh] zip archive: expected less than 4 GiB of content");
    // 1980-01-01, the first day that the format knows; version 2.0, regular file.
    zip_fileinfo info = {{0, 0, 0, 0, 0, 0}, (1 << 5) | 1, 0, 0};
    check(zipOpenNewFileInZip4_64(zip,
                                  name.c_str(),
                                  &info,
                                  extra.data(),
                                  static_cast<unsigned>(extra.size()),
                                  nullptr,
                                  0,
                                  nullptr,
                                  method,
                                  method == 0 ? 0 : Z_DEFAULT_COMPRESSION,
                                  0,
                                  -MAX_WBITS,
                                  DEF_MEM_LEVEL,
                                  Z_DEFAULT_STRATEGY,
                                  nullptr,
                                  0,
                                  20,
                                  0,
                                  0) == ZIP_OK);
    constexpr std::size_t kPiece = std::size_t{1} << 30;
    for (std::size_t at = 0; at < bytes.size(); at += kPiece) {
      const auto count = static_cast<unsigned>(std::min(kPiece, bytes.size() - at));
      check(zipWriteInFileInZip(zip, bytes.data() + at, count) == ZIP_OK);
    }
    check(zipCloseFileInZip(zip) == ZIP_OK);
  }

  ZipMemory memory;
  zipFile zip = nullptr;
};

ZipWriter::ZipWriter() : state_(std::make_unique<State>()) {
  state_->memory.writing = true;
  zlib_filefunc64_def functions = state_->memory.functions();
  state_->zip = zipOpen2_64("", APPEND_STATUS_CREATE, nullptr, &functions);
  state_->check(state_->zip != nullptr);
}

ZipWriter::~ZipWriter() = default;

void ZipWriter::add_deflated(const std::string& name, std::span<const std::uint8_t> bytes) {
  state_->add(name, bytes, {}, Z_DEFLATED);
}

void ZipWriter::add_aligned(const std::string& name, std::span<const std::uint8_t> bytes) {
  const std::size_t begin =
      state_->memory.written.size() + kLocalHeader + name.size() + kExtraHeader;
  std::vector<char> extra(kExtraHeader + (kAlignment - begin % kAlignment) % kAlignment);
  std::copy(kExtraId.begin(), kExtraId.end(), extra.begin());
  extra[2] = static_cast<char>(extra.size() - kExtraHeader);
  state_->add(name, bytes, extra, 0);
}

Bytes ZipWriter::finish() {
  const zipFile zip = std::exchange(state_->zip, nullptr);
  state_->check(zipClose(zip, nullptr) == ZIP_OK);
  return std::move(state_->memory.written);
}

}  // namespace sinter::io
