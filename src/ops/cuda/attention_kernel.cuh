#pragma once
// The kernel behind attention.h, and what the host hands it.

#include <algorithm>
#include <cmath>

#include "ops/cuda/async_copy.cuh"
#include "ops/cuda/attention.h"
#include "ops/cuda/e4m3.cuh"
#include "ops/cuda/fast_math.cuh"
#include "ops/cuda/pack.cuh"
#include "ops/cuda/wgmma.cuh"

namespace sinter::ops::cuda {

namespace {

using sinter::cuda::kSwizzleColumns;

constexpr int kMaxSegments = AttentionSequence::kMaxSegments;
constexpr int kMaxSequences = AttentionCall::kMaxSequences;
constexpr int kWarpgroup = 128;
constexpr int kKeyBlock = 128;
constexpr int kStages = 2;  // buffers of keys and of values

/// How a block works: Consumers warpgroups of 64 query rows each. Heads of 64 channels leave
/// registers for three, which keep the exponentials and the products busier than two; heads of 128
/// need two with more registers each. Where three leave the last round of tiles mostly empty, two
/// may end earlier: launch() compares the times below.
template <int Dim, int Consumers>
struct Geometry {
  static constexpr int kDim = Dim, kConsumers = Consumers;
  static constexpr int kQueryBlock = 64 * kConsumers;
  static constexpr int kThreads = kWarpgroup * (kConsumers + 1);
  static constexpr int kProducerRegisters = Consumers == 3 ? 32 : Dim == 64 ? 40 : 24;
  static constexpr int kConsumerRegisters = Consumers == 3 ? 160 : Dim == 64 ? 232 : 240;
  /// Buffers of queries. With two, those of the next tile are there in time, which few keys
  /// notice; heads of 128 have longer tiles and no registers to spare (222 us became 251).
  static constexpr int kQueryStages = Dim == 64 ? 2 : 1;
  static constexpr int kParts = Dim / kSwizzleColumns;  // a tile is stored as parts of 64 channels
  // Microseconds on an H200, of a tile and of each of its key blocks; only ratios matter.
  static constexpr double kTileTime = Consumers == 3 ? 2.0 : 1.3;
  static constexpr double kBlockTime = Consumers == 3 ? 1.58 : 1.24;
};

struct Segment {
  CUtensorMap q, k, v;
  void* dst;
  std::int64_t dst_token_stride, dst_head_stride;
  int queries, keys, query_tiles;
};

struct Sequence {
  Segment segments[kMaxSegments];
  // Key 0 where it carries a bias, else null: it starts the online softmax instead of filling a
  // block of its own.
  const void *sink_key, *sink_value;
  std::int64_t sink_key_head_stride, sink_value_head_stride;
  float sink_bias;  // divided by the scale
  int tiles;        // of one head
};

struct Parameters {
  Sequence sequences[kMaxSequences];
  int count, heads, total_tiles;
  float scale_log2;
  float dst_factor;  // not 0: dst is e4m3 of the result times it
  int* counters;     // tiles handed out beyond the first of each block; blocks that are done
};

template <class T, class G>
struct __align__(1024) Shared {
  T q[G::kQueryStages][G::kParts][G::kQueryBlock * kSwizzleColumns];
  T k[kStages][G::kParts][kKeyBlock * kSwizzleColumns];
  T v[kStages][G::kParts][kKeyBlock * kSwizzleColumns];
  Barrier q_full[G::kQueryStages], q_empty[G::kQueryStages];
  Barrier k_full[kStages], k_empty[kStages], v_full[kStages], v_empty[kStages];
  Barrier tile_full, tile_empty;
  int tile;
};

struct Tile {
  int sequence, segment, head, first_row;
};

/// Tiles are numbered sequence by sequence (the longest first), head by head, so that neighbours
/// share keys in the cache; within a head the second segment's come first, because its tiles are
/// the full ones.
template <class G>
__device__ __forceinline__ Tile find_tile(const Parameters& p, int number) {
  Tile tile{};
  while (tile.sequence + 1 < p.count && number >= p.sequences[tile.sequence].tiles * p.heads) {
    number -= p.sequences[tile.sequence++].tiles * p.heads;
  }
  const Sequence& sequence = p.sequences[tile.sequence];
  tile.head = number / sequence.tiles;
  const int within = number % sequence.tiles, second = sequence.segments[1].query_tiles;
  tile.segment = within < second ? 1 : 0;
  tile.first_row = (tile.segment == 1 ? within : within - second) * G::kQueryBlock;
  return tile;
}

/// Sum over the four threads that share a row of an accumulator.
__device__ __forceinline__ float sum_of_row(float x) {
  x += __shfl_xor_sync(~0U, x, 1);
  return x + __shfl_xor_sync(~0U, x, 2);
}
__device__ __forceinline__ float max_of_row(float x) {
  x = fmaxf(x, __shfl_xor_sync(~0U, x, 1));
  return fmaxf(x, __shfl_xor_sync(~0U, x, 2));
}

/// Hands out tiles and copies queries, keys and values ahead of the consumers. One thread.
template <class T, class G>
__device__ void produce(const Parameters& p, Shared<T, G>& s) {
  constexpr int kParts = G::kParts;
  const auto copy_keys = [&](T(&to)[kParts][kKeyBlock * kSwizzleColumns],
                             const CUtensorMap& map,
                             Barrier& full,
                             int head,
                             int row) {
    full.arrive_expecting(sizeof to);
    for (int part = 0; part < kParts; ++part)
      copy_box(to[part], map, full, part * kSwizzleColumns, head, row);
  };
  int block = 0;  // key blocks copied so far, over all tiles
  int number = static_cast<int>(blockIdx.x);
  for (int round = 0;; ++round) {
    s.tile_empty.wait((round & 1) ^ 1);
    s.tile = number;
    s.tile_full.arrive();
    if (number >= p.total_tiles) return;
    const Tile tile = find_tile<G>(p, number);
    const Sequence& sequence = p.sequences[tile.sequence];
    const int q_stage = round % G::kQueryStages;
    s.q_empty[q_stage].wait((round / G::kQueryStages & 1) ^ 1);
    s.q_full[q_stage].arrive_expecting(sizeof s.q[q_stage]);
    for (int part = 0; part < kParts; ++part) {
      copy_box(s.q[q_stage][part],
               sequence.segments[tile.segment].q,
               s.q_full[q_stage],
               part * kSwizzleColumns,
               tile.head,
               tile.first_row);
    }
    for (int g = sequence.sink_key != nullptr ? 1 : 0; g < kMaxSegments; ++g) {
      const Segment& segment = sequence.segments[g];
      for (int row = 0; row < segment.keys; row += kKeyBlock, ++block) {
        const int stage = block % kStages, free = (block / kStages & 1) ^ 1;
        s.k_empty[stage].wait(free);
        copy_keys(s.k[stage], segment.k, s.k_full[stage], tile.head, row);
        s.v_empty[stage].wait(free);
        copy_keys(s.v[stage], segment.v, s.v_full[stage], tile.head, row);
      }
    }
    number = atomicAdd(&p.counters[0], 1) + static_cast<int>(gridDim.x);
  }
}

/// One consumer warpgroup: 64 query rows of a tile. Each thread holds two of them, 8 apart, shared
/// with three others.
template <class T, class G>
struct Consumer {
  static constexpr int kParts = G::kParts;
  static constexpr int kConsumers = G::kConsumers;

