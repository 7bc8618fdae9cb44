#pragma once
// Key lists: the names, dtypes and shapes of a checkpoint as text, so that tests can prove "every
// tensor is bound, none is left over" without the weights.
//
// One tensor, or one family of tensors, a line: "name dtype shape", for example
//   model.double_blocks.{0..15}.img_mod.lin.weight F16 6144,1024
// {a..b} stands for the integers a to b, {a,b,c} for the words; a line may hold several. A shape is
// comma-separated extents, "-" for rank 0. Empty lines and lines that start with '#' are skipped.

#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/safetensors.h"

namespace sinter::checkpoint {

/// The expanded list, for Checkpoint::outline(). Raises ErrorCode::not_found or io for the file,
/// ErrorCode::corrupt with the line number for the text.
std::vector<TensorEntry> read_key_list(const std::string& path);
std::vector<TensorEntry> parse_key_list(std::string_view text, std::string_view label);

}  // namespace sinter::checkpoint
