#include "matting/cut_out.h"

#include "io/pillow_resize.h"
#include "matting/support.h"

namespace sinter::matting {
namespace {

using test::error_of;
using test::golden;
using test::largest_difference;

CutOutOptions in_mode(RemoveBackground mode) {
  CutOutOptions options;
  options.mode = mode;
  return options;
}

TEST(Lanczos, IsPillowsToTheBit) {
  const Image noise = golden("noise.png", 3);
  for (const auto& [width, height] : {std::pair(16, 50), {80, 11}, {37, 9}, {5, 23}}) {
    const std::string name = cat("lanczos_", width, "x", height, ".png");
    EXPECT_EQ(largest_difference(io::resize_pillow(noise, width, height, io::PillowFilter::lanczos),
                                 golden(name, 3)),
              0)
        << name;
  }
  // One channel is resized as each of three is.
  Image red(noise.width, noise.height, 1);
  for (std::size_t i = 0; i < red.pixels.size(); ++i) red.pixels[i] = noise.pixels[3 * i];
  const Image small = io::resize_pillow(red, 16, 50, io::PillowFilter::lanczos);
  const Image expected = golden("lanczos_16x50.png", 3);
  for (std::size_t i = 0; i < small.pixels.size(); ++i) {
    ASSERT_EQ(small.pixels[i], expected.pixels[3 * i]);
  }
}

TEST(CutOut, IsRembgsOverTransparentWhiteToTheBit) {
  const Image matte = golden("matte.png", 1);
  EXPECT_EQ(
      largest_difference(apply_matte(golden("noise.png", 3), matte), golden("cut_opaque.png", 4)),
      0);
  EXPECT_EQ(largest_difference(apply_matte(golden("translucent.png", 4), matte),
                               golden("cut_translucent.png", 4)),
            0);
}

/// A red disc on a shaded background, RGBA; alpha as given.
Image disc(int side, int alpha) {
  Image image(side, side, 4);
  for (int y = 0; y < side; ++y) {
    for (int x = 0; x < side; ++x) {
      const int dx = x - side / 2, dy = y - side / 2;
      const bool inside = dx * dx + dy * dy < side * side / 9;
      std::uint8_t* pixel = image.at(x, y);
      for (int c = 0; c < 3; ++c) {
        pixel[c] = static_cast<std::uint8_t>(inside ? (c == 0 ? 190 : 60) : 170 + 60 * y / side);
      }
      pixel[3] = static_cast<std::uint8_t>(alpha);
    }
  }
  return image;
}

TEST(CutOut, UsefulAlphaIsOnePixelInAThousand) {
  Image image = disc(100, 255);
  EXPECT_FALSE(has_useful_alpha(image));
  for (int i = 0; i < 9; ++i) image.at(i, 0)[3] = 127;
  EXPECT_FALSE(has_useful_alpha(image));
  image.at(50, 50)[3] = 127;
  EXPECT_TRUE(has_useful_alpha(image));
  image.at(50, 50)[3] = 128;
  EXPECT_FALSE(has_useful_alpha(image));
}

TEST(CutOut, ModesDecideWhatIsRemoved) {
  const Image opaque = disc(96, 255);
  Image cut = opaque;
  for (int x = 0; x < 96; ++x) cut.at(x, 0)[3] = 0;

  for (const Image& image : {opaque, cut}) {
    const CutOut off = cut_out(image, in_mode(RemoveBackground::off), "a");
    EXPECT_FALSE(off.matte.has_value());
    EXPECT_EQ(off.picture.pixels, image.pixels);
    const CutOut on = cut_out(image, in_mode(RemoveBackground::on), "a");
    ASSERT_TRUE(on.matte.has_value());
    EXPECT_EQ(on.picture.at(48, 48)[3], 255);
    EXPECT_EQ(on.picture.at(2, 2)[3], 0);
    EXPECT_EQ(on.picture.at(2, 2)[0], 255);
    EXPECT_EQ(matte_of(on).pixels, on.matte->pixels);
  }
  EXPECT_TRUE(cut_out(opaque, {}, "a").matte.has_value());
  const CutOut kept = cut_out(cut, {}, "a");
  EXPECT_FALSE(kept.matte.has_value());
  EXPECT_EQ(kept.picture.pixels, cut.pixels);
  // What is kept has a matte too: its own alpha.
  EXPECT_EQ(matte_of(kept).at(5, 0)[0], 0);
  EXPECT_EQ(matte_of(kept).at(5, 1)[0], 255);
}

TEST(CutOut, StopsWhereAsked) {
  const Image image = disc(600, 255);
  int calls = 0;
  CutOutOptions options = in_mode(RemoveBackground::on);
  options.poll = [&] { ++calls; };
  cut_out(image, options, "a");
  const int all = calls;
  EXPECT_GE(all, 5);
  for (int stop = 1; stop <= all; ++stop) {
    calls = 0;
    options.poll = [&] {
      if (++calls == stop) throw Error(ErrorCode::cancelled, "stop");
    };
    EXPECT_EQ(error_of([&] { cut_out(image, options, "a"); }).code(), ErrorCode::cancelled);
    EXPECT_EQ(calls, stop);
  }
}

TEST(CutOut, NoSubjectIsAnErrorNotASlab) {
  const auto refused = [](const Image& image, const std::string& what) {
    for (const RemoveBackground mode : {RemoveBackground::on, RemoveBackground::automatic}) {
      const Error error = error_of([&] { cut_out(image, in_mode(mode), "photo.png"); });
      EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
      EXPECT_TRUE(error.message().starts_with("[matte] photo.png: " + what)) << error.message();
    }
    // Asked to, sinter uses it whole, as upstream's examples do.
    EXPECT_EQ(cut_out(image, in_mode(RemoveBackground::off), "a").picture.pixels, image.pixels);
  };
  Image plain(80, 60, 3);
  std::fill(plain.pixels.begin(), plain.pixels.end(), std::uint8_t{201});
  refused(plain, "no subject stands out");
  Image shaded(80, 60, 3);
  for (int y = 0; y < 60; ++y) {
    for (int x = 0; x < 80; ++x) {
      for (int c = 0; c < 3; ++c)
        shaded.at(x, y)[c] = static_cast<std::uint8_t>(60 + x + y + 5 * c);
    }
  }
  refused(shaded, "no subject stands out");
  Image speck = plain;
  for (int c = 0; c < 3; ++c) speck.at(40, 30)[c] = 0;
  refused(speck, "no subject stands out");
  const Error tiny = error_of([] { cut_out(Image(7, 30, 3), {}, "photo.png"); });
  EXPECT_EQ(tiny.message(),
            "[matte] photo.png: 7 x 30 pixels are too few to tell subject and background; expected "
            "at least 8 x 8");
}

}  // namespace
}  // namespace sinter::matting
