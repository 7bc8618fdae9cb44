#include "sampling/forecast.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "core/error.h"

namespace sinter::sampling {

namespace {

using Weights = std::vector<double>;

Weights lagrange(std::span<const double> anchors, double at) {
  Weights weights(anchors.size(), 1.0);
  for (std::size_t j = 0; j < anchors.size(); ++j) {
    for (std::size_t i = 0; i < anchors.size(); ++i) {
      if (i != j) weights[j] *= (at - anchors[i]) / (anchors[j] - anchors[i]);
    }
  }
  return weights;
}

/// The factor of the difference of order i, k behind the newest anchor, without 1 / i!.
double ladder_factor(Basis basis, std::size_t i, double k) {
  if (basis == Basis::taylor) return std::pow(k, static_cast<double>(i));
  constexpr double kContraction = 0.5;
  const double x = kContraction * k;
  double before = 0, value = 1;  // H_{n+1} = 2 x H_n - 2 n H_{n-1}
  for (std::size_t n = 0; n < i; ++n) {
    before = std::exchange(value, 2 * x * value - 2 * static_cast<double>(n) * before);
  }
  return std::pow(kContraction, static_cast<double>(i)) * value;
}

Weights ladder(Basis basis, std::span<const double> anchors, double at) {
  // differences[j] holds the weights of D^i at anchor j, i rising with every round.
  const std::size_t count = anchors.size();
  std::vector<Weights> differences(count, Weights(count, 0.0));
  for (std::size_t j = 0; j < count; ++j) differences[j][j] = 1;
  Weights weights(count, 0.0);
  double factorial = 1;
  for (std::size_t i = 0; i < count; ++i) {
    const double factor = ladder_factor(basis, i, at - anchors[0]) / factorial;
    for (std::size_t j = 0; j < count; ++j) weights[j] += factor * differences[0][j];
    factorial *= static_cast<double>(i + 1);
    for (std::size_t j = 0; j + i + 1 < count; ++j) {
      const double gap = anchors[j] - anchors[j + 1];
      for (std::size_t n = 0; n < count; ++n) {
        differences[j][n] = (differences[j][n] - differences[j + 1][n]) / gap;
      }
    }
  }
  return weights;
}

}  // namespace

Weights forecast_weights(Basis basis, int order, std::span<const double> anchors, double at) {
  SINTER_CHECK(!anchors.empty() && order >= 0,
               ErrorCode::internal,
               "[forecast] expected a snapshot and an order, got ",
               anchors.size(),
               " and ",
               order);
  const auto used = anchors.first(std::min(anchors.size(), static_cast<std::size_t>(order) + 1));
  return basis == Basis::newton ? lagrange(used, at) : ladder(basis, used, at);
}

Weights mean_weights(
    Basis basis, int order, std::span<const double> anchors, double begin, double end) {
  // Gauss-Legendre with three nodes: exact up to degree 5, above any order here.
  const double node = std::sqrt(0.6);
  const std::array<std::pair<double, double>, 3> nodes = {
      {{-node, 5.0 / 18}, {0.0, 8.0 / 18}, {node, 5.0 / 18}}};
  Weights mean;
  for (const auto& [place, share] : nodes) {
    const double at = begin + (end - begin) * (place + 1) / 2;
    const Weights weights = forecast_weights(basis, order, anchors, at);
    mean.resize(weights.size(), 0.0);
    for (std::size_t j = 0; j < weights.size(); ++j) mean[j] += share * weights[j];
  }
  return mean;
}

}  // namespace sinter::sampling
