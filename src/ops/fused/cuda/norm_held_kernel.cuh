#pragma once
// The norm of rows that threads hold in registers between their one reading and their writing.

#include <algorithm>

#include "ops/fused/cuda/norm_held_statistics.cuh"

namespace sinter::fused::cuda {

namespace {

constexpr int kMostOfAnyPair = 12;  // slots; longer rows have one pair of vectors

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

/// Where the scale and shift, or the weight and bias, wait for the statistics.
enum class Ahead {
  no,         ///< asked for after the statistics: many rows wait for memory by turns anyhow
  registers,  ///< of each thread
  shared,     ///< once for all rows of a block
};

/// What a kernel has in registers at its widest, and so how many of its blocks run side by side:
/// more of them wait for memory together than more vectors of one would.
template <class T, class V, int Warps, int Slots, bool Full, bool Gated, Ahead A>
struct Registers {
  static constexpr int kOfT = Slots * static_cast<int>(sizeof(T));
  static constexpr int kOfV = Slots * static_cast<int>(sizeof(V));
  static constexpr int kChains = (4 / Warps - 1) * 8;  // moments of the threads it stands for
  static constexpr int kAll = kOfT + (Gated ? kOfT + kOfV + 16 : 24) + kChains +
                              (A == Ahead::registers ? 2 * kOfV : 0) + (Full ? 0 : 16) +
                              (sizeof(V) == 4 ? 8 : 0);
  static constexpr int kAligned = (kAll + 7) / 8 * 8;  // as the hardware hands them out
  static constexpr int kBlocks = std::clamp(65536 / kHeldThreads / kAligned, 1, 12);
};

/// A block's warps, one a row, copy the pair that all its rows have, each the slots of its turn, as
/// every one of them will read it.
template <class Held, class V, int OfRow>
__device__ __forceinline__ void copy_pair(Four<V> (&to)[2][OfRow],
                                          const HeldVector<V>& factors,
                                          const HeldVector<V>& summands,
                                          const Place& place) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  for (int j = static_cast<int>(threadIdx.x) / kWarp; j < OfRow / kWarp;
       j += kHeldThreads / kWarp) {
    const int slot = j * kWarp + lane, column = Held::step(j) * kFour;
    copy_four(&to[0][slot], factors.row(place) + column);
    if (summands.present()) copy_four(&to[1][slot], summands.row(place) + column);
  }
}

/// Full: rows of exactly as many columns as their threads hold, with a scale and shift or a weight
/// and bias, one for each column.
template <class T, class V, Order O, int Warps, int Slots, bool Full, bool Gated, Ahead A>
__global__ void __launch_bounds__(kHeldThreads,
                                  Registers<T, V, Warps, Slots, Full, Gated, A>::kBlocks)
    held_kernel(const __grid_constant__ HeldNorm<T, V> o) {
  using Held = Layout<O, Warps>;
  static_assert(A == Ahead::no || Full);
  const int thread = static_cast<int>(threadIdx.x) % Held::kRowThreads;
  constexpr unsigned kRows = kHeldThreads / Held::kRowThreads;
  const unsigned first_row = blockIdx.x * kRows;
  const unsigned row = first_row + threadIdx.x / static_cast<unsigned>(Held::kRowThreads);
  const int first = Held::first(thread);
  const auto place_of = [&](unsigned r) {
    Place p{.sample = 0, .token = r, .column = first * kFour};
    p.sample = o.tokens.divide(p.token);
    return p;
  };
  const Place place = place_of(row);
  // Of the two pairs of vectors the one that most norms have.
  const bool modulates = o.scale.present();
  const HeldVector<V>&factors = modulates ? o.scale : o.weight,
        &summands = modulates ? o.shift : o.bias;
  // Whether a block's rows have one pair; else each asks for its own.
  __shared__ Four<V> shared[A == Ahead::shared ? 2 : 1][A == Ahead::shared ? Slots * kWarp : 1];
  bool one_for_all = false;
  const auto share_pair = [&] {
    if constexpr (A == Ahead::shared) {
      const Place from = place_of(first_row), to = place_of(min(first_row + kRows - 1, o.rows - 1));
      one_for_all = factors.row(from) == factors.row(to) && summands.row(from) == summands.row(to);
      if (one_for_all) copy_pair<Held>(shared, factors, summands, from);
    }
  };
  const auto wait_for_pair = [&] {
    if (A != Ahead::shared || !one_for_all) return;
    wait_for_copies();
    __syncthreads();
  };
  if (row >= o.rows) {  // a whole warp, or with four a row none
    share_pair();
    wait_for_pair();
    return;
  }
  const auto each = [&](auto body) {
#pragma unroll
    for (int j = 0; j < Slots; ++j)
      if (Full || first + Held::step(j) < o.vectors) body(j, Held::step(j) * kFour);
  };

  // Loads alone, nothing that would wait for one of them before the next is asked for.
  Four<T> held[Slots];
  const T* const x = o.x.at(place);
  each([&](int j, int column) { held[j] = load_once(x + column); });
  Four<T> before[Gated ? Slots : 1];
  Four<V> gate[Gated ? Slots : 1];
  if constexpr (Gated) {
    const T* const residual = o.residual.at(place);
    each([&](int j, int column) { before[j] = load_once(residual + column); });
    o.gate.template load<Held, Full>(place, first, o.vectors, 1.0F, gate);
  }
  const auto add_residual = [&] {
    T* const sum = o.sum.at(place);
    each([&](int j, int column) {
      held[j] = gated_sum<T, V>(held[j], before[j], gate[j], o.exact);
      store(sum + column, held[j]);
    });
  };
  if constexpr (Gated && A == Ahead::no) add_residual();
  const V *const factor_row = factors.row(place), *const summand_row = summands.row(place);
  Four<V> ahead[2][A == Ahead::registers ? Slots : 1];
  if constexpr (A == Ahead::registers) {
    each([&](int j, int column) { ahead[0][j] = load_four(factor_row + column); });
    if (summands.present())
      each([&](int j, int column) { ahead[1][j] = load_four(summand_row + column); });
  }
  if constexpr (Gated && A != Ahead::no) add_residual();
  share_pair();
  const RowStatistics s = [&] {
    if constexpr (O == Order::vectors) return vector_statistics<Warps, Full, T>(o, first, held);
    if constexpr (O == Order::mean) return mean_statistics<Warps, Full, T>(o, first, held);
  }();

  wait_for_pair();
  T* const y = o.y.at(place);
  // `direct`: the pair is vectors. Else absent ones are what changes nothing: x * 1 + -0 is x, for
  // -0 too.
  const auto finish = [&](auto direct) {
    constexpr bool kDirect = decltype(direct)::value;
    const auto factor = [&](int j, int column) {
      if constexpr (A == Ahead::registers) return ahead[0][j];
      if constexpr (A == Ahead::shared)
        if (one_for_all) return shared[0][j * kWarp + thread];
      if constexpr (kDirect) return load_four(factor_row + column);
      if constexpr (!kDirect) return factors.at(factor_row, column, 1.0F);
    };
    const auto summand = [&](int j, int column) {
      if constexpr (A == Ahead::registers) return ahead[1][j];
      if constexpr (A == Ahead::shared)
        if (one_for_all) return shared[1][j * kWarp + thread];
      if constexpr (kDirect) return load_four(summand_row + column);
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

}  // namespace

}  // namespace sinter::fused::cuda
