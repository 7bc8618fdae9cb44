#pragma once
// Fully connected layer y = x W^T + b, with a packed weight.
//
// On the host every output element is one fixed sequence of fused multiply-adds over the input
// channels, whatever the number of rows or threads: rows do not influence each other's rounding, so
// a batch gives the bytes of its rows run one by one.

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/context.h"
#include "core/tensor.h"
#include "ops/activation.h"
#include "ops/norm.h"
#include "ops/view.h"

namespace sinter::ops {

/// A weight in the layout that the device it is placed on multiplies with. Built once when a model
/// is bound; owns its copy, so the checkpoint may be closed afterwards. Move only.
class LinearWeight {
 public:
  LinearWeight() = default;
  /// weight [O, I] or with more input axes ([O, C, P, P] of a convolution is taken as
  /// [O, C * P * P]); f32, f16 or bf16. bias [O] of any of these, or an undefined tensor for none.
  /// Raises ErrorCode::invalid_argument, naming the tensor, for anything else.
  /// The data needs no alignment.
  explicit LinearWeight(const Tensor& weight,
                        const Tensor& bias = {},
                        const Placement& placement = {});
  /// Several weights [O_i, I], at least one, stacked to [sum of O_i, I]: projections of one input
  /// that are stored apart.
  LinearWeight(std::span<const Tensor> stack, const Tensor& bias, const Placement& placement);

  bool defined() const { return out_features_ > 0; }
  std::int64_t in_features() const { return in_features_; }
  std::int64_t out_features() const { return out_features_; }
  bool has_bias() const { return bias_.size() > 0; }
  /// Memory held, padding included.
  std::size_t bytes() const { return packed_.size() + bias_.size(); }

  Device device() const { return device_; }
  DType dtype() const { return dtype_; }
  /// For the host: the packed panels and the bias (null without one).
  const float* packed() const { return reinterpret_cast<const float*>(packed_.data()); }
  const float* bias() const { return reinterpret_cast<const float*>(bias_.data()); }
  /// For a device: the weight [O, I] of dtype(), rows input_stride() apart and filled up with
  /// zeros, and the bias [O] (null without one).
  const void* data() const { return packed_.data(); }
  const void* bias_data() const { return bias_.data(); }
  std::int64_t input_stride() const;

 private:
  void pack(std::span<const Tensor> stack, const Tensor& bias, int threads);
  void upload(std::span<const Tensor> stack, const Tensor& bias, Accelerator& accelerator);

  std::int64_t in_features_ = 0;
  std::int64_t out_features_ = 0;
  Device device_ = Device::cpu;
  DType dtype_ = DType::f32;
  Buffer packed_;
  Buffer bias_;
};

struct LinearOptions {
  Activation activation = Activation::none;  ///< applied after the bias
};

/// x [..., I] -> [..., O].
Tensor linear(Context& ctx,
              const Tensor& x,
              const LinearWeight& weight,
              const LinearOptions& options = {});

/// Rows with a stride (a column slice of a wider tensor) -> [rows, O].
Tensor linear(Context& ctx,
              const RowView& x,
              const LinearWeight& weight,
              const LinearOptions& options = {});

/// Writes into rows that the caller owns, for example a column slice of a wider tensor. `dst` has
/// x.rows rows and O columns, and must not overlap `x`.
void linear_into(Context& ctx,
                 const RowView& x,
                 const LinearWeight& weight,
                 const RowView& dst,
                 const LinearOptions& options = {});

/// residual += gate * (x W^T + b), the end of every transformer branch. gate [O] scales each column
/// (the modulation gate, or the LayerScale vector); undefined means 1. `residual` must not overlap
/// `x`.
void linear_add_gated_in_place(Context& ctx,
                               const RowView& residual,
                               const Tensor& gate,
                               const RowView& x,
                               const LinearWeight& weight);

/// The end of a transformer branch, in one stream of tokens.
struct BranchEnd {
  RowView x;  ///< [rows, I], the input of the branch's last product
  const LinearWeight* weight = nullptr;
  Tensor gate;      ///< [O]
  ScaleShift next;  ///< of the norm that the next branch begins with, vectors [O]
};

/// residual += gate * (x W^T + b), and dst = the modulated norm of it, for streams (one or two)
/// whose rows follow one another in `residual` and `dst`, both [sum of the rows, O]. `dst` must not
/// overlap any x.
void linear_add_gated_modulate(Context& ctx,
                               const Tensor& residual,
                               std::span<const BranchEnd> ends,
                               const Tensor& dst);

}  // namespace sinter::ops
