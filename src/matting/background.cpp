#include "matting/background.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <opencv2/imgproc.hpp>
#include <vector>

namespace sinter::matting {
namespace {

/// 1, x, y, x^2, xy, y^2.
constexpr int kTerms = 6;
/// Differences that 8 bits and JPEG make on their own.
constexpr float kLeastNoise = 1.2f;
/// In units of the noise: within it a pixel is background, given that its neighbour is.
constexpr float kSame = 4.0f;
/// A shadow or a highlight of the background changes brightness rather than colour.
constexpr float kBrightnessWeight = 0.7f;
constexpr float kColourWeight = 1.4f;

using Terms = std::array<double, kTerms>;

/// Of a pixel, with coordinates in -1..1.
Terms terms_at(const cv::Size& size, int x, int y, int used) {
  const double u = 2.0 * x / (size.width - 1) - 1;
  const double v = 2.0 * y / (size.height - 1) - 1;
  Terms terms{1, u, v, u * u, u * v, v * v};
  std::fill(terms.begin() + used, terms.end(), 0.0);
  return terms;
}

std::vector<cv::Point> border_points(const cv::Size& size) {
  const int depth = std::max(2, std::min(size.width, size.height) / 32);
  std::vector<cv::Point> points;
  for (int y = 0; y < size.height; ++y) {
    for (int x = 0; x < size.width; ++x) {
      const int inset = std::min({x, y, size.width - 1 - x, size.height - 1 - y});
      if (inset < depth) points.emplace_back(x, y);
    }
  }
  return points;
}

float median(std::vector<float> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// One polynomial a channel, and how far each point is from it.
class BorderFit {
 public:
  explicit BorderFit(const cv::Mat3b& rgb) : rgb_(rgb), points_(border_points(rgb.size())) {
    // The median colour first, then slopes, then curvature: the higher terms start from residuals
    // that the outliers no longer dominate.
    std::array<float, 3> middle{};
    for (int c = 0; c < 3; ++c) {
      std::vector<float> values;
      for (const cv::Point& p : points_) values.push_back(rgb_(p)[c]);
      middle[static_cast<std::size_t>(c)] = median(std::move(values));
    }
    coefficients_ = cv::Mat1d(kTerms, 3, 0.0);
    for (int c = 0; c < 3; ++c) coefficients_(0, c) = middle[static_cast<std::size_t>(c)];
    measure();
    for (const int used : {3, 3, 3, 3, kTerms, kTerms, kTerms, kTerms, kTerms}) {
      solve(used);
      measure();
    }
  }
  cv::Mat3f evaluate() const {
    cv::Mat3f colour(rgb_.size());
    for (int y = 0; y < colour.rows; ++y) {
      for (int x = 0; x < colour.cols; ++x) colour(y, x) = at(x, y);
    }
    return colour;
  }
  /// Standard deviation of the border's inliers, per channel norm.
  float scale() const { return scale_; }
  float agreement() const {
    const float most = std::max(3 * scale_, 8.0f);
    const auto inliers =
        std::count_if(residuals_.begin(), residuals_.end(), [&](float r) { return r < most; });
    return static_cast<float>(inliers) / static_cast<float>(residuals_.size());
  }

 private:
  cv::Vec3f at(int x, int y) const {
    const Terms terms = terms_at(rgb_.size(), x, y, kTerms);
    cv::Vec3f colour;
    for (int c = 0; c < 3; ++c) {
      double sum = 0;
      for (int t = 0; t < kTerms; ++t)
        sum += terms[static_cast<std::size_t>(t)] * coefficients_(t, c);
      colour[c] = static_cast<float>(std::clamp(sum, 0.0, 255.0));
    }
    return colour;
  }
  void measure() {
    residuals_.clear();
    for (const cv::Point& p : points_) {
      residuals_.push_back(static_cast<float>(cv::norm(cv::Vec3f(rgb_(p)) - at(p.x, p.y))));
    }
    // The norm of three normal channels has its median at 1.538 standard deviations.
    scale_ = std::max(median(residuals_) / 1.538f, kLeastNoise);
  }
  /// Weighted least squares; a small ridge keeps the terms that the points leave open at zero.
  void solve(int used) {
    cv::Mat1d normal(used, used, 0.0);
    cv::Mat1d right(used, 3, 0.0);
    const double cut = 4.685 * 1.538 * scale_;
    for (std::size_t i = 0; i < points_.size(); ++i) {
      const double ratio = residuals_[i] / cut;
      if (ratio >= 1) continue;
      const double weight = (1 - ratio * ratio) * (1 - ratio * ratio);
      const Terms terms = terms_at(rgb_.size(), points_[i].x, points_[i].y, used);
      for (int a = 0; a < used; ++a) {
        const double wa = weight * terms[static_cast<std::size_t>(a)];
        for (int b = 0; b < used; ++b) normal(a, b) += wa * terms[static_cast<std::size_t>(b)];
        for (int c = 0; c < 3; ++c) right(a, c) += wa * rgb_(points_[i])[c];
      }
    }
    for (int a = 0; a < used; ++a) normal(a, a) += 1e-6 * static_cast<double>(points_.size());
    cv::Mat1d solution;
    if (!cv::solve(normal, right, solution, cv::DECOMP_CHOLESKY)) return;
    coefficients_.setTo(0);
    solution.copyTo(coefficients_.rowRange(0, used));
  }

  const cv::Mat3b& rgb_;
  std::vector<cv::Point> points_;
  std::vector<float> residuals_;
  cv::Mat1d coefficients_;
  float scale_ = 0;
};

/// The difference split along the background's own colour (light) and across it.
struct Difference {
  float light = 0, colour = 0;
  float length() const { return std::hypot(light * kBrightnessWeight, colour * kColourWeight); }
};

Difference difference(const cv::Vec3b& pixel, const cv::Vec3f& background) {
  const cv::Vec3f away = cv::Vec3f(pixel) - background;
  const float norm = static_cast<float>(cv::norm(background));
  const cv::Vec3f axis = norm > 24 ? background / norm : cv::Vec3f(1, 1, 1) / std::sqrt(3.0f);
  Difference result;
  result.light = away.dot(axis);
  result.colour = static_cast<float>(cv::norm(away - result.light * axis));
  return result;
}

cv::Mat1f distances(const cv::Mat3b& rgb, const cv::Mat3f& colour) {
  cv::Mat1f distance(rgb.size());
  for (int y = 0; y < rgb.rows; ++y) {
    for (int x = 0; x < rgb.cols; ++x) {
      distance(y, x) = difference(rgb(y, x), colour(y, x)).length();
    }
  }
  return distance;
}

/// Everything that can be reached from `seeds` over 4-neighbours for which `open(from, to)` holds.
template <class Open>
cv::Mat1b flood(const cv::Mat1b& seeds, const Open& open) {
  cv::Mat1b reached = seeds.clone();
  std::vector<cv::Point> stack;
  for (int y = 0; y < seeds.rows; ++y) {
    for (int x = 0; x < seeds.cols; ++x) {
      if (seeds(y, x) != 0) stack.emplace_back(x, y);
    }
  }
  const cv::Rect frame(0, 0, seeds.cols, seeds.rows);
  while (!stack.empty()) {
    const cv::Point from = stack.back();
    stack.pop_back();
    for (const cv::Point step : {cv::Point(1, 0), {-1, 0}, {0, 1}, {0, -1}}) {
      const cv::Point to = from + step;
      if (!frame.contains(to) || reached(to) != 0 || !open(from, to)) continue;
      reached(to) = 255;
      stack.push_back(to);
    }
  }
  return reached;
}

cv::Mat1b border_seeds(const cv::Mat1f& distance, float same) {
  cv::Mat1b seeds(distance.size(), std::uint8_t{0});
  for (const cv::Point& p : border_points(distance.size())) {
    if (distance(p) < same) seeds(p) = 255;
  }
  return seeds;
}

/// Adds to `colour` what the known background differs from it, spread over a tenth of the picture.
void learn_rest(const cv::Mat3b& rgb, const cv::Mat1b& known, cv::Mat3f& colour) {
  cv::Mat3f rest(rgb.size(), cv::Vec3f(0, 0, 0));
  cv::Mat1f weight(rgb.size(), 0.0f);
  for (int y = 0; y < rgb.rows; ++y) {
    for (int x = 0; x < rgb.cols; ++x) {
      if (known(y, x) == 0) continue;
      rest(y, x) = cv::Vec3f(rgb(y, x)) - colour(y, x);
      weight(y, x) = 1;
    }
  }
  const double sigma = std::max(rgb.rows, rgb.cols) / 20.0;
  cv::GaussianBlur(rest, rest, {}, sigma, sigma, cv::BORDER_REPLICATE);
  cv::GaussianBlur(weight, weight, {}, sigma, sigma, cv::BORDER_REPLICATE);
  for (int y = 0; y < rgb.rows; ++y) {
    for (int x = 0; x < rgb.cols; ++x) {
      // The added weight returns to the fit where nothing is known nearby.
      colour(y, x) += rest(y, x) / (weight(y, x) + 0.05f);
    }
  }
}

float noise_of(const cv::Mat1f& distance, const cv::Mat1b& known, float otherwise) {
  std::vector<float> values;
  for (int y = 0; y < distance.rows; ++y) {
    for (int x = 0; x < distance.cols; ++x) {
      if (known(y, x) != 0) values.push_back(distance(y, x));
    }
  }
  if (values.size() < 16) return otherwise;
  return std::max(median(std::move(values)) / 1.3f, kLeastNoise);
}

/// Soft shadows: from the known background on, over pixels that are darker, not of another colour,
/// and differ little from their neighbour.
cv::Mat1b find_shadow(const cv::Mat3b& rgb, const Background& background) {
  cv::Mat3b smooth;
  cv::GaussianBlur(rgb, smooth, {}, 1.0, 1.0, cv::BORDER_REPLICATE);
  // A penumbra changes by some levels a pixel; an edge by more. The blur leaves a third of the
  // noise.
  const float noise = background.noise / 3;
  const float step = std::max(4 * noise, 10.0f);
  cv::Mat1b reached = flood(background.known, [&](const cv::Point& from, const cv::Point& to) {
    const Difference d = difference(smooth(to), background.colour(to));
    const float norm = static_cast<float>(cv::norm(background.colour(to)));
    const float dark = -d.light / std::max(norm, 1.0f);
    if (dark < 0 || dark > 0.6f) return false;
    if (d.colour > 3 * noise + 0.07f * -d.light + 3) return false;
    return cv::norm(cv::Vec3f(smooth(to)) - cv::Vec3f(smooth(from))) < step;
  });
  reached.setTo(0, background.known);
  return reached;
}

}  // namespace

Background find_background(const cv::Mat3b& rgb) {
  const BorderFit fit(rgb);
  Background background;
  background.colour = fit.evaluate();
  background.noise = fit.scale();
  background.agreement = fit.agreement();
  constexpr int kRounds = 3;
  for (int round = 0; round < kRounds; ++round) {
    background.distance = distances(rgb, background.colour);
    const float same = kSame * background.noise;
    background.known = flood(
        border_seeds(background.distance, same),
        [&](const cv::Point&, const cv::Point& to) { return background.distance(to) < same; });
    background.noise = noise_of(background.distance, background.known, background.noise);
    if (round + 1 < kRounds) learn_rest(rgb, background.known, background.colour);
  }
  background.shadow = find_shadow(rgb, background);
  return background;
}

}  // namespace sinter::matting
