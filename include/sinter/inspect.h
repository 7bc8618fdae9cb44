#pragma once
/// \file
/// What a checkpoint holds, and what this machine offers, without running anything.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace sinter {

struct ComponentInfo {
  std::string name;  ///< "model", "vae", "conditioner", ...
  std::int64_t tensors = 0;
  std::int64_t parameters = 0;
  std::uint64_t bytes = 0;
  std::string dtypes;  ///< "f16" or "f16, f32"
};

struct ModelInfo {
  std::string path;     ///< of the weights
  std::string family;   ///< "Hunyuan3D 2.0", ...
  std::string variant;  ///< "base", "mini", "custom size", ...
  std::vector<std::pair<std::string, std::string>>
      sizes;  ///< facts in words: ("DiT hidden size", "1024")
  std::vector<ComponentInfo> components;
  std::vector<std::string> notes;  ///< what was taken for granted: a configuration derived from the
                                   ///< weights, with every assumed value; names of other programs
  std::vector<std::string>
      missing;  ///< what cannot be done for want of tensors or keys; empty where complete
  std::int64_t tensors = 0;
  std::int64_t parameters = 0;
  std::uint64_t bytes = 0;
};

/// `model`, `variant` and `config` are those of Engine and EngineOptions. Raises
/// ErrorCode::not_found, corrupt or unsupported.
ModelInfo inspect_model(const std::string& model,
                        const std::string& variant = "auto",
                        const std::string& config = {});

struct MachineFact {
  std::string name;
  std::string value;
  bool ok = true;  ///< false: something is missing or will be slow; `value` says what to do
};

/// Cores, vector units, memory, accelerators and libraries, and where each stage would run.
std::vector<MachineFact> examine_machine();

}  // namespace sinter
