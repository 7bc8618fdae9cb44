#pragma once
// The norm of rows that threads hold in registers between their one reading and their writing: a
// warp a row, or a block of four where rows are long or few.
//
// A thread holds vectors of four elements, as PyTorch's layer_norm hands them out, so that exact
// statistics need no other layout than fast ones. Which of its 128 threads a thread stands for is
// chosen so that the first merges are between what one thread holds: lane l of a warp stands for
// the threads l % 8 + {0, 8, 16, 24} of warp l / 8, and the merges over lanes 16, 8 of 32 become
// merges in registers. torch.mean's accumulators want consecutive vectors on consecutive lanes.

#include <algorithm>
#include <type_traits>

#include "cuda/status.h"
#include "ops/fused/cuda/norm_plan.h"
#include "ops/fused/cuda/rows.cuh"
#include "ops/fused/cuda/torch_sums.cuh"

namespace sinter::fused::cuda {

namespace {

using ops::cuda::kWarp;

constexpr int kHeldThreads = 128;
constexpr int kFour = 4;
constexpr int kMostOfAnyPair = 12;  // slots; longer rows have one pair of vectors

/// Four elements as they lie in memory.
template <class T>
struct Four {
  std::conditional_t<std::is_same_v<T, float>, uint4, uint2> words;
};

/// Asked for once: the caches may forget it before what is asked for again.
template <class T>
__device__ __forceinline__ Four<T> load_once(const T* from) {
  return {__ldcs(reinterpret_cast<const decltype(Four<T>::words)*>(from))};
}
template <class T>
__device__ __forceinline__ Four<T> load_four(const T* from) {
  return {*reinterpret_cast<const decltype(Four<T>::words)*>(from)};
}
template <class T>
__device__ __forceinline__ void store(T* to, const Four<T>& four) {
  *reinterpret_cast<decltype(Four<T>::words)*>(to) = four.words;
}

template <class T>
__device__ __forceinline__ void unpack(const Four<T>& four, float (&to)[kFour]) {
  if constexpr (std::is_same_v<T, float>) {
    memcpy(to, &four.words, sizeof to);
  } else {
    const float2 low = ops::cuda::unpack<T>(four.words.x),
                 high = ops::cuda::unpack<T>(four.words.y);
    to[0] = low.x, to[1] = low.y, to[2] = high.x, to[3] = high.y;
  }
}
/// Rounded to nearest.
template <class T>
__device__ __forceinline__ Four<T> pack(const float (&from)[kFour]) {
  Four<T> four;
  if constexpr (std::is_same_v<T, float>) {
    memcpy(&four.words, from, sizeof from);
  } else {
    four.words =
        make_uint2(ops::cuda::pack<T>(from[0], from[1]), ops::cuda::pack<T>(from[2], from[3]));
  }
  return four;
}

template <class T>
__device__ __forceinline__ Four<T> same_four(float x) {
  return pack<T>({x, x, x, x});
}

/// As the type holds them.
template <class T>
__device__ __forceinline__ void round_four(float (&x)[kFour]) {
  unpack<T>(pack<T>(x), x);
}

/// Arithmetic of the 16-bit types themselves. A product or sum of theirs that is rounded to f32 and
/// then to them is the one rounded once: f32 has more than twice their digits (Figueroa, "When is
/// double rounding innocuous?", 1995).
template <class T>
struct Pairs {
  using Pair = std::conditional_t<std::is_same_v<T, __half>, __half2, __nv_bfloat162>;

  template <class Operation>
  static __device__ __forceinline__ Four<T> each(const Four<T>& a,
                                                 const Four<T>& b,
                                                 Operation operation) {
    Pair x[2], y[2];
    memcpy(x, &a.words, sizeof x);
    memcpy(y, &b.words, sizeof y);
    const Pair z[2] = {operation(x[0], y[0]), operation(x[1], y[1])};
    Four<T> four;
    memcpy(&four.words, z, sizeof z);
    return four;
  }
  static __device__ __forceinline__ Four<T> product(const Four<T>& a, const Four<T>& b) {
    return each(a, b, [](Pair x, Pair y) { return __hmul2_rn(x, y); });
  }
  static __device__ __forceinline__ Four<T> sum(const Four<T>& a, const Four<T>& b) {
    return each(a, b, [](Pair x, Pair y) { return __hadd2_rn(x, y); });
  }
  static __device__ __forceinline__ Four<T> one_more(const Four<T>& a) {
    return sum(same_four<T>(1.0F), a);
  }
};

/// A vector that modulates rows: of each column, one number for all, or absent for `otherwise`.
template <class V>
struct HeldVector {
  const V* data = nullptr;
  std::int64_t sample_stride = 0, token_stride = 0;
  Divisor tokens_each;
  bool number = false;