  const Parameters& p;
  Shared<T, G>& s;
  const int me;
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32 % 4;
  const bool leader = threadIdx.x % kWarpgroup == 0;
  int block = 0;    // key blocks used so far, over all tiles
  int q_stage = 0;  // where this tile's queries are

  float sum[kParts][32];       // numerators
  float largest[2], total[2];  // of a row: logit (unscaled) and denominator (this thread's columns)
  float logits[kKeyBlock / 2];  // of the newest block; after softmax() its weights
  std::uint32_t weights[kKeyBlock / 4];

  __device__ __forceinline__ static int stage(int b) { return b % kStages; }
  __device__ __forceinline__ static int parity(int b) { return b / kStages & 1; }

  /// Warpgroups issue their products in turn: while one multiplies the others compute exponentials.
  __device__ __forceinline__ void take_turn() { named_sync(1 + me, 2 * kWarpgroup); }
  __device__ __forceinline__ void pass_turn() {
    named_arrive(1 + (me + 1) % kConsumers, 2 * kWarpgroup);
  }

  __device__ __forceinline__ void multiply_keys(int b) {
    wgmma_fence();
#pragma unroll
    for (int k = 0; k < G::kDim / 16; ++k) {
      const int part = k / 4, step = k % 4 * kInnerStep;
      multiply_n128<T>(logits,
                       tile_descriptor(s.q[q_stage][part] + me * 64 * kSwizzleColumns) + step,
                       tile_descriptor(s.k[stage(b)][part]) + step,
                       k != 0);
    }
    wgmma_commit();
  }

