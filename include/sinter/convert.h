#pragma once
/// \file
/// Writes a model anew as safetensors: from PyTorch's files, in another floating-point type, in
/// shards, or one of its networks alone.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace sinter {

struct ConvertOptions {
  std::string variant = "auto";  ///< as in EngineOptions
  std::string config;            ///< as in EngineOptions
  /// "fp16", "bf16" or "fp32" for all floating-point tensors, "keep" for each one's own. Numbers
  /// are rounded to nearest, ties to even.
  std::string dtype = "keep";
  std::uint64_t max_shard_bytes = 0;  ///< of tensors in a file; 0 writes one file
  std::string component;              ///< "model", "vae" or "conditioner" alone; empty for all
  bool overwrite = false;             ///< replace files that are there
};

struct ConvertResult {
  std::vector<std::string> files;  ///< written, config.yaml included
  std::vector<std::string> notes;  ///< as in ModelInfo
  std::int64_t tensors = 0;
  std::uint64_t bytes = 0;  ///< of tensor data
};

/// Return false to cancel: nothing is left behind and ErrorCode::cancelled is raised.
using ConvertProgress = std::function<bool(std::uint64_t done, std::uint64_t total)>;

/// \param model whatever Engine takes. \param out a file NAME.safetensors, or a folder that then
/// holds a model in the official layout with its config.yaml. Files appear only when all of them
/// are complete. Raises ErrorCode::invalid_argument for an existing file (unless overwrite) and for
/// a number that the type cannot hold, naming the tensor and the value.
ConvertResult convert_model(const std::string& model,
                            const std::string& out,
                            const ConvertOptions& options = {},
                            const ConvertProgress& progress = {});

}  // namespace sinter
