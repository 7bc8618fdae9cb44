// Written with the vector types of gcc and clang: the three channels of a pixel at once.

#include "texture/bake/inpaint.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>

#include "core/error.h"
#include "cpu/threads.h"
#include "texture/bake/in_turns.h"

namespace sinter::texture {
namespace {

#define SINTER_INLINE inline __attribute__((always_inline))

constexpr int kRadius = 3;
/// What is drawn on lies within the radius, and its slopes one further.
constexpr int kReach = kRadius + 1;
static_assert(kReach <= MarchGrid::kMargin);

/// By channel; the fourth is there for the registers.
using Channels = float __attribute__((vector_size(16)));
using Colours = std::uint32_t __attribute__((vector_size(16)));  ///< four, a byte a channel
using Bytes = std::uint8_t __attribute__((vector_size(16)));
using Halves = std::uint16_t __attribute__((vector_size(16)));
using Ints = std::int32_t __attribute__((vector_size(16)));

// gcc 12 converts bytes to numbers one by one unless it is spelled out.

/// Bytes of the first and of the last two colours.
SINTER_INLINE Halves first_two(Bytes b) {
  return reinterpret_cast<Halves>(
      __builtin_shufflevector(b, Bytes{}, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23));
}
SINTER_INLINE Halves last_two(Bytes b) {
  return reinterpret_cast<Halves>(__builtin_shufflevector(
      b, Bytes{}, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31));
}
SINTER_INLINE Channels first_half(Halves h) {
  return __builtin_convertvector(
      reinterpret_cast<Ints>(__builtin_shufflevector(h, Halves{}, 0, 8, 1, 9, 2, 10, 3, 11)),
      Channels);
}
SINTER_INLINE Channels last_half(Halves h) {
  return __builtin_convertvector(
      reinterpret_cast<Ints>(__builtin_shufflevector(h, Halves{}, 4, 12, 5, 13, 6, 14, 7, 15)),
      Channels);
}
SINTER_INLINE Bytes apart(Bytes a, Bytes b) {
  return (a > b ? a : b) - (a < b ? a : b);
}
SINTER_INLINE Channels magnitude(Channels v) {
  return v > -v ? v : -v;
}
SINTER_INLINE Channels root(Channels v) {
  Channels r;
  for (int i = 0; i < 4; ++i) r[i] = std::sqrt(v[i]);
  return r;
}

/// Steps to the pixels within the radius, rows from the top, and what stands by each.
struct Step {
  int dx, dy;
  float rows, columns;  ///< of the slopes, in what runs along the isophote
  float square, near;
};
constexpr std::size_t kSteps = 28;  // the pixel itself is not known yet
constexpr std::array<Step, kSteps> disc() {
  std::array<Step, kSteps> steps{};
  std::size_t n = 0;
  for (int dy = -kRadius; dy <= kRadius; ++dy) {
    for (int dx = -kRadius; dx <= kRadius; ++dx) {
      const int square = dx * dx + dy * dy;
      if (square == 0 || square > kRadius * kRadius) continue;
      steps[n++] = {dx,
                    dy,
                    -static_cast<float>(dx),
                    static_cast<float>(dy),
                    static_cast<float>(square),
                    1.0f / (static_cast<float>(square * square) + 1.0f)};
    }
  }
  return steps;
}
constexpr std::array<Step, kSteps> kDisc = disc();

/// By whether the neighbour after and before a pixel is known (bits 1 and 0), how often the
/// differences to them count: where one is not known the other stands for both.
constexpr Halves kShares[] = {
    {}, {0, 0, 0, 0, 2, 2, 2, 2}, {2, 2, 2, 2, 0, 0, 0, 0}, {1, 1, 1, 1, 1, 1, 1, 1}};

class Inpainting {
 public:
  Inpainting(Image& image, const MarchOrder& order, int threads)
      : image_(image), grid_(order.grid), turns_(order.turns.get()) {
    for (std::size_t k = 0; k < kSteps; ++k) {
      offsets_[k] = static_cast<std::uint32_t>(grid_.beside(0, kDisc[k].dx, kDisc[k].dy));
    }
    colours_ = std::make_unique_for_overwrite<std::uint32_t[]>(grid_.size());
    cpu::parallel_ranges(threads, grid_.height, [&](std::int64_t begin, std::int64_t end, int) {
      for (int y = static_cast<int>(begin); y < static_cast<int>(end); ++y) {
        for (int x = 0; x < grid_.width; ++x) colours_[grid_.at(x, y)] = packed(image_.at(x, y));
      }
    });
  }

  void fill(std::uint32_t at) {
    const int x = grid_.x(at), y = grid_.y(at);
    const bool inside =
        x >= kReach && x < grid_.width - kReach && y >= kReach && y < grid_.height - kReach;
    std::uint8_t* const pixel = image_.at(x, y);
    inside ? fill<true>(at, x, y, pixel) : fill<false>(at, x, y, pixel);
    colours_[at] = packed(pixel);
  }

 private:
  static std::uint32_t packed(const std::uint8_t* rgb) {
    return static_cast<std::uint32_t>(rgb[0] | rgb[1] << 8 | rgb[2] << 16);
  }
  std::uint32_t place(int x, int y) const {
    return grid_.at(std::clamp(x, 0, grid_.width - 1), std::clamp(y, 0, grid_.height - 1));
  }

