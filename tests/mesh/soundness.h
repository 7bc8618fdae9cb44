#pragma once
// What makes a closed surface a manifold, checked the slow and obvious way.

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "mesh/triangle_mesh.h"

namespace sinter::mesh::testing {

/// Each edge is walked exactly once in each direction.
inline ::testing::AssertionResult is_closed_and_oriented(const TriangleMesh& mesh) {
  std::map<std::pair<std::uint32_t, std::uint32_t>, int> walks;
  for (const Face& f : mesh.faces) {
    for (std::size_t i = 0; i < 3; ++i) ++walks[{f[i], f[(i + 1) % 3]}];
  }
  for (const auto& [edge, count] : walks) {
    const auto back = walks.find({edge.second, edge.first});
    if (count != 1 || back == walks.end()) {
      return ::testing::AssertionFailure()
             << "edge " << edge.first << "-" << edge.second << " walked " << count
             << " times, backwards " << (back == walks.end() ? 0 : back->second);
    }
  }
  return ::testing::AssertionSuccess();
}

/// The faces around each vertex form one closed fan.
inline ::testing::AssertionResult has_single_fans(const TriangleMesh& mesh) {
  std::vector<std::map<std::uint32_t, std::uint32_t>> next(mesh.positions.size());
  for (const Face& f : mesh.faces) {
    for (std::size_t i = 0; i < 3; ++i) {
      if (!next[f[i]].emplace(f[(i + 1) % 3], f[(i + 2) % 3]).second) {
        return ::testing::AssertionFailure() << "vertex " << f[i] << " repeats an edge";
      }
    }
  }
  for (std::size_t v = 0; v < next.size(); ++v) {
    if (next[v].empty()) return ::testing::AssertionFailure() << "vertex " << v << " is unused";
    const std::uint32_t first = next[v].begin()->first;
    std::uint32_t at = first;
    std::size_t steps = 0;
    do {
      const auto found = next[v].find(at);
      if (found == next[v].end()) {
        return ::testing::AssertionFailure() << "the fan of vertex " << v << " is open";
      }
      at = found->second;
      ++steps;
    } while (at != first);
    if (steps != next[v].size()) {
      return ::testing::AssertionFailure() << "vertex " << v << " has more than one fan";
    }
  }
  return ::testing::AssertionSuccess();
}

}  // namespace sinter::mesh::testing
