#pragma once
// Large groups, each held in the shared memory of all multiprocessors together: x is read once.
//
// A resident grid, one block a multiprocessor, takes the chunks of x in turn: chunk i goes to block
// i % blocks. A block keeps its last chunks in a ring. It sums each as it arrives and applies the
// norm `lag` chunks later, when the group's statistics are known; by then it has summed the rest
// of its share of that group, and chunks of the next groups are on their way. So the one wait for
// all blocks that a group costs passes while memory is busy with its neighbours.
//
// Why no block waits for ever: it waits for group g with chunk q at step q + lag, where lag is at
// least the most chunks of a group in a block. It has then summed all its chunks of g, and whatever
// other block has not is held up by an earlier group at most. The first unfinished group therefore
// holds no one up. All blocks must run at once: a cooperative launch.

#include <cooperative_groups.h>

#include "ops/fused/cuda/bulk_copy.cuh"
#include "ops/fused/cuda/group_norm.cuh"

namespace sinter::fused::cuda {

namespace {

constexpr int kChunkBytes = 16384, kRing = 14;
constexpr int kSummers = 16;    // warps that sum and apply
constexpr int kFinalisers = 7;  // warps that merge statistics, in turn
constexpr int kMostStreamBlocks = 192;
constexpr int kStreamThreads = (kSummers + 1 + kFinalisers) * kWarp;
/// Groups between the sum of the newest chunk in the ring and the oldest's norm, at the most.
constexpr int kOpenGroups = 16;
static_assert(kOpenGroups >= kRing + 2);

template <class T>
constexpr int kChunk = kChunkBytes / static_cast<int>(sizeof(T));

struct Chunks {
  int of_group, all;  // groups do not share chunks; a group's last may be short
  int lag;
};

struct StreamShared {
  alignas(128) std::uint8_t ring[kRing][kChunkBytes];
  float2 of_warps[kOpenGroups][kSummers];
  float pivots[kOpenGroups];
  Statistics statistics[kOpenGroups];
  Barrier full[kRing], empty[kRing];
  Barrier summed[kOpenGroups], known[kOpenGroups];
};

/// A share of a group travels between blocks as one access of eight bytes, which tells by itself
/// whether it has been written: a sum of squares is never this NaN.
constexpr unsigned kNotYet = ~0U;

__device__ __forceinline__ void publish(PartMoments* to, const PartMoments& share) {
  asm volatile(
      "st.relaxed.gpu.global.v2.f32 [%0], {%1, %2};" ::"l"(to), "f"(share.mean), "f"(share.squares)
      : "memory");
}
__device__ __forceinline__ bool receive(const PartMoments* from, PartMoments& share) {
  asm volatile("ld.relaxed.gpu.global.v2.f32 {%0, %1}, [%2];"
               : "=f"(share.mean), "=f"(share.squares)
               : "l"(from)
               : "memory");
  return __float_as_uint(share.squares) != kNotYet;
}

/// The chunks of one block, one after the other.
template <class T>
struct ChunkWalk {
  const Chunks& chunks;
  int index, group, first;  // this chunk, its group, the group's first chunk
  int visits = 0;           // groups before this one that the block had chunks of

  __device__ ChunkWalk(const Chunks& c, int block)
      : chunks(c), index(block), group(block / c.of_group), first(group * c.of_group) {}
  __device__ bool done() const { return index >= chunks.all; }
  /// True where the next chunk is of another group, or there is none.
  __device__ bool next_leaves(int blocks) const {
    return index + blocks >= first + chunks.of_group || index + blocks >= chunks.all;
  }
  __device__ void advance(int blocks) {
    index += blocks;
    if (index < first + chunks.of_group) return;
    ++visits;
    group = index / chunks.of_group;
    first = group * chunks.of_group;
  }
  __device__ std::int64_t offset() const {
    return static_cast<std::int64_t>(index - first) * kChunk<T>;
  }
  __device__ int count(std::int64_t elements) const {
    const std::int64_t left = elements - offset();
    return left < kChunk<T> ? static_cast<int>(left) : kChunk<T>;
  }
};

/// Elements of a group that the block with its `rank`-th chunk has.
template <class T>
__device__ __forceinline__ float share(const Chunks& chunks, std::int64_t elements, int rank) {
  const int blocks = static_cast<int>(gridDim.x);
  const int mine = (chunks.of_group - rank + blocks - 1) / blocks;
  const bool has_last = (chunks.of_group - 1 - rank) % blocks == 0;
  const std::int64_t missing =
      has_last ? static_cast<std::int64_t>(chunks.of_group) * kChunk<T> - elements : 0;
  return static_cast<float>(static_cast<std::int64_t>(mine) * kChunk<T> - missing);
}

/// Fills the ring; one thread.
template <class T>
struct Producer {
  const GroupNormArgs<T>& p;
  StreamShared& s;
  ChunkWalk<T> walk;
  int slot = 0, round = 0;

