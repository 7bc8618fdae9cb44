// Pictures by writers that are not sinter's: tools/make_picture_fixtures.py wrote them and what
// they hold.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <fstream>

#include "io/image_file.h"
#include "io/test_util.h"

namespace sinter::io {
namespace {

using test::error_of;
using test::expect_error;
using test::Random;

const std::filesystem::path kFolder =
    std::filesystem::path(SINTER_SOURCE_DIR) / "tests/io/data/pictures";

struct Fixture {
  std::string file, expected;
  int tolerance = 0;
};

std::vector<Fixture> manifest() {
  std::ifstream in(kFolder / "manifest.txt");
  std::vector<Fixture> fixtures;
  for (Fixture f; in >> f.file >> f.expected >> f.tolerance;) fixtures.push_back(f);
  return fixtures;
}

Bytes fixture_bytes(const std::string& name) {
  return read_file(kFolder / name, "image", 1 << 20);
}

bool is_new_format(const std::string& file) {
  return file.ends_with(".bmp") || file.ends_with(".tif");
}

TEST(PictureFiles, HoldWhatTheirWritersPutIn) {
  const auto fixtures = manifest();
  ASSERT_GE(fixtures.size(), 60u);
  for (const Fixture& fixture : fixtures) {
    SCOPED_TRACE(fixture.file);
    const Image image = read_image(kFolder / fixture.file);
    const Image expected = read_image(kFolder / "expected" / (fixture.expected + ".png"));
    ASSERT_EQ(image.width, expected.width);
    ASSERT_EQ(image.height, expected.height);
    ASSERT_EQ(image.channels, expected.channels);
    int worst = 0;
    for (std::size_t i = 0; i < image.pixels.size(); ++i) {
      worst = std::max(worst, std::abs(image.pixels[i] - expected.pixels[i]));
    }
    EXPECT_LE(worst, fixture.tolerance);
  }
}

TEST(PictureFiles, ReadingStopsWhereAsked) {
  int stopped = 0;
  for (const Fixture& fixture : manifest()) {
    SCOPED_TRACE(fixture.file);
    if (!is_new_format(fixture.file) && !fixture.file.ends_with(".png") &&
        !fixture.file.ends_with(".jpg")) {
      continue;
    }
    struct Stop {};
    EXPECT_THROW(read_image(kFolder / fixture.file, {}, [] { throw Stop(); }), Stop);
    ++stopped;
  }
  EXPECT_GE(stopped, 40);
}

/// A picture that is cut short is refused, or nothing of it was missing.
TEST(PictureFiles, EveryTruncationOfABmpOrTiffIsAnErrorOrLosesNothing) {
  for (const Fixture& fixture : manifest()) {
    if (!is_new_format(fixture.file)) continue;
    SCOPED_TRACE(fixture.file);
    const Bytes bytes = fixture_bytes(fixture.file);
    const Image whole = decode_image(bytes, "whole");
    // All of a header; of long pixels a sample of places.
    const std::size_t step = bytes.size() > 2000 ? 7 : 1;
    std::size_t accepted = 0;
    for (std::size_t size = 0; size < bytes.size(); size += size < 400 ? 1 : step) {
      // A copy of exactly that size lets the address sanitizer see a read beyond it.
      const Bytes prefix(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
      try {
        const Image image = decode_image(prefix, "photo");
        ASSERT_EQ(image.pixels, whole.pixels) << size << " of " << bytes.size();
        ++accepted;
      } catch (const Error& error) {
        ASSERT_TRUE(error.message().starts_with("[image] photo: ")) << error.message();
        ASSERT_TRUE(error.code() == ErrorCode::corrupt ||
                    (error.code() == ErrorCode::unsupported && size < 4))
            << size << " of " << bytes.size() << ": " << error.message();
      }
    }
    // Padding, later pages, and what a compressor writes after its last pixel.
    EXPECT_LE(accepted, fixture.file == "pages.tif" ? bytes.size() : 24) << accepted;
  }
}

TEST(PictureFiles, RandomDamageIsSurvived) {
  ImageLimits limits;
  limits.max_pixels = 1 << 16;
  Random random(78);
  for (const Fixture& fixture : manifest()) {
    if (!is_new_format(fixture.file)) continue;
    const Bytes bytes = fixture_bytes(fixture.file);
    for (int round = 0; round < 150; ++round) {
      Bytes damaged = bytes;
      for (int flips = 1 + random.below(3); flips > 0; --flips) {
        // Most of the flips where the structure is.
        const std::size_t place =
            random.next() %
            (round % 2 == 0 ? std::min<std::size_t>(bytes.size(), 160) : bytes.size());
        damaged[place] ^= static_cast<std::uint8_t>(1 << random.below(8));
      }
      try {
        const Image image = decode_image(damaged, "photo", limits);
        ASSERT_EQ(image.pixels.size(),
                  static_cast<std::size_t>(image.width * image.height * image.channels));
      } catch (const Error& error) {
        ASSERT_TRUE(error.message().starts_with("[image] photo: ")) << error.message();
        ASSERT_EQ(error.message().find('\n'), std::string::npos);
        ASSERT_NE(error.code(), ErrorCode::internal) << error.message();
      }
    }
  }
}

/// Overwrites a little-endian integer.
void put(Bytes& bytes, std::size_t offset, std::uint32_t value, int count = 4) {
  for (int i = 0; i < count; ++i) {
    bytes[offset + static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(value >> (8 * i));
  }
}

/// Where the value of a SHORT or LONG entry of the first directory stands.
std::size_t tiff_value(const Bytes& bytes, std::uint32_t tag) {
  const auto u = [&](std::size_t at, int count) {
    std::uint32_t value = 0;
    for (int i = count; i-- > 0;) value = value << 8 | bytes[at + static_cast<std::size_t>(i)];
    return value;
  };
  const std::size_t directory = u(4, 4);
  for (std::uint32_t i = 0; i < u(directory, 2); ++i) {
    const std::size_t entry = directory + 2 + std::size_t{i} * 12;
    if (u(entry, 2) == tag) return entry + 8;
  }
  ADD_FAILURE() << "no tag " << tag;
  return 0;
}

TEST(PictureFiles, RefusesHugeClaimsOfSmallFiles) {
  const auto refused = [](const Bytes& bytes, ErrorCode code, const std::string& message) {
    const auto begin = std::chrono::steady_clock::now();
    expect_error(code, "[image] big: " + message, [&] { decode_image(bytes, "big"); });
    // Generous for a sanitizer build; a gigabyte of pixels would take longer.
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(500));
  };
  const std::string limit =
      " pixels are too many; expected at most 16384 a side and 268435456 in all";
  Bytes bmp = fixture_bytes("pillow_24.bmp");
  put(bmp, 18, 0x7fffffff);
  put(bmp, 22, 0x80000000);
  refused(bmp, ErrorCode::unsupported, "2147483647 x 2147483648" + limit);
  put(bmp, 18, 16384);
  put(bmp, 22, 16384);
  refused(bmp, ErrorCode::corrupt, "the BMP file ends too early");
  put(bmp, 18, static_cast<std::uint32_t>(-5));
  refused(bmp, ErrorCode::corrupt, "has no pixels (-5 x 16384)");
  bmp = fixture_bytes("rle8.bmp");
  put(bmp, 18, 16384);
  put(bmp, 22, 16384);
  refused(bmp, ErrorCode::corrupt, "the BMP file ends too early");

  for (const char* file : {"pillow_raw.tif", "pillow_packbits.tif", "pillow_tiff_lzw.tif"}) {
    SCOPED_TRACE(file);
    Bytes tiff = fixture_bytes(file);
    for (const std::uint32_t tag : {256u, 257u}) {
      put(tiff, tiff_value(tiff, tag) - 6, 4, 2);  // a LONG
      put(tiff, tiff_value(tiff, tag), 100000);
    }
    // One strip, as before: libtiff compares their number with the height.
    put(tiff, tiff_value(tiff, 278) - 6, 4, 2);
    put(tiff, tiff_value(tiff, 278), 0x7fffffff);
    refused(tiff, ErrorCode::unsupported, "100000 x 100000" + limit);
    for (const std::uint32_t tag : {256u, 257u}) put(tiff, tiff_value(tiff, tag), 0x7fffffff);
    // libtiff itself cannot count so far.
    refused(
        tiff, ErrorCode::corrupt, "the TIFF file is damaged or ends too early (Integer overflow)");
    for (const std::uint32_t tag : {256u, 257u}) put(tiff, tiff_value(tiff, tag), 16384);
    refused(tiff, ErrorCode::corrupt, "the TIFF file ends too early");
  }
}

TEST(PictureFiles, RefusalsOfBmpAndTiffSayWhy) {
  const auto refused = [](const Bytes& bytes, ErrorCode code, const std::string& message) {
    expect_error(code, "[image] a: " + message, [&] { decode_image(bytes, "a"); });
  };
  Bytes bmp = fixture_bytes("pillow_24.bmp");
  put(bmp, 28, 5, 2);
  refused(bmp,
          ErrorCode::corrupt,
          "the BMP file has 5 bits a pixel; expected 1, 2, 4, 8, 16, 24 or 32");
  bmp = fixture_bytes("pillow_24.bmp");
  put(bmp, 30, 4);
  refused(bmp,
          ErrorCode::unsupported,
          "the BMP file has compression 4 at 24 bits a pixel, which is not read");
  bmp = fixture_bytes("pillow_24.bmp");
  put(bmp, 14, 41);
  refused(bmp,
          ErrorCode::unsupported,
          "the BMP file has a header of 41 bytes; expected 12, 16, 40, 52, 56, 64, 108 or 124");
  bmp = fixture_bytes("fields565.bmp");
  put(bmp, 54, 0x9000);
  refused(bmp, ErrorCode::unsupported, "the BMP file has a colour mask with gaps or above 16 bits");
  bmp = fixture_bytes("rle8.bmp");
  bmp[bmp.size() - 4] = 255;  // the last line's end becomes a run
  EXPECT_EQ(error_of([&] { decode_image(bmp, "a"); }).message(),
            "[image] a: the BMP file is damaged (a run leaves the picture)");
  Bytes tiff = fixture_bytes("pillow_raw.tif");
  put(tiff, tiff_value(tiff, 262), 4, 2);
  refused(tiff, ErrorCode::unsupported, "the TIFF file has colours of kind 4, which are not read");
  tiff = fixture_bytes("pillow_raw.tif");
  put(tiff, tiff_value(tiff, 259), 6, 2);
  refused(tiff, ErrorCode::unsupported, "the TIFF file has compression 6, which is not read");
}

}  // namespace
}  // namespace sinter::io
