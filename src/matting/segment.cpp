#include "matting/segment.h"

#include <algorithm>
#include <cstdint>
#include <opencv2/imgproc.hpp>

namespace sinter::matting {
namespace {

/// Parts below this share of the largest one are specks.
constexpr double kLeastPart = 0.02;
/// Holes below this share of the subject are closed whatever they look like.
constexpr double kLeastHole = 0.0008;
constexpr int kIterations = 4;
/// Where the border does not follow its fit, or is as uneven as this, the distance from it says
/// little; GrabCut decides alone.
constexpr float kTrustedAgreement = 0.6f;
constexpr float kTrustedNoise = 18;

/// OpenCV's k-means, which starts GrabCut's colour models, draws from a generator of the thread.
class FixedRandom {
 public:
  FixedRandom() : before_(cv::theRNG().state) { cv::theRNG().state = 0x5eed; }
  ~FixedRandom() { cv::theRNG().state = before_; }
  FixedRandom(const FixedRandom&) = delete;
  FixedRandom& operator=(const FixedRandom&) = delete;

 private:
  std::uint64_t before_;
};

/// Uniform in -3..3, by place. A background without any noise would have colour models so narrow
/// that a difference of one level made a subject of it.
float dither(int x, int y, int c) {
  std::uint32_t h = static_cast<std::uint32_t>(x) * 0x9e3779b1u ^
                    static_cast<std::uint32_t>(y) * 0x85ebca77u ^
                    static_cast<std::uint32_t>(c) * 0xc2b2ae3du;
  h = (h ^ h >> 15) * 0x2c1b3c6du;
  h = (h ^ h >> 12) * 0x297a2d39u;
  return static_cast<float>((h ^ h >> 15) >> 8) / 16777216.0f * 6 - 3;
}

/// The difference from the background around mid-grey: a shaded background becomes one colour.
cv::Mat3b flatten(const cv::Mat3b& rgb, const Background& background) {
  cv::Mat3b flat(rgb.size());
  for (int y = 0; y < rgb.rows; ++y) {
    for (int x = 0; x < rgb.cols; ++x) {
      for (int c = 0; c < 3; ++c) {
        flat(y, x)[c] = cv::saturate_cast<std::uint8_t>(
            128 + static_cast<float>(rgb(y, x)[c]) - background.colour(y, x)[c] + dither(x, y, c));
      }
    }
  }
  return flat;
}

struct Seeds {
  cv::Mat1b labels;
  int subject = 0, background = 0;
};

Seeds make_seeds(const Background& background) {
  const float near = 4 * background.noise;
  const float far = std::max(8 * background.noise, 26.0f);
  Seeds seeds{cv::Mat1b(background.distance.size())};
  for (int y = 0; y < seeds.labels.rows; ++y) {
    for (int x = 0; x < seeds.labels.cols; ++x) {
      const float distance = background.distance(y, x);
      std::uint8_t label = cv::GC_PR_BGD;
      if (background.known(y, x) != 0) {
        label = cv::GC_BGD;
      } else if (background.shadow(y, x) != 0 || distance < near) {
        label = cv::GC_PR_BGD;
      } else {
        label = distance > far ? cv::GC_FGD : cv::GC_PR_FGD;
      }
      seeds.labels(y, x) = label;
    }
  }
  // The rim of a sure area mixes both.
  const cv::Mat1b sure(seeds.labels == cv::GC_FGD);
  cv::Mat1b core;
  cv::erode(sure, core, cv::Mat(), {-1, -1}, 1, cv::BORDER_CONSTANT, cv::Scalar(255));
  for (int y = 0; y < sure.rows; ++y) {
    for (int x = 0; x < sure.cols; ++x) {
      if (sure(y, x) != 0 && core(y, x) == 0) seeds.labels(y, x) = cv::GC_PR_FGD;
    }
  }
  for (const std::uint8_t label : cv::Mat1b(seeds.labels)) {
    (label == cv::GC_FGD || label == cv::GC_PR_FGD ? seeds.subject : seeds.background) += 1;
  }
  return seeds;
}

/// Without a usable fit: the border is background, the middle may be anything.
Seeds make_blind_seeds(const cv::Size& size) {
  Seeds seeds{cv::Mat1b(size, std::uint8_t{cv::GC_PR_FGD})};
  const int depth = std::max(2, std::min(size.width, size.height) / 32);
  cv::rectangle(seeds.labels, {0, 0, size.width, size.height}, cv::Scalar(cv::GC_BGD), depth);
  seeds.subject = cv::countNonZero(seeds.labels == cv::GC_PR_FGD);
  seeds.background = size.area() - seeds.subject;
  return seeds;
}

/// Keeps the parts of `mask` that `keep(area, label, labels)` accepts.
template <class Keep>
void filter_parts(cv::Mat1b& mask, int connectivity, const Keep& keep) {
  cv::Mat1i labels;
  cv::Mat1i stats;
  cv::Mat1d centres;
  const int count = cv::connectedComponentsWithStats(mask, labels, stats, centres, connectivity);
  for (int label = 1; label < count; ++label) {
    const cv::Mat1b part(labels == label);
    if (!keep(stats(label, cv::CC_STAT_AREA), part)) mask.setTo(0, part);
  }
}

void drop_specks(cv::Mat1b& mask) {
  int largest = 0;
  filter_parts(mask, 8, [&](int area, const cv::Mat1b&) {
    largest = std::max(largest, area);
    return true;
  });
  filter_parts(mask, 8, [&](int area, const cv::Mat1b&) { return area >= kLeastPart * largest; });
}

void close_holes(cv::Mat1b& mask, const Background& background) {
  const double subject = cv::countNonZero(mask);
  cv::Mat1b holes(255 - mask);
  cv::Mat1b outside = holes.clone();
  // What is joined to the frame is outside, not a hole.
  filter_parts(outside, 4, [&](int, const cv::Mat1b& part) {
    cv::Mat1b frame(part.size(), std::uint8_t{0});
    cv::rectangle(frame, {0, 0, part.cols, part.rows}, cv::Scalar(255), 1);
    return cv::countNonZero(cv::Mat1b(part & frame)) > 0;
  });
  holes -= outside;
  filter_parts(holes, 4, [&](int area, const cv::Mat1b& part) {
    const bool seen_through = cv::mean(background.distance, part)[0] < 5 * background.noise + 4;
    return area >= kLeastHole * subject && seen_through;
  });
  mask = 255 - (outside | holes);
}

}  // namespace

cv::Mat1b segment(const cv::Mat3b& rgb, const Background& background) {
  const bool trusted =
      background.agreement >= kTrustedAgreement && background.noise <= kTrustedNoise;
  Seeds seeds = trusted ? make_seeds(background) : make_blind_seeds(rgb.size());
  cv::Mat1b mask(rgb.size(), std::uint8_t{0});
  // GrabCut needs both sides to learn their colours from.
  constexpr int kLeastSeeds = 16;
  if (seeds.subject < kLeastSeeds || seeds.background < kLeastSeeds) {
    return seeds.background < kLeastSeeds ? cv::Mat1b(rgb.size(), std::uint8_t{255}) : mask;
  }
  const FixedRandom fixed;
  cv::Mat subject_model, background_model;
  cv::grabCut(trusted ? flatten(rgb, background) : rgb,
              seeds.labels,
              {},
              background_model,
              subject_model,
              kIterations,
              cv::GC_INIT_WITH_MASK);
  mask = (seeds.labels & 1) * 255;  // GC_FGD and GC_PR_FGD are odd
  drop_specks(mask);
  if (cv::countNonZero(mask) > 0) close_holes(mask, background);
  return mask;
}

}  // namespace sinter::matting
