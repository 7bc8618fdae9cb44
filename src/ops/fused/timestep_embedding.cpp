#include <cmath>

#include "cpu/threads.h"
#include "ops/fused/host.h"
#include "ops/fused/run_at.h"
#ifdef SINTER_WITH_CUDA
#include "ops/fused/cuda/embeddings.h"
#endif

namespace sinter::fused {

namespace {

std::string read(const TimestepEmbedding& op) {
  constexpr std::int64_t kMost = std::int64_t{1} << 31;
  if (std::string text = refuse_device(op.t); !text.empty()) return text;
  for (const Array* x : {&op.t, &op.y})
    if (std::string text = refuse_operand(x == &op.t ? "t" : "y", *x, op.t.device); !text.empty())
      return text;
  if (op.t.rank != 1) return unlike("t", "[B]", op.t);
  if (op.y.rank != 2 || op.y.shape[0] != op.t.shape[0] || op.y.shape[1] % 2 != 0 ||
      !is_contiguous(op.y) || elements_of(op.y) >= kMost)
    return unlike(
        "y",
        cat("[", op.t.shape[0], ", dim] contiguous with an even dim, fewer than 2^31 elements"),
        op.y);
  if (!(op.max_period > 0.0F) || !std::isfinite(op.max_period))
    return cat("expected a positive max_period, got ", op.max_period);
  if (static_cast<float>(op.y.shape[1] / 2) == op.shift)
    return cat("expected a shift other than half of dim, got ", op.shift);
  return {};
}

void run_on_host(const TimestepEmbedding& op, int threads) {
  const std::int64_t half = op.y.shape[1] / 2;
  const auto log_period = static_cast<float>(-std::log(static_cast<double>(op.max_period)));
  const float length = static_cast<float>(half) - op.shift;
  const std::int64_t cosines = op.cosine_first ? 0 : half, sines = half - cosines;
  cpu::parallel_ranges(threads, op.t.shape[0], [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t row = begin; row < end; ++row) {
      const float t = load(op.t.data, op.t.type, row * op.t.strides[0]);
      for (std::int64_t i = 0; i < half; ++i) {
        const float frequency = std::exp(log_period * static_cast<float>(i) / length);
        const float angle = op.scale * (t * frequency);
        store(op.y.data, op.y.type, row * 2 * half + cosines + i, std::cos(angle));
        store(op.y.data, op.y.type, row * 2 * half + sines + i, std::sin(angle));
      }
    }
  });
}

}  // namespace

std::string refusal(const TimestepEmbedding& op) {
  return read(op);
}

void run(const TimestepEmbedding& op, const Execution& execution) {
  run_at(
      op.t,
      "timestep_embedding",
      read(op),
      execution,
      [&](int threads) { run_on_host(op, threads); },
      SINTER_KERNEL(cuda::timestep_embedding(op, stream)));
}

}  // namespace sinter::fused
