#pragma once
// What the background of a picture looks like, told from its border.
//
// The border is taken for background wherever it agrees with itself: a quadratic in x and y is
// fitted to each channel of the border's colours with Tukey's biweight, so that a subject that
// touches the border does not count. From there the background grows inwards over pixels that agree
// with the fit, and what the fit misses (a vignette, uneven light) is learnt from those pixels by
// normalised convolution (Knutsson and Westin, 1993).

#include <opencv2/core.hpp>

namespace sinter::matting {

struct Background {
  cv::Mat3f colour;  ///< of the background at every pixel, also where the subject hides it; levels
  cv::Mat1f distance;  ///< how far the pixel is from it, levels; brightness counts less than colour
  cv::Mat1b known;     ///< 255: background that is joined to the border
  cv::Mat1b shadow;    ///< 255: darker than the background, of its colour, joined to it without an
                       ///< edge: a soft shadow
  float noise = 0;     ///< standard deviation of `distance` over the background
  float agreement = 0;  ///< share of the border that follows the fit, 0..1
};

/// \param rgb 8-bit RGB, at least 8 x 8 pixels.
Background find_background(const cv::Mat3b& rgb);

}  // namespace sinter::matting
