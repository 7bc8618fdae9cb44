#pragma once
// The toy network and Euler's steps in float64, written from the definitions.

#include <cmath>
#include <functional>
#include <vector>

#include "sampling/toy_network.h"

namespace sinter::sampling {

inline constexpr std::int64_t kCount = kToyTokens * kToyChannels;
inline constexpr float kGuidance = 3.0F;

inline std::vector<float> start() {
  std::vector<float> x;
  for (std::int64_t i = 0; i < kCount; ++i) x.push_back(std::sin(1.7F * static_cast<float>(i)));
  return x;
}

struct ExactToy {
  using Values = std::vector<double>;
  const Schedule& schedule;
  int branches = 2;

  Values embed(const Values& x) const {
    Values h(static_cast<std::size_t>(branches * kToyTokens * kToyWidth));
    for (std::size_t i = 0; i < h.size(); ++i) {
      const std::size_t token = i / kToyWidth % kToyTokens;
      h[i] = Toy<double>::embed(&x[token * kToyChannels], static_cast<std::int64_t>(i % kToyWidth));
    }
    return h;
  }
  Values blocks(Values h, int first, int end, double sigma) const {
    for (int b = first; b < end; ++b) {
      for (std::size_t t = 0; t < h.size() / kToyWidth; ++t) {
        const Values old(h.begin() + static_cast<std::ptrdiff_t>(t * kToyWidth),
                         h.begin() + static_cast<std::ptrdiff_t>((t + 1) * kToyWidth));
        for (std::size_t w = 0; w < kToyWidth; ++w) {
          const double left = old[(w + kToyWidth - 1) % kToyWidth];
          h[t * kToyWidth + w] =
              Toy<double>::block(b, old[w], left, sigma, static_cast<int>(t / kToyTokens));
        }
      }
    }
    return h;
  }
  Values head(const Values& h, double sigma) const {
    Values v(static_cast<std::size_t>(kCount));
    for (std::size_t i = 0; i < v.size(); ++i) {
      const std::size_t token = i / kToyChannels;
      const auto of = [&](std::size_t branch) {
        return Toy<double>::head(&h[(branch * kToyTokens + token) * kToyWidth],
                                 static_cast<std::int64_t>(i % kToyChannels),
                                 sigma);
      };
      v[i] = branches == 1 ? of(0) : of(1) + kGuidance * (of(0) - of(1));
    }
    return v;
  }
  double sigma(int step) const { return schedule.sigmas[static_cast<std::size_t>(step)]; }
  Values velocity(const Values& x, int step) const {
    return head(blocks(embed(x), 0, kToyBlocks, sigma(step)), sigma(step));
  }
  static Values first() {
    const std::vector<float> x = start();
    return {x.begin(), x.end()};
  }
  /// Euler with velocities from `at(x, step)`.
  Values integrate(const std::function<Values(const Values&, int)>& at) const {
    Values x = first();
    for (int step = 0; step < schedule.steps(); ++step) {
      const Values v = at(x, step);
      for (std::size_t i = 0; i < x.size(); ++i) x[i] += (sigma(step + 1) - sigma(step)) * v[i];
    }
    return x;
  }
};

inline double change(const ExactToy::Values& a, const ExactToy::Values& b, double* size = nullptr) {
  double sum = 0, of_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    sum += std::abs(a[i] - b[i]);
    of_b += std::abs(b[i]);
  }
  if (size != nullptr) *size = of_b;
  return sum;
}

}  // namespace sinter::sampling
