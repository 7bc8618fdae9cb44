#pragma once
// An 8-bit picture in memory: rows from top to bottom, pixels interleaved, no padding.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sinter {

struct Image {
  int width = 0;
  int height = 0;
  int channels = 0;  ///< 1 grey, 3 RGB, 4 RGBA (straight alpha)
  std::vector<std::uint8_t> pixels;

  Image() = default;
  Image(int w, int h, int c)
      : width(w),
        height(h),
        channels(c),
        pixels(static_cast<std::size_t>(w) * static_cast<std::size_t>(h) *
               static_cast<std::size_t>(c)) {}
  std::uint8_t* at(int x, int y) { return pixels.data() + index(x, y); }
  const std::uint8_t* at(int x, int y) const { return pixels.data() + index(x, y); }

 private:
  std::size_t index(int x, int y) const {
    return (static_cast<std::size_t>(y) * static_cast<std::size_t>(width) +
            static_cast<std::size_t>(x)) *
           static_cast<std::size_t>(channels);
  }
};

}  // namespace sinter
