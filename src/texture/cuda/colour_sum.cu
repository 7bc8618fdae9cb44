#include "mesh/cuda/launch.cuh"
#include "mesh/cuda/scratch.h"
#include "texture/cuda/block_sum.cuh"
#include "texture/cuda/colour_sum.h"
#include "texture/cuda/grid_stride.cuh"

namespace sinter::texture::cuda {
namespace {

using mesh::cuda::kThreads;

constexpr const char* kName = "mean colour";
constexpr int kBlocks = 512;

__global__ void __launch_bounds__(kThreads) sum_kernel(const std::array<float, 3>* colours,
                                                       const std::int32_t* face,
                                                       const std::uint8_t* known,
                                                       std::int64_t count,
                                                       int stride,
                                                       ColourSum* parts) {
  double values[4] = {};
  each_of_this_thread((count + stride - 1) / stride, [&](std::int64_t n) {
    const std::int64_t i = n * stride;
    if (face[i] == 0 || (known != nullptr && known[i] == 0)) return;
    for (int c = 0; c < 3; ++c) values[c] += static_cast<double>(colours[i][c]);
    values[3] += 1;
  });
  sum_of_block<kThreads>(values);
  if (threadIdx.x != 0) return;
  for (int c = 0; c < 3; ++c) parts[blockIdx.x].sum[c] = values[c];
  parts[blockIdx.x].count = values[3];
}

}  // namespace

void sum_colours(const std::array<float, 3>* colours,
                 const std::int32_t* face,
                 const std::uint8_t* known,
                 std::int64_t count,
                 int stride,
                 ColourSum* result,
                 Arena& arena,
                 cudaStream_t stream) {
  const ArenaScope scope(arena);
  auto* parts = mesh::cuda::take<ColourSum>(arena, kBlocks);
  sum_kernel<<<kBlocks, kThreads, 0, stream>>>(colours, face, known, count, stride, parts);
  sinter::cuda::check_launch(kName);
  mesh::cuda::for_each(1, kName, stream, [=] __device__(std::int64_t) {
    ColourSum all{};
    for (int n = 0; n < kBlocks; ++n) {
      for (int c = 0; c < 3; ++c) all.sum[c] += parts[n].sum[c];
      all.count += parts[n].count;
    }
    *result = all;
  });
}

}  // namespace sinter::texture::cuda
