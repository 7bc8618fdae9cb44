#include "nn/layer_norm.h"

namespace sinter::nn {

LayerNorm::LayerNorm(const checkpoint::Binder& binder,
                     std::string_view name,
                     std::int64_t channels,
                     float epsilon)
    : weight(binder.take(cat(name, ".weight"), {channels})),
      bias(binder.take(cat(name, ".bias"), {channels})),
      eps(epsilon) {}

}  // namespace sinter::nn
