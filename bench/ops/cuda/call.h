#pragma once
// What the C functions for the comparisons with PyTorch share.

#include <cstdio>

#include "core/error.h"

namespace sinter::bench {

/// 0, or 1 after printing what went wrong.
template <class Body>
int run(Body body) {
  try {
    body();
    return 0;
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}

}  // namespace sinter::bench
