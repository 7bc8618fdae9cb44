// TIFF through libtiff, which undoes the compression; what the samples mean is decided here,
// because libtiff's own conversion to RGBA multiplies alpha into the colours at 8 bits.

#include <tiffio.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "io/exif.h"
#include "io/image_codecs.h"
#include "io/tiff_pixels.h"

namespace sinter::io {
namespace {

/// One strip or tile, or one of libtiff's own tables; above the pixels of any picture within the
/// limits at 8 bits.
constexpr tmsize_t kMaxBlockBytes = tmsize_t{1} << 30;

/// What libtiff reads from, and what it says.
struct TiffState {
  std::span<const std::uint8_t> input;
  std::uint64_t offset = 0;
  bool strict = false;  ///< while pixels are read a warning is an error: they would be made up
  bool failed = false;
  char message[160] = {};
};

TiffState& state_of(thandle_t handle) {
  return *static_cast<TiffState*>(handle);
}

void keep_message(TiffState& state, const char* format, va_list arguments) {
  if (!state.failed) std::vsnprintf(state.message, sizeof(state.message), format, arguments);
  state.failed = true;
  for (char& c : state.message) {
    if (c != 0 && (c < ' ' || c > '~')) c = '?';
  }
}

int on_error(TIFF*, void* user, const char*, const char* format, va_list arguments) {
  keep_message(state_of(user), format, arguments);
  return 1;
}

int on_warning(TIFF*, void* user, const char*, const char* format, va_list arguments) {
  if (state_of(user).strict) keep_message(state_of(user), format, arguments);
  return 1;
}

tmsize_t on_read(thandle_t handle, void* dst, tmsize_t count) {
  TiffState& state = state_of(handle);
  if (count < 0 || state.offset > state.input.size()) return 0;
  const std::size_t left = state.input.size() - static_cast<std::size_t>(state.offset);
  const std::size_t given = std::min(left, static_cast<std::size_t>(count));
  if (given > 0) std::memcpy(dst, state.input.data() + state.offset, given);
  state.offset += given;
  return static_cast<tmsize_t>(given);
}

tmsize_t on_write(thandle_t, void*, tmsize_t) {
  return -1;
}

toff_t on_seek(thandle_t handle, toff_t offset, int whence) {
  TiffState& state = state_of(handle);
  if (whence == SEEK_CUR) offset += state.offset;
  if (whence == SEEK_END) offset += state.input.size();
  return state.offset = offset;
}

int on_close(thandle_t) {
  return 0;
}

toff_t on_size(thandle_t handle) {
  return state_of(handle).input.size();
}

struct Close {
  void operator()(TIFF* tiff) const { TIFFClose(tiff); }
};
struct FreeOptions {
  void operator()(TIFFOpenOptions* options) const { TIFFOpenOptionsFree(options); }
};

class TiffReader {
 public:
  explicit TiffReader(const ImageSource& source) : source_(source) {
    state_.input = source.bytes;
    const std::unique_ptr<TIFFOpenOptions, FreeOptions> options(TIFFOpenOptionsAlloc());
    if (!options) throw std::bad_alloc();
    TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), kMaxBlockBytes);
    TIFFOpenOptionsSetErrorHandlerExtR(options.get(), on_error, &state_);
    TIFFOpenOptionsSetWarningHandlerExtR(options.get(), on_warning, &state_);
    // m: read through the callbacks, never map.
    tiff_.reset(TIFFClientOpenExt("",
                                  "rm",
                                  &state_,
                                  on_read,
                                  on_write,
                                  on_seek,
                                  on_close,
                                  on_size,
                                  nullptr,
                                  nullptr,
                                  options.get()));
    if (!tiff_) refuse_damaged();
  }

  Image read() {
    read_size();
    const std::uint16_t orientation = tag(TIFFTAG_ORIENTATION, 1);
    const std::uint16_t photometric = read_photometric();
    // Colour spaces that libtiff alone knows how to convert; neither comes with alpha.
    const bool converted = photometric == PHOTOMETRIC_YCBCR || photometric == PHOTOMETRIC_CIELAB;
    Image image = converted ? read_converted() : read_samples(photometric);
    return apply_orientation(std::move(image), orientation);
  }

