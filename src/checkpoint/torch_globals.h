#pragma once
// The Python objects that a PyTorch checkpoint may name, and what each means here. None is ever
// imported or called.
// Source: PyTorch, torch/_utils.py (the _rebuild functions), torch/storage.py (storage classes).

#include <cstdint>
#include <optional>
#include <span>

#include "checkpoint/pickle.h"
#include "core/dtype.h"

namespace sinter::checkpoint {

enum class TorchRole {
  dictionary,       ///< collections.OrderedDict
  size,             ///< torch.Size(tuple)
  tensor,           ///< _rebuild_tensor_v2(storage, offset, size, stride, ..., metadata)
  typed_tensor,     ///< _rebuild_tensor_v3(storage, offset, size, stride, ..., dtype, metadata)
  parameter,        ///< _rebuild_parameter(tensor, requires_grad, hooks)
  storage,          ///< a storage class, with the dtype of its elements
  untyped_storage,  ///< a storage counted in bytes
  dtype,            ///< torch.float16, ...
};

struct TorchGlobal {
  TorchRole role = TorchRole::dtype;
  /// Empty for a role without one, and for an element type that sinter does not know.
  std::optional<DType> dtype;
};

/// The list for Pickle::parse().
std::span<const PickleGlobal> torch_globals();
/// What the entry of that list with this index means.
const TorchGlobal& torch_global(std::int64_t index);

}  // namespace sinter::checkpoint
