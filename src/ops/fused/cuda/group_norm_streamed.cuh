#pragma once
// Large groups, each held in the shared memory of all multiprocessors together: x is read once.
//
// A resident grid, one block a multiprocessor, takes the chunks of x in turn: chunk i goes to block
// i % blocks. A block keeps its last chunks in a ring. Some of its warps sum each chunk as it
// arrives; others apply the norm once the statistics of the chunk's group are known, and give the
// chunk's place to the next. So the one wait for all blocks that a group costs passes while the
// ring fills with the groups behind it.
//
// Why no block waits for ever: the first group that is not known has all its chunks of a block in
// the ring, or places for them, as the groups before it are known and will leave, and a ring holds
// the most chunks of a group that a block has. Nothing else keeps a chunk from being summed. All
// blocks must run at once: a cooperative launch.

#include <cooperative_groups.h>

#include "ops/fused/cuda/bulk_copy.cuh"
#include "ops/fused/cuda/group_norm.cuh"

namespace sinter::fused::cuda {

namespace {

constexpr int kChunkBytes = 16384, kRing = 14;
constexpr int kSummers = 8, kAppliers = 16;  // warps
constexpr int kFinalisers = 7;               // warps that merge statistics, in turn
constexpr int kMostStreamBlocks = 192;
constexpr int kStreamThreads = (kAppliers + kSummers + 1 + kFinalisers) * kWarp;
/// Groups that have chunks in a block's ring, or had the last that left it, at the most.
constexpr int kOpenGroups = 16;
static_assert(kOpenGroups >= kRing + 2);

template <class T>
constexpr int kChunk = kChunkBytes / static_cast<int>(sizeof(T));

struct Chunks {
  int of_group, all;  // groups do not share chunks; a group's last may be short
};

/// What the producer knows of a chunk when it asks for it, so that no one else divides.
struct __align__(16) ChunkNotes {
  std::int64_t offset;       // in x and y
  int channel;               // of the whole sample; of the chunk's first element
  std::uint16_t count;       // elements
  std::uint8_t open;         // place of its group among the open ones
  bool odd : 1;              // round of that place
  bool first : 1, last : 1;  // of the block's chunks of its group
  bool one_channel : 1;
};
static_assert(sizeof(ChunkNotes) == 16);

struct StreamShared {
  alignas(128) std::uint8_t ring[kRing][kChunkBytes];
  ChunkNotes notes[kRing];
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
  bool first = true;

  __device__ void next() {
    if (round > 0) s.empty[slot].wait((round - 1) & 1);
    const ChunkNotes notes = note();
    const int bytes = notes.count * static_cast<int>(sizeof(T));
    s.notes[slot] = notes;
    s.full[slot].arrive_expecting(bytes);
    copy_bytes(s.ring[slot], p.x + notes.offset, bytes, s.full[slot]);
    first = notes.last;
    walk.advance(static_cast<int>(gridDim.x));
    if (++slot == kRing) slot = 0, ++round;
  }

