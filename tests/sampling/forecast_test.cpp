#include "sampling/forecast.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numeric>

namespace sinter::sampling {
namespace {

double apply(const std::vector<double>& weights,
             const std::vector<double>& anchors,
             const std::function<double(double)>& f) {
  double sum = 0;
  for (std::size_t j = 0; j < weights.size(); ++j) sum += weights[j] * f(anchors[j]);
  return sum;
}

const std::vector<double> kUneven = {10, 6, 5, 1, 0};

TEST(Forecast, OrderZeroIsTheNewest) {
  for (const Basis basis : {Basis::newton, Basis::taylor, Basis::hermite}) {
    EXPECT_EQ(forecast_weights(basis, 0, kUneven, 13.5), std::vector<double>{1.0});
    EXPECT_EQ(forecast_weights(basis, 3, std::vector<double>{7}, 9), std::vector<double>{1.0});
  }
}

TEST(Forecast, NewtonIsExactForItsDegree) {
  const auto cubic = [](double x) { return 2 - x + 0.3 * x * x - 0.07 * x * x * x; };
  const auto quadratic = [](double x) { return 3 + 2 * x + x * x / 2; };
  const auto line = [](double x) { return 4 - 3 * x; };
  for (const double at : {10.5, 11.0, 14.0}) {
    EXPECT_NEAR(
        apply(forecast_weights(Basis::newton, 1, kUneven, at), kUneven, line), line(at), 1e-12);
    EXPECT_NEAR(apply(forecast_weights(Basis::newton, 2, kUneven, at), kUneven, quadratic),
                quadratic(at),
                1e-11);
    EXPECT_NEAR(
        apply(forecast_weights(Basis::newton, 3, kUneven, at), kUneven, cubic), cubic(at), 1e-10);
  }
  // It moves the way the ramp goes, not the other.
  EXPECT_GT(
      apply(forecast_weights(Basis::newton, 1, kUneven, 12), kUneven, [](double x) { return x; }),
      10);
}

TEST(Forecast, TaylorIsTheReferencesLadder) {
  const std::vector<double> anchors = {10, 6, 2, 1, 0};
  const auto f = [](double x) { return 3 + 2 * x + x * x / 2; };
  const double expected[] = {83.5, 95, 107.5};
  for (int k = 1; k <= 3; ++k) {
    EXPECT_NEAR(apply(forecast_weights(Basis::taylor, 2, anchors, 10 + k), anchors, f),
                expected[k - 1],
                1e-12);
  }
  // Of first order they are the same, whatever the gaps.
  const auto taylor = forecast_weights(Basis::taylor, 1, kUneven, 13);
  const auto newton = forecast_weights(Basis::newton, 1, kUneven, 13);
  for (std::size_t j = 0; j < 2; ++j) EXPECT_NEAR(taylor[j], newton[j], 1e-15);
}

TEST(Forecast, EvenGapsHaveTheWeightsOfTheTable) {
  const std::vector<double> anchors = {12, 8, 4};
  for (const double k : {1.0, 2.0, 3.0}) {
    const double u = k / 4;
    const auto newton = forecast_weights(Basis::newton, 2, anchors, 12 + k);
    const auto taylor = forecast_weights(Basis::taylor, 2, anchors, 12 + k);
    const double n[] = {(u + 1) * (u + 2) / 2, -u * (u + 2), u * (u + 1) / 2};
    const double t[] = {1 + u + u * u / 2, -(u + u * u), u * u / 2};
    for (std::size_t j = 0; j < 3; ++j) {
      EXPECT_NEAR(newton[j], n[j], 1e-14);
      EXPECT_NEAR(taylor[j], t[j], 1e-14);
    }
  }
}

TEST(Forecast, HermiteHalvesTheSlope) {
  const auto w = forecast_weights(Basis::hermite, 1, kUneven, 13);
  const double slope = 1.0 / 4, k = 3;  // 2 c^2 k slope with c = 0.5
  EXPECT_NEAR(w[0], 1 + 0.5 * k * slope, 1e-15);
  EXPECT_NEAR(w[1], -0.5 * k * slope, 1e-15);
  // H_2(x) = 4 x^2 - 2, over even gaps of one.
  const auto second = forecast_weights(Basis::hermite, 2, std::vector<double>{2, 1, 0}, 3);
  const double c = 0.5, d1 = c * 2 * c * 1, d2 = c * c * (4 * c * c - 2) / 2;
  EXPECT_NEAR(second[0], 1 + d1 + d2, 1e-15);
  EXPECT_NEAR(second[1], -d1 - 2 * d2, 1e-15);
  EXPECT_NEAR(second[2], d2, 1e-15);
}

TEST(Forecast, WeightsSumToOne) {
  for (int order = 0; order <= 4; ++order) {
    for (const Basis basis : {Basis::newton, Basis::taylor, Basis::hermite}) {
      const auto w = forecast_weights(basis, order, kUneven, 12.25);
      EXPECT_NEAR(std::accumulate(w.begin(), w.end(), 0.0), 1, 1e-11) << order;
    }
  }
}

TEST(Forecast, MeansAreThoseOfAdamsAndBashforth) {
  const auto two = mean_weights(Basis::newton, 1, std::vector<double>{1, 0}, 1, 2);
  EXPECT_NEAR(two[0], 1.5, 1e-15);
  EXPECT_NEAR(two[1], -0.5, 1e-15);
  const auto three = mean_weights(Basis::newton, 2, std::vector<double>{2, 1, 0}, 2, 3);
  const double expected[] = {23.0 / 12, -16.0 / 12, 5.0 / 12};
  for (std::size_t j = 0; j < 3; ++j) EXPECT_NEAR(three[j], expected[j], 1e-14);
  // Steps of other sizes: 1 + h / (2 g) for a step h behind a gap g.
  const auto uneven = mean_weights(Basis::newton, 1, std::vector<double>{0.3, 0.1}, 0.3, 0.8);
  EXPECT_NEAR(uneven[0], 1 + 0.5 / (2 * 0.2), 1e-14);
}

}  // namespace
}  // namespace sinter::sampling
