#pragma once
// Shared by the tests of the device's maps and textures.

#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "cuda/memory.h"
#include "cuda/status.h"
#include "texture/cuda/array.h"

namespace sinter::texture::cuda::testing {

class DeviceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (sinter::cuda::device_count() == 0) GTEST_SKIP() << "no CUDA device";
    sinter::cuda::check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "test");
    memory_.emplace(stream_);
    arena_.emplace(&*memory_);
  }
  void TearDown() override {
    arena_.reset();
    if (stream_ != nullptr) {
      EXPECT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
      cudaStreamDestroy(stream_);
    }
  }

  template <class T>
  std::vector<T> values_of(const Array<T>& array) {
    std::vector<T> values(static_cast<std::size_t>(array.size()));
    sinter::cuda::check(
        cudaMemcpyAsync(
            values.data(), array.data(), array.bytes(), cudaMemcpyDeviceToHost, stream_),
        "test");
    sinter::cuda::check(cudaStreamSynchronize(stream_), "test");
    return values;
  }

  cudaStream_t stream_ = nullptr;
  std::optional<sinter::cuda::StreamAllocator> memory_;
  std::optional<Arena> arena_;
};

}  // namespace sinter::texture::cuda::testing
