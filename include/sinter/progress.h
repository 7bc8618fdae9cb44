#pragma once
/// \file
/// How far a long run is, and how to stop it.

#include <functional>

namespace sinter {

/// Where a run stands. `total` counts estimated work, so it moves evenly through stages of any
/// length.
struct Progress {
  /// Generating: "image", "condition", "sample", "latents", "volume", "surface", "mesh". Maps:
  /// "views". Baking: "pictures", "unwrap", "paint", "fill".
  const char* stage = "";
  double stage_fraction = 0;  ///< 0..1 of this stage
  double total = 0;           ///< 0..1 of the whole run
  double seconds = 0;         ///< since the run began
  double seconds_left = -1;   ///< estimate for the whole run; negative while unknown
};

/// Return false to cancel: the run stops within one step, decode chunk or view and raises
/// ErrorCode::cancelled.
using ProgressCallback = std::function<bool(const Progress&)>;

}  // namespace sinter
