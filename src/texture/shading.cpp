#include "texture/shading.h"

#include <algorithm>
#include <cmath>

namespace sinter::texture {
namespace {

using Colour = std::array<float, 3>;
using Vec = std::array<float, 3>;

float dot(const Vec& a, const Vec& b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

Vec unit(const Vec& v) {
  const float length = std::sqrt(dot(v, v));
  return length > 0 ? Vec{v[0] / length, v[1] / length, v[2] / length} : Vec{0, 0, 1};
}

/// A light far away, fixed to the camera so that every view of a sheet is lit alike.
struct Light {
  Vec direction;  // towards the light, in eye space
  Colour colour;
};

constexpr Colour kSky = {0.27f, 0.29f, 0.33f};
constexpr Colour kGround = {0.11f, 0.105f, 0.10f};
constexpr float kShininess = 32;
constexpr float kSpecular = 0.07f;

const std::array<Light, 3>& lights() {
  static const std::array<Light, 3> kLights = {
      Light{unit({-0.55f, 0.65f, 0.75f}), {1.02f, 0.99f, 0.94f}},  // key, above the left shoulder
      Light{unit({0.85f, 0.15f, 0.50f}), {0.22f, 0.24f, 0.28f}},   // fill, from the right
      Light{unit({0.20f, 0.55f, -0.80f}), {0.30f, 0.30f, 0.32f}},  // rim, from behind
  };
  return kLights;
}

}  // namespace

Colour shade(const SurfaceSample& sample, const mesh::Vec3d& up, float ambient) {
  const Vec& n = sample.normal;
  const Vec view = unit({-sample.position[0], -sample.position[1], -sample.position[2]});
  const Vec sky = {static_cast<float>(up[0]), static_cast<float>(up[1]), static_cast<float>(up[2])};
  const float height = 0.5f + 0.5f * dot(n, sky);
  // Direct light is dimmed a little too: in a deep corner the lights are mostly hidden.
  const float direct = 0.4f + 0.6f * ambient;
  Colour light{};
  Colour gloss{};
  for (std::size_t c = 0; c < 3; ++c)
    light[c] = ambient * (kGround[c] + height * (kSky[c] - kGround[c]));
  for (const Light& source : lights()) {
    const float facing = std::max(dot(n, source.direction), 0.0f);
    const Vec half = unit({view[0] + source.direction[0],
                           view[1] + source.direction[1],
                           view[2] + source.direction[2]});
    const float shine = facing > 0 ? std::pow(std::max(dot(n, half), 0.0f), kShininess) : 0;
    for (std::size_t c = 0; c < 3; ++c) {
      light[c] += direct * facing * source.colour[c];
      gloss[c] += direct * shine * kSpecular * source.colour[c];
    }
  }
  Colour result;
  for (std::size_t c = 0; c < 3; ++c) result[c] = sample.colour[c] * light[c] + gloss[c];
  return result;
}

std::uint8_t srgb_level(float linear) {
  const float v = std::clamp(linear, 0.0f, 1.0f);
  const float encoded = v <= 0.0031308f ? 12.92f * v : 1.055f * std::pow(v, 1 / 2.4f) - 0.055f;
  return static_cast<std::uint8_t>(std::lround(encoded * 255));
}

}  // namespace sinter::texture
