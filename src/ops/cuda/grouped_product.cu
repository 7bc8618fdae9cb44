// Tiles of 128 rows and 256 columns, taken by a resident grid: one warpgroup copies ahead, two
// multiply 64 rows each. Along the inner dimension a tile is read in blocks of 64.
#include <algorithm>

#include "core/error.h"
#include "cuda/status.h"
#include "cuda/tensor_map.h"
#include "ops/cuda/activation.cuh"
#include "ops/cuda/async_copy.cuh"
#include "ops/cuda/grouped_product.h"
#include "ops/cuda/launch.h"
#include "ops/cuda/pack.cuh"
#include "ops/cuda/processors.h"

namespace sinter::ops::cuda {

namespace {

using sinter::cuda::kSwizzleColumns;

constexpr int kMaxGroups = static_cast<int>(GroupedProduct::kMaxGroups);
constexpr int kWarpgroup = 128, kConsumers = 2, kThreads = kWarpgroup * (kConsumers + 1);
constexpr int kTileRows = 64 * kConsumers;
constexpr int kHalf = 128, kHalves = 2, kTileColumns = kHalf * kHalves;
constexpr int kStages = 4;
constexpr int kProducerRegisters = 40, kConsumerRegisters = 232;

struct Parameters {
  CUtensorMap x;
  CUtensorMap weights[kMaxGroups];
  const void* biases[kMaxGroups];
  const int* offsets;
  void* dst;
  std::int64_t dst_stride;
  int groups, inner_blocks, columns, column_tiles;
  Activation activation;
};

template <class T>
struct __align__(1024) Shared {
  T x[kStages][kTileRows * kSwizzleColumns];
  T weight[kStages][kHalves][kHalf * kSwizzleColumns];
  Barrier full[kStages], empty[kStages];
};

struct Tile {
  int group, first_row, end_row, first_column;
};

/// Tiles are numbered group by group; those of one group's columns follow each other, which read
/// the same part of its weight. False where there is no tile of that number.
__device__ __forceinline__ bool find_tile(const Parameters& p, int number, Tile& tile) {
  for (int g = 0; g < p.groups; ++g) {
    const int first = p.offsets[g], end = p.offsets[g + 1];
    const int row_tiles = (end - first + kTileRows - 1) / kTileRows;
    const int tiles = row_tiles * p.column_tiles;
    if (number < tiles) {
      tile = {g, first + number % row_tiles * kTileRows, end, number / row_tiles * kTileColumns};
      return true;
    }
    number -= tiles;
  }
  return false;
}

template <class T>
__device__ void produce(const Parameters& p, Shared<T>& s) {
  Tile tile{};
  int block = 0;  // inner blocks copied so far, over all tiles
  for (int number = static_cast<int>(blockIdx.x); find_tile(p, number, tile);
       number += static_cast<int>(gridDim.x)) {
    for (int k = 0; k < p.inner_blocks; ++k, ++block) {
      const int stage = block % kStages;
      s.empty[stage].wait((block / kStages & 1) ^ 1);
      s.full[stage].arrive_expecting(sizeof s.x[0] + sizeof s.weight[0]);
      copy_box(s.x[stage], p.x, s.full[stage], 0, k, tile.first_row);
      for (int half = 0; half < kHalves; ++half) {
        copy_box(s.weight[stage][half],
                 p.weights[tile.group],
                 s.full[stage],
                 0,
                 k,
                 tile.first_column + half * kHalf);
      }
    }
  }
}

/// One consumer warpgroup: 64 rows of each tile, in the layout of wgmma.cuh.
template <class T>
struct Consumer {
  const Parameters& p;
  Shared<T>& s;
  const int me;
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32 % 4;
  const bool leader = threadIdx.x % kWarpgroup == 0;
  int block = 0;  // inner blocks used so far, over all tiles
  float sums[kHalves][kHalf / 2];

  __device__ __forceinline__ void multiply() {
    for (int k = 0; k < p.inner_blocks; ++k, ++block) {
      const int stage = block % kStages;
      s.full[stage].wait(block / kStages & 1);
      wgmma_fence();
#pragma unroll
      for (int step = 0; step < kSwizzleColumns / 16; ++step) {
        const std::uint64_t x =
            tile_descriptor(s.x[stage] + me * 64 * kSwizzleColumns) + step * kInnerStep;
#pragma unroll
        for (int half = 0; half < kHalves; ++half) {
          multiply_n128<T>(sums[half],
                           x,
                           tile_descriptor(s.weight[stage][half]) + step * kInnerStep,
                           k + step != 0);
        }
      }
      wgmma_commit();
      if (k == 0) continue;
      wgmma_wait<1>();
      if (leader) s.empty[(block - 1) % kStages].arrive();
    }
    wgmma_wait<0>();
    if (leader) s.empty[(block - 1) % kStages].arrive();
  }

