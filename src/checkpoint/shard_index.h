#pragma once
// The index of a sharded checkpoint: {"metadata": {...}, "weight_map": {tensor: file, ...}}.

#include <map>
#include <string>
#include <string_view>

namespace sinter::checkpoint {

/// Tensor name -> file name, of every tensor. File names carry no directory. Raises
/// ErrorCode::corrupt with all problems in one line; `label` names the index in messages.
std::map<std::string, std::string, std::less<>> parse_shard_index(std::string_view text,
                                                                  std::string_view label);

}  // namespace sinter::checkpoint
