#include "io/image_file.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstring>
#include <functional>

#include "io/picture_fixtures.h"
#include "io/test_util.h"

namespace sinter::io {
namespace {

using test::bytes_of;
using test::error_of;
using test::expect_error;
using test::JpegColour;
using test::JpegFixture;
using test::make_exif;
using test::make_jpeg;
using test::make_png;
using test::make_webp;
using test::PngFixture;
using test::Random;
using test::TemporaryFolder;

using Pixel = std::vector<int>;
/// What the picture holds at a place, 8-bit samples.
using Expected = std::function<Pixel(int x, int y)>;

void expect_picture(
    const Image& image, int width, int height, const Expected& expected, int tolerance = 0) {
  ASSERT_EQ(image.width, width);
  ASSERT_EQ(image.height, height);
  ASSERT_EQ(image.pixels.size(), static_cast<std::size_t>(width * height * image.channels));
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const Pixel pixel = expected(x, y);
      ASSERT_EQ(static_cast<std::size_t>(image.channels), pixel.size());
      for (int c = 0; c < image.channels; ++c) {
        ASSERT_NEAR(image.at(x, y)[c], pixel[static_cast<std::size_t>(c)], tolerance)
            << "at " << x << ", " << y << " channel " << c;
      }
    }
  }
}

// --- PNG -----------------------------------------------------------------------------------------

/// Random samples of a depth, packed as PNG wants them, and their values.
struct Samples {
  PngFixture fixture;
  std::vector<std::vector<int>> values;  // [y][x * channels + c]
};

Samples random_samples(
    int width, int height, int depth, int colour_type, std::uint64_t seed, int limit = 0) {
  static constexpr int kChannels[] = {1, 0, 3, 1, 2, 0, 4};
  Samples samples;
  samples.fixture.width = width;
  samples.fixture.height = height;
  samples.fixture.bit_depth = depth;
  samples.fixture.colour_type = colour_type;
  Random random(seed);
  const int bound = limit > 0 ? limit : 1 << depth;
  for (int y = 0; y < height; ++y) {
    std::vector<int> values;
    std::vector<std::uint8_t> row(
        (static_cast<std::size_t>(width * kChannels[colour_type] * depth) + 7) / 8, 0);
    for (int i = 0; i < width * kChannels[colour_type]; ++i) {
      const int value = random.below(bound);
      values.push_back(value);
      const auto bit = static_cast<std::size_t>(i * depth);
      if (depth == 16) {
        row[bit / 8] = static_cast<std::uint8_t>(value >> 8);
        row[bit / 8 + 1] = static_cast<std::uint8_t>(value);
      } else {
        row[bit / 8] = static_cast<std::uint8_t>(row[bit / 8] |
                                                 value << (8 - depth - static_cast<int>(bit % 8)));
      }
    }
    samples.values.push_back(std::move(values));
    samples.fixture.rows.push_back(std::move(row));
  }
  return samples;
}

/// A sample of any depth as 8 bits: rounded to the nearest level.
int level(int value, int depth) {
  return static_cast<int>(std::lround(value * 255.0 / ((1 << depth) - 1)));
}

TEST(Png, EveryDepthAndColourTypeWithAndWithoutInterlacing) {
  static constexpr int kCases[][2] = {
      {0, 1}, {0, 2}, {0, 4}, {0, 8}, {0, 16}, {2, 8}, {2, 16}, {4, 8}, {4, 16}, {6, 8}, {6, 16}};
  for (const auto& [colour, depth] : kCases) {
    for (const bool interlaced : {false, true}) {
      SCOPED_TRACE(testing::Message() << "colour type " << colour << ", depth " << depth
                                      << ", interlaced " << interlaced);
      Samples samples =
          random_samples(13, 11, depth, colour, static_cast<std::uint64_t>(colour * 32 + depth));
      samples.fixture.interlaced = interlaced;
      const Image image = decode_image(make_png(samples.fixture), "a.png");
      expect_picture(image, 13, 11, [&](int x, int y) {
        const auto& row = samples.values[static_cast<std::size_t>(y)];
        const auto at = [&](int i) { return level(row[static_cast<std::size_t>(i)], depth); };
        switch (colour) {
          case 0:
            return Pixel{at(x), at(x), at(x)};
          case 2:
            return Pixel{at(3 * x), at(3 * x + 1), at(3 * x + 2)};
          case 4:
            return Pixel{at(2 * x), at(2 * x), at(2 * x), at(2 * x + 1)};
          default:
            return Pixel{at(4 * x), at(4 * x + 1), at(4 * x + 2), at(4 * x + 3)};
        }
      });
    }
  }
}

