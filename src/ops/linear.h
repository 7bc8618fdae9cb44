#pragma once
// Fully connected layer y = x W^T + b, with a packed weight.
//
// On the host every output element is one fixed sequence of fused multiply-adds over the input
// channels, whatever the number of rows or threads: rows do not influence each other's rounding, so
// a batch gives the bytes of its rows run one by one.
//
// On a device a weight may be e4m3, and is then multiplied with e4m3. Its values, and those of its
// input, stand for that many times a scale each. Both are fixed when the weight is placed, so that
// whatever makes the input (a norm, a product, attention) writes it in one pass: e4m3 has four bits
// of exponent of its own, and keeps its relative precision over 14 octaves below its largest value,
// far more than one row differs from the next. The input's scale follows from what it can be at
// most: that of a norm is 1, that of another product what set_most_input() is told.

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
  /// Placement::fp8 makes it e4m3 where both O and I are multiples of 16.
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
  std::size_t bytes() const { return packed_.size() + bias_.size() + input_factor_.size(); }

  Device device() const { return device_; }
  /// Of the bias and of what the product gives unless that is to be e4m3.
  DType dtype() const { return dtype_; }
  /// Of the weight and of what it multiplies: dtype(), or e4m3.
  DType operand_dtype() const { return narrow() ? DType::f8_e4m3 : dtype_; }
  /// For the host: the packed panels and the bias (null without one).
  const float* packed() const { return reinterpret_cast<const float*>(packed_.data()); }
  const float* bias() const { return reinterpret_cast<const float*>(bias_.data()); }
  /// For a device: the weight [O, I] of operand_dtype(), rows input_stride() apart and filled up
  /// with zeros, and the bias [O] (null without one).
  const void* data() const { return packed_.data(); }
  const void* bias_data() const { return bias_.data(); }
  std::int64_t input_stride() const;

  /// Of e4m3 alone: what its values, and those of its input, stand for times themselves.
  float scale() const { return scale_; }
  float input_scale() const { return input_scale_; }
  /// 1 / input_scale(), on the device.
  const float* input_factor() const { return reinterpret_cast<const float*>(input_factor_.data()); }
  /// Of e4m3 alone: the most that an output can be for inputs of root mean square 2 and less, a
  /// modulated norm (Cauchy and Schwarz: no weight row is longer than |w|). What real inputs give
  /// is several times less, so that four times such an input still is in range; more is cut off.
  float most_output() const { return most_output_; }
  /// Makes `most` the largest value that an e4m3 input can hold. Nothing for other weights.
  void set_most_input(float most);

 private:
  void pack(std::span<const Tensor> stack, const Tensor& bias, int threads);
  void upload(std::span<const Tensor> stack, const Tensor& bias, const Placement& placement);
  void quantize(const Tensor& rows, const Tensor& bias, Accelerator& accelerator);
  bool narrow() const { return input_factor_.size() > 0; }

  std::int64_t in_features_ = 0;
  std::int64_t out_features_ = 0;
  Accelerator* accelerator_ = nullptr;
  Device device_ = Device::cpu;
  DType dtype_ = DType::f32;
  Buffer packed_;
  Buffer bias_;
  Buffer input_factor_;
  float scale_ = 1.0F, input_scale_ = 1.0F, most_output_ = 0.0F;
};

struct LinearOptions {
  Activation activation = Activation::none;  ///< applied after the bias
  /// The weight that the result is multiplied with, where that is not known to be of the context's
  /// type: an e4m3 result is in its input_scale().
  const LinearWeight* reader = nullptr;
};

/// Uninitialised memory for x [rows, I], of the type that the weight multiplies.
Tensor linear_input(Context& ctx,
                    const LinearWeight& weight,
                    std::int64_t rows,
                    std::string_view name);

/// x [..., I] -> [..., O], of the type that options.reader multiplies, else the context's.
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
/// overlap any x; it may be e4m3. `products`, of residual's shape and type and no other's memory,
/// receives x W^T + b where it is defined.
void linear_add_gated_modulate(Context& ctx,
                               const Tensor& residual,
                               std::span<const BranchEnd> ends,
                               const Tensor& dst,
                               const Tensor& products = {});

}  // namespace sinter::ops
