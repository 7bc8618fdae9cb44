#include "progress_line.h"

#include <unistd.h>

#include <cstdio>

#include "text.h"

namespace sinter::cli {

ProgressLine::ProgressLine(bool quiet) : quiet_(quiet), terminal_(isatty(STDERR_FILENO) == 1) {}

void ProgressLine::show(const Progress& progress) {
  if (quiet_) return;
  const bool stage_done = progress.stage_fraction >= 1;
  if (stage_ != progress.stage) {
    stage_ = progress.stage;
    stage_start_ = progress.seconds;
    last_shown_ = -1;
    stage_done_ = false;
  }
  if (!terminal_) {
    if (stage_done && !stage_done_) {
      stage_done_ = true;
      std::fprintf(stderr,
                   "%-9s  done in %s\n",
                   progress.stage,
                   seconds_text(progress.seconds - stage_start_).c_str());
    }
    return;
  }
  constexpr double kRefresh =
      0.1;  // seconds: often enough to look alive, rare enough to cost nothing
  if (!stage_done && last_shown_ >= 0 && progress.seconds - last_shown_ < kRefresh) return;
  last_shown_ = progress.seconds;
  const std::string left = progress.seconds_left < 0
                               ? std::string()
                               : "  about " + seconds_text(progress.seconds_left) + " left";
  std::fprintf(stderr,
               "\r\033[K%-9s %3.0f %%   total %3.0f %%%s",
               progress.stage,
               100 * progress.stage_fraction,
               100 * progress.total,
               left.c_str());
  std::fflush(stderr);
  line_open_ = true;
}

void ProgressLine::finish() {
  if (line_open_) std::fputs("\r\033[K", stderr);
  line_open_ = false;
}

}  // namespace sinter::cli