TEST(Png, PalettesOfEveryDepthWithAndWithoutTransparency) {
  for (const int depth : {1, 2, 4, 8}) {
    for (const bool transparent : {false, true}) {
      SCOPED_TRACE(testing::Message() << "depth " << depth << ", transparent " << transparent);
      const int colours = std::min(1 << depth, 19);
      Samples samples = random_samples(9, 10, depth, 3, static_cast<std::uint64_t>(depth), colours);
      for (int i = 0; i < colours; ++i) {
        samples.fixture.palette.push_back({static_cast<std::uint8_t>(i * 13),
                                           static_cast<std::uint8_t>(255 - i * 7),
                                           static_cast<std::uint8_t>(i * i)});
      }
      // The transparency of a palette may be shorter than the palette.
      if (transparent) samples.fixture.palette_alpha = {0, 100};
      expect_picture(decode_image(make_png(samples.fixture), "a.png"), 9, 10, [&](int x, int y) {
        const int index = samples.values[static_cast<std::size_t>(y)][static_cast<std::size_t>(x)];
        const auto& [r, g, b] = samples.fixture.palette[static_cast<std::size_t>(index)];
        Pixel pixel{r, g, b};
        if (transparent) pixel.push_back(index == 0 ? 0 : index == 1 ? 100 : 255);
        return pixel;
      });
    }
  }
}

TEST(Png, TransparentColourIsComparedBeforeRoundingTo8Bits) {
  Samples samples = random_samples(4, 1, 16, 2, 3);
  // 0x1234 and 0x1235 are the same 8-bit level; only the exact colour is transparent.
  samples.fixture.rows = {
      {0x12, 0x34, 0, 0, 0, 0, 0x12, 0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12, 0x34, 0, 0, 0, 1}};
  samples.fixture.transparent_colour = {0x1234, 0, 0};
  expect_picture(decode_image(make_png(samples.fixture), "a.png"), 4, 1, [](int x, int) {
    return Pixel{x == 2 ? 0 : 18, 0, 0, x == 0 ? 0 : 255};
  });
}

TEST(Png, Samples16RoundToTheNearestLevel) {
  PngFixture fixture;
  fixture.width = 256;
  fixture.height = 256;
  fixture.bit_depth = 16;
  fixture.colour_type = 0;
  for (int y = 0; y < 256; ++y) {
    std::vector<std::uint8_t> row;
    for (int x = 0; x < 256; ++x) {
      row.push_back(static_cast<std::uint8_t>(y));
      row.push_back(static_cast<std::uint8_t>(x));
    }
    fixture.rows.push_back(row);
  }
  expect_picture(decode_image(make_png(fixture), "a.png"), 256, 256, [](int x, int y) {
    const int v = static_cast<int>(std::lround((y * 256 + x) / 257.0));
    return Pixel{v, v, v};
  });
}

TEST(Png, OnePixelIsAPicture) {
  const Samples samples = random_samples(1, 1, 8, 6, 5);
  EXPECT_EQ(decode_image(make_png(samples.fixture), "a.png").pixels.size(), 4u);
}

TEST(Png, ReadsBackWhatItWrites) {
  const TemporaryFolder folder;
  Random random(11);
  for (const int channels : {1, 3, 4}) {
    Image image(37, 21, channels);
    for (auto& sample : image.pixels) sample = random.byte();
    write_png(folder / "a.png", image);
    const Image again = read_image(folder / "a.png");
    expect_picture(again, 37, 21, [&](int x, int y) {
      const std::uint8_t* p = image.at(x, y);
      return channels == 1 ? Pixel{p[0], p[0], p[0]} : Pixel(p, p + channels);
    });
    EXPECT_EQ(encode_png(image), encode_png(image));
  }
  EXPECT_EQ(error_of([] { encode_png(Image(2, 2, 2)); }).code(), ErrorCode::invalid_argument);
  EXPECT_EQ(error_of([] { encode_png(Image()); }).code(), ErrorCode::invalid_argument);
}

