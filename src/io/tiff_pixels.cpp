#include "io/tiff_pixels.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

namespace sinter::io {
namespace {

template <class Value>
Value load(const std::uint8_t* bytes) {
  Value value;
  std::memcpy(&value, bytes, sizeof(value));
  return value;
}

/// IEEE half precision to float; source: IEEE 754-2008, binary16.
float half(std::uint16_t bits) {
  const float sign = bits & 0x8000 ? -1.0f : 1.0f;
  const int exponent = bits >> 10 & 31;
  const auto mantissa = static_cast<float>(bits & 0x3ff);
  if (exponent == 31) return mantissa == 0 ? sign * INFINITY : NAN;
  if (exponent == 0) return sign * std::ldexp(mantissa, -24);
  return sign * std::ldexp(mantissa + 1024, exponent - 25);
}

/// The sample at an index of a row as stored, not scaled.
std::uint32_t integer_sample(const std::uint8_t* row, int bits, std::int64_t index) {
  if (bits == 8) return row[index];
  if (bits == 16) return load<std::uint16_t>(row + 2 * index);
  if (bits == 32) return load<std::uint32_t>(row + 4 * index);
  std::uint32_t value = 0;
  for (std::int64_t bit = index * bits, end = bit + bits; bit < end; ++bit) {
    value = value << 1 | (row[bit / 8] >> (7 - bit % 8) & 1);
  }
  return value;
}

double float_sample(const std::uint8_t* row, int bits, std::int64_t index) {
  const double value = bits == 16   ? half(load<std::uint16_t>(row + 2 * index))
                       : bits == 32 ? load<float>(row + 4 * index)
                                    : load<double>(row + 8 * index);
  return value > 0 ? std::min(value, 1.0) : 0.0;  // NaN compares false
}

/// The sample as a share of full scale, 0..1.
double sample(const TiffLayout& layout, const TiffRow& row, int x) {
  const std::int64_t index = std::int64_t{x} * row.stride + row.offset;
  if (layout.kind == TiffSample::floating) return float_sample(row.bytes, layout.bits, index);
  const double most = std::ldexp(1.0, layout.bits) - 1;
  return integer_sample(row.bytes, layout.bits, index) / most;
}

std::uint8_t level(double share) {
  return static_cast<std::uint8_t>(std::lround(std::clamp(share, 0.0, 1.0) * 255));
}

/// RGB as shares of full scale.
std::array<double, 3> colour(const TiffLayout& layout, const std::vector<TiffRow>& rows, int x) {
  const double first = sample(layout, rows[0], x);
  switch (layout.colour) {
    case TiffColour::white_is_zero:
      return {1 - first, 1 - first, 1 - first};
    case TiffColour::black_is_zero:
      return {first, first, first};
    case TiffColour::cmyk: {
      const double light = 1 - sample(layout, rows[3], x);
      return {(1 - first) * light,
              (1 - sample(layout, rows[1], x)) * light,
              (1 - sample(layout, rows[2], x)) * light};
    }
    default:
      return {first, sample(layout, rows[1], x), sample(layout, rows[2], x)};
  }
}

}  // namespace

void convert_tiff_row(const TiffLayout& layout,
                      const std::vector<TiffRow>& rows,
                      int count,
                      std::uint8_t* dst) {
  const int channels = layout.channels();
  for (int x = 0; x < count; ++x, dst += channels) {
    const double alpha = layout.alpha == TiffAlpha::none ? 1.0 : sample(layout, rows.back(), x);
    if (channels == 4) dst[3] = level(alpha);
    if (layout.colour == TiffColour::palette) {
      const std::int64_t index = std::int64_t{x} * rows[0].stride + rows[0].offset;
      const std::uint32_t entry = integer_sample(rows[0].bytes, layout.bits, index);
      std::copy_n(layout.palette.data() + std::size_t{entry} * 3, 3, dst);
      continue;
    }
    const double scale = layout.alpha == TiffAlpha::premultiplied && alpha > 0 ? 1 / alpha : 1.0;
    const std::array<double, 3> rgb = colour(layout, rows, x);
    for (std::size_t c = 0; c < 3; ++c) dst[c] = level(rgb[c] * scale);
  }
}

}  // namespace sinter::io
