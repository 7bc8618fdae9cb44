// L. Williams, "Pyramidal Parametrics", SIGGRAPH 1983 (levels, trilinear look-up); several look-ups
// along the longer axis of the footprint as in the extension EXT_texture_filter_anisotropic.

#include "texture/mip_texture.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/srgb.h"
#include "mesh/parallel.h"
#include "texture/shading.h"

namespace sinter::texture {
namespace {

using Colour = std::array<float, 3>;

constexpr int kMaxProbes = 16;

const std::array<float, 256>& linear_levels() {
  static const std::array<float, 256> kLevels = [] {
    std::array<float, 256> levels;
    for (std::size_t i = 0; i < 256; ++i)
      levels[i] = static_cast<float>(linear_from_srgb(static_cast<double>(i) / 255));
    return levels;
  }();
  return kLevels;
}

/// srgb_level() from a table: the encoding is nowhere steeper than one level in a bucket, so that
/// the bucket's first level or the next one is right.
class LevelTable {
 public:
  LevelTable() {
    for (std::size_t i = 0; i < kBuckets; ++i)
      first_[i] = srgb_level(static_cast<float>(i) / kBuckets);
    first_[kBuckets] = 255;
    for (std::size_t i = 0; i < 255; ++i) {
      end_[i] = static_cast<float>(linear_from_srgb((static_cast<double>(i) + 0.5) / 255));
    }
    end_[255] = 2;
  }
  std::uint8_t operator()(float linear) const {
    const float v = std::clamp(linear, 0.0f, 1.0f);
    const std::uint8_t level = first_[static_cast<std::size_t>(v * kBuckets)];
    return static_cast<std::uint8_t>(level + (v >= end_[level]));
  }

 private:
  static constexpr std::size_t kBuckets = 4096;
  std::array<std::uint8_t, kBuckets + 1> first_;
  std::array<float, 256> end_;
};

/// The texels that one texel of half the size covers, and their shares: two, three where the side
/// is odd, one where there is no more.
struct Taps {
  int first, count;
  std::array<float, 3> weights;
};

Taps taps_of(int i, int from, int to) {
  if (from == 1) return {0, 1, {1, 0, 0}};
  if (from == 2 * to) return {2 * i, 2, {0.5f, 0.5f, 0}};
  const double side = static_cast<double>(from) / to, before = static_cast<double>(i) / to;
  return {2 * i,
          3,
          {static_cast<float>((1 - before) / side),
           static_cast<float>(1 / side),
           static_cast<float>((before + 1.0 / to) / side)}};
}

void halve_row(const std::uint8_t* from,
               int from_width,
               const Taps& rows,
               int channels,
               std::uint8_t* to,
               int to_width) {
  static const LevelTable kLevel;
  const auto& linear = linear_levels();
  for (int x = 0; x < to_width; ++x) {
    const Taps columns = taps_of(x, from_width, to_width);
    Colour sum{};
    for (int j = 0; j < rows.count; ++j) {
      const std::uint8_t* row =
          from + static_cast<std::ptrdiff_t>(rows.first + j) * from_width * channels;
      for (int i = 0; i < columns.count; ++i) {
        const std::uint8_t* pixel = row + static_cast<std::ptrdiff_t>(columns.first + i) * channels;
        const float weight = rows.weights[static_cast<std::size_t>(j)] *
                             columns.weights[static_cast<std::size_t>(i)];
        for (std::size_t c = 0; c < 3; ++c) sum[c] += weight * linear[pixel[c]];
      }
    }
    std::uint8_t* pixel = to + static_cast<std::ptrdiff_t>(x) * channels;
    for (std::size_t c = 0; c < 3; ++c) pixel[c] = kLevel(sum[c]);
  }
}

/// Into 0..1, by the rule of the wrap; 0 for what is not finite.
double wrapped(double at, Wrap wrap) {
  if (!std::isfinite(at)) return 0;
  switch (wrap) {
    case Wrap::repeat:
      return at - std::floor(at);
    case Wrap::mirror: {
      const double twice = at - 2 * std::floor(at / 2);
      return twice > 1 ? 2 - twice : twice;
    }
    case Wrap::clamp:
      break;
  }
  return std::clamp(at, 0.0, 1.0);
}

/// The texel beyond an edge: of the other side where the texture repeats, else the last one.
std::int64_t neighbour(std::int64_t i, int side, Wrap wrap) {
  if (i >= 0 && i < side) return i;
  if (wrap == Wrap::repeat) return i < 0 ? side - 1 : 0;
  return i < 0 ? 0 : side - 1;
}

}  // namespace

MipTexture::MipTexture(const sinter::Texture& texture, int threads) : channels_(texture.channels) {
  const auto pixels =
      static_cast<std::size_t>(texture.width) * static_cast<std::size_t>(texture.height);
  SINTER_CHECK(texture.width > 0 && texture.height > 0 && (channels_ == 3 || channels_ == 4) &&
                   texture.levels.size() == pixels * static_cast<std::size_t>(channels_),
               ErrorCode::invalid_argument,
               "[render] texture: expected width x height x 3 or 4 levels, got ",
               texture.levels.size(),
               " for ",
               texture.width,
               " x ",
               texture.height,
               " x ",
               channels_);
  levels_.push_back({texture.width, texture.height, texture.levels.data()});
  while (levels_.back().width > 1 || levels_.back().height > 1) {
    const Level from = levels_.back();
    const int width = std::max(from.width / 2, 1), height = std::max(from.height / 2, 1);
    std::vector<std::uint8_t>& half = halves_.emplace_back();
    half.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) *
                static_cast<std::size_t>(channels_));
    mesh::parallel_blocks(threads, height, 16, [&](std::int64_t begin, std::int64_t end) {
      for (auto y = static_cast<int>(begin); y < static_cast<int>(end); ++y) {
        halve_row(from.pixels,
                  from.width,
                  taps_of(y, from.height, height),
                  channels_,
                  half.data() + static_cast<std::ptrdiff_t>(y) * width * channels_,
                  width);
      }
    });
    levels_.push_back({width, height, half.data()});
  }
}

