#pragma once
// Subject or background, pixel by pixel.
//
// Source: Rother, Kolmogorov, Blake, "GrabCut" (2004), OpenCV's implementation.

#include <opencv2/core.hpp>

#include "matting/background.h"

namespace sinter::matting {

/// 255 where the subject is, 0 elsewhere; loose specks dropped, holes that do not look like the
/// background closed. All 0 where nothing stands out. The same picture gives the same mask.
cv::Mat1b segment(const cv::Mat3b& rgb, const Background& background);

}  // namespace sinter::matting
