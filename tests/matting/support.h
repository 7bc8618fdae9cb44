#pragma once
// What the matting tests share.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <string>

#include "core/error.h"
#include "core/image.h"
#include "io/image_file.h"

namespace sinter::matting::test {

inline std::string data(const std::string& name) {
  return std::string(SINTER_SOURCE_DIR) + "/tests/matting/data/" + name;
}

/// A file that Pillow wrote, with its own number of channels: grey ones have one.
inline Image golden(const std::string& name, int channels) {
  const Image image = io::read_image(data(name));
  if (image.channels == channels) return image;
  Image grey(image.width, image.height, channels);
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) std::copy_n(image.at(x, y), channels, grey.at(x, y));
  }
  return grey;
}

inline int largest_difference(const Image& a, const Image& b) {
  if (a.width != b.width || a.height != b.height || a.channels != b.channels) return 256;
  int worst = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) {
    worst = std::max(worst, std::abs(a.pixels[i] - b.pixels[i]));
  }
  return worst;
}

inline Error error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.message().find('\n'), std::string::npos) << error.message();
    return error;
  }
  ADD_FAILURE() << "no error raised";
  return Error(ErrorCode::internal, "");
}

}  // namespace sinter::matting::test
