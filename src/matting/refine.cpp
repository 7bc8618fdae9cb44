#include "matting/refine.h"

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

namespace sinter::matting {
namespace {

/// Squared distance of two colours, levels, below which a mix of them cannot be told.
constexpr float kTellable = 20 * 20;

/// Mean colour of the pixels in `where` within a square of half side `radius`; `known` is the
/// number of them as a share of the square.
void local_mean(
    const cv::Mat3b& rgb, const cv::Mat1b& where, int radius, cv::Mat3f& mean, cv::Mat1f& known) {
  cv::Mat3f colours;
  rgb.convertTo(colours, CV_32F);
  colours.setTo(cv::Scalar::all(0), where == 0);
  cv::Mat1f weight;
  where.convertTo(weight, CV_32F, 1 / 255.0);
  const cv::Size square(2 * radius + 1, 2 * radius + 1);
  cv::boxFilter(colours, mean, CV_32F, square, {-1, -1}, true, cv::BORDER_REPLICATE);
  cv::boxFilter(weight, known, CV_32F, square, {-1, -1}, true, cv::BORDER_REPLICATE);
}

}  // namespace

cv::Mat1f refine_edge(const cv::Mat3b& rgb, const cv::Mat1b& mask) {
  const double scale = static_cast<double>(rgb.cols) / mask.cols;
  cv::Mat1f soft;
  mask.convertTo(soft, CV_32F, 1 / 255.0);
  cv::resize(soft, soft, rgb.size(), 0, 0, cv::INTER_LINEAR);
  const double blur = std::max(0.7, 0.6 * scale);
  cv::GaussianBlur(soft, soft, {}, blur, blur, cv::BORDER_REPLICATE);

  const cv::Mat1b hard(soft > 0.5f);
  const int band = static_cast<int>(std::ceil(1.5 * scale)) + 1;
  const cv::Mat square = cv::getStructuringElement(cv::MORPH_ELLIPSE, {2 * band + 1, 2 * band + 1});
  cv::Mat1b inside, reach;
  cv::erode(hard, inside, square, {-1, -1}, 1, cv::BORDER_REPLICATE);
  cv::dilate(hard, reach, square, {-1, -1}, 1, cv::BORDER_REPLICATE);
  const cv::Mat1b outside(reach == 0);

  cv::Mat3f subject, background;
  cv::Mat1f subject_known, background_known;
  local_mean(rgb, inside, 4 * band, subject, subject_known);
  local_mean(rgb, outside, 4 * band, background, background_known);

  cv::Mat1f alpha(rgb.size());
  for (int y = 0; y < rgb.rows; ++y) {
    for (int x = 0; x < rgb.cols; ++x) {
      float& a = alpha(y, x);
      a = inside(y, x) != 0 ? 1.0f : outside(y, x) != 0 ? 0.0f : soft(y, x);
      // A thin part has no sure inside nearby, a narrow gap no sure outside.
      constexpr float kLeastKnown = 0.01f;
      if (inside(y, x) != 0 || outside(y, x) != 0 || subject_known(y, x) < kLeastKnown ||
          background_known(y, x) < kLeastKnown) {
        continue;
      }
      const cv::Vec3f b = background(y, x) / background_known(y, x);
      const cv::Vec3f across = subject(y, x) / subject_known(y, x) - b;
      const float square_length = across.dot(across);
      if (square_length < kTellable) continue;
      const float mix = (cv::Vec3f(rgb(y, x)) - b).dot(across) / square_length;
      // Far from the edge the mask is right and the colour by chance alike.
      const float trust = 1 - std::abs(2 * soft(y, x) - 1);
      a = soft(y, x) + std::min(1.0f, 2 * trust) * (std::clamp(mix, 0.0f, 1.0f) - soft(y, x));
    }
  }
  return alpha;
}

}  // namespace sinter::matting
