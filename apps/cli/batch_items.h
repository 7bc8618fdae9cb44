#pragma once
// What a batch works through: a folder of pictures, or a list file.

#include <string>
#include <vector>

#include "sinter/engine.h"

namespace sinter::cli {

struct BatchItem {
  std::string output;  ///< file name, without a folder, with its extension
  std::vector<Picture> pictures;
};

/// A folder: every file in it with a picture's extension, sorted by name; the output has the
/// picture's name, with its extension in front of the mesh's where two pictures differ in nothing
/// else.
///
/// A file: one item a line, empty lines and lines that begin with # left out:
///
///     chair.png
///     output=red-mug "my photos/mug 1.png"
///     front=car-1.png left=car-2.png back=car-3.png output=car
///
/// Fields are separated by blanks, quotes keep blanks together, and relative paths start at the
/// list's folder. The output's name is that of the first picture where none is given.
///
/// \param extension of the meshes, for example ".glb". Raises sinter::Error for an input that
/// cannot be read or holds nothing, and for a line (with its number) that is wrong or names an
/// output that an earlier one has.
std::vector<BatchItem> read_batch_items(const std::string& input, const std::string& extension);

}  // namespace sinter::cli
