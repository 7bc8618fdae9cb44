#include "matting/cut_out.h"

#include <algorithm>
#include <cstdint>
#include <new>
#include <utility>

#include "core/error.h"
#include "matting/built_in.h"
#include "matting/network.h"

namespace sinter::matting {
namespace {

constexpr double kLeastSubject = 0.002;
constexpr double kMostSubject = 0.995;
constexpr std::size_t kPixelsBetweenPolls = std::size_t{1} << 18;

/// Pillow's blend of two levels: round((a (255 - mask) + b mask) / 255).
std::uint8_t blend(int a, int b, int mask) {
  const int sum = a * (255 - mask) + b * mask + 128;
  return static_cast<std::uint8_t>(((sum >> 8) + sum) >> 8);
}

bool is_invisible(const Image& image) {
  if (image.channels != 4) return false;
  for (std::size_t i = 3; i < image.pixels.size(); i += 4) {
    if (image.pixels[i] != 0) return false;
  }
  return true;
}

[[noreturn]] void refuse(std::string_view name, const char* what) {
  fail(ErrorCode::invalid_argument,
       "[matte] ",
       name,
       ": ",
       what,
       "; expected one before a background (give a cut-out with transparency, a network with "
       "--matting-model, or --remove-background off to use the picture whole)");
}

void check_share(const Image& matte, std::string_view name) {
  const auto subject = std::count_if(
      matte.pixels.begin(), matte.pixels.end(), [](std::uint8_t a) { return a >= 128; });
  const double share = static_cast<double>(subject) / static_cast<double>(matte.pixels.size());
  if (share < kLeastSubject) refuse(name, "no subject stands out");
  if (share > kMostSubject) refuse(name, "the subject fills the picture");
}

}  // namespace

bool has_useful_alpha(const Image& image) {
  if (image.channels != 4) return false;
  std::size_t clear = 0;
  for (std::size_t i = 3; i < image.pixels.size(); i += 4) clear += image.pixels[i] < 128 ? 1 : 0;
  return clear * 1000 >= image.pixels.size() / 4;
}

Image apply_matte(const Image& image, const Image& matte, const std::function<void()>& poll) {
  SINTER_CHECK(image.width == matte.width && image.height == matte.height && matte.channels == 1,
               ErrorCode::internal,
               "[matte] expected a matte of the picture's size");
  Image result(image.width, image.height, 4);
  for (std::size_t i = 0; i < matte.pixels.size(); ++i) {
    if (poll && i % kPixelsBetweenPolls == 0) poll();
    const std::uint8_t* from = image.pixels.data() + i * static_cast<std::size_t>(image.channels);
    std::uint8_t* to = result.pixels.data() + 4 * i;
    const int a = matte.pixels[i];
    const int alpha = blend(0, image.channels == 4 ? from[3] : 255, a);
    for (int c = 0; c < 3; ++c) to[c] = blend(255, blend(0, from[c], a), alpha);
    to[3] = blend(0, alpha, alpha);
  }
  return result;
}

Image with_alpha(Image image) {
  if (image.channels == 4) return image;
  Image result(image.width, image.height, 4);
  for (std::size_t i = 0; i < image.pixels.size() / 3; ++i) {
    std::copy_n(image.pixels.data() + 3 * i, 3, result.pixels.data() + 4 * i);
    result.pixels[4 * i + 3] = 255;
  }
  return result;
}

Image matte_of(const CutOut& cut_out) {
  if (cut_out.matte) return *cut_out.matte;
  const Image& picture = cut_out.picture;
  Image matte(picture.width, picture.height, 1);
  std::fill(matte.pixels.begin(), matte.pixels.end(), std::uint8_t{255});
  if (picture.channels == 4) {
    for (std::size_t i = 0; i < matte.pixels.size(); ++i) {
      matte.pixels[i] = picture.pixels[4 * i + 3];
    }
  }
  return matte;
}

CutOut cut_out(Image image, const CutOutOptions& options, std::string_view name) {
  const bool wanted = options.mode == RemoveBackground::on ||
                      (options.mode == RemoveBackground::automatic && !has_useful_alpha(image));
  // What is invisible is refused with the picture's own message, further on.
  if (!wanted || is_invisible(image)) return {std::move(image), std::nullopt};
  try {
    Image matte = options.model.empty() ? built_in_matte(image, name, options.poll)
                                        : network_matte(image, options.model);
    check_share(matte, name);
    Image picture = apply_matte(image, matte, options.poll);
    return {std::move(picture), std::move(matte)};
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::out_of_memory, "[matte] ", name, ": no memory to remove the background");
  }
}

}  // namespace sinter::matting
