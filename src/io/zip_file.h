#pragma once
// Zip archives in memory, compressed ones too, for the mesh formats that are archives (3MF, USDZ).
// minizip, which comes with zlib, does the work. The archives that PyTorch writes are never
// compressed and are read in place by checkpoint/zip_archive.h.

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/file.h"
#include "io/mesh_codecs.h"

namespace sinter::io {

class ZipReader {
 public:
  static bool recognises(std::span<const std::uint8_t> bytes);

  /// Lists the archive. Raises corrupt; unsupported above kMaxEntries. `source` must outlive it.
  explicit ZipReader(const MeshSource& source);
  ~ZipReader();
  ZipReader(const ZipReader&) = delete;
  ZipReader& operator=(const ZipReader&) = delete;

  static constexpr std::size_t kMaxEntries = 1 << 16;
  /// An entry may not grow beyond this multiple of the archive (plus a megabyte): text of numbers
  /// packs to a fifth, a bomb to a thousandth.
  static constexpr std::size_t kMaxRatio = 100;

  /// In the order of the archive.
  const std::vector<std::string>& names() const { return names_; }
  /// Index of the name, letters of either case (the Open Packaging Conventions want that), or
  /// names().size().
  std::size_t find(std::string_view name) const;

  /// Unpacks an entry and hands it over in pieces; `take` returns false to stop early. Raises
  /// corrupt, also where the checksum differs, and unsupported (encrypted, other compression).
  void read(std::size_t entry,
            const std::function<bool(std::span<const std::uint8_t>)>& take) const;
  /// The whole entry.
  Bytes read(std::size_t entry) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
  std::vector<std::string> names_;
};

/// Entries carry no date, so equal content gives equal bytes.
class ZipWriter {
 public:
  ZipWriter();
  ~ZipWriter();
  ZipWriter(const ZipWriter&) = delete;
  ZipWriter& operator=(const ZipWriter&) = delete;

  void add_deflated(const std::string& name, std::span<const std::uint8_t> bytes);
  /// Stored as it is, its first byte at a multiple of 64 in the archive.
  void add_aligned(const std::string& name, std::span<const std::uint8_t> bytes);
  Bytes finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sinter::io
