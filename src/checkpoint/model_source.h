#pragma once
// From what a user writes for a model to its weights and its configuration.

#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "checkpoint/config.h"
#include "checkpoint/model_lookup.h"

namespace sinter::checkpoint {

struct ModelRequest {
  /// A path or the name of a repository; see find_model().
  std::string model;
  Variant variant = {};
  /// A configuration file in place of the one beside the weights; empty for that one.
  std::string config = {};
};

struct ModelSource {
  Checkpoint checkpoint;
  /// The file asked for, else config.yaml beside the weights, else derived from them. Not defined()
  /// where there is none and the weights are of no known network.
  ConfigNode config;
  /// One line each on what was taken for granted: a derived configuration with every assumed value,
  /// names of another program. Empty for a model in the official layout.
  std::vector<std::string> notes;
  /// Text of the configuration where it was derived, else empty.
  std::string derived_config;
};

/// Finds and opens a model. Reads headers and configuration only. Raises what find_model(),
/// Checkpoint::open() and ConfigNode::load() raise.
ModelSource open_model(const ModelRequest& request,
                       const ReadEnvironment& environment = process_environment);

}  // namespace sinter::checkpoint
