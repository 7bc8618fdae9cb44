#include <cstring>

#include "cpu/threads.h"
#include "ops/fused/run_at.h"
#ifdef SINTER_WITH_CUDA
#include "ops/fused/cuda/causal_pad.h"
#endif

namespace sinter::fused {

namespace {

std::string read(const CausalPad& op) {
  constexpr std::int64_t kMostPadding = std::int64_t{1} << 24;
  if (std::string text = refuse_device(op.x); !text.empty()) return text;
  for (const std::int64_t padding : {op.front, op.rows, op.columns})
    if (padding < 0 || padding > kMostPadding)
      return cat("expected front, rows and columns of at least 0 and at most 2^24, got ",
                 op.front,
                 ", ",
                 op.rows,
                 " and ",
                 op.columns);
  struct Operand {
    const char* name;
    const Array& array;
  };
  for (const Operand& o : {Operand{"x", op.x}, Operand{"cache", op.cache}, Operand{"y", op.y}}) {
    if (&o.array == &op.cache && !op.cache.present()) continue;
    if (std::string text = refuse_operand(o.name, o.array, op.x.device); !text.empty()) return text;
    if (o.array.rank != 5 || !is_contiguous(o.array) || o.array.type != op.x.type)
      return unlike(o.name, cat("[B, C, T, H, W] contiguous of ", to_string(op.x.type)), o.array);
  }
  const auto& x = op.x.shape;
  if (op.cache.present()) {
    auto alike = op.cache.shape;
    alike[2] = x[2];
    if (alike != x || op.cache.shape[2] > op.front)
      return unlike("cache",
                    cat("the shape of x with at most ", op.front, " frames, ", describe(op.x)),
                    op.cache);
  }
  const std::array<std::int64_t, Array::kMaxRank> wanted = {
      x[0], x[1], op.front + x[2], x[3] + 2 * op.rows, x[4] + 2 * op.columns};
  if (op.y.shape != wanted)
    return unlike("y",
                  cat("[",
                      wanted[0],
                      ", ",
                      wanted[1],
                      ", ",
                      wanted[2],
                      ", ",
                      wanted[3],
                      ", ",
                      wanted[4],
                      "]"),
                  op.y);
  if (op.x.device == kHost) return {};
  if (reinterpret_cast<std::uintptr_t>(op.y.data) % 16 != 0)
    return unlike("y", "data at a multiple of 16 bytes", op.y);
  const std::int64_t frames = wanted[0] * wanted[1] * wanted[2], frame = wanted[3] * wanted[4];
  if (frames >= std::int64_t{1} << 30 || frame >= std::int64_t{1} << 30 ||
      elements_of(op.y) >= std::int64_t{1} << 40)
    return unlike(
        "y", "fewer than 2^30 frames of fewer than 2^30 elements, 2^40 in all, on a device", op.y);
  return {};
}

void run_on_host(const CausalPad& op, int threads) {
  const auto bytes = static_cast<std::int64_t>(size_of(dtype_of(op.x.type)));
  const std::int64_t frames = op.x.shape[2], height = op.x.shape[3], width = op.x.shape[4];
  const std::int64_t cached = op.cache.present() ? op.cache.shape[2] : 0;
  const std::int64_t y_frames = op.y.shape[2], y_height = op.y.shape[3], y_width = op.y.shape[4];
  const auto source = [&](std::int64_t row) -> const char* {
    const std::int64_t h = row % y_height - op.rows, f = row / y_height % y_frames - op.front;
    const std::int64_t plane = row / y_height / y_frames;
    if (h < 0 || h >= height || f < -cached) return nullptr;
    const bool old = f < 0;
    const std::int64_t frame = old ? plane * cached + f + cached : plane * frames + f;
    return static_cast<const char*>(old ? op.cache.data : op.x.data) +
           (frame * height + h) * width * bytes;
  };
  const std::int64_t rows = elements_of(op.y) / y_width;
  cpu::parallel_ranges(threads, rows, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t row = begin; row < end; ++row) {
      char* const to = static_cast<char*>(op.y.data) + row * y_width * bytes;
      std::memset(to, 0, static_cast<std::size_t>(y_width * bytes));
      if (const char* const from = source(row); from != nullptr)
        std::memcpy(to + op.columns * bytes, from, static_cast<std::size_t>(width * bytes));
    }
  });
}

}  // namespace

std::string refusal(const CausalPad& op) {
  return read(op);
}

void run(const CausalPad& op, const Execution& execution) {
  run_at(
      op.x,
      "causal_pad",
      read(op),
      execution,
      [&](int threads) { run_on_host(op, threads); },
      SINTER_KERNEL(cuda::causal_pad(op, stream)));
}

}  // namespace sinter::fused
