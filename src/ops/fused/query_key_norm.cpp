#include <algorithm>
#include <cmath>
#include <vector>

#include "cpu/threads.h"
#include "ops/fused/host.h"
#include "ops/fused/run_at.h"
#ifdef SINTER_WITH_CUDA
#include "ops/fused/cuda/query_key_norm.h"
#include "ops/fused/cuda/torch_order.h"
#endif

namespace sinter::fused {

namespace {

/// Whether two elements share a place, by strides that any order of the axes may have.
bool overlaps_itself(const Array& x) {
  std::vector<std::pair<std::int64_t, std::int64_t>> axes;
  for (std::size_t i = 0; i < static_cast<std::size_t>(x.rank); ++i)
    if (x.shape[i] > 1) axes.emplace_back(x.strides[i], x.shape[i]);
  std::sort(axes.begin(), axes.end());
  std::int64_t span = 1;
  for (const auto& [stride, extent] : axes) {
    if (stride < span) return true;
    span += stride * (extent - 1);
  }
  return false;
}

std::string read_heads(const char* name, const Array& x, const Array& q) {
  if (std::string text = refuse_operand(name, x, q.device); !text.empty()) return text;
  if (x.rank != 4 || (x.shape[3] != 1 && x.strides[3] != 1))
    return unlike(name, "[B, S, H, d] with a contiguous last dimension", x);
  if (overlaps_itself(x)) return unlike(name, "heads that do not overlap", x);
  if (x.shape[0] != q.shape[0] || x.shape[1] != q.shape[1] || x.shape[3] != q.shape[3] ||
      x.type != q.type)
    return unlike(name, cat("the type and shape of q but for the heads, ", describe(q)), x);
  return {};
}

std::string read_weight(const char* name,
                        const Array& weight,
                        const Array& x,
                        const QueryKeyNorm& op) {
  if (!op.q_weight.present() || !x.present()) {
    if (weight.present()) return unlike(name, "nothing, or a weight for both q and k", weight);
    return {};
  }
  if (!op.normalize) return unlike(name, "nothing without a norm", weight);
  if (std::string text = refuse_operand(name, weight, op.q.device); !text.empty()) return text;
  const std::int64_t count = op.whole_row ? x.shape[2] * x.shape[3] : x.shape[3];
  if (weight.rank != 1 || weight.shape[0] != count || !is_contiguous(weight) ||
      (weight.type != op.q.type && weight.type != ElementType::f32) ||
      weight.type != op.q_weight.type)
    return unlike(
        name,
        cat("[", count, "] contiguous, ", to_string(op.q.type), " or f32, both weights alike"),
        weight);
  return {};
}

std::string read_rotation(const QueryKeyNorm& op) {
  const std::int64_t tokens = op.q.shape[1];
  if (!op.table.present()) {
    if (op.positions.present()) return unlike("positions", "nothing without a table", op.positions);
    return {};
  }
  if (std::string text = refuse_operand("table", op.table, op.q.device); !text.empty()) return text;
  if (op.table.type != ElementType::f32 || op.table.rank != 2 || op.table.shape[1] % 2 != 0 ||
      op.table.shape[1] > op.q.shape[3] || op.table.strides[1] != 1 || op.table.strides[0] < 0)
    return unlike("table",
                  cat("f32 [positions, rotary] with an even rotary of at most ",
                      op.q.shape[3],
                      " and contiguous rows"),
                  op.table);
  if (op.first_token < 0 || op.first_token > tokens || op.tokens < -1 ||
      (op.tokens >= 0 && op.tokens > tokens - op.first_token))
    return cat("expected rotated tokens among ",
               tokens,
               ", got ",
               op.tokens,
               " from token ",
               op.first_token,
               " on");
  const Array& p = op.positions;
  if (p.present() &&
      ((p.type != ElementType::i32 && p.type != ElementType::i64) || p.rank != 1 ||
       p.shape[0] != tokens || !is_contiguous(p) || p.data == nullptr || p.device != op.q.device ||
       reinterpret_cast<std::uintptr_t>(p.data) % size_of(dtype_of(p.type)) != 0))
    return unlike("positions", cat("i32 or i64 [", tokens, "] contiguous, where q lies"), p);
  return {};
}

#ifdef SINTER_WITH_CUDA
/// What the kernels can hold, load and count.
std::string refuse_on_device(const QueryKeyNorm& op) {
  constexpr std::int64_t kMostVectors = std::int64_t{1} << 31;
  const std::int64_t dim = op.q.shape[3], tokens = op.q.shape[0] * op.q.shape[1];
  std::int64_t heads = 0;
  for (const Array* x : {&op.q, &op.k}) {
    if (!x->present()) continue;
    const char* const name = x == &op.q ? "q" : "k";
    heads += x->shape[2];
    if (!is_aligned(*x, 16) || dim % 8 != 0 || dim > cuda::kMostHeadDim)
      return unlike(name,
                    cat("heads of a multiple of 8 elements, at most ",
                        cuda::kMostHeadDim,
                        ", that start at multiples of 16 bytes"),
                    *x);
    const std::int64_t columns = x->shape[2] * dim;
    if (!op.normalize || !op.whole_row) continue;
    if (columns > cuda::kMostRowColumns)
      return unlike(name, cat("rows of at most ", cuda::kMostRowColumns, " elements"), *x);
    const bool mean = !op.weight_in_f32 || op.q_weight.type != op.q.type;
    if (op.rounding == Rounding::exact && mean && !cuda::mean_order(tokens, columns).one_block)
      return unlike(name, "rows that PyTorch sums in one block, for exact results", *x);
  }
  if (tokens * heads >= kMostVectors)
    return unlike("q", "fewer than 2^31 head vectors of q and k", op.q);
  for (const Array* weight : {&op.q_weight, &op.k_weight})
    if (weight->present() && !is_aligned(*weight, 16))
      return unlike(weight == &op.q_weight ? "q_weight" : "k_weight",
                    "data at a multiple of 16 bytes",
                    *weight);
  return {};
}
#endif

std::string read(const QueryKeyNorm& op) {
  if (std::string text = refuse_device(op.q); !text.empty()) return text;
  if (std::string text = read_heads("q", op.q, op.q); !text.empty()) return text;
  if (op.k.present())
    if (std::string text = read_heads("k", op.k, op.q); !text.empty()) return text;
  if (!op.normalize && !op.table.present()) return "expected a norm or a table, got neither";
  if (std::string text = read_weight("q_weight", op.q_weight, op.q, op); !text.empty()) return text;
  if (std::string text = read_weight("k_weight", op.k_weight, op.k, op); !text.empty()) return text;
  if (std::string text = read_rotation(op); !text.empty()) return text;
#ifdef SINTER_WITH_CUDA
  if (op.q.device != kHost) return refuse_on_device(op);
#endif
  return {};
}

/// The heads of one token, on the host.
struct Token {
  const QueryKeyNorm& op;
  const Array& x;
  const Array& weight;
  std::int64_t start;   // of the token's first head
  const float* angles;  // null: not rotated
  bool exact = op.rounding == Rounding::exact;

