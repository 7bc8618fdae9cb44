#include <algorithm>
#include <cmath>
#include <vector>

#include "cpu/threads.h"
#include "ops/fused/group_shape.h"
#include "ops/fused/host.h"
#include "ops/fused/run_at.h"
#ifdef SINTER_WITH_CUDA
#include "ops/fused/cuda/group_norm.h"
#include "ops/fused/cuda/group_norm_plan.h"
#endif

namespace sinter::fused {

namespace {

constexpr std::size_t kScratchAlignment = 256;

/// Contiguous once its channels are its last dimension.
bool is_channels_last(const Array& x) {
  if (x.rank < 3) return false;
  Array moved = x;
  for (int i = 1; i + 1 < x.rank; ++i) {
    moved.shape[static_cast<std::size_t>(i)] = x.shape[static_cast<std::size_t>(i) + 1];
    moved.strides[static_cast<std::size_t>(i)] = x.strides[static_cast<std::size_t>(i) + 1];
  }
  moved.shape[static_cast<std::size_t>(x.rank) - 1] = x.shape[1];
  moved.strides[static_cast<std::size_t>(x.rank) - 1] = x.strides[1];
  return is_contiguous(moved);
}

std::string refuse_vector(const char* name, const Array& v, const GroupNormSilu& op) {
  if (std::string text = refuse_operand(name, v, op.x.device); !text.empty()) return text;
  if (v.rank != 1 || v.shape[0] != op.x.shape[1] || !is_contiguous(v) ||
      (v.type != op.x.type && v.type != ElementType::f32) || v.type != op.weight.type)
    return unlike(name,
                  cat("[",
                      op.x.shape[1],
                      "] contiguous elements of ",
                      to_string(op.x.type),
                      " or f32, weight and bias of one type"),
                  v);
  return {};
}

/// y must be x or lie apart from it.
bool overlaps(const Array& x, const Array& y, std::int64_t elements) {
  const auto bytes = static_cast<std::uintptr_t>(elements) * size_of(dtype_of(x.type));
  const auto a = reinterpret_cast<std::uintptr_t>(x.data);
  const auto b = reinterpret_cast<std::uintptr_t>(y.data);
  return a != b && a < b + bytes && b < a + bytes;
}

/// All but the scratch memory, which depends on it.
std::string read(const GroupNormSilu& op, GroupShape& shape) {
  if (std::string text = refuse_device(op.x); !text.empty()) return text;
  if (std::string text = refuse_operand("x", op.x, op.x.device); !text.empty()) return text;
  if (std::string text = read_groups(op, shape); !text.empty()) return text;
  if (std::string text = refuse_operand("y", op.y, op.x.device); !text.empty()) return text;
  const bool alike = shape.channels_last ? is_channels_last(op.y) : is_contiguous(op.y);
  if (!same_shape(op.x, op.y) || op.y.type != op.x.type || !alike)
    return unlike("y", cat("the type, shape and strides of x, ", describe(op.x)), op.y);
  if (overlaps(op.x, op.y, shape.elements())) return "expected y to be x or to lie apart from it";
  if (op.weight.present() || op.bias.present()) {
    if (std::string text = refuse_vector("weight", op.weight, op); !text.empty()) return text;
    if (std::string text = refuse_vector("bias", op.bias, op); !text.empty()) return text;
  }
  if (!(op.eps >= 0.0F) || std::isinf(op.eps))
    return cat("expected a finite eps of at least 0, got ", op.eps);
  if (op.x.device != kHost && shape.channels_last && op.rounding == Rounding::exact)
    return unlike("x",
                  "a contiguous array where the rounding is exact on a device (fast takes "
                  "channels-last)",
                  op.x);
  return {};
}

std::size_t scratch_for([[maybe_unused]] const GroupNormSilu& op,
                        [[maybe_unused]] const GroupShape& shape) {
#ifdef SINTER_WITH_CUDA
  if (op.x.device != kHost) return cuda::scratch_layout(shape).bytes;
#endif
  return 0;
}

std::string read_all(const GroupNormSilu& op, GroupShape& shape) {
  if (std::string text = read(op, shape); !text.empty()) return text;
  const std::size_t bytes = scratch_for(op, shape);
  if (bytes > 0 && (op.scratch == nullptr ||
                    reinterpret_cast<std::uintptr_t>(op.scratch) % kScratchAlignment != 0))
    return cat("expected ",
               bytes,
               " bytes of scratch memory at a multiple of ",
               kScratchAlignment,
               " bytes, got ",
               op.scratch == nullptr ? "none" : "an unaligned address");
  return {};
}

// --- on the host

/// Elements that are summed at a time; sums of them are added in their order, so the result does
/// not depend on the number of threads.
constexpr std::int64_t kBlock = 16384;

struct Statistics {
  float mean = 0, inverse = 0;
};

/// Where element i of a group lies: i / positions is its channel within the group.
std::int64_t index_of(const GroupShape& s, std::int64_t group, std::int64_t i) {
  if (!s.channels_last) return group * s.group_elements() + i;
  const std::int64_t sample = group / s.groups;
  const std::int64_t channel = group % s.groups * s.group_channels() + i / s.positions;
  return (sample * s.positions + i % s.positions) * s.channels + channel;
}

/// Sum over all elements of a group, `term` of each, in f64.
template <class Term>
std::vector<double> group_sums(const GroupNormSilu& op,
                               const GroupShape& s,
                               int threads,
                               Term term) {
  const std::int64_t count = s.group_elements(), blocks = (count + kBlock - 1) / kBlock;
  std::vector<double> partial(static_cast<std::size_t>(s.all_groups() * blocks));
  cpu::parallel_ranges(
      threads, s.all_groups() * blocks, [&](std::int64_t begin, std::int64_t end, int) {
        for (std::int64_t job = begin; job < end; ++job) {
          const std::int64_t group = job / blocks, first = job % blocks * kBlock;
          double sum = 0;
          for (std::int64_t i = first; i < std::min(first + kBlock, count); ++i)
            sum += term(group, load(op.x.data, op.x.type, index_of(s, group, i)));
          partial[static_cast<std::size_t>(job)] = sum;
        }
      });
  std::vector<double> sums(static_cast<std::size_t>(s.all_groups()));
  for (std::size_t job = 0; job < partial.size(); ++job)
    sums[job / static_cast<std::size_t>(blocks)] += partial[job];
  return sums;
}

std::vector<Statistics> statistics(const GroupNormSilu& op,
                                   const GroupShape& s,
                                   float eps,
                                   int threads) {
  const auto count = static_cast<double>(s.group_elements());
  std::vector<double> means =
      group_sums(op, s, threads, [](std::int64_t, float x) { return static_cast<double>(x); });
  for (double& mean : means) mean /= count;
  const std::vector<double> squares = group_sums(op, s, threads, [&](std::int64_t group, float x) {
    const double d = x - means[static_cast<std::size_t>(group)];
    return d * d;
  });
  std::vector<Statistics> result;
  for (std::size_t g = 0; g < means.size(); ++g)
    result.push_back({static_cast<float>(means[g]),
                      static_cast<float>(1.0 / std::sqrt(squares[g] / count + eps))});
  return result;
}

/// z of one channel, as PyTorch's kernels write it: with weights as scale * x + shift, but as it
/// stands for one position, and without weights.
struct Channel {
  Statistics group;
  float weight = 1, bias = 0, scale = 0, shift = 0;
  bool folded = false, affine = false;

