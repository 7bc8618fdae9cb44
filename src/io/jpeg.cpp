// libjpeg reports errors through a callback that must not return. The rule that keeps the longjmp
// in it defined: setjmp stands only in functions whose frames, down to libjpeg, hold nothing with a
// destructor; owners live in the callers.

#include <csetjmp>
#include <cstddef>
#include <cstdio>
// note: jpeglib.h needs the two above before it
#include <jerror.h>
#include <jpeglib.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "io/exif.h"
#include "io/image_codecs.h"

namespace sinter::io {
namespace {

/// A progressive file of a few kilobytes can ask for thousands of passes over a huge picture.
constexpr int kMaxScans = 500;

struct JpegState {
  jpeg_error_mgr errors;  // first, so that its address is that of the state
  std::jmp_buf escape;
  bool ends_early = false;
  bool too_many_scans = false;
  bool no_memory = false;
  char message[JMSG_LENGTH_MAX] = {};
};

[[noreturn]] void on_error(j_common_ptr info) {
  auto* state = reinterpret_cast<JpegState*>(info->err);
  state->ends_early |= info->err->msg_code == JERR_INPUT_EOF ||
                       info->err->msg_code == JWRN_JPEG_EOF ||
                       info->err->msg_code == JERR_INPUT_EMPTY;
  state->no_memory |= info->err->msg_code == JERR_OUT_OF_MEMORY;
  info->err->format_message(info, state->message);
  std::longjmp(state->escape, 1);
}

/// libjpeg fills what it cannot decode with grey and calls that a warning. Cosmetic ones pass.
void on_message(j_common_ptr info, int level) {
  if (level >= 0) return;
  switch (info->err->msg_code) {
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_ADOBE_XFORM:
    case JWRN_JFIF_MAJOR:
    case JWRN_BOGUS_ICC:
    case JWRN_BOGUS_PROGRESSION:
    case JWRN_NOT_SEQUENTIAL:
      return;
    default:
      on_error(info);
  }
}

void on_output(j_common_ptr) {}

void on_progress(j_common_ptr info) {
  if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number <= kMaxScans) return;
  auto* state = reinterpret_cast<JpegState*>(info->err);
  state->too_many_scans = true;
  std::longjmp(state->escape, 1);
}

/// Multiplies one row of CMYK where 255 means no ink, as Adobe writes it, into RGB.
void rgb_from_inverted_cmyk(const std::uint8_t* cmyk, std::uint8_t* rgb, int width, bool inverted) {
  const int flip = inverted ? 0 : 255;
  for (int x = 0; x < width; ++x, cmyk += 4, rgb += 3) {
    for (int c = 0; c < 3; ++c) {
      rgb[c] = static_cast<std::uint8_t>(((cmyk[c] ^ flip) * (cmyk[3] ^ flip) + 127) / 255);
    }
  }
}

class JpegReader {
 public:
  explicit JpegReader(std::span<const std::uint8_t> input) : input_(input) {
    info_.err = jpeg_std_error(&state_.errors);
    state_.errors.error_exit = on_error;
    state_.errors.emit_message = on_message;
    state_.errors.output_message = on_output;
    progress_.progress_monitor = on_progress;
  }
  ~JpegReader() { jpeg_destroy_decompress(&info_); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  /// False: see state().
  bool read_header() {
    if (setjmp(state_.escape) != 0) return false;
    jpeg_create_decompress(&info_);
    info_.progress = &progress_;
    jpeg_mem_src(&info_, input_.data(), input_.size());
    jpeg_save_markers(&info_, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(&info_, TRUE);
    const bool ink = info_.jpeg_color_space == JCS_CMYK || info_.jpeg_color_space == JCS_YCCK;
    info_.out_color_space = ink ? JCS_CMYK : JCS_RGB;
    return true;
  }
  /// `row` holds one row of CMYK and is used for that only.
  bool read_pixels(const ImageSource& source, std::uint8_t* pixels, std::uint8_t* row) {
    if (setjmp(state_.escape) != 0) return false;
    jpeg_start_decompress(&info_);
    const std::size_t stride = std::size_t{info_.output_width} * 3;
    while (info_.output_scanline < info_.output_height) {
      source.check_row(info_.output_scanline);
      std::uint8_t* dst = pixels + stride * info_.output_scanline;
      JSAMPROW target = has_ink() ? row : dst;
      jpeg_read_scanlines(&info_, &target, 1);
      if (has_ink()) {
        rgb_from_inverted_cmyk(
            row, dst, static_cast<int>(info_.output_width), info_.saw_Adobe_marker != FALSE);
      }
    }
    jpeg_finish_decompress(&info_);
    return true;
  }
  std::int64_t width() const { return info_.image_width; }
  std::int64_t height() const { return info_.image_height; }
  bool has_ink() const { return info_.out_color_space == JCS_CMYK; }
  int orientation() const {
    static constexpr std::uint8_t kExif[] = {'E', 'x', 'i', 'f', 0, 0};
    for (jpeg_saved_marker_ptr marker = info_.marker_list; marker != nullptr;
         marker = marker->next) {
      const std::span<const std::uint8_t> data(marker->data, marker->data_length);
      if (data.size() >= sizeof(kExif) &&
          std::equal(std::begin(kExif), std::end(kExif), data.begin())) {
        return exif_orientation(data.subspan(sizeof(kExif)));
      }
    }
    return 1;
  }
  const JpegState& state() const { return state_; }

 private:
  JpegState state_;
  jpeg_progress_mgr progress_{};
  jpeg_decompress_struct info_{};
  std::span<const std::uint8_t> input_;
};

}  // namespace

Image decode_jpeg(const ImageSource& source) {
  JpegReader reader(source.bytes);
  const auto refuse_state = [&] {
    const JpegState& state = reader.state();
    if (state.no_memory) source.refuse(ErrorCode::out_of_memory, "no memory for the pixels");
    if (state.ends_early) source.refuse(ErrorCode::corrupt, "the JPEG file ends too early");
    if (state.too_many_scans) {
      source.refuse(ErrorCode::unsupported, "the JPEG file has more than ", kMaxScans, " scans");
    }
    source.refuse(ErrorCode::corrupt, "the JPEG file is damaged (", state.message, ")");
  };
  if (!reader.read_header()) refuse_state();
  Image image = source.allocate(reader.width(), reader.height(), 3);
  std::vector<std::uint8_t> row(reader.has_ink() ? static_cast<std::size_t>(image.width) * 4 : 0);
  // Taken first: finishing frees the markers.
  const int orientation = reader.orientation();
  if (!reader.read_pixels(source, image.pixels.data(), row.data())) refuse_state();
  return apply_orientation(std::move(image), orientation);
}

}  // namespace sinter::io