  std::int64_t place(std::int64_t head, std::int64_t d) const {
    return start + head * x.strides[2] + d;
  }
  float at(std::int64_t head, std::int64_t d) const { return load(x.data, x.type, place(head, d)); }
  float round(float value) const { return exact ? rounded(value, x.type) : value; }

  /// 1 / the root of the mean square of `heads` heads from `first` on.
  float inverse_rms(std::int64_t first, std::int64_t heads) const {
    double sum = 0.0;
    for (std::int64_t h = first; h < first + heads; ++h)
      for (std::int64_t d = 0; d < x.shape[3]; ++d) sum += double{at(h, d)} * double{at(h, d)};
    const double mean = sum / static_cast<double>(heads * x.shape[3]);
    return 1.0F / std::sqrt(static_cast<float>(mean) + op.eps);
  }
  /// Element d of the head, normalized where there is a norm.
  float normalized(std::int64_t head, std::int64_t d, float inverse) const {
    float value = at(head, d);
    if (!op.normalize) return value;
    value *= inverse;
    if (weight.present()) {
      if (!op.weight_in_f32) value = round(value);
      value *= load(weight.data, weight.type, (op.whole_row ? head * x.shape[3] : 0) + d);
    }
    return round(value);
  }
  void rotate(std::vector<float>& head) const {
    const std::int64_t rotary = op.table.shape[1], half = rotary / 2;
    const bool halves = op.pairs == RotaryPairs::halves;
    for (std::int64_t i = 0; i < half; ++i) {
      float& a = head[static_cast<std::size_t>(halves ? i : 2 * i)];
      float& b = head[static_cast<std::size_t>(halves ? i + half : 2 * i + 1)];
      const float cosine = angles[i], sine = angles[half + i], before = a;
      a = a * cosine - b * sine;
      b = b * cosine + before * sine;
    }
  }
  void run(std::vector<float>& head) const {
    float inverse = op.normalize && op.whole_row ? inverse_rms(0, x.shape[2]) : 0.0F;
    for (std::int64_t h = 0; h < x.shape[2]; ++h) {
      if (op.normalize && !op.whole_row) inverse = inverse_rms(h, 1);
      for (std::int64_t d = 0; d < x.shape[3]; ++d)
        head[static_cast<std::size_t>(d)] = normalized(h, d, inverse);
      if (angles != nullptr) rotate(head);
      for (std::int64_t d = 0; d < x.shape[3]; ++d)
        store(x.data, x.type, place(h, d), head[static_cast<std::size_t>(d)]);
    }
  }
};

const float* angles_of(const QueryKeyNorm& op, std::int64_t token) {
  const std::int64_t end = op.tokens < 0 ? op.q.shape[1] : op.first_token + op.tokens;
  if (!op.table.present() || token < op.first_token || token >= end) return nullptr;
  std::int64_t position = token;
  if (op.positions.type == ElementType::i64) {
    position = static_cast<const std::int64_t*>(op.positions.data)[token];
  } else if (op.positions.present()) {
    position = static_cast<const std::int32_t*>(op.positions.data)[token];
  }
  if (position < 0 || position >= op.table.shape[0]) return nullptr;
  return static_cast<const float*>(op.table.data) + position * op.table.strides[0];
}

void run_on_host(const QueryKeyNorm& op, int threads) {
  const std::int64_t tokens = op.q.shape[1];
  const auto dim = static_cast<std::size_t>(op.q.shape[3]);
  cpu::parallel_ranges(
      threads, op.q.shape[0] * tokens, [&](std::int64_t begin, std::int64_t end, int) {
        std::vector<float> head(dim);
        for (std::int64_t i = begin; i < end; ++i) {
          const std::int64_t sample = i / tokens, token = i % tokens;
          const float* const angles = angles_of(op, token);
          const auto take = [&](const Array& x, const Array& weight) {
            if (!x.present()) return;
            const std::int64_t start = sample * x.strides[0] + token * x.strides[1];
            Token{op, x, weight, start, angles}.run(head);
          };
          take(op.q, op.q_weight);
          take(op.k, op.k_weight);
        }
      });
}

}  // namespace

std::string refusal(const QueryKeyNorm& op) {
  return read(op);
}

void run(const QueryKeyNorm& op, const Execution& execution) {
  run_at(
      op.q,
      "query_key_norm",
      read(op),
      execution,
      [&](int threads) { run_on_host(op, threads); },
      SINTER_KERNEL(cuda::query_key_norm(op, stream)));
}

}  // namespace sinter::fused
