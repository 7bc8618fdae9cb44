#include "pipeline/pictures.h"

#include <algorithm>
#include <string>

#include "io/file.h"
#include "io/image_file.h"

namespace sinter {

const char* to_string(View view) {
  switch (view) {
    case View::front:
      return "front";
    case View::left:
      return "left";
    case View::back:
      return "back";
    case View::right:
      return "right";
  }
  return "unknown";
}

namespace pipeline {

namespace {

template <class... Args>
void check(bool condition, const Args&... args) {
  SINTER_CHECK(condition, ErrorCode::invalid_argument, "[generate] ", args...);
}

}  // namespace

std::vector<Picture> checked_pictures(const models::ShapeModel& model,
                                      std::span<const Picture> pictures) {
  const models::ImageConditionerConfig& conditioner = model.config().conditioner;
  std::vector<Picture> sorted(pictures.begin(), pictures.end());
  std::sort(sorted.begin(), sorted.end(), [](const Picture& a, const Picture& b) {
    return a.view < b.view;
  });
  check(!sorted.empty(), "picture: expected at least one of front, left, back and right, got none");
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const View view = sorted[i].view;
    check(view >= View::front && view <= View::right,
          "view: expected front, left, back or right, got the number ",
          static_cast<int>(view));
    check(i == 0 || view != sorted[i - 1].view,
          "view: expected each view once, got two pictures of the ",
          to_string(view));
    check(conditioner.multi_view() || view == View::front,
          "view: expected one picture, taken as the front, because this model knows a single view, "
          "got the ",
          to_string(view),
          " (",
          model.document().file(),
          ")");
    check(!conditioner.multi_view() || static_cast<std::int64_t>(view) < conditioner.views,
          "view: expected one of the first ",
          conditioner.views,
          " of front, left, back, right, got the ",
          to_string(view),
          " (",
          model.document().file(),
          ")");
  }
  return sorted;
}

std::string picture_name(const Picture& picture) {
  return picture.path.empty() ? cat("picture in memory, ", to_string(picture.view))
                              : io::printable(picture.path);
}

Image load_picture(const Picture& picture, const std::function<void()>& poll) {
  const int given = !picture.path.empty() + !picture.bytes.empty() + !picture.rgba.empty();
  check(given == 1,
        "picture: expected one of a path, the bytes of a file and pixels, got ",
        given,
        " of them (",
        picture_name(picture),
        ")");
  if (!picture.path.empty()) return io::read_image(picture.path, {}, poll);
  if (!picture.bytes.empty()) {
    const std::span<const char> bytes = picture.bytes;
    return io::decode_image({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()},
                            picture_name(picture),
                            {},
                            poll);
  }
  constexpr std::int64_t kMostSide = 16384;
  const std::int64_t width = picture.width, height = picture.height;
  check(width >= 1 && width <= kMostSide && height >= 1 && height <= kMostSide &&
            static_cast<std::int64_t>(picture.rgba.size()) == 4 * width * height,
        "pixels: expected 4 x width x height bytes, sides of 1..",
        kMostSide,
        ", got ",
        picture.rgba.size(),
        " bytes for ",
        width,
        " x ",
        height,
        " (",
        picture_name(picture),
        ")");
  Image image(picture.width, picture.height, 4);
  image.pixels = picture.rgba;
  return image;
}

io::PreprocessOptions preprocess_options(const models::ShapeModel& model) {
  const checkpoint::ConfigNode section = model.document().child("image_processor");
  const std::string found = section.target();
  const char* expected =
      model.config().conditioner.multi_view() ? "MVImageProcessorV2" : "ImageProcessorV2";
  SINTER_CHECK(found == expected,
               ErrorCode::unsupported,
               "[config] ",
               section.file(),
               ": image_processor.target: expected ",
               expected,
               ", which belongs to the conditioner, got ",
               found);
  const checkpoint::ConfigNode params = section.child("params");
  return {.border_ratio = params.get("border_ratio", 0.15),
          .size = narrow<int>(params.get("size", std::int64_t{512}))};
}

}  // namespace pipeline

}  // namespace sinter
