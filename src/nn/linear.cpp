#include "nn/linear.h"

#include <algorithm>
#include <string>
#include <vector>

#include "checkpoint/convert.h"

namespace sinter::nn {

namespace {

using checkpoint::Binder;

/// The mapped bytes of a weight; undefined, with the reason recorded in the binder, where they are
/// no weight, and undefined out of an outline. Taking the next one lets go of the pages of this
/// one, so the large weight comes last.
Tensor take_view(const Binder& binder, const std::string& name, const Shape& shape) {
  const checkpoint::TensorEntry* entry = binder.take_raw(name, shape);
  if (entry == nullptr || entry->bytes.empty()) return {};
  if (!is_floating(entry->dtype)) {
    binder.add_problem(
        cat(binder.full_name(name), ": expected a floating dtype, got ", to_string(entry->dtype)));
    return {};
  }
  if (const std::int64_t bad = checkpoint::find_non_finite(*entry, binder.placement().threads);
      bad >= 0) {
    binder.add_problem(cat(binder.full_name(name),
                           ": infinite or not a number at ",
                           checkpoint::coordinates(bad, shape)));
    return {};
  }
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
  const Tensor b = bias ? take_view(binder, cat(name, ".bias"), {slice.total}) : Tensor{};
  const Tensor w = take_view(binder, cat(name, ".weight"), {slice.total, in});
  if (!w.defined() || (bias && !b.defined())) return;
  weight = ops::LinearWeight(
      w.slice(slice.first, end), bias ? b.slice(slice.first, end) : b, binder.placement());
}

Linear Linear::stacked(const Binder& binder,
                       std::initializer_list<std::string_view> names,
                       std::int64_t in,
                       std::int64_t out,
                       bool bias) {
  std::vector<Tensor> stack;
  std::vector<float> values;
  bool all = true;
  if (bias) {
    for (const std::string_view name : names) {
      const Tensor b = binder.take_on_host(cat(name, ".bias"), {out});
      all = all && b.defined();
      if (b.defined()) values.insert(values.end(), b.f32(), b.f32() + out);
    }
  }
  for (const std::string_view name : names) {
    stack.push_back(take_view(binder, cat(name, ".weight"), {out, in}));
    all = all && stack.back().defined();
  }
  Linear layer;
  if (!all) return layer;
  const Tensor joined{
      .data = values.data(), .shape = {static_cast<std::int64_t>(values.size())}, .name = "bias"};
  layer.weight = ops::LinearWeight(stack, bias ? joined : Tensor{}, binder.placement());
  return layer;
}

Linear Linear::convolution(const checkpoint::Binder& binder,
                           std::string_view name,
                           const Shape& kernel) {
  Linear layer;
  const Tensor b = take_view(binder, cat(name, ".bias"), {kernel[0]});
  const Tensor w = take_view(binder, cat(name, ".weight"), kernel);
  if (w.defined() && b.defined()) layer.weight = ops::LinearWeight(w, b, binder.placement());
  return layer;
}

}  // namespace sinter::nn
