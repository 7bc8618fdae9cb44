#include "ops/fused/cuda/norm_held.cuh"

namespace sinter::fused::cuda {

template bool run_held_rows<float, float>(const NormPlan&, cudaStream_t);

}  // namespace sinter::fused::cuda
