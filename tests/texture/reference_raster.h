#pragma once
// The slow rasteriser: the rules of texture/maps/face_raster.h as they are written, one face after
// the other, one pixel after the other. Shares no code with the fast one.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

namespace sinter::texture::test {

struct ReferenceRaster {
  std::vector<std::int32_t> face;             ///< 1 + face, 0 empty
  std::vector<std::array<float, 3>> weights;  ///< zeros where empty
};

class ReferenceRasterizer {
 public:
  using Point = std::array<float, 4>;  // screen x, y, z and clip w

  ReferenceRasterizer(int width, int height) : width_(width), height_(height) {
    tokens_.assign(static_cast<std::size_t>(width * height), kEmpty);
  }

  template <class ClipVertex, class Face>
  ReferenceRaster draw(const std::vector<ClipVertex>& vertices, const std::vector<Face>& faces) {
    std::vector<Point> points;
    for (const ClipVertex& v : vertices) {
      points.push_back({(v.x / v.w * 0.5f + 0.5f) * static_cast<float>(width_ - 1) + 0.5f,
                        (0.5f + 0.5f * (v.y / v.w)) * static_cast<float>(height_ - 1) + 0.5f,
                        v.z / v.w * 0.49999f + 0.5f,
                        v.w});
    }
    for (std::size_t f = 0; f < faces.size(); ++f) {
      draw_face(f, points[faces[f][0]], points[faces[f][1]], points[faces[f][2]]);
    }
    ReferenceRaster result;
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      const auto id = static_cast<std::int32_t>(tokens_[i] % kMaxInt);
      const bool empty = id == kMaxInt - 1;
      result.face.push_back(empty ? 0 : id);
      result.weights.push_back({0, 0, 0});
      if (empty) continue;
      const Face& face = faces[static_cast<std::size_t>(id - 1)];
      const auto width = static_cast<std::size_t>(width_);
      const std::array<float, 2> sample = {static_cast<float>(i % width) + 0.5f,
                                           static_cast<float>(i / width) + 0.5f};
      std::array<float, 3> b = weights(points[face[0]], points[face[1]], points[face[2]], sample);
      float sum = 0;
      for (std::size_t k = 0; k < 3; ++k) {
        b[k] = b[k] / points[face[k]][3];
        sum += b[k];
      }
      for (std::size_t k = 0; k < 3; ++k) result.weights.back()[k] = b[k] / sum;
    }
    return result;
  }

 private:
  static constexpr std::uint64_t kMaxInt = 2147483647;
  static constexpr std::uint64_t kEmpty = kMaxInt * kMaxInt + (kMaxInt - 1);

  template <class A, class B, class C>
  static float signed_area(const A& a, const B& b, const C& c) {
    return (c[0] - a[0]) * (b[1] - a[1]) - (b[0] - a[0]) * (c[1] - a[1]);
  }

  static std::array<float, 3> weights(const Point& a,
                                      const Point& b,
                                      const Point& c,
                                      const std::array<float, 2>& p) {
    const float area = signed_area(a, b, c);
    if (area == 0) return {-1, -1, -1};
    const auto inverse = static_cast<float>(1.0 / static_cast<double>(area));
    const float beta = signed_area(a, p, c) * inverse;
    const float gamma = signed_area(a, b, p) * inverse;
    const auto alpha =
        static_cast<float>(1.0 - static_cast<double>(beta) - static_cast<double>(gamma));
    return {alpha, beta, gamma};
  }

  void draw_face(std::size_t f, const Point& a, const Point& b, const Point& c) {
    const float x_low = std::min({a[0], b[0], c[0]}), x_high = std::max({a[0], b[0], c[0]});
    const float y_low = std::min({a[1], b[1], c[1]}), y_high = std::max({a[1], b[1], c[1]});
    for (int x = static_cast<int>(x_low); static_cast<float>(x) < x_high + 1; ++x) {
      if (x < 0 || x >= width_) continue;
      for (int y = static_cast<int>(y_low); static_cast<float>(y) < y_high + 1; ++y) {
        if (y < 0 || y >= height_) continue;
        const std::array<float, 2> p = {static_cast<float>(x) + 0.5f, static_cast<float>(y) + 0.5f};
        const auto [alpha, beta, gamma] = weights(a, b, c, p);
        const auto within = [](float w) { return w >= 0 && w <= 1; };
        if (!within(alpha) || !within(beta) || !within(gamma)) continue;
        const float z = alpha * a[2] + beta * b[2] + gamma * c[2];
        if (z < 0) continue;
        const auto step = static_cast<std::uint64_t>(z * 262144.0f);
        std::uint64_t& token = tokens_[static_cast<std::size_t>(y * width_ + x)];
        token = std::min(token, step * kMaxInt + (f + 1));
      }
    }
  }

  int width_, height_;
  std::vector<std::uint64_t> tokens_;
};

}  // namespace sinter::texture::test