std::array<float, 3> MipTexture::sample(const TextureFootprint& footprint,
                                        const Material& material) const {
  const TexturePoint& centre = footprint.centre;
  const double width = levels_[0].width, height = levels_[0].height;
  // The ellipse of the footprint in texels: half axes are the singular values of (right, down).
  const double ux = footprint.right[0] * width, uy = footprint.down[0] * width;
  const double vx = footprint.right[1] * height, vy = footprint.down[1] * height;
  const double uu = ux * ux + uy * uy, vv = vx * vx + vy * vy, uv = ux * vx + uy * vy;
  const double mean = (uu + vv) / 2, apart = std::hypot((uu - vv) / 2, uv);
  const double longer = std::sqrt(mean + apart), shorter = std::sqrt(std::max(mean - apart, 0.0));
  if (!(longer > 1) || !std::isfinite(longer)) {
    return material.nearest ? nearest(centre, material) : trilinear(centre, 0, material);
  }
  const double largest = std::max(width, height);
  const int probes = static_cast<int>(
      std::clamp(std::ceil(longer / std::max(shorter, 1.0)), 1.0, 1.0 * kMaxProbes));
  const double lod = std::log2(std::min(std::max(longer / probes, 1.0), largest));
  if (probes == 1) return trilinear(centre, lod, material);
  const double angle = 0.5 * std::atan2(2 * uv, uu - vv);
  const TexturePoint axis = {std::cos(angle) * longer / width, std::sin(angle) * longer / height};
  Colour sum{};
  for (int i = 0; i < probes; ++i) {
    const double along = (i + 0.5) / probes - 0.5;
    const Colour colour =
        trilinear({centre[0] + along * axis[0], centre[1] + along * axis[1]}, lod, material);
    for (std::size_t c = 0; c < 3; ++c) sum[c] += colour[c] / static_cast<float>(probes);
  }
  return sum;
}

std::array<float, 3> MipTexture::trilinear(const TexturePoint& at,
                                           double lod,
                                           const Material& material) const {
  const auto last = static_cast<double>(levels_.size() - 1);
  const double level = std::clamp(lod, 0.0, last);
  const auto fine = static_cast<std::size_t>(level);
  const auto share = static_cast<float>(level - static_cast<double>(fine));
  Colour sum{};
  add_bilinear(levels_[fine], at, material, 1 - share, sum);
  if (share > 0) add_bilinear(levels_[fine + 1], at, material, share, sum);
  return sum;
}

void MipTexture::add_bilinear(const Level& level,
                              const TexturePoint& at,
                              const Material& material,
                              float weight,
                              std::array<float, 3>& sum) const {
  const double x = wrapped(at[0], material.wrap_u) * level.width - 0.5;
  const double y = wrapped(at[1], material.wrap_v) * level.height - 0.5;
  const auto left = static_cast<std::int64_t>(std::floor(x));
  const auto top = static_cast<std::int64_t>(std::floor(y));
  const auto fx = static_cast<float>(x - static_cast<double>(left));
  const auto fy = static_cast<float>(y - static_cast<double>(top));
  const std::int64_t columns[2] = {neighbour(left, level.width, material.wrap_u),
                                   neighbour(left + 1, level.width, material.wrap_u)};
  const std::int64_t rows[2] = {neighbour(top, level.height, material.wrap_v),
                                neighbour(top + 1, level.height, material.wrap_v)};
  const auto& linear = linear_levels();
  for (int i = 0; i < 4; ++i) {
    const float share = weight * (i % 2 == 0 ? 1 - fx : fx) * (i / 2 == 0 ? 1 - fy : fy);
    const std::uint8_t* pixel = texel(level, columns[i % 2], rows[i / 2]);
    for (std::size_t c = 0; c < 3; ++c) sum[c] += share * linear[pixel[c]];
  }
}

std::array<float, 3> MipTexture::nearest(const TexturePoint& at, const Material& material) const {
  const Level& level = levels_[0];
  const auto index = [](double place, int side) {
    return std::min(static_cast<std::int64_t>(place * side), std::int64_t{side} - 1);
  };
  const std::uint8_t* pixel = texel(level,
                                    index(wrapped(at[0], material.wrap_u), level.width),
                                    index(wrapped(at[1], material.wrap_v), level.height));
  const auto& linear = linear_levels();
  return {linear[pixel[0]], linear[pixel[1]], linear[pixel[2]]};
}

}  // namespace sinter::texture
