#pragma once
// The plan of a run's GPU memory, for people and programs.

#include <nlohmann/json_fwd.hpp>

#include "sinter/engine.h"

namespace sinter::cli {

/// Prints a plan to standard error when it is first seen, one line a stage; nothing on the CPU.
class MemoryReport {
 public:
  explicit MemoryReport(bool quiet) : quiet_(quiet) {}
  void show(const MemoryPlan& plan);

 private:
  bool quiet_, shown_ = false;
};

nlohmann::ordered_json plan_json(const MemoryPlan& plan);

}  // namespace sinter::cli
