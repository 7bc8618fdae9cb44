#include "core/error.h"
#include "cuda/status.h"
#include "ops/cuda/activation.cuh"
#include "ops/cuda/launch.h"
#include "ops/cuda/pack.cuh"
#include "ops/cuda/rows.h"

namespace sinter::ops::cuda {

namespace {

constexpr int kThreads = 256;

/// One thread takes one group of eight columns; the last group of a row may be shorter.
struct Groups {
  unsigned columns, per_row, total;
  bool wide;  // every group is full and aligned

  Groups(std::int64_t rows, std::int64_t c, bool w)
      : columns(static_cast<unsigned>(c)),
        per_row(static_cast<unsigned>((c + kVector - 1) / kVector)),
        total(static_cast<unsigned>(rows) * per_row),
        wide(w && c % kVector == 0) {}
  int blocks() const { return blocks_for(total, kThreads); }
};

/// Eight values of a row vector of any of the dtypes, which all rows share and the cache holds.
struct RowVector {
  const void* data;
  DType dtype;
  bool wide;

  __device__ __forceinline__ void load(int column, int count, float (&to)[kVector]) const {
    if (dtype == DType::f16) {
      load_as<__half>(column, count, to);
    } else if (dtype == DType::bf16) {
      load_as<__nv_bfloat16>(column, count, to);
    } else {
      load_as<float>(column, count, to);
    }
  }
  template <class T>
  __device__ __forceinline__ void load_as(int column, int count, float (&to)[kVector]) const {
    const T* const from = static_cast<const T*>(data) + column;
    if (wide && count == kVector) return load_vector(from, to);
    load_some(from, count, to);
  }
};

/// Operators on eight values of x, in place, and eight of y; `column` is that of the first.
struct Keep {
  __device__ void operator()(float (&)[kVector]) const {}
};
struct Scale {
  float factor;
  __device__ void operator()(float (&x)[kVector]) const {
#pragma unroll
    for (float& v : x) v *= factor;
  }
};
struct Activate {
  Activation activation;
  __device__ void operator()(float (&x)[kVector]) const { activate(activation, x); }
};
struct Add {
  __device__ void operator()(float (&x)[kVector], const float (&y)[kVector], int, int) const {
#pragma unroll
    for (int e = 0; e < kVector; ++e) x[e] += y[e];
  }
};
struct AddGated {
  RowVector gate;
  __device__ void operator()(float (&x)[kVector],
                             const float (&y)[kVector],
                             int column,
                             int count) const {
    float factors[kVector];
    gate.load(column, count, factors);
#pragma unroll
    for (int e = 0; e < kVector; ++e) x[e] = fmaf(factors[e], y[e], x[e]);
  }
};
struct AddScaled {
  const float* factor;
  __device__ void operator()(float (&x)[kVector], const float (&y)[kVector], int, int) const {
    const float f = *factor;
#pragma unroll
    for (int e = 0; e < kVector; ++e) x[e] = fmaf(f, y[e], x[e]);
  }
};
struct Guide {
  float guidance;
  __device__ void operator()(float (&x)[kVector], const float (&y)[kVector], int, int) const {
#pragma unroll
    for (int e = 0; e < kVector; ++e) x[e] = fmaf(guidance, y[e] - x[e], x[e]);
  }
};
struct AddActivate {
  Activation activation;
  __device__ void operator()(float (&x)[kVector], const float (&y)[kVector], int, int) const {
#pragma unroll
    for (int e = 0; e < kVector; ++e) x[e] += y[e];
    activate(activation, x);
  }
};
struct SiluMul {
  __device__ void operator()(float (&x)[kVector], const float (&y)[kVector], int, int) const {
#pragma unroll
    for (int e = 0; e < kVector; ++e) x[e] = silu(x[e]) * y[e];
  }
};

/// dst = op(src), row `*first_row` of src first where that is given; zero beyond the columns of
/// src. dst may be src.
template <class D, class S, class Op>
__global__ void __launch_bounds__(kThreads) map_kernel(D* dst,
                                                       std::int64_t dst_stride,
                                                       const S* src,
                                                       std::int64_t src_stride,
                                                       int src_columns,
                                                       const int* first_row,
                                                       Groups groups,
                                                       Op op) {
  const unsigned group = blockIdx.x * kThreads + threadIdx.x;
  if (group >= groups.total) return;
  const std::int64_t row = group / groups.per_row;
  const int column = static_cast<int>(group % groups.per_row) * kVector;
  D* const to = dst + row * dst_stride + column;
  const S* const from = src + (row + (first_row != nullptr ? *first_row : 0)) * src_stride + column;
  float x[kVector];
  if (groups.wide && column + kVector <= src_columns) {
    load_vector(from, x);
  } else {
    load_some(from, src_columns - column, x);
  }
  op(x);
  if (groups.wide) return store_vector(to, x);
  store_some(to, static_cast<int>(groups.columns) - column, x);
}

/// dst = op(x, y); dst may be x.
template <class X, class Y, class Op>
__global__ void __launch_bounds__(kThreads) zip_kernel(X* dst,
                                                       std::int64_t dst_stride,
                                                       const X* x,
                                                       std::int64_t x_stride,
                                                       const Y* y,
                                                       std::int64_t y_stride,
                                                       Groups groups,
                                                       Op op) {
  const unsigned group = blockIdx.x * kThreads + threadIdx.x;
  if (group >= groups.total) return;
  const std::int64_t row = group / groups.per_row;
  const int column = static_cast<int>(group % groups.per_row) * kVector;
  dst += row * dst_stride + column;
  x += row * x_stride + column;
  y += row * y_stride + column;
  float a[kVector], b[kVector];
  if (groups.wide) {
    load_vector(x, a);
    load_vector(y, b);
    op(a, b, column, kVector);
    store_vector(dst, a);
  } else {
    const int count = min(static_cast<int>(groups.columns) - column, kVector);
    load_some(x, count, a);
    load_some(y, count, b);
    op(a, b, column, count);
    store_some(dst, count, a);
  }
}

template <class Op>
void map(const char* who,
         const Rows& dst,
         const Rows& src,
         const int* first_row,
         Op op,
         cudaStream_t stream) {
  if (dst.rows == 0) return;
  const Groups groups(dst.rows, dst.columns, aligned(dst) && aligned(src));
  with_element(dst.dtype, who, [&](auto d) {
    const auto run = [&](auto s) {
      using D = decltype(d);
      using S = decltype(s);
      map_kernel<D, S, Op>
          <<<groups.blocks(), kThreads, 0, stream>>>(static_cast<D*>(dst.data),
                                                     dst.row_stride,
                                                     static_cast<const S*>(src.data),
                                                     src.row_stride,
                                                     static_cast<int>(src.columns),
                                                     first_row,
                                                     groups,
                                                     op);
      sinter::cuda::check_launch(who);
    };
    if constexpr (std::is_same_v<Op, Keep>) {
      with_element(src.dtype, who, run);
    } else {
      run(d);  // in place
    }
  });
}

template <class X, class Y, class Op>
void launch_zip(const char* who,
                const Rows& dst,
                const void* x,
                std::int64_t x_stride,
                const void* y,
                std::int64_t y_stride,
                bool wide,
                Op op,
                cudaStream_t stream) {
  if (dst.rows == 0) return;
  const Groups groups(dst.rows, dst.columns, wide);
  zip_kernel<X, Y, Op><<<groups.blocks(), kThreads, 0, stream>>>(static_cast<X*>(dst.data),
                                                                 dst.row_stride,
                                                                 static_cast<const X*>(x),
                                                                 x_stride,
                                                                 static_cast<const Y*>(y),
                                                                 y_stride,
                                                                 groups,
                                                                 op);
  sinter::cuda::check_launch(who);
}

/// x = op(x, y), y of one row standing for as many as x has.
template <class Op>
void update(const char* who, const Rows& x, const Rows& y, Op op, cudaStream_t stream) {
  check_rows(who, "x", x, x.rows, x.columns);
  const bool repeats = y.rows == 1;
  check_rows(who, "y", y, repeats ? 1 : x.rows, x.columns);
  with_element(x.dtype, who, [&](auto a) {
    with_element(y.dtype, who, [&](auto b) {
      launch_zip<decltype(a), decltype(b)>(who,
                                           x,
                                           x.data,
                                           x.row_stride,
                                           y.data,
                                           repeats ? 0 : y.row_stride,
                                           aligned(x) && aligned(y),
                                           op,
                                           stream);
    });
  });
}

__global__ void increment_kernel(int* x) {
  ++*x;
}

}  // namespace

void copy(const Rows& dst, const Rows& src, cudaStream_t stream) {
  check_rows("copy", "dst", dst, src.rows, dst.columns);
  check_rows("copy", "src", src, src.rows, src.columns);
  SINTER_CHECK(dst.columns >= src.columns,
               ErrorCode::invalid_argument,
               "[copy] dst: expected at least ",
               src.columns,
               " columns, got ",
               dst.columns);
  map("copy", dst, src, nullptr, Keep{}, stream);
}

void add(const Rows& x, const Rows& y, cudaStream_t stream) {
  update("add", x, y, Add{}, stream);
}

void add_gated(const Rows& x, const Rows& gate, const Rows& y, cudaStream_t stream) {
  check_rows("add_gated", "gate", gate, 1, x.columns);
  check_rows("add_gated", "y", y, x.rows, x.columns);
  with_element(gate.dtype, "add_gated", [](auto) {});
  update("add_gated", x, y, AddGated{{gate.data, gate.dtype, aligned(gate)}}, stream);
}

void scale(const Rows& x, float factor, cudaStream_t stream) {
  check_rows("scale", "x", x, x.rows, x.columns);
  map("scale", x, x, nullptr, Scale{factor}, stream);
}

void add_scaled(const Rows& x, const float* factor, const Rows& y, cudaStream_t stream) {
  SINTER_CHECK(factor != nullptr, ErrorCode::invalid_argument, "[add_scaled] factor: expected one");
  check_rows("add_scaled", "y", y, x.rows, x.columns);
  update("add_scaled", x, y, AddScaled{factor}, stream);
}

void guide(const Rows& unconditional,
           const Rows& conditional,
           float guidance,
           cudaStream_t stream) {
  check_rows("guide", "conditional", conditional, unconditional.rows, unconditional.columns);
  update("guide", unconditional, conditional, Guide{guidance}, stream);
}

void activate(const Rows& x, Activation activation, cudaStream_t stream) {
  check_rows("activate", "x", x, x.rows, x.columns);
  if (activation == Activation::none) return;
  map("activate", x, x, nullptr, Activate{activation}, stream);
}

void add_bias_activate(const Rows& x,
                       const Rows& bias,
                       Activation activation,
                       cudaStream_t stream) {
  check_rows("add_bias_activate", "bias", bias, 1, x.columns);
  update("add_bias_activate", x, bias, AddActivate{activation}, stream);
}

void silu_mul(const Rows& dst, const Rows& src, cudaStream_t stream) {
  check_rows("silu_mul", "dst", dst, dst.rows, dst.columns);
  check_rows("silu_mul", "src", src, dst.rows, 2 * dst.columns);
  SINTER_CHECK(dst.dtype == src.dtype,
               ErrorCode::invalid_argument,
               "[silu_mul] dst: expected ",
               to_string(src.dtype),
               " as in src, got ",
               to_string(dst.dtype));
  with_element(dst.dtype, "silu_mul", [&](auto element) {
    using T = decltype(element);
    const T* const second = static_cast<const T*>(src.data) + dst.columns;
    launch_zip<T, T>("silu_mul",
                     dst,
                     src.data,
                     src.row_stride,
                     second,
                     src.row_stride,
                     aligned(dst) && aligned(src) && aligned(second),
                     SiluMul{},
                     stream);
  });
}

void select_row(const Rows& dst, const Rows& table, const int* index, cudaStream_t stream) {
  check_rows("select_row", "dst", dst, 1, table.columns);
  check_rows("select_row", "table", table, table.rows, table.columns);
  SINTER_CHECK(index != nullptr && table.rows > 0,
               ErrorCode::invalid_argument,
               "[select_row] expected an index and a table with rows");
  map("select_row", dst, table, index, Keep{}, stream);
}

void increment(int* x, cudaStream_t stream) {
  increment_kernel<<<1, 1, 0, stream>>>(x);
  sinter::cuda::check_launch("increment");
}

}  // namespace sinter::ops::cuda