 private:
  [[noreturn]] void refuse_damaged() const {
    source_.refuse(ErrorCode::corrupt,
                   "the TIFF file is damaged or ends too early (",
                   state_.failed ? state_.message : "no further detail",
                   ")");
  }
  template <class... Parts>
  [[noreturn]] void refuse_form(const Parts&... parts) const {
    source_.refuse(ErrorCode::unsupported, "the TIFF file has ", parts...);
  }
  std::uint16_t tag(std::uint32_t name, std::uint16_t otherwise) const {
    std::uint16_t value = otherwise;
    return TIFFGetField(tiff_.get(), name, &value) == 1 ? value : otherwise;
  }
  void read_size() {
    std::uint32_t width = 0, height = 0;
    TIFFGetField(tiff_.get(), TIFFTAG_IMAGEWIDTH, &width);
    TIFFGetField(tiff_.get(), TIFFTAG_IMAGELENGTH, &height);
    source_.check_size(width, height);
    layout_.width = static_cast<int>(width);
    layout_.height = static_cast<int>(height);
    compression_ = tag(TIFFTAG_COMPRESSION, COMPRESSION_NONE);
    if (TIFFIsCODECConfigured(compression_) == 0 || compression_ == COMPRESSION_OJPEG) {
      refuse_form("compression ", compression_, ", which is not read");
    }
  }
  std::uint16_t read_photometric() {
    std::uint16_t photometric = 0;
    if (TIFFGetField(tiff_.get(), TIFFTAG_PHOTOMETRIC, &photometric) != 1) {
      source_.refuse(ErrorCode::corrupt, "the TIFF file does not say what its colours are");
    }
    if (photometric == PHOTOMETRIC_YCBCR && compression_ == COMPRESSION_JPEG) {
      TIFFSetField(tiff_.get(), TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
      return PHOTOMETRIC_RGB;
    }
    return photometric;
  }

  Image read_converted() {
    char why[1024] = {};
    if (TIFFRGBAImageOK(tiff_.get(), why) != 1) refuse_form("a form that is not read");
    const auto width = static_cast<std::uint32_t>(layout_.width);
    const auto height = static_cast<std::uint32_t>(layout_.height);
    check_length(1, 3);
    Image image = source_.allocate(width, height, 3);
    std::vector<std::uint32_t> raster(std::size_t{width} * height);
    // Rows as they are stored; turning the picture is ours.
    TIFFSetField(tiff_.get(), TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT);
    state_.strict = true;
    if (source_.poll) source_.poll();
    const int done = TIFFReadRGBAImageOriented(
        tiff_.get(), width, height, raster.data(), ORIENTATION_TOPLEFT, 1);
    if (done != 1 || state_.failed) refuse_damaged();
    for (std::size_t i = 0; i < raster.size(); ++i) {
      image.pixels[3 * i] = static_cast<std::uint8_t>(TIFFGetR(raster[i]));
      image.pixels[3 * i + 1] = static_cast<std::uint8_t>(TIFFGetG(raster[i]));
      image.pixels[3 * i + 2] = static_cast<std::uint8_t>(TIFFGetB(raster[i]));
    }
    return image;
  }

  void read_layout(std::uint16_t photometric) {
    switch (photometric) {
      case PHOTOMETRIC_MINISWHITE:
        layout_.colour = TiffColour::white_is_zero;
        break;
      case PHOTOMETRIC_MINISBLACK:
        layout_.colour = TiffColour::black_is_zero;
        break;
      case PHOTOMETRIC_RGB:
        layout_.colour = TiffColour::rgb;
        break;
      case PHOTOMETRIC_PALETTE:
        layout_.colour = TiffColour::palette;
        break;
      case PHOTOMETRIC_SEPARATED:
        layout_.colour = TiffColour::cmyk;
        break;
      default:
        refuse_form("colours of kind ", photometric, ", which are not read");
    }
    std::uint16_t value = 0;
    TIFFGetFieldDefaulted(tiff_.get(), TIFFTAG_BITSPERSAMPLE, &value);
    layout_.bits = value;
    TIFFGetFieldDefaulted(tiff_.get(), TIFFTAG_SAMPLESPERPIXEL, &value);
    layout_.samples = value;
    if (layout_.samples < layout_.colours() || layout_.samples > kMaxTiffSamples) {
      source_.refuse(ErrorCode::corrupt,
                     "the TIFF file has ",
                     layout_.samples,
                     " samples a pixel; expected ",
                     layout_.colours(),
                     "..",
                     kMaxTiffSamples);
    }
    if (layout_.colour == TiffColour::cmyk && tag(TIFFTAG_INKSET, INKSET_CMYK) != INKSET_CMYK) {
      refuse_form("inks other than cyan, magenta, yellow and black");
    }
    read_sample_kind();
    read_alpha();
    if (layout_.colour == TiffColour::palette) read_palette();
  }
  void read_sample_kind() {
    const int bits = layout_.bits;
    const std::uint16_t format = tag(TIFFTAG_SAMPLEFORMAT, SAMPLEFORMAT_UINT);
    const bool floating = format == SAMPLEFORMAT_IEEEFP;
    layout_.kind = floating ? TiffSample::floating : TiffSample::unsigned_integer;
    const bool read = floating ? bits == 16 || bits == 32 || bits == 64
                               : (format == SAMPLEFORMAT_UINT || format == SAMPLEFORMAT_VOID) &&
                                     ((bits >= 1 && bits <= 16) || bits == 32);
    const bool palette = layout_.colour == TiffColour::palette;
    if (!read || (palette && (floating || bits > 8))) {
      refuse_form("samples of ", bits, " bits in format ", format, ", which are not read");
    }
  }
  /// A fourth sample that nothing describes is alpha, as most writers mean it; one described as
  /// unspecified is not.
  void read_alpha() {
    if (layout_.samples == layout_.colours()) return;
    std::uint16_t count = 0;
    std::uint16_t* kinds = nullptr;
    const bool stated = TIFFGetField(tiff_.get(), TIFFTAG_EXTRASAMPLES, &count, &kinds) == 1;
    if (!stated || count == 0) {
      if (layout_.samples == layout_.colours() + 1) layout_.alpha = TiffAlpha::straight;
    } else if (kinds[0] == EXTRASAMPLE_ASSOCALPHA) {
      layout_.alpha = TiffAlpha::premultiplied;
    } else if (kinds[0] == EXTRASAMPLE_UNASSALPHA) {
      layout_.alpha = TiffAlpha::straight;
    }
  }
  /// Entries are 16 bits: writers store a level as v * 257 or as v * 256, and some as v. The high
  /// byte undoes both of the former; rounding would not.
  void read_palette() {
    std::uint16_t* planes[3] = {};
    if (TIFFGetField(tiff_.get(), TIFFTAG_COLORMAP, &planes[0], &planes[1], &planes[2]) != 1) {
      source_.refuse(ErrorCode::corrupt, "the TIFF file has no palette");
    }
    const std::size_t entries = std::size_t{1} << layout_.bits;
    bool deep = false;
    for (const std::uint16_t* plane : planes) {
      deep |= std::any_of(plane, plane + entries, [](std::uint16_t v) { return v > 255; });
    }
    for (std::size_t i = 0; i < entries; ++i) {
      for (const std::uint16_t* plane : planes) {
        const int value = plane[i];
        layout_.palette.push_back(static_cast<std::uint8_t>(deep ? value >> 8 : value));
      }
    }
  }

  /// Before the pixels are allocated: what these bytes can at most become. Deflate makes 1032 of
  /// one, LZW at most 2730 (4096 bytes from 12 bits), run lengths 64.
  void check_length(int bits, int samples) const {
    std::int64_t growth = 0;
    switch (compression_) {
      case COMPRESSION_NONE:
        growth = 1;
        break;
      case COMPRESSION_PACKBITS:
        growth = 64;
        break;
      case COMPRESSION_ADOBE_DEFLATE:
      case COMPRESSION_DEFLATE:
        growth = 1032;
        break;
      case COMPRESSION_LZW:
        growth = 2731;
        break;
      default:
        return;
    }
    const std::int64_t needed =
        (std::int64_t{layout_.width} * bits * samples + 7) / 8 * layout_.height;
    if (needed / growth > static_cast<std::int64_t>(source_.bytes.size())) {
      source_.refuse(ErrorCode::corrupt, "the TIFF file ends too early");
    }
  }

  Image read_samples(std::uint16_t photometric) {
    read_layout(photometric);
    check_length(layout_.bits, layout_.samples);
    Image image = source_.allocate(layout_.width, layout_.height, layout_.channels());
    state_.strict = true;
    const bool tiled = TIFFIsTiled(tiff_.get()) != 0;
    std::uint32_t block_width = static_cast<std::uint32_t>(layout_.width);
    std::uint32_t block_height = 0;
    if (tiled) {
      TIFFGetField(tiff_.get(), TIFFTAG_TILEWIDTH, &block_width);
      TIFFGetField(tiff_.get(), TIFFTAG_TILELENGTH, &block_height);
    } else {
      TIFFGetFieldDefaulted(tiff_.get(), TIFFTAG_ROWSPERSTRIP, &block_height);
      block_height = std::min(block_height, static_cast<std::uint32_t>(layout_.height));
    }
    const tmsize_t bytes = tiled ? TIFFTileSize(tiff_.get()) : TIFFStripSize(tiff_.get());
    const tmsize_t row = tiled ? TIFFTileRowSize(tiff_.get()) : TIFFScanlineSize(tiff_.get());
    planar_ = tag(TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG) == PLANARCONFIG_SEPARATE;
    const std::int64_t row_needed =
        (std::int64_t{block_width} * layout_.bits * (planar_ ? 1 : layout_.samples) + 7) / 8;
    if (block_width == 0 || block_height == 0 || bytes <= 0 || bytes > kMaxBlockBytes ||
        row < row_needed || bytes / row < static_cast<tmsize_t>(block_height)) {
      source_.refuse(ErrorCode::corrupt, "the TIFF file has strips or tiles of an impossible size");
    }
    row_bytes_ = static_cast<std::size_t>(row);
    const int used = layout_.colours() + (layout_.alpha == TiffAlpha::none ? 0 : 1);
    blocks_.assign(planar_ ? static_cast<std::size_t>(used) : 1,
                   std::vector<std::uint8_t>(static_cast<std::size_t>(bytes)));
    for (std::int64_t y = 0; y < layout_.height; y += block_height) {
      for (std::int64_t x = 0; x < layout_.width; x += block_width) {
        const int rows = static_cast<int>(std::min<std::int64_t>(block_height, layout_.height - y));
        const int columns =
            static_cast<int>(std::min<std::int64_t>(block_width, layout_.width - x));
        if (source_.poll) source_.poll();
        read_block(tiled, static_cast<std::uint32_t>(x), static_cast<std::uint32_t>(y), rows);
        convert_block(image, static_cast<int>(x), static_cast<int>(y), columns, rows, used);
      }
    }
    return image;
  }
  /// Decodes all planes of the block at a place.
  void read_block(bool tiled, std::uint32_t x, std::uint32_t y, int rows) {
    for (std::size_t plane = 0; plane < blocks_.size(); ++plane) {
      std::vector<std::uint8_t>& block = blocks_[plane];
      const auto sample = static_cast<std::uint16_t>(plane);
      const auto size =
          static_cast<tmsize_t>(tiled ? block.size() : row_bytes_ * static_cast<std::size_t>(rows));
      const tmsize_t got =
          tiled
              ? TIFFReadEncodedTile(
                    tiff_.get(), TIFFComputeTile(tiff_.get(), x, y, 0, sample), block.data(), size)
              : TIFFReadEncodedStrip(
                    tiff_.get(), TIFFComputeStrip(tiff_.get(), y, sample), block.data(), size);
      if (got < size || state_.failed) refuse_damaged();
    }
  }
  void convert_block(Image& image, int x, int y, int columns, int rows, int used) const {
    std::vector<TiffRow> samples(static_cast<std::size_t>(used));
    for (int r = 0; r < rows; ++r) {
      for (std::size_t i = 0; i < samples.size(); ++i) {
        const std::vector<std::uint8_t>& block = blocks_[planar_ ? i : 0];
        samples[i] = {.bytes = block.data() + row_bytes_ * static_cast<std::size_t>(r),
                      .stride = planar_ ? 1 : layout_.samples,
                      .offset = planar_ ? 0 : static_cast<int>(i)};
      }
      convert_tiff_row(layout_, samples, columns, image.at(x, y + r));
    }
  }

  const ImageSource& source_;
  TiffState state_;
  std::unique_ptr<TIFF, Close> tiff_;
  TiffLayout layout_;
  std::uint16_t compression_ = COMPRESSION_NONE;
  bool planar_ = false;
  std::size_t row_bytes_ = 0;
  std::vector<std::vector<std::uint8_t>> blocks_;
};

}  // namespace

Image decode_tiff(const ImageSource& source) {
  TiffReader reader(source);
  return reader.read();
}

}  // namespace sinter::io
