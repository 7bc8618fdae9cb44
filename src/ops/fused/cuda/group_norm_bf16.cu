#include "ops/fused/cuda/group_norm_launch.cuh"

namespace sinter::fused::cuda {

void group_norm_silu_bf16(const GroupNormTask& task, cudaStream_t stream) {
  Launcher<__nv_bfloat16>(task, stream).run();
}

}  // namespace sinter::fused::cuda
