// Screen-space ambient occlusion: points in the hemisphere over a sample are looked up in the view;
// one that lies behind what is seen there is taken as blocked.
//
// M. Mittring, "Finding Next Gen: CryEngine 2", SIGGRAPH 2007 course notes; D. Filion and R.
// McNaughton, "Effects and Techniques" (StarCraft II), SIGGRAPH 2008, for the hemisphere and the
// range check.

#include <algorithm>
#include <cmath>
#include <numbers>

#include "mesh/parallel.h"
#include "texture/shading.h"

namespace sinter::texture {
namespace {

using Vec = std::array<float, 3>;

constexpr int kSamples = 16;
/// Each pixel of a block of this side turns the pattern by another angle; a blur of the same side
/// then averages over all of them.
constexpr int kBlock = 4;
/// Reach of the occlusion, in radii of the mesh.
constexpr float kReach = 0.30f;
constexpr float kStrength = 1.15f;

/// Offsets in the unit half ball around +Z: a golden-angle spiral, cosine-weighted, denser near the
/// centre.
std::array<Vec, kSamples> half_ball() {
  std::array<Vec, kSamples> offsets;
  for (int i = 0; i < kSamples; ++i) {
    const double share = (i + 0.5) / kSamples;
    const double sine = std::sqrt(share);
    const double angle = i * std::numbers::pi * (3 - std::sqrt(5.0));
    // Distances in an order unlike that of the directions, so that both are spread.
    const double order = (i * 7 % kSamples + 1.0) / kSamples;
    const double distance = 0.08 + 0.92 * order * order;
    offsets[static_cast<std::size_t>(i)] = {static_cast<float>(distance * sine * std::cos(angle)),
                                            static_cast<float>(distance * sine * std::sin(angle)),
                                            static_cast<float>(distance * std::sqrt(1 - share))};
  }
  return offsets;
}

/// Two unit vectors at right angles to `n` and each other.
/// T. Duff et al., "Building an Orthonormal Basis, Revisited", JCGT 6(1), 2017.
void basis(const Vec& n, Vec& a, Vec& b) {
  const float sign = std::copysign(1.0f, n[2]);
  const float p = -1.0f / (sign + n[2]);
  const float q = n[0] * n[1] * p;
  a = {1.0f + sign * n[0] * n[0] * p, sign * q, -sign * n[0]};
  b = {q, sign + n[1] * n[1] * p, -n[1]};
}

class Occlusion {
 public:
  explicit Occlusion(const SurfaceView& view)
      : view_(view),
        offsets_(half_ball()),
        reach_(kReach * static_cast<float>(view.radius)),
        scale_(static_cast<float>(view.side / (2 * view.tangent))) {
    for (int i = 0; i < kBlock * kBlock; ++i) {
      // An order in which neighbours differ by about the golden angle.
      const double angle = 2 * std::numbers::pi * ((i * 7) % (kBlock * kBlock)) / (kBlock * kBlock);
      turns_[static_cast<std::size_t>(i)] = {static_cast<float>(std::cos(angle)),
                                             static_cast<float>(std::sin(angle))};
    }
  }

  float at(int x, int y) const {
    const SurfaceSample& sample = view_.samples[index(x, y)];
    if (!sample.covered) return 1;
    Vec a, b;
    basis(sample.normal, a, b);
    const auto& [cosine, sine] = turns_[static_cast<std::size_t>(y % kBlock * kBlock + x % kBlock)];
    float blocked = 0;
    for (const Vec& offset : offsets_) {
      const float u = reach_ * (cosine * offset[0] - sine * offset[1]);
      const float v = reach_ * (sine * offset[0] + cosine * offset[1]);
      const float w = reach_ * offset[2];
      Vec p;
      for (std::size_t c = 0; c < 3; ++c) {
        p[c] = sample.position[c] + u * a[c] + v * b[c] + w * sample.normal[c];
      }
      blocked += blocks(p, sample.position[2]);
    }
    return std::clamp(1 - kStrength * blocked / kSamples, 0.0f, 1.0f);
  }

 private:
  std::size_t index(int x, int y) const {
    return static_cast<std::size_t>(y) * static_cast<std::size_t>(view_.side) +
           static_cast<std::size_t>(x);
  }
  /// How much the surface seen in the direction of `p` hides it; less the further in front it lies.
  float blocks(const Vec& p, float origin_z) const {
    if (p[2] >= 0) return 0;
    const float half = 0.5f * static_cast<float>(view_.side);
    const float x = half + p[0] / -p[2] * scale_;
    const float y = half - p[1] / -p[2] * scale_;
    const auto side = static_cast<float>(view_.side);
    if (!(x >= 0 && x < side && y >= 0 && y < side)) return 0;
    const SurfaceSample& seen = view_.samples[index(static_cast<int>(x), static_cast<int>(y))];
    const float margin = 0.02f * reach_;
    if (!seen.covered || seen.position[2] < p[2] + margin) return 0;
    const float gap = std::abs(seen.position[2] - origin_z);
    return std::min(1.0f, 1.5f * reach_ / std::max(gap, 1e-20f));
  }

  const SurfaceView& view_;
  std::array<Vec, kSamples> offsets_;
  std::array<std::array<float, 2>, kBlock * kBlock> turns_;
  float reach_, scale_;
};

/// Mean over a block around each sample, of samples at about the same depth.
float blurred(const SurfaceView& view, const std::vector<float>& values, int x, int y) {
  const auto side = static_cast<std::size_t>(view.side);
  const std::size_t here = static_cast<std::size_t>(y) * side + static_cast<std::size_t>(x);
  if (!view.samples[here].covered) return 1;
  const float depth = view.samples[here].position[2];
  const float slack = 0.05f * static_cast<float>(view.radius);
  float sum = 0;
  float weight = 0;
  for (int v = std::max(y - kBlock / 2, 0); v < std::min(y + kBlock / 2, view.side); ++v) {
    for (int u = std::max(x - kBlock / 2, 0); u < std::min(x + kBlock / 2, view.side); ++u) {
      const std::size_t there = static_cast<std::size_t>(v) * side + static_cast<std::size_t>(u);
      if (!view.samples[there].covered || std::abs(view.samples[there].position[2] - depth) > slack)
        continue;
      sum += values[there];
      weight += 1;
    }
  }
  return weight > 0 ? sum / weight : values[here];
}

}  // namespace

std::vector<float> ambient_occlusion(const SurfaceView& view, int threads) {
  const Occlusion occlusion(view);
  const auto side = static_cast<std::size_t>(view.side);
  std::vector<float> raw(side * side), smooth(side * side);
  const auto for_each = [&](std::vector<float>& target, auto&& value) {
    mesh::parallel_blocks(threads, view.side, 16, [&](std::int64_t begin, std::int64_t end) {
      for (auto y = static_cast<int>(begin); y < static_cast<int>(end); ++y) {
        for (int x = 0; x < view.side; ++x) {
          target[static_cast<std::size_t>(y) * side + static_cast<std::size_t>(x)] = value(x, y);
        }
      }
    });
  };
  for_each(raw, [&](int x, int y) { return occlusion.at(x, y); });
  for_each(smooth, [&](int x, int y) { return blurred(view, raw, x, y); });
  return smooth;
}

}  // namespace sinter::texture
