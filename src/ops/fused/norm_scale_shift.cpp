#include <cmath>

#include "cpu/threads.h"
#include "ops/fused/host.h"
#include "ops/fused/norm_rows.h"
#include "ops/fused/run_at.h"
#ifdef SINTER_WITH_CUDA
#include "ops/fused/cuda/norm_scale_shift.h"
#endif

namespace sinter::fused {

namespace {

/// Weight or bias: [D], of x's type or f32.
std::string read_parameter(
    const char* name, const Array& v, const Array& x, const RowShape& rows, Modulation& parameter) {
  if (!v.present()) return {};
  if (std::string text = refuse_operand(name, v, x.device); !text.empty()) return text;
  if (v.rank != 1 || v.shape[0] != rows.columns || (rows.columns > 1 && v.strides[0] != 1))
    return unlike(name, cat("a vector of ", rows.columns, " contiguous elements"), v);
  if (v.type != x.type && v.type != ElementType::f32)
    return unlike(name, cat(to_string(x.type), " as in x or f32"), v);
  parameter = {.data = v.data, .type = v.type};
  return {};
}

std::string pair_of(const char* first, const Array& a, const char* second, const Array& b) {
  if (a.present() == b.present()) return {};
  return cat("expected ",
             first,
             " and ",
             second,
             " or neither, got ",
             a.present() ? first : second,
             " alone");
}

std::string read_like_x(const char* name, const Array& a, const Array& x, RowShape& rows) {
  if (std::string text = refuse_operand(name, a, x.device); !text.empty()) return text;
  if (std::string text = read_rows(name, a, rows); !text.empty()) return text;
  if (!same_shape(a, x) || a.type != x.type)
    return unlike(name, cat("the type and shape of x, ", describe(x)), a);
  return {};
}

std::string read_vectors(const NormScaleShift& op, NormRows& rows) {
  struct Vector {
    const char* name;
    const Array& array;
    Modulation& modulation;
  };
  for (const Vector& v : {Vector{"gate", op.gate, rows.gate},
                          Vector{"scale", op.scale, rows.scale},
                          Vector{"shift", op.shift, rows.shift}}) {
    if (!v.array.present()) continue;
    if (std::string text = refuse_operand(v.name, v.array, op.x.device); !text.empty()) return text;
    if (std::string text = read_modulation(v.name, v.array, rows.x, op.x.rank, v.modulation);
        !text.empty())
      return text;
  }
  if (std::string text = read_parameter("weight", op.weight, op.x, rows.x, rows.weight);
      !text.empty())
    return text;
  return read_parameter("bias", op.bias, op.x, rows.x, rows.bias);
}

std::string read(const NormScaleShift& op, NormRows& rows) {
  if (std::string text = refuse_device(op.x); !text.empty()) return text;
  if (std::string text = read_like_x("x", op.x, op.x, rows.x); !text.empty()) return text;
  if (std::string text = refuse_groups(op.x, rows.x); !text.empty()) return text;
  if (std::string text = read_like_x("y", op.y, op.x, rows.y); !text.empty()) return text;
  if (std::string text = pair_of("residual", op.residual, "sum", op.sum); !text.empty())
    return text;
  if (op.residual.present()) {
    if (std::string text = read_like_x("residual", op.residual, op.x, rows.residual); !text.empty())
      return text;
    if (std::string text = read_like_x("sum", op.sum, op.x, rows.sum); !text.empty()) return text;
  } else if (op.gate.present()) {
    return "expected no gate without a residual, got " + describe(op.gate);
  }
  if (std::string text = pair_of("scale", op.scale, "shift", op.shift); !text.empty()) return text;
  if (op.kind == NormKind::rms) {
    if (op.bias.present()) return unlike("the bias of an rms norm", "nothing", op.bias);
  } else if (std::string text = pair_of("weight", op.weight, "bias", op.bias); !text.empty()) {
    return text;
  }
  if (std::string text = read_vectors(op, rows); !text.empty()) return text;
  if (op.norm_type != op.x.type && op.norm_type != ElementType::f32)
    return cat("expected f32 or ",
               to_string(op.x.type),
               " as in x for norm_type, got ",
               to_string(op.norm_type));
  if (!(op.eps >= 0.0F) || std::isinf(op.eps))
    return cat("expected eps of at least 0, got ", op.eps);
#ifdef SINTER_WITH_CUDA
  if (op.x.device != kHost) return cuda::refuse_order(op, rows);
#endif
  return {};
}

/// One row of a modulating vector.
struct Vector {
  const Modulation& from;
  std::int64_t begin;
  Vector(const Modulation& m, std::int64_t sample, std::int64_t token)
      : from(m), begin(m.data == nullptr ? 0 : offset_of(m, sample, token)) {}
  bool present() const { return from.data != nullptr; }
  float at(std::int64_t d) const {
    return load(from.data, from.type, begin + d * from.column_stride);
  }
};

class HostNorm {
 public:
  HostNorm(const NormScaleShift& op, const NormRows& rows)
      : op_(op), rows_(rows), exact_(op.rounding == Rounding::exact) {}