// --- JPEG ----------------------------------------------------------------------------------------

/// A smooth picture, which JPEG at quality 100 keeps within a few levels.
std::vector<std::uint8_t> smooth(int width, int height, int channels) {
  std::vector<std::uint8_t> pixels;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < channels; ++c) {
        pixels.push_back(static_cast<std::uint8_t>(
            128 + 100 * std::sin(0.11 * x * (c + 1) + 0.05 * y) * std::cos(0.07 * y - 0.9 * c)));
      }
    }
  }
  return pixels;
}

JpegFixture jpeg_fixture(JpegColour colour, int width = 45, int height = 29) {
  JpegFixture fixture;
  fixture.width = width;
  fixture.height = height;
  fixture.colour = colour;
  const bool ink = colour == JpegColour::cmyk || colour == JpegColour::ycck;
  fixture.pixels = smooth(width, height, colour == JpegColour::grey ? 1 : ink ? 4 : 3);
  return fixture;
}

// Quality 100 quantises with 1 everywhere: an error of half a unit per coefficient is below two
// levels per sample; two colour conversions, each rounded, make it at most four.
constexpr int kJpegLevels = 4;

TEST(Jpeg, EveryColourSpaceAndCoding) {
  for (const JpegColour colour : {JpegColour::grey, JpegColour::ycc, JpegColour::rgb}) {
    for (const int coding : {0, 1, 2, 3}) {
      SCOPED_TRACE(testing::Message()
                   << "colour " << static_cast<int>(colour) << ", coding " << coding);
      JpegFixture fixture = jpeg_fixture(colour);
      fixture.progressive = coding == 1;
      fixture.arithmetic = coding == 2;
      fixture.restart_rows = coding == 3 ? 1 : 0;
      const Image image = decode_image(make_jpeg(fixture), "a.jpg");
      const int channels = colour == JpegColour::grey ? 1 : 3;
      expect_picture(
          image,
          45,
          29,
          [&](int x, int y) {
            const std::uint8_t* p = fixture.pixels.data() + (y * 45 + x) * channels;
            return channels == 1 ? Pixel{p[0], p[0], p[0]} : Pixel{p[0], p[1], p[2]};
          },
          kJpegLevels);
    }
  }
}

TEST(Jpeg, InkIsMultipliedOutAndInvertedWithAdobesMarker) {
  for (const JpegColour colour : {JpegColour::cmyk, JpegColour::ycck}) {
    for (const bool adobe : {true, false}) {
      // Without the marker four components are CMYK, so YCCK cannot be told.
      if (colour == JpegColour::ycck && !adobe) continue;
      SCOPED_TRACE(testing::Message()
                   << "colour " << static_cast<int>(colour) << ", Adobe " << adobe);
      JpegFixture fixture = jpeg_fixture(colour);
      fixture.adobe_marker = adobe;
      expect_picture(
          decode_image(make_jpeg(fixture), "a.jpg"),
          45,
          29,
          [&](int x, int y) {
            const std::uint8_t* p = fixture.pixels.data() + (y * 45 + x) * 4;
            Pixel pixel;
            for (int c = 0; c < 3; ++c) {
              const double light = adobe ? p[c] / 255.0 : 1 - p[c] / 255.0;
              const double key = adobe ? p[3] / 255.0 : 1 - p[3] / 255.0;
              pixel.push_back(static_cast<int>(std::lround(255 * light * key)));
            }
            return pixel;
          },
          2 * kJpegLevels);
    }
  }
}

TEST(Jpeg, CosmeticWarningsPassAndDamageDoesNot) {
  const Bytes sound = make_jpeg(jpeg_fixture(JpegColour::ycc));
  const Image image = decode_image(sound, "a.jpg");
  Bytes trailing = sound;
  trailing.insert(trailing.end(), {1, 2, 3, 4});
  EXPECT_EQ(decode_image(trailing, "a.jpg").pixels, image.pixels);
  Bytes stuffed = sound;  // bytes between the data and the end marker, as some cameras leave them
  stuffed.insert(stuffed.end() - 2, {0x00, 0x00});
  EXPECT_EQ(decode_image(stuffed, "a.jpg").pixels, image.pixels);
  Bytes cut = sound;  // an end marker in the middle: no bytes are missing, half of the picture is
  cut.resize(cut.size() * 2 / 3);
  cut.insert(cut.end(), {0xff, 0xd9});
  EXPECT_EQ(error_of([&] { decode_image(cut, "a.jpg"); }).code(), ErrorCode::corrupt);
}

