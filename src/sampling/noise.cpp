#include "sampling/noise.h"

#include "core/dtype.h"
#include "sampling/philox.h"
#include "sampling/torch_cuda_noise.h"
#include "sampling/torch_noise.h"

namespace sinter {

const char* to_string(Noise noise) {
  switch (noise) {
    case Noise::philox:
      return "philox";
    case Noise::torch_cpu:
      return "torch-cpu";
    case Noise::torch_cpu_fp32:
      return "torch-cpu-fp32";
    case Noise::torch_cuda:
      return "torch-cuda";
  }
  return "unknown";
}

namespace sampling {

void fill_noise(Noise kind, std::uint64_t seed, const Tensor& out) {
  constexpr std::uint64_t kLatentStream = 0;
  const std::span<float> values{out.f32_mut(), static_cast<std::size_t>(out.elements())};
  switch (kind) {
    case Noise::philox:
      return fill_normal_philox(seed, kLatentStream, values);
    case Noise::torch_cpu:
      return fill_normal_torch_half(seed, values);
    case Noise::torch_cpu_fp32:
      return fill_normal_torch(seed, values);
    case Noise::torch_cuda:
      fill_normal_torch_cuda(seed, kTorchCudaThreads, values);
      for (float& value : values) value = half_to_float(float_to_half(value));
      return;
  }
  fail(ErrorCode::invalid_argument, "[noise] kind: expected one of kNoises, got ", int(kind));
}

}  // namespace sampling
}  // namespace sinter
