// The module sinter._ops: every operator of sinter/ops.h, with its operands' names as arguments.

#include <nanobind/nanobind.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <array>
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

fused::NormScaleShift norm_scale_shift(Operands& in,
                                       handle x,
                                       handle y,
                                       handle scale,
                                       handle shift,
                                       handle weight,
                                       handle bias,
                                       handle residual,
                                       handle gate,
                                       handle sum,
                                       float eps,
                                       bool rms,
                                       bool norm_in_f32,
                                       bool weight_in_f32,
                                       bool fast) {
  fused::NormScaleShift op{.x = in.read("x", x), .y = in.write("y", y)};
  op.kind = rms ? fused::NormKind::rms : fused::NormKind::layer;
  op.scale = in.read("scale", scale);
  op.shift = in.read("shift", shift);
  op.weight = in.read("weight", weight);
  op.bias = in.read("bias", bias);
  op.residual = in.read("residual", residual);
  op.gate = in.read("gate", gate);
  op.sum = in.write("sum", sum);
  op.eps = eps;
  op.norm_type = norm_in_f32 ? fused::ElementType::f32 : op.x.type;
  op.weight_in_f32 = weight_in_f32;
  op.rounding = rounding(fast);
  return op;
}

fused::QueryKeyNorm query_key_norm(Operands& in,
                                   handle q,
                                   handle k,
                                   handle q_weight,
                                   handle k_weight,
                                   handle table,
                                   handle positions,
                                   std::int64_t first_token,
                                   std::int64_t tokens,
                                   float eps,
                                   bool halves,
                                   bool normalize,
                                   bool whole_row,
                                   bool weight_in_f32,
                                   bool fast) {
  fused::QueryKeyNorm op{.q = in.write("q", q), .k = in.write("k", k)};
  op.q_weight = in.read("q_weight", q_weight);
  op.k_weight = in.read("k_weight", k_weight);
  op.table = in.read("table", table);
  op.positions = in.read("positions", positions);
  op.first_token = first_token;
  op.tokens = tokens;
  op.eps = eps;
  op.pairs = halves ? fused::RotaryPairs::halves : fused::RotaryPairs::interleaved;
  op.normalize = normalize;
  op.whole_row = whole_row;
  op.weight_in_f32 = weight_in_f32;
  op.rounding = rounding(fast);
  return op;
}

fused::RotaryTable rotary_table(Operands& in,
                                handle table,
                                std::tuple<std::int64_t, std::int64_t, std::int64_t> grid,
                                std::tuple<int, int, int> dims,
                                double theta,
                                std::int64_t first) {
  return {.grid = {std::get<0>(grid), std::get<1>(grid), std::get<2>(grid)},
          .dims = {std::get<0>(dims), std::get<1>(dims), std::get<2>(dims)},
          .theta = theta,
          .first = first,
          .table = in.write("table", table)};
}

fused::GatedAdd gated_add(
    Operands& in, handle x, handle residual, handle gate, handle y, bool fast) {
  return {.x = in.read("x", x),
          .residual = in.read("residual", residual),
          .gate = in.read("gate", gate),
          .y = in.write("y", y),
          .rounding = rounding(fast)};
}

fused::GroupNormSilu group_norm_silu(Operands& in,
                                     handle x,
                                     handle weight,
                                     handle bias,
                                     handle y,
                                     std::int64_t groups,
                                     float eps,
                                     bool silu,
                                     bool fast) {
  return {.x = in.read("x", x),
          .weight = in.read("weight", weight),
          .bias = in.read("bias", bias),
          .y = in.write("y", y),
          .groups = groups,
          .eps = eps,
          .silu = silu,
          .rounding = rounding(fast)};
}

fused::Activate activate(
    Operands& in, handle x, handle y, const char* kind, handle multiplier, bool fast) {
  return {.kind = activation(in, kind),
          .x = in.read("x", x),
          .multiplier = in.read("multiplier", multiplier),
          .y = in.write("y", y),
          .rounding = rounding(fast)};
}

