#include "sampling/calibration.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"

namespace sinter::sampling {

namespace {

using Values = std::vector<double>;

/// Coefficients, lowest power first, of the polynomial nearest to y over t in 0..1: the columns of
/// the Vandermonde matrix made orthogonal one after the other, twice, against rounding.
Values least_squares(const Values& t, std::span<const double> y, std::size_t degree) {
  const std::size_t rows = t.size(), columns = degree + 1;
  std::vector<Values> q(columns, Values(rows)), r(columns, Values(columns, 0.0));
  const auto dot = [](const Values& a, const auto& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return sum;
  };
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
  Values solution(columns);
  for (std::size_t c = columns; c-- > 0;) {
    solution[c] = dot(q[c], y);
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

/// Neither negative nor falling over 0..1.
bool rises(const Values& lowest_first) {
  constexpr int kPlaces = 200;
  double before = 0;
  for (int i = 0; i <= kPlaces; ++i) {
    const double value = value_at(lowest_first, static_cast<double>(i) / kPlaces);
    if (value < before - 1e-9) return false;
    before = std::max(before, value);
  }
  return true;
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
  for (std::size_t degree = kDegree; degree > 0 && width > 0; --degree) {
    const Values solution = least_squares(scaled, y, degree);
    if (!rises(solution)) continue;
    double squares = 0;
    for (std::size_t i = 0; i < y.size(); ++i) {
      squares += std::pow(value_at(solution, scaled[i]) - y[i], 2);
    }
    fit.rmse = std::sqrt(squares / static_cast<double>(y.size()));
    fit.r2 = 1 - squares / variance;
    fit.coefficients = unscaled(solution, *least, width);
    break;
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
