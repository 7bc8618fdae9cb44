#include "checkpoint/torch_file.h"

#include <algorithm>
#include <array>
#include <string>

#include "checkpoint/pickle.h"
#include "checkpoint/problems.h"
#include "checkpoint/zip_archive.h"
#include "core/error.h"

namespace sinter::checkpoint {

namespace {

using Bytes = std::span<const std::byte>;

/// Every storage is looked up below the folder, so its name must not be long.
constexpr std::size_t kLongestFolder = 256;

constexpr std::string_view kConvertHint =
    "; convert it with PyTorch: "
    "torch.save(torch.load('OLD', map_location='cpu', weights_only=True), 'NEW')";

std::string_view text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Raises the error for a file that is not a zip archive, saying what it seems to be.
[[noreturn]] void fail_not_zip(Bytes file, std::string_view label) {
  using namespace std::string_view_literals;
  const std::string_view text = text_of(file);
  // a pickle of protocol 2 that holds the magic number 0x1950a86a20f9469cfc6c
  if (text.starts_with("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e"sv)) {
    fail(ErrorCode::unsupported,
         "[checkpoint] ",
         label,
         ": the format of PyTorch before 1.6 is not supported",
         kConvertHint);
  }
  constexpr std::size_t kTarMagicAt = 257;
  if (text.size() > kTarMagicAt && text.substr(kTarMagicAt).starts_with("ustar")) {
    fail(ErrorCode::unsupported,
         "[checkpoint] ",
         label,
         ": a tar archive is not supported; unpack it, or if PyTorch before 0.2 wrote it, and you "
         "trust who did, convert it with PyTorch: "
         "torch.save(torch.load('OLD', map_location='cpu', weights_only=False), 'NEW')");
  }
  if (text.starts_with("version https://git-lfs")) {
    fail(ErrorCode::corrupt,
         "[checkpoint] ",
         label,
         ": only the placeholder of a file in Git LFS; fetch the file with: git lfs pull");
  }
  fail(ErrorCode::corrupt,
       "[checkpoint] ",
       label,
       ": expected a zip archive written by torch.save, got ",
       file.empty() ? "an empty file" : "something else");
}

/// The folder inside the archive, with its slash: torch takes it from the name of the file.
std::string find_folder(const ZipArchive& archive, std::string_view label) {
  constexpr std::string_view kPickle = "/data.pkl";
  const ZipEntry* found = nullptr;
  for (const ZipEntry& entry : archive.entries()) {
    if (!entry.name.ends_with(kPickle) ||
        entry.name.find('/') != entry.name.size() - kPickle.size()) {
      continue;
    }
    SINTER_CHECK(found == nullptr,
                 ErrorCode::corrupt,
                 "[checkpoint] ",
                 label,
                 ": expected one data.pkl, got ",
                 printable(found->name),
                 " and ",
                 printable(entry.name));
    found = &entry;
  }
  SINTER_CHECK(found != nullptr,
               ErrorCode::unsupported,
               "[checkpoint] ",
               label,
               ": a zip archive, but not one written by torch.save: it has no data.pkl");
  const std::string_view folder = found->name.substr(0, found->name.find('/') + 1);
  SINTER_CHECK(folder.size() <= kLongestFolder,
               ErrorCode::corrupt,
               "[checkpoint] ",
               label,
               ": the folder in the archive has a name of ",
               folder.size(),
               " bytes");
  return std::string(folder);
}

void check_byte_order(const ZipEntry& entry, std::string_view label) {
  constexpr std::size_t kLongest = 6;
  if (entry.bytes.size() <= kLongest) check_crc32(entry, label);
  const std::string_view order = text_of(entry.bytes);
  SINTER_CHECK(order == "little",
               order == "big" ? ErrorCode::unsupported : ErrorCode::corrupt,
               "[checkpoint] ",
               label,
               ": byteorder: expected little, got ",
               printable(order));
}

}  // namespace

bool is_torch_path(std::string_view path) {
  constexpr std::array<std::string_view, 4> kSuffixes = {".ckpt", ".bin", ".pt", ".pth"};
  return std::any_of(kSuffixes.begin(), kSuffixes.end(), [&](std::string_view suffix) {
    return path.ends_with(suffix);
  });
}

TorchTensors parse_torch_file(Bytes file, std::string_view label) {
  if (!ZipArchive::recognises(file)) fail_not_zip(file, label);
  try {
    const ZipArchive archive = ZipArchive::parse(file, label);
    const std::string folder = find_folder(archive, label);
    if (const ZipEntry* order = archive.find(folder + "byteorder")) check_byte_order(*order, label);
    const ZipEntry& pickle = *archive.find(folder + "data.pkl");
    // a pickle that is too long is refused unread
    if (pickle.bytes.size() <= kMaxPickleBytes) check_crc32(pickle, label);
    const auto find_storage = [&](std::string_view key) -> std::optional<Bytes> {
      const ZipEntry* entry = archive.find(cat(folder, "data/", key));
      return entry == nullptr ? std::nullopt : std::optional(entry->bytes);
    };
    return read_torch_state(pickle.bytes, find_storage, file.size(), label);
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::out_of_memory, "[checkpoint] ", label, ": out of memory");
  }
}

}  // namespace sinter::checkpoint
