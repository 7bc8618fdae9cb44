// The planner: what it promises of any needs and any budget, against a search over all plans; and
// the needs of the released models, against their published sizes.

#include "pipeline/memory_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <optional>
#include <random>
#include <string>

#include "checkpoint/official_config.h"
#include "core/error.h"
#include "pipeline/memory_needs.h"

namespace sinter::pipeline {
namespace {

using Bytes = std::uint64_t;
constexpr Bytes kMega = 1'000'000;
constexpr std::array<bool, kNetworks> kAllThere = {true, true, true};

/// Like the base model's, in megabytes.
MemoryNeeds typical() {
  return {.weights = {2300 * kMega, 2200 * kMega, 330 * kMega},
          .condition = {50 * kMega, 0},
          .sample = {250 * kMega, 0},
          .latents = {40 * kMega, 12 * kMega},
          .surface = {60 * kMega, 280 * kMega},
          .volume = {80 * kMega, 240 * kMega},
          .volume_point = 12500,
          .overhead = 64 * kMega};
}

/// Bytes of each stage with these networks and this number of points.
Bytes peak(const MemoryNeeds& n, unsigned stays, std::int64_t points) {
  const Bytes volume = n.volume.arena + n.volume_point * static_cast<Bytes>(points);
  const Bytes arena =
      std::max({n.condition.arena, n.sample.arena, n.latents.arena, n.surface.arena, volume});
  const auto weights = [&](unsigned own) {
    Bytes sum = 0;
    for (unsigned i = 0; i < kNetworks; ++i) sum += ((stays | own) >> i & 1U) * n.weights[i];
    return sum;
  };
  return arena + n.overhead +
         std::max({weights(1) + n.condition.other,
                   weights(2) + n.sample.other,
                   weights(4) + n.latents.other,
                   weights(4) + n.volume.other,
                   weights(0) + n.surface.other});
}

unsigned set_of(const RunMemory& memory) {
  unsigned set = 0;
  for (unsigned i = 0; i < kNetworks; ++i) set |= memory.stays[i] ? 1U << i : 0U;
  return set;
}

std::string failure(const MemoryNeeds& needs, Bytes budget) {
  try {
    plan_memory(needs, budget, true);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::out_of_memory);
    return error.message();
  }
  ADD_FAILURE() << "planned";
  return {};
}

TEST(MemoryPlan, KeepsAllWhereThereIsRoom) {
  const RunMemory memory = plan_memory(typical(), 100'000 * kMega, true, kAllThere);
  EXPECT_EQ(set_of(memory), 7U);
  EXPECT_EQ(memory.plan.decoder_points, kMostPoints);
  EXPECT_EQ(memory.plan.peak_bytes, peak(typical(), 7, kMostPoints));
  ASSERT_EQ(memory.plan.stages.size(), 5U);
  for (const StageMemory& stage : memory.plan.stages) {
    EXPECT_EQ(stage.weight_bytes, 4830 * kMega) << stage.stage;
    EXPECT_EQ(stage.stays, !stage.network.empty()) << stage.stage;
  }
}

TEST(MemoryPlan, OneAtATimeWhereNothingIsKept) {
  const RunMemory memory = plan_memory(typical(), 100'000 * kMega, false);
  EXPECT_EQ(set_of(memory), 0U);
  EXPECT_EQ(memory.plan.peak_bytes, peak(typical(), 0, kMostPoints));
  EXPECT_EQ(memory.plan.stages[1].weight_bytes, 2200 * kMega);
  EXPECT_EQ(memory.plan.stages[4].weight_bytes, 0U);
}

TEST(MemoryPlan, DropsTheNetworkThatDoesNotFitBesideTheOthers) {
  // With all three the surface has no room; behind the VAE's stage there is.
  const RunMemory memory =
      plan_memory(typical(), peak(typical(), 7, kEnoughPoints) - 1, true, kAllThere);
  EXPECT_EQ(set_of(memory), 3U);
  EXPECT_EQ(memory.plan.stages[3].weight_bytes, 4830 * kMega);
  EXPECT_EQ(memory.plan.stages[4].weight_bytes, 4500 * kMega);
  // The large ones alone: one of them stays, the other comes beside it no more.
  EXPECT_EQ(set_of(plan_memory(typical(), 3'000 * kMega, true)), 4U);
}

TEST(MemoryPlan, CountsInTheFirstRunWhatHasBeenLoaded) {
  const RunMemory first = plan_memory(typical(), 100'000 * kMega, true);
  const RunMemory later = plan_memory(typical(), 100'000 * kMega, true, kAllThere);
  EXPECT_EQ(set_of(first), set_of(later));
  EXPECT_EQ(first.arena, later.arena);
  EXPECT_EQ(first.plan.stages[0].weight_bytes, 2300 * kMega);
  EXPECT_EQ(first.plan.stages[1].weight_bytes, 4500 * kMega);
  EXPECT_EQ(first.plan.stages[2].weight_bytes, 4830 * kMega);
  // The VAE alone was left by a run before.
  const RunMemory mixed = plan_memory(typical(), 100'000 * kMega, true, {false, false, true});
  EXPECT_EQ(mixed.plan.stages[0].weight_bytes, 2630 * kMega);
  // It is the later runs that have to fit.
  const RunMemory tight = plan_memory(typical(), peak(typical(), 4, kEnoughPoints), true);
  EXPECT_EQ(set_of(tight), 4U);
  EXPECT_LT(tight.plan.peak_bytes, peak(typical(), 4, kEnoughPoints));
}

TEST(MemoryPlan, TakesFewerPointsBeforeItFails) {
  const MemoryNeeds needs = typical();
  const Bytes least = peak(needs, 0, kFewestPoints);
  const RunMemory memory = plan_memory(needs, least, true);
  EXPECT_EQ(set_of(memory), 0U);
  EXPECT_LE(memory.plan.peak_bytes, least);
  EXPECT_NE(failure(needs, least - 1), "");
}

TEST(MemoryPlan, SaysWhichStageNeedsHowMuch) {
  const std::string message = failure(typical(), 1'000 * kMega);
  for (const char* part : {"condition", "image encoder", "2614 MB", "2300 MB", "1000 MB"}) {
    EXPECT_NE(message.find(part), std::string::npos) << part << ": " << message;
  }
  EXPECT_EQ(message.find('\n'), std::string::npos);
  MemoryNeeds surface = typical();
  surface.surface.other = 9'000 * kMega;
  EXPECT_NE(failure(surface, 5'000 * kMega).find("stage surface"), std::string::npos);
  EXPECT_NE(failure(typical(), 0).find("got 0 MB"), std::string::npos);
}

TEST(MemoryPlan, NoNeedsFitIntoNothing) {
  const RunMemory memory = plan_memory({}, 0, true);
  EXPECT_EQ(memory.plan.peak_bytes, 0U);
  EXPECT_EQ(set_of(memory), 0U);
}

// Among the sets of networks that leave room for enough points, or else for any, the one of the
// most bytes; and then the most points.
TEST(MemoryPlan, IsTheBestOfAllPlans) {
  std::mt19937_64 random(7);
  const auto number = [&](Bytes most) { return random() % (most + 1); };
  int planned = 0;
  for (int trial = 0; trial < 4000; ++trial) {
    MemoryNeeds needs;
    for (Bytes& weights : needs.weights) weights = number(50);
    for (auto* stage :
         {&needs.condition, &needs.sample, &needs.latents, &needs.volume, &needs.surface}) {
      *stage = {number(40), number(20)};
    }
    needs.volume_point = number(3);
    needs.overhead = number(5);
    const Bytes budget = number(needs.volume_point == 0 ? 250 : 120'000);
    const bool keep = trial % 3 != 0;
    const auto best_at = [&](std::int64_t points) {
      std::optional<Bytes> best;
      for (unsigned set = 0; set < (keep ? 8U : 1U); ++set) {
        Bytes bytes = 0;
        for (unsigned i = 0; i < kNetworks; ++i) bytes += (set >> i & 1U) * needs.weights[i];
        if (peak(needs, set, points) <= budget) best = std::max(best.value_or(0), bytes);
      }
      return best;
    };
    const auto enough = best_at(kEnoughPoints), fewest = best_at(kFewestPoints);
    if (!fewest) {
      EXPECT_NE(failure(needs, budget), "");
      continue;
    }
    ++planned;
    const RunMemory memory = plan_memory(needs, budget, keep, kAllThere);
    const unsigned set = set_of(memory);
    const std::int64_t points = memory.plan.decoder_points;
    Bytes kept = 0;
    for (unsigned i = 0; i < kNetworks; ++i) kept += (set >> i & 1U) * needs.weights[i];
    EXPECT_EQ(kept, enough.value_or(*fewest));
    EXPECT_EQ(memory.plan.peak_bytes, peak(needs, set, points));
    EXPECT_LE(memory.plan.peak_bytes, budget);
    EXPECT_TRUE(points == kMostPoints || peak(needs, set, 2 * points) > budget);
  }
  EXPECT_GT(planned, 500);
}

RunShape shape_of(const models::ShapeModelConfig& config, const Switches& switches) {
  return {.config = config, .switches = switches, .steps = 50};
}

models::ShapeModelConfig released(std::string_view variant) {
  return models::ShapeModelConfig::from(
      checkpoint::ConfigNode::parse(checkpoint::official_config(variant), std::string(variant)));
}

TEST(MemoryNeeds, WeightsAreThoseOfThePublishedFiles) {
  const auto total = [](const char* variant) {
    const MemoryNeeds needs = memory_needs(shape_of(released(variant), {}));
    return static_cast<double>(needs.weights[0] + needs.weights[1] + needs.weights[2]);
  };
  // fp16 safetensors; rows that are filled up, and blocks of 512 bytes, add little.
  for (const auto& [variant, bytes] :
       {std::pair{"base", 4'928'151'562.0}, std::pair{"mini", 3'819'958'234.0}}) {
    EXPECT_GE(total(variant), 0.998 * bytes) << variant;
    EXPECT_LE(total(variant), 1.005 * bytes) << variant;
  }
}

TEST(MemoryNeeds, GrowWithWhatTheyDependOn) {
  const models::ShapeModelConfig base = released("base"), mv = released("mv");
  const Switches switches;
  const MemoryNeeds needs = memory_needs(shape_of(base, switches));
  RunShape finer = shape_of(base, switches);
  finer.octree = 512;
  EXPECT_GT(memory_needs(finer).volume.other, 2 * needs.volume.other);
  EXPECT_EQ(memory_needs(finer).sample.arena, needs.sample.arena);
  RunShape cached = shape_of(base, switches);
  cached.cache.method = sampling::CacheMethod::taylor;
  cached.cache.order = 1;
  const Bytes trunk = memory_needs(cached).sample.arena;
  EXPECT_EQ(trunk - needs.sample.arena, Bytes{2} * 2 * 3072 * 1024 * 2);
  cached.cache.granularity = sampling::Granularity::module;
  EXPECT_GT(memory_needs(cached).sample.arena, trunk + 63 * (trunk - needs.sample.arena));
  // What it keeps is named where it does not fit, with what would.
  MemoryNeeds tight = memory_needs(cached);
  EXPECT_EQ(tight.cache, 64 * tight.smaller_cache);
  tight.sample.arena = Bytes{20'000} * kMega;
  const std::string message = failure(tight, 10'000 * kMega);
  for (const char* part : {"E_MEM", "1611 MB", "26 MB"}) {
    EXPECT_NE(message.find(part), std::string::npos) << part << ": " << message;
  }
  cached.cache.offload = true;
  EXPECT_LT(memory_needs(cached).sample.arena, 2 * needs.sample.arena);
  RunShape alone = shape_of(base, switches);
  alone.guided = false;
  EXPECT_LT(memory_needs(alone).sample.arena, needs.sample.arena);
  RunShape views = shape_of(mv, switches);
  const Bytes one = memory_needs(views).sample.arena;
  views.pictures = 4;
  EXPECT_GT(memory_needs(views).sample.arena, one);
}

}  // namespace
}  // namespace sinter::pipeline