  float operator()(float x) const {
    if (folded) return std::fma(scale, x, shift);
    const float n = (x - group.mean) * group.inverse;
    return affine ? std::fma(n, weight, bias) : n;
  }
};

Channel channel_of(const GroupNormSilu& op,
                   const GroupShape& s,
                   const Statistics& group,
                   std::int64_t channel) {
  Channel c{.group = group, .affine = op.weight.present()};
  if (!c.affine) return c;
  c.weight = load(op.weight.data, op.weight.type, channel);
  c.bias = load(op.bias.data, op.bias.type, channel);
  c.folded = s.positions > 1;
  c.scale = group.inverse * c.weight;
  c.shift = c.bias - c.scale * group.mean;
  return c;
}

void run_on_host(const GroupNormSilu& op, const GroupShape& s, int threads) {
  const bool exact = op.rounding == Rounding::exact;
  // PyTorch's kernel takes eps, and leaves its statistics, in the type of x.
  const float eps = exact ? rounded(op.eps, op.x.type) : op.eps;
  std::vector<Statistics> groups = statistics(op, s, eps, threads);
  if (exact) {
    for (Statistics& group : groups)
      group = {rounded(group.mean, op.x.type), rounded(group.inverse, op.x.type)};
  }
  const std::int64_t per_sample = s.channels * s.positions;
  cpu::parallel_ranges(
      threads, s.samples * s.channels, [&](std::int64_t begin, std::int64_t end, int) {
        for (std::int64_t row = begin; row < end; ++row) {
          const std::int64_t sample = row / s.channels, c = row % s.channels;
          const std::int64_t group = sample * s.groups + c / s.group_channels();
          const Channel channel = channel_of(op, s, groups[static_cast<std::size_t>(group)], c);
          const std::int64_t first = sample * per_sample + (s.channels_last ? c : c * s.positions);
          const std::int64_t step = s.channels_last ? s.channels : 1;
          for (std::int64_t i = 0; i < s.positions; ++i) {
            const std::int64_t at = first + i * step;
            float z = channel(load(op.x.data, op.x.type, at));
            if (exact) z = rounded(z, op.x.type);
            store(op.y.data, op.x.type, at, op.silu ? z / (1.0F + std::exp(-z)) : z);
          }
        }
      });
}

#ifdef SINTER_WITH_CUDA
void run_on_device(const GroupNormSilu& op, const GroupShape& shape, cudaStream_t stream) {
  const cuda::GroupNormTask task{.x = op.x.data,
                                 .y = op.y.data,
                                 .weight = op.weight.data,
                                 .bias = op.bias.data,
                                 .wide_weights = op.weight.type == ElementType::f32,
                                 .shape = shape,
                                 .eps = op.eps,
                                 .silu = op.silu,
                                 .exact = op.rounding == Rounding::exact,
                                 .scratch = op.scratch};
  switch (op.x.type) {
    case ElementType::f32:
      return cuda::group_norm_silu_f32(task, stream);
    case ElementType::f16:
      return cuda::group_norm_silu_f16(task, stream);
    default:
      return cuda::group_norm_silu_bf16(task, stream);
  }
}
#endif

}  // namespace

std::string read_groups(const GroupNormSilu& op, GroupShape& shape) {
  const Array& x = op.x;
  if (x.rank < 2 || x.rank > 5) return unlike("x", "2 to 5 dimensions [N, C, ...]", x);
  shape = {.samples = x.shape[0], .channels = x.shape[1], .positions = 1, .groups = op.groups};
  for (std::size_t i = 2; i < static_cast<std::size_t>(x.rank); ++i) shape.positions *= x.shape[i];
  if (op.groups < 1 || shape.channels % op.groups != 0)
    return cat("expected groups that divide the ", shape.channels, " channels, got ", op.groups);
  shape.channels_last = !is_contiguous(x);
  if (shape.channels_last && !is_channels_last(x))
    return unlike("x", "contiguous elements, channels first or last", x);
  return {};
}

std::size_t scratch_bytes(const GroupNormSilu& op) {
  GroupShape shape;
  return read(op, shape).empty() ? scratch_for(op, shape) : 0;
}

std::string refusal(const GroupNormSilu& op) {
  GroupShape shape;
  return read_all(op, shape);
}

void run(const GroupNormSilu& op, const Execution& execution) {
  GroupShape shape;
  run_at(
      op.x,
      "group_norm_silu",
      read_all(op, shape),
      execution,
      [&](int threads) { run_on_host(op, shape, threads); },
      SINTER_KERNEL(run_on_device(op, shape, stream)));
}

}  // namespace sinter::fused
