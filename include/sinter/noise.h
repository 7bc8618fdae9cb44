#pragma once
/// \file
/// Where a run's initial noise comes from.

#include <array>
#include <cstdint>

namespace sinter {

/// The random stream that a seed begins. Upstream draws its noise in half precision from a PyTorch
/// generator; the three torch kinds draw the same values, so that a seed means what it means there.
enum class Noise : std::uint8_t {
  philox,          ///< sinter's own: any machine, any size, fp32
  torch_cpu,       ///< torch.Generator("cpu"), PyTorch up to 2.12, which upstream was made with
  torch_cpu_fp32,  ///< torch.Generator("cpu"), PyTorch 2.13 and later: drawn in fp32, then rounded
  torch_cuda,      ///< torch.Generator("cuda"), any PyTorch, on a card with enough threads (below)
};
// torch_cuda: PyTorch gives each thread that the card can hold (multiprocessors times threads of
// each) elements of its own, so a card with fewer threads than there are latents, 64 times the
// model's latent tokens, draws another stream. This one is that of 270,336 threads (H100, H200),
// the same as any card's with at least 32,768 (512 tokens), 196,608 (3072) or 262,144 (4096)
// threads. The card's own sine and cosine are approximate: about one value in a hundred differs by
// a unit in the last place of half precision.

inline constexpr std::array kNoises = {
    Noise::philox, Noise::torch_cpu, Noise::torch_cpu_fp32, Noise::torch_cuda};

/// "philox", "torch-cpu", "torch-cpu-fp32", "torch-cuda".
const char* to_string(Noise noise);

}  // namespace sinter
