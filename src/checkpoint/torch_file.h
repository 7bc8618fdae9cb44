#pragma once
// Checkpoints written by torch.save: a zip archive with a pickle of the dictionary (`data.pkl`),
// each storage as an entry of its own (`data/0`, `data/1`, ...) and, since PyTorch 2.1, the byte
// order (`byteorder`).
// Format: PyTorch, torch/serialization.py (_save, _load); caffe2/serialize/inline_container.h.

#include <cstddef>
#include <span>
#include <string_view>

#include "checkpoint/torch_state.h"

namespace sinter::checkpoint {

/// True for a path that ends with .ckpt, .bin, .pt or .pth.
bool is_torch_path(std::string_view path);

/// Reads the names, dtypes and shapes of a whole file without running anything; see
/// read_torch_state() for what the file may hold. Tensor data is neither read nor copied, except
/// for tensors that do not lie row by row. The checksums of pickle and byte order are checked,
/// those of the storages are not, because that would read the whole file.
///
/// `label` names the file in messages. Raises Error: corrupt for a broken archive or pickle,
/// unsupported for a pickle that names anything else than tensors need (with its name), for
/// compressed archives (TorchScript programs are), big-endian files, and the formats of PyTorch
/// before 1.6, with a hint how to convert them.
TorchTensors parse_torch_file(std::span<const std::byte> file, std::string_view label);

}  // namespace sinter::checkpoint