  void run(std::int64_t row) const {
    const std::int64_t sample = row / rows_.x.tokens, token = row % rows_.x.tokens;
    if (op_.residual.present()) add_residual(sample, token);
    const Array& normed = op_.residual.present() ? op_.sum : op_.x;
    const std::int64_t begin = start(op_.residual.present() ? rows_.sum : rows_.x, sample, token);
    const auto x = [&](std::int64_t d) { return load(normed.data, normed.type, begin + d); };
    const auto [mean, inverse] = statistics(x);
    const Vector weight(rows_.weight, 0, 0), bias(rows_.bias, 0, 0),
        scale(rows_.scale, sample, token), shift(rows_.shift, sample, token);
    const std::int64_t y = start(rows_.y, sample, token);
    for (std::int64_t d = 0; d < rows_.x.columns; ++d) {
      const float n = (x(d) - mean) * inverse;
      store(op_.y.data,
            op_.y.type,
            y + d,
            exact_ ? finished_exactly(n, d, weight, bias, scale, shift)
                   : finished(n, d, weight, bias, scale, shift));
    }
  }

 private:
  static std::int64_t start(const RowShape& s, std::int64_t sample, std::int64_t token) {
    return sample * s.sample_stride + token * s.token_stride;
  }

  void add_residual(std::int64_t sample, std::int64_t token) const {
    const ElementType type = op_.x.type;
    const Vector gate(rows_.gate, sample, token);
    const std::int64_t x = start(rows_.x, sample, token);
    const std::int64_t residual = start(rows_.residual, sample, token);
    const std::int64_t sum = start(rows_.sum, sample, token);
    for (std::int64_t d = 0; d < rows_.x.columns; ++d) {
      const float value = load(op_.x.data, type, x + d);
      const float before = load(op_.residual.data, type, residual + d);
      const float factor = gate.present() ? gate.at(d) : 1.0F;
      store(op_.sum.data,
            type,
            sum + d,
            exact_ && gate.present()
                ? before + rounded(factor * value, promoted(gate.from.type, type))
                : std::fma(factor, value, before));
    }
  }

  struct Statistics {
    float mean, inverse;
  };
  /// Sums in f64: a host has it for nothing, and the order of additions then does not show.
  template <class Element>
  Statistics statistics(Element x) const {
    const auto columns = static_cast<double>(rows_.x.columns);
    double mean = 0.0, squares = 0.0;
    if (op_.kind == NormKind::layer) {
      for (std::int64_t d = 0; d < rows_.x.columns; ++d) mean += x(d);
      mean /= columns;
    }
    for (std::int64_t d = 0; d < rows_.x.columns; ++d) {
      const double centred = x(d) - mean;
      squares += centred * centred;
    }
    return {static_cast<float>(mean),
            static_cast<float>(1.0 / std::sqrt(squares / columns + static_cast<double>(op_.eps)))};
  }

  static float finished(float n,
                        std::int64_t d,
                        const Vector& weight,
                        const Vector& bias,
                        const Vector& scale,
                        const Vector& shift) {
    if (weight.present()) n = std::fma(n, weight.at(d), bias.present() ? bias.at(d) : 0.0F);
    return scale.present() ? std::fma(n, 1.0F + scale.at(d), shift.at(d)) : n;
  }

  float finished_exactly(float n,
                         std::int64_t d,
                         const Vector& weight,
                         const Vector& bias,
                         const Vector& scale,
                         const Vector& shift) const {
    ElementType type = op_.norm_type;
    if (!weight.present()) {
      n = rounded(n, type);
    } else if (op_.kind == NormKind::layer) {
      n = rounded(std::fma(n, weight.at(d), bias.at(d)), type);
    } else if (op_.weight_in_f32) {
      n = rounded(n * weight.at(d), type);
    } else {
      n = rounded(n, type);
      type = promoted(type, weight.from.type);
      n = rounded(n * weight.at(d), type);
    }
    if (!scale.present()) return n;
    const float factor = rounded(1.0F + scale.at(d), scale.from.type);
    type = promoted(type, scale.from.type);
    n = rounded(n * factor, type);
    return rounded(n + shift.at(d), promoted(type, shift.from.type));
  }

  const NormScaleShift& op_;
  const NormRows& rows_;
  bool exact_;
};

void run_on_host(const NormScaleShift& op, const NormRows& rows, int threads) {
  const HostNorm norm(op, rows);
  cpu::parallel_ranges(
      threads, rows.x.samples * rows.x.tokens, [&](std::int64_t begin, std::int64_t end, int) {
        for (std::int64_t row = begin; row < end; ++row) norm.run(row);
      });
}

}  // namespace

std::string refusal(const NormScaleShift& op) {
  NormRows rows;
  return read(op, rows);
}

void run(const NormScaleShift& op, const Execution& execution) {
  NormRows rows;
  run_at(
      op.x,
      "norm_scale_shift",
      read(op, rows),
      execution,
      [&](int threads) { run_on_host(op, rows, threads); },
      SINTER_KERNEL(cuda::norm_scale_shift(op, rows, stream)));
}

}  // namespace sinter::fused
