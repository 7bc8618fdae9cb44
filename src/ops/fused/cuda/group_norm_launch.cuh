#pragma once
// Which kernels a group norm takes, for one element type; each type is instantiated in a source of
// its own.

#include <algorithm>

#include "cuda/status.h"
#include "ops/cuda/launch.h"
#include "ops/cuda/processors.h"
#include "ops/fused/cuda/group_norm_chains.cuh"
#include "ops/fused/cuda/group_norm_held.cuh"
#include "ops/fused/cuda/group_norm_last.cuh"
#include "ops/fused/cuda/group_norm_plan.h"
#include "ops/fused/cuda/group_norm_streamed.cuh"

namespace sinter::fused::cuda {

namespace {

constexpr const char* kOperation = "group_norm_silu";

inline std::int64_t divide_up(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

template <class T>
class Launcher {
 public:
  Launcher(const GroupNormTask& task, cudaStream_t stream)
      : task_(task),
        stream_(stream),
        shape_(task.shape),
        elements_(task.shape.group_elements()),
        wide_(is_wide(task)),
        layout_(scratch_layout(task.shape)),
        processors_(ops::cuda::processor_count(kOperation)) {
    args_ = {.x = static_cast<const T*>(task.x),
             .y = static_cast<T*>(task.y),
             .weight = task.weight,
             .bias = task.bias,
             .affine = task.weight != nullptr,
             .wide_weights = task.wide_weights,
             .silu = task.silu,
             .eps = task.eps,
             .positions = shape_.positions,
             .elements = elements_,
             .samples = shape_.samples,
             .groups = static_cast<int>(shape_.groups),
             .group_channels = static_cast<int>(shape_.group_channels())};
  }

  void run() {
    if (shape_.channels_last) return channels_last();
    if (task_.exact) return exact();
    if (!streams_well() || !streamed()) {
      const bool held = few_elements() || (wide_ ? held_vectors() : held_elements());
      if (!held && !streamed()) two_passes();
    }
  }

 private:
  static bool is_wide(const GroupNormTask& task) {
    const std::int64_t inner =
        task.shape.channels_last ? task.shape.channels : task.shape.positions;
    return inner % kVector == 0 && ops::cuda::aligned(task.x) && ops::cuda::aligned(task.y);
  }
  template <class Pointer>
  Pointer scratch(std::size_t offset) const {
    return reinterpret_cast<Pointer>(static_cast<std::uint8_t*>(task_.scratch) + offset);
  }
  unsigned blocks(std::int64_t count) const {
    SINTER_CHECK(count < std::int64_t{1} << 31,
                 ErrorCode::invalid_argument,
                 "[",
                 kOperation,
                 "] expected fewer than 2^31 blocks of work, got ",
                 count);
    return static_cast<unsigned>(count);
  }

  // --- groups in registers

  template <class Kernel>
  void launch_held(Kernel kernel, int threads, int cluster) {
    cudaLaunchConfig_t config{};
    config.gridDim = dim3(blocks(shape_.all_groups() * cluster));
    config.blockDim = dim3(static_cast<unsigned>(threads));
    config.stream = stream_;
    cudaLaunchAttribute attribute{};
    attribute.id = cudaLaunchAttributeClusterDimension;
    attribute.val.clusterDim = {static_cast<unsigned>(cluster), 1, 1};
    config.attrs = &attribute;
    config.numAttrs = cluster > 1 ? 1 : 0;
    sinter::cuda::check(cudaLaunchKernelEx(&config, kernel, args_, cluster), kOperation);
  }

  /// Blocks of a cluster: more where there are fewer groups than multiprocessors, as long as a
  /// block has something to do.
  int cluster_for(std::int64_t items, int most_of_block, int least_of_block) const {
    int cluster = 1;
    while (cluster < kMostCluster && (divide_up(items, cluster) > most_of_block ||
                                      (shape_.all_groups() * cluster * 2 <= processors_ &&
                                       items / (cluster * 2) >= least_of_block)))
      cluster *= 2;
    return cluster;
  }

  static int threads_for(std::int64_t items, int each) {
    return static_cast<int>(divide_up(divide_up(items, each), kWarp) * kWarp);
  }

  bool held_vectors() {
    constexpr int kMost = sizeof(T) == 4 ? 4 : 8;  // 32 registers
    constexpr int kMostOfBlock = kMost * kMostHeldThreads, kLeastOfBlock = 512;
    const std::int64_t vectors = elements_ / kVector;
    if (vectors > kMostOfBlock * kMostCluster) return false;
    const int cluster = cluster_for(vectors, kMostOfBlock, kLeastOfBlock);
    const std::int64_t mine = divide_up(vectors, cluster);
    const auto go = [&](auto count) {
      constexpr int kCount = decltype(count)::value;
      launch_held(held_kernel<T, kCount>, threads_for(mine, kCount), cluster);
    };
    if (mine <= 512) {
      go(std::integral_constant<int, 1>{});
    } else if (mine <= 2 * 512) {
      go(std::integral_constant<int, 2>{});
    } else if (kMost == 4 || mine <= 4 * 512) {
      go(std::integral_constant<int, 4>{});
    } else {
      go(std::integral_constant<int, kMost>{});
    }
    return true;
  }

  bool few_elements() {
    constexpr int kMost = 8;
    constexpr std::int64_t kMostSamples = 65535;  // a launch's second extent
    if (shape_.positions != 1 || elements_ > kMost || shape_.samples > kMostSamples) return false;
    const dim3 grid(blocks(divide_up(shape_.groups, kWarp)), static_cast<unsigned>(shape_.samples));
    const auto kernel = args_.wide_weights ? few_elements_kernel<T, float, kMost>
                                           : few_elements_kernel<T, T, kMost>;
    kernel<<<grid, kWarp, 0, stream_>>>(args_);
    sinter::cuda::check_launch(kOperation);
    return true;
  }

  bool held_elements() {
    constexpr int kFew = 2, kMany = 16;
    constexpr int kMostOfBlock = kMany * kMostHeldThreads, kLeastOfBlock = 2048;
    if (elements_ > kMostOfBlock * kMostCluster) return false;
    const int cluster = cluster_for(elements_, kMostOfBlock, kLeastOfBlock);
    const std::int64_t mine = divide_up(elements_, cluster);
    if (mine <= kFew * kMostHeldThreads) {
      launch_held(held_elements_kernel<T, kFew>, threads_for(mine, kFew), cluster);
    } else {
      launch_held(held_elements_kernel<T, kMany>, threads_for(mine, kMany), cluster);
    }
    return true;
  }

  // --- groups in all shared memory together

  /// Much work, and groups that all multiprocessors share.
  bool streams_well() const {
    constexpr std::int64_t kMuch = std::int64_t{24} << 20, kShared = std::int64_t{1} << 18;
    const auto bytes = static_cast<std::int64_t>(sizeof(T));
    return 2 * shape_.elements() * bytes >= kMuch && elements_ * bytes >= kShared;
  }

  /// False where a group does not fit.
  bool streamed() {
    constexpr int kAhead = 3;  // chunks on their way at least
    const std::int64_t of_group = divide_up(elements_, kChunk<T>);
    const std::int64_t all = of_group * shape_.all_groups();
    if (!wide_ || task_.scratch == nullptr || all >= std::int64_t{1} << 30 ||
        processors_ > kMostStreamBlocks)
      return false;
    const int grid = static_cast<int>(std::min<std::int64_t>(processors_, all));
    if (divide_up(of_group, grid) > kRing - kAhead) return false;
    const Chunks chunks{static_cast<int>(of_group), static_cast<int>(all)};
    auto* const partial = scratch<PartMoments*>(layout_.partial);
    constexpr auto kKernel = streamed_kernel<T>;
    sinter::cuda::check(
        cudaFuncSetAttribute(
            kKernel, cudaFuncAttributeMaxDynamicSharedMemorySize, sizeof(StreamShared)),
        kOperation);
    cudaLaunchConfig_t config{};
    config.gridDim = dim3(static_cast<unsigned>(grid));
    config.blockDim = dim3(kStreamThreads);
    config.dynamicSmemBytes = sizeof(StreamShared);
    config.stream = stream_;
    cudaLaunchAttribute attribute{};
    attribute.id = cudaLaunchAttributeCooperative;
    attribute.val.cooperative = 1;
    config.attrs = &attribute;
    config.numAttrs = 1;
    sinter::cuda::check(cudaLaunchKernelEx(&config, kKernel, args_, chunks, partial), kOperation);
    return true;
  }

  // --- two passes

  /// Parts that are worth a block each.
  static std::int64_t parts_of(std::int64_t elements) {
    constexpr std::int64_t kWorthABlock = 4;
    return most_parts(divide_up(elements, kWorthABlock));
  }

  Parts parts() const {
    const std::int64_t count = parts_of(elements_);
    const std::int64_t length =
        divide_up(divide_up(elements_, count), kPartMultiple) * kPartMultiple;
    return {static_cast<int>(divide_up(elements_, length)), length};
  }

  void two_passes() {
    auto* const partial = scratch<PartMoments*>(layout_.partial);
    const Parts cut = parts();
    const unsigned grid = blocks(shape_.all_groups() * cut.count);
    const auto go = [&](auto wide) {
      constexpr bool kWide = decltype(wide)::value;
      moments_kernel<T, kWide><<<grid, kPassThreads, 0, stream_>>>(args_, cut, partial);
      apply_kernel<T, kWide><<<grid, kPassThreads, 0, stream_>>>(args_, cut, partial);
      sinter::cuda::check_launch(kOperation);
    };
    wide_ ? go(std::true_type{}) : go(std::false_type{});
  }

  // --- PyTorch's sums

  void exact() {
    wide_ ? exact<true>() : exact<false>();
    sinter::cuda::check_launch(kOperation);
  }

  template <bool Wide>
  void exact() {
    if (elements_ <= kSmallGroup) {
      static_assert(kSmallGroup <= kMostBlockSteps * kChains);
      const int threads = elements_ >= kChains ? kChains : kWarp;
      const unsigned grid = blocks(shape_.all_groups());
      exact_block_kernel<T, Wide><<<grid, threads, 0, stream_>>>(args_);
      return;
    }
    auto* const partial = scratch<Welford*>(layout_.partial);
    static_assert(sizeof(Welford) * kChainWarps <= kExactBytes);
    sinter::cuda::check(cudaFuncSetAttribute(chains_kernel<T, Wide>,
                                             cudaFuncAttributeMaxDynamicSharedMemorySize,
                                             sizeof(ChainsShared<T>)),
                        kOperation);
    const unsigned quarters = blocks(shape_.all_groups() * 4);
    chains_kernel<T, Wide>
        <<<quarters, kChainThreads, sizeof(ChainsShared<T>), stream_>>>(args_, partial);
    const Parts cut = parts();
    const unsigned grid = blocks(shape_.all_groups() * cut.count);
    apply_exact_kernel<T, Wide><<<grid, kPassThreads, 0, stream_>>>(args_, cut, partial);
  }

  // --- channels last

  void channels_last() {
    wide_ ? channels_last<kVector>() : channels_last<1>();
    sinter::cuda::check_launch(kOperation);
  }

  template <int Width>
  void channels_last() {
    auto* const partial = scratch<PartMoments*>(layout_.partial);
    auto* const affine = scratch<Affine*>(layout_.affine);
    const std::int64_t lanes = divide_up(shape_.channels, Width);
    Tiles tiles{};
    tiles.across = static_cast<int>(divide_up(lanes, kPassThreads));
    tiles.width = static_cast<int>(divide_up(lanes, tiles.across)) * Width;
    // As many blocks as the processors hold at a time, or fewer.
    constexpr std::int64_t kOfProcessor = 4;
    const std::int64_t wanted =
        divide_up(kOfProcessor * processors_, shape_.samples * tiles.across);
    const std::int64_t down = std::min(most_parts(shape_.positions * shape_.channels), wanted);
    tiles.rows_each = divide_up(shape_.positions, down);
    tiles.down = static_cast<int>(divide_up(shape_.positions, tiles.rows_each));
    const unsigned grid = blocks(shape_.samples * tiles.down * tiles.across);
    column_moments_kernel<T, Width><<<grid, kPassThreads, 0, stream_>>>(args_, tiles, partial);
    fold_kernel<T>
        <<<blocks(shape_.all_groups()), kPassThreads, 0, stream_>>>(args_, tiles, partial, affine);
    apply_columns_kernel<T, Width><<<grid, kPassThreads, 0, stream_>>>(args_, tiles, affine);
  }

  const GroupNormTask& task_;
  cudaStream_t stream_;
  const GroupShape& shape_;
  std::int64_t elements_;  // of a group
  bool wide_;              // in aligned vectors, each of one channel (or of neighbouring channels)
  ScratchLayout layout_;
  int processors_;
  GroupNormArgs<T> args_{};
};

}  // namespace

}  // namespace sinter::fused::cuda
