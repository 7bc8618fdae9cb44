#pragma once
// A configuration for weights that come without config.yaml, from their names and shapes.

#include <optional>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"

namespace sinter::checkpoint {

struct DerivedConfig {
  /// The document, in the official form: a bundle's, or a stand-alone VAE's {target, params}. A
  /// network that the file lacks has no section.
  std::string yaml;
  /// What the file was taken for: "Hunyuan3D 2mini, distilled".
  std::string recognised;
  /// What no header tells and was taken from the published model of that family, one value each:
  /// "single view", "num_latents 3072", "scale_factor 0.9990943042622529". The values:
  ///
  ///   transformer              latents  scale_factor        picture  encoder input  scheduler
  ///   2.0, and any other size  3072     0.9990943042622529  512      its table's    Euler
  ///   2.0, distilled           3072     0.9990943042622529  512      its table's    consistency
  ///   mini                     512      1.0188137142395404  512      its table's    Euler
  ///   mini, distilled          3072     1.0188137142395404  1022     1022           consistency
  ///   2.1                      4096     1.0039506158752403  512      its table's    Euler
  ///   none (a VAE alone)       3072     0.9990943042622529
  ///
  /// A distilled model is taken for a turbo one. Every model is taken for one of a single view.
  std::vector<std::string> assumed;
};

/// Nothing where none of the networks is found. Reads no tensor data. The values of released models
/// equal those of their published config.yaml.
std::optional<DerivedConfig> derive_config(const Checkpoint& checkpoint);

}  // namespace sinter::checkpoint
