#include <algorithm>

#include "cuda/status.h"
#include "ops/cuda/key_selection.cuh"
#include "ops/cuda/key_selection.h"
#include "ops/cuda/pack.cuh"

namespace sinter::ops::cuda {

namespace {

// ---- the mean ----

constexpr int kMeanThreads = 256;
constexpr int kMeanColumns = 64;  // of a block: whole sectors of 16-bit values

template <class T>
__global__ void __launch_bounds__(kMeanThreads)
    mean_kernel(float* mean,
                const T* q,
                std::int64_t row_stride,
                std::int64_t head_stride,
                int columns,
                int dim,
                const __grid_constant__ RowGroups groups) {
  constexpr int kLanes = kMeanThreads / kMeanColumns;
  __shared__ float partial[kLanes][kMeanColumns];
  const int within = static_cast<int>(threadIdx.x) % kMeanColumns;
  const int lane = static_cast<int>(threadIdx.x) / kMeanColumns;
  const int column = static_cast<int>(blockIdx.x) * kMeanColumns + within;
  const int group = static_cast<int>(blockIdx.y);
  const int first = groups.first[group], last = groups.first[group + 1];
  float sum = 0.0F;
  if (column < columns) {
    const T* from = q + column / dim * head_stride + column % dim;
#pragma unroll 4
    for (int row = first + lane; row < last; row += kLanes) sum += to_float(from[row * row_stride]);
  }
  partial[lane][within] = sum;
  __syncthreads();
  if (lane != 0 || column >= columns) return;
  for (int other = 1; other < kLanes; ++other) sum += partial[other][within];
  mean[static_cast<std::int64_t>(group) * columns + column] =
      sum / static_cast<float>(last - first);
}

// ---- the largest ----

/// Bits that are ordered as the scores are; both zeros alike, NaN as -inf.
__device__ __forceinline__ std::uint32_t order_of(float score) {
  if (isnan(score)) score = -INFINITY;
  const std::uint32_t bits = score == 0.0F ? 0U : __float_as_uint(score);
  return bits >> 31 != 0 ? ~bits : bits | 0x80000000U;
}

/// What separates the kept keys from the others: all above `value`, and of those equal to it the
/// first `equal`.
struct Cut {
  std::uint32_t value;
  int equal;
};

/// The count-th largest of order[0 .. keys), digit by digit from the top.
__device__ Cut find_cut(const std::uint32_t* order, int keys, int count) {
  constexpr int kDigits = 256, kDigitBits = 8;
  __shared__ int histogram[kDigits];
  __shared__ Cut found;
  const int me = static_cast<int>(threadIdx.x);
  Cut cut{0, count};
  for (int shift = 32 - kDigitBits; shift >= 0; shift -= kDigitBits) {
    if (me < kDigits) histogram[me] = 0;
    __syncthreads();
    for (int key = me; key < keys; key += kChoiceThreads) {
      const std::uint32_t differs = order[key] ^ cut.value;
      if (shift + kDigitBits == 32 || differs >> (shift + kDigitBits) == 0)
        atomicAdd(&histogram[order[key] >> shift & (kDigits - 1)], 1);
    }
    __syncthreads();
    if (me < kWarp) {  // lane 0 has the largest digits
      constexpr int kOfLane = kDigits / kWarp;
      int digit = kDigits - 1 - kOfLane * me, mine = 0;
      for (int i = 0; i < kOfLane; ++i) mine += histogram[digit - i];
      int through = mine;
      for (int step = 1; step < kWarp; step *= 2) {
        const int other = __shfl_up_sync(~0U, through, step);
        if (me >= step) through += other;
      }
      int before = through - mine;
      if (before < cut.equal && cut.equal <= through) {
        while (before + histogram[digit] < cut.equal) before += histogram[digit--];
        found = {cut.value | static_cast<std::uint32_t>(digit) << shift, cut.equal - before};
      }
    }
    __syncthreads();
    cut = found;
  }
  return cut;
}

/// Writes the kept keys, ascending. Each thread takes neighbouring ones.
__device__ void write_kept(const std::uint32_t* order, int keys, const Cut& cut, std::int32_t* to) {
  const int each = (keys + kChoiceThreads - 1) / kChoiceThreads;
  const int begin = min(static_cast<int>(threadIdx.x) * each, keys), end = min(begin + each, keys);
  std::uint32_t mine = 0;  // keys above in the upper half, equal ones in the lower
  for (int key = begin; key < end; ++key)
    mine += order[key] > cut.value ? 0x10000U : order[key] == cut.value ? 1U : 0U;
  const std::uint32_t before = sum_before<kChoiceThreads>(mine);
  int above = static_cast<int>(before >> 16), equal = static_cast<int>(before & 0xFFFFU);
  for (int key = begin; key < end; ++key) {
    if (order[key] > cut.value) {
      to[above++ + min(equal, cut.equal)] = key;
    } else if (order[key] == cut.value) {
      if (equal < cut.equal) to[above + equal] = key;
      ++equal;
    }
  }
}

/// One head of one group. Eight lanes share a key.
template <class T>
__global__ void __launch_bounds__(kChoiceThreads) top_keys_kernel(
    std::int32_t* index, const float* mean, const T* k, int keys, int dim, int count) {
  constexpr int kLanes = 8, kAtOnce = kChoiceThreads / kLanes;
  extern __shared__ std::uint32_t order[];
  __shared__ float query[kMaxDim];
  const int me = static_cast<int>(threadIdx.x), lane = me % kLanes;
  const int head = static_cast<int>(blockIdx.x), heads = static_cast<int>(gridDim.x);
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.y) * heads + head;
  for (int i = me; i < dim; i += kChoiceThreads) query[i] = mean[row * dim + i];
  __syncthreads();
  for (int first = 0; first < keys; first += kAtOnce) {
    const int key = first + me / kLanes;
    float sum = 0.0F;
    if (key < keys) {
      const T* from = k + (static_cast<std::int64_t>(key) * heads + head) * dim;
      for (int i = lane * kVector; i < dim; i += kLanes * kVector) {
        float x[kVector];
        load_vector(from + i, x);
#pragma unroll
        for (int e = 0; e < kVector; ++e) sum = fmaf(x[e], query[i + e], sum);
      }
    }
    sum = lanes_sum<kLanes>(sum);
    if (key < keys && lane == 0) order[key] = order_of(sum);
  }
  __syncthreads();
  write_kept(order, keys, find_cut(order, keys, count), index + row * count);
}

// ---- the copy ----

constexpr int kGatherThreads = 256;

/// Vectors of 16 bytes; `vectors` of them a head.
__global__ void __launch_bounds__(kGatherThreads)
    gather_kernel(const __grid_constant__ ChosenKeys chosen,
                  const uint4* from,
                  const std::int32_t* index,
                  std::int64_t group_stride,
                  std::int64_t head_stride,
                  int keys,
                  int heads,
                  int vectors) {
  const int group = static_cast<int>(blockIdx.y), row = heads * vectors;
  const int half = chosen.count[group] * row;
  const int i = static_cast<int>(blockIdx.x) * kGatherThreads + static_cast<int>(threadIdx.x);
  if (i >= half) return;
  const int n = i / row, head = i % row / vectors;
  const int key = index[group * group_stride + head * head_stride + n];
  const uint4* source = from + key * row + i % row;
  auto* const to = static_cast<uint4*>(chosen.to[group]) + i;
  to[0] = source[0];
  to[half] = source[keys * row];
}

}  // namespace

