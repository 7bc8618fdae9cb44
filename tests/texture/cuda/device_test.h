#pragma once
// Shared by the tests of the device's maps and textures.

#include <vector>

#include "cuda/device_test.h"
#include "texture/cuda/array.h"

namespace sinter::texture::cuda::testing {

class DeviceTest : public sinter::cuda::testing::DeviceTest {
 protected:
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
};

}  // namespace sinter::texture::cuda::testing
