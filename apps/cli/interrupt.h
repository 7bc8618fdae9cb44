#pragma once
// Ctrl-C: first a wish, then an order.

namespace sinter::cli {

/// From now on the first `wishes` signals SIGINT or SIGTERM are counted only; the one after them
/// ends the program as if it had not been caught, whatever the program is waiting for.
void count_interrupts(int wishes);

/// Signals so far.
int interrupts();

}  // namespace sinter::cli
