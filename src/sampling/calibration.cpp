#include "sampling/calibration.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"

namespace sinter::sampling {

namespace {

using Values = std::vector<double>;

using Rows = std::vector<Values>;

double dot(const Values& a, const Values& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

/// 1, t, t^2, ...
Values powers(double t, std::size_t count) {
  Values row(count, 1.0);
  for (std::size_t c = 1; c < count; ++c) row[c] = row[c - 1] * t;
  return row;
}

/// The point nearest to `z` of those for which no row has a negative product: by turns onto each
/// row's side, taking back what earlier turns did too much (Hildreth: "A quadratic programming
/// procedure", 1957).
Values nearest_in_cone(const Rows& rows, Values z) {
  constexpr int kMostRounds = 20'000;
  constexpr double kStill = 1e-13;
  Values sizes, shares(rows.size(), 0.0);
  for (const Values& row : rows) sizes.push_back(dot(row, row));
  for (int round = 0; round < kMostRounds; ++round) {
    double moved = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const double step = std::max(-shares[i], -dot(rows[i], z) / sizes[i]);
      shares[i] += step;
      for (std::size_t c = 0; c < z.size(); ++c) z[c] += step * rows[i][c];
      moved = std::max(moved, std::abs(step) * std::sqrt(sizes[i]));
    }
    if (moved < kStill) break;
  }
  return z;
}

/// Coefficients, lowest power first, of the polynomial nearest to y over t in 0..1, of those that
/// are not negative at 0 and rise or stay over the places 0, 1 / 200, ... 1. In coordinates of an
/// orthonormal basis of its values at t, found from the powers one after the other, twice, against
/// rounding.
Values rising_least_squares(const Values& t, const Values& y, std::size_t degree) {
  const std::size_t rows = t.size(), columns = degree + 1;
  Rows q(columns, Values(rows)), r(columns, Values(columns, 0.0));
  for (std::size_t c = 0; c < columns; ++c) {
    for (std::size_t i = 0; i < rows; ++i) q[c][i] = std::pow(t[i], static_cast<double>(c));
    for (int pass = 0; pass < 2; ++pass) {
      for (std::size_t before = 0; before < c; ++before) {
        const double share = dot(q[before], q[c]);
        r[before][c] += share;
        for (std::size_t i = 0; i < rows; ++i) q[c][i] -= share * q[before][i];
      }
    }
    r[c][c] = std::sqrt(dot(q[c], q[c]));
    for (double& value : q[c]) value /= r[c][c];
  }
  // A row of powers in those coordinates: its product with the inverse of r.
  const auto coordinates = [&](Values row) {
    for (std::size_t c = 0; c < columns; ++c) {
      for (std::size_t j = 0; j < c; ++j) row[c] -= row[j] * r[j][c];
      row[c] /= r[c][c];
    }
    return row;
  };
  constexpr int kPlaces = 200;
  Rows sides = {coordinates(powers(0, columns))};
  for (int place = 0; place < kPlaces; ++place) {
    Values rise = powers((place + 1.0) / kPlaces, columns);
    const Values from = powers(static_cast<double>(place) / kPlaces, columns);
    for (std::size_t c = 0; c < columns; ++c) rise[c] -= from[c];
    sides.push_back(coordinates(rise));
  }
  Values solution;
  for (const Values& column : q) solution.push_back(dot(column, y));
  solution = nearest_in_cone(sides, solution);
  for (std::size_t c = columns; c-- > 0;) {
    for (std::size_t j = c + 1; j < columns; ++j) solution[c] -= r[c][j] * solution[j];
    solution[c] /= r[c][c];
  }
  return solution;
}

double value_at(const Values& lowest_first, double x) {
  double value = 0;
  for (std::size_t i = lowest_first.size(); i-- > 0;) value = value * x + lowest_first[i];
  return value;
}

/// p((x - least) / width) as a polynomial of x, highest power first.
Values unscaled(const Values& scaled, double least, double width) {
  Values result = {0.0};  // lowest first, by Horner
  for (std::size_t i = scaled.size(); i-- > 0;) {
    Values next(result.size() + 1, 0.0);
    for (std::size_t j = 0; j < result.size(); ++j) {
      next[j] -= result[j] * least / width;
      next[j + 1] += result[j] / width;
    }
    next[0] += scaled[i];
    result = next;
  }
  result.resize(scaled.size());
  return {result.rbegin(), result.rend()};
}

/// Costs of leaving steps out.
class SkipCosts {
 public:
  explicit SkipCosts(std::span<const Trajectory> runs)
      : count_(runs.front().velocities.size()), sigmas_(runs.front().sigmas) {
    // Inner products of velocities say all that the sizes of their sums depend on.
    products_.assign(count_ * count_, 0.0);
    for (const Trajectory& run : runs) {
      const double elements = static_cast<double>(run.velocities.front().size());
      for (std::size_t a = 0; a < count_; ++a) {
        for (std::size_t b = 0; b <= a; ++b) {
          double sum = 0;
          for (std::size_t i = 0; i < run.velocities[a].size(); ++i) {
            sum += static_cast<double>(run.velocities[a][i]) *
                   static_cast<double>(run.velocities[b][i]);
          }
          products_[a * count_ + b] += sum / elements / static_cast<double>(runs.size());
          products_[b * count_ + a] = products_[a * count_ + b];
        }
      }
    }
  }
  std::size_t steps() const { return count_; }

