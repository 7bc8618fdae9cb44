#include "nn/linear.h"

namespace sinter::nn {

namespace {

/// A view of the mapped bytes; undefined where the binder recorded a problem.
Tensor view_of(const checkpoint::TensorEntry* entry) {
  if (entry == nullptr) return {};
  return {.data = const_cast<std::byte*>(entry->bytes.data()),
          .dtype = entry->dtype,
          .shape = entry->shape,
          .name = entry->name};
}

}  // namespace

Linear::Linear(const checkpoint::Binder& binder,
               std::string_view name,
               std::int64_t in,
               std::int64_t out,
               bool bias)
    : Linear(binder, name, in, OutputSlice{out, 0, out}, bias) {}

Linear::Linear(const checkpoint::Binder& binder,
               std::string_view name,
               std::int64_t in,
               const OutputSlice& slice,
               bool bias) {
  const std::int64_t end = slice.first + slice.count;
  const Tensor w = view_of(binder.take_raw(cat(name, ".weight"), {slice.total, in}));
  const Tensor b = bias ? view_of(binder.take_raw(cat(name, ".bias"), {slice.total})) : Tensor{};
  if (!w.defined() || (bias && !b.defined())) return;
  weight = ops::LinearWeight(w.slice(slice.first, end), bias ? b.slice(slice.first, end) : b);
}

Linear Linear::convolution(const checkpoint::Binder& binder,
                           std::string_view name,
                           const Shape& kernel) {
  Linear layer;
  const Tensor w = view_of(binder.take_raw(cat(name, ".weight"), kernel));
  const Tensor b = view_of(binder.take_raw(cat(name, ".bias"), {kernel[0]}));
  if (w.defined() && b.defined()) layer.weight = ops::LinearWeight(w, b);
  return layer;
}

}  // namespace sinter::nn
