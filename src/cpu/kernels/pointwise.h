#pragma once
// Element-wise loops over contiguous values.

#include "cpu/kernels.h"
#include "cpu/kernels/math.h"

namespace sinter::cpu {
namespace {

/// x[i] = body(x[i], i-th vector of others...) over whole vectors, then the rest.
template <class Body, class... Others>
SINTER_INLINE void transform(float* x, std::int64_t count, Body body, const Others*... others) {
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) store(x + i, body(load(x + i), load(others + i)...));
  if (i == count) return;
  const std::int64_t rest = count - i;
  const Vec last = body(load_partial(x + i, rest, 0.0F), load_partial(others + i, rest, 0.0F)...);
  store_partial(x + i, last, rest);
}

void activate(float* x, std::int64_t count, Pointwise pointwise) {
  switch (pointwise) {
    case Pointwise::none:
      return;
    case Pointwise::gelu_erf:
      return transform(x, count, [](Vec v) { return gelu_erf(v); });
    case Pointwise::gelu_tanh:
      return transform(x, count, [](Vec v) { return gelu_tanh(v); });
    case Pointwise::silu:
      return transform(x, count, [](Vec v) { return silu(v); });
  }
}

void silu_mul(const float* a, const float* b, float* y, std::int64_t count) {
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) store(y + i, silu(load(a + i)) * load(b + i));
  if (i == count) return;
  const std::int64_t rest = count - i;
  const Vec last = silu(load_partial(a + i, rest, 0.0F)) * load_partial(b + i, rest, 0.0F);
  store_partial(y + i, last, rest);
}

void add(float* x, const float* y, std::int64_t count) {
  transform(
      x, count, [](Vec a, Vec b) { return a + b; }, y);
}

void add_gated(float* x, const float* gate, const float* y, std::int64_t count) {
  transform(
      x, count, [](Vec a, Vec g, Vec b) { return a + g * b; }, gate, y);
}

void add_scaled(float* x, float factor, const float* y, std::int64_t count) {
  transform(
      x, count, [factor](Vec a, Vec b) { return a + factor * b; }, y);
}

void scale(float* x, float factor, std::int64_t count) {
  transform(x, count, [factor](Vec a) { return a * factor; });
}

void blend(float* x, float factor, const float* y, std::int64_t count) {
  transform(
      x, count, [factor](Vec a, Vec b) { return a + factor * (b - a); }, y);
}

}  // namespace
}  // namespace sinter::cpu
