#pragma once
// The configurations of the released models, for building one without its files.

#include <span>
#include <string>
#include <string_view>

namespace sinter::checkpoint {

/// What users call the released bundles: "base", "mini", "mv", each also "-fast" and "-turbo" (that
/// of base is "turbo", "fast"), and "2.1".
std::span<const std::string_view> official_variants();

/// config.yaml of a bundle, with the published values. Raises ErrorCode::invalid_argument, listing
/// the names, for one that official_variants() does not hold.
std::string official_config(std::string_view variant);

/// {target, params} of the stand-alone VAE that the reference pipeline decodes this bundle with
/// when FlashVDM is on: for step-distilled bundles the one with a small geometry decoder, and with
/// its number of latents. Empty for bundles that keep their own. Raises as official_config() does.
std::string official_fast_vae(std::string_view variant);

}  // namespace sinter::checkpoint
