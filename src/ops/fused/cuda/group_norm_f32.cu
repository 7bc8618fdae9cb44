#include "ops/fused/cuda/group_norm_launch.cuh"

namespace sinter::fused::cuda {

void group_norm_silu_f32(const GroupNormTask& task, cudaStream_t stream) {
  Launcher<float>(task, stream).run();
}

}  // namespace sinter::fused::cuda