  __device__ __forceinline__ void multiply_values(int b) {
#pragma unroll
    for (int part = 0; part < kParts; ++part) {
      const std::uint64_t values = tile_descriptor(s.v[stage(b)][part]);
#pragma unroll
      for (int k = 0; k < kKeyBlock / 16; ++k)
        multiply_add_n64<T>(sum[part], weights + 4 * k, values + k * kRowStep);
    }
    wgmma_commit();
  }

  /// Nothing seen yet, or key 0 alone where it carries a bias.
  __device__ __forceinline__ void begin(const Sequence& sequence, int head) {
    if (sequence.sink_key == nullptr) {
#pragma unroll
      for (int r = 0; r < 2; ++r) largest[r] = -INFINITY, total[r] = 0.0F;
#pragma unroll
      for (int part = 0; part < kParts; ++part)
#pragma unroll
        for (int i = 0; i < 32; ++i) sum[part][i] = 0.0F;
      return;
    }
    const T* key = static_cast<const T*>(sequence.sink_key) + head * sequence.sink_key_head_stride;
    const T* value =
        static_cast<const T*>(sequence.sink_value) + head * sequence.sink_value_head_stride;
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      const int row = me * 64 + warp * 16 + lane / 4 + 8 * r;
      float dot = 0.0F;
#pragma unroll
      for (int part = 0; part < kParts; ++part) {
#pragma unroll
        for (int i = 0; i < 2; ++i) {
          const int chunk = lane % 4 * 2 + i;  // eight channels, stored at chunk ^ (row % 8)
          const uint4 a = *reinterpret_cast<const uint4*>(
              s.q[q_stage][part] + row * kSwizzleColumns + (chunk ^ (row & 7)) * 8);
          const uint4 b = *reinterpret_cast<const uint4*>(key + part * kSwizzleColumns + chunk * 8);
          const std::uint32_t as[] = {a.x, a.y, a.z, a.w}, bs[] = {b.x, b.y, b.z, b.w};
#pragma unroll
          for (int e = 0; e < 4; ++e) {
            const float2 x = unpack<T>(as[e]), y = unpack<T>(bs[e]);
            dot = fmaf(x.x, y.x, fmaf(x.y, y.y, dot));
          }
        }
      }
      largest[r] = sum_of_row(dot) + sequence.sink_bias;
      total[r] = lane % 4 == 0 ? 1.0F : 0.0F;
    }
#pragma unroll
    for (int part = 0; part < kParts; ++part) {
#pragma unroll
      for (int j = 0; j < 8; ++j) {
        const T* pair = value + part * kSwizzleColumns + 8 * j + lane % 4 * 2;
        const float2 x = unpack<T>(*reinterpret_cast<const std::uint32_t*>(pair));
        sum[part][4 * j] = sum[part][4 * j + 2] = x.x;
        sum[part][4 * j + 1] = sum[part][4 * j + 3] = x.y;
      }
    }
  }

