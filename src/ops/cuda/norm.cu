#include "core/error.h"
#include "ops/cuda/norm_kernel.cuh"
#include "ops/cuda/points.h"

namespace sinter::ops::cuda {

namespace {

template <NormKind Kind, class T, class O>
void launch(
    const ModulatedRows& rows, void* residual, const void* x, void* dst, cudaStream_t stream) {
  NormTask<T, T, O> task{};
  for (int g = 0; g < ModulatedRows::kMaxGroups; ++g) {
    const ModulatedGroup& from = rows.groups[g];
    task.groups[g] = {from.rows,
                      static_cast<const T*>(from.shift),
                      static_cast<const T*>(from.scale),
                      static_cast<const T*>(from.gate)};
  }
  task.x = static_cast<const T*>(x);
  task.residual = static_cast<T*>(residual);
  task.dst = static_cast<O*>(dst);
  task.x_stride = task.residual_stride = task.dst_stride = rows.columns;
  task.rows = static_cast<int>(rows.rows());
  task.columns = static_cast<int>(rows.columns);
  task.eps = rows.eps;
  task.one = 1.0F;
  task.affine = task.wide = true;
  launch_norm<Kind>(task, stream);
}

template <NormKind Kind>
void check_and_launch(
    const ModulatedRows& rows, void* residual, const void* x, void* dst, cudaStream_t stream) {
  constexpr std::int64_t kMostRows = std::int64_t{1} << 30;
  SINTER_CHECK(is_16_bit(rows.dtype) && rows.columns > 0 && rows.columns % kVector == 0 &&
                   rows.columns <= kMaxNormColumns && rows.rows() < kMostRows,
               ErrorCode::invalid_argument,
               "[norm] expected f16 or bf16 rows of a multiple of 8 up to ",
               kMaxNormColumns,
               " columns, got ",
               rows.rows(),
               " rows of ",
               rows.columns,
               " ",
               to_string(rows.dtype));
  bool usable = aligned(x) && aligned(dst) && aligned(residual);
  for (const ModulatedGroup& group : rows.groups) {
    const bool complete = group.shift != nullptr && group.scale != nullptr &&
                          (Kind != NormKind::gated || group.gate != nullptr);
    usable = usable && (group.rows == 0 || (complete && aligned(group.shift) &&
                                            aligned(group.scale) && aligned(group.gate)));
  }
  SINTER_CHECK(usable,
               ErrorCode::invalid_argument,
               "[norm] expected rows and vectors that start at a multiple of 16 bytes, and every "
               "vector of a group");
  const auto run = [&](auto element) {
    using T = decltype(element);
    rows.narrow ? launch<Kind, T, __nv_fp8_e4m3>(rows, residual, x, dst, stream)
                : launch<Kind, T, T>(rows, residual, x, dst, stream);
  };
  rows.dtype == DType::f16 ? run(__half{}) : run(__nv_bfloat16{});
}

void check_layer_norm(const Rows& src, const void* weight, const void* bias) {
  check_rows("layer_norm", "src", src, src.rows, src.columns);
  SINTER_CHECK(src.columns <= kMaxNormColumns && (weight == nullptr) == (bias == nullptr),
               ErrorCode::invalid_argument,
               "[layer_norm] expected at most ",
               kMaxNormColumns,
               " columns and a weight with its bias or neither, got ",
               src.columns,
               " columns",
               weight == nullptr ? ", no weight" : "",
               bias == nullptr ? ", no bias" : "");
}

/// Weights are scales that no one is added to.
template <class S, class D>
NormTask<S, D> task_of(const Rows& src, const void* weight, const void* bias, float eps) {
  NormTask<S, D> task{};
  task.x = static_cast<const S*>(src.data);
  task.x_stride = src.row_stride;
  task.groups[0] = {src.rows, static_cast<const D*>(bias), static_cast<const D*>(weight), nullptr};
  task.rows = static_cast<int>(src.rows);
  task.columns = static_cast<int>(src.columns);
  task.eps = eps;
  task.affine = weight != nullptr;
  task.one = task.affine ? 0.0F : 1.0F;
  task.wide = src.columns % kVector == 0 && aligned(src) && aligned(weight) && aligned(bias);
  return task;
}

void dot(float* dst,
         const Rows& x,
         const void* norm_weight,
         const void* norm_bias,
         float eps,
         const void* weight,
         float offset,
         const float* device_offset,
         cudaStream_t stream) {
  check_layer_norm(x, norm_weight, norm_bias);
  with_element(x.dtype, "layer_norm_dot_rows", [&](auto element) {
    using T = decltype(element);
    NormTask<T, T> task = task_of<T, T>(x, norm_weight, norm_bias, eps);
    task.vector = static_cast<const T*>(weight);
    task.wide = task.wide && aligned(weight);
    task.dots = dst;
    task.offset = offset;
    task.device_offset = device_offset;
    launch_norm<NormKind::dot>(task, stream);
  });
}

}  // namespace

void layer_norm_modulate(const ModulatedRows& rows, const void* x, void* dst, cudaStream_t stream) {
  check_and_launch<NormKind::plain>(rows, nullptr, x, dst, stream);
}

void add_gated_layer_norm_modulate(
    const ModulatedRows& rows, void* residual, const void* x, void* dst, cudaStream_t stream) {
  check_and_launch<NormKind::gated>(rows, residual, x, dst, stream);
}

void layer_norm(const Rows& dst,
                const Rows& src,
                const void* weight,
                const void* bias,
                float eps,
                cudaStream_t stream) {
  check_layer_norm(src, weight, bias);
  check_rows("layer_norm", "dst", dst, src.rows, src.columns);
  SINTER_CHECK(dst.dtype == src.dtype || dst.dtype == DType::f32 || src.dtype == DType::f32,
               ErrorCode::invalid_argument,
               "[layer_norm] dst: expected ",
               to_string(src.dtype),
               " as in src or f32, got ",
               to_string(dst.dtype));
  const auto run = [&](auto s, auto d) {
    using S = decltype(s);
    using D = decltype(d);
    NormTask<S, D> task = task_of<S, D>(src, weight, bias, eps);
    task.dst = static_cast<D*>(dst.data);
    task.dst_stride = dst.row_stride;
    task.wide = task.wide && aligned(dst);
    launch_norm<NormKind::plain>(task, stream);
  };
  with_element(src.dtype, "layer_norm", [&](auto s) {
    if (dst.dtype == src.dtype) return run(s, s);
    if (dst.dtype == DType::f32) return run(s, float{});
    if constexpr (std::is_same_v<decltype(s), float>) {
      dst.dtype == DType::f16 ? run(s, __half{}) : run(s, __nv_bfloat16{});
    }
  });
}

void layer_norm_dot_rows(float* dst,
                         const Rows& x,
                         const void* norm_weight,
                         const void* norm_bias,
                         float eps,
                         const void* weight,
                         float bias,
                         cudaStream_t stream) {
  dot(dst, x, norm_weight, norm_bias, eps, weight, bias, nullptr, stream);
}

void layer_norm_dot_rows(float* dst,
                         const Rows& x,
                         const void* norm_weight,
                         const void* norm_bias,
                         float eps,
                         const void* weight,
                         const float* bias,
                         cudaStream_t stream) {
  dot(dst, x, norm_weight, norm_bias, eps, weight, 0.0F, bias, stream);
}

}  // namespace sinter::ops::cuda
