#include "matting/built_in.h"

#include <algorithm>
#include <new>
#include <opencv2/imgproc.hpp>

#include "core/error.h"
#include "matting/refine.h"
#include "matting/segment.h"

namespace sinter::matting {
namespace {

/// Longest side at which subject and background are told apart, and at which the edge is drawn. The
/// networks see 512 pixels (1022 at most) of the result.
constexpr int kSegmentSide = 288;
constexpr int kEdgeSide = 1536;
constexpr int kLeastSide = 8;

/// Scaled down so that the longest side is at most `side`, never below the least.
cv::Size fit(const cv::Size& size, int side) {
  const double scale = std::min(1.0, static_cast<double>(side) / std::max(size.width, size.height));
  const auto scaled = [&](int length) {
    return std::max(std::min(length, kLeastSide), static_cast<int>(length * scale + 0.5));
  };
  return {scaled(size.width), scaled(size.height)};
}

cv::Mat3b shrink(const cv::Mat3b& rgb, int side) {
  cv::Mat3b small;
  cv::resize(rgb, small, fit(rgb.size(), side), 0, 0, cv::INTER_AREA);
  return small;
}

/// At most kEdgeSide a side: a picture of 200 megapixels is not copied at full size.
cv::Mat3b edge_picture(const Image& image) {
  const cv::Mat pixels(image.height,
                       image.width,
                       CV_MAKETYPE(CV_8U, image.channels),
                       const_cast<std::uint8_t*>(image.pixels.data()));
  cv::Mat small;
  cv::resize(pixels, small, fit(pixels.size(), kEdgeSide), 0, 0, cv::INTER_AREA);
  cv::Mat3b rgb;
  if (image.channels == 4) {
    cv::cvtColor(small, rgb, cv::COLOR_RGBA2RGB);
  } else {
    rgb = small;
  }
  return rgb;
}

Image make_matte(const Image& image, const std::function<void()>& poll) {
  const auto look = [&] {
    if (poll) poll();
  };
  const cv::Mat3b rgb = edge_picture(image);
  look();
  const cv::Mat3b small = shrink(rgb, kSegmentSide);
  const cv::Mat1b mask = segment(small, find_background(small));
  look();
  Image matte(image.width, image.height, 1);
  cv::Mat1b whole(image.height, image.width, matte.pixels.data());
  if (cv::countNonZero(mask) == 0) return matte;
  cv::Mat1b levels;
  refine_edge(rgb, mask).convertTo(levels, CV_8U, 255);
  look();
  cv::resize(levels, whole, whole.size(), 0, 0, cv::INTER_LINEAR);
  return matte;
}

}  // namespace

Image built_in_matte(const Image& image, std::string_view name, const std::function<void()>& poll) {
  SINTER_CHECK(image.channels == 3 || image.channels == 4,
               ErrorCode::invalid_argument,
               "[matte] ",
               name,
               ": expected RGB or RGBA, got ",
               image.channels,
               " channels");
  SINTER_CHECK(image.width >= kLeastSide && image.height >= kLeastSide,
               ErrorCode::invalid_argument,
               "[matte] ",
               name,
               ": ",
               image.width,
               " x ",
               image.height,
               " pixels are too few to tell subject and background; expected at least ",
               kLeastSide,
               " x ",
               kLeastSide);
  try {
    return make_matte(image, poll);
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::out_of_memory, "[matte] ", name, ": no memory for the matte");
  } catch (const cv::Exception& error) {
    fail(ErrorCode::internal, "[matte] ", name, ": ", error.err);
  }
}

}  // namespace sinter::matting
