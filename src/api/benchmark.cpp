#include "sinter/benchmark.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "checkpoint/official_config.h"
#include "core/check_range.h"

namespace sinter {

namespace {

/// A cut-out ball, lit from above on one side, with bands so that the views differ.
Picture made_up_picture(View view) {
  constexpr int kSide = 512;
  constexpr double kRadius = 0.8;
  Picture picture{.path = {}, .view = view};
  picture.width = picture.height = kSide;
  picture.rgba.resize(std::size_t{4} * kSide * kSide);
  for (int row = 0; row < kSide; ++row) {
    for (int column = 0; column < kSide; ++column) {
      const double x = 2.0 * column / kSide - 1, y = 1 - 2.0 * row / kSide;
      const double inside = kRadius * kRadius - x * x - y * y;
      if (inside < 0) continue;
      const double z = std::sqrt(inside);
      const double light = 0.3 + 0.7 * std::max(0.0, 0.5 * x + 0.6 * y + 0.6 * z) / kRadius;
      const double bands = std::sin(9 * y + 2 * static_cast<double>(view) * x);
      const std::array<double, 3> colour = {0.75 + 0.2 * bands, 0.55, 0.45 - 0.2 * bands};
      std::uint8_t* pixel = &picture.rgba[std::size_t{4} * (row * kSide + column)];
      for (std::size_t c = 0; c < 3; ++c) {
        pixel[c] = static_cast<std::uint8_t>(std::clamp(255 * light * colour[c], 0.0, 255.0));
      }
      pixel[3] = 255;
    }
  }
  return picture;
}

StageFigures figures_of(const std::string& stage, std::vector<double> seconds) {
  std::sort(seconds.begin(), seconds.end());
  const std::size_t middle = seconds.size() / 2;
  const double median =
      seconds.size() % 2 == 1 ? seconds[middle] : (seconds[middle - 1] + seconds[middle]) / 2;
  return {.stage = stage, .median = median, .least = seconds.front(), .most = seconds.back()};
}

}  // namespace

ShapeBenchmark benchmark_shape(Engine& engine,
                               const GenerateOptions& options,
                               const BenchmarkOptions& benchmark,
                               const ProgressCallback& progress) {
  check_range("bench", "runs", benchmark.runs, 1, 1000);
  check_range("bench", "warm-ups", benchmark.warm_ups, 0, 1000);
  check_range("bench", "views", benchmark.views, 1, 4);
  std::vector<Picture> pictures;
  for (int view = 0; view < benchmark.views; ++view) {
    pictures.push_back(made_up_picture(static_cast<View>(view)));
  }
  ShapeBenchmark result;
  std::vector<Metrics> timed;
  for (int run = 0; run < benchmark.warm_ups + benchmark.runs; ++run) {
    engine.generate(pictures, options, progress, &result.metrics);
    if (run == 0) result.warm_up_seconds = result.metrics.seconds;
    if (run >= benchmark.warm_ups) timed.push_back(result.metrics);
  }
  const auto collect = [&](const auto& seconds_of) {
    std::vector<double> seconds;
    for (const Metrics& metrics : timed) seconds.push_back(seconds_of(metrics));
    return seconds;
  };
  result.whole = figures_of("whole", collect([](const Metrics& m) { return m.seconds; }));
  for (std::size_t i = 0; i < result.metrics.stages.size(); ++i) {
    const StageTime& last = result.metrics.stages[i];
    StageFigures& stage = result.stages.emplace_back(
        figures_of(last.stage, collect([i](const Metrics& m) { return m.stages[i].seconds; })));
    stage.flop = last.flop;
    stage.bytes = last.bytes;
    result.whole.flop += last.flop;
    result.whole.bytes += last.bytes;
  }
  result.ceilings = engine.measure_ceilings();
  return result;
}

std::vector<std::string> released_variants() {
  const auto names = checkpoint::official_variants();
  return {names.begin(), names.end()};
}

}  // namespace sinter
