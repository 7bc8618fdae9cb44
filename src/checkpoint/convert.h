#pragma once
// Fast conversion of weights to f32, with the check that they are numbers.

#include <cstddef>
#include <cstdint>

#include "checkpoint/safetensors.h"
#include "core/dtype.h"

namespace sinter::checkpoint {

/// Converts `count` elements of a floating dtype to float; exact for f16, bf16 and f32, rounded to
/// nearest for f64. `src` needs no alignment. Returns the index of the first element that is
/// infinite or NaN as a float, or -1; where there is one, the values of its block in `dst` are
/// unspecified. The result does not depend on `threads`.
std::int64_t convert_weights(
    const void* src, DType src_dtype, float* dst, std::size_t count, int threads);

/// Index of the first element of the tensor that is infinite or NaN, or -1; -1 for integer dtypes.
/// Unlike convert_weights() an f64 beyond the range of float is fine.
std::int64_t find_non_finite(const TensorEntry& entry, int threads = 1);

/// The coordinates of a row-major index: element 5 of [2, 3] is "[1, 2]".
std::string coordinates(std::int64_t index, const Shape& shape);

}  // namespace sinter::checkpoint
