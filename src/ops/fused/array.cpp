#include "ops/fused/array.h"

#include <omp.h>

#include <algorithm>

namespace sinter::fused {

namespace {

std::string list(const Array& x, const std::array<std::int64_t, Array::kMaxRank>& numbers) {
  std::string text = "[";
  for (int i = 0; i < x.rank; ++i)
    text += (i == 0 ? "" : ", ") + std::to_string(numbers[static_cast<std::size_t>(i)]);
  return text + "]";
}

std::int64_t extent(const Array& x, int axis) {
  return x.shape[static_cast<std::size_t>(axis)];
}
std::int64_t stride(const Array& x, int axis) {
  return x.strides[static_cast<std::size_t>(axis)];
}

}  // namespace

const char* to_string(ElementType type) {
  switch (type) {
    case ElementType::f32:
      return "f32";
    case ElementType::f16:
      return "f16";
    case ElementType::bf16:
      return "bf16";
    case ElementType::i32:
      return "i32";
    case ElementType::i64:
      return "i64";
  }
  return "unknown";
}

DType dtype_of(ElementType type) {
  switch (type) {
    case ElementType::f32:
      return DType::f32;
    case ElementType::f16:
      return DType::f16;
    case ElementType::bf16:
      return DType::bf16;
    case ElementType::i32:
      return DType::i32;
    case ElementType::i64:
      return DType::i64;
  }
  fail(ErrorCode::invalid_argument,
       "[fused] expected an element type, got number ",
       static_cast<int>(type));
}

std::int64_t elements_of(const Array& x) {
  std::int64_t count = 1;
  for (int i = 0; i < x.rank; ++i) count *= extent(x, i);
  return count;
}

std::string describe(const Array& x) {
  if (!x.present()) return "nothing";
  std::string text = std::string(to_string(x.type)) + " " + list(x, x.shape);
  if (!is_contiguous(x)) text += " with strides " + list(x, x.strides);
  return text +
         (x.device == kHost ? " on the host" : " on CUDA device " + std::to_string(x.device));
}

bool same_shape(const Array& x, const Array& y) {
  return x.rank == y.rank && std::equal(x.shape.begin(), x.shape.begin() + x.rank, y.shape.begin());
}

bool is_contiguous(const Array& x) {
  std::int64_t expected = 1;
  for (int i = x.rank - 1; i >= 0; --i) {
    if (extent(x, i) != 1 && stride(x, i) != expected) return false;
    expected *= extent(x, i);
  }
  return true;
}

bool is_aligned(const Array& x, std::size_t bytes) {
  const auto element = size_of(dtype_of(x.type));
  if (reinterpret_cast<std::uintptr_t>(x.data) % bytes != 0) return false;
  for (int i = 0; i + 1 < x.rank; ++i)
    if (extent(x, i) != 1 &&
        static_cast<std::size_t>(std::abs(stride(x, i))) * element % bytes != 0)
      return false;
  return true;
}

std::string unlike(const char* name, const std::string& expected, const Array& x) {
  return cat("expected ", expected, " for ", name, ", got ", describe(x));
}

std::string refuse_operand(const char* name, const Array& x, int device) {
  if (x.rank < 1 || x.rank > Array::kMaxRank)
    return cat("expected 1 to ", Array::kMaxRank, " dimensions for ", name, ", got ", x.rank);
  std::int64_t count = 1;
  for (int i = 0; i < x.rank; ++i) {
    if (extent(x, i) <= 0) return unlike(name, "no empty dimension", x);
    constexpr std::int64_t kMost = std::int64_t{1} << 48;
    if (__builtin_mul_overflow(count, extent(x, i), &count) || count > kMost)
      return unlike(name, "at most 2^48 elements", x);
  }
  if (x.data == nullptr) return unlike(name, "data", x);
  if (!is_floating(x.type)) return unlike(name, "f32, f16 or bf16", x);
  if (x.device != device)
    return unlike(
        name,
        device == kHost ? "an array on the host" : cat("an array on CUDA device ", device),
        x);
  const auto element = size_of(dtype_of(x.type));
  if (reinterpret_cast<std::uintptr_t>(x.data) % element != 0)
    return unlike(name, cat("data at a multiple of ", element, " bytes"), x);
  return {};
}

std::string refuse_device([[maybe_unused]] const Array& x) {
#ifndef SINTER_WITH_CUDA
  if (x.device != kHost)
    return cat("expected arrays on the host in a build without CUDA, got ", describe(x));
#endif
  return {};
}

std::string read_rows(const char* name, const Array& x, RowShape& shape) {
  if (x.rank != 2 && x.rank != 3) return read_flat(name, x, shape);
  if (extent(x, x.rank - 1) != 1 && stride(x, x.rank - 1) != 1)
    return unlike(name, "a contiguous last dimension", x);
  shape.columns = extent(x, x.rank - 1);
  shape.tokens = extent(x, x.rank - 2);
  shape.token_stride = stride(x, x.rank - 2);
  shape.samples = x.rank == 3 ? extent(x, 0) : 1;
  shape.sample_stride = x.rank == 3 ? stride(x, 0) : 0;
  if (shape.tokens > 1 && shape.token_stride < shape.columns)
    return unlike(name, "rows that do not overlap", x);
  if (shape.samples > 1 && shape.sample_stride < shape.columns)
    return unlike(name, "samples that do not overlap", x);
  return {};
}

std::string read_flat(const char* name, const Array& x, RowShape& shape) {
  const int last = x.rank - 1;
  if (extent(x, last) != 1 && stride(x, last) != 1)
    return unlike(name, "a contiguous last dimension", x);
  shape = {.samples = 1, .tokens = 1, .columns = extent(x, last)};
  for (int i = last - 1; i >= 0; --i) {
    if (extent(x, i) == 1) continue;
    if (shape.tokens == 1) {
      shape.token_stride = stride(x, i);
    } else if (stride(x, i) != shape.token_stride * shape.tokens) {
      return unlike(name, "rows at one stride", x);
    }
    shape.tokens *= extent(x, i);
  }
  if (shape.tokens > 1 && shape.token_stride < shape.columns)
    return unlike(name, "rows that do not overlap", x);
  return {};
}

std::string refuse_groups(const Array& x, const RowShape& rows) {
  if (x.device == kHost || rows.samples * rows.tokens * ((rows.columns + 7) / 8) < std::int64_t{1}
                                                                                       << 31)
    return {};
  return unlike("x", "fewer than 2^31 groups of eight columns on a device", x);
}

std::string read_modulation(
    const char* name, const Array& v, const RowShape& rows, int rank_of_x, Modulation& modulation) {
  const auto fits = [&](int axis, std::int64_t whole) {
    return extent(v, axis) == 1 || extent(v, axis) == whole;
  };
  const auto step = [&](int axis) { return extent(v, axis) == 1 ? 0 : stride(v, axis); };
  modulation = {.data = v.data, .type = v.type};
  if (v.rank == 1 && extent(v, 0) == 1) {
    modulation.column_stride = 0;
    return {};
  }
  const int last = v.rank - 1;
  bool known =
      v.rank >= 1 && extent(v, last) == rows.columns && (rows.columns == 1 || stride(v, last) == 1);
  if (rank_of_x != 2 && rank_of_x != 3) {
    if (known && v.rank == 1) return {};
    return unlike(
        name, cat("[1] or [", rows.columns, "] for an x of ", rank_of_x, " dimensions"), v);
  }
  // The dimensions before the last, from the right: token, sample; or one, frame, sample.
  const bool with_samples = rank_of_x == 3;
  if (known && v.rank == 2) {
    if (with_samples) {
      known = fits(0, rows.samples);
      modulation.sample_stride = step(0);
    } else {
      known = fits(0, rows.tokens);
      modulation.token_stride = step(0);
    }
  } else if (known && v.rank == (with_samples ? 4 : 3) && extent(v, last - 1) == 1) {
    const std::int64_t frames = extent(v, last - 2);
    known = rows.tokens % frames == 0 && (!with_samples || fits(0, rows.samples));
    modulation.tokens_each = rows.tokens / frames;
    modulation.token_stride = step(last - 2);
    modulation.sample_stride = with_samples ? step(0) : 0;
  } else if (known && with_samples && v.rank == 3) {
    known = fits(0, rows.samples) && fits(1, rows.tokens);
    modulation.sample_stride = step(0);
    modulation.token_stride = step(1);
  } else {
    known = known && v.rank == 1;
  }
  if (known) return {};
  return unlike(name,
                cat("[1], or a vector of ",
                    rows.columns,
                    " contiguous elements for all, each of ",
                    rows.samples,
                    " samples, each of ",
                    rows.tokens,
                    " tokens, or each frame ([.., F, 1, D])"),
                v);
}

void require(const char* who, const std::string& refusal) {
  SINTER_CHECK(refusal.empty(), ErrorCode::invalid_argument, "[", who, "] ", refusal);
}

int threads_of(const Execution& execution) {
  return execution.threads > 0 ? execution.threads : omp_get_max_threads();
}

}  // namespace sinter::fused
