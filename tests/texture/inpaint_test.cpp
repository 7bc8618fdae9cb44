// The inpainting against the one written down plainly, bit for bit.

#include "texture/bake/inpaint.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <numeric>

#include "texture/bake/in_turns.h"
#include "texture/reference_inpaint.h"
#include "texture/test_meshes.h"

namespace sinter::texture {
namespace {

struct Picture {
  Image image;
  std::vector<Pixel> pixels;

  Picture(int width, int height, Pixel all, test::Random& random)
      : image(width, height, 3),
        pixels(static_cast<std::size_t>(width) * static_cast<std::size_t>(height), all) {
    // Noise beside flat parts, where isophotes have no direction.
    for (std::size_t i = 0; i < image.pixels.size(); ++i) {
      const bool flat = (i / 3 / 11) % 5 == 0;
      image.pixels[i] = static_cast<std::uint8_t>(flat ? 120 + i % 3 : random.next());
    }
  }
  void set(int x0, int y0, int x1, int y1, Pixel state) {
    for (int y = std::max(y0, 0); y < std::min(y1, image.height); ++y) {
      for (int x = std::max(x0, 0); x < std::min(x1, image.width); ++x) {
        pixels[static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width) +
               static_cast<std::size_t>(x)] = state;
      }
    }
  }
};

int below(test::Random& random, int end) {
  return static_cast<int>(random.next() % static_cast<std::uint64_t>(end));
}

/// Holes and gutters of an atlas: wanted boxes in a known ground, known ones in that, and so on.
void draw_boxes(Picture& picture, int boxes, int side, test::Random& random) {
  constexpr Pixel kStates[] = {Pixel::wanted, Pixel::known, Pixel::wanted, Pixel::outside};
  for (int i = 0; i < boxes; ++i) {
    const int x = below(random, picture.image.width), y = below(random, picture.image.height);
    picture.set(x - side / 2,
                y - side / 2,
                x + below(random, side),
                y + below(random, side),
                kStates[below(random, 4)]);
  }
}

/// What a sparse scatter leaves: single known pixels.
void draw_dots(Picture& picture, int one_in, test::Random& random) {
  for (Pixel& pixel : picture.pixels) {
    if (below(random, one_in) == 0) pixel = Pixel::known;
  }
}

void expect_the_plain_one(const Picture& picture) {
  Image expected = picture.image;
  const std::int64_t unreached = test::reference::inpaint(expected, picture.pixels);
  for (const int threads : {1, 2, 5, 16}) {
    Image image = picture.image;
    EXPECT_EQ(inpaint_navier_stokes(image, picture.pixels, threads), unreached);
    EXPECT_TRUE(image.pixels == expected.pixels)
        << picture.image.width << "x" << picture.image.height << ", " << threads << " threads";
  }
}

TEST(Inpaint, IsThePlainOneBitForBitForAnyNumberOfThreads) {
  test::Random random(7);
  for (int round = 0; round < 8; ++round) {
    const int width = 150 + below(random, 500), height = 20 + below(random, 150);
    Picture holes(width, height, Pixel::known, random);
    draw_boxes(holes, 40, 30, random);
    expect_the_plain_one(holes);
    Picture charts(width, height, round % 2 == 0 ? Pixel::wanted : Pixel::outside, random);
    draw_boxes(charts, 60, 60, random);
    expect_the_plain_one(charts);
    Picture dots(width, height, Pixel::wanted, random);
    draw_boxes(dots, 10, 50, random);
    draw_dots(dots, 2 + 3 * round, random);
    expect_the_plain_one(dots);
  }
}

TEST(Inpaint, IsThePlainOneInPicturesSmallerThanItsReach) {
  test::Random random(8);
  for (int width = 1; width < 9; ++width) {
    for (int height = 1; height < 9; ++height) {
      Picture picture(width, height, Pixel::wanted, random);
      draw_dots(picture, 4, random);
      expect_the_plain_one(picture);
    }
  }
}

/// A front that goes further than the distance that stands for what is not known, where distances
/// are cut off and may fall. Two rings in which it meets itself, at a larger distance than any
/// before, let it out into two passages that are two pixels apart, at a smaller one: the first
/// passage comes before the second.
TEST(Inpaint, IsThePlainOneBeyondTheFarthestDistance) {
  test::Random random(9);
  Picture picture(1500, 1370, Pixel::outside, random);
  for (int y = 0; y <= 1338; y += 2) {
    picture.set(0, y, 1500, y + 1, Pixel::wanted);
    const int end = y % 4 == 0 ? 1499 : 0;
    if (y < 1338) picture.set(end, y, end + 1, y + 2, Pixel::wanted);
  }
  picture.set(0, 0, 1, 1, Pixel::known);
  for (const int middle : {115, 127}) {
    picture.set(middle, 1339, middle + 1, 1340, Pixel::wanted);
    picture.set(middle - 5, 1340, middle + 6, 1351, Pixel::wanted);
    picture.set(middle - 4, 1341, middle + 5, 1350, Pixel::outside);
    const int turn = middle == 115 ? 1358 : 1360;
    picture.set(middle, 1351, middle + 1, turn + 1, Pixel::wanted);
    picture.set(60, turn, middle, turn + 1, Pixel::wanted);
  }
  picture.set(60, 1356, 114, 1357, Pixel::known);  // colours to mix, beside no wanted pixel
  picture.set(60, 1362, 114, 1363, Pixel::known);
  Image expected = picture.image, image = picture.image;
  EXPECT_EQ(test::reference::inpaint(expected, picture.pixels), 0);
  EXPECT_EQ(inpaint_navier_stokes(image, picture.pixels, 2), 0);
  EXPECT_TRUE(image.pixels == expected.pixels);
}

/// Turns without any order in space.
TEST(InTurns, DoesWhatIsNearInTheOrderOfTheTurns) {
  constexpr int kReach = 4;
  test::Random random(10);
  for (const int threads : {1, 2, 7, 16}) {
    const MarchGrid grid{400, 60};
    std::vector<std::uint32_t> places;
    for (int y = 0; y < grid.height; ++y) {
      for (int x = 0; x < grid.width; ++x) {
        if (below(random, 3) != 0) places.push_back(grid.at(x, y));
      }
    }
    for (std::size_t i = places.size() - 1; i > 0; --i) {
      std::swap(places[i],
                places[static_cast<std::size_t>(below(random, static_cast<int>(i) + 1))]);
    }
    MarchOrder order{grid, std::make_unique<std::uint32_t[]>(grid.size()), places, 0};
    std::fill_n(order.turns.get(), grid.size(), MarchOrder::kOutside);
    for (std::uint32_t i = 0; i < places.size(); ++i) order.turns[places[i]] = i + 1;
    std::vector<std::atomic<int>> done(grid.size());
    std::atomic<int> wrong{0}, steps{0};
    InTurns(order, kReach, threads).run([&](std::uint32_t place) {
      const std::uint32_t turn = order.turns[place];
      for (int dy = -kReach; dy <= kReach; ++dy) {
        for (int dx = -kReach; dx <= kReach; ++dx) {
          const std::uint32_t other = grid.beside(place, dx, dy);
          wrong += order.turns[other] != MarchOrder::kOutside &&
                   done[other] != (order.turns[other] < turn ? 1 : 0);
        }
      }
      ++done[place];
      ++steps;
    });
    EXPECT_EQ(wrong, 0) << threads;
    EXPECT_EQ(static_cast<std::size_t>(steps), places.size());
  }
}

}  // namespace
}  // namespace sinter::texture
