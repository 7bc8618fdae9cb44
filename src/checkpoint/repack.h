#pragma once
// Writes a model anew: from any file that is read to safetensors, in another floating-point type,
// in shards, one component alone.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/model_source.h"
#include "core/dtype.h"

namespace sinter::checkpoint {

struct RepackOptions {
  /// Type for all floating-point tensors; nothing keeps each one's. Others are kept always.
  std::optional<DType> dtype = {};
  /// Bytes of tensors in a file at most, except for a tensor that is larger; 0 writes one file.
  std::uint64_t max_shard_bytes = 0;
  /// "model", "vae" or "conditioner": only that one, under its own names, without the prefix, which
  /// is how stand-alone networks are published; empty for everything.
  std::string component = {};
  /// Replace files that are there.
  bool overwrite = false;
};

struct RepackResult {
  std::vector<std::string> files;  ///< written, config.yaml included
  std::size_t tensors = 0;
  std::uint64_t bytes = 0;  ///< of tensor data
};

/// Called after each few megabytes, with bytes of the source; false cancels.
using RepackProgress = std::function<bool(std::uint64_t done, std::uint64_t total)>;

/// Where `out` ends with .safetensors that file is written, or, in shards, files of its name with
/// -00001-of-00003 and NAME.safetensors.index.json. Anything else is a folder in the official
/// layout, made where it is missing: model.fp16.safetensors where every floating-point tensor is
/// f16, else model.safetensors, and config.yaml: the source's file, unchanged; the derived one; or,
/// for a component, its section.
///
/// Names are the official ones, metadata is kept. Nothing appears under its name before everything
/// is written. Besides headers it holds a few megabytes in memory, and what Checkpoint::open() had
/// to copy.
///
/// Raises ErrorCode::invalid_argument for an existing file without `overwrite`, a folder that holds
/// other model files, an unknown component, or a number that the type cannot hold (naming tensor,
/// place and value); not_found for a component that is not there; cancelled; io.
RepackResult repack(const ModelSource& source,
                    const std::string& out,
                    const RepackOptions& options,
                    const RepackProgress& progress = {});

}  // namespace sinter::checkpoint
