#include "checkpoint/strided_view.h"

#include <cstring>

#include "core/error.h"

namespace sinter::checkpoint {

namespace {

template <std::size_t kBytes>
std::byte* gather_axis(const std::byte* src, const StridedView& view, int axis, std::byte* dst) {
  if (axis == view.shape.rank()) {
    std::memcpy(dst, src, kBytes);
    return dst + kBytes;
  }
  const std::int64_t extent = view.shape[axis];
  // the stride of an axis of extent 1 is not bounded by lies_within(), and not used
  const std::int64_t stride = extent == 1 ? 0 : view.strides[static_cast<std::size_t>(axis)];
  const std::int64_t step = stride * std::int64_t{kBytes};
  const bool innermost = axis == view.shape.rank() - 1;
  for (std::int64_t i = 0; i < extent; ++i) {
    if (innermost) {
      std::memcpy(dst, src + i * step, kBytes);
      dst += kBytes;
    } else {
      dst = gather_axis<kBytes>(src + i * step, view, axis + 1, dst);
    }
  }
  return dst;
}

}  // namespace

bool lies_within(const StridedView& view, std::uint64_t count) {
  bool empty = false;
  bool negative = view.offset < 0;
  for (int axis = 0; axis < view.shape.rank(); ++axis) {
    empty = empty || view.shape[axis] == 0;
    negative = negative || view.strides[static_cast<std::size_t>(axis)] < 0;
  }
  if (negative) return false;
  if (empty) return true;
  std::int64_t last = view.offset;
  for (int axis = 0; axis < view.shape.rank(); ++axis) {
    std::int64_t reach = 0;
    const std::int64_t stride = view.strides[static_cast<std::size_t>(axis)];
    if (__builtin_mul_overflow(view.shape[axis] - 1, stride, &reach) ||
        __builtin_add_overflow(last, reach, &last)) {
      return false;
    }
  }
  return static_cast<std::uint64_t>(last) < count;
}

bool is_contiguous(const StridedView& view) {
  std::int64_t expected = 1;
  for (int axis = view.shape.rank() - 1; axis >= 0; --axis) {
    const std::int64_t extent = view.shape[axis];
    // the stride of an axis of extent 1 is never used, and torch leaves anything there
    if (extent != 1 && view.strides[static_cast<std::size_t>(axis)] != expected) return false;
    expected *= extent;
  }
  return true;
}

void gather(std::span<const std::byte> storage,
            const StridedView& view,
            std::size_t element_bytes,
            std::byte* dst) {
  if (view.shape.elements() == 0) return;
  const std::byte* src = storage.data() + static_cast<std::size_t>(view.offset) * element_bytes;
  switch (element_bytes) {
    case 1:
      gather_axis<1>(src, view, 0, dst);
      return;
    case 2:
      gather_axis<2>(src, view, 0, dst);
      return;
    case 4:
      gather_axis<4>(src, view, 0, dst);
      return;
    case 8:
      gather_axis<8>(src, view, 0, dst);
      return;
    default:
      fail(ErrorCode::internal, "[checkpoint] gather: elements of ", element_bytes, " bytes");
  }
}

}  // namespace sinter::checkpoint
