// The module sinter._ops: every operator of sinter/ops.h, with its operands' names as arguments.

#include <nanobind/nanobind.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <array>
#include <cmath>
#include <string_view>
#include <utility>

#include "bind.h"
#include "sinter/version.h"

namespace sinter::python {

namespace {

using nb::handle;
using nb::literals::operator""_a;

/// The element of `choices` of that name.
template <class T, std::size_t n>
T choose(const Operands& operands,
         const char* what,
         std::string_view name,
         const std::array<std::pair<const char*, T>, n>& choices) {
  for (const auto& [choice, value] : choices)
    if (name == choice) return value;
  std::string known;
  for (const auto& [choice, value] : choices)
    known += (known.empty() ? "" : ", ") + std::string(choice);
  operands.refuse(cat("expected one of ", known, " for ", what, ", got '", name, "'"));
}

fused::Rounding rounding(bool fast) {
  return fast ? fused::Rounding::fast : fused::Rounding::exact;
}

fused::ActivationKind activation(const Operands& operands, const char* name) {
  using fused::ActivationKind;
  return choose(operands,
                "kind",
                name,
                std::array{std::pair{"gelu", ActivationKind::gelu},
                           std::pair{"gelu_tanh", ActivationKind::gelu_tanh},
                           std::pair{"fast_gelu", ActivationKind::fast_gelu},
                           std::pair{"silu", ActivationKind::silu}});
}

std::optional<fused::ElementType> element_type(const Operands& operands, handle name) {
  using fused::ElementType;
  if (name.is_none()) return {};
  return choose(operands,
                "dtype",
                nb::cast<std::string_view>(name),
                std::array{std::pair{"f32", ElementType::f32},
                           std::pair{"f16", ElementType::f16},
                           std::pair{"bf16", ElementType::bf16}});
}

// Operands are read in the order of the struct, whose last members are the results.

fused::NormScaleShift residual_norm_scale_shift(Operands& in,
                                                handle x,
                                                handle residual,
                                                handle gate,
                                                handle scale,
                                                handle shift,
                                                handle weight,
                                                handle bias,
                                                float eps,
                                                bool rms,
                                                bool norm_in_f32,
                                                bool weight_in_f32,
                                                bool fast,
                                                handle out,
                                                handle sum_out) {
  fused::NormScaleShift op{.kind = rms ? fused::NormKind::rms : fused::NormKind::layer,
                           .x = in.read("x", x),
                           .residual = in.read("residual", residual),
                           .gate = in.read("gate", gate),
                           .weight = in.read("weight", weight),
                           .bias = in.read("bias", bias),
                           .scale = in.read("scale", scale),
                           .shift = in.read("shift", shift),
                           .y = in.result_like("y", out, x, op.x),
                           .sum = in.result_like("sum", sum_out, residual, op.residual),
                           .eps = eps,
                           .norm_type = norm_in_f32 ? fused::ElementType::f32 : op.x.type,
                           .weight_in_f32 = weight_in_f32,
                           .rounding = rounding(fast)};
  return op;
}

fused::NormScaleShift norm_scale_shift(Operands& in,
                                       handle x,
                                       handle scale,
                                       handle shift,
                                       handle weight,
                                       handle bias,
                                       float eps,
                                       bool rms,
                                       bool norm_in_f32,
                                       bool weight_in_f32,
                                       bool fast,
                                       handle out) {
  return residual_norm_scale_shift(in,
                                   x,
                                   nb::none(),
                                   nb::none(),
                                   scale,
                                   shift,
                                   weight,
                                   bias,
                                   eps,
                                   rms,
                                   norm_in_f32,
                                   weight_in_f32,
                                   fast,
                                   out,
                                   nb::none());
}

fused::QueryKeyNorm query_key_norm(Operands& in,
                                   handle q,
                                   handle k,
                                   handle q_weight,
                                   handle k_weight,
                                   handle table,
                                   std::int64_t first_token,
                                   std::int64_t tokens,
                                   float eps,
                                   bool halves,
                                   bool whole_row,
                                   bool weight_in_f32,
                                   bool fast,
                                   handle positions,
                                   bool normalize) {
  return {.q = in.change("q", q),
          .k = in.change("k", k),
          .normalize = normalize,
          .whole_row = whole_row,
          .weight_in_f32 = weight_in_f32,
          .q_weight = in.read("q_weight", q_weight),
          .k_weight = in.read("k_weight", k_weight),
          .eps = eps,
          .table = in.read("table", table),
          .positions = in.read("positions", positions),
          .first_token = first_token,
          .tokens = tokens,
          .pairs = halves ? fused::RotaryPairs::halves : fused::RotaryPairs::interleaved,
          .rounding = rounding(fast)};
}

fused::RotaryTable rotary_table(Operands& in,
                                std::tuple<std::int64_t, std::int64_t, std::int64_t> grid,
                                std::tuple<int, int, int> dims,
                                double theta,
                                std::int64_t first,
                                std::int64_t tokens,
                                handle like,
                                handle out) {
  fused::RotaryTable op{.grid = {std::get<0>(grid), std::get<1>(grid), std::get<2>(grid)},
                        .dims = {std::get<0>(dims), std::get<1>(dims), std::get<2>(dims)},
                        .theta = theta,
                        .first = first,
                        .table = {}};
  // What is no grid is refused before the table is looked at.
  constexpr double kMost = 0x1p31;
  double all = 1.0;
  for (const std::int64_t extent : op.grid) all *= static_cast<double>(extent);
  if (tokens < 0 && 0 <= first && std::abs(all) <= kMost)
    tokens = static_cast<std::int64_t>(all) - first;
  const std::array<std::int64_t, 2> shape{tokens,
                                          std::int64_t{op.dims[0]} + op.dims[1] + op.dims[2]};
  op.table = in.result("table", out, shape, fused::ElementType::f32, like);
  return op;
}

fused::GatedAdd gated_add(
    Operands& in, handle x, handle residual, handle gate, bool fast, handle out) {
  fused::GatedAdd op{.x = in.read("x", x),
                     .residual = in.read("residual", residual),
                     .gate = in.read("gate", gate),
                     .y = in.result_like("y", out, x, op.x),
                     .rounding = rounding(fast)};
  return op;
}

fused::GroupNormSilu group_norm_silu(Operands& in,
                                     handle x,
                                     handle weight,
                                     handle bias,
                                     std::int64_t groups,
                                     float eps,
                                     bool silu,
                                     bool fast,
                                     handle out) {
  fused::GroupNormSilu op{.x = in.read("x", x),
                          .weight = in.read("weight", weight),
                          .bias = in.read("bias", bias),
                          .y = in.result_like("y", out, x, op.x, Operands::Layout::kept),
                          .groups = groups,
                          .eps = eps,
                          .silu = silu,
                          .rounding = rounding(fast)};
  return op;
}

fused::Activate activate(
    Operands& in, handle x, const char* kind, handle multiplier, bool fast, handle out) {
  fused::Activate op{.kind = activation(in, kind),
                     .x = in.read("x", x),
                     .multiplier = in.read("multiplier", multiplier),
                     .y = in.result_like("y", out, x, op.x),
                     .rounding = rounding(fast)};
  return op;
}

fused::LinearActivate linear_activate(
    Operands& in, handle x, handle weight, handle bias, const char* kind, handle out) {
  fused::LinearActivate op{.x = in.read("x", x),
                           .weight = in.read("weight", weight),
                           .bias = in.read("bias", bias),
                           .y = {},
                           .kind = activation(in, kind)};
  std::array<std::int64_t, fused::Array::kMaxRank> shape = op.x.shape;
  if (op.x.rank > 0) shape[static_cast<std::size_t>(op.x.rank) - 1] = op.weight.shape[0];
  op.y = in.result("y", out, std::span(shape).first(static_cast<std::size_t>(op.x.rank)), {}, x);
  return op;
}

fused::TimestepEmbedding timestep_embedding(Operands& in,
                                            handle t,
                                            std::int64_t dim,
                                            float max_period,
                                            float scale,
                                            float shift,
                                            bool cosine_first,
                                            handle dtype,
                                            handle out) {
  fused::TimestepEmbedding op{.t = in.read("t", t),
                              .y = {},
                              .max_period = max_period,
                              .scale = scale,
                              .shift = shift,
                              .cosine_first = cosine_first};
  const std::array<std::int64_t, 2> shape{op.t.shape[0], dim};
  op.y = in.result("y", out, shape, element_type(in, dtype), t);
  return op;
}

fused::CausalPad causal_pad(Operands& in,
                            handle x,
                            handle cache,
                            std::int64_t front,
                            std::int64_t rows,
                            std::int64_t columns,
                            handle out) {
  fused::CausalPad op{.x = in.read("x", x),
                      .cache = in.read("cache", cache),
                      .y = {},
                      .front = front,
                      .rows = rows,
                      .columns = columns};
  // What is no padding is refused before the result is looked at.
  constexpr std::int64_t kMost = std::int64_t{1} << 24;
  for (std::int64_t* padding : {&front, &rows, &columns})
    if (*padding < 0 || *padding > kMost) *padding = 0;
  const auto& s = op.x.shape;
  const std::array<std::int64_t, 5> shape{
      s[0], s[1], front + s[2], s[3] + 2 * rows, s[4] + 2 * columns};
  op.y = in.result("y", out, shape, {}, x);
  return op;
}

void bind_norms(Module& to) {
  bind(to,
       "norm_scale_shift",
       norm_scale_shift,
       "x"_a,
       "scale"_a = nb::none(),
       "shift"_a = nb::none(),
       "weight"_a = nb::none(),
       "bias"_a = nb::none(),
       "eps"_a = 1e-6F,
       "rms"_a = false,
       "norm_in_f32"_a = false,
       "weight_in_f32"_a = false,
       "fast"_a = false,
       "out"_a = nb::none());
  bind(to,
       "residual_norm_scale_shift",
       residual_norm_scale_shift,
       "x"_a,
       "residual"_a,
       "gate"_a = nb::none(),
       "scale"_a = nb::none(),
       "shift"_a = nb::none(),
       "weight"_a = nb::none(),
       "bias"_a = nb::none(),
       "eps"_a = 1e-6F,
       "rms"_a = false,
       "norm_in_f32"_a = false,
       "weight_in_f32"_a = false,
       "fast"_a = false,
       "out"_a = nb::none(),
       "sum_out"_a = nb::none());
  bind(to,
       "query_key_norm",
       query_key_norm,
       "q"_a,
       "k"_a = nb::none(),
       "q_weight"_a = nb::none(),
       "k_weight"_a = nb::none(),
       "table"_a = nb::none(),
       "first_token"_a = 0,
       "tokens"_a = -1,
       "eps"_a = 1e-6F,
       "halves"_a = false,
       "whole_row"_a = false,
       "weight_in_f32"_a = false,
       "fast"_a = false,
       "positions"_a = nb::none(),
       "normalize"_a = true);
  bind(to,
       "group_norm_silu",
       group_norm_silu,
       "x"_a,
       "weight"_a = nb::none(),
       "bias"_a = nb::none(),
       "groups"_a = 32,
       "eps"_a = 1e-5F,
       "silu"_a = true,
       "fast"_a = false,
       "out"_a = nb::none());
}

void bind_rows(Module& to) {
  bind(to,
       "gated_add",
       gated_add,
       "x"_a,
       "residual"_a,
       "gate"_a,
       "fast"_a = false,
       "out"_a = nb::none());
  bind(to,
       "activate",
       activate,
       "x"_a,
       "kind"_a = "gelu_tanh",
       "multiplier"_a = nb::none(),
       "fast"_a = false,
       "out"_a = nb::none());
  bind(to,
       "linear_activate",
       linear_activate,
       "x"_a,
       "weight"_a,
       "bias"_a = nb::none(),
       "kind"_a = "gelu_tanh",
       "out"_a = nb::none());
}

void bind_tables_and_frames(Module& to) {
  bind(to,
       "rotary_table",
       rotary_table,
       "grid"_a,
       "dims"_a,
       "theta"_a = 10000.0,
       "first"_a = 0,
       "tokens"_a = -1,
       "like"_a = nb::none(),
       "out"_a = nb::none());
  bind(to,
       "timestep_embedding",
       timestep_embedding,
       "t"_a,
       "dim"_a,
       "max_period"_a = 10000.0F,
       "scale"_a = 1.0F,
       "shift"_a = 0.0F,
       "cosine_first"_a = true,
       "dtype"_a = nb::none(),
       "out"_a = nb::none());
  bind(to,
       "causal_pad",
       causal_pad,
       "x"_a,
       "cache"_a = nb::none(),
       "front"_a = 2,
       "rows"_a = 1,
       "columns"_a = 1,
       "out"_a = nb::none());
}

void bind_memory(Module& to) {
  to.operators.def("empty", empty, "shape"_a, "type"_a, "device"_a = fused::kHost);
}

void raise_as_python(const std::exception_ptr& pointer, void*) {
  try {
    std::rethrow_exception(pointer);
  } catch (const Error& error) {
    PyErr_SetString(
        error.code() == ErrorCode::invalid_argument ? PyExc_ValueError : PyExc_RuntimeError,
        error.what());
  }
}

}  // namespace

NB_MODULE(_ops, module) {
  nb::register_exception_translator(raise_as_python);
  module.doc() = "sinter's operators on arrays that exist. sinter.ops is the documented interface.";
  module.attr("__version__") = SINTER_VERSION;
  Module to{.operators = module,
            .attempt = module.def_submodule("attempt", "None where the unfused formula is wanted."),
            .why_not = module.def_submodule("why_not", "Why an operator would refuse; '' if not."),
            .scratch_bytes = module.def_submodule("scratch_bytes", "Scratch memory needed."),
            .producers = std::make_shared<Producers>()};
  bind_norms(to);
  bind_rows(to);
  bind_tables_and_frames(to);
  bind_memory(to);
}

}  // namespace sinter::python
