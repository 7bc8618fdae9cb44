#pragma once
// Progress on standard error: one line that renews itself on a terminal, one line a stage where it
// is piped.

#include <string>

#include "sinter/progress.h"

namespace sinter::cli {

class ProgressLine {
 public:
  explicit ProgressLine(bool quiet);
  ~ProgressLine() { finish(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void show(const Progress& progress);
  /// Ends the renewed line, so that what follows starts on a line of its own.
  void finish();

 private:
  bool quiet_;
  bool terminal_;
  bool line_open_ = false;
  double last_shown_ = -1;
  std::string stage_;
  double stage_start_ = 0;
  bool stage_done_ = false;
};

}  // namespace sinter::cli
