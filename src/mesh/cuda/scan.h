#pragma once
// Sums and sorts over whole arrays.

#include <cuda_runtime.h>

#include <cstdint>

#include "core/buffer.h"

namespace sinter::mesh::cuda {

/// Queues: each value becomes the sum of those before it, in place.
void exclusive_sum(std::uint32_t* values, std::int64_t count, Arena& arena, cudaStream_t stream);
void exclusive_sum(std::uint64_t* values, std::int64_t count, Arena& arena, cudaStream_t stream);

/// Queues: `sorted` [count] becomes `values` by ascending key; equal keys keep their order.
void stable_sort(const std::uint8_t* keys,
                 const std::uint32_t* values,
                 std::uint32_t* sorted,
                 std::int64_t count,
                 Arena& arena,
                 cudaStream_t stream);

/// The same with keys below 2^key_bits, which come out too, in `sorted_keys` [count].
void stable_sort(const std::uint32_t* keys,
                 std::uint32_t* sorted_keys,
                 const std::uint32_t* values,
                 std::uint32_t* sorted,
                 int key_bits,
                 std::int64_t count,
                 Arena& arena,
                 cudaStream_t stream);

}  // namespace sinter::mesh::cuda
