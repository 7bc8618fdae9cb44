// Defines the table of one instruction set. Included once by each of baseline.cpp, avx2.cpp and
// avx512.cpp, which set SINTER_LANES, SINTER_KERNELS and SINTER_KERNELS_NAME.

#include "cpu/kernels.h"
#include "cpu/kernels/attention.h"
#include "cpu/kernels/gemm.h"
#include "cpu/kernels/norm.h"
#include "cpu/kernels/points.h"
#include "cpu/kernels/pointwise.h"

namespace sinter::cpu {

extern const Kernels SINTER_KERNELS;
const Kernels SINTER_KERNELS = {
    .name = SINTER_KERNELS_NAME,
    .gemm_rows = gemm_rows,
    .gemm_column = gemm_column,
    .attend = attend,
    .layer_norm = layer_norm,
    .rms_norm = rms_norm,
    .fourier = fourier,
    .activate = activate,
    .silu_mul = silu_mul,
    .add = add,
    .add_gated = add_gated,
    .add_scaled = add_scaled,
    .scale = scale,
    .blend = blend,
    .farthest = farthest,
};

}  // namespace sinter::cpu
