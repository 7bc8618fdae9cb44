#pragma once
// The check of a numeric option.

#include "core/error.h"

namespace sinter {

/// Raises ErrorCode::invalid_argument, "[who] option: expected least..most, got value", for a value
/// outside, NaN included.
template <class Value>
void check_range(const char* who, const char* option, Value value, Value least, Value most) {
  SINTER_CHECK(value >= least && value <= most,
               ErrorCode::invalid_argument,
               "[",
               who,
               "] ",
               option,
               ": expected ",
               least,
               "..",
               most,
               ", got ",
               value);
}

}  // namespace sinter
