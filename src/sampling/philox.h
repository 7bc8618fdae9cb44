#pragma once
// Philox4x32-10, a counter-based random generator: every value is a pure function of (seed, stream,
// index), so any number of threads draws the same numbers and nothing has to be replayed.
//
// Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011.

#include <array>
#include <cstdint>
#include <span>

namespace sinter::sampling {

/// The block function: 128 counter bits and 64 key bits to 128 random bits.
std::array<std::uint32_t, 4> philox4x32_10(std::array<std::uint32_t, 4> counter,
                                           std::array<std::uint32_t, 2> key);

/// Standard normal values. Block b (counter = {b low, b high, stream low, stream high}, key =
/// {seed low, seed high}) gives elements 4b .. 4b+3 by the Box-Muller transform of its word pairs
/// (0, 1) and (2, 3): u = (word + 1/2) / 2^32, radius = sqrt(-2 ln u0), angle = 2 pi u1; cosine
/// first, then sine; evaluated in double and rounded once. Values lie within +-6.7.
void fill_normal_philox(std::uint64_t seed, std::uint64_t stream, std::span<float> out);

}  // namespace sinter::sampling
