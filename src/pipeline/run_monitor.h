#pragma once
// Follows one run: times its stages, tells the caller where it stands, and stops it where the
// caller says so.

#include <chrono>
#include <string>
#include <vector>

#include "sinter/engine.h"

namespace sinter::pipeline {

/// A stage and its estimated share of the work, in any one unit for all stages.
struct PlannedStage {
  const char* name;
  double work;
};

class RunMonitor {
 public:
  RunMonitor(std::vector<PlannedStage> plan, const ProgressCallback& progress, Metrics& metrics);
  /// Records the time of the run and of a stage that an error cut short.
  ~RunMonitor();
  RunMonitor(const RunMonitor&) = delete;
  RunMonitor& operator=(const RunMonitor&) = delete;

  /// Ends the stage before it and begins the next of the plan. Raises ErrorCode::cancelled where
  /// the callback says stop.
  void begin(const char* stage);
  /// Fraction of the current stage that is done, 0..1. Raises ErrorCode::cancelled as begin() does.
  void advance(double fraction);
  /// Lets the callback see the same fraction again where it has not been called for 20 ms, so that
  /// it can cancel between the parts of a long operation.
  void poll();
  /// Ends the last stage.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }
  void end_stage();
  void report(double fraction);

  std::vector<PlannedStage> plan_;
  const ProgressCallback& progress_;
  Metrics& metrics_;
  Clock::time_point start_ = Clock::now();
  std::size_t current_;  // index into plan_; plan_.size() while no stage runs
  std::size_t next_ = 0;
  double stage_start_ = 0;
  double fraction_ = 0;     // of the current stage
  double last_report_ = 0;  // seconds
  double work_done_ = 0;    // by the stages that ended
  double work_total_ = 0;
};

}  // namespace sinter::pipeline