  __device__ void next() {
    if (round > 0) s.empty[slot].wait((round - 1) & 1);
    const int bytes = walk.count(p.elements) * static_cast<int>(sizeof(T));
    s.full[slot].arrive_expecting(bytes);
    copy_bytes(s.ring[slot], p.x + walk.group * p.elements + walk.offset(), bytes, s.full[slot]);
    walk.advance(static_cast<int>(gridDim.x));
    if (++slot == kRing) slot = 0, ++round;
  }
};

/// Waits for the shares of a group; lane l gets those of ranks l, l + 32, ... Between two looks at
/// all of them, one that is missing is watched alone: many warps wait for the same few lines.
template <int OfLane>
__device__ __forceinline__ void receive_all(const PartMoments* shares,
                                            int sharers,
                                            PartMoments (&parts)[OfLane]) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  for (;;) {
    int missing = -1;
#pragma unroll
    for (int i = 0; i < OfLane; ++i) {
      const int rank = lane + i * kWarp;
      if (rank < sharers && !receive(shares + rank, parts[i])) missing = rank;
    }
    const unsigned waiting = __ballot_sync(~0U, missing >= 0);
    if (waiting == 0) return;
    const int watched = __shfl_sync(~0U, missing, __ffs(static_cast<int>(waiting)) - 1);
    PartMoments ignored;
    while (lane == 0 && !receive(shares + watched, ignored)) __nanosleep(64);
    __syncwarp();
  }
}

/// One warp: publishes the block's share of every kFinalisers-th group, waits for the others'
/// shares and tells the block the group's statistics.
template <class T>
__device__ __forceinline__ void finalise(const GroupNormArgs<T>& p,
                                         const Chunks& chunks,
                                         StreamShared& s,
                                         PartMoments* partial,
                                         int finaliser) {
  constexpr int kOfLane = kMostStreamBlocks / kWarp;
  const int blocks = static_cast<int>(gridDim.x), lane = static_cast<int>(threadIdx.x) % kWarp;
  const int sharers = min(blocks, chunks.of_group);
  const auto elements = static_cast<float>(p.elements);
  float counts[kOfLane];
#pragma unroll
  for (int i = 0; i < kOfLane; ++i) counts[i] = share<T>(chunks, p.elements, lane + i * kWarp);
  for (ChunkWalk<T> walk(chunks, static_cast<int>(blockIdx.x)); !walk.done();) {
    const int visit = walk.visits, open = visit % kOpenGroups;
    const int rank = walk.index - walk.first;
    PartMoments* const shares = partial + static_cast<std::int64_t>(walk.group) * sharers;
    while (!walk.done() && walk.visits == visit) walk.advance(blocks);
    if (visit % kFinalisers != finaliser) continue;

    const float count = share<T>(chunks, p.elements, rank);
    s.summed[open].wait(visit / kOpenGroups & 1);
    const float2 mine = lane < kSummers ? s.of_warps[open][lane] : float2{0.0F, 0.0F};
    ShiftedSums sums{mine.x, mine.y};
    sums.over_lanes();
    if (lane == 0) publish(shares + rank, sums.moments(s.pivots[open], count));

    PartMoments parts[kOfLane];
    receive_all(shares, sharers, parts);
    Merger merger = Merger::around(__shfl_sync(~0U, parts[0].mean, 0));
#pragma unroll
    for (int i = 0; i < kOfLane; ++i)
      if (lane + i * kWarp < sharers) merger.add(parts[i], counts[i]);
    merger.over_lanes();
    if (lane == 0) {
      s.statistics[open] = merger.statistics(elements, p.eps);
      s.known[open].arrive();
    }
  }
}

/// The warps that compute. Vectors of a chunk go to threads in turn.
template <class T>
struct Summer {
  static constexpr int kThreads = kSummers * kWarp;
  static constexpr int kVectors = kChunk<T> / (kThreads * kVector);
  static_assert(kVectors * kThreads * kVector == kChunk<T>);

  const GroupNormArgs<T>& p;
  StreamShared& s;
  const int thread = static_cast<int>(threadIdx.x);
  ShiftedSums sums{};
  float pivot = 0.0F;
  bool fresh = true;  // the next chunk is the first of its group here

