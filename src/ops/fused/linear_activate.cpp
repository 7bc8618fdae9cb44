#include <algorithm>

#include "cpu/threads.h"
#include "ops/fused/host_activation.h"
#include "ops/fused/run_at.h"
#ifdef SINTER_WITH_CUDA
#include "ops/fused/cuda/linear_activate.h"
#endif

namespace sinter::fused {

namespace {

#ifdef SINTER_WITH_CUDA
/// What cuBLASLt's products end with, load and count.
std::string refuse_on_device(const LinearActivate& op, std::int64_t rows) {
  constexpr std::int64_t kMost = std::int64_t{1} << 30;
  if (op.kind != ActivationKind::gelu_tanh)
    return "expected gelu_tanh, with which a product can end on a device, got another activation";
  for (const Array* x : {&op.x, &op.weight, &op.bias, &op.y})
    if (reinterpret_cast<std::uintptr_t>(x->data) % 16 != 0)
      return unlike("x, weight, bias and y", "data at multiples of 16 bytes", *x);
  if (op.weight.shape[0] % 8 != 0 || op.weight.shape[1] % 8 != 0 || op.weight.shape[0] >= kMost ||
      op.weight.shape[1] >= kMost || rows >= kMost)
    return unlike(
        "weight", "multiples of 8 channels, fewer than 2^30 of them and of rows", op.weight);
  if (op.scratch == nullptr || reinterpret_cast<std::uintptr_t>(op.scratch) % 256 != 0)
    return cat("expected ",
               cuda::linear_scratch_bytes(),
               " bytes of scratch at a multiple of 256, got none there");
  return cuda::refuse_products();
}
#endif

std::string read(const LinearActivate& op) {
  if (!is_known(op.kind))
    return cat("expected a kind of activation, got number ", static_cast<int>(op.kind));
  if (std::string text = refuse_device(op.x); !text.empty()) return text;
  struct Operand {
    const char* name;
    const Array& array;
  };
  for (const Operand& o : {Operand{"x", op.x},
                           Operand{"weight", op.weight},
                           Operand{"bias", op.bias},
                           Operand{"y", op.y}}) {
    if (&o.array == &op.bias && !op.bias.present()) continue;
    if (std::string text = refuse_operand(o.name, o.array, op.x.device); !text.empty()) return text;
    if (!is_contiguous(o.array) || o.array.type != op.x.type)
      return unlike(o.name, cat("a contiguous array of ", to_string(op.x.type)), o.array);
  }
  const auto in = op.x.shape[static_cast<std::size_t>(op.x.rank - 1)];
  if (op.weight.rank != 2 || op.weight.shape[1] != in)
    return unlike("weight", cat("[N, ", in, "]"), op.weight);
  const std::int64_t out = op.weight.shape[0];
  if (op.bias.present() && (op.bias.rank != 1 || op.bias.shape[0] != out))
    return unlike("bias", cat("[", out, "]"), op.bias);
  Array wanted = op.x;
  wanted.shape[static_cast<std::size_t>(op.x.rank - 1)] = out;
  if (!same_shape(op.y, wanted))
    return unlike("y", cat("the shape of x with ", out, " columns, ", describe(op.x)), op.y);
#ifdef SINTER_WITH_CUDA
  if (op.x.device != kHost) return refuse_on_device(op, elements_of(op.x) / in);
#endif
  return {};
}

/// A tile of y: its operands, converted stretch by stretch, fit the nearest cache.
class Tile {
 public:
  static constexpr std::int64_t kRows = 8, kColumns = 16;

  Tile(const LinearActivate& op, std::int64_t row, std::int64_t column)
      : op_(op),
        row_(row),
        column_(column),
        in_(op.weight.shape[1]),
        out_(op.weight.shape[0]),
        rows_(std::min(kRows, elements_of(op.x) / in_ - row)),
        columns_(std::min(kColumns, out_ - column)) {}

  void run() {
    for (std::int64_t k = 0; k < in_; k += kStretch) {
      const std::int64_t count = std::min(kStretch, in_ - k);
      for (std::int64_t r = 0; r < rows_; ++r) read(op_.x, (row_ + r) * in_ + k, count, x_[r]);
      for (std::int64_t c = 0; c < columns_; ++c)
        read(op_.weight, (column_ + c) * in_ + k, count, weight_[c]);
      for (std::int64_t r = 0; r < rows_; ++r)
        for (std::int64_t c = 0; c < columns_; ++c)
          sums_[r][c] += product(x_[r], weight_[c], count);
    }
    for (std::int64_t r = 0; r < rows_; ++r) {
      for (std::int64_t c = 0; c < columns_; ++c) {
        const float bias =
            op_.bias.present() ? load(op_.bias.data, op_.bias.type, column_ + c) : 0.0F;
        store(op_.y.data,
              op_.y.type,
              (row_ + r) * out_ + column_ + c,
              precise(op_.kind, sums_[r][c] + bias));
      }
    }
  }

 private:
  static constexpr std::int64_t kStretch = 256;

  static void read(const Array& from, std::int64_t first, std::int64_t count, float* to) {
    const auto* const bytes = static_cast<const char*>(from.data);
    const DType type = dtype_of(from.type);
    convert_to_float(bytes + first * static_cast<std::int64_t>(size_of(type)),
                     type,
                     to,
                     static_cast<std::size_t>(count));
  }
  /// In eight sums, which the compiler may keep in one vector.
  static float product(const float* a, const float* b, std::int64_t count) {
    constexpr std::int64_t kSums = 8;
    float sums[kSums] = {};
    std::int64_t i = 0;
    for (; i + kSums <= count; i += kSums)
      for (std::int64_t lane = 0; lane < kSums; ++lane) sums[lane] += a[i + lane] * b[i + lane];
    for (; i < count; ++i) sums[0] += a[i] * b[i];
    return ((sums[0] + sums[4]) + (sums[1] + sums[5])) +
           ((sums[2] + sums[6]) + (sums[3] + sums[7]));
  }

  const LinearActivate& op_;
  std::int64_t row_, column_, in_, out_, rows_, columns_;
  float x_[kRows][kStretch], weight_[kColumns][kStretch];
  float sums_[kRows][kColumns] = {};
};

void run_on_host(const LinearActivate& op, int threads) {
  const std::int64_t rows = elements_of(op.x) / op.weight.shape[1], out = op.weight.shape[0];
  const std::int64_t across = (out + Tile::kColumns - 1) / Tile::kColumns;
  const std::int64_t down = (rows + Tile::kRows - 1) / Tile::kRows;
  cpu::parallel_ranges(threads, across * down, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i)
      Tile(op, i / across * Tile::kRows, i % across * Tile::kColumns).run();
  });
}

}  // namespace

std::size_t scratch_bytes([[maybe_unused]] const LinearActivate& linear) {
#ifdef SINTER_WITH_CUDA
  if (linear.x.device != kHost) return cuda::linear_scratch_bytes();
#endif
  return 0;
}

std::string refusal(const LinearActivate& op) {
  return read(op);
}

void run(const LinearActivate& op, const Execution& execution) {
  run_at(
      op.x,
      "linear_activate",
      read(op),
      execution,
      [&](int threads) { run_on_host(op, threads); },
      SINTER_KERNEL(cuda::linear_activate(op, elements_of(op.x) / op.weight.shape[1], stream)));
}

}  // namespace sinter::fused
