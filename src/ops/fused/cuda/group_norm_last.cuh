#pragma once
// Channels-last: x [samples, positions, channels]. Statistics by columns, in parts of the
// positions; then every channel's scale and shift, once; then x is read again, from its end.

#include "ops/fused/cuda/group_norm_passes.cuh"

namespace sinter::fused::cuda {

namespace {

/// A block takes `width` columns (a multiple of the vector where there are vectors) of
/// `rows_each` positions; its threads lie over the columns, as many rows at a time as fit.
struct Tiles {
  int width, across;  // columns of a tile, tiles across all channels
  int down;           // parts of the positions
  std::int64_t rows_each;
};

/// Where a thread stands in its tile: it goes through rows begin, begin + step, ... < end.
template <int Width>
struct Place {
  int column;
  bool inside;
  int line, lines;
  std::int64_t sample, part, begin, end;

  template <class T>
  __device__ Place(const GroupNormArgs<T>& p, const Tiles& tiles, std::int64_t block) {
    const int lanes = tiles.width / Width, thread = static_cast<int>(threadIdx.x);
    lines = kPassThreads / lanes;
    line = thread / lanes;
    column = static_cast<int>(block % tiles.across) * tiles.width + thread % lanes * Width;
    part = block / tiles.across % tiles.down;
    sample = block / tiles.across / tiles.down;
    inside = line < lines && column < p.channels();
    begin = part * tiles.rows_each;
    end = min(begin + tiles.rows_each, p.positions);
  }
};

/// Width elements of a row as they lie in memory.
template <class T, int Width>
struct RawColumns {
  RawVector<T> raw;
  __device__ __forceinline__ void load(const T* from) { raw = load_raw(from); }
  __device__ __forceinline__ void unpack(float (&to)[Width]) const { unpack_vector(raw, to); }
};
template <class T>
struct RawColumns<T, 1> {
  T raw;
  __device__ __forceinline__ void load(const T* from) { raw = *from; }
  __device__ __forceinline__ void unpack(float (&to)[1]) const { to[0] = to_float(raw); }
};

/// partial [samples, down, channels].
template <class T, int Width>
__global__ void __launch_bounds__(kPassThreads)
    column_moments_kernel(const GroupNormArgs<T> p, const Tiles tiles, PartMoments* partial) {
  __shared__ float2 of_lines[kPassThreads * Width];
  const Place<Width> place(p, tiles, blockIdx.x);
  const int channels = p.channels();
  const T* const x = p.x + place.sample * p.positions * channels + place.column;
  float pivot[Width] = {};
  ShiftedSums sums[Width];
  if (place.inside) {
    RawColumns<T, Width> first;
    first.load(x + place.begin * channels);
    first.unpack(pivot);
    for (std::int64_t row = place.begin + place.line; row < place.end;
         row += kInFlight * place.lines) {
      RawColumns<T, Width> raw[kInFlight];
#pragma unroll
      for (int i = 0; i < kInFlight; ++i)
        if (row + i * place.lines < place.end) raw[i].load(x + (row + i * place.lines) * channels);
#pragma unroll
      for (int i = 0; i < kInFlight; ++i) {
        if (row + i * place.lines >= place.end) continue;
        float value[Width];
        raw[i].unpack(value);
#pragma unroll
        for (int e = 0; e < Width; ++e) sums[e].add(value[e], pivot[e]);
      }
    }
  }
#pragma unroll
  for (int e = 0; e < Width; ++e)
    of_lines[e * kPassThreads + threadIdx.x] = {sums[e].sum, sums[e].squares};
  __syncthreads();
  if (!place.inside || place.line > 0) return;
  const auto count = static_cast<float>(place.end - place.begin);
  PartMoments* const to =
      partial + (place.sample * tiles.down + place.part) * channels + place.column;
#pragma unroll
  for (int e = 0; e < Width; ++e) {
    for (int i = 1; i < place.lines; ++i) {
      const float2 other =
          of_lines[e * kPassThreads + static_cast<int>(threadIdx.x) + i * (tiles.width / Width)];
      sums[e].sum += other.x;
      sums[e].squares += other.y;
    }
    to[e] = sums[e].moments(pivot[e], count);
  }
}

/// A block a group: every channel's scale and shift, affine [samples, channels].
template <class T>
__global__ void __launch_bounds__(kPassThreads) fold_kernel(const GroupNormArgs<T> p,
                                                            const Tiles tiles,
                                                            const PartMoments* partial,
                                                            Affine* affine) {
  __shared__ Merger of_warps[kPassThreads / kWarp];
  __shared__ Statistics result;
  const std::int64_t sample = blockIdx.x / p.groups;
  const int channels = p.channels(),
            first = static_cast<int>(blockIdx.x) % p.groups * p.group_channels;
  const int thread = static_cast<int>(threadIdx.x);
  const PartMoments* const mine = partial + sample * tiles.down * channels + first;
  Merger merger = Merger::around(mine[0].mean);
  const int lanes = min(p.group_channels, kPassThreads), lines = kPassThreads / lanes;
  const int first_part = thread < lanes * lines ? thread / lanes : tiles.down;
  for (int c = thread % lanes; c < p.group_channels; c += lanes) {
#pragma unroll 8
    for (int part = first_part; part < tiles.down; part += lines) {
      const std::int64_t left = p.positions - part * tiles.rows_each;
      merger.add(mine[static_cast<std::int64_t>(part) * channels + c],
                 static_cast<float>(min(left, tiles.rows_each)));
    }
  }
  merger.over_lanes();
  if (thread % kWarp == 0) of_warps[thread / kWarp] = merger;
  __syncthreads();
  if (thread == 0) {
    for (int i = 1; i < kPassThreads / kWarp; ++i) {
      merger.sum += of_warps[i].sum;
      merger.squares += of_warps[i].squares;
    }
    result = merger.statistics(static_cast<float>(p.elements), p.eps);
  }
  __syncthreads();
  for (int c = thread; c < p.group_channels; c += kPassThreads)
    affine[sample * channels + first + c] = affine_of(p, result, first + c);
}

template <class T, int Width>
__global__ void __launch_bounds__(kPassThreads)
    apply_columns_kernel(const GroupNormArgs<T> p, const Tiles tiles, const Affine* affine) {
  const Place<Width> place(p, tiles, gridDim.x - 1 - blockIdx.x);
  if (!place.inside) return;
  const int channels = p.channels();
  const std::int64_t start = place.sample * p.positions * channels + place.column;
  Affine mine[Width];
#pragma unroll
  for (int e = 0; e < Width; ++e) mine[e] = affine[place.sample * channels + place.column + e];
  for (std::int64_t row = place.begin + place.line; row < place.end;
       row += kInFlight * place.lines) {
    RawColumns<T, Width> raw[kInFlight];
#pragma unroll
    for (int i = 0; i < kInFlight; ++i)
      if (row + i * place.lines < place.end)
        raw[i].load(p.x + start + (row + i * place.lines) * channels);
#pragma unroll
    for (int i = 0; i < kInFlight; ++i) {
      if (row + i * place.lines >= place.end) continue;
      float value[Width];
      raw[i].unpack(value);
#pragma unroll
      for (int e = 0; e < Width; ++e) {
        value[e] = fmaf(value[e], mine[e].scale, mine[e].shift);
        if (p.silu) value[e] = ops::cuda::silu(value[e]);
      }
      T* const to = p.y + start + (row + i * place.lines) * channels;
      if constexpr (Width == kVector) {
        store_vector(to, value);
      } else {
        *to = from_float<T>(value[0]);
      }
    }
  }
}

}  // namespace

}  // namespace sinter::fused::cuda
