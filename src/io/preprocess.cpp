#include "io/preprocess.h"

#include <algorithm>
#include <cstdint>
#include <new>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

namespace sinter::io {
namespace {

int pixel_type(int channels) {
  return CV_MAKETYPE(CV_8U, channels);
}

/// The picture as OpenCV sees it; OpenCV's interface has no const, nothing is written through it.
cv::Mat view(const Image& image) {
  return cv::Mat(image.height,
                 image.width,
                 pixel_type(image.channels),
                 const_cast<std::uint8_t*>(image.pixels.data()));
}

/// cv::resize, with its exceptions turned into sinter's. `dst` must already have its size and type.
void resize(const cv::Mat& src, cv::Mat& dst, int interpolation) {
  const std::uint8_t* pixels = dst.data;
  try {
    cv::resize(src, dst, dst.size(), 0, 0, interpolation);
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::out_of_memory, "[image] no memory to resize");
  } catch (const std::exception& error) {
    const std::string text = error.what();
    fail(ErrorCode::internal, "[image] resize: ", text.substr(0, text.find('\n')));
  }
  SINTER_CHECK(
      dst.data == pixels, ErrorCode::internal, "[image] resize: the result went elsewhere");
}

/// Half-open range of rows and columns.
struct Extent {
  int row_begin = 0, row_end = 0, col_begin = 0, col_end = 0;
  int height() const { return row_end - row_begin; }
  int width() const { return col_end - col_begin; }
};

/// First and last row and column with a non-zero alpha, the last ones excluded as upstream does.
Extent visible_extent(const Image& image, std::string_view name) {
  if (image.channels == 3) return {0, image.height - 1, 0, image.width - 1};
  Extent extent{image.height, -1, image.width, -1};
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      if (image.at(x, y)[3] == 0) continue;
      extent.row_begin = std::min(extent.row_begin, y);
      extent.row_end = y;
      extent.col_begin = std::min(extent.col_begin, x);
      extent.col_end = std::max(extent.col_end, x);
    }
  }
  if (extent.row_end < 0) {
    fail(ErrorCode::invalid_argument,
         "[image] ",
         name,
         ": no visible pixel: alpha is zero everywhere");
  }
  return extent;
}

/// Composites a pixel on white: fp32, one rounding an operation, truncated to a level.
std::uint8_t on_white(std::uint8_t level, float opacity) {
  const float seen = static_cast<float>(level) * opacity;
  const float white = 255.0f * (1.0f - opacity);
  return static_cast<std::uint8_t>(std::clamp(seen + white, 0.0f, 255.0f));
}

void paste_on_white(const cv::Mat& subject, Image& canvas, int left, int top) {
  const int channels = subject.channels();
  for (int y = 0; y < subject.rows; ++y) {
    const std::uint8_t* src = subject.ptr(y);
    std::uint8_t* dst = canvas.at(left, top + y);
    for (int x = 0; x < subject.cols; ++x, src += channels, dst += 3) {
      const float opacity = channels == 4 ? static_cast<float>(src[3]) / 255.0f : 1.0f;
      for (int c = 0; c < 3; ++c) dst[c] = on_white(src[c], opacity);
    }
  }
}

}  // namespace

Image recenter(const Image& image, double border_ratio, std::string_view name) {
  SINTER_CHECK(image.channels == 3 || image.channels == 4,
               ErrorCode::invalid_argument,
               "[image] ",
               name,
               ": expected RGB or RGBA, got ",
               image.channels,
               " channels");
  SINTER_CHECK(border_ratio >= 0 && border_ratio < 1,
               ErrorCode::invalid_argument,
               "[image] border ratio: expected 0 <= r < 1, got ",
               border_ratio);
  const Extent extent = visible_extent(image, name);
  if (extent.height() <= 0 || extent.width() <= 0) {
    fail(ErrorCode::invalid_argument,
         "[image] ",
         name,
         ": the visible part is ",
         extent.width() + 1,
         " x ",
         extent.height() + 1,
         " pixels; expected at least 2 x 2");
  }
  // float64 and truncation as upstream: the longer side can come out one pixel short of the target.
  const int side = std::max(image.width, image.height);
  const int target = static_cast<int>(side * (1 - border_ratio));
  const double scale = static_cast<double>(target) / std::max(extent.height(), extent.width());
  const int height = static_cast<int>(extent.height() * scale);
  const int width = static_cast<int>(extent.width() * scale);
  if (height == 0 || width == 0) {
    fail(ErrorCode::invalid_argument,
         "[image] ",
         name,
         ": the visible part is too thin (",
         extent.width(),
         " x ",
         extent.height(),
         " pixels become ",
         width,
         " x ",
         height,
         ")");
  }
  try {
    cv::Mat subject(height, width, pixel_type(image.channels));
    const cv::Rect crop(extent.col_begin, extent.row_begin, extent.width(), extent.height());
    resize(view(image)(crop), subject, cv::INTER_AREA);
    Image canvas(side, side, 3);
    std::fill(canvas.pixels.begin(), canvas.pixels.end(), std::uint8_t{255});
    paste_on_white(subject, canvas, (side - width) / 2, (side - height) / 2);
    return canvas;
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::out_of_memory, "[image] ", name, ": no memory to recentre");
  }
}

Image resize_cubic(const Image& image, int size) {
  SINTER_CHECK(size >= 1 && size <= 16384,
               ErrorCode::invalid_argument,
               "[image] size: expected 1..16384, got ",
               size);
  SINTER_CHECK(image.width > 0 && image.height > 0,
               ErrorCode::invalid_argument,
               "[image] resize: expected at least one pixel, got ",
               image.width,
               " x ",
               image.height);
  Image resized(size, size, image.channels);
  cv::Mat dst = view(resized);
  resize(view(image), dst, cv::INTER_CUBIC);
  return resized;
}

Image preprocess_image(const Image& image,
                       const PreprocessOptions& options,
                       std::string_view name) {
  return resize_cubic(recenter(image, options.border_ratio, name), options.size);
}

Tensor image_to_tensor(Context& context, const Image& image) {
  SINTER_CHECK(image.channels == 3,
               ErrorCode::invalid_argument,
               "[image] tensor: expected RGB, got ",
               image.channels,
               " channels");
  const Tensor tensor = context.allocate(DType::f32, {1, 3, image.height, image.width}, "image");
  const std::size_t plane =
      static_cast<std::size_t>(image.height) * static_cast<std::size_t>(image.width);
  float* dst = tensor.f32_mut();
  for (std::size_t i = 0; i < plane; ++i) {
    for (std::size_t c = 0; c < 3; ++c) {
      dst[c * plane + i] = static_cast<float>(image.pixels[i * 3 + c]) / 255.0f * 2.0f - 1.0f;
    }
  }
  return tensor;
}

}  // namespace sinter::io
