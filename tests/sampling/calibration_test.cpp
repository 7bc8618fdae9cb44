#include "sampling/calibration.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"

namespace sinter::sampling {
namespace {

double value(const std::vector<double>& highest_first, double x) {
  double sum = 0;
  for (const double c : highest_first) sum = sum * x + c;
  return sum;
}

TEST(Calibration, FindsThePolynomialThatMadeThePairs) {
  const std::vector<double> truth = {3.0, -1.0, 0.5, 0.7, 0.02};
  std::vector<double> x, y;
  for (int i = 0; i < 40; ++i) {
    x.push_back(0.05 + 0.01 * i);
    y.push_back(value(truth, x.back()));
  }
  const PolynomialFit fit = fit_polynomial(x, y);
  ASSERT_EQ(fit.coefficients.size(), 5U);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_NEAR(fit.coefficients[i], truth[i], 1e-8) << i;
  EXPECT_GT(fit.r2, 1 - 1e-12);
  EXPECT_NEAR(fit.least, 0.05, 1e-15);
  EXPECT_NEAR(fit.most, 0.44, 1e-12);
}

TEST(Calibration, RisesWhereTheNearestWouldFall) {
  // A line with a wave on it, which the nearest polynomial follows down.
  std::vector<double> x, y;
  for (int i = 0; i < 60; ++i) {
    x.push_back(0.01 * i);
    y.push_back(0.1 + 0.4 * x.back() + 0.08 * std::sin(14 * x.back()));
  }
  const PolynomialFit fit = fit_polynomial(x, y);
  // At the places that the fit looks at: what falls between them is of their distance's third
  // power.
  const auto rises = [&](const std::vector<double>& p, double rounding) {
    double before = -rounding;
    for (int i = 0; i <= 200; ++i) {
      const double now = value(p, fit.least + (fit.most - fit.least) * i / 200);
      if (now < before - rounding) return false;
      before = now;
    }
    return true;
  };
  const auto squares = [&](const std::vector<double>& p) {
    double sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) sum += std::pow(value(p, x[i]) - y[i], 2);
    return sum;
  };
  EXPECT_TRUE(rises(fit.coefficients, 1e-9));
  // It stands still somewhere, so the limit was felt.
  double least = 1;
  for (double at = fit.least; at + 0.003 <= fit.most; at += 0.003) {
    least = std::min(least, value(fit.coefficients, at + 0.003) - value(fit.coefficients, at));
  }
  EXPECT_LT(least, 1e-4);
  // No other polynomial near it that rises is nearer to the values: changes of all sizes along
  // chosen polynomials of degree 4.
  const double best = squares(fit.coefficients);
  int tried = 0;
  for (int i = 0; i < 4000; ++i) {
    std::vector<double> other = fit.coefficients;
    const double size = std::pow(10.0, -1 - i % 4);
    for (std::size_t c = 0; c < other.size(); ++c) {
      const double place = std::sin(12.9898 * (i + 1) + 78.233 * static_cast<double>(c));
      other[c] += size * (place * 43758.5453 - std::floor(place * 43758.5453) - 0.5) *
                  std::pow(0.6, -static_cast<double>(4 - c));
    }
    if (!rises(other, 0)) continue;
    ++tried;
    EXPECT_GE(squares(other), best - 1e-8) << i;
  }
  EXPECT_GT(tried, 100);
  EXPECT_NEAR(fit.rmse, std::sqrt(best / 60), 1e-9);
}

TEST(Calibration, RefusesWhatExplainsNothing) {
  std::vector<double> x, y;
  for (int i = 0; i < 60; ++i) {
    x.push_back(std::fmod(0.618 * i, 1.0));
    y.push_back(1 + std::fmod(0.414 * i, 1.0));
  }
  EXPECT_THROW(fit_polynomial(x, y), Error);
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = 1 - x[i];  // the wrong way round
  EXPECT_THROW(fit_polynomial(x, y), Error);
  EXPECT_THROW(fit_polynomial(std::vector<double>(9, 0.5), std::vector<double>(9, 0.5)), Error);
  EXPECT_THROW(fit_polynomial(std::vector<double>(3, 0.5), std::vector<double>(3, 0.5)), Error);
}

/// Velocities that turn quickly around a third of the way.
std::vector<Trajectory> runs(std::size_t steps) {
  std::vector<Trajectory> result;
  for (int sample = 0; sample < 2; ++sample) {
    Trajectory run;
    for (std::size_t s = 0; s <= steps; ++s) {
      run.sigmas.push_back(static_cast<float>(s) / static_cast<float>(steps));
    }
    for (std::size_t s = 0; s < steps; ++s) {
      const double t = static_cast<double>(s) / static_cast<double>(steps);
      std::vector<float> v;
      for (int i = 0; i < 7; ++i) {
        v.push_back(static_cast<float>(std::tanh(14 * (t - 0.35 - 0.02 * sample)) * (1 + i) +
                                       0.3 * i * t * t));
      }
      run.velocities.push_back(v);
    }
    result.push_back(run);
  }
  return result;
}

/// The cost of a schedule, by the definition and in other words than the program's.
double cost(const std::vector<Trajectory>& all, const std::vector<int>& schedule) {
  const int steps = static_cast<int>(all.front().velocities.size());
  double total = 0;
  for (std::size_t n = 1; n < schedule.size(); ++n) {
    const int before = schedule[n - 1], last = schedule[n];
    const int next = n + 1 < schedule.size() ? schedule[n + 1] : steps;
    double squares = 0;
    for (const Trajectory& run : all) {
      const std::size_t elements = run.velocities.front().size();
      for (std::size_t i = 0; i < elements; ++i) {
        double astray = 0;
        const auto at = [&](int s) {
          return static_cast<double>(run.velocities[static_cast<std::size_t>(s)][i]);
        };
        for (int t = last + 1; t < next; ++t) {
          const double line = at(last) + (at(last) - at(before)) * (t - last) / (last - before);
          astray += (line - at(t)) / steps;
        }
        squares += astray * astray / static_cast<double>(elements * all.size());
      }
    }
    total += std::sqrt(squares);
  }
  return total;
}

TEST(Calibration, SchedulesAreTheBestOfAll) {
  const std::vector<Trajectory> all = runs(12);
  for (const int computed : {4, 5, 7}) {
    for (const int skipped : {4, 12}) {
      double least = std::numeric_limits<double>::infinity();
      std::vector<int> expected;
      for (unsigned chosen = 0; chosen < 1U << 10; ++chosen) {
        std::vector<int> schedule = {0, 1};
        for (int s = 0; s < 10; ++s) {
          if ((chosen >> s & 1U) != 0) schedule.push_back(s + 2);
        }
        if (schedule.size() != static_cast<std::size_t>(computed)) continue;
        bool allowed = 12 - schedule.back() <= skipped + 1;
        for (std::size_t n = 1; n < schedule.size(); ++n) {
          allowed = allowed && schedule[n] - schedule[n - 1] <= skipped + 1;
        }
        if (allowed && cost(all, schedule) < least) {
          least = cost(all, schedule);
          expected = schedule;
        }
      }
      const std::vector<int> got = best_schedule(all, computed, skipped);
      EXPECT_NEAR(cost(all, got), least, 1e-9);  // equal costs may have several schedules
      EXPECT_EQ(got.size(), expected.size());
    }
  }
}

TEST(Calibration, SchedulesRefuseTooFewSteps) {
  const std::vector<Trajectory> all = runs(12);
  EXPECT_THROW(best_schedule(all, 1, 4), Error);
  EXPECT_THROW(best_schedule(all, 3, 2), Error);
  EXPECT_THROW(best_schedule(all, 13, 4), Error);
  EXPECT_EQ(best_schedule(all, 12, 1).size(), 12U);
}

}  // namespace
}  // namespace sinter::sampling
