#pragma once
// A matte without a network: for a subject before a background that is plain, shaded or softly
// shadowed. What it can and cannot do, in figures: docs/pictures.md.

#include <functional>
#include <string_view>

#include "core/image.h"

namespace sinter::matting {

/// Opacity of the subject, one channel, the picture's size; RGB or RGBA (alpha is not looked at).
/// The same picture gives the same matte. A matte that is 0 everywhere is a possible result.
/// `poll`, where set, is called between the parts and throws to stop.
Image built_in_matte(const Image& image,
                     std::string_view name,
                     const std::function<void()>& poll = {});

}  // namespace sinter::matting
