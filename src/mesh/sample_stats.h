#pragma once
// What a sampling run cost, and how it tells where it stands.

#include <cstdint>
#include <functional>
#include <vector>

namespace sinter::mesh {

struct SampleLevel {
  int stride = 1;            ///< grid cells between neighbouring points of the level
  std::int64_t queries = 0;  ///< points evaluated for it
};

struct SampleStats {
  std::int64_t grid_points = 0;  ///< (N + 1)^3: what dense costs
  std::int64_t queries = 0;      ///< points the sampler was asked for; none is asked for twice
  std::vector<SampleLevel> levels;
  std::int64_t following_queries = 0;  ///< part of `queries` spent by surface following
  int following_rounds = 0;            ///< rounds that found something to evaluate
  int passes = 0;                      ///< coarse-to-fine passes until the slope bound held
  double slope = 0;  ///< largest bound on |gradient| used anywhere, logits per unit
  double share() const {
    return grid_points > 0 ? static_cast<double>(queries) / static_cast<double>(grid_points) : 0;
  }
};

/// Called after every chunk with a non-decreasing estimate in [0, 1]. To cancel, throw.
using SampleProgress = std::function<void(double fraction)>;

}  // namespace sinter::mesh