// --- WebP ----------------------------------------------------------------------------------------

TEST(WebP, LosslessWithAndWithoutAlpha) {
  Random random(3);
  for (const int channels : {3, 4}) {
    std::vector<std::uint8_t> pixels(static_cast<std::size_t>(17 * 9 * channels));
    for (auto& sample : pixels) sample = random.byte();
    // Lossless coding may clear the colour under alpha 0.
    if (channels == 4) {
      for (std::size_t i = 3; i < pixels.size(); i += 4)
        pixels[i] = static_cast<std::uint8_t>(pixels[i] | 1);
    }
    expect_picture(
        decode_image(make_webp(pixels, 17, 9, channels, 100), "a.webp"), 17, 9, [&](int x, int y) {
          const std::uint8_t* p = pixels.data() + (y * 17 + x) * channels;
          return Pixel(p, p + channels);
        });
  }
}

TEST(WebP, Lossy) {
  for (const int channels : {3, 4}) {
    const auto pixels = smooth(64, 48, channels);
    const Image image = decode_image(make_webp(pixels, 64, 48, channels, 95), "a.webp");
    double error = 0;
    for (std::size_t i = 0; i < pixels.size(); ++i) error += std::abs(pixels[i] - image.pixels[i]);
    EXPECT_EQ(image.channels, channels);
    // Chroma is halved in each direction, hence the mean and not the largest error.
    EXPECT_LT(error / static_cast<double>(pixels.size()), 6);
  }
}

// --- orientation ---------------------------------------------------------------------------------

/// A lossless picture whose stored pixel (x, y) is (x * 10, y * 10, 7), to be seen after each
/// orientation.
std::vector<std::uint8_t> position_picture(int width, int height) {
  std::vector<std::uint8_t> pixels;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      pixels.insert(pixels.end(),
                    {static_cast<std::uint8_t>(x * 10), static_cast<std::uint8_t>(y * 10), 7});
    }
  }
  return pixels;
}

/// Where the upright pixel (x, y) stands in the stored w x h picture. From the standard's words: 1
/// the 0th row is the top and the 0th column the left side, 6 the 0th row is the right side and the
/// 0th column the top.
std::array<int, 2> stored_place(int orientation, int x, int y, int w, int h) {
  switch (orientation) {
    case 2:  // row 0 top, column 0 right
      return {w - 1 - x, y};
    case 3:  // row 0 bottom, column 0 right
      return {w - 1 - x, h - 1 - y};
    case 4:  // row 0 bottom, column 0 left
      return {x, h - 1 - y};
    case 5:  // row 0 left, column 0 top
      return {y, x};
    case 6:  // row 0 right, column 0 top
      return {y, h - 1 - x};
    case 7:  // row 0 right, column 0 bottom
      return {w - 1 - y, h - 1 - x};
    case 8:  // row 0 left, column 0 bottom
      return {w - 1 - y, x};
    default:
      return {x, y};
  }
}

TEST(Orientation, AppliedInPngAndWebP) {
  constexpr int kWidth = 5;
  constexpr int kHeight = 3;
  const auto pixels = position_picture(kWidth, kHeight);
  PngFixture png;
  png.width = kWidth;
  png.height = kHeight;
  for (int y = 0; y < kHeight; ++y) {
    png.rows.emplace_back(pixels.begin() + y * kWidth * 3, pixels.begin() + (y + 1) * kWidth * 3);
  }
  for (int orientation = 1; orientation <= 8; ++orientation) {
    for (const bool big_endian : {false, true}) {
      SCOPED_TRACE(testing::Message()
                   << "orientation " << orientation << ", big-endian " << big_endian);
      png.exif = make_exif(orientation, big_endian);
      const bool turned = orientation >= 5;
      const auto expected = [&](int x, int y) {
        const auto [u, v] = stored_place(orientation, x, y, kWidth, kHeight);
        return Pixel{u * 10, v * 10, 7};
      };
      const int width = turned ? kHeight : kWidth;
      const int height = turned ? kWidth : kHeight;
      expect_picture(decode_image(make_png(png), "a.png"), width, height, expected);
      expect_picture(decode_image(make_webp(pixels, kWidth, kHeight, 3, 100, png.exif), "a.webp"),
                     width,
                     height,
                     expected);
    }
  }
}

