#include "ops/fused/cuda/norm_held.cuh"

namespace sinter::fused::cuda {

template bool run_held_rows<__half, __half>(const NormPlan&, cudaStream_t);

}  // namespace sinter::fused::cuda
