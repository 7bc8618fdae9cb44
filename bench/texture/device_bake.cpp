#include "bench/texture/device_bake.h"

#include <chrono>
#include <cstdio>

#include "cuda/memory.h"
#include "cuda/status.h"
#include "texture/cuda/bake.h"

namespace sinter::bench {

Image bake_on_device(const texture::BakeTarget& target,
                     std::span<const Image> pictures,
                     const BakeOptions& options,
                     BakeReport& report) {
  cudaStream_t stream = nullptr;
  cuda::check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "bench");
  Image texture;
  {
    cuda::StreamAllocator memory(stream);
    Arena arena(&memory);
    const auto bake = [&] {
      report = {};
      texture = texture::cuda::bake_texture(
          target, options.cameras, pictures, options, report, arena, stream);
    };
    bake();
    const auto start = std::chrono::steady_clock::now();
    bake();
    const double whole =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
    std::fprintf(stderr,
                 "GPU, %s, texture %d: whole %.1f ms, paint %.1f, fill %.1f\n",
                 options.method == BakeMethod::best ? "best" : "reference",
                 options.unwrap.texture_size,
                 whole,
                 report.project_ms,
                 report.fill_ms);
  }
  cudaStreamDestroy(stream);
  return texture;
}

}  // namespace sinter::bench
