#include "api/device.h"

#include <charconv>
#include <memory>
#include <string_view>
#include <utility>

#include "sinter/error.h"

#ifdef SINTER_WITH_CUDA
#include "cuda/status.h"
#include "ops/cuda/backend.h"
#endif

namespace sinter {

namespace {

[[noreturn]] void fail_name(const std::string& device) {
  fail(ErrorCode::invalid_argument,
       cat("[device] expected auto, cpu, cuda or cuda:N, got ", device));
}

/// "cuda" or "cuda:N".
int gpu_number(const std::string& device) {
  constexpr std::string_view kPrefix = "cuda:";
  if (device == "cuda") return 0;
  if (!device.starts_with(kPrefix)) fail_name(device);
  int number = -1;
  const char* const end = device.data() + device.size();
  const auto [stop, error] = std::from_chars(device.data() + kPrefix.size(), end, number);
  if (error != std::errc{} || stop != end || number < 0) fail_name(device);
  return number;
}

#ifdef SINTER_WITH_CUDA
std::shared_ptr<Accelerator> open_gpu(int number) {
  return ops::cuda::make_backend(number);
}
int gpu_count() {
  return cuda::device_count();
}
#else
std::shared_ptr<Accelerator> open_gpu(int number) {
  fail(ErrorCode::unsupported,
       cat("[device] cuda:", number, ": expected a build with the CUDA back end, got one without"));
}
int gpu_count() {
  return 0;
}
#endif

}  // namespace

std::shared_ptr<Accelerator> open_device(const std::string& device,
                                         const std::function<void(const std::string&)>& note) {
  if (device == "cpu") return nullptr;
  if (device != "auto") return open_gpu(gpu_number(device));
  if (gpu_count() == 0) return nullptr;
  try {
    return open_gpu(0);
  } catch (const Error& error) {
    if (note) note(cat("running on the CPU: ", error.what()));
    return nullptr;
  }
}

Context open_context(const std::string& device,
                     const std::string& dtype,
                     bool fp8,
                     const std::function<void(const std::string&)>& note) {
  std::shared_ptr<Accelerator> accelerator = open_device(device, note);
  const bool half = dtype == "fp16";
  SINTER_CHECK(half || dtype == "bf16",
               ErrorCode::invalid_argument,
               "[device] dtype: expected fp16 or bf16, got ",
               dtype);
  SINTER_CHECK(!fp8 || accelerator != nullptr,
               ErrorCode::invalid_argument,
               "[device] fp8: expected a GPU to run on, got the CPU, which computes in f32");
  if (accelerator == nullptr) return Context();
  return Context(std::move(accelerator), half ? DType::f16 : DType::bf16, fp8);
}

}  // namespace sinter
