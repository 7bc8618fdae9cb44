#pragma once
// Writes safetensors files, byte for byte as the official library does for the same tensors.

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/buffer.h"
#include "core/dtype.h"
#include "core/shape.h"

namespace sinter::checkpoint {

/// What the header says of a tensor.
struct TensorSpec {
  std::string name;
  DType dtype = DType::f32;
  Shape shape;

  std::size_t byte_count() const {
    return static_cast<std::size_t>(shape.elements()) * size_of(dtype);
  }
};

/// A tensor to be written: row-major bytes that the caller keeps alive during the call.
struct TensorSource {
  std::string name;
  DType dtype = DType::f32;
  Shape shape;
  std::span<const std::byte> bytes;
};

/// The order of the data in a file, as indices: by element size, largest first, then by name. The
/// data starts at a multiple of 8, so every tensor is aligned to its element size. Raises
/// ErrorCode::invalid_argument for a repeated or reserved name.
std::vector<std::size_t> data_order(const std::vector<TensorSpec>& tensors);

/// Length and JSON of the header for that order, padded with spaces to a multiple of 8. Raises
/// ErrorCode::invalid_argument for a header past kMaxHeaderBytes.
std::string make_header(const std::vector<TensorSpec>& tensors,
                        const std::vector<std::size_t>& order,
                        const std::map<std::string, std::string>& metadata);

/// Writes beside `path` under a temporary name and renames, so that no half-written file is ever
/// seen; after an error nothing is left behind. Raises data_order()'s errors,
/// ErrorCode::invalid_argument for a byte count that does not match the shape, ErrorCode::io where
/// the system refuses (disk full, directory, permissions).
void write_safetensors(const std::string& path,
                       const std::vector<TensorSource>& tensors,
                       const std::map<std::string, std::string>& metadata = {});

/// The same bytes in memory; see Checkpoint::from_bytes().
Buffer to_safetensors(const std::vector<TensorSource>& tensors,
                      const std::map<std::string, std::string>& metadata = {});

}  // namespace sinter::checkpoint
