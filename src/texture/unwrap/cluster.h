#pragma once
// Faces to clusters that are nearly flat and compact.

#include <cstdint>
#include <span>
#include <vector>

#include "texture/unwrap/surface.h"

namespace sinter::texture {

struct ClusterOptions {
  /// Largest mean squared difference between a face's normal and its cluster's mean normal, unit
  /// vectors: 1 - cos(t) for a spherical cap that reaches t from its pole.
  double max_deviation = 0.12;
  /// Largest diagonal of a cluster's bounding box, in the surface's units.
  double max_extent = 1;
  int threads = 1;
};

/// Label of a face that is in no cluster.
constexpr std::int32_t kNoCluster = -1;

/// Splits every group of faces with the same label >= 0 into connected clusters and writes their
/// labels: 0, 1, ... by first face. Negative labels stay.
/// Returns the number of clusters.
std::int32_t cluster_faces(const Surface& surface,
                           const ClusterOptions& options,
                           std::span<std::int32_t> labels);

/// Relabels the connected parts of every label 0, 1, ... by first face; negative labels stay.
/// Returns their number.
std::int32_t split_components(const Surface& surface, std::span<std::int32_t> labels);

}  // namespace sinter::texture