 private:
  __device__ ChunkNotes note() const {
    const auto offset = static_cast<unsigned>(walk.offset());
    const auto positions = static_cast<unsigned>(p.positions);
    const unsigned channel = offset / positions;
    const int count = walk.count(p.elements);
    return {.offset = walk.group * p.elements + offset,
            .channel = walk.group % p.groups * p.group_channels + static_cast<int>(channel),
            .count = static_cast<std::uint16_t>(count),
            .open = static_cast<std::uint8_t>(walk.visits % kOpenGroups),
            .odd = (walk.visits / kOpenGroups & 1) != 0,
            .first = first,
            .last = walk.next_leaves(static_cast<int>(gridDim.x)),
            .one_channel = offset + static_cast<unsigned>(count) <= (channel + 1) * positions};
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

/// What the summing and the applying warps share: vectors of a chunk go to threads in turn.
template <class T, int Warps>
struct Worker {
  static constexpr int kThreads = Warps * kWarp;
  static constexpr int kVectors = kChunk<T> / (kThreads * kVector);
  static_assert(kVectors * kThreads * kVector == kChunk<T> && kChunk<T> < 1 << 16);

  const GroupNormArgs<T>& p;
  StreamShared& s;
  const int thread;  // of kThreads
  int slot = 0, round = 0;

  __device__ __forceinline__ int place(int vector) const {
    return (vector * kThreads + thread) * kVector;
  }
  __device__ __forceinline__ const T* ring() const {
    return reinterpret_cast<const T*>(s.ring[slot]);
  }
  /// The thread's vectors of the chunk in the slot, those that it has.
  __device__ __forceinline__ void load(int count, RawVector<T> (&raw)[kVectors]) const {
#pragma unroll
    for (int i = 0; i < kVectors; ++i)
      if (place(i) < count) raw[i] = load_raw(ring() + place(i));
  }
  __device__ __forceinline__ void advance() {
    if (++slot == kRing) slot = 0, ++round;
  }
};

/// The warps that sum: they wait for nothing but the chunks.
template <class T>
struct Summer : Worker<T, kSummers> {
  using Base = Worker<T, kSummers>;
  using Base::kVectors, Base::p, Base::s, Base::thread, Base::slot, Base::round, Base::place;

  __device__ void run(int chunks) {
    ShiftedSums sums[kVectors];
    float pivot = 0.0F;
    for (; chunks > 0; --chunks, this->advance()) {
      s.full[slot].wait(round & 1);
      const ChunkNotes notes = s.notes[slot];
      if (notes.first) {
        pivot = to_float(this->ring()[0]);
#pragma unroll
        for (ShiftedSums& of_vector : sums) of_vector = {};
      }
      RawVector<T> raw[kVectors];
      this->load(notes.count, raw);
#pragma unroll
      for (int i = 0; i < kVectors; ++i) {
        if (place(i) >= notes.count) continue;
        float value[kVector];
        unpack_vector(raw[i], value);
#pragma unroll
        for (const float v : value) sums[i].add(v, pivot);
      }
      if (notes.last) hand_over(sums, pivot, notes.open);
    }
  }

 private:
  __device__ __forceinline__ void hand_over(const ShiftedSums (&sums)[kVectors],
                                            float pivot,
                                            int open) {
    ShiftedSums all = sums[0];
#pragma unroll
    for (int i = 1; i < kVectors; ++i) {
      all.sum += sums[i].sum;
      all.squares += sums[i].squares;
    }
    all.over_lanes();
    if (thread % kWarp != 0) return;
    s.of_warps[open][thread / kWarp] = {all.sum, all.squares};
    if (thread == 0) s.pivots[open] = pivot;
    s.summed[open].arrive();
  }
};

/// The warps that apply what is known, and so give the slots back: when a group is known, all of
/// the block's chunks of it have been summed.
template <class T>
struct Applier : Worker<T, kAppliers> {
  using Base = Worker<T, kAppliers>;
  using Base::kVectors, Base::p, Base::s, Base::thread, Base::slot, Base::round, Base::place;

  __device__ void run(int chunks) {
    for (; chunks > 0; --chunks, this->advance()) {
      s.full[slot].wait(round & 1);
      const ChunkNotes notes = s.notes[slot];
      Affine weights{};
      if (notes.one_channel) weights = weights_of(p, notes.channel);
      RawVector<T> raw[kVectors];
      this->load(notes.count, raw);
      s.known[notes.open].wait(notes.odd);
      const Statistics stats = s.statistics[notes.open];
      __syncwarp();
      if (thread % kWarp == 0) s.empty[slot].arrive();
      apply(notes, stats, raw, weights);
    }
  }

 private:
  __device__ __forceinline__ void apply(const ChunkNotes& notes,
                                        const Statistics& stats,
                                        const RawVector<T> (&raw)[kVectors],
                                        const Affine& weights) {
    T* const to = p.y + notes.offset;
    if (notes.one_channel && notes.count == kChunk<T>) {
      float value[kVectors][kVector];
#pragma unroll
      for (int i = 0; i < kVectors; ++i) unpack_vector(raw[i], value[i]);
      finish(reinterpret_cast<float(&)[kVectors * kVector]>(value), folded(weights, stats), p.silu);
#pragma unroll
      for (int i = 0; i < kVectors; ++i) store_vector(to + place(i), value[i]);
      return;
    }
    const auto positions = static_cast<unsigned>(p.positions);
    const auto start = static_cast<unsigned>(notes.offset % p.positions);
#pragma unroll
    for (int i = 0; i < kVectors; ++i) {
      if (place(i) >= notes.count) continue;
      float value[kVector];
      unpack_vector(raw[i], value);
      const unsigned channel = (start + static_cast<unsigned>(place(i))) / positions;
      finish(value, affine_of(p, stats, notes.channel + static_cast<int>(channel)), p.silu);
      store_vector(to + place(i), value);
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
      s.empty[i].init(kAppliers);
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
  constexpr int kProducer = kAppliers + kSummers, kFinaliser = kProducer + 1;
  const bool produces = threadIdx.x == kProducer * kWarp;
  while (produces && !producer.walk.done() && producer.round == 0) producer.next();
  __syncwarp();
  cooperative_groups::this_grid().sync();
  const int mine = (chunks.all - static_cast<int>(blockIdx.x) + blocks - 1) / blocks;
  const int thread = static_cast<int>(threadIdx.x);
  if (warp < kAppliers) {
    Applier<T>{{p, s, thread}}.run(mine);
  } else if (warp < kProducer) {
    Summer<T>{{p, s, thread - kAppliers * kWarp}}.run(mine);
  } else if (warp < kFinaliser) {
    while (produces && !producer.walk.done()) producer.next();
  } else {
    finalise(p, chunks, s, partial, warp - kFinaliser);
  }
}

}  // namespace

}  // namespace sinter::fused::cuda
