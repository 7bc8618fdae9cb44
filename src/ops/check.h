#pragma once
// Argument checks that the operators share. Internal to the room.

#include <cstdint>
#include <string_view>

#include "core/error.h"
#include "core/tensor.h"
#include "ops/view.h"

namespace sinter::ops {

/// The end of a message: " (name)", or nothing for a tensor without one.
inline std::string origin(std::string_view name) {
  return name.empty() ? std::string{} : cat(" (", name, ")");
}

/// A type that operators compute with: f32 on the host, f32, f16, bf16 or e4m3 on a
/// device.
inline bool has_values(const Tensor& tensor) {
  return tensor.defined() &&
         (tensor.dtype == DType::f32 || (tensor.device != Device::cpu &&
                                         is_floating(tensor.dtype) && tensor.dtype != DType::f64));
}

/// Values with the given shape.
inline void check_shape(const char* op,
                        const char* what,
                        const Tensor& tensor,
                        const Shape& shape) {
  SINTER_CHECK(has_values(tensor) && tensor.shape == shape,
               ErrorCode::invalid_argument,
               "[",
               op,
               "] ",
               what,
               ": expected f32 ",
               shape,
               ", got ",
               tensor.defined() ? cat(to_string(tensor.dtype), " ", tensor.shape) : "no tensor",
               origin(tensor.name));
}

/// Values with the given number of axes.
inline void check_rank(const char* op, const char* what, const Tensor& tensor, int rank) {
  SINTER_CHECK(has_values(tensor) && tensor.shape.rank() == rank,
               ErrorCode::invalid_argument,
               "[",
               op,
               "] ",
               what,
               ": expected f32 of ",
               rank,
               " axes, got ",
               tensor.defined() ? cat(to_string(tensor.dtype), " ", tensor.shape) : "no tensor",
               origin(tensor.name));
}

/// Values with at least one axis.
inline void check_values(const char* op, const char* what, const Tensor& tensor) {
  SINTER_CHECK(has_values(tensor) && tensor.shape.rank() > 0,
               ErrorCode::invalid_argument,
               "[",
               op,
               "] ",
               what,
               ": expected f32 of at least one axis, got ",
               tensor.defined() ? cat(to_string(tensor.dtype), " ", tensor.shape) : "no tensor",
               origin(tensor.name));
}

/// `rows` x `columns` strided rows.
inline void check_rows(const char* op,
                       const char* what,
                       const RowView& view,
                       std::int64_t rows,
                       std::int64_t columns) {
  SINTER_CHECK(view.rows == rows && view.columns == columns,
               ErrorCode::invalid_argument,
               "[",
               op,
               "] ",
               what,
               ": expected ",
               rows,
               " rows of ",
               columns,
               ", got ",
               view.rows,
               " of ",
               view.columns,
               origin(view.name));
}

/// `view` on the device of the operator's other operands.
inline void check_device(const char* op, const RowView& view, Device device) {
  SINTER_CHECK(view.device == device,
               ErrorCode::invalid_argument,
               "[",
               op,
               "] expected all operands on ",
               to_string(device),
               ", got one on ",
               to_string(view.device),
               origin(view.name));
}

/// `shape` with another innermost extent.
inline Shape with_last_axis(const Shape& shape, std::int64_t extent) {
  std::int64_t extents[Shape::kMaxRank] = {};
  for (int axis = 0; axis < shape.rank(); ++axis) extents[axis] = shape[axis];
  extents[shape.rank() - 1] = extent;
  return Shape(extents, static_cast<std::size_t>(shape.rank()));
}

/// An operator without an implementation for the device of its input.
[[noreturn]] inline void fail_device(const char* op, Device device) {
  fail(ErrorCode::unsupported, "[", op, "] not built for ", to_string(device));
}

}  // namespace sinter::ops
