#include "sampling/noise.h"

#include "sampling/philox.h"
#include "sampling/torch_noise.h"

namespace sinter::sampling {

NoiseKind parse_noise_kind(std::string_view text) {
  for (const NoiseKind kind :
       {NoiseKind::philox, NoiseKind::torch_cpu, NoiseKind::torch_cpu_half}) {
    if (text == to_string(kind)) return kind;
  }
  fail(ErrorCode::invalid_argument,
       "[noise] kind: expected philox, torch-cpu or torch-cpu-half, got '",
       text,
       "'");
}

const char* to_string(NoiseKind kind) {
  switch (kind) {
    case NoiseKind::philox:
      return "philox";
    case NoiseKind::torch_cpu:
      return "torch-cpu";
    case NoiseKind::torch_cpu_half:
      return "torch-cpu-half";
  }
  return "unknown";
}

void fill_noise(NoiseKind kind, std::uint64_t seed, const Tensor& out) {
  constexpr std::uint64_t kLatentStream = 0;
  const std::span<float> values{out.f32_mut(), static_cast<std::size_t>(out.elements())};
  switch (kind) {
    case NoiseKind::philox:
      return fill_normal_philox(seed, kLatentStream, values);
    case NoiseKind::torch_cpu:
      return fill_normal_torch(seed, values);
    case NoiseKind::torch_cpu_half:
      return fill_normal_torch_half(seed, values);
  }
}

}  // namespace sinter::sampling
