#pragma once
// What this machine can do at most, measured and not looked up: the yardstick of the benchmarks.

namespace sinter::bench {

/// f32 multiply-adds of `threads` threads on registers alone, in GFLOP/s (two operations each).
double peak_gflops(int threads);

}  // namespace sinter::bench
