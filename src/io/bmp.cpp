// BMP. Debian has no library for it that loads without a hundred others, and the format is small.

#include <algorithm>
#include <vector>

#include "io/bmp_header.h"

namespace sinter::io {
namespace {

/// The palette index of every pixel, row after row from the bottom, as run-length coding writes
/// them.
class RunLengthReader {
 public:
  RunLengthReader(const ImageSource& source, const BmpHeader& header)
      : source_(source), header_(header), offset_(header.pixels) {}

  /// Pixels that the file steps over are 0.
  std::vector<std::uint8_t> read() {
    indices_.resize(static_cast<std::size_t>(header_.width * header_.height));
    for (;;) {
      const int count = next();
      const int value = next();
      if (count > 0) {
        run(count, value);
      } else if (value == kEndOfPicture) {
        return std::move(indices_);
      } else if (value == kEndOfLine) {
        x_ = 0;
        ++y_;
      } else if (value == kStep) {
        x_ += next();
        y_ += next();
      } else {
        literal(value);
      }
    }
  }

 private:
  static constexpr int kEndOfLine = 0, kEndOfPicture = 1, kStep = 2;

  int next() {
    if (offset_ >= source_.bytes.size()) {
      source_.refuse(ErrorCode::corrupt, "the BMP file ends too early");
    }
    return source_.bytes[offset_++];
  }
  void put(int index) {
    if (x_ >= header_.width || y_ >= header_.height) {
      source_.refuse(ErrorCode::corrupt, "the BMP file is damaged (a run leaves the picture)");
    }
    indices_[static_cast<std::size_t>(y_ * header_.width + x_++)] =
        static_cast<std::uint8_t>(index);
  }
  /// Four bits: the two halves of the byte take turns.
  void run(int count, int value) {
    for (int i = 0; i < count; ++i) {
      put(header_.bits == 8 ? value : i % 2 == 0 ? value >> 4 : value & 15);
    }
  }
  /// Padded to an even number of bytes.
  void literal(int count) {
    const std::size_t begin = offset_;
    int value = 0;
    for (int i = 0; i < count; ++i) {
      if (header_.bits == 8 || i % 2 == 0) value = next();
      put(header_.bits == 8 ? value : i % 2 == 0 ? value >> 4 : value & 15);
    }
    if ((offset_ - begin) % 2 != 0) next();
  }

  const ImageSource& source_;
  const BmpHeader& header_;
  std::size_t offset_;
  std::int64_t x_ = 0, y_ = 0;
  std::vector<std::uint8_t> indices_;
};

std::uint32_t little_endian(const std::uint8_t* bytes, int count) {
  std::uint32_t value = 0;
  for (int i = count; i-- > 0;) value = value << 8 | bytes[i];
  return value;
}

void decode_pixel(const BmpHeader& header, const std::uint8_t* row, int x, std::uint8_t* dst) {
  if (header.bits <= 8) {
    const int per_byte = 8 / header.bits;
    const int shift = 8 - header.bits * (x % per_byte + 1);
    const auto index =
        static_cast<std::size_t>(row[x / per_byte] >> shift & ((1 << header.bits) - 1));
    std::copy_n(header.palette[index].data(), 3, dst);
  } else if (header.bits == 24) {
    for (int c = 0; c < 3; ++c) dst[c] = row[3 * x + 2 - c];
  } else {
    const int bytes = header.bits / 8;
    const std::uint32_t pixel = little_endian(row + bytes * x, bytes);
    const std::size_t channels = header.has_alpha() ? 4 : 3;
    for (std::size_t c = 0; c < channels; ++c) dst[c] = header.fields[c].level(pixel);
  }
}

void decode_plain(const ImageSource& source, const BmpHeader& header, Image& image) {
  const auto row_bytes = static_cast<std::size_t>((header.width * header.bits + 31) / 32 * 4);
  for (int y = 0; y < image.height; ++y) {
    source.check_row(y);
    const auto stored = static_cast<std::size_t>(header.top_down ? y : image.height - 1 - y);
    const std::uint8_t* row = source.bytes.data() + header.pixels + stored * row_bytes;
    for (int x = 0; x < image.width; ++x) decode_pixel(header, row, x, image.at(x, y));
  }
}

void decode_run_length(const ImageSource& source, const BmpHeader& header, Image& image) {
  const std::vector<std::uint8_t> indices = RunLengthReader(source, header).read();
  const std::uint8_t* index = indices.data();
  for (int y = image.height - 1; y >= 0; --y) {
    source.check_row(image.height - 1 - y);
    for (int x = 0; x < image.width; ++x) {
      std::copy_n(header.palette[*index++].data(), 3, image.at(x, y));
    }
  }
}

/// Checked before the pixels are allocated, so that a few bytes cannot claim a gigabyte.
void check_length(const ImageSource& source, const BmpHeader& header) {
  const std::size_t size = source.bytes.size();
  const std::size_t available = header.pixels < size ? size - header.pixels : 0;
  // Two bytes make at most 255 pixels.
  const std::int64_t needed = header.run_length
                                  ? header.width * header.height / 255 * 2
                                  : (header.width * header.bits + 31) / 32 * 4 * header.height;
  if (needed > static_cast<std::int64_t>(available)) {
    source.refuse(ErrorCode::corrupt, "the BMP file ends too early");
  }
}

/// Writers that do not know of alpha leave it zero everywhere; such a picture is meant to be seen.
void drop_empty_alpha(Image& image) {
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      if (image.at(x, y)[3] != 0) return;
    }
  }
  for (std::size_t i = 3; i < image.pixels.size(); i += 4) image.pixels[i] = 255;
}

}  // namespace

Image decode_bmp(const ImageSource& source) {
  const BmpHeader header = read_bmp_header(source);
  source.check_size(header.width, header.height);
  check_length(source, header);
  Image image = source.allocate(header.width, header.height, header.has_alpha() ? 4 : 3);
  if (header.run_length) {
    decode_run_length(source, header, image);
  } else {
    decode_plain(source, header, image);
  }
  if (header.has_alpha()) drop_empty_alpha(image);
  return image;
}

}  // namespace sinter::io