  /// Where the differences of a pixel are taken.
  struct Cross {
    std::uint32_t above, middle, below;  ///< along the column
    std::uint32_t left, centre, right;   ///< along the row
  };
  template <bool kInside>
  SINTER_INLINE Cross cross(std::uint32_t at, int x, int y) const {
    const std::uint32_t stride = grid_.stride();
    if (kInside) return {at - stride, at, at + stride, at - 1, at, at + 1};
    // OpenCV moves the place by one at the picture's borders, in ways of its own for both.
    const int xl = x + (x == 0), xh = x - (x == grid_.width - 1);
    const int yl = y + (y == 0), yh = y - (y == grid_.height - 1);
    return {place(xl, yl - 1),
            place(xl, yh),
            place(xl, yh + 1),
            place(xl - 1, yl),
            place(xl, yl),
            place(xh + 1, yl)};
  }

  /// Beyond the picture pixels count as known here.
  template <bool kInside>
  SINTER_INLINE std::size_t known(std::uint32_t at, int x, int y, std::uint32_t turn) const {
    const bool beyond = !kInside && (x < 0 || x >= grid_.width || y < 0 || y >= grid_.height);
    return beyond || turns_[at] < turn;
  }

  /// Means of the known pixels around one.
  template <bool kInside>
  void fill(std::uint32_t at, int x, int y, std::uint8_t* pixel) const {
    const std::uint32_t turn = turns_[at], stride = grid_.stride();
    std::array<std::uint8_t, kSteps> taken;
    std::size_t count = 0;
    for (std::size_t k = 0; k < kSteps; ++k) {  // no branch: which are known is hard to foresee
      taken[count] = static_cast<std::uint8_t>(k);
      count += turns_[at + offsets_[k]] < turn;
    }
    const Channels zero{};
    Channels sum = zero, total = zero + 1e-20f;
    for (std::size_t i = 0; i < count; ++i) {
      const Step& step = kDisc[taken[i]];
      const std::uint32_t q = at + offsets_[taken[i]];
      const int qx = x + step.dx, qy = y + step.dy;
      const std::size_t v = 2 * known<kInside>(q + stride, qx, qy + 1, turn) +
                            known<kInside>(q - stride, qx, qy - 1, turn);
      const std::size_t h =
          2 * known<kInside>(q + 1, qx + 1, qy, turn) + known<kInside>(q - 1, qx - 1, qy, turn);
      const Cross c = cross<kInside>(q, qx, qy);
      const std::uint32_t level = colours_[q], middle = kInside ? level : colours_[c.middle];
      const std::uint32_t centre = kInside ? level : colours_[c.centre];
      const Colours ends = {colours_[c.below], middle, colours_[c.right], centre};
      const Colours starts = {middle, colours_[c.above], centre, colours_[c.left]};
      const Bytes steps = apart(reinterpret_cast<Bytes>(ends), reinterpret_cast<Bytes>(starts));
      const Halves down = first_two(steps) * kShares[v], across = last_two(steps) * kShares[h];
      const Halves slopes = __builtin_shufflevector(down, across, 0, 1, 2, 3, 8, 9, 10, 11) +
                            __builtin_shufflevector(down, across, 4, 5, 6, 7, 12, 13, 14, 15);
      const Channels rows = first_half(slopes), columns = last_half(slopes);
      Channels along = magnitude(step.rows * rows + step.columns * columns);
      along = along <= 0.01f ? zero + 0.000001f
                             : along / root(step.square * (rows * rows + columns * columns));
      const Channels weight = step.near * along;
      sum += weight * first_half(first_two(reinterpret_cast<Bytes>(Colours{level, 0, 0, 0})));
      total += weight;
    }
    for (int c = 0; c < 3; ++c) {
      const long value = std::lrint(static_cast<double>(sum[c]) / static_cast<double>(total[c]));
      pixel[c] = static_cast<std::uint8_t>(std::clamp(value, 0L, 255L));
    }
  }

  Image& image_;
  const MarchGrid grid_;
  const std::uint32_t* turns_;
  std::unique_ptr<std::uint32_t[]> colours_;
  std::array<std::uint32_t, kSteps> offsets_;
};

}  // namespace

std::int64_t inpaint_navier_stokes(Image& image, std::span<const Pixel> pixels, int threads) {
  SINTER_CHECK(image.channels == 3 && pixels.size() * 3 == image.pixels.size(),
               ErrorCode::invalid_argument,
               "[inpaint] picture: expected RGB and one state a pixel");
  SINTER_CHECK(pixels.size() < std::size_t{1} << 30,
               ErrorCode::invalid_argument,
               "[inpaint] picture: expected fewer than 2^30 pixels, got ",
               pixels.size());
  const MarchOrder order = march_order(pixels, image.width, image.height, threads);
  Inpainting inpainting(image, order, threads);
  InTurns(order, kReach, threads).run([&](std::uint32_t place) { inpainting.fill(place); });
  return order.unreached;
}

}  // namespace sinter::texture
