#pragma once
// Random weights by the billion: fast, and the same for the same name.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/dtype.h"

namespace sinter::checkpoint {

/// The number that the values of a tensor begin with.
std::uint64_t random_start(std::string_view name, std::uint64_t seed);

/// Fills the elements of a floating dtype with values of this mean and deviation, rounded once.
/// Element i depends on `start` and i alone, so not on `threads`. Values are the sum of four
/// uniform ones (within 3.5 deviations, 1021 different ones), close to normal.
void fill_random(std::span<std::byte> out,
                 DType dtype,
                 std::uint64_t start,
                 double mean,
                 double deviation,
                 int threads);

/// The value that fill_random() gives element i with mean 0 and deviation 1, unrounded.
double random_value(std::uint64_t start, std::uint64_t i);

}  // namespace sinter::checkpoint
