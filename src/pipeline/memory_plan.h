#pragma once
// How a run fits into the memory of a device: which networks stay there, and how many points the
// decoder works on at a time. Arithmetic alone; memory_needs.h says what a model needs.

#include <array>
#include <cstdint>

#include "sinter/engine.h"

namespace sinter::pipeline {

/// The networks of a run, in the order in which it loads them.
enum class NetworkId { conditioner, dit, vae };
inline constexpr std::size_t kNetworks = 3;

/// Bytes on the device.
struct MemoryNeeds {
  std::array<std::uint64_t, kNetworks> weights{};  ///< by NetworkId

  /// What a stage takes beside weights: out of the arena, which is one block for the whole run, and
  /// from the allocator.
  struct Stage {
    std::uint64_t arena = 0, other = 0;
  };
  Stage condition, sample, latents, surface;
  Stage volume;                    ///< but for the points that are worked on at a time:
  std::uint64_t volume_point = 0;  ///< out of the arena, for each of them
  std::uint64_t overhead = 0;      ///< of the accelerator, always there
  /// Of the stage "sample", what a cache keeps, and what the same would keep of fewer tensors; 0
  /// where it keeps the least that it can.
  std::uint64_t cache = 0, smaller_cache = 0;
};

/// Points at a time: as many as bring the device's products to their full rate, half of that, ...
inline constexpr std::int64_t kMostPoints = 32768;
/// Fewer cost speed: to have no fewer, a network is rather loaded anew for each run.
inline constexpr std::int64_t kEnoughPoints = 8192;
inline constexpr std::int64_t kFewestPoints = 1024;

struct RunMemory {
  MemoryPlan plan;
  std::array<bool, kNetworks> stays{};  ///< on the device after its stage, by NetworkId
  std::uint64_t arena = 0;              ///< bytes of the block
};

/// \param keep whether networks are to stay for the next run, as far as they fit: those of the most
/// bytes together. Without it each is freed after its stage.
/// \param there networks that an earlier run left on the device. The plan holds for runs after this
/// one too, when all that stay are there; its figures are this run's.
/// Raises ErrorCode::out_of_memory where a stage does not fit alone with kFewestPoints, naming the
/// stage that needs most, what it needs and the budget.
RunMemory plan_memory(const MemoryNeeds& needs,
                      std::uint64_t budget,
                      bool keep,
                      const std::array<bool, kNetworks>& there = {});

}  // namespace sinter::pipeline
