#include "cpu/threads.h"

#include <algorithm>

namespace sinter::cpu::detail {

void run_ranges(int threads,
                std::int64_t count,
                void (*call)(void*, std::int64_t, std::int64_t, int),
                void* body) {
  const int parts = static_cast<int>(std::min<std::int64_t>(std::max(threads, 1), count));
  if (parts <= 1) {
    if (count > 0) call(body, 0, count, 0);
    return;
  }
#pragma omp parallel for num_threads(parts) schedule(static, 1)
  for (int part = 0; part < parts; ++part) {
    call(body, count * part / parts, count * (part + 1) / parts, part);
  }
}

}  // namespace sinter::cpu::detail