  __device__ __forceinline__ void store(const Tile& tile) {
    const T* const bias = static_cast<const T*>(p.biases[tile.group]);
    const int row = tile.first_row + me * 64 + warp * 16 + lane / 4;
#pragma unroll
    for (int half = 0; half < kHalves; ++half) {
      const int first = tile.first_column + half * kHalf + lane % 4 * 2;
      if (bias != nullptr) {
#pragma unroll
        for (int j = 0; j < kHalf / 8; ++j) {
          if (first + 8 * j >= p.columns) continue;
          const float2 b = unpack<T>(*reinterpret_cast<const std::uint32_t*>(bias + first + 8 * j));
#pragma unroll
          for (int r = 0; r < 2; ++r) {
            sums[half][4 * j + 2 * r] += b.x;
            sums[half][4 * j + 2 * r + 1] += b.y;
          }
        }
      }
      activate(p.activation, sums[half]);
#pragma unroll
      for (int r = 0; r < 2; ++r) {
        if (row + 8 * r >= tile.end_row) continue;
        T* const to = static_cast<T*>(p.dst) + (row + 8 * r) * p.dst_stride + first;
#pragma unroll
        for (int j = 0; j < kHalf / 8; ++j) {
          if (first + 8 * j >= p.columns) continue;
          *reinterpret_cast<std::uint32_t*>(to + 8 * j) =
              pack<T>(sums[half][4 * j + 2 * r], sums[half][4 * j + 2 * r + 1]);
        }
      }
    }
  }

  __device__ __forceinline__ void run() {
    Tile tile{};
    for (int number = static_cast<int>(blockIdx.x); find_tile(p, number, tile);
         number += static_cast<int>(gridDim.x)) {
      multiply();
      store(tile);
    }
  }
};

template <class T>
__global__ void __launch_bounds__(kThreads, 1)
    grouped_product_kernel(const __grid_constant__ Parameters p) {
  extern __shared__ std::uint8_t raw[];
  auto& s = *reinterpret_cast<Shared<T>*>((reinterpret_cast<std::uintptr_t>(raw) + 1023) &
                                          ~std::uintptr_t{1023});
  // The compiler must see that a warpgroup is uniform, or it serialises the products.
  const int warpgroup = __shfl_sync(~0U, static_cast<int>(threadIdx.x) / kWarpgroup, 0);
  if (threadIdx.x == 0) {
    for (int i = 0; i < kStages; ++i) {
      s.full[i].init(1);
      s.empty[i].init(kConsumers);
    }
    fence_barrier_init();
  }
  __syncthreads();
  if (warpgroup == 0) {
    asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(kProducerRegisters));
    if (threadIdx.x == 0) produce<T>(p, s);
  } else {
    asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(kConsumerRegisters));
    Consumer<T>{p, s, warpgroup - 1}.run();
  }
}

/// Rows of a matrix as heads of 64 channels: its blocks along the inner dimension.
CUtensorMap map_of(
    const void* data, std::int64_t rows, std::int64_t columns, std::int64_t stride, DType dtype) {
  static_assert(kTileRows == kHalf);
  return sinter::cuda::head_rows_map(
      {data, rows, columns / kSwizzleColumns, kSwizzleColumns, stride, kSwizzleColumns},
      dtype,
      kHalf,
      "grouped product");
}

void check(const GroupedProduct& product) {
  constexpr std::int64_t kMost = 1 << 30;
  SINTER_CHECK(!product.groups.empty() && product.groups.size() <= GroupedProduct::kMaxGroups &&
                   product.offsets != nullptr && product.rows < kMost,
               ErrorCode::invalid_argument,
               "[grouped product] expected 1..",
               GroupedProduct::kMaxGroups,
               " groups and their offsets, got ",
               product.groups.size());
  SINTER_CHECK(is_16_bit(product.dtype) && product.in_features > 0 &&
                   product.in_features % kSwizzleColumns == 0 && product.out_features > 0 &&
                   product.out_features % kVector == 0 && product.out_features < kMost &&
                   product.dst_stride % 2 == 0,
               ErrorCode::invalid_argument,
               "[grouped product] expected f16 or bf16, a multiple of 64 input and of 8 output "
               "channels, got ",
               to_string(product.dtype),
               ", ",
               product.in_features,
               " and ",
               product.out_features);
}

template <class T>
void launch(const GroupedProduct& product, cudaStream_t stream) {
  Parameters p{};
  p.x = map_of(product.x, product.rows, product.in_features, product.x_stride, product.dtype);
  p.groups = static_cast<int>(product.groups.size());
  for (std::size_t g = 0; g < product.groups.size(); ++g) {
    const GroupWeight& group = product.groups[g];
    p.weights[g] = map_of(group.weight,
                          product.out_features,
                          product.in_features,
                          product.in_features,
                          product.dtype);
    p.biases[g] = group.bias;
  }
  p.offsets = product.offsets;
  p.dst = product.dst;
  p.dst_stride = product.dst_stride;
  p.inner_blocks = static_cast<int>(product.in_features / kSwizzleColumns);
  p.columns = static_cast<int>(product.out_features);
  p.column_tiles = (p.columns + kTileColumns - 1) / kTileColumns;
  p.activation = product.activation;

  // Every group may end in a tile that is not full.
  const std::int64_t most_tiles = (product.rows / kTileRows + p.groups) * p.column_tiles;
  const auto blocks =
      static_cast<unsigned>(std::min<std::int64_t>(processor_count("grouped product"), most_tiles));
  constexpr int kBytes = sizeof(Shared<T>) + 1024;
  sinter::cuda::check(
      cudaFuncSetAttribute(
          grouped_product_kernel<T>, cudaFuncAttributeMaxDynamicSharedMemorySize, kBytes),
      "grouped product");
  grouped_product_kernel<T><<<blocks, kThreads, kBytes, stream>>>(p);
  sinter::cuda::check_launch("grouped product");
}

}  // namespace

void grouped_product(const GroupedProduct& product, cudaStream_t stream) {
  check(product);
  if (product.rows == 0) return;
  product.dtype == DType::f16 ? launch<__half>(product, stream)
                              : launch<__nv_bfloat16>(product, stream);
}

}  // namespace sinter::ops::cuda