  /// Logits to weights relative to the largest logit so far. `keys`: how many of the block's
  /// columns there are. \return per row, the factor that brings what was summed before to the new
  /// largest logit.
  __device__ __forceinline__ float2 softmax(int keys) {
    if (keys < kKeyBlock) {
#pragma unroll
      for (int j = 0; j < kKeyBlock / 8; ++j)
#pragma unroll
        for (int e = 0; e < 2; ++e)
          if (8 * j + lane % 4 * 2 + e >= keys)
            logits[4 * j + e] = logits[4 * j + 2 + e] = -INFINITY;
    }
    float factor[2];
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      float top = largest[r];
#pragma unroll
      for (int j = 0; j < kKeyBlock / 8; ++j)
        top = fmaxf(top, fmaxf(logits[4 * j + 2 * r], logits[4 * j + 2 * r + 1]));
      top = max_of_row(top);
      factor[r] = exp2_fast((largest[r] - top) * p.scale_log2);
      largest[r] = top;
      const float shift = top * p.scale_log2;
      float even = 0.0F, odd = 0.0F;
#pragma unroll
      for (int j = 0; j < kKeyBlock / 8; ++j) {
        float& a = logits[4 * j + 2 * r];
        float& b = logits[4 * j + 2 * r + 1];
        even += a = exp2_fast(fmaf(a, p.scale_log2, -shift));
        odd += b = exp2_fast(fmaf(b, p.scale_log2, -shift));
      }
      total[r] = fmaf(total[r], factor[r], even + odd);
    }
    return {factor[0], factor[1]};
  }

  __device__ __forceinline__ void rescale(const float2& factor) {
#pragma unroll
    for (int part = 0; part < kParts; ++part)
#pragma unroll
      for (int j = 0; j < 8; ++j) {
        sum[part][4 * j] *= factor.x;
        sum[part][4 * j + 1] *= factor.x;
        sum[part][4 * j + 2] *= factor.y;
        sum[part][4 * j + 3] *= factor.y;
      }
  }

  __device__ __forceinline__ void pack_weights() {
#pragma unroll
    for (int i = 0; i < kKeyBlock / 4; ++i) weights[i] = pack<T>(logits[2 * i], logits[2 * i + 1]);
  }

  __device__ __forceinline__ void store(const Segment& segment, int head, int first_row) {
    const std::int64_t head_rows = head * segment.dst_head_stride + lane % 4 * 2;
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      const float inverse = 1.0F / sum_of_row(total[r]);
      const int row = first_row + me * 64 + warp * 16 + lane / 4 + 8 * r;
      if (row >= segment.queries) continue;
      const std::int64_t first = head_rows + row * segment.dst_token_stride;
      if (p.dst_factor != 0.0F) {
        store_row(static_cast<std::uint8_t*>(segment.dst) + first, r, inverse * p.dst_factor);
        continue;
      }
      T* to = static_cast<T*>(segment.dst) + first;
#pragma unroll
      for (int part = 0; part < kParts; ++part)
#pragma unroll
        for (int j = 0; j < 8; ++j) {
          *reinterpret_cast<std::uint32_t*>(to + part * kSwizzleColumns + 8 * j) =
              pack<T>(sum[part][4 * j + 2 * r] * inverse, sum[part][4 * j + 2 * r + 1] * inverse);
        }
    }
  }

  /// Row r of this thread's times `factor`, as e4m3.
  __device__ __forceinline__ void store_row(std::uint8_t* to, int r, float factor) {
#pragma unroll
    for (int part = 0; part < kParts; ++part)
#pragma unroll
      for (int j = 0; j < 8; ++j) {
        *reinterpret_cast<std::uint16_t*>(to + part * kSwizzleColumns + 8 * j) =
            pack_e4m3(sum[part][4 * j + 2 * r] * factor, sum[part][4 * j + 2 * r + 1] * factor);
      }
  }

  /// A tile whose rows this warpgroup has none of: let the barriers go by.
  __device__ __forceinline__ void skip(int blocks) {
    for (int i = 0; i < blocks; ++i, ++block) {
      s.k_full[stage(block)].wait(parity(block));
      take_turn();
      pass_turn();
      if (leader) s.k_empty[stage(block)].arrive();
      s.v_full[stage(block)].wait(parity(block));
      if (leader) s.v_empty[stage(block)].arrive();
    }
    if (leader) s.q_empty[q_stage].arrive();
  }

  __device__ __forceinline__ void attend(const Tile& tile) {
    const Sequence& sequence = p.sequences[tile.sequence];
    const Segment& segment = sequence.segments[tile.segment];
    const int first = sequence.sink_key != nullptr ? 0 : sequence.segments[0].keys,
              second = sequence.segments[1].keys;
    const int first_blocks = (first + kKeyBlock - 1) / kKeyBlock;
    const int blocks = first_blocks + (second + kKeyBlock - 1) / kKeyBlock;
    const auto keys_of = [&](int i) {
      return i < first_blocks ? first - i * kKeyBlock : second - (i - first_blocks) * kKeyBlock;
    };
    if (tile.first_row + me * 64 >= segment.queries) return skip(blocks);

    begin(sequence, tile.head);
    s.k_full[stage(block)].wait(parity(block));
    take_turn();
    multiply_keys(block);
    pass_turn();
    wgmma_wait<0>();
    if (leader) s.k_empty[stage(block)].arrive();
    rescale(softmax(keys_of(0)));
    pack_weights();
    for (int i = 1; i < blocks; ++i) {
      const int before = block++;
      s.k_full[stage(block)].wait(parity(block));
      take_turn();
      multiply_keys(block);
      s.v_full[stage(before)].wait(parity(before));
      multiply_values(before);
      pass_turn();
      wgmma_wait<1>();  // the logits are there, the values' product goes on
      if (leader) s.k_empty[stage(block)].arrive();
      const float2 factor = softmax(keys_of(i));
      wgmma_wait<0>();
      if (leader) s.v_empty[stage(before)].arrive();
      rescale(factor);
      pack_weights();
    }
    if (leader) s.q_empty[q_stage].arrive();
    s.v_full[stage(block)].wait(parity(block));
    wgmma_fence();
    multiply_values(block);
    wgmma_wait<0>();
    if (leader) s.v_empty[stage(block)].arrive();
    ++block;
    store(segment, tile.head, tile.first_row);
  }

  __device__ __forceinline__ void run() {
    if (me == kConsumers - 1) pass_turn();  // the first turn is warpgroup 0's
    for (int round = 0;; ++round) {
      s.tile_full.wait(round & 1);
      const int number = __shfl_sync(~0U, lane == 0 ? s.tile : 0, 0);
      if (lane == 0) s.tile_empty.arrive();
      if (number >= p.total_tiles) return;
      const Tile tile = find_tile<G>(p, number);
      q_stage = round % G::kQueryStages;
      s.q_full[q_stage].wait(round / G::kQueryStages & 1);
      attend(tile);
    }
  }
};

