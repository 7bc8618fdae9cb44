#include "cpu/copy_rate.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "core/buffer.h"
#include "cpu/threads.h"

namespace sinter::cpu {

double copy_rate(int threads) {
  constexpr std::size_t kBytes = std::size_t{256} << 20;
  const Buffer from(kBytes), to(kBytes);
  std::memset(from.data(), 1, kBytes);
  std::memset(to.data(), 2, kBytes);
  double best = 1e30;
  for (int repeat = 0; repeat < 5; ++repeat) {
    const auto start = std::chrono::steady_clock::now();
    parallel_ranges(threads, kBytes, [&](std::int64_t begin, std::int64_t end, int) {
      std::memcpy(to.data() + begin, from.data() + begin, static_cast<std::size_t>(end - begin));
    });
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    best = std::min(best, taken.count());
  }
  return 2.0 * static_cast<double>(kBytes) / best;
}

}  // namespace sinter::cpu