TEST(Orientation, AppliedInJpeg) {
  JpegFixture fixture = jpeg_fixture(JpegColour::grey, 40, 24);
  for (int orientation = 1; orientation <= 8; ++orientation) {
    SCOPED_TRACE(orientation);
    fixture.exif = make_exif(orientation, true);
    const bool turned = orientation >= 5;
    expect_picture(
        decode_image(make_jpeg(fixture), "a.jpg"),
        turned ? 24 : 40,
        turned ? 40 : 24,
        [&](int x, int y) {
          const auto [u, v] = stored_place(orientation, x, y, 40, 24);
          const int value = fixture.pixels[static_cast<std::size_t>(v * 40 + u)];
          return Pixel{value, value, value};
        },
        kJpegLevels);
  }
}

// --- refusals ------------------------------------------------------------------------------------

TEST(ReadImage, EachRefusalSaysWhy) {
  const auto refuse = [](ErrorCode code, const std::string& why, std::string_view bytes) {
    expect_error(
        code, "[image] photo.png: " + why, [&] { decode_image(bytes_of(bytes), "photo.png"); });
  };
  refuse(ErrorCode::corrupt, "the file is empty", "");
  refuse(ErrorCode::unsupported,
         "is not a picture; expected PNG, JPEG, WebP, BMP or TIFF",
         "hello, world");
  refuse(ErrorCode::unsupported,
         "is a GIF picture; expected PNG, JPEG, WebP, BMP or TIFF",
         "GIF89a...");
  using namespace std::string_view_literals;
  refuse(ErrorCode::unsupported,
         "is a HEIC picture; expected PNG, JPEG, WebP, BMP or TIFF",
         "\0\0\0\x18"
         "ftypheic"sv);
  expect_error(ErrorCode::not_found, "[image] /nonexistent/a.png: no such file", [] {
    read_image("/nonexistent/a.png");
  });
}

/// Signature, a header chunk of that size with its checksum, and nothing else.
Bytes png_header(std::uint32_t width, std::uint32_t height) {
  PngFixture fixture;
  fixture.width = 1;
  fixture.height = 1;
  fixture.colour_type = 0;
  fixture.rows = {{0}};
  Bytes bytes = make_png(fixture);
  for (int i = 0; i < 4; ++i) {
    bytes[static_cast<std::size_t>(16 + i)] = static_cast<std::uint8_t>(width >> (24 - 8 * i));
    bytes[static_cast<std::size_t>(20 + i)] = static_cast<std::uint8_t>(height >> (24 - 8 * i));
  }
  std::uint32_t crc = 0xffffffff;
  for (std::size_t i = 12; i < 29; ++i) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0u);
  }
  crc = ~crc;
  for (int i = 0; i < 4; ++i)
    bytes[static_cast<std::size_t>(29 + i)] = static_cast<std::uint8_t>(crc >> (24 - 8 * i));
  return bytes;
}

TEST(ReadImage, RefusesHugePicturesByTheirHeader) {
  expect_error(
      ErrorCode::unsupported,
      "[image] big.png: 20000 x 20000 pixels are too many; expected at most 16384 a side and "
      "268435456 in all",
      [] { decode_image(png_header(20000, 20000), "big.png"); });
  EXPECT_EQ(error_of([] { decode_image(png_header(16385, 1), "a"); }).code(),
            ErrorCode::unsupported);
  ImageLimits limits;
  limits.max_pixels = 99;
  EXPECT_EQ(error_of([&] { decode_image(png_header(10, 10), "a", limits); }).code(),
            ErrorCode::unsupported);
  // Within the limits the same file is merely cut short.
  EXPECT_EQ(error_of([&] { decode_image(png_header(9, 11), "a", limits); }).code(),
            ErrorCode::corrupt);
  // Nor does it take a gigabyte to say so of one that is as large as can be.
  const auto begin = std::chrono::steady_clock::now();
  expect_error(ErrorCode::corrupt, "[image] a: the PNG file ends too early", [] {
    decode_image(png_header(16384, 16384), "a");
  });
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(200));
  limits.max_side = 40;
  JpegFixture jpeg = jpeg_fixture(JpegColour::grey, 41, 2);
  EXPECT_EQ(error_of([&] { decode_image(make_jpeg(jpeg), "a", limits); }).code(),
            ErrorCode::unsupported);
  EXPECT_EQ(error_of([&] {
              decode_image(make_webp(smooth(41, 2, 3), 41, 2, 3, 100), "a", limits);
            }).code(),
            ErrorCode::unsupported);
}

