#pragma once
// Where an engine's networks run, and where maps and textures are made.

#include <functional>
#include <memory>
#include <string>

#include "core/context.h"

namespace sinter {

/// "auto", "cpu", "cuda" or "cuda:N"; null for the host. `note` is told why "auto" passes over a
/// GPU that is there. Raises ErrorCode::invalid_argument for another name, ErrorCode::unsupported
/// or ErrorCode::not_found for a device that this program or this machine has not.
std::shared_ptr<Accelerator> open_device(const std::string& device,
                                         const std::function<void(const std::string&)>& note);

/// A context on EngineOptions::device with activations of EngineOptions::dtype, which the host
/// ignores, and with EngineOptions::fp8. Raises as open_device(), and
/// ErrorCode::invalid_argument for another name of a type and for fp8 on the host.
Context open_context(const std::string& device,
                     const std::string& dtype,
                     bool fp8,
                     const std::function<void(const std::string&)>& note);

}  // namespace sinter
