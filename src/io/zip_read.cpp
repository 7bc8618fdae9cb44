#include <minizip/unzip.h>

#include <algorithm>
#include <array>

#include "io/zip_file.h"
#include "io/zip_memory.h"

namespace sinter::io {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_letters(std::string_view a, std::string_view b) {
  return std::equal(
      a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

struct ZipReader::State {
  explicit State(const MeshSource& file) : source(file) { memory.read = file.bytes; }
  ~State() {
    if (zip != nullptr) unzClose(zip);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  const MeshSource& source;
  ZipMemory memory;
  unzFile zip = nullptr;
  std::vector<unz64_file_pos> places;
};

bool ZipReader::recognises(std::span<const std::uint8_t> bytes) {
  static constexpr std::array<std::uint8_t, 4> kEntry = {'P', 'K', 3, 4};
  return bytes.size() >= 4 && std::equal(kEntry.begin(), kEntry.end(), bytes.begin());
}

ZipReader::ZipReader(const MeshSource& source) : state_(std::make_unique<State>(source)) {
  zlib_filefunc64_def functions = state_->memory.functions();
  state_->zip = unzOpen2_64("", &functions);
  if (state_->zip == nullptr) {
    source.refuse(ErrorCode::corrupt, "the zip archive is damaged or cut short");
  }
  for (int status = unzGoToFirstFile(state_->zip); status != UNZ_END_OF_LIST_OF_FILE;
       status = unzGoToNextFile(state_->zip)) {
    if (names_.size() == kMaxEntries) {
      source.refuse(ErrorCode::unsupported, "more than ", kMaxEntries, " files in the archive");
    }
    std::array<char, 512> name{};
    unz_file_info64 info;
    unz64_file_pos place;
    if (status != UNZ_OK ||
        unzGetCurrentFileInfo64(
            state_->zip, &info, name.data(), name.size() - 1, nullptr, 0, nullptr, 0) != UNZ_OK ||
        unzGetFilePos64(state_->zip, &place) != UNZ_OK) {
      source.refuse(ErrorCode::corrupt, "the directory of the zip archive is damaged");
    }
    names_.emplace_back(name.data());
    state_->places.push_back(place);
  }
}

ZipReader::~ZipReader() = default;

std::size_t ZipReader::find(std::string_view name) const {
  const auto found = std::find_if(
      names_.begin(), names_.end(), [&](const std::string& n) { return same_letters(n, name); });
  return static_cast<std::size_t>(found - names_.begin());
}

void ZipReader::read(std::size_t entry,
                     const std::function<bool(std::span<const std::uint8_t>)>& take) const {
  const MeshSource& source = state_->source;
  const std::string name = printable(names_[entry]);
  unz_file_info64 info;
  if (unzGoToFilePos64(state_->zip, &state_->places[entry]) != UNZ_OK ||
      unzGetCurrentFileInfo64(state_->zip, &info, nullptr, 0, nullptr, 0, nullptr, 0) != UNZ_OK) {
    source.refuse(ErrorCode::corrupt, name, ": damaged in the zip archive");
  }
  const bool encrypted = (info.flag & 1) != 0;
  if (encrypted || (info.compression_method != 0 && info.compression_method != Z_DEFLATED)) {
    source.refuse(ErrorCode::unsupported,
                  name,
                  encrypted ? ": is encrypted" : ": is packed in another way than deflate");
  }
  if (unzOpenCurrentFile(state_->zip) != UNZ_OK) {
    source.refuse(ErrorCode::corrupt, name, ": damaged in the zip archive");
  }
  const std::size_t limit =
      std::min(source.limits.max_file_bytes, (1 << 20) + kMaxRatio * source.bytes.size());
  std::vector<std::uint8_t> piece(1 << 16);
  std::size_t total = 0;
  for (;;) {
    const int count =
        unzReadCurrentFile(state_->zip, piece.data(), static_cast<unsigned>(piece.size()));
    if (count == 0) break;
    if (count < 0) {
      unzCloseCurrentFile(state_->zip);
      source.refuse(ErrorCode::corrupt, name, ": damaged in the zip archive");
    }
    total += static_cast<std::size_t>(count);
    if (total > limit) {
      unzCloseCurrentFile(state_->zip);
      source.refuse(ErrorCode::unsupported, name, ": unpacks to more than ", limit, " bytes");
    }
    if (!take({piece.data(), static_cast<std::size_t>(count)})) {
      unzCloseCurrentFile(state_->zip);
      return;
    }
  }
  if (unzCloseCurrentFile(state_->zip) != UNZ_OK || total != info.uncompressed_size) {
    source.refuse(ErrorCode::corrupt, name, ": its checksum or length is wrong");
  }
}

Bytes ZipReader::read(std::size_t entry) const {
  Bytes all;
  read(entry, [&](std::span<const std::uint8_t> piece) {
    all.insert(all.end(), piece.begin(), piece.end());
    return true;
  });
  return all;
}

}  // namespace sinter::io
