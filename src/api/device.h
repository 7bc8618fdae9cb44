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

/// EngineOptions::dtype: the type of activations on an accelerator. Raises
/// ErrorCode::invalid_argument for another name.
DType parse_compute_type(const std::string& dtype);

}  // namespace sinter
