// A race on purpose: every part of a parallel loop writes to one element. The test that runs it
// passes where ThreadSanitizer reports it.
#include <cstdint>
#include <vector>

#include "cpu/threads.h"

int main() {
  std::vector<std::int64_t> sums(8);
  sinter::cpu::parallel_ranges(4, 1 << 20, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) sums[3] += i;
  });
  return sums[3] < 0 ? 1 : 0;
}
