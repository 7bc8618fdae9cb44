// What norm_torch.py calls: the fused norms over contiguous tensors, f16, as plain C.

#include "ops/cuda/call.h"
#include "ops/cuda/norm.h"

namespace {

using namespace sinter::ops::cuda;
using sinter::bench::run;

ModulatedRows rows_of(
    long rows, long columns, const void* shift, const void* scale, const void* gate) {
  ModulatedRows r{.groups = {}, .columns = columns, .dtype = sinter::DType::f16, .eps = 1e-6F};
  r.groups[0] = {rows, shift, scale, gate};
  return r;
}

}  // namespace

extern "C" {

/// All return 0, or 1 after printing what went wrong.
int sinter_layer_norm_modulate(const void* x,
                               const void* shift,
                               const void* scale,
                               void* dst,
                               long rows,
                               long columns,
                               void* stream) {
  return run([&] {
    layer_norm_modulate(
        rows_of(rows, columns, shift, scale, nullptr), x, dst, static_cast<cudaStream_t>(stream));
  });
}

int sinter_add_gated_layer_norm_modulate(void* residual,
                                         const void* x,
                                         const void* shift,
                                         const void* scale,
                                         const void* gate,
                                         void* dst,
                                         long rows,
                                         long columns,
                                         void* stream) {
  return run([&] {
    add_gated_layer_norm_modulate(rows_of(rows, columns, shift, scale, gate),
                                  residual,
                                  x,
                                  dst,
                                  static_cast<cudaStream_t>(stream));
  });
}

/// qkv [rows, 3, heads, dim], queries and keys in place.
int sinter_rms_norm_heads(void* qkv,
                          const void* q_weight,
                          const void* k_weight,
                          long rows,
                          long heads,
                          long dim,
                          void* stream) {
  return run([&] {
    const HeadVectors q{qkv, rows, heads, dim, 3 * heads * dim, dim};
    HeadVectors k = q;
    k.data = static_cast<std::uint16_t*>(qkv) + heads * dim;
    rms_norm_heads(
        q, k, q_weight, k_weight, sinter::DType::f16, 1e-6F, static_cast<cudaStream_t>(stream));
  });
}
}
