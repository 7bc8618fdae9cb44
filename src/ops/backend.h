#pragma once
// What a device implements so that the operators run there: for each operator of this room the part
// behind its checks. Arguments have passed the operator's own checks (shapes, one device); outputs
// are allocated. Semantics are those of the operator of the same name.
//
// Work is queued and not waited for, unless said otherwise.

#include <cstdint>
#include <span>
#include <vector>

#include "core/accelerator.h"
#include "core/context.h"
#include "ops/activation.h"
#include "ops/attention.h"
#include "ops/decision.h"
#include "ops/embedding.h"
#include "ops/experts.h"
#include "ops/linear.h"
#include "ops/norm.h"
#include "ops/view.h"

namespace sinter::ops {

/// Of the values of some rows: the largest size, and the largest sqrt(sum of x^2) of a row.
struct RowExtent {
  float most = 0.0F, longest_row = 0.0F;
};

class Backend : public Accelerator {
 public:
  /// Gives memory of the host, page-locked, that the device's work reads and writes itself, over
  /// the link: tensors in it are the device's. Freeing waits for the queue.
  virtual Allocator& host_memory() = 0;

  /// Waits for the values.
  virtual RowExtent measure(const RowView& x) = 0;
  /// dst, e4m3 = x / scale.
  virtual void quantize(const RowView& x, float scale, const RowView& dst) = 0;

  /// dst = activation(x W^T + b).
  virtual void linear(Context& ctx,
                      const RowView& x,
                      const LinearWeight& weight,
                      const RowView& dst,
                      const LinearOptions& options) = 0;
  /// residual += gate * (x W^T + b); gate undefined for 1.
  virtual void linear_add_gated(Context& ctx,
                                const RowView& residual,
                                const Tensor& gate,
                                const RowView& x,
                                const LinearWeight& weight) = 0;
  virtual void linear_add_gated_modulate(Context& ctx,
                                         const Tensor& residual,
                                         std::span<const BranchEnd> ends,
                                         const Tensor& dst,
                                         const Tensor& products) = 0;

  /// weight and bias may both be undefined.
  virtual void layer_norm(
      const Tensor& x, const Tensor& weight, const Tensor& bias, float eps, const Tensor& dst) = 0;
  virtual void layer_norm_modulate(const Tensor& x,
                                   const ScaleShift& modulation,
                                   const Tensor& dst) = 0;
  virtual void rms_norm_heads(const HeadView& x, const Tensor& scale, float eps) = 0;
  virtual void rms_norm_heads(const HeadView& q,
                              const HeadView& k,
                              const Tensor& q_scale,
                              const Tensor& k_scale,
                              float eps) = 0;
  virtual void layer_norm_heads(const HeadView& x,
                                const Tensor& weight,
                                const Tensor& bias,
                                float eps) = 0;

  virtual void attention(Context& ctx, std::span<const AttentionInput> sequences) = 0;
  /// k and v, one after the other, each [keys, heads, dim] without gaps.
  virtual Buffer pack_keys_values(const HeadList& k, const HeadList& v) = 0;
  virtual void attention(Context& ctx,
                         std::span<const PackedAttentionInput> groups,
                         const AttentionOptions& options) = 0;
  virtual std::vector<PackedKeyValues> choose_top_keys(Context& ctx,
                                                       const PackedKeyValues& keys,
                                                       const HeadView& q,
                                                       std::span<const std::int64_t> group_sizes,
                                                       std::int64_t count) = 0;
  /// Waits for the numbers of keys.
  virtual std::vector<PackedKeyValues> choose_attended_keys(
      Context& ctx,
      const PackedKeyValues& keys,
      const HeadView& q,
      std::span<const std::int64_t> group_sizes,
      float threshold) = 0;

  /// Fills the tensors of `routing`.
  virtual void route_experts(Context& ctx, const Tensor& logits, Routing& routing) = 0;
  virtual void gather_rows(const RowView& x, const Routing& routing, const Tensor& dst) = 0;
  virtual void linear_experts(const RowView& x,
                              std::span<const LinearWeight* const> weights,
                              const Routing& routing,
                              Activation activation,
                              const RowView& dst) = 0;
  virtual void scatter_add_rows(const RowView& x, const Routing& routing, const RowView& y) = 0;

  virtual void activate(const RowView& x, Activation activation) = 0;
  virtual void silu_mul(const RowView& x, const RowView& dst) = 0;

  virtual void copy(const RowView& dst, const RowView& src) = 0;
  virtual void zero(const RowView& x) = 0;
  virtual void add(const RowView& x, const RowView& y) = 0;
  virtual void add_gated(const RowView& x, const Tensor& gate, const RowView& y) = 0;
  virtual void scale(const RowView& x, float factor) = 0;
  virtual void add_scaled(const RowView& x, const Tensor& factor, const RowView& y) = 0;
  virtual void guide(const RowView& unconditional, const RowView& conditional, float guidance) = 0;

  /// row = row *index of the table.
  virtual void select_row(const Tensor& table, const Tensor& index, const Tensor& row) = 0;
  /// x += 1, i32.
  virtual void increment(const Tensor& x) = 0;

  /// place: i32 [1].
  virtual void store_row(const Tensor& table, const Tensor& place, const Tensor& x) = 0;
  virtual void weighted_rows(const Tensor& table, const Tensor& weights, const Tensor& dst) = 0;
  virtual void measure_change(Context& ctx,
                              const Tensor& a,
                              const Tensor& b,
                              const Tensor& sums) = 0;
  virtual void decide(const DecisionRule& rule, const DecisionTensors& tensors) = 0;
  virtual void branch(const Tensor& flag,
                      const std::function<void()>& compute,
                      const std::function<void()>& reuse) = 0;

  virtual void fourier_embed(const Tensor& points,
                             const FourierOptions& options,
                             const Tensor& dst) = 0;
  /// Patches of an image [C, H, W] as rows: what a patch embedding multiplies with.
  virtual void patches(const Tensor& image, int patch, const Tensor& dst) = 0;
};

/// The backend of a context whose tensors are on a device. Raises ErrorCode::invalid_argument for a
/// context on the host.
Backend& backend(const Context& ctx, const char* op);
/// The same object, for weights, which are placed where no context is.
Backend& backend(Accelerator& accelerator);

}  // namespace sinter::ops
