#pragma once
// Fully connected layers on a GPU, ops/linear.h: products of cuBLASLt, and passes around them where
// operands do not lie, or results do not end, as it takes them. All queue on the stream. What they
// need for a while is the arena's of the context.

#include <cuda_runtime.h>

#include "core/context.h"
#include "core/tensor.h"
#include "cuda/matrix_product.h"
#include "ops/linear.h"
#include "ops/view.h"

namespace sinter::ops::cuda {

class LinearProducts {
 public:
  /// See MatrixProducts::set_timing().
  void set_timing(bool on) { products_.set_timing(on); }

  /// dst = activation(x W^T + b), of any type: Backend::linear().
  void linear(Context& ctx,
              const RowView& x,
              const LinearWeight& weight,
              const RowView& dst,
              const LinearOptions& options,
              cudaStream_t stream);

  /// residual += gate * (x W^T + b), without a gate where it is not defined.
  void linear_add_gated(Context& ctx,
                        const RowView& residual,
                        const Tensor& gate,
                        const RowView& x,
                        const LinearWeight& weight,
                        cudaStream_t stream);

 private:
  void linear_e4m3(Context& ctx,
                   const RowView& x,
                   const LinearWeight& weight,
                   const RowView& dst,
                   const LinearOptions& options,
                   cudaStream_t stream);
  void multiply(const RowView& x,
                const LinearWeight& weight,
                const RowView& dst,
                sinter::cuda::Epilogue epilogue,
                Activation activation,
                cudaStream_t stream,
                const float* dst_factor = nullptr);

  sinter::cuda::MatrixProducts products_;
};

}  // namespace sinter::ops::cuda
