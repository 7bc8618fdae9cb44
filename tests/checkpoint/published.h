#pragma once
// The released checkpoints of the family: names, shapes and configuration of each, no weights.

#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "checkpoint/config.h"
#include "checkpoint/key_list.h"

namespace sinter::checkpoint {

inline const std::string kPublishedFolder = SINTER_SOURCE_DIR "/tests/checkpoint/";

/// A line of published.txt.
struct PublishedCheckpoint {
  std::string folder;                ///< "hunyuan3d-dit-v2-0"
  std::string list;                  ///< its file in keys/, without extension
  std::optional<std::size_t> bytes;  ///< published size of model.fp16.safetensors

  bool stand_alone_vae() const { return folder.find("-vae-") != std::string::npos; }
  Checkpoint outline() const {
    return Checkpoint::outline(read_key_list(kPublishedFolder + "keys/" + list + ".txt"), folder);
  }
  ConfigNode config() const {
    return ConfigNode::load(kPublishedFolder + "configs/" + folder + ".yaml");
  }
};

inline std::vector<PublishedCheckpoint> published_checkpoints() {
  std::ifstream file(kPublishedFolder + "published.txt");
  std::vector<PublishedCheckpoint> result;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream words(line);
    PublishedCheckpoint& one = result.emplace_back();
    std::string bytes;
    words >> one.folder >> one.list >> bytes;
    if (bytes != "-") one.bytes = std::stoull(bytes);
  }
  return result;
}

}  // namespace sinter::checkpoint
