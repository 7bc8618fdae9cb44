#pragma once
// Where an engine's networks run.

#include <functional>
#include <memory>
#include <string>

#include "core/accelerator.h"

namespace sinter {

/// EngineOptions::device: null for the host. `note` is told why "auto" passes over a GPU that is
/// there. Raises ErrorCode::invalid_argument for another name, ErrorCode::unsupported or
/// ErrorCode::not_found for a device that this program or this machine has not.
std::shared_ptr<Accelerator> open_device(const std::string& device,
                                         const std::function<void(const std::string&)>& note);

/// The type of activations: what EngineOptions::dtype names on an accelerator, f32 on the host.
/// Raises ErrorCode::invalid_argument for another name, on the host too.
DType compute_type(const std::string& dtype, bool accelerated);

}  // namespace sinter
