#pragma once
// The container and the byte side of a glTF file: GLB chunks, data URIs, buffers in files beside
// it.

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "io/mesh_codecs.h"

namespace sinter::io {

struct GltfChunks {
  std::string_view json;
  std::span<const std::uint8_t> binary;
};

/// Splits a GLB into its chunks; a file without GLB's magic is taken as JSON.
GltfChunks split_glb(const MeshSource& source);

/// Loads what a uri names: "data:...;base64,..." or a file in the folder of the source or below
/// (neighbour_path()). Each uri is loaded once, and all of them together at most
/// limits.max_file_bytes.
class GltfBuffers {
 public:
  explicit GltfBuffers(const MeshSource& source) : source_(source) {}
  /// \param what for messages: "data", "texture"
  std::span<const std::uint8_t> load(const std::string& uri, std::string_view what);

 private:
  Bytes decode_data_uri(std::string_view uri) const;
  Bytes read_neighbour(const std::string& uri, std::string_view what) const;

  const MeshSource& source_;
  std::map<std::string, Bytes, std::less<>> loaded_;
  std::size_t total_ = 0;
};

}  // namespace sinter::io