  HeldVector() = default;
  explicit HeldVector(const Modulation& m)
      : data(static_cast<const V*>(m.data)),
        sample_stride(m.sample_stride),
        token_stride(m.token_stride),
        tokens_each(m.tokens_each),
        number(m.column_stride == 0) {}
  __device__ __forceinline__ bool present() const { return data != nullptr; }

  /// One for each column.
  __device__ __forceinline__ bool is_vector() const { return data != nullptr && !number; }

  /// From the thread's first column on. Weights have no strides and one row.
  __device__ __forceinline__ const V* row(const Place& p) const {
    return data + p.sample * sample_stride + tokens_each.quotient(p.token) * token_stride +
           p.column;
  }
  __device__ __forceinline__ Four<V> all(float otherwise) const {
    return same_four<V>(data == nullptr ? otherwise : ops::cuda::to_float(*data));
  }
  __device__ __forceinline__ Four<V> at(const V* row, int column, float otherwise) const {
    return is_vector() ? load_four(row + column) : all(otherwise);
  }

  /// What stands at the thread's columns, all of it asked for at once.
  template <class Held, bool Full, int Slots>
  __device__ __forceinline__ void load(
      const Place& p, int first, int vectors, float otherwise, Four<V> (&to)[Slots]) const {
    if (!is_vector()) {
      const Four<V> same = all(otherwise);
#pragma unroll
      for (int j = 0; j < Slots; ++j) to[j] = same;
      return;
    }
    const V* const from = row(p);
#pragma unroll
    for (int j = 0; j < Slots; ++j)
      if (Full || first + Held::step(j) < vectors) to[j] = load_four(from + Held::step(j) * kFour);
  }
};

template <class T, class V>
struct HeldNorm {
  Strided<const T> x, residual;
  Strided<T> y, sum;
  HeldVector<V> weight, bias, gate, scale, shift;
  Divisor tokens;
  unsigned rows;
  int columns, vectors;  // vectors of four
  float eps;
  float mean_factor;   // Statistics::mean
  bool equal;          // each of PyTorch's threads has as many elements: `count`
  float count, share;  // share: count / (2 count), as merged() rounds it
  bool rms, exact, round_norm;
  bool one_pair;      // as `Full` in held_kernel() wants it
  bool weight_after;  // the weight multiplies what is rounded
};

enum class Order { vectors, mean };

/// What a thread holds of a row that `Warps` warps share, four columns a slot.
template <Order O, int Warps>
struct Layout {
  static constexpr int kChains =
      O == Order::mean && Warps == 1 ? 1 : 4 / Warps;  // PyTorch's threads
  static constexpr int kRowThreads = kWarp * Warps;
  static constexpr int kLanes = kWarp / kChains;  // that stand for one of its warps

