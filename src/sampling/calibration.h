#pragma once
// What is made from runs in which every step was computed: TeaCache's polynomial, and the steps
// that a schedule should compute.

#include <span>
#include <vector>

namespace sinter::sampling {

/// One run, as Loop's observer sees it.
struct Trajectory {
  std::vector<float> sigmas;                   ///< of the steps, and 1 at the end
  std::vector<std::vector<float>> velocities;  ///< of each step, after guidance
  /// relL1 of the modulated input against the step before, from the second step on; empty for
  /// networks that have none.
  std::vector<double> input_changes;
};

/// sum |a - b| / sum |b|.
double relative_change(std::span<const float> a, std::span<const float> b);

struct PolynomialFit {
  std::vector<double> coefficients;  ///< highest power first
  double r2 = 0, rmse = 0;
  double least = 0, most = 0;  ///< range of x
};

/// Least squares of y over x, in float64 on x taken to 0..1: of all polynomials of degree 4 that
/// are not negative and do not fall within the range of x the nearest. Raises
/// ErrorCode::unsupported, naming the figures, where that explains less than half of the variance
/// (R^2 below 0.5): such a fit decides nothing. Source of the degree: arXiv 2411.19108.
PolynomialFit fit_polynomial(std::span<const double> x, std::span<const double> y);

/// The pairs of TeaCache's fit, averaged over the runs: change of the input, change of the output,
/// from each step to the next.
struct ChangePairs {
  std::vector<double> input, output;
};
ChangePairs change_pairs(std::span<const Trajectory> runs);

/// The `computed` steps, 0 and 1 among them, between which straight lines through the velocities of
/// the last two computed steps lead the latents astray the least: the sum over the runs of steps
/// left out of the size (root mean square over the trajectories) of what their forecasts add to the
/// latents beyond the true velocities, by dynamic programming over the last two computed steps
/// (DPCache, arXiv 2602.22654, whose cost is that of each forecast by itself). No more than
/// `most_skipped` steps in a row are left out. Raises ErrorCode::invalid_argument where so few
/// steps cannot be chosen.
std::vector<int> best_schedule(std::span<const Trajectory> runs, int computed, int most_skipped);

}  // namespace sinter::sampling
