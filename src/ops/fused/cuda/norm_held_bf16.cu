#include "ops/fused/cuda/norm_held.cuh"

namespace sinter::fused::cuda {

template bool run_held_rows<__nv_bfloat16, __nv_bfloat16>(const NormPlan&, cudaStream_t);

}  // namespace sinter::fused::cuda
