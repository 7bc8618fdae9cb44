#pragma once
// The safetensors format: 8 bytes of little-endian header length n, n bytes of JSON, then the data.
// The JSON maps each tensor name to {"dtype", "shape", "data_offsets": [begin, end)}, offsets
// counted from the start of the data; "__metadata__" maps strings to strings.
// Format: https://github.com/huggingface/safetensors (README, "Format").

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/dtype.h"
#include "core/shape.h"

namespace sinter::checkpoint {

/// Longest header that is read, the limit of the official reader.
inline constexpr std::size_t kMaxHeaderBytes = 100'000'000;

/// One tensor of a checkpoint: what the header says, and where its bytes are.
struct TensorEntry {
  std::string name;
  DType dtype = DType::f32;
  Shape shape;
  /// Row-major, little-endian, not necessarily aligned. Points into the file's mapping.
  std::span<const std::byte> bytes;
  /// Index into Checkpoint::files().
  std::uint32_t file = 0;

  std::size_t elements() const { return static_cast<std::size_t>(shape.elements()); }
  /// Bytes of the data; also right where `bytes` is empty because there is no data.
  std::size_t byte_count() const { return elements() * size_of(dtype); }
};

struct SafetensorsHeader {
  std::vector<TensorEntry> entries;  ///< sorted by name
  std::map<std::string, std::string> metadata;
};

/// Reads the header of a whole file and checks every field: known dtype, shape without negative or
/// overflowing extents, at most Shape::kMaxRank of them, byte count equal to shape times dtype, and
/// offsets that cover the data section exactly once (no overlap, no hole, nothing behind the last).
/// `label` names the file in messages. Raises ErrorCode::corrupt with all problems in one line, or
/// ErrorCode::unsupported where the only problems are dtypes or ranks that sinter does not know.
SafetensorsHeader parse_safetensors(std::span<const std::byte> file, std::string_view label);

/// "F16", "BOOL", ...: the name of a dtype in the header.
std::string_view safetensors_name(DType dtype);

}  // namespace sinter::checkpoint
