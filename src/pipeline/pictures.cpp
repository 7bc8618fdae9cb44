#include "pipeline/pictures.h"

#include <algorithm>
#include <string>

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
