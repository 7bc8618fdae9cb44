#include "texture/unwrap/pack.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/error.h"
#include "mesh/parallel.h"

namespace sinter::texture {
namespace {

/// Texels along the border of the atlas that stay empty.
int margin_of(const PackOptions& options) {
  return (options.gutter + 1) / 2;
}

int room_of(const PackOptions& options) {
  return options.texture_size - 2 * margin_of(options);
}

std::vector<Vec2> border_points(const Chart& chart) {
  std::vector<Vec2> points;
  points.reserve(chart.border.size());
  for (const BorderEdge& edge : chart.border) {
    points.push_back(chart.uv[static_cast<std::size_t>(edge.from)]);
  }
  return points;
}

PackJob make_job(const std::vector<Chart>& charts, const PackOptions& options) {
  PackJob job;
  job.threads = options.threads;
  job.shape.gutter = options.gutter;
  job.outlines.resize(charts.size());
  double area = 0;
  const auto outline = [&](std::size_t c) {
    const Vec2 upright = upright_rotation(border_points(charts[c]));
    for (int t = 0; t < kDirections; ++t) {
      const double angle = std::numbers::pi / 2 * t / kDirections;
      job.outlines[c].push_back(
          make_outline(charts[c], rotate({std::cos(angle), std::sin(angle)}, upright)));
    }
  };
  mesh::parallel_blocks(options.threads,
                        static_cast<std::int64_t>(charts.size()),
                        16,
                        [&](std::int64_t begin, std::int64_t end) {
                          for (std::int64_t c = begin; c < end; ++c)
                            outline(static_cast<std::size_t>(c));
                        });
  for (const auto& outlines : job.outlines) area += outlines[0].area;
  const double room = room_of(options);
  job.full = area > 0 ? room / std::sqrt(area) : room;
  return job;
}

Placement placement_of(const PackJob& job, int margin, std::size_t c, const Found& found) {
  // rotate upright, shift to the origin, scale; then turn by quarters inside the stamp's cells
  const Slot& slot = found.slots[c];
  const Outline& outline = job.outlines[c][static_cast<std::size_t>(slot.orientation / 4)];
  const int cell = job.shape.cell;
  const CellBox box = cell_box(outline, {found.scale, cell, job.shape.gutter});
  const auto place = [&](Vec2 uv) {
    Vec2 p = found.scale * (rotate(outline.turn, uv) - outline.corner);
    double w = box.width * cell, h = box.height * cell;
    for (int q = 0; q < slot.orientation % 4; ++q) {
      p = {h - p.y, p.x};
      std::swap(w, h);
    }
    return p + Vec2{static_cast<double>(margin + slot.at.x * cell),
                    static_cast<double>(margin + slot.at.y * cell)};
  };
  const Vec2 origin = place({0, 0});
  return {place({1, 0}) - origin, place({0, 1}) - origin, origin};
}

}  // namespace

Packer::Packer(const std::vector<Chart>& charts, const PackOptions& options)
    : options_(options), job_(make_job(charts, options)) {}

double Packer::search(double above) {
  const int room = room_of(options_);
  const std::size_t charts = job_.outlines.size();
  // cells of a texel where charts are small, larger ones where that costs little room
  constexpr int kSide = 256, kCellsAcross = 12;
  const double chart_side = room / std::sqrt(static_cast<double>(charts) + 1);
  int cell = std::max(1, (room + kSide - 1) / kSide);
  while (cell > 1 && chart_side < kCellsAcross * cell) cell /= 2;
  const auto set_cell = [&] {
    job_.shape.cell = cell;
    job_.shape.side = room / cell;
    return cell >= 1 && job_.shape.side > 0;
  };
  // a few charts can be arranged much better than by one rule; of many, the rest fills the gaps
  constexpr std::size_t kMaxTrials = 64, kChartTrials = 1024;
  const int trials = static_cast<int>(std::min(kMaxTrials, kChartTrials / charts));
  if (above > 0) {
    if (set_cell()) try_recipes(job_, above, trials, found_);
    return found_.scale;
  }
  for (; found_.scale == 0 && cell >= 1 && set_cell(); cell /= 2) found_ = find_scale(job_);
  if (found_.scale > 0) try_recipes(job_, kFirstStep * found_.scale, trials, found_);
  return found_.scale;
}

Packing Packer::finish() {
  constexpr int kFineSide = 1024;
  const int fine_cell = std::max(1, (room_of(options_) + kFineSide - 1) / kFineSide);
  for (int cell = job_.shape.cell / 2; cell >= fine_cell; cell /= 2) refine(job_, cell, found_);
  Packing packing;
  packing.texels_per_unit = found_.scale;
  for (std::size_t c = 0; c < job_.outlines.size(); ++c) {
    packing.placements.push_back(placement_of(job_, margin_of(options_), c, found_));
  }
  return packing;
}

}  // namespace sinter::texture