  /// The vector in the thread's first slot, and how far from there is that of another.
  static __device__ __forceinline__ int first(int thread) {
    return kChains == 1 ? thread : thread / kLanes * kWarp + thread % kLanes;
  }
  static __device__ __forceinline__ constexpr int step(int slot) {
    return slot % kChains * kLanes + slot / kChains * (kRowThreads * kChains);
  }
};

/// Of Statistics::vectors, from what each chain of a thread has gathered. Fold(mine, other, level)
/// merges two after `level` merges before.
template <int Warps, class Element, class Fold, class FromAbove, class Shared>
__device__ __forceinline__ Element
fold_row(Element (&chains)[4 / Warps], Fold fold, FromAbove from_above, Shared shared) {
  constexpr int kChains = 4 / Warps, kLanes = kWarp / kChains;
  int level = 0;
#pragma unroll
  for (int half = kChains / 2; half > 0; half /= 2, ++level) {
#pragma unroll
    for (int c = 0; c < half; ++c) chains[c] = fold(chains[c], chains[c + half], level);
  }
  Element all = chains[0];
#pragma unroll
  for (int distance = kLanes / 2; distance > 0; distance /= 2)
    all = fold(all, from_above(all, distance), level++);
  // Now every kLanes-th lane has what one of PyTorch's warps has.
  if constexpr (Warps == 1) {
    all = fold(all, from_above(all, 2 * kLanes), level++);
    return fold(all, from_above(all, kLanes), level);
  } else {
    const auto part = shared(all);
    const Element even = fold(part[0], part[2], level), odd = fold(part[1], part[3], level);
    return fold(even, odd, level + 1);
  }
}

/// What lane 0 of each of four warps has, for every thread.
struct FourMoments {
  Moments part[4];
  float count[4];
  __device__ __forceinline__ const Moments& operator[](int i) const { return part[i]; }
};
__device__ __forceinline__ FourMoments shared_moments(const Moments& m, float count) {
  __shared__ float shared[3][4];
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  if (threadIdx.x % kWarp == 0) {
    shared[0][warp] = m.mean;
    shared[1][warp] = m.squares;
    shared[2][warp] = count;
  }
  __syncthreads();
  FourMoments all;
#pragma unroll
  for (int w = 0; w < 4; ++w) {
    all.part[w] = {shared[0][w], shared[1][w]};
    all.count[w] = shared[2][w];
  }
  return all;
}

struct CountedMoments {
  Moments m;
  float count;
};

template <int Warps, bool Full, class Task>
__device__ __forceinline__ RowStatistics merged_statistics(const Task& o,
                                                           int first,
                                                           Moments (&m)[4 / Warps]) {
  constexpr int kChains = 4 / Warps;
  using Held = Layout<Order::vectors, Warps>;
  const auto finish = [&](Moments row) -> RowStatistics {
    if constexpr (Warps == 1)
      row = {__shfl_sync(~0U, row.mean, 0), __shfl_sync(~0U, row.squares, 0)};
    return {row.mean,
            rsqrtf(__fadd_rn(__fdiv_rn(row.squares, static_cast<float>(o.columns)), o.eps))};
  };
  if (o.rms) {
    return finish(fold_row<Warps>(
        m,
        [](const Moments& a, const Moments& b, int) {
          return Moments{0.0F, __fadd_rn(a.squares, b.squares)};
        },
        [](const Moments& a, int distance) {
          return Moments{0.0F, __shfl_down_sync(~0U, a.squares, distance)};
        },
        [](const Moments& a) { return shared_moments(a, 0.0F); }));
  }
  if (Full || o.equal) {
    return finish(fold_row<Warps>(
        m,
        [&](const Moments& a, const Moments& b, int level) {
          return merged_equal(a, b, o.count * static_cast<float>(1 << level), o.share);
        },
        [](const Moments& a, int distance) { return from_lane_above(a, distance); },
        [](const Moments& a) { return shared_moments(a, 0.0F); }));
  }
  CountedMoments counted[kChains];
#pragma unroll
  for (int c = 0; c < kChains; ++c) {
    const int vector = first + Held::step(c), turns = o.vectors - vector + kTorchNormThreads - 1;
    counted[c] = {
        m[c], vector < o.vectors ? static_cast<float>(turns / kTorchNormThreads * kFour) : 0.0F};
  }
  struct FourCounted {
    FourMoments four;
    __device__ CountedMoments operator[](int i) const { return {four.part[i], four.count[i]}; }
  };
  return finish(
      fold_row<Warps>(
          counted,
          [](const CountedMoments& a, const CountedMoments& b, int) {
            return CountedMoments{merged(a.m, a.count, b.m, b.count), a.count + b.count};
          },
          [](const CountedMoments& a, int distance) {
            return CountedMoments{from_lane_above(a.m, distance),
                                  __shfl_down_sync(~0U, a.count, distance)};
          },
          [](const CountedMoments& a) { return FourCounted{shared_moments(a.m, a.count)}; })
          .m);
}

template <int Warps, bool Full, class T, class Task, int Slots>
__device__ __forceinline__ RowStatistics vector_statistics(const Task& o,
                                                           int first,
                                                           const Four<T> (&held)[Slots]) {
  using Held = Layout<Order::vectors, Warps>;
  Moments m[Held::kChains];
  float value[kFour];
  const auto each = [&](auto add) {
#pragma unroll
    for (int j = 0; j < Slots; ++j) {
      if (!Full && first + Held::step(j) >= o.vectors) continue;
      unpack<T>(held[j], value);
#pragma unroll
      for (int e = 0; e < kFour; ++e)
        add(m[j % Held::kChains], value[e], j / Held::kChains * kFour + e);
    }
  };
  if (o.rms) {
    each([](Moments& mine, float x, int) { mine.squares = __fmaf_rn(x, x, mine.squares); });
  } else {
    each([](Moments& mine, float x, int before) {
      add_element(mine, x, 1.0F / static_cast<float>(before + 1));
    });
  }
  return merged_statistics<Warps, Full>(o, first, m);
}

/// PyTorch's accumulators of torch.mean are the columns modulo 128. A warp holds them as they are;
/// four pass the row through shared memory, one accumulator a thread.
template <int Warps, bool Full, class T, class Task, int Slots>
__device__ __forceinline__ RowStatistics mean_statistics(const Task& o,
                                                         int first,
                                                         const Four<T> (&held)[Slots]) {
  using Held = Layout<Order::mean, Warps>;
  float squares[kFour] = {};
  if constexpr (Warps == 1) {
    float value[kFour];
#pragma unroll
    for (int j = 0; j < Slots; ++j) {
      if (!Full && first + Held::step(j) >= o.vectors) continue;
      unpack<T>(held[j], value);
#pragma unroll
      for (int e = 0; e < kFour; ++e) squares[e] = add_square(squares[e], value[e]);
    }
  } else {
    constexpr int kAccumulators = 128;
    __shared__ Four<T> row[Slots * kHeldThreads];
    __shared__ float4 sums[kAccumulators / kFour];
#pragma unroll
    for (int j = 0; j < Slots; ++j)
      if (Full || first + Held::step(j) < o.vectors) row[first + Held::step(j)] = held[j];
    __syncthreads();
    const T* const elements = reinterpret_cast<const T*>(row) + threadIdx.x;
    const int left = o.columns - static_cast<int>(threadIdx.x);
    float sum = 0.0F;
#pragma unroll
    for (int k = 0; k < Slots * kFour; ++k)
      if (Full || k * kAccumulators < left)
        sum = add_square(sum, ops::cuda::to_float(elements[k * kAccumulators]));
    reinterpret_cast<float*>(sums)[threadIdx.x] = sum;
    __syncthreads();
    const float4 mine = sums[threadIdx.x % kWarp];
    squares[0] = mine.x, squares[1] = mine.y, squares[2] = mine.z, squares[3] = mine.w;
  }
  return {0.0F, warp_inverse_rms(squares, o.mean_factor, o.eps)};
}

/// (x - mean) * inverse, each rounded to f32.
template <class T>
__device__ __forceinline__ void normed(const Four<T>& x,
                                       const RowStatistics& s,
                                       float (&n)[kFour]) {
  unpack<T>(x, n);
#pragma unroll
  for (int e = 0; e < kFour; ++e) n[e] = __fmul_rn(__fsub_rn(n[e], s.mean), s.inverse);
}

/// n * (one + factor) + summand, the product not rounded.
template <class V>
__device__ __forceinline__ void multiply_add(float (&n)[kFour],
                                             float one,
                                             const Four<V>& factor,
                                             const Four<V>& summand) {
  float f[kFour], b[kFour];
  unpack<V>(factor, f);
  unpack<V>(summand, b);
#pragma unroll
  for (int e = 0; e < kFour; ++e) n[e] = fmaf(n[e], one + f[e], b[e]);
}

/// n * weight after n was rounded, and rounded itself where both are of T; what a weight of another
/// type makes f32 stays it.
template <class T, class V>
__device__ __forceinline__ void weigh_rounded(float (&n)[kFour],
                                              const Four<V>& weight,
                                              bool round_norm) {
  float w[kFour];
  unpack<V>(weight, w);
  if (round_norm) round_four<T>(n);
#pragma unroll
  for (int e = 0; e < kFour; ++e) n[e] = __fmul_rn(n[e], w[e]);
  if (std::is_same_v<T, V> && round_norm) round_four<T>(n);
}

/// n * (1 + scale) + shift, each rounded as its operator rounds it; n itself too where
/// `round_norm`.
template <class T, class V>
__device__ __forceinline__ Four<T> modulated(float (&n)[kFour],
                                             const Four<V>& scale,
                                             const Four<V>& shift,
                                             bool round_norm) {
  if constexpr (std::is_same_v<T, V> && !std::is_same_v<T, float>) {
    if (round_norm)
      return Pairs<T>::sum(Pairs<T>::product(pack<T>(n), Pairs<T>::one_more(scale)), shift);
  }
  // From here on in f32: n, or what multiplies it, is.
  float factor[kFour], summand[kFour];
  unpack<V>(scale, factor);
  unpack<V>(shift, summand);
#pragma unroll
  for (int e = 0; e < kFour; ++e) factor[e] = __fadd_rn(1.0F, factor[e]);
  round_four<V>(factor);
  if (round_norm) round_four<T>(n);
#pragma unroll
  for (int e = 0; e < kFour; ++e) n[e] = __fadd_rn(__fmul_rn(n[e], factor[e]), summand[e]);
  return pack<T>(n);
}

/// residual + gate * x, as the next reader will see it.
template <class T, class V>
__device__ __forceinline__ Four<T> gated_sum(const Four<T>& x,
                                             const Four<T>& residual,
                                             const Four<V>& gate,
                                             bool exact) {
  float value[kFour], sum[kFour], factor[kFour];
  unpack<T>(x, value);
  unpack<T>(residual, sum);
  unpack<V>(gate, factor);
  if (exact) {
#pragma unroll
    for (int e = 0; e < kFour; ++e) factor[e] = __fmul_rn(factor[e], value[e]);
    if constexpr (std::is_same_v<T, V>) round_four<T>(factor);
#pragma unroll
    for (int e = 0; e < kFour; ++e) sum[e] = __fadd_rn(sum[e], factor[e]);
  } else {
#pragma unroll
    for (int e = 0; e < kFour; ++e) sum[e] = fmaf(factor[e], value[e], sum[e]);
  }
  return pack<T>(sum);
}

/// What a kernel has in registers at its widest, and so how many of its blocks run side by side:
/// more of them wait for memory together than more vectors of one would.
template <class T, class V, int Warps, int Slots, bool Full, bool Gated>
struct Registers {
  static constexpr int kOfT = Slots * static_cast<int>(sizeof(T));
  static constexpr int kOfV = Slots * static_cast<int>(sizeof(V));
  /// The scale and shift are asked for before the statistics: of use where rows are few.
  static constexpr bool kEarly = Full && Warps == 4 && kOfV <= 8;
  static constexpr int kAll = kOfT + (Gated ? kOfT + kOfV + 16 : 24) + (kEarly ? 2 * kOfV : 0) +
                              (Full ? 0 : 8) + (sizeof(V) == 4 ? 8 : 0);
  static constexpr int kAligned = (kAll + 7) / 8 * 8;  // as the hardware hands them out
  static constexpr int kBlocks = std::clamp(65536 / kHeldThreads / kAligned, 1, 12);
};

/// Full: rows of exactly as many columns as their threads hold, with a scale and shift or a weight
/// and bias, one for each column.
template <class T, class V, Order O, int Warps, int Slots, bool Full, bool Gated>
__global__ void __launch_bounds__(kHeldThreads, Registers<T, V, Warps, Slots, Full, Gated>::kBlocks)
    held_kernel(const __grid_constant__ HeldNorm<T, V> o) {
  using Held = Layout<O, Warps>;
  using Use = Registers<T, V, Warps, Slots, Full, Gated>;
  const int thread = static_cast<int>(threadIdx.x) % Held::kRowThreads;
  const unsigned row = blockIdx.x * (kHeldThreads / Held::kRowThreads) +
                       threadIdx.x / static_cast<unsigned>(Held::kRowThreads);
  if (row >= o.rows) return;  // a whole warp, or with four a row none
  const int first = Held::first(thread);
  Place place{.sample = 0, .token = row, .column = first * kFour};
  place.sample = o.tokens.divide(place.token);
  const auto each = [&](auto body) {
#pragma unroll
    for (int j = 0; j < Slots; ++j)
      if (Full || first + Held::step(j) < o.vectors) body(j, Held::step(j) * kFour);
  };
  const auto load = [&](const HeldVector<V>& vector, float otherwise, Four<V>(&to)[Slots]) {
    vector.template load<Held, Full>(place, first, o.vectors, otherwise, to);
  };

  // Loads alone, nothing that would wait for one of them before the next is asked for.
  Four<T> held[Slots];
  const T* const x = o.x.at(place);
  each([&](int j, int column) { held[j] = load_once(x + column); });
  if constexpr (Gated) {
    const T* const residual = o.residual.at(place);
    T* const sum = o.sum.at(place);
    Four<T> before[Slots];
    Four<V> gate[Slots];
    each([&](int j, int column) { before[j] = load_once(residual + column); });
    load(o.gate, 1.0F, gate);
    each([&](int j, int column) {
      held[j] = gated_sum<T, V>(held[j], before[j], gate[j], o.exact);
      store(sum + column, held[j]);
    });
  }
  // Of the two pairs of vectors the one that most norms have.
  const bool modulates = o.scale.present();
  const HeldVector<V>&factors = modulates ? o.scale : o.weight,
        &summands = modulates ? o.shift : o.bias;
  const V *const factor_row = factors.row(place), *const summand_row = summands.row(place);
  Four<V> early[Use::kEarly ? 2 : 1][Use::kEarly ? Slots : 1];
  if constexpr (Use::kEarly) {
    each([&](int j, int column) { early[0][j] = load_four(factor_row + column); });
    if (summands.present())
      each([&](int j, int column) { early[1][j] = load_four(summand_row + column); });
  }
  const RowStatistics s = [&] {
    if constexpr (O == Order::vectors) return vector_statistics<Warps, Full, T>(o, first, held);
    if constexpr (O == Order::mean) return mean_statistics<Warps, Full, T>(o, first, held);
  }();

  T* const y = o.y.at(place);
  // `direct`: the pair is vectors. Else absent ones are what changes nothing: x * 1 + -0 is x, for
  // -0 too.
  const auto finish = [&](auto direct) {
    constexpr bool kDirect = decltype(direct)::value;
    const auto factor = [&](int j, int column) {
      if constexpr (Use::kEarly) return early[0][j];
      if constexpr (!Use::kEarly && kDirect) return load_four(factor_row + column);
      if constexpr (!kDirect) return factors.at(factor_row, column, 1.0F);
    };
    const auto summand = [&](int j, int column) {
      if constexpr (Use::kEarly) return early[1][j];
      if constexpr (!Use::kEarly && kDirect) return load_four(summand_row + column);
      if constexpr (!kDirect) return summands.at(summand_row, column, -0.0F);
    };
    float n[kFour];
    if (!modulates && o.rms) {
      each([&](int j, int column) {
        normed<T>(held[j], s, n);
        if (O == Order::mean && o.weight_after) {
          weigh_rounded<T, V>(n, factor(j, column), o.round_norm);
        } else {
          multiply_add<V>(n, 0.0F, factor(j, column), same_four<V>(-0.0F));
        }
        store(y + column, pack<T>(n));
      });
      return;
    }
    if (!modulates) {
      each([&](int j, int column) {
        normed<T>(held[j], s, n);
        multiply_add<V>(n, 0.0F, factor(j, column), summand(j, column));
        store(y + column, pack<T>(n));
      });
      return;
    }
    // Where both pairs are there, the weight and bias come late.
    const bool late = !kDirect && o.weight.present();
    const V *const weight_row = o.weight.row(place), *const bias_row = o.bias.row(place);
    const auto weigh = [&](int column) {
      multiply_add<V>(
          n, 0.0F, o.weight.at(weight_row, column, 1.0F), o.bias.at(bias_row, column, -0.0F));
    };
    if (O == Order::vectors && !o.exact) {
      each([&](int j, int column) {
        normed<T>(held[j], s, n);
        if (late) weigh(column);
        multiply_add<V>(n, 1.0F, factor(j, column), summand(j, column));
        store(y + column, pack<T>(n));
      });
      return;
    }
    each([&](int j, int column) {
      bool round_norm = o.round_norm;
      normed<T>(held[j], s, n);
      if (late && O == Order::mean && o.weight_after) {
        weigh_rounded<T, V>(n, o.weight.at(weight_row, column, 1.0F), round_norm);
        round_norm = round_norm && std::is_same_v<T, V>;
      } else if (late) {
        weigh(column);
      }
      store(y + column, modulated<T, V>(n, factor(j, column), summand(j, column), round_norm));
    });
  };
  if constexpr (Full || Slots > kMostOfAnyPair) {
    finish(std::true_type{});
  } else {
    o.one_pair ? finish(std::true_type{}) : finish(std::false_type{});
  }
}

/// As `Full` in held_kernel() has it.
bool has_one_pair(const NormPlan& plan) {
  const NormRows& rows = plan.rows;
  const auto is_vector = [](const Modulation& m) {
    return m.data != nullptr && m.column_stride != 0;
  };
  if (rows.scale.data == nullptr) return rows.weight.data != nullptr;
  return rows.weight.data == nullptr && is_vector(rows.scale) && is_vector(rows.shift);
}

template <class T, class V>
HeldNorm<T, V> held_norm(const NormPlan& plan) {
  const NormScaleShift& op = plan.op;
  const NormRows& rows = plan.rows;
  HeldNorm<T, V> task{
      .x = strided<const T>(op.x, rows.x),
      .residual = strided<const T>(op.residual, rows.residual),
      .y = strided<T>(op.y, rows.y),
      .sum = strided<T>(op.sum, rows.sum),
      .weight = HeldVector<V>(rows.weight),
      .bias = HeldVector<V>(rows.bias),
      .gate = HeldVector<V>(rows.gate),
      .scale = HeldVector<V>(rows.scale),
      .shift = HeldVector<V>(rows.shift),
      .tokens = Divisor(rows.x.tokens),
      .rows = static_cast<unsigned>(plan.row_count()),
      .columns = static_cast<int>(rows.x.columns),
      .vectors = static_cast<int>(rows.x.columns / kFour),
      .eps = op.eps,
      .mean_factor = plan.mean.factor,
      .equal = rows.x.columns % (kTorchNormThreads * kFour) == 0,
      .count = static_cast<float>(rows.x.columns / kTorchNormThreads),
      .share = 0.0F,
      .rms = op.kind == NormKind::rms,
      .exact = op.rounding == Rounding::exact,
      .round_norm = op.norm_type != ElementType::f32,
      .one_pair = has_one_pair(plan),
      .weight_after = op.kind == NormKind::rms && op.weight.present() && !op.weight_in_f32};
  task.share = task.count * (1.0F / (2.0F * task.count));
  return task;
}

/// Every row and vector starts at a multiple of four of its elements.
bool in_fours(const NormPlan& plan) {
  const NormScaleShift& op = plan.op;
  const auto four = [](const Array& a) { return 4 * size_of(dtype_of(a.type)); };
  for (const Array* a : {&op.x, &op.residual, &op.y, &op.sum})
    if (a->present() && !is_aligned(*a, four(*a))) return false;
  for (const auto& [v, m] : {std::pair{&op.weight, &plan.rows.weight},
                             {&op.bias, &plan.rows.bias},
                             {&op.gate, &plan.rows.gate},
                             {&op.scale, &plan.rows.scale},
                             {&op.shift, &plan.rows.shift}}) {
    if (v->present() && m->column_stride != 0 &&
        (reinterpret_cast<std::uintptr_t>(v->data) % four(*v) != 0 ||
         m->sample_stride % kFour != 0 || m->token_stride % kFour != 0))
      return false;
  }
  return plan.rows.x.columns % kFour == 0;
}

template <int... Each>
using Slots = std::integer_sequence<int, Each...>;

/// The kernel with the first of the numbers of slots that `fits`.
template <class T, class V, Order O, int Warps, bool Full, bool Gated, class Fits, int... Each>
bool launch_held(const NormPlan& plan, Fits fits, Slots<Each...>, cudaStream_t stream) {
  const auto try_one = [&]<int kSlots>() {
    // More registers of elements would not leave enough to work with.
    constexpr int kRegisters = kSlots * static_cast<int>(sizeof(T)) * (Gated ? 2 : 1);
    // What static shared memory there is.
    constexpr bool kRowFits =
        O != Order::mean || kSlots * kHeldThreads * kFour * sizeof(T) <= std::size_t{40} << 10;
    if constexpr (kRegisters <= 128 && kRowFits) {
      const HeldNorm<T, V> task = held_norm<T, V>(plan);
      if (!fits(kSlots) || (kSlots > kMostOfAnyPair && !task.one_pair)) return false;
      held_kernel<T, V, O, Warps, kSlots, Full, Gated>
          <<<ops::cuda::blocks_for(task.rows, kHeldThreads / (kWarp * Warps)),
             kHeldThreads,
             0,
             stream>>>(task);
      sinter::cuda::check_launch("norm");
      return true;
    } else {
      return false;
    }
  };
  return (try_one.template operator()<Each>() || ...);
}

template <class T, class V, Order O, bool Gated>
bool launch_order(const NormPlan& plan, cudaStream_t stream) {
  constexpr std::int64_t kTurn = kHeldThreads * kFour;  // columns that four warps hold in a slot
  constexpr std::int64_t kFewRows = 2048;               // a warp each leaves processors idle
  constexpr std::int64_t kShort = 1024;  // up to here a warp a row has little to hold
  const std::int64_t columns = plan.rows.x.columns, turns = (columns + kTurn - 1) / kTurn;
  const bool full = columns % kTurn == 0 && has_one_pair(plan);
  // With a residual there is enough to wait for without it.
  if constexpr (!Gated) {
    const auto is = [&](int slots) { return full && 4 * turns == slots; };
    const auto holds = [&](int slots) { return 4 * turns <= slots; };
    if (plan.row_count() >= kFewRows && columns <= kShort)
      return launch_held<T, V, O, 1, true, Gated>(plan, is, Slots<4, 8>{}, stream) ||
             launch_held<T, V, O, 1, false, Gated>(plan, holds, Slots<8>{}, stream);
  }
  // torch.mean has another order from 8192 columns on.
  using Even = std::conditional_t<O == Order::mean,
                                  Slots<1, 2, 3, 4, 6, 8, 10>,
                                  Slots<1, 2, 3, 4, 6, 8, 10, 16, 32>>;
  using Ragged = std::conditional_t<O == Order::mean, Slots<4, 12>, Slots<4, 12, 32>>;
  const auto is = [&](int slots) { return full && turns == slots; };
  const auto holds = [&](int slots) { return turns <= slots; };
  return launch_held<T, V, O, 4, true, Gated>(plan, is, Even{}, stream) ||
         launch_held<T, V, O, 4, false, Gated>(plan, holds, Ragged{}, stream);
}

}  // namespace

template <class T, class V>
bool run_held_rows(const NormPlan& plan, cudaStream_t stream) {
  if (!in_fours(plan)) return false;
  const auto run = [&]<Order kOrder>() {
    return plan.op.residual.present() ? launch_order<T, V, kOrder, true>(plan, stream)
                                      : launch_order<T, V, kOrder, false>(plan, stream);
  };
  switch (plan.statistics) {
    case Statistics::vectors:
      return run.template operator()<Order::vectors>();
    case Statistics::mean:
      return is_warp_order(plan.mean, plan.rows.x.columns) &&
             run.template operator()<Order::mean>();
    case Statistics::single:
      return false;
  }
  return false;
}

}  // namespace sinter::fused::cuda
