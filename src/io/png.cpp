// libpng reports errors with longjmp. The rule that keeps this defined: setjmp stands only in
// functions whose frames, down to libpng, hold nothing with a destructor; owners live in the
// callers.

#include <png.h>
#include <zlib.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <new>

#include "io/exif.h"
#include "io/image_codecs.h"

namespace sinter::io {
namespace {

/// State shared with libpng's callbacks.
struct PngState {
  std::span<const std::uint8_t> input;
  std::size_t offset = 0;
  Bytes* output = nullptr;
  bool ends_early = false;
  bool no_memory = false;
  char message[160] = {};
};

[[noreturn]] void on_error(png_structp png, png_const_charp message) {
  auto* state = static_cast<PngState*>(png_get_error_ptr(png));
  std::snprintf(state->message, sizeof(state->message), "%s", message);
  png_longjmp(png, 1);
}

void on_warning(png_structp, png_const_charp) {}

void on_read(png_structp png, png_bytep dst, std::size_t count) {
  auto* state = static_cast<PngState*>(png_get_io_ptr(png));
  if (count > state->input.size() - state->offset) {
    state->ends_early = true;
    png_error(png, "ends too early");
  }
  std::memcpy(dst, state->input.data() + state->offset, count);
  state->offset += count;
}

/// Appends without letting an exception into libpng.
bool append(Bytes& output, const std::uint8_t* data, std::size_t count) noexcept {
  try {
    output.insert(output.end(), data, data + count);
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

void on_write(png_structp png, png_bytep data, std::size_t count) {
  auto* state = static_cast<PngState*>(png_get_io_ptr(png));
  if (append(*state->output, data, count)) return;
  state->no_memory = true;
  png_error(png, "no memory");
}

void on_flush(png_structp) {}

class PngReader {
 public:
  explicit PngReader(std::span<const std::uint8_t> input) {
    state_.input = input;
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, &state_, on_error, on_warning);
    if (png_ != nullptr) info_ = png_create_info_struct(png_);
    if (info_ == nullptr) {
      png_destroy_read_struct(&png_, nullptr, nullptr);
      throw std::bad_alloc();
    }
  }
  ~PngReader() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;

  /// Reads up to the pixels and asks for 8-bit RGB or RGBA. False: see state().
  bool read_header() {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_set_read_fn(png_, &state_, on_read);
    png_read_info(png_, info_);
    stored_row_bytes_ = png_get_rowbytes(png_, info_);
    passes_ = png_set_interlace_handling(png_);
    png_set_expand(png_);    // palette and grey below 8 bits, tRNS to alpha
    png_set_scale_16(png_);  // round(v / 257)
    png_set_gray_to_rgb(png_);
    png_read_update_info(png_, info_);
    return true;
  }
  /// Rows follow one another at `pixels`.
  bool read_pixels(const ImageSource& source, std::uint8_t* pixels) {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    const std::size_t stride = png_get_rowbytes(png_, info_);
    const png_uint_32 rows = png_get_image_height(png_, info_);
    for (int pass = 0; pass < passes_; ++pass) {
      for (png_uint_32 y = 0; y < rows; ++y) {
        source.check_row(y);
        png_read_row(png_, pixels + y * stride, nullptr);
      }
    }
    png_read_end(png_, info_);
    return true;
  }
  std::int64_t width() const { return png_get_image_width(png_, info_); }
  std::int64_t height() const { return png_get_image_height(png_, info_); }
  int channels() const { return png_get_channels(png_, info_); }
  /// Of all rows as they are compressed.
  std::size_t stored_bytes() const { return stored_row_bytes_ * png_get_image_height(png_, info_); }
  /// After read_pixels(): the block may follow the pixels.
  int orientation() const {
    png_uint_32 size = 0;
    png_bytep exif = nullptr;
    if (png_get_eXIf_1(png_, info_, &size, &exif) == 0 || exif == nullptr) return 1;
    return exif_orientation({exif, size});
  }
  const PngState& state() const { return state_; }

 private:
  PngState state_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  std::size_t stored_row_bytes_ = 0;
  int passes_ = 1;
};

class PngWriter {
 public:
  explicit PngWriter(Bytes& output) {
    state_.output = &output;
    png_ = png_create_write_struct(PNG_LIBPNG_VER_STRING, &state_, on_error, on_warning);
    if (png_ != nullptr) info_ = png_create_info_struct(png_);
    if (info_ == nullptr) {
      png_destroy_write_struct(&png_, nullptr);
      throw std::bad_alloc();
    }
  }
  ~PngWriter() { png_destroy_write_struct(&png_, &info_); }
  PngWriter(const PngWriter&) = delete;
  PngWriter& operator=(const PngWriter&) = delete;

  bool write(const Image& image, int colour_type) {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_set_write_fn(png_, &state_, on_write, on_flush);
    png_set_IHDR(png_,
                 info_,
                 static_cast<png_uint_32>(image.width),
                 static_cast<png_uint_32>(image.height),
                 8,
                 colour_type,
                 PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    // Of smooth pictures, what Paeth's filter leaves repeats itself in runs alone: looking for more
    // takes four times as long, for files at most 7 % smaller (maps and textures of 2048 pixels).
    png_set_filter(png_, PNG_FILTER_TYPE_BASE, PNG_FILTER_PAETH);
    png_set_compression_strategy(png_, Z_RLE);
    png_write_info(png_, info_);
    for (int y = 0; y < image.height; ++y) png_write_row(png_, image.at(0, y));
    png_write_end(png_, nullptr);
    return true;
  }
  const PngState& state() const { return state_; }

 private:
  PngState state_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
};

}  // namespace

Image decode_png(const ImageSource& source) {
  PngReader reader(source.bytes);
  const auto refuse_state = [&] {
    if (reader.state().ends_early) source.refuse(ErrorCode::corrupt, "the PNG file ends too early");
    source.refuse(ErrorCode::corrupt, "the PNG file is damaged (", reader.state().message, ")");
  };
  if (!reader.read_header()) refuse_state();
  source.check_size(reader.width(), reader.height());
  // Deflate makes at most 1032 bytes of one: a few bytes that claim a gigabyte are cut short.
  if (reader.stored_bytes() / 1032 > source.bytes.size()) {
    source.refuse(ErrorCode::corrupt, "the PNG file ends too early");
  }
  Image image = source.allocate(reader.width(), reader.height(), reader.channels());
  SINTER_CHECK(image.channels == 3 || image.channels == 4,
               ErrorCode::internal,
               "[image] PNG: expected 3 or 4 channels, got ",
               image.channels);
  if (!reader.read_pixels(source, image.pixels.data())) refuse_state();
  return apply_orientation(std::move(image), reader.orientation());
}

Bytes encode_png(const Image& image) {
  const int colour_type = image.channels == 1   ? PNG_COLOR_TYPE_GRAY
                          : image.channels == 3 ? PNG_COLOR_TYPE_RGB
                                                : PNG_COLOR_TYPE_RGB_ALPHA;
  const auto bytes = static_cast<std::size_t>(image.width) *
                     static_cast<std::size_t>(image.height) *
                     static_cast<std::size_t>(image.channels);
  SINTER_CHECK(image.width > 0 && image.height > 0 && image.pixels.size() == bytes &&
                   (image.channels == 1 || image.channels == 3 || image.channels == 4),
               ErrorCode::invalid_argument,
               "[image] PNG: expected 1, 3 or 4 channels and at least one "
               "pixel, got ",
               image.width,
               " x ",
               image.height,
               " x ",
               image.channels);
  Bytes output;
  try {
    PngWriter writer(output);
    if (!writer.write(image, colour_type)) {
      fail(writer.state().no_memory ? ErrorCode::out_of_memory : ErrorCode::internal,
           "[image] PNG: not encoded (",
           writer.state().message,
           ")");
    }
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::out_of_memory, "[image] PNG: no memory to encode");
  }
  return output;
}

}  // namespace sinter::io
