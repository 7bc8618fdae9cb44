#include "io/texture_loader.h"

#include <algorithm>

#include "io/image_file.h"

namespace sinter::io {

int TextureLoader::load(const std::string& name, const std::function<Bytes()>& read) {
  const auto added = known_.try_emplace(name, -1);
  int& number = added.first->second;
  if (!added.second) return number;
  attempt([&] {
    ImageLimits limits;
    // Beside the bound of one picture, what the others have left.
    limits.max_pixels = std::min(limits.max_pixels, source_.limits.max_texture_pixels - pixels_);
    Image image = decode_image(read(), name, limits);
    pixels_ += std::int64_t{image.width} * image.height;
    looks_.textures.push_back({std::move(image.pixels), image.width, image.height, image.channels});
    number = static_cast<int>(looks_.textures.size()) - 1;
  });
  return number;
}

void TextureLoader::warn(const std::string& text) {
  constexpr std::size_t kMost = 16;
  auto& warnings = looks_.warnings;
  if (warnings.size() > kMost || std::count(warnings.begin(), warnings.end(), text) > 0) return;
  warnings.push_back(warnings.size() < kMost ? text : "more of what the file names is missing");
}

}  // namespace sinter::io
