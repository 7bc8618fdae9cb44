#pragma once
// The one form of every forecast and every linear multistep solver: a weighted sum of snapshots,
// whose weights depend on where the snapshots lie and on nothing else.
//
//     value(at) = sum_j w_j S_j,   S_0 the newest snapshot

#include <span>
#include <vector>

#include "sampling/cache_config.h"

namespace sinter::sampling {

/// Weights of snapshots at `anchors` (newest first, descending), for the value at `at`. Uses the
/// newest order + 1 of them, or as many as there are, at least one.
///
/// newton: Lagrange's polynomial through them, exact for polynomials of that order. taylor: with
/// the differences D^{i+1} = (D^i - older D^i) / (latest gap) and k = at - anchors[0] the sum of
/// D^i k^i / i!, as in TaylorSeer's reference. hermite: the sum of D^i c^i H_i(c k) / i!, H_i the
/// physicists' polynomials, c = 0.5 (HiCache, arXiv 2508.16984).
std::vector<double> forecast_weights(Basis basis,
                                     int order,
                                     std::span<const double> anchors,
                                     double at);

/// Weights for the mean of the forecast over begin..end: what one step of a solver adds, divided by
/// its size. With newton and snapshots of the velocity, the newest at `begin`, these are the
/// variable-step Adams-Bashforth weights of order + 1 steps (Hairer, Norsett, Wanner: "Solving
/// ordinary differential equations I", III.5).
std::vector<double> mean_weights(
    Basis basis, int order, std::span<const double> anchors, double begin, double end);

}  // namespace sinter::sampling
