#include "pipeline/memory_plan.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "core/error.h"

namespace sinter::pipeline {

namespace {

using Stays = std::array<bool, kNetworks>;

struct PlannedUse {
  const char* stage;
  std::optional<NetworkId> network;  // whose weights the stage reads
  std::size_t loaded;                // networks that this or an earlier stage has loaded
  MemoryNeeds::Stage MemoryNeeds::*need;
};

constexpr std::array kUses = {
    PlannedUse{"condition", NetworkId::conditioner, 1, &MemoryNeeds::condition},
    PlannedUse{"sample", NetworkId::dit, 2, &MemoryNeeds::sample},
    PlannedUse{"latents", NetworkId::vae, 3, &MemoryNeeds::latents},
    PlannedUse{"volume", NetworkId::vae, 3, &MemoryNeeds::volume},
    PlannedUse{"surface", std::nullopt, 3, &MemoryNeeds::surface},
};

const char* name_of(const std::optional<NetworkId>& network) {
  if (!network) return "";
  constexpr std::array kNames = {"image encoder", "transformer", "VAE"};
  return kNames[static_cast<std::size_t>(*network)];
}

std::uint64_t arena_bytes(const MemoryNeeds& needs, std::int64_t points) {
  std::uint64_t most = 0;
  for (const PlannedUse& use : kUses) {
    std::uint64_t bytes = (needs.*use.need).arena;
    if (use.need == &MemoryNeeds::volume) {
      bytes += needs.volume_point * static_cast<std::uint64_t>(points);
    }
    most = std::max(most, bytes);
  }
  return most;
}

constexpr Stays kAll = {true, true, true};

/// Of the networks that stay and are there, and of the stage's own.
std::uint64_t weight_bytes(const MemoryNeeds& needs,
                           const Stays& stays,
                           const Stays& there,
                           const PlannedUse& use) {
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < kNetworks; ++i) {
    const bool own = use.network && static_cast<std::size_t>(*use.network) == i;
    if (own || (stays[i] && (there[i] || i < use.loaded))) bytes += needs.weights[i];
  }
  return bytes;
}

std::vector<StageMemory> stages_of(const MemoryNeeds& needs,
                                   const Stays& stays,
                                   const Stays& there,
                                   std::int64_t points) {
  std::vector<StageMemory> stages;
  for (const PlannedUse& use : kUses) {
    stages.push_back(
        {.stage = use.stage,
         .network = name_of(use.network),
         .stays = use.network && stays[static_cast<std::size_t>(*use.network)],
         .weight_bytes = weight_bytes(needs, stays, there, use),
         .other_bytes = arena_bytes(needs, points) + (needs.*use.need).other + needs.overhead});
  }
  return stages;
}

const StageMemory& largest(const std::vector<StageMemory>& stages) {
  return *std::max_element(stages.begin(), stages.end(), [](const auto& a, const auto& b) {
    return a.weight_bytes + a.other_bytes < b.weight_bytes + b.other_bytes;
  });
}

std::uint64_t peak_of(const std::vector<StageMemory>& stages) {
  const StageMemory& most = largest(stages);
  return most.weight_bytes + most.other_bytes;
}

/// Of a run with all that stay there from the start.
std::uint64_t later_peak(const MemoryNeeds& needs, const Stays& stays, std::int64_t points) {
  return peak_of(stages_of(needs, stays, kAll, points));
}

/// The networks that stay: those of the most bytes that leave room for this many points. Nothing
/// where there is no room without any.
std::optional<Stays> choose(const MemoryNeeds& needs,
                            std::uint64_t budget,
                            bool keep,
                            std::int64_t points) {
  std::optional<Stays> chosen;
  std::uint64_t most = 0;
  for (unsigned set = 0; set < (keep ? 1U << kNetworks : 1U); ++set) {
    Stays stays{};
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < kNetworks; ++i) {
      stays[i] = (set >> i & 1U) != 0;
      if (stays[i]) bytes += needs.weights[i];
    }
    if (later_peak(needs, stays, points) > budget || (chosen && bytes <= most)) continue;
    chosen = stays;
    most = bytes;
  }
  return chosen;
}

/// 1234567890 -> "1235 MB", rounded up so that a budget of that size is enough.
std::string megabytes(std::uint64_t bytes) {
  constexpr std::uint64_t kUnit = 1'000'000;
  return cat(bytes / kUnit + (bytes % kUnit != 0 ? 1 : 0), " MB");
}

[[noreturn]] void fail_too_small(const MemoryNeeds& needs, std::uint64_t budget) {
  const std::vector<StageMemory> stages = stages_of(needs, {}, {}, kFewestPoints);
  const StageMemory& most = largest(stages);
  // Its block is there from the first stage on.
  const bool cache_counts =
      needs.cache > 0 && needs.sample.arena >= std::max({needs.condition.arena,
                                                         needs.latents.arena,
                                                         needs.surface.arena,
                                                         needs.volume.arena});
  fail(ErrorCode::out_of_memory,
       cat("[memory] stage ",
           most.stage,
           ": expected a budget of at least ",
           megabytes(most.weight_bytes + most.other_bytes),
           " on the GPU (",
           most.network,
           most.network.empty() ? "" : ", ",
           "weights ",
           megabytes(most.weight_bytes),
           ", all else ",
           megabytes(most.other_bytes),
           "), got ",
           budget / 1'000'000,
           " MB",
           cache_counts ? cat("; E_MEM: the cache keeps ",
                              megabytes(needs.cache),
                              " of it, at the granularity trunk it would keep ",
                              megabytes(needs.smaller_cache))
                        : ""));
}

}  // namespace

RunMemory plan_memory(const MemoryNeeds& needs,
                      std::uint64_t budget,
                      bool keep,
                      const Stays& there) {
  std::int64_t points = kEnoughPoints;
  std::optional<Stays> stays = choose(needs, budget, keep, points);
  if (!stays) {
    points = kFewestPoints;
    stays = choose(needs, budget, keep, points);
  }
  if (!stays) fail_too_small(needs, budget);
  while (points < kMostPoints && later_peak(needs, *stays, 2 * points) <= budget) points *= 2;
  std::vector<StageMemory> stages = stages_of(needs, *stays, there, points);
  return {.plan = {.budget_bytes = budget,
                   .peak_bytes = peak_of(stages),
                   .decoder_points = points,
                   .stages = std::move(stages)},
          .stays = *stays,
          .arena = arena_bytes(needs, points)};
}

}  // namespace sinter::pipeline
