#pragma once
// A cache configuration from recorded runs.

#include <span>

#include "sampling/cache_config.h"
#include "sampling/calibration.h"
#include "sinter/cache.h"

namespace sinter {

/// `made` is what the runs were. Raises the errors of fit_polynomial() and best_schedule(), and
/// ErrorCode::unsupported for TeaCache where the network modulates nothing.
CacheFit make_cache_fit(std::span<const sampling::Trajectory> runs,
                        const CacheFitOptions& options,
                        const sampling::CacheCalibration& made);

}  // namespace sinter
