#include "io/picture_fixtures.h"

#include <cstddef>
#include <cstdio>
// note: jpeglib.h needs the two above before it
#include <jpeglib.h>
#include <png.h>
#include <webp/encode.h>

#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace sinter::io::test {
namespace {

void append_chunk(Bytes& bytes, const char* name, const Bytes& body) {
  bytes.insert(bytes.end(), name, name + 4);
  for (int shift = 0; shift < 32; shift += 8) {
    bytes.push_back(static_cast<std::uint8_t>(body.size() >> shift));
  }
  bytes.insert(bytes.end(), body.begin(), body.end());
  if (body.size() % 2 != 0) bytes.push_back(0);
}

}  // namespace

Bytes make_png(const PngFixture& fixture) {
  Bytes bytes;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  if (setjmp(png_jmpbuf(png)) != 0) std::abort();
  png_set_write_fn(
      png,
      &bytes,
      [](png_structp self, png_bytep data, std::size_t count) {
        auto* out = static_cast<Bytes*>(png_get_io_ptr(self));
        out->insert(out->end(), data, data + count);
      },
      [](png_structp) {});
  png_set_IHDR(png,
               info,
               static_cast<png_uint_32>(fixture.width),
               static_cast<png_uint_32>(fixture.height),
               fixture.bit_depth,
               fixture.colour_type,
               fixture.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  if (!fixture.palette.empty()) {
    std::vector<png_color> palette;
    for (const auto& [r, g, b] : fixture.palette) palette.push_back({r, g, b});
    png_set_PLTE(png, info, palette.data(), static_cast<int>(palette.size()));
  }
  if (!fixture.palette_alpha.empty()) {
    png_set_tRNS(png,
                 info,
                 fixture.palette_alpha.data(),
                 static_cast<int>(fixture.palette_alpha.size()),
                 nullptr);
  }
  if (!fixture.transparent_colour.empty()) {
    png_color_16 colour{};
    colour.gray = fixture.transparent_colour[0];
    if (fixture.transparent_colour.size() == 3) {
      colour.red = fixture.transparent_colour[0];
      colour.green = fixture.transparent_colour[1];
      colour.blue = fixture.transparent_colour[2];
    }
    png_set_tRNS(png, info, nullptr, 0, &colour);
  }
  if (!fixture.exif.empty()) {
    Bytes exif = fixture.exif;
    png_set_eXIf_1(png, info, static_cast<png_uint_32>(exif.size()), exif.data());
  }
  png_write_info(png, info);
  auto rows = fixture.rows;
  std::vector<png_bytep> pointers;
  for (auto& row : rows) pointers.push_back(row.data());
  png_write_image(png, pointers.data());
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return bytes;
}

Bytes make_jpeg(const JpegFixture& fixture) {
  jpeg_compress_struct jpeg{};
  jpeg_error_mgr errors;
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  unsigned char* data = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&jpeg, &data, &size);
  const bool ink = fixture.colour == JpegColour::cmyk || fixture.colour == JpegColour::ycck;
  jpeg.image_width = static_cast<JDIMENSION>(fixture.width);
  jpeg.image_height = static_cast<JDIMENSION>(fixture.height);
  jpeg.input_components = fixture.colour == JpegColour::grey ? 1 : ink ? 4 : 3;
  jpeg.in_color_space = fixture.colour == JpegColour::grey ? JCS_GRAYSCALE
                        : ink                              ? JCS_CMYK
                                                           : JCS_RGB;
  jpeg_set_defaults(&jpeg);
  if (fixture.colour == JpegColour::rgb) jpeg_set_colorspace(&jpeg, JCS_RGB);
  if (fixture.colour == JpegColour::cmyk) jpeg_set_colorspace(&jpeg, JCS_CMYK);
  if (fixture.colour == JpegColour::ycck) jpeg_set_colorspace(&jpeg, JCS_YCCK);
  if (ink) jpeg.write_Adobe_marker = fixture.adobe_marker ? TRUE : FALSE;
  jpeg_set_quality(&jpeg, fixture.quality, TRUE);
  for (int c = 0; c < jpeg.num_components; ++c) {
    jpeg.comp_info[c].h_samp_factor = 1;
    jpeg.comp_info[c].v_samp_factor = 1;
  }
  if (fixture.progressive) jpeg_simple_progression(&jpeg);
  jpeg.arith_code = fixture.arithmetic ? TRUE : FALSE;
  jpeg.restart_in_rows = fixture.restart_rows;
  jpeg_start_compress(&jpeg, TRUE);
  if (!fixture.exif.empty()) {
    Bytes marker = {'E', 'x', 'i', 'f', 0, 0};
    marker.insert(marker.end(), fixture.exif.begin(), fixture.exif.end());
    jpeg_write_marker(&jpeg, JPEG_APP0 + 1, marker.data(), static_cast<unsigned>(marker.size()));
  }
  const std::size_t stride =
      static_cast<std::size_t>(fixture.width) * static_cast<std::size_t>(jpeg.input_components);
  while (jpeg.next_scanline < jpeg.image_height) {
    JSAMPROW row = const_cast<JSAMPROW>(fixture.pixels.data() + stride * jpeg.next_scanline);
    jpeg_write_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  Bytes bytes(data, data + size);
  std::free(data);
  return bytes;
}

Bytes make_webp(const std::vector<std::uint8_t>& pixels,
                int width,
                int height,
                int channels,
                int quality,
                const Bytes& exif) {
  std::uint8_t* data = nullptr;
  std::size_t size = 0;
  const int stride = width * channels;
  if (quality == 100) {
    const auto encode = channels == 4 ? WebPEncodeLosslessRGBA : WebPEncodeLosslessRGB;
    size = encode(pixels.data(), width, height, stride, &data);
  } else {
    const auto encode = channels == 4 ? WebPEncodeRGBA : WebPEncodeRGB;
    size = encode(pixels.data(), width, height, stride, static_cast<float>(quality), &data);
  }
  if (size == 0) throw std::runtime_error("WebP encoder failed");
  Bytes bytes(data, data + size);
  WebPFree(data);
  if (exif.empty()) return bytes;
  // RIFF, VP8X (flags: EXIF 8, alpha 16), the picture's own chunks, EXIF.
  Bytes header(10, 0);
  header[0] = static_cast<std::uint8_t>(8 | (channels == 4 ? 16 : 0));
  for (int i = 0; i < 3; ++i) {
    header[static_cast<std::size_t>(4 + i)] = static_cast<std::uint8_t>((width - 1) >> (8 * i));
    header[static_cast<std::size_t>(7 + i)] = static_cast<std::uint8_t>((height - 1) >> (8 * i));
  }
  Bytes body = {'W', 'E', 'B', 'P'};
  append_chunk(body, "VP8X", header);
  body.insert(body.end(), bytes.begin() + 12, bytes.end());
  append_chunk(body, "EXIF", exif);
  Bytes extended;
  append_chunk(extended, "RIFF", body);
  return extended;
}

Bytes make_exif(int orientation, bool big_endian) {
  Bytes exif;
  const auto add = [&](std::uint32_t value, int count) {
    for (int i = 0; i < count; ++i) {
      const int shift = 8 * (big_endian ? count - 1 - i : i);
      exif.push_back(static_cast<std::uint8_t>(value >> shift));
    }
  };
  exif = big_endian ? Bytes{'M', 'M'} : Bytes{'I', 'I'};
  add(42, 2);
  add(8, 4);
  add(2, 2);       // entries
  add(0x010f, 2);  // make: an ASCII of four bytes, to be stepped over
  add(2, 2);
  add(4, 4);
  add(0x41424300, 4);
  add(0x0112, 2);
  add(3, 2);
  add(1, 4);
  add(static_cast<std::uint32_t>(orientation), 2);
  add(0, 2);
  add(0, 4);
  return exif;
}

}  // namespace sinter::io::test