fused::LinearActivate linear_activate(
    Operands& in, handle x, handle weight, handle bias, handle y, const char* kind) {
  return {.x = in.read("x", x),
          .weight = in.read("weight", weight),
          .bias = in.read("bias", bias),
          .y = in.write("y", y),
          .kind = activation(in, kind)};
}

fused::TimestepEmbedding timestep_embedding(Operands& in,
                                            handle t,
                                            handle y,
                                            float max_period,
                                            float scale,
                                            float shift,
                                            bool cosine_first) {
  return {.t = in.read("t", t),
          .y = in.write("y", y),
          .max_period = max_period,
          .scale = scale,
          .shift = shift,
          .cosine_first = cosine_first};
}

fused::CausalPad causal_pad(Operands& in,
                            handle x,
                            handle cache,
                            handle y,
                            std::int64_t front,
                            std::int64_t rows,
                            std::int64_t columns) {
  return {.x = in.read("x", x),
          .cache = in.read("cache", cache),
          .y = in.write("y", y),
          .front = front,
          .rows = rows,
          .columns = columns};
}

void bind_norms(Module& to) {
  bind(to,
       "norm_scale_shift",
       norm_scale_shift,
       "x"_a,
       "y"_a,
       "scale"_a = nb::none(),
       "shift"_a = nb::none(),
       "weight"_a = nb::none(),
       "bias"_a = nb::none(),
       "residual"_a = nb::none(),
       "gate"_a = nb::none(),
       "sum"_a = nb::none(),
       "eps"_a = 1e-6F,
       "rms"_a = false,
       "norm_in_f32"_a = false,
       "weight_in_f32"_a = false,
       "fast"_a = false);
  bind(to,
       "query_key_norm",
       query_key_norm,
       "q"_a,
       "k"_a = nb::none(),
       "q_weight"_a = nb::none(),
       "k_weight"_a = nb::none(),
       "table"_a = nb::none(),
       "positions"_a = nb::none(),
       "first_token"_a = 0,
       "tokens"_a = -1,
       "eps"_a = 1e-6F,
       "halves"_a = false,
       "normalize"_a = true,
       "whole_row"_a = false,
       "weight_in_f32"_a = false,
       "fast"_a = false);
  bind(to,
       "group_norm_silu",
       group_norm_silu,
       "x"_a,
       "weight"_a,
       "bias"_a,
       "y"_a,
       "groups"_a = 32,
       "eps"_a = 1e-5F,
       "silu"_a = true,
       "fast"_a = false);
}

void bind_rows(Module& to) {
  bind(to, "gated_add", gated_add, "x"_a, "residual"_a, "gate"_a, "y"_a, "fast"_a = false);
  bind(to,
       "activate",
       activate,
       "x"_a,
       "y"_a,
       "kind"_a = "gelu_tanh",
       "multiplier"_a = nb::none(),
       "fast"_a = false);
  bind(to,
       "linear_activate",
       linear_activate,
       "x"_a,
       "weight"_a,
       "bias"_a.none(),
       "y"_a,
       "kind"_a = "gelu_tanh");
}

void bind_tables_and_frames(Module& to) {
  bind(to,
       "rotary_table",
       rotary_table,
       "table"_a,
       "grid"_a,
       "dims"_a,
       "theta"_a = 10000.0,
       "first"_a = 0);
  bind(to,
       "timestep_embedding",
       timestep_embedding,
       "t"_a,
       "y"_a,
       "max_period"_a = 10000.0F,
       "scale"_a = 1.0F,
       "shift"_a = 0.0F,
       "cosine_first"_a = true);
  bind(to,
       "causal_pad",
       causal_pad,
       "x"_a,
       "cache"_a.none(),
       "y"_a,
       "front"_a = 2,
       "rows"_a = 1,
       "columns"_a = 1);
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
            .why_not = module.def_submodule("why_not", "Why an operator would refuse; '' if not."),
            .scratch_bytes = module.def_submodule("scratch_bytes", "Scratch memory needed."),
            .producers = std::make_shared<Producers>()};
  bind_norms(to);
  bind_rows(to);
  bind_tables_and_frames(to);
  bind_memory(to);
}

}  // namespace sinter::python
