#include "cpu/kernels.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace sinter::cpu {

extern const Kernels baseline_kernels;
#ifdef SINTER_CPU_X86
extern const Kernels avx2_kernels;
extern const Kernels avx512_kernels;
#endif

namespace {

using Tables = std::array<const Kernels*, 4>;

Tables runnable_tables() {
  Tables tables{};
  std::size_t count = 0;
  tables[count++] = &baseline_kernels;
#ifdef SINTER_CPU_X86
  // The flags of kernels/avx2.cpp and kernels/avx512.cpp in CMakeLists.txt; the compiler's test
  // asks the operating system too.
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (avx2) tables[count++] = &avx2_kernels;
  if (avx2 && avx512) tables[count++] = &avx512_kernels;
#endif
  return tables;
}

const Tables& tables() {
  static const Tables kTables = runnable_tables();
  return kTables;
}

const Kernels*& chosen() {
  static const Kernels* table = *std::prev(std::find(tables().begin(), tables().end(), nullptr));
  return table;
}

}  // namespace

const Kernels& kernels() {
  return *chosen();
}

void use_kernels(const Kernels& table) {
  chosen() = &table;
}

const Kernels* const* all_kernels() {
  return tables().data();
}

}  // namespace sinter::cpu
