#pragma once
// In which order fast marching reaches the pixels of a picture.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace sinter::texture {

/// What a pixel is to the inpainting.
enum class Pixel : std::uint8_t { known, wanted, outside };

/// The pixels of a picture in rows with a margin, so that what is near one has a place too.
struct MarchGrid {
  static constexpr int kMargin = 4;
  int width, height;

  /// Of a row; a row's right margin is the left one of the next.
  std::uint32_t stride() const { return static_cast<std::uint32_t>(width + kMargin); }
  std::size_t size() const {
    return static_cast<std::size_t>(height + 2 * kMargin) * stride() + kMargin;
  }
  std::uint32_t at(int x, int y) const {
    return static_cast<std::uint32_t>(y + kMargin) * stride() +
           static_cast<std::uint32_t>(x + kMargin);
  }
  std::uint32_t beside(std::uint32_t at, int dx, int dy) const {
    return at + static_cast<std::uint32_t>(dy) * stride() + static_cast<std::uint32_t>(dx);
  }
  int x(std::uint32_t at) const { return static_cast<int>((at - kMargin) % stride()); }
  int y(std::uint32_t at) const { return static_cast<int>((at - kMargin) / stride()) - kMargin; }
};

/// `turns`, by place of the grid: a pixel is known once the march has reached it, so at another's
/// turn exactly those are that have a lower one.
struct MarchOrder {
  static constexpr std::uint32_t kKnown = 0;  ///< from the start
  static constexpr std::uint32_t kUnreached = ~std::uint32_t{1};
  static constexpr std::uint32_t kOutside = ~std::uint32_t{0};

  MarchGrid grid;
  std::unique_ptr<std::uint32_t[]> turns;
  /// Places of the wanted pixels that are reached; the first one has turn 1.
  std::vector<std::uint32_t> places;
  std::int64_t unreached = 0;
};

/// The order in which OpenCV's inpainting fills the wanted pixels: by the distance of the front,
/// which starts from the known ones, and among equal distances first come first served. Colours
/// have no part in it. Pixels outside stop the front.
///
/// Sources: OpenCV, modules/photo/src/inpaint.cpp; A. Telea, "An Image Inpainting Technique Based
/// on the Fast Marching Method", 2004.
MarchOrder march_order(std::span<const Pixel> pixels, int width, int height, int threads);

}  // namespace sinter::texture
