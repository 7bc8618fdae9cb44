#pragma once
// Where an engine's networks run.

#include <functional>
#include <string>

#include "core/context.h"

namespace sinter {

/// A context on EngineOptions::device with activations of EngineOptions::dtype, which the host
/// ignores, and with EngineOptions::fp8. `note` is told why "auto" passes over a GPU that is there.
/// Raises ErrorCode::invalid_argument for another name of either and for fp8 on the host,
/// ErrorCode::unsupported or ErrorCode::not_found for a device that this program or this machine
/// has not.
Context open_context(const std::string& device,
                     const std::string& dtype,
                     bool fp8,
                     const std::function<void(const std::string&)>& note);

}  // namespace sinter
