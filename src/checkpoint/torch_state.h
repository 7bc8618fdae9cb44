#pragma once
// From the pickle of a PyTorch checkpoint to named tensors.

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "checkpoint/safetensors.h"
#include "core/buffer.h"

namespace sinter::checkpoint {

/// Tensors sorted by name. `bytes` of an entry points into its storage where the tensor lies there
/// row by row, else into one of `copies`; it need not be aligned to the element size.
struct TorchTensors {
  std::vector<TensorEntry> entries;
  std::vector<Buffer> copies;
};

/// The bytes of the storage with this key; nothing where there is none.
using FindStorage = std::function<std::optional<std::span<const std::byte>>(std::string_view key)>;

/// Reads the pickle of a dictionary of tensors, `{"post_kl.weight": tensor, ...}`, or of one with
/// any of the keys `model`, `vae`, `conditioner`, each with such a dictionary; their tensors get
/// the key as prefix, as in a safetensors bundle: "vae.post_kl.weight". Either may stand below the
/// key `state_dict` of another dictionary. As upstream's loader does, what stands beside these
/// dictionaries (a step count, an optimiser) is ignored; so are values beside tensors that hold no
/// weights (numbers, text, lists).
///
/// Tensors may share a storage, start inside it, and have strides of any kind: transposed, sliced,
/// expanded. A tensor whose elements do not lie row by row is copied at once into that order; all
/// such copies together may take `copy_limit` bytes, which bounds what expanded tensors can grow
/// to.
///
/// Raises Error: whatever Pickle::parse() raises; corrupt with all faulty tensors in one line (a
/// missing storage, a wrong size, elements past the end of the storage, a repeated name);
/// unsupported for a dtype that sinter does not know, more than Shape::kMaxRank extents, copies
/// past the limit, or a pickle of something else. `label` names the file in messages.
TorchTensors read_torch_state(std::span<const std::byte> pickle,
                              const FindStorage& find_storage,
                              std::size_t copy_limit,
                              std::string_view label);

}  // namespace sinter::checkpoint
