#pragma once
// A soft edge from a hard mask.

#include <opencv2/core.hpp>

namespace sinter::matting {

/// Opacity 0..1 at the size of `rgb`. `mask` is 255 on the subject and may be smaller. In a band
/// around its edge each pixel is explained as a mix of the subject's and the background's nearby
/// mean colours F and B: alpha = (I - B).(F - B) / |F - B|^2, clamped; where the two colours are
/// too close to tell, the smoothed mask stands.
cv::Mat1f refine_edge(const cv::Mat3b& rgb, const cv::Mat1b& mask);

}  // namespace sinter::matting