void mean_queries(float* mean,
                  const ChoiceQueries& q,
                  const ChoiceKeys& like,
                  const RowGroups& groups,
                  cudaStream_t stream) {
  check_keys(like);
  check_groups(groups);
  const auto columns = static_cast<int>(like.heads * like.dim);
  const dim3 grid(static_cast<unsigned>(blocks_for(columns, kMeanColumns)),
                  static_cast<unsigned>(groups.count));
  with_type(like.dtype, [&](auto type) {
    using T = decltype(type);
    mean_kernel<T><<<grid, kMeanThreads, 0, stream>>>(mean,
                                                      static_cast<const T*>(q.data),
                                                      q.row_stride,
                                                      q.head_stride,
                                                      columns,
                                                      static_cast<int>(like.dim),
                                                      groups);
  });
  sinter::cuda::check_launch(kName);
}

void top_keys(std::int32_t* index,
              const float* mean,
              const ChoiceKeys& keys,
              std::int64_t groups,
              std::int64_t count,
              cudaStream_t stream) {
  check_keys(keys);
  check_groups(groups);
  SINTER_CHECK(count >= 1 && count <= keys.keys,
               ErrorCode::invalid_argument,
               "[",
               kName,
               "] count: expected 1..",
               keys.keys,
               ", got ",
               count);
  const dim3 grid(static_cast<unsigned>(keys.heads), static_cast<unsigned>(groups));
  const std::size_t bytes = static_cast<std::size_t>(keys.keys) * sizeof(std::uint32_t);
  with_type(keys.dtype, [&](auto type) {
    using T = decltype(type);
    top_keys_kernel<T><<<grid, kChoiceThreads, bytes, stream>>>(index,
                                                                mean,
                                                                static_cast<const T*>(keys.data),
                                                                static_cast<int>(keys.keys),
                                                                static_cast<int>(keys.dim),
                                                                static_cast<int>(count));
  });
  sinter::cuda::check_launch(kName);
}

void gather_keys(const ChosenKeys& chosen,
                 const ChoiceKeys& from,
                 const std::int32_t* index,
                 std::int64_t group_stride,
                 std::int64_t head_stride,
                 cudaStream_t stream) {
  check_keys(from);
  check_groups(chosen.groups);
  std::int64_t most = 0;
  for (std::size_t g = 0; g < static_cast<std::size_t>(chosen.groups); ++g) {
    SINTER_CHECK(chosen.count[g] >= 1 && chosen.count[g] <= from.keys && aligned(chosen.to[g]),
                 ErrorCode::invalid_argument,
                 "[",
                 kName,
                 "] group ",
                 g,
                 ": expected 1..",
                 from.keys,
                 " keys and aligned memory, got ",
                 chosen.count[g],
                 " keys");
    most = std::max<std::int64_t>(most, chosen.count[g]);
  }
  const std::int64_t vectors = from.dim / kVector;
  SINTER_CHECK(2 * from.keys * from.heads * vectors < std::int64_t{1} << 31,
               ErrorCode::invalid_argument,
               "[",
               kName,
               "] expected keys and values below 32 GiB, got ",
               from.keys,
               " of ",
               from.heads,
               " heads of ",
               from.dim);
  const dim3 grid(static_cast<unsigned>(blocks_for(most * from.heads * vectors, kGatherThreads)),
                  static_cast<unsigned>(chosen.groups));
  gather_kernel<<<grid, kGatherThreads, 0, stream>>>(chosen,
                                                     static_cast<const uint4*>(from.data),
                                                     index,
                                                     group_stride,
                                                     head_stride,
                                                     static_cast<int>(from.keys),
                                                     static_cast<int>(from.heads),
                                                     static_cast<int>(vectors));
  sinter::cuda::check_launch(kName);
}

}  // namespace sinter::ops::cuda
