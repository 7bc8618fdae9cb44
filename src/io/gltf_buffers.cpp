#include "io/gltf_buffers.h"

#include <cstring>

#include "io/neighbour.h"

namespace sinter::io {
namespace {

constexpr std::uint32_t kJsonChunk = 0x4e4f534a;
constexpr std::uint32_t kBinaryChunk = 0x004e4942;
constexpr std::size_t kGlbHeader = 12;
constexpr std::size_t kChunkHeader = 8;

std::uint32_t little_endian(std::span<const std::uint8_t> bytes, std::size_t offset) {
  return std::uint32_t{bytes[offset]} | std::uint32_t{bytes[offset + 1]} << 8 |
         std::uint32_t{bytes[offset + 2]} << 16 | std::uint32_t{bytes[offset + 3]} << 24;
}

/// Value of a base64 digit, -1 for anything else.
int base64_digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  if (c == '/') return 63;
  return -1;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Replaces %20 and its like.
std::string percent_decoded(std::string_view uri) {
  std::string text;
  for (std::size_t i = 0; i < uri.size(); ++i) {
    const int high = uri[i] == '%' && i + 2 < uri.size() ? hex_digit(uri[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(uri[i + 2]) : -1;
    text.push_back(low >= 0 ? static_cast<char>(high * 16 + low) : uri[i]);
    if (low >= 0) i += 2;
  }
  return text;
}

}  // namespace

GltfChunks split_glb(const MeshSource& source) {
  auto bytes = source.bytes;
  if (!source.text().starts_with("glTF")) return {source.text(), {}};
  if (bytes.size() < kGlbHeader + kChunkHeader) source.refuse_early();
  const std::uint32_t version = little_endian(bytes, 4);
  if (version != 2) {
    source.refuse(ErrorCode::unsupported, "GLB version ", version, "; expected 2");
  }
  const std::uint32_t length = little_endian(bytes, 8);
  if (length > bytes.size()) source.refuse_early();
  bytes = bytes.first(length);
  GltfChunks chunks;
  std::size_t offset = kGlbHeader;
  for (int i = 0; offset + kChunkHeader <= bytes.size(); ++i) {
    const std::size_t size = little_endian(bytes, offset);
    const std::uint32_t type = little_endian(bytes, offset + 4);
    offset += kChunkHeader;
    if (size > bytes.size() - offset) source.refuse_early();
    if (i == 0 && type != kJsonChunk) {
      source.refuse(ErrorCode::corrupt, "the first GLB chunk is not JSON");
    }
    // Chunks of other types and later ones belong to extensions.
    if (i == 0) chunks.json = {reinterpret_cast<const char*>(bytes.data() + offset), size};
    if (i == 1 && type == kBinaryChunk) chunks.binary = bytes.subspan(offset, size);
    offset += size;
  }
  if (chunks.json.data() == nullptr) source.refuse(ErrorCode::corrupt, "the GLB has no JSON chunk");
  return chunks;
}

std::span<const std::uint8_t> GltfBuffers::load(const std::string& uri, std::string_view what) {
  const auto known = loaded_.find(uri);
  if (known != loaded_.end()) return known->second;
  Bytes bytes = uri.starts_with("data:") ? decode_data_uri(uri) : read_neighbour(uri, what);
  total_ += bytes.size();
  if (total_ > source_.limits.max_file_bytes) {
    source_.refuse(ErrorCode::unsupported,
                   "buffers longer than the limit of ",
                   source_.limits.max_file_bytes,
                   " bytes");
  }
  return loaded_.emplace(uri, std::move(bytes)).first->second;
}

Bytes GltfBuffers::decode_data_uri(std::string_view uri) const {
  const std::size_t comma = uri.find(',');
  if (comma == std::string_view::npos || !uri.substr(0, comma).ends_with(";base64")) {
    source_.refuse(ErrorCode::unsupported, "a data URI is not base64");
  }
  std::string_view digits = uri.substr(comma + 1);
  while (!digits.empty() && digits.back() == '=') digits.remove_suffix(1);
  Bytes bytes;
  bytes.reserve(digits.size() / 4 * 3 + 3);
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : digits) {
    const int digit = base64_digit(c);
    if (digit < 0) source_.refuse(ErrorCode::corrupt, "a data URI is not base64");
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    bytes.push_back(static_cast<std::uint8_t>(bits >> held));
  }
  return bytes;
}

Bytes GltfBuffers::read_neighbour(const std::string& uri, std::string_view what) const {
  return read_file(neighbour_path(source_, source_.folder, percent_decoded(uri), what),
                   "mesh",
                   source_.limits.max_file_bytes);
}

}  // namespace sinter::io
