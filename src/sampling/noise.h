#pragma once
// Initial noise of the sampler.

#include <cstdint>
#include <string_view>

#include "core/tensor.h"

namespace sinter::sampling {

enum class NoiseKind : std::uint8_t {
  philox,          ///< ours, on any machine: philox.h
  torch_cpu,       ///< upstream's under recent PyTorch releases: torch_noise.h
  torch_cpu_half,  ///< upstream's under earlier PyTorch releases: torch_noise.h
};

/// "philox", "torch-cpu" or "torch-cpu-half". Raises ErrorCode::invalid_argument for anything else.
NoiseKind parse_noise_kind(std::string_view text);
const char* to_string(NoiseKind kind);

/// Fills an f32 tensor of any shape with standard normal values, in row-major order.
void fill_noise(NoiseKind kind, std::uint64_t seed, const Tensor& out);

}  // namespace sinter::sampling
