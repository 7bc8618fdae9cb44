#include <nanobind/ndarray.h>

#include <limits>
#include <new>

#include "bind.h"

#ifdef SINTER_WITH_CUDA
#include <cuda_runtime_api.h>
#endif

namespace sinter::python {

namespace {

constexpr std::align_val_t kAlignment{256};

struct Element {
  nb::dlpack::dtype type;
  std::size_t bytes;
};

Element element(const std::string& name) {
  if (name == "f32") return {nb::dtype<float>(), 4};
  if (name == "f16") return {{static_cast<std::uint8_t>(nb::dlpack::dtype_code::Float), 16, 1}, 2};
  if (name == "bf16")
    return {{static_cast<std::uint8_t>(nb::dlpack::dtype_code::Bfloat), 16, 1}, 2};
  fail(ErrorCode::invalid_argument, "[empty] expected f32, f16 or bf16 for type, got '", name, "'");
}

std::size_t bytes_of(const std::vector<std::size_t>& shape, std::size_t element) {
  std::size_t bytes = element;
  for (const std::size_t extent : shape) {
    if (extent != 0 && bytes > std::numeric_limits<std::size_t>::max() / 2 / extent)
      fail(ErrorCode::invalid_argument, "[empty] expected a shape that fits memory");
    bytes *= extent;
  }
  return bytes;
}

struct Memory {
  void* data;
  nb::capsule owner;
};

Memory host_memory(std::size_t bytes) {
  void* data = ::operator new(bytes, kAlignment);
  return {data, nb::capsule(data, [](void* p) noexcept { ::operator delete(p, kAlignment); })};
}

#ifdef SINTER_WITH_CUDA
void check(cudaError_t status, const char* what) {
  if (status != cudaSuccess)
    fail(ErrorCode::device, "[cuda] expected ", what, ", got: ", cudaGetErrorString(status));
}

Memory device_memory(std::size_t bytes, int device) {
  int before = 0;
  check(cudaGetDevice(&before), "a current device");
  check(cudaSetDevice(device), cat("CUDA device ", device).c_str());
  void* data = nullptr;
  const cudaError_t status = cudaMalloc(&data, bytes);
  cudaSetDevice(before);
  check(status, cat(bytes, " bytes on CUDA device ", device).c_str());
  return {data, nb::capsule(data, [](void* p) noexcept { cudaFree(p); })};
}
#else
Memory device_memory(std::size_t, int) {
  fail(ErrorCode::unsupported, "[empty] expected a build with CUDA for memory on a device");
}
#endif

}  // namespace

void wait_for([[maybe_unused]] void* stream) {
#ifdef SINTER_WITH_CUDA
  const nb::gil_scoped_release others_may_run;
  check(cudaStreamSynchronize(static_cast<cudaStream_t>(stream)), "the stream's work to end");
#endif
}

nb::object empty(const std::vector<std::size_t>& shape, const std::string& type, int device) {
  const Element e = element(type);
  const std::size_t bytes = bytes_of(shape, e.bytes);
  const bool on_host = device == fused::kHost;
  const Memory memory = on_host ? host_memory(bytes) : device_memory(bytes, device);
  return nb::cast(
      nb::ndarray<nb::array_api>(memory.data,
                                 shape.size(),
                                 shape.data(),
                                 memory.owner,
                                 nullptr,
                                 e.type,
                                 on_host ? nb::device::cpu::value : nb::device::cuda::value,
                                 on_host ? 0 : device));
}

}  // namespace sinter::python
