// print_torch_cuda_noise SEED COUNT THREADS: sinter's values of the torch-cuda stream, before they
// are rounded to half precision, as little-endian fp32 on standard output. THREADS: those that the
// card holds at once.

#include <cstdio>
#include <string>
#include <vector>

#include "core/error.h"
#include "sampling/torch_cuda_noise.h"

int main(int argc, char** argv) try {
  if (argc != 4) {
    std::fprintf(stderr, "usage: print_torch_cuda_noise SEED COUNT THREADS\n");
    return 2;
  }
  std::vector<float> values(std::stoull(argv[2]));
  sinter::sampling::fill_normal_torch_cuda(
      std::stoull(argv[1]), static_cast<std::uint32_t>(std::stoul(argv[3])), values);
  return std::fwrite(values.data(), sizeof(float), values.size(), stdout) == values.size() ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "print_torch_cuda_noise: %s\n", error.what());
  return 2;
}