TEST(ReadImage, DamagedChecksumIsAnError) {
  Bytes bytes = make_png(random_samples(20, 20, 8, 2, 1).fixture);
  bytes[60] ^= 0x10;  // inside the compressed pixels
  const Error error = error_of([&] { decode_image(bytes, "photo.png"); });
  EXPECT_EQ(error.code(), ErrorCode::corrupt);
  EXPECT_TRUE(error.message().starts_with("[image] photo.png: the PNG file is damaged ("))
      << error.message();
}

/// Every file that is cut short is one error; nothing of it is shown as a picture.
void expect_each_prefix_refused(const Bytes& bytes) {
  decode_image(bytes, "whole");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    // A copy of exactly that size lets the address sanitizer see a read beyond it.
    const Bytes prefix(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    const Error error = error_of([&] { decode_image(prefix, "photo"); });
    ASSERT_TRUE(error.message().starts_with("[image] photo: ")) << error.message();
    ASSERT_TRUE(error.code() == ErrorCode::corrupt ||
                (error.code() == ErrorCode::unsupported && size < 12))
        << size << " of " << bytes.size() << ": " << error.message();
  }
}

TEST(ReadImage, EveryTruncationOfAPngIsAnError) {
  Samples samples = random_samples(7, 6, 8, 6, 2);
  samples.fixture.exif = make_exif(6, true);
  expect_each_prefix_refused(make_png(samples.fixture));
  samples = random_samples(9, 7, 16, 2, 2);
  samples.fixture.interlaced = true;
  expect_each_prefix_refused(make_png(samples.fixture));
}

TEST(ReadImage, EveryTruncationOfAJpegIsAnError) {
  for (const bool progressive : {false, true}) {
    JpegFixture fixture = jpeg_fixture(JpegColour::ycc, 19, 17);
    fixture.progressive = progressive;
    fixture.quality = 60;
    fixture.exif = make_exif(6, false);
    expect_each_prefix_refused(make_jpeg(fixture));
  }
}

TEST(ReadImage, EveryTruncationOfAWebPIsAnError) {
  const auto pixels = smooth(19, 13, 4);
  expect_each_prefix_refused(make_webp(pixels, 19, 13, 4, 100));
  expect_each_prefix_refused(make_webp(pixels, 19, 13, 4, 70));
  expect_each_prefix_refused(make_webp(pixels, 19, 13, 4, 70, make_exif(3, false)));
}

/// Flips bits all over sound files: a picture or one error, never anything else.
TEST(ReadImage, RandomDamageIsSurvived) {
  std::vector<Bytes> files = {make_png(random_samples(12, 9, 8, 6, 2).fixture),
                              make_webp(smooth(16, 16, 4), 16, 16, 4, 80, make_exif(5, true))};
  for (const bool progressive : {false, true}) {
    JpegFixture fixture = jpeg_fixture(JpegColour::ycc, 20, 20);
    fixture.progressive = progressive;
    fixture.exif = make_exif(8, true);
    files.push_back(make_jpeg(fixture));
  }
  ImageLimits limits;
  limits.max_pixels = 1 << 16;
  Random random(77);
  for (const Bytes& file : files) {
    for (int round = 0; round < 2000; ++round) {
      Bytes damaged = file;
      for (int flips = 1 + random.below(4); flips > 0; --flips) {
        damaged[random.next() % damaged.size()] ^= static_cast<std::uint8_t>(1 << random.below(8));
      }
      try {
        const Image image = decode_image(damaged, "photo", limits);
        ASSERT_EQ(image.pixels.size(),
                  static_cast<std::size_t>(image.width * image.height * image.channels));
      } catch (const Error& error) {
        ASSERT_TRUE(error.message().starts_with("[image] photo: ")) << error.message();
      }
    }
  }
}

}  // namespace
}  // namespace sinter::io
