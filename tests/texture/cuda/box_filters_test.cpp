#include "texture/cuda/box_filters.h"

#include <algorithm>

#include "texture/cuda/device_test.h"
#include "texture/test_meshes.h"

namespace sinter::texture::cuda {
namespace {

class DeviceBoxFilters : public testing::DeviceTest {};

/// Pixel by pixel; what is set lies on borders and in corners too.
TEST_F(DeviceBoxFilters, DilatesEveryPixelWithinTheRadius) {
  test::Random random(3);
  for (const auto& [width, height] : {std::pair{61, 40}, {33, 97}, {5, 3}, {64, 1}}) {
    for (const int radius : {0, 1, 2, 3, 8, 21, 34, 70}) {
      std::vector<std::uint8_t> mask;
      for (int i = 0; i < width * height; ++i) mask.push_back(random.next() % 400 == 0 ? 255 : 0);
      mask[static_cast<std::size_t>(random.next() % static_cast<std::uint32_t>(width))] = 1;
      mask[static_cast<std::size_t>(height / 2 * width)] = 7;
      std::vector<std::uint8_t> expected;
      for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
          bool any = false;
          for (int v = std::max(0, y - radius); v <= std::min(height - 1, y + radius); ++v) {
            const auto row = mask.begin() + v * width;
            any = any || std::any_of(row + std::max(0, x - radius),
                                     row + std::min(width, x + radius + 1),
                                     [](std::uint8_t m) { return m != 0; });
          }
          expected.push_back(any);
        }
      }
      const Array<std::uint8_t> there(std::span<const std::uint8_t>{mask}, &*memory_, stream_);
      dilate(there.data(), width, height, radius, *arena_, stream_);
      std::vector<std::uint8_t> found = values_of(there);
      for (std::uint8_t& m : found) m = m != 0;  // a radius of 0 leaves them as they are
      EXPECT_EQ(found, expected) << width << " x " << height << ", radius " << radius;
    }
  }
}

}  // namespace
}  // namespace sinter::texture::cuda
