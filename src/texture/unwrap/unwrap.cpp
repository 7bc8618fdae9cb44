#include "texture/unwrap/unwrap.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "core/error.h"
#include "mesh/parallel.h"
#include "texture/clock.h"
#include "texture/input_mesh.h"
#include "texture/unwrap/flatten.h"
#include "texture/unwrap/halve.h"
#include "texture/unwrap/join.h"
#include "texture/unwrap/layout.h"
#include "texture/unwrap/make_charts.h"
#include "texture/unwrap/measure.h"

namespace sinter::texture {
namespace {

/// Part of the atlas that charts are expected to fill; only sets the unit of max_extent.
constexpr double kExpectedUse = 0.6;

void check_options(const UnwrapOptions& options) {
  const auto check = [](bool good, const char* what, const char* expected, auto got) {
    SINTER_CHECK(good,
                 ErrorCode::invalid_argument,
                 "[unwrap] ",
                 what,
                 ": expected ",
                 expected,
                 ", got ",
                 got);
  };
  check(options.texture_size >= 32 && options.texture_size <= 16384,
        "texture size",
        "32..16384 texels",
        options.texture_size);
  check(options.gutter >= 0 && options.gutter <= 64, "gutter", "0..64 texels", options.gutter);
  check(options.max_stretch >= 1 && std::isfinite(options.max_stretch),
        "max stretch",
        "at least 1",
        options.max_stretch);
  check(options.max_extent >= 0.05 && options.max_extent <= 10,
        "max extent",
        "0.05..10",
        options.max_extent);
  check(options.max_charts >= 0, "max charts", "0 or more", options.max_charts);
  check(options.threads >= 1, "threads", "at least 1", options.threads);
}

void check_size(const mesh::TriangleMesh& mesh) {
  constexpr std::size_t kMaxFaces = 700'000'000;  // half-edges are numbered in 31 bits
  SINTER_CHECK(mesh.faces.size() <= kMaxFaces,
               ErrorCode::unsupported,
               "[unwrap] mesh: expected at most ",
               kMaxFaces,
               " faces, got ",
               mesh.faces.size());
}

/// Joins charts beyond what stretch allows, gently at first, until at most `limit` are left.
void join_to_limit(const Surface& surface,
                   JoinOptions join,
                   std::size_t limit,
                   FaceSlots& slots,
                   std::vector<Chart>& charts) {
  constexpr double kLoosest = 4;
  while (charts.size() > limit && join.max_growth < kLoosest) {
    join.max_growth = std::max(2 * join.max_growth, 1e-3);
    join.max_stretch = std::max(join.max_stretch, 1 + 4 * join.max_growth);
    join.max_extent *= 1.25;
    join_charts(surface, join, slots, charts);
  }
}

/// Scales each chart by what makes the stretch of all together least: with energy e and area u in
/// the plane, the sum of e / k^2 at a constant sum of u k^2 is least where k^4 is as e / u.
void scale_charts(std::vector<Chart>& charts) {
  for (Chart& chart : charts) {
    const ChartStretch& s = chart.stretch;
    if (!(s.uv_area > 0 && s.energy > 0)) continue;
    const double scale = std::sqrt(std::sqrt(s.energy / s.uv_area));
    for (Vec2& p : chart.uv) p = scale * p;
  }
}

/// Gives every corner its vertex: the chart's vertex there, once for every vertex of the mesh that
/// lies at it.
class Writer {
 public:
  Writer(const mesh::TriangleMesh& mesh, UnwrapResult& result) : mesh_(mesh), result_(result) {
    result_.faces.resize(mesh.faces.size());
    result_.chart.assign(mesh.faces.size(), -1);
  }

  void write_chart(const Chart& chart,
                   std::int32_t number,
                   const Placement& placement,
                   double size) {
    // new vertex of the chart's vertex for the first mesh vertex met there; others in `more`
    constexpr std::uint32_t kNone = ~0u;
    std::vector<std::uint32_t> first(chart.uv.size(), kNone);
    std::map<std::pair<std::int32_t, std::uint32_t>, std::uint32_t> more;
    for (std::size_t i = 0; i < chart.faces.size(); ++i) {
      const std::size_t f = chart.faces[i];
      result_.chart[f] = number;
      for (std::size_t k = 0; k < 3; ++k) {
        const std::int32_t v = chart.corners[i][k];
        const std::uint32_t source = mesh_.faces[f][k];
        std::uint32_t& known = first[static_cast<std::size_t>(v)];
        std::uint32_t* slot = &known;
        if (known != kNone && result_.source[known] != source) {
          slot = &more.try_emplace({v, source}, kNone).first->second;
        }
        if (*slot == kNone) {
          const Vec2 p = placement(chart.uv[static_cast<std::size_t>(v)]);
          *slot = add_vertex(source, {to_unit(p.x / size), to_unit(p.y / size)});
        }
        result_.faces[f][k] = *slot;
      }
    }
  }

