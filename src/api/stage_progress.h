#pragma once
// Progress of a run of several stages whose shares of the work are known.

#include <algorithm>
#include <chrono>
#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"
#include "sinter/progress.h"

namespace sinter {

class StageProgress {
 public:
  /// Stages in order, each with its part of the work; the parts sum up to 1.
  StageProgress(ProgressCallback callback,
                std::initializer_list<std::pair<const char*, double>> stages)
      : callback_(std::move(callback)), stages_(stages) {}

  /// Raises ErrorCode::cancelled where the callback asks for it.
  void tell(std::string_view stage, double fraction) const {
    if (!callback_) return;
    Progress progress;
    double before = 0;
    for (const auto& [name, share] : stages_) {
      if (name == stage) {
        progress.stage = name;
        progress.stage_fraction = fraction;
        progress.total = std::min(1.0, before + share * fraction);
        break;
      }
      before += share;
    }
    progress.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    constexpr double kEnough = 0.05;  // of the run, for an estimate of the rest
    if (progress.total > kEnough) {
      progress.seconds_left = progress.seconds * (1 - progress.total) / progress.total;
    }
    if (!callback_(progress)) fail(ErrorCode::cancelled, "cancelled");
  }

 private:
  ProgressCallback callback_;
  std::vector<std::pair<const char*, double>> stages_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace sinter
