#include "pipeline/run_monitor.h"

#include <sys/resource.h>

#include <algorithm>
#include <string_view>

#include "core/error.h"

namespace sinter::pipeline {

namespace {
std::uint64_t peak_resident_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;  // Linux counts kibibytes
}
}  // namespace

RunMonitor::RunMonitor(std::vector<PlannedStage> plan,
                       const ProgressCallback& progress,
                       Metrics& metrics)
    : plan_(std::move(plan)), progress_(progress), metrics_(metrics), current_(plan_.size()) {
  for (const PlannedStage& stage : plan_) work_total_ += stage.work;
}

RunMonitor::~RunMonitor() {
  end_stage();
  metrics_.seconds = seconds();
  metrics_.peak_memory_bytes = peak_resident_bytes();
}

void RunMonitor::begin(const char* stage) {
  if (current_ < plan_.size()) report(1);
  end_stage();
  SINTER_CHECK(next_ < plan_.size() && std::string_view(plan_[next_].name) == stage,
               ErrorCode::internal,
               "[monitor] stage '",
               stage,
               "' is not the next of the plan");
  current_ = next_++;
  stage_start_ = seconds();
  report(0);
}

void RunMonitor::advance(double fraction) {
  report(std::clamp(fraction, 0.0, 1.0));
}

void RunMonitor::poll() {
  constexpr double kInterval = 0.02;
  if (current_ < plan_.size() && seconds() - last_report_ >= kInterval) report(fraction_);
}

void RunMonitor::finish() {
  if (current_ < plan_.size()) report(1);
  end_stage();
}

void RunMonitor::end_stage() {
  if (current_ == plan_.size()) return;
  metrics_.stages.push_back({plan_[current_].name, seconds() - stage_start_});
  work_done_ += plan_[current_].work;
  current_ = plan_.size();
}

void RunMonitor::report(double fraction) {
  if (!progress_) return;
  fraction_ = fraction;
  last_report_ = seconds();
  Progress now;
  now.stage = plan_[current_].name;
  now.stage_fraction = fraction;
  now.total = (work_done_ + fraction * plan_[current_].work) / work_total_;
  now.seconds = seconds();
  // Before that, start-up and the first step's cold caches make the estimate jump about.
  constexpr double kEstimateFrom = 0.02;
  if (now.total > kEstimateFrom) now.seconds_left = now.seconds / now.total * (1 - now.total);
  if (!progress_(now)) fail(ErrorCode::cancelled, "cancelled");
}

}  // namespace sinter::pipeline