  /// What the steps between `last` and `next`, forecast from `before` and `last`, add beyond the
  /// truth: root mean square.
  double operator()(std::size_t before, std::size_t last, std::size_t next) const {
    Values weights(count_, 0.0);
    for (std::size_t t = last + 1; t < next; ++t) {
      const double size = static_cast<double>(sigmas_[t + 1]) - static_cast<double>(sigmas_[t]);
      const double u = static_cast<double>(t - last) / static_cast<double>(last - before);
      weights[last] += size * (1 + u);
      weights[before] -= size * u;
      weights[t] -= size;
    }
    double sum = 0;
    for (std::size_t a = before; a < next; ++a) {
      if (weights[a] == 0) continue;
      for (std::size_t b = before; b < next; ++b) {
        sum += weights[a] * weights[b] * products_[a * count_ + b];
      }
    }
    return std::sqrt(std::max(sum, 0.0));
  }

 private:
  std::size_t count_;
  std::vector<float> sigmas_;
  Values products_;
};

}  // namespace

double relative_change(std::span<const float> a, std::span<const float> b) {
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference += std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    size += std::abs(static_cast<double>(b[i]));
  }
  return difference / size;
}

PolynomialFit fit_polynomial(std::span<const double> x, std::span<const double> y) {
  constexpr std::size_t kDegree = 4;
  SINTER_CHECK(x.size() == y.size() && x.size() > kDegree + 1,
               ErrorCode::invalid_argument,
               "[cache-fit] pairs: expected more than ",
               kDegree + 1,
               ", got ",
               x.size());
  const auto [least, most] = std::minmax_element(x.begin(), x.end());
  PolynomialFit fit{.coefficients = {}, .least = *least, .most = *most};
  const double width = *most - *least;
  double mean = 0, variance = 0;
  for (const double value : y) mean += value / static_cast<double>(y.size());
  for (const double value : y) variance += (value - mean) * (value - mean);
  Values scaled;
  for (const double value : x) scaled.push_back((value - *least) / width);
  if (width > 0 && variance > 0) {
    const Values solution = rising_least_squares(scaled, {y.begin(), y.end()}, kDegree);
    double squares = 0;
    for (std::size_t i = 0; i < y.size(); ++i) {
      squares += std::pow(value_at(solution, scaled[i]) - y[i], 2);
    }
    fit.rmse = std::sqrt(squares / static_cast<double>(y.size()));
    fit.r2 = 1 - squares / variance;
    fit.coefficients = unscaled(solution, *least, width);
  }
  constexpr double kEnough = 0.5;
  SINTER_CHECK(!fit.coefficients.empty() && fit.r2 >= kEnough,
               ErrorCode::unsupported,
               "[cache-fit] polynomial: expected one that rises and explains half of the variance, "
               "got R^2 ",
               fit.r2,
               ", RMSE ",
               fit.rmse,
               " over ",
               fit.least,
               "..",
               fit.most);
  return fit;
}

ChangePairs change_pairs(std::span<const Trajectory> runs) {
  ChangePairs pairs;
  const std::size_t steps = runs.front().input_changes.size();
  pairs.input.assign(steps, 0.0);
  pairs.output.assign(steps, 0.0);
  const auto share = 1.0 / static_cast<double>(runs.size());
  for (const Trajectory& run : runs) {
    for (std::size_t i = 0; i < steps; ++i) {
      pairs.input[i] += share * run.input_changes[i];
      pairs.output[i] += share * relative_change(run.velocities[i + 1], run.velocities[i]);
    }
  }
  return pairs;
}

std::vector<int> best_schedule(std::span<const Trajectory> runs, int computed, int most_skipped) {
  const SkipCosts cost(runs);
  const std::size_t steps = cost.steps(), count = static_cast<std::size_t>(computed),
                    reach = static_cast<std::size_t>(most_skipped) + 1;
  SINTER_CHECK(computed >= 2 && count <= steps && 1 + (count - 1) * reach >= steps - 1,
               ErrorCode::invalid_argument,
               "[cache-fit] computed: expected 2..",
               steps,
               " steps, enough to leave out at most ",
               most_skipped,
               " in a row, got ",
               computed);
  // best[j][i]: least cost up to j, the last computed step but one being i; from[m][j][i]: the one
  // before i.
  constexpr double kNever = std::numeric_limits<double>::infinity();
  std::vector<Values> best(steps, Values(steps, kNever));
  std::vector<std::vector<std::vector<int>>> from;
  best[1][0] = 0;
  for (std::size_t m = 2; m < count; ++m) {
    std::vector<Values> next(steps, Values(steps, kNever));
    from.emplace_back(steps, std::vector<int>(steps, -1));
    for (std::size_t j = 1; j < steps; ++j) {
      for (std::size_t i = 0; i < j; ++i) {
        if (best[j][i] == kNever) continue;
        for (std::size_t k = j + 1; k < std::min(steps, j + reach + 1); ++k) {
          const double sum = best[j][i] + cost(i, j, k);
          if (sum >= next[k][j]) continue;
          next[k][j] = sum;
          from.back()[k][j] = static_cast<int>(i);
        }
      }
    }
    best = std::move(next);
  }
  double least = kNever;
  std::size_t last = 0, before = 0;
  for (std::size_t j = 1; j < steps; ++j) {
    if (j + reach < steps) continue;
    for (std::size_t i = 0; i < j; ++i) {
      const double sum = best[j][i] == kNever ? kNever : best[j][i] + cost(i, j, steps);
      if (sum < least) {
        least = sum;
        last = j;
        before = i;
      }
    }
  }
  SINTER_CHECK(least < kNever, ErrorCode::internal, "[cache-fit] no schedule");
  std::vector<int> schedule = {static_cast<int>(last), static_cast<int>(before)};
  for (std::size_t m = from.size(); m-- > 0;) {
    const int earlier = from[m][static_cast<std::size_t>(schedule[schedule.size() - 2])]
                            [static_cast<std::size_t>(schedule.back())];
    schedule.push_back(earlier);
  }
  return {schedule.rbegin(), schedule.rend()};
}

}  // namespace sinter::sampling
