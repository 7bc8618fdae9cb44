#include "texture/unwrap/make_charts.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "mesh/parallel.h"
#include "texture/unwrap/borders.h"
#include "texture/unwrap/cluster.h"
#include "texture/unwrap/flatten.h"
#include "texture/unwrap/one_to_one.h"

namespace sinter::texture {
namespace {

/// Labels of the first try: clusters with their borders smoothed and their scraps given away.
std::int32_t first_labels(const Surface& surface,
                          const MakeChartsOptions& options,
                          std::vector<std::int32_t>& labels) {
  constexpr double kScrap = 0.05, kCrumb = 0.01;  // of the mean area, before and after smoothing
  for (std::size_t f = 0; f < labels.size(); ++f) {
    labels[f] = surface.topology.collapsed[f] ? kNoCluster : 0;
  }
  std::int32_t count =
      cluster_faces(surface, {options.max_deviation, options.max_extent, options.threads}, labels);
  count = absorb_small_clusters(surface, kScrap, labels, count);
  count = smooth_borders(surface, options.max_deviation, labels, count);
  return absorb_small_clusters(surface, kCrumb, labels, count);
}

/// Cuts a chart in two across its longer side: faces in the order of their middles.
void label_halves(const Chart& chart, std::int32_t label, std::vector<std::int32_t>& labels) {
  constexpr double kFar = std::numeric_limits<double>::max();
  Vec2 low{kFar, kFar}, high{-kFar, -kFar};
  for (const Vec2 p : chart.uv) {
    low = {std::min(low.x, p.x), std::min(low.y, p.y)};
    high = {std::max(high.x, p.x), std::max(high.y, p.y)};
  }
  const Vec2 axis = high.x - low.x > high.y - low.y ? Vec2{1, 0} : Vec2{0, 1};
  std::vector<std::pair<double, std::uint32_t>> order;
  for (std::size_t i = 0; i < chart.faces.size(); ++i) {
    double middle = 0;
    for (const std::int32_t v : chart.corners[i]) {
      middle += dot(axis, chart.uv[static_cast<std::size_t>(v)]);
    }
    order.emplace_back(middle, chart.faces[i]);
  }
  const auto half = order.begin() + static_cast<std::ptrdiff_t>(order.size() / 2);
  std::nth_element(order.begin(), half, order.end());
  for (auto i = order.begin(); i != order.end(); ++i) labels[i->second] = label + (i >= half);
}

/// Labels for the faces of charts that could not be flattened: the culprits go their own way where
/// they are few, other charts are cut in two.
std::int32_t labels_of_parts(const Surface& surface,
                             const std::vector<Chart>& charts,
                             const std::vector<FlattenStatus>& status,
                             std::vector<std::int32_t>& labels) {
  constexpr std::size_t kFew = 50;  // one culprit in so many faces
  std::fill(labels.begin(), labels.end(), kNoCluster);
  std::int32_t count = 0;
  for (std::size_t c = 0; c < charts.size(); ++c) {
    if (status[c] == FlattenStatus::valid) continue;
    std::vector<std::uint32_t> culprits;
    if (status[c] != FlattenStatus::hopeless) culprits = find_culprits(surface, charts[c]);
    if (!culprits.empty() && culprits.size() * kFew <= charts[c].faces.size()) {
      for (const std::uint32_t f : charts[c].faces) labels[f] = count;
      for (const std::uint32_t i : culprits) labels[charts[c].faces[i]] = ++count;
      ++count;
    } else {
      label_halves(charts[c], count, labels);
      count += 2;
    }
  }
  return split_components(surface, labels);
}

}  // namespace

std::vector<Chart> make_charts(const Surface& surface,
                               const MakeChartsOptions& options,
                               FaceSlots& slots) {
  std::vector<std::int32_t> labels(surface.faces());
  std::int32_t count = first_labels(surface, options, labels);
  std::vector<Chart> done;
  while (count > 0) {
    std::vector<Chart> charts = build_charts(surface, labels, count, slots, options.threads);
    std::vector<FlattenStatus> status(charts.size());
    mesh::parallel_blocks(options.threads, count, 1, [&](std::int64_t begin, std::int64_t end) {
      for (auto c = static_cast<std::size_t>(begin); c < static_cast<std::size_t>(end); ++c) {
        project_chart(surface, charts[c]);
        status[c] = flatten_chart(surface, {}, charts[c]);
      }
    });
    count = labels_of_parts(surface, charts, status, labels);
    for (std::size_t c = 0; c < charts.size(); ++c) {
      if (status[c] == FlattenStatus::valid) done.push_back(std::move(charts[c]));
    }
  }
  return done;
}

}  // namespace sinter::texture
