#pragma once
// What the memory of this machine can do at most, measured: a yardstick.

namespace sinter::cpu {

/// Bytes read plus bytes written each second by `threads` threads copying 256 MiB, best of five.
/// Raises ErrorCode::out_of_memory.
double copy_rate(int threads);

}  // namespace sinter::cpu
