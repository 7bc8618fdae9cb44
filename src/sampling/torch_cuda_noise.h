#pragma once
// The normal stream of PyTorch's CUDA generator: torch.randn(n, device="cuda", dtype=float32) after
// manual_seed(seed). Drawn in half precision it is the same values, rounded.
//
// Facts from ATen/native/cuda/DistributionTemplates.h and curand_normal.h of CUDA 13: a launch has
// blocks of 256 threads, as many blocks as there are elements / 256 (rounded up) but no more than
// the card holds at once. Thread t draws from Philox4x32-10 with key = seed and counter
// {draw, 0, t, 0}; component k = 0..3 of its draw d is element t + threads (4 d + k). So where
// every element has a thread of its own, the first component of its first draw is all that is used.
//
// A draw's words (0, 1) and (2, 3) become pairs: u = fma(word0, 2^-32, 2^-33) and angle =
// fma(word1, 2 pi 2^-32, pi 2^-32) in fp32, radius = sqrt(-2 ln u); sine first, then cosine. The
// card evaluates sine and cosine with its approximate instruction (2^-21 absolute), which is not
// imitated: values differ by up to 4e-6, of half-precision values about one in a hundred by one
// unit in the last place.

#include <cstdint>
#include <span>

namespace sinter::sampling {

/// Threads that an H100 or H200 holds at once: 132 multiprocessors of 2048.
inline constexpr std::uint32_t kTorchCudaThreads = 132 * 2048;

/// \param card_threads threads that the card holds at once, a positive multiple of 256. Any number
/// of values up to 2^31.
void fill_normal_torch_cuda(std::uint64_t seed, std::uint32_t card_threads, std::span<float> out);

}  // namespace sinter::sampling
