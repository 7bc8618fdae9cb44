#pragma once
// Shared by the operator tests that need a GPU: 16-bit tensors on both sides, filled at random.

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "core/dtype.h"
#include "cuda/memory.h"
#include "cuda/status.h"

namespace sinter::ops::cuda::test {

/// Skips every test of the suite where there is no GPU.
class CudaTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (sinter::cuda::device_count() == 0) GTEST_SKIP() << "no CUDA device";
  }
};

/// The value nearest to `x` in f16 or bf16, as stored.
inline std::uint16_t to_bits(float x, DType dtype) {
  return dtype == DType::f16 ? __half_as_ushort(__float2half_rn(x))
                             : __bfloat16_as_ushort(__float2bfloat16_rn(x));
}
inline float from_bits(std::uint16_t bits, DType dtype) {
  return dtype == DType::f16 ? __half2float(__ushort_as_half(bits))
                             : __bfloat162float(__ushort_as_bfloat16(bits));
}

/// Rows of 16-bit values on the device, with the same values on the host.
struct DeviceRows {
  DType dtype;
  std::int64_t rows, columns;
  std::vector<std::uint16_t> host;
  sinter::cuda::DeviceMemory device;

  /// All NaN: what nobody writes stays visible.
  DeviceRows(DType type, std::int64_t r, std::int64_t c)
      : dtype(type),
        rows(r),
        columns(c),
        host(static_cast<std::size_t>(r * c), 0xFFFF),
        device(host.size() * sizeof(std::uint16_t)) {
    device.copy_from_host(host.data());
  }
  /// Normal values.
  DeviceRows(DType type, std::int64_t r, std::int64_t c, unsigned seed, float deviation = 1.0F)
      : DeviceRows(type, r, c) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(0.0F, deviation);
    for (std::uint16_t& value : host) value = to_bits(normal(random), type);
    device.copy_from_host(host.data());
  }

  void fetch() {
    sinter::cuda::check(cudaDeviceSynchronize(), "test");
    device.copy_to_host(host.data());
  }
  double at(std::int64_t row, std::int64_t column) const {
    return from_bits(host[static_cast<std::size_t>(row * columns + column)], dtype);
  }
  std::uint16_t* pointer(std::int64_t row, std::int64_t column) const {
    return device.as<std::uint16_t>() + row * columns + column;
  }
};

}  // namespace sinter::ops::cuda::test