  /// Faces in no chart: at a point of a face that has the same vertex, or the middle of the atlas.
  std::int64_t write_collapsed(const SurfaceTopology& topology) {
    std::vector<std::uint32_t> at_position(mesh_.positions.size(), ~0u);
    std::int64_t count = 0;
    for (std::size_t f = 0; f < mesh_.faces.size(); ++f) {
      if (topology.collapsed[f]) {
        ++count;
        continue;
      }
      for (std::size_t k = 0; k < 3; ++k) {
        std::uint32_t& known = at_position[topology.position[3 * f + k]];
        if (known == ~0u) known = result_.faces[f][k];
      }
    }
    for (std::size_t f = 0; f < mesh_.faces.size() && count > 0; ++f) {
      if (!topology.collapsed[f]) continue;
      std::array<float, 2> uv = {0.5f, 0.5f};
      for (std::size_t k = 3; k-- > 0;) {
        const std::uint32_t known = at_position[topology.position[3 * f + k]];
        if (known != ~0u) uv = result_.uv[known];
      }
      for (std::size_t k = 0; k < 3; ++k) {
        result_.faces[f][k] = add_vertex(mesh_.faces[f][k], uv);
      }
    }
    return count;
  }

 private:
  static float to_unit(double value) { return static_cast<float>(std::clamp(value, 0.0, 1.0)); }

  std::uint32_t add_vertex(std::uint32_t source, std::array<float, 2> uv) {
    result_.source.push_back(source);
    result_.uv.push_back(uv);
    return static_cast<std::uint32_t>(result_.source.size() - 1);
  }

  const mesh::TriangleMesh& mesh_;
  UnwrapResult& result_;
};

void finish_charts(std::vector<Chart>& charts) {
  scale_charts(charts);
  std::sort(charts.begin(), charts.end(), [](const Chart& a, const Chart& b) {
    return *std::min_element(a.faces.begin(), a.faces.end()) <
           *std::min_element(b.faces.begin(), b.faces.end());
  });
}

/// The charts joined as far as the options allow; as they were when charts were smaller; and the
/// first ones cut in halves. All but the first have longer seams and may fill more of the atlas.
std::vector<std::vector<Chart>> join_in_stages(const Surface& surface,
                                               const UnwrapOptions& options,
                                               double extent,
                                               FaceSlots& slots,
                                               std::vector<Chart> charts) {
  constexpr double kGrowthShare = 0.05;  // of what max_stretch allows, by a single join
  const double allowed = options.max_stretch * options.max_stretch;
  JoinOptions join{allowed, kGrowthShare * (allowed - 1), extent, options.threads};
  std::vector<std::vector<Chart>> sets;
  for (const double stage : {0.5, 0.7, 1.0}) {
    join.max_extent = stage * extent;
    const std::size_t before = charts.size();
    join_charts(surface, join, slots, charts);
    if (!sets.empty() && charts.size() == before) sets.pop_back();
    sets.push_back(charts);
  }
  if (options.max_charts > 0) {
    join_to_limit(surface, join, static_cast<std::size_t>(options.max_charts), slots, charts);
    sets = {std::move(charts)};
  }
  std::reverse(sets.begin(), sets.end());
  if (options.max_charts == 0) {
    sets.push_back(halve_charts(surface, sets.front(), options.threads));
  }
  for (auto& set : sets) finish_charts(set);
  return sets;
}

UnwrapResult unwrap_checked(const mesh::TriangleMesh& mesh, const UnwrapOptions& options) {
  const auto report = [&](double fraction) {
    if (options.progress) options.progress(fraction);
  };
  Clock clock;
  UnwrapTimes times;
  report(0);
  const Surface surface = build_surface(mesh, options.threads);
  times.surface_ms = clock.lap();
  report(0.05);
  const double extent = options.max_extent / std::sqrt(kExpectedUse);
  FaceSlots slots;
  MakeChartsOptions make;
  make.max_extent = extent;
  make.threads = options.threads;
  std::vector<Chart> charts = make_charts(surface, make, slots);
  times.charts_ms = clock.lap();
  report(0.3);
  auto sets = join_in_stages(surface, options, extent, slots, std::move(charts));
  times.join_ms = clock.lap();
  report(0.8);

  UnwrapResult result;
  Writer writer(mesh, result);
  if (!sets.front().empty()) {
    const Layout layout = choose_layout(
        surface, std::move(sets), {options.texture_size, options.gutter, options.threads});
    for (std::size_t c = 0; c < layout.charts.size(); ++c) {
      writer.write_chart(layout.charts[c],
                         static_cast<std::int32_t>(c),
                         layout.packing.placements[c],
                         options.texture_size);
    }
    result.stats.texels_per_unit = layout.packing.texels_per_unit / surface.unit;
    result.stats.charts = static_cast<std::int64_t>(layout.charts.size());
    result.stats.seam_length = seam_length(surface, layout.charts);
  }
  result.stats.collapsed_faces = writer.write_collapsed(surface.topology);
  const AtlasMeasure measure =
      measure_atlas(mesh, result, options.texture_size, options.texture_size);
  result.stats.atlas_use = measure.use;
  result.stats.stretch_l2 = measure.stretch_l2;
  result.stats.stretch_linf = measure.stretch_linf;
  result.stats.flipped_faces = measure.flipped_faces;
  times.pack_ms = clock.lap();
  result.times = times;
  report(1);
  return result;
}

}  // namespace

UnwrapResult unwrap_mesh(const mesh::TriangleMesh& mesh, const UnwrapOptions& options) {
  check_options(options);
  check_size(mesh);
  check_input_mesh("unwrap", mesh);
  return mesh::with_memory_errors("unwrap", [&] { return unwrap_checked(mesh, options); });
}

}  // namespace sinter::texture
