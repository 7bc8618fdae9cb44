#pragma once
// The inpainting written down plainly: one queue, one pixel after another, one channel after
// another. For tests alone.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <queue>
#include <span>
#include <vector>

#include "core/image.h"
#include "texture/bake/march_order.h"

namespace sinter::texture::test::reference {

inline constexpr int kRadius = 3;
inline constexpr float kFar = 1e6f;

enum class State : std::uint8_t { known, band, inside };

/// First the nearest, among equals the one that came first.
struct Waiting {
  float distance;
  std::uint64_t order;
  int x, y;
  bool operator<(const Waiting& other) const {
    return distance != other.distance ? distance > other.distance : order > other.order;
  }
};

class Marching {
 public:
  Marching(Image& image, std::span<const Pixel> pixels)
      : image_(image), width_(image.width), height_(image.height), pixels_(pixels) {
    state_.assign(pixels.size(), State::inside);
    distance_.assign(pixels.size(), kFar);
    for (std::size_t i = 0; i < pixels.size(); ++i) {
      if (pixels[i] == Pixel::known) state_[i] = State::known;
    }
  }

  std::int64_t run() {
    start();
    while (!waiting_.empty()) {
      const Waiting now = waiting_.top();
      waiting_.pop();
      state(now.x, now.y) = State::known;
      for (const auto& [dx, dy] :
           {std::array{0, -1}, std::array{-1, 0}, std::array{0, 1}, std::array{1, 0}}) {
        visit(now.x + dx, now.y + dy);
      }
    }
    return std::count(pixels_.begin(), pixels_.end(), Pixel::wanted) - filled_;
  }

 private:
  std::size_t at(int x, int y) const {
    return static_cast<std::size_t>(y) * static_cast<std::size_t>(width_) +
           static_cast<std::size_t>(x);
  }
  bool within(int x, int y) const { return x >= 0 && x < width_ && y >= 0 && y < height_; }
  State& state(int x, int y) { return state_[at(x, y)]; }
  /// Beyond the picture nothing is known.
  bool unknown(int x, int y) const { return !within(x, y) || state_[at(x, y)] == State::inside; }
  float distance(int x, int y) const { return within(x, y) ? distance_[at(x, y)] : kFar; }

  void wait(int x, int y, float distance) {
    distance_[at(x, y)] = distance;
    waiting_.push({distance, order_++, x, y});
  }

  /// The known pixels beside wanted ones, rows from the top.
  void start() {
    const auto wanted = [&](int x, int y) {
      return within(x, y) && pixels_[at(x, y)] == Pixel::wanted;
    };
    for (int y = 0; y < height_; ++y) {
      for (int x = 0; x < width_; ++x) {
        if (pixels_[at(x, y)] != Pixel::known) continue;
        if (!wanted(x - 1, y) && !wanted(x + 1, y) && !wanted(x, y - 1) && !wanted(x, y + 1))
          continue;
        state(x, y) = State::band;
        wait(x, y, 0);
      }
    }
  }

  void visit(int x, int y) {
    if (!within(x, y) || pixels_[at(x, y)] != Pixel::wanted || state(x, y) != State::inside) return;
    const float reached = std::min({arrival(x, y - 1, x - 1, y),
                                    arrival(x, y + 1, x - 1, y),
                                    arrival(x, y - 1, x + 1, y),
                                    arrival(x, y + 1, x + 1, y)});
    fill(x, y);
    ++filled_;
    state(x, y) = State::band;
    wait(x, y, reached);
  }

  /// Of the front, from one neighbour above or below and one beside.
  float arrival(int x1, int y1, int x2, int y2) const {
    const float a = distance(x1, y1), b = distance(x2, y2);
    if (unknown(x1, y1)) return 1 + (unknown(x2, y2) ? std::min(a, b) : b);
    if (unknown(x2, y2)) return 1 + a;
    const float apart = a - b;
    if (std::abs(apart) >= 1) return 1 + std::min(a, b);
    return (a + b + std::sqrt(2 - apart * apart)) * 0.5f;
  }

  /// Of a pixel, or of the last one before the picture's border.
  int level(int x, int y, int c) const {
    return image_.at(std::clamp(x, 0, width_ - 1), std::clamp(y, 0, height_ - 1))[c];
  }

  /// Two differences to neighbours; where one neighbour is not known the other stands for both.
  static float slope(bool after, bool before, int forward, int back) {
    if (after && before) return static_cast<float>(forward + back);
    return static_cast<float>(after ? 2 * forward : before ? 2 * back : 0);
  }
  bool wanting(int x, int y) const { return within(x, y) && unknown(x, y); }
  int step(int xa, int ya, int xb, int yb, int c) const {
    return std::abs(level(xa, ya, c) - level(xb, yb, c));
  }
  /// Along the column and along the row. OpenCV moves the place by one at the picture's borders, in
  /// ways of its own for both, and takes what is beyond them for known.
  std::array<float, 2> slopes(int x, int y, int c) const {
    const int xl = x + (x == 0), xh = x - (x == width_ - 1);
    const int yl = y + (y == 0), yh = y - (y == height_ - 1);
    return {slope(!wanting(x, y + 1),
                  !wanting(x, y - 1),
                  step(xl, yh + 1, xl, yh, c),
                  step(xl, yh, xl, yl - 1, c)),
            slope(!wanting(x + 1, y),
                  !wanting(x - 1, y),
                  step(xh + 1, yl, xl, yl, c),
                  step(xl, yl, xl - 1, yl, c))};
  }

  void fill(int x, int y) {
    std::array<float, 3> sum{}, total{};
    total.fill(1e-20f);
    for (int sy = y - kRadius; sy <= y + kRadius; ++sy) {
      for (int sx = x - kRadius; sx <= x + kRadius; ++sx) {
        const int dx = sx - x, dy = sy - y;
        const int square = dx * dx + dy * dy;
        if (square > kRadius * kRadius || unknown(sx, sy)) continue;
        const float near = 1.0f / (static_cast<float>(square * square) + 1.0f);
        for (int c = 0; c < 3; ++c) {
          const auto [rows, columns] = slopes(sx, sy, c);
          float along = std::abs(-static_cast<float>(dx) * rows + static_cast<float>(dy) * columns);
          if (along <= 0.01f) {
            along = 0.000001f;
          } else {
            along /= std::sqrt(static_cast<float>(square) * (rows * rows + columns * columns));
          }
          const float weight = near * along;
          sum[static_cast<std::size_t>(c)] += weight * static_cast<float>(level(sx, sy, c));
          total[static_cast<std::size_t>(c)] += weight;
        }
      }
    }
    for (std::size_t c = 0; c < 3; ++c) {
      const long value = std::lrint(static_cast<double>(sum[c]) / static_cast<double>(total[c]));
      image_.at(x, y)[c] = static_cast<std::uint8_t>(std::clamp(value, 0L, 255L));
    }
  }

  Image& image_;
  int width_, height_;
  std::span<const Pixel> pixels_;
  std::vector<State> state_;
  std::vector<float> distance_;
  std::priority_queue<Waiting> waiting_;
  std::uint64_t order_ = 0;
  std::int64_t filled_ = 0;
};

/// Returns how many wanted pixels no known pixel reaches.
inline std::int64_t inpaint(Image& image, std::span<const Pixel> pixels) {
  return Marching(image, pixels).run();
}

}  // namespace sinter::texture::test::reference
