// The quantile is found digit by digit: a slope's bits, as an integer, are in the order of the
// slopes, so three histograms of some ten bits each single out the one of the rank. The slopes are
// computed again for each of them, which is cheaper than to keep them.

#include <algorithm>
#include <cmath>

#include "mesh/cuda/launch.cuh"
#include "mesh/cuda/scratch.h"
#include "mesh/cuda/slope_measure.cuh"
#include "mesh/slope_directions.h"

namespace sinter::mesh::cuda {
namespace {

constexpr const char* kName = "slopes";
constexpr int kSide = SlopeMap::kBlock;
constexpr int kMostBlocks = 1024;
constexpr int kBins = 2048;

/// One of three digits of the bits of a positive float, from the top: 11, 10 and 10 bits.
struct Digit {
  int shift, bits;
};
constexpr int kDigits = 3;
__device__ constexpr Digit digit_at(int n) {
  return {20 - 10 * n, n == 0 ? 11 : 10};
}

struct Selection {
  std::uint32_t bins[kBins];
  unsigned long long rank;  ///< among the slopes that begin with `found`
  std::uint32_t found;      ///< the digits known so far
  std::uint32_t empty;      ///< whether there is no slope at all
};

struct Spacing {
  double axis[3];
};

/// Largest difference quotient between a point and its neighbours; 0: none.
__device__ float steepest_at(const DeviceLattice& lattice,
                             const Spacing& spacing,
                             float saturation,
                             const int3& p) {
  const float here = lattice.values[lattice.place(p.x, p.y, p.z)];
  if (!isfinite(here)) return 0;
  // From the point to the next one (1) and to the one before (0), along each axis.
  double step[3][2];
  const int along[3] = {p.x, p.y, p.z};
#pragma unroll
  for (int axis = 0; axis < 3; ++axis) {
#pragma unroll
    for (int up = 0; up < 2; ++up) {
      const int from = along[axis] - 1 + up;
      step[axis][up] = (lattice.to_grid(from + 1) - lattice.to_grid(from)) * spacing.axis[axis];
    }
  }
  constexpr SlopeDirections kDirections;
  double steepest = 0;
#pragma unroll
  for (int n = 0; n < SlopeDirections::kCount; ++n) {
    const int x = kDirections.of[n][0], y = kDirections.of[n][1], z = kDirections.of[n][2];
    // Pairs that lead out of a block downwards are left to other directions.
    if (p.y % kSide + y < 0 || p.z % kSide + z < 0) continue;
    const int i = p.x + x, j = p.y + y, k = p.z + z;
    if (i < 0 || i >= lattice.points() || j >= lattice.points() || k >= lattice.points()) continue;
    const float there = lattice.values[lattice.place(i, j, k)];
    if (!isfinite(there)) continue;
    if (fabsf(here) >= saturation && fabsf(there) >= saturation) continue;
    double square = 0;
    const int to[3] = {x, y, z};
#pragma unroll
    for (int axis = 0; axis < 3; ++axis) {
      if (to[axis] == 0) continue;
      const double s = to[axis] > 0 ? step[axis][1] : step[axis][0];
      square += s * s;
    }
    const double difference = static_cast<double>(there) - static_cast<double>(here);
    const double slope_square = difference * difference;
    if (slope_square > steepest * square) steepest = slope_square / square;
  }
  return steepest == 0 ? 0 : static_cast<float>(sqrt(steepest));
}

__global__ void __launch_bounds__(kThreads) count_kernel(DeviceLattice lattice,
                                                         Spacing spacing,
                                                         float saturation,
                                                         int digit,
                                                         Selection* selection,
                                                         DeviceSlopeMap map) {
  __shared__ std::uint32_t bins[kBins];
  for (int b = static_cast<int>(threadIdx.x); b < kBins; b += kThreads) bins[b] = 0;
  __syncthreads();
  const Digit where = digit_at(digit);
  const std::int64_t step = std::int64_t{gridDim.x} * kThreads;
  for (std::int64_t n = thread_number(); n < lattice.point_count(); n += step) {
    if (!isfinite(lattice.values[n])) continue;  // nearly all of a fine lattice
    const int3 p = lattice.point_at(n);
    const float slope = steepest_at(lattice, spacing, saturation, p);
    if (slope == 0) continue;
    const auto bits = static_cast<std::uint32_t>(__float_as_int(slope));
    if (digit == 0) {
      atomicMax(reinterpret_cast<int*>(map.slope + map.block_of(lattice.to_grid(p))),
                __float_as_int(slope));
    }
    if (digit > 0 && bits >> (where.shift + where.bits) != selection->found) continue;
    atomicAdd(bins + (bits >> where.shift & ((1u << where.bits) - 1)), 1u);
  }
  __syncthreads();
  for (int b = static_cast<int>(threadIdx.x); b < kBins; b += kThreads) {
    if (bins[b] != 0) atomicAdd(selection->bins + b, bins[b]);
  }
}

/// One block: finds the bin of the rank, and clears the bins for the next digit.
__global__ void __launch_bounds__(kThreads)
    select_kernel(int digit, double quantile, Selection* selection, float* typical) {
  constexpr int kBinsAThread = kBins / kThreads;
  __shared__ unsigned long long sums[kThreads];  // of each thread's bins
  const int first = static_cast<int>(threadIdx.x) * kBinsAThread;
  unsigned long long sum = 0;
  for (int b = first; b < first + kBinsAThread; ++b) sum += selection->bins[b];
  sums[threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.x == 0) {
    unsigned long long rank = selection->rank;
    std::uint32_t found = selection->found;
    if (digit == 0) {
      unsigned long long total = 0;
      for (const unsigned long long part : sums) total += part;
      selection->empty = total == 0;
      rank = static_cast<unsigned long long>(
          ceil(quantile * static_cast<double>(total == 0 ? 0 : total - 1)));
      found = 0;
    }
    int part = 0;
    while (part + 1 < kThreads && rank >= sums[part]) rank -= sums[part++];
    int bin = part * kBinsAThread;
    while (bin + 1 < kBins && rank >= selection->bins[bin]) rank -= selection->bins[bin++];
    selection->rank = rank;
    selection->found = found << digit_at(digit).bits | static_cast<std::uint32_t>(bin);
    *typical = selection->empty != 0 ? 0 : __int_as_float(static_cast<int>(selection->found));
  }
  __syncthreads();
  for (int b = first; b < first + kBinsAThread; ++b) selection->bins[b] = 0;
}

/// Slope of a block of the bound that follows from the measured ones, with the given factor.
__device__ float bound_of(const DeviceMeasuredSlopes& measured, float factor, std::int64_t n) {
  const int side = measured.local.blocks;
  const int i = static_cast<int>(n / side / side), j = static_cast<int>(n / side % side),
            k = static_cast<int>(n % side);
  float largest = 0;
  for (int a = max(i - 1, 0); a <= min(i + 1, side - 1); ++a) {
    for (int b = max(j - 1, 0); b <= min(j + 1, side - 1); ++b) {
      for (int c = max(k - 1, 0); c <= min(k + 1, side - 1); ++c) {
        largest = fmaxf(largest, measured.local.slope[(std::int64_t{a} * side + b) * side + c]);
      }
    }
  }
  return fmaxf(factor * largest, factor * *measured.typical);
}

}  // namespace

DeviceMeasuredSlopes measure_slopes(const Grid& grid,
                                    std::span<const DeviceLattice> lattices,
                                    double quantile,
                                    float saturation,
                                    Arena& arena,
                                    cudaStream_t stream) {
  const int blocks = SlopeMap(grid.resolution(), 0).blocks();
  DeviceSlopeMap map{nullptr, blocks};
  map.slope = take<float>(arena, map.count());
  auto* typical = take<float>(arena, 1);
  auto* selection = take<Selection>(arena, 1);
  set_bytes(map.slope, 0, map.count(), kName, stream);
  set_bytes(selection, 0, 1, kName, stream);
  const Spacing spacing{{grid.spacing(0), grid.spacing(1), grid.spacing(2)}};
  for (int digit = 0; digit < kDigits; ++digit) {
    for (const DeviceLattice& lattice : lattices) {
      const auto needed = (lattice.point_count() + kThreads - 1) / kThreads;
      count_kernel<<<static_cast<unsigned>(std::min<std::int64_t>(needed, kMostBlocks)),
                     kThreads,
                     0,
                     stream>>>(lattice, spacing, saturation, digit, selection, map);
      sinter::cuda::check_launch(kName);
    }
    select_kernel<<<1, kThreads, 0, stream>>>(digit, quantile, selection, typical);
    sinter::cuda::check_launch(kName);
  }
  return {map, typical};
}

void raise_slopes(const DeviceMeasuredSlopes& measured,
                  float factor,
                  const DeviceSlopeMap& bound,
                  cudaStream_t stream) {
  for_each(bound.count(), kName, stream, [=] __device__(std::int64_t n) {
    bound.slope[n] = fmaxf(bound.slope[n], bound_of(measured, factor, n));
  });
}

bool is_within(const DeviceMeasuredSlopes& measured,
               const DeviceSlopeMap& bound,
               Arena& arena,
               cudaStream_t stream) {
  const ArenaScope scope(arena);
  auto* beyond = take<int>(arena, 1);
  set_bytes(beyond, 0, 1, kName, stream);
  for_each(bound.count(), kName, stream, [=] __device__(std::int64_t n) {
    if (bound_of(measured, 1, n) > bound.slope[n]) *beyond = 1;
  });
  return read_back(beyond, kName, stream) == 0;
}

}  // namespace sinter::mesh::cuda