  __device__ void sum(const ChunkWalk<T>& walk, int slot, int blocks) {
    const T* const from = reinterpret_cast<const T*>(s.ring[slot]);
    if (fresh) {
      pivot = to_float(from[0]);
      sums = {};
    }
    const int count = walk.count(p.elements);
#pragma unroll
    for (int i = 0; i < kVectors; ++i) {
      const int at = (i * kThreads + thread) * kVector;
      if (at >= count) continue;
      float value[kVector];
      load_vector(from + at, value);
#pragma unroll
      for (const float v : value) sums.add(v, pivot);
    }
    fresh = walk.next_leaves(blocks);
    if (!fresh) return;
    const int open = walk.visits % kOpenGroups;
    sums.over_lanes();
    if (thread % kWarp == 0) {
      s.of_warps[open][thread / kWarp] = {sums.sum, sums.squares};
      if (thread == 0) s.pivots[open] = pivot;
      s.summed[open].arrive();
    }
  }

  __device__ void apply(const ChunkWalk<T>& walk, int slot) {
    const int open = walk.visits % kOpenGroups;
    s.known[open].wait(walk.visits / kOpenGroups & 1);
    const Statistics stats = s.statistics[open];
    const int count = walk.count(p.elements),
              first_channel = walk.group % p.groups * p.group_channels;
    const auto offset = static_cast<unsigned>(walk.offset());
    const auto positions = static_cast<unsigned>(p.positions);
    const unsigned channel = offset / positions;
    const bool one_channel = offset + static_cast<unsigned>(count) <= (channel + 1) * positions;
    Affine affine = affine_of(p, stats, first_channel + static_cast<int>(channel));
    const T* const from = reinterpret_cast<const T*>(s.ring[slot]);
    T* const to = p.y + walk.group * p.elements + walk.offset();
#pragma unroll
    for (int i = 0; i < kVectors; ++i) {
      const int at = (i * kThreads + thread) * kVector;
      if (at >= count) continue;
      float value[kVector];
      load_vector(from + at, value);
      if (!one_channel)
        affine = affine_of(
            p,
            stats,
            first_channel + static_cast<int>((offset + static_cast<unsigned>(at)) / positions));
      finish(value, affine, p.silu);
      store_vector(to + at, value);
    }
    __syncwarp();
    if (thread % kWarp == 0) s.empty[slot].arrive();
  }

  __device__ void run(const Chunks& chunks) {
    const int block = static_cast<int>(blockIdx.x), blocks = static_cast<int>(gridDim.x);
    ChunkWalk<T> front(chunks, block), back(chunks, block);
    int front_slot = 0, back_slot = 0, round = 0;
    for (int step = 0; !back.done(); ++step) {
      if (!front.done()) {
        s.full[front_slot].wait(round & 1);
        sum(front, front_slot, blocks);
        front.advance(blocks);
        if (++front_slot == kRing) front_slot = 0, ++round;
      }
      if (step < chunks.lag) continue;
      apply(back, back_slot);
      back.advance(blocks);
      if (++back_slot == kRing) back_slot = 0;
    }
  }
};

/// `partial`: of every group as many as share it, of any content.
template <class T>
__global__ void __launch_bounds__(kStreamThreads, 1)
    streamed_kernel(const GroupNormArgs<T> p, const Chunks chunks, PartMoments* partial) {
  extern __shared__ __align__(128) std::uint8_t memory[];
  StreamShared& s = *reinterpret_cast<StreamShared*>(memory);
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  if (threadIdx.x == 0) {
    for (int i = 0; i < kRing; ++i) {
      s.full[i].init(1);
      s.empty[i].init(kSummers);
    }
    for (int i = 0; i < kOpenGroups; ++i) {
      s.summed[i].init(kSummers);
      s.known[i].init(1);
    }
    ops::cuda::fence_barrier_init();
  }
  const int blocks = static_cast<int>(gridDim.x), all_threads = blocks * kStreamThreads;
  const int shares = chunks.all / chunks.of_group * min(blocks, chunks.of_group);
  for (int i = static_cast<int>(blockIdx.x) * kStreamThreads + static_cast<int>(threadIdx.x);
       i < shares;
       i += all_threads)
    partial[i].squares = __uint_as_float(kNotYet);
  __syncthreads();
  // The first chunks are on their way while the blocks meet: no share may come before the mark
  // that it has not come.
  Producer<T> producer{p, s, {chunks, static_cast<int>(blockIdx.x)}};
  const bool produces = threadIdx.x == kSummers * kWarp;
  while (produces && !producer.walk.done() && producer.round == 0) producer.next();
  __syncwarp();
  cooperative_groups::this_grid().sync();
  if (warp < kSummers) {
    Summer<T>{p, s}.run(chunks);
  } else if (warp == kSummers) {
    while (produces && !producer.walk.done()) producer.next();
  } else {
    finalise(p, chunks, s, partial, warp - kSummers - 1);
  }
}

}  // namespace

}  // namespace sinter::fused::cuda
