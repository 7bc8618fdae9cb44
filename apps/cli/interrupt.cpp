#include "interrupt.h"

#include <csignal>

namespace sinter::cli {

namespace {

volatile std::sig_atomic_t count = 0, limit = 0;

// Calls only what POSIX allows in a handler.
void on_signal(int signal) {
  count = count + 1;
  if (count <= limit) return;
  std::signal(signal, SIG_DFL);
  std::raise(signal);  // delivered when this function returns
}

}  // namespace

void count_interrupts(int wishes) {
  limit = wishes;
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
}

int interrupts() {
  return count;
}

}  // namespace sinter::cli
