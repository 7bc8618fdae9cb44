#pragma once
// A network of a few numbers that shows its parts, for tests of the sampling loop, and the same in
// float64.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "ops/step_network.h"
#include "sampling/schedule.h"

namespace sinter::sampling {

inline constexpr std::int64_t kToyTokens = 5, kToyChannels = 3, kToyWidth = 4;
inline constexpr int kToyBlocks = 6;

/// The formulas, for one token and branch. T is float or double.
template <class T>
struct Toy {
  static T embed(const T* x, std::int64_t w) {
    return T(0.7) * x[w % kToyChannels] + T(0.2) * x[(w + 1) % kToyChannels];
  }
  static T block(int index, T h, T left, T sigma, int branch) {
    const T b = T(index + 1);
    return h + T(0.05) * std::sin(b * h + left + T(3) * sigma) + T(0.02) * b * sigma +
           T(0.01) * T(branch);
  }
  static T head(const T* h, std::int64_t c, T sigma) {
    return T(1.1) * h[c] - T(0.4) * h[c + 1] + T(0.3) * std::cos(T(4) * sigma);
  }
  static T gate(T sigma) { return T(1) + T(0.3) * sigma; }
  static T modulated(T h, T sigma) { return (T(1) + T(0.5) * sigma) * h + T(0.1) * sigma; }
};

class ToyNetwork final : public ops::StepNetwork {
 public:
  ToyNetwork(const Schedule& schedule, int branches) : schedule_(schedule), branches_(branches) {}

  void prepare(Context& ctx, std::int64_t latents) override {
    tokens_ = ctx.activation({branches_ * latents, kToyWidth}, "tokens");
  }
  int blocks() const override { return kToyBlocks; }
  void embed(Context&, const ops::Step& step, const Tensor& latents) override {
    blocks_run.resize(static_cast<std::size_t>(schedule_.steps()));
    if (step.number >= stop_at) fail(ErrorCode::cancelled, "cancelled");
    for (std::int64_t t = 0; t < branches_ * kToyTokens; ++t) {
      const float* x = latents.f32() + t % kToyTokens * kToyChannels;
      for (std::int64_t w = 0; w < kToyWidth; ++w) {
        tokens_.f32_mut()[t * kToyWidth + w] = Toy<float>::embed(x, w);
      }
    }
  }
  void run_blocks(Context&, const ops::Step& step, int first, int end) override {
    blocks_run[static_cast<std::size_t>(step.number)] += end - first;
    for (int b = first; b < end; ++b) {
      for (std::int64_t t = 0; t < branches_ * kToyTokens; ++t) {
        float* h = tokens_.f32_mut() + t * kToyWidth;
        float left = h[kToyWidth - 1];
        for (std::int64_t w = 0; w < kToyWidth; ++w) {
          const float old = h[w];
          h[w] = Toy<float>::block(b, old, left, sigma(step), static_cast<int>(t / kToyTokens));
          left = old;
        }
      }
    }
  }
  int modules() const override { return kToyBlocks; }
  void show_modules(Context& ctx, const ops::Step& step, const ops::ModuleFn& show) override {
    std::vector<float> before(static_cast<std::size_t>(tokens_.elements())), output = before;
    for (int b = 0; b < kToyBlocks; ++b) {
      std::copy_n(tokens_.f32(), before.size(), before.begin());
      run_blocks(ctx, step, b, b + 1);
      for (std::size_t i = 0; i < before.size(); ++i) {
        output[i] = (tokens_.f32()[i] - before[i]) / Toy<float>::gate(sigma(step));
      }
      show(ctx, b, {.data = output.data(), .shape = tokens_.shape, .name = "module"});
    }
  }
  void fill_modules(Context& ctx, const ops::Step& step, const ops::ModuleFn& fill) override {
    std::vector<float> output(static_cast<std::size_t>(tokens_.elements()));
    for (int b = 0; b < kToyBlocks; ++b) {
      fill(ctx, b, {.data = output.data(), .shape = tokens_.shape, .name = "module"});
      for (std::size_t i = 0; i < output.size(); ++i) {
        tokens_.f32_mut()[i] += Toy<float>::gate(sigma(step)) * output[i];
      }
    }
  }
  void head(Context&, const ops::Step& step, const Tensor& velocity) override {
    for (std::int64_t t = 0; t < branches_ * kToyTokens; ++t) {
      for (std::int64_t c = 0; c < kToyChannels; ++c) {
        velocity.f32_mut()[t * kToyChannels + c] =
            Toy<float>::head(tokens_.f32() + t * kToyWidth, c, sigma(step));
      }
    }
  }
  std::vector<Tensor> trunk() const override {
    // In two parts, as a network with tokens between them has them.
    const std::int64_t cut = 2;
    return {tokens_.slice(0, cut), tokens_.slice(cut, tokens_.dim(0))};
  }
  void take_trunk(Context&, const ops::Step&) override { ++trunks_taken; }
  bool has_modulated_input() const override { return true; }
  void modulated_input(Context&, const ops::Step& step, const Tensor& dst) override {
    for (std::int64_t i = 0; i < dst.elements(); ++i) {
      dst.f32_mut()[i] = Toy<float>::modulated(tokens_.f32()[i], sigma(step));
    }
    if (step.number == bad_input_at) dst.f32_mut()[1] = std::numeric_limits<float>::quiet_NaN();
  }

  /// Blocks that ran in each step.
  std::vector<int> blocks_run;
  int trunks_taken = 0;
  std::int64_t stop_at = 1000, bad_input_at = -1;

 private:
  float sigma(const ops::Step& step) const {
    return schedule_.sigmas[static_cast<std::size_t>(step.number)];
  }
  const Schedule& schedule_;
  std::int64_t branches_;
  Tensor tokens_;
};

}  // namespace sinter::sampling