/// A resident grid takes tiles until none is left.
template <class T, class G>
__global__ void __launch_bounds__(G::kThreads, 1)
    attention_kernel(const __grid_constant__ Parameters p) {
  extern __shared__ std::uint8_t raw[];
  auto& s = *reinterpret_cast<Shared<T, G>*>((reinterpret_cast<std::uintptr_t>(raw) + 1023) &
                                             ~std::uintptr_t{1023});
  // The compiler must see that a warpgroup is uniform, or it serialises the products.
  const int warpgroup = __shfl_sync(~0U, static_cast<int>(threadIdx.x) / kWarpgroup, 0);
  if (threadIdx.x == 0) {
    for (int i = 0; i < G::kQueryStages; ++i) {
      s.q_full[i].init(1);
      s.q_empty[i].init(G::kConsumers);
    }
    for (int i = 0; i < kStages; ++i) {
      s.k_full[i].init(1);
      s.v_full[i].init(1);
      s.k_empty[i].init(G::kConsumers);
      s.v_empty[i].init(G::kConsumers);
    }
    s.tile_full.init(1);
    s.tile_empty.init(G::kConsumers * kWarpgroup / 32);  // lane 0 of every warp reads it
    fence_barrier_init();
  }
  __syncthreads();
  if (warpgroup == 0) {
    asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(G::kProducerRegisters));
    if (threadIdx.x == 0) {
      produce<T, G>(p, s);
      // The last block to end leaves the counters as it found them.
      if (atomicAdd(&p.counters[1], 1) + 1 == static_cast<int>(gridDim.x))
        p.counters[0] = p.counters[1] = 0;
    }
  } else {
    asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(G::kConsumerRegisters));
    Consumer<T, G>{p, s, warpgroup - 1}.run();
  }
}

}  // namespace

}  // namespace sinter::ops::cuda
