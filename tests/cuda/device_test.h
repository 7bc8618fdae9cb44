#pragma once
// What tests on a GPU stand on: a stream of their own, and memory that belongs to it.

#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <optional>

#include "cuda/memory.h"
#include "cuda/status.h"

namespace sinter::cuda::testing {

/// Skips where there is no GPU.
class DeviceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (device_count() == 0) GTEST_SKIP() << "no CUDA device";
    check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "test");
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

  cudaStream_t stream_ = nullptr;
  std::optional<StreamAllocator> memory_;
  std::optional<Arena> arena_;
};

}  // namespace sinter::cuda::testing
