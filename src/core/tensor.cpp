#include "core/tensor.h"

namespace sinter {

const char* to_string(Device device) {
  return device == Device::cpu ? "cpu" : "cuda";
}

void Tensor::check_element_size(std::size_t size) const {
  SINTER_CHECK(size == size_of(dtype),
               ErrorCode::internal,
               "[tensor] ",
               name,
               ": read with elements of ",
               size,
               " bytes, dtype is ",
               to_string(dtype));
}

const float* Tensor::f32() const {
  return f32_mut();
}

float* Tensor::f32_mut() const {
  SINTER_CHECK(dtype == DType::f32,
               ErrorCode::internal,
               "[tensor] ",
               name,
               ": expected f32, got ",
               to_string(dtype));
  return static_cast<float*>(data);
}

Tensor Tensor::reshape(Shape other) const {
  SINTER_CHECK(other.elements() == elements(),
               ErrorCode::internal,
               "[tensor] ",
               name,
               ": cannot view ",
               shape,
               " as ",
               other);
  Tensor view = *this;
  view.shape = other;
  return view;
}

Tensor Tensor::slice(std::int64_t begin, std::int64_t end) const {
  SINTER_CHECK(shape.rank() > 0 && begin >= 0 && begin <= end && end <= shape[0],
               ErrorCode::internal,
               "[tensor] ",
               name,
               ": rows ",
               begin,
               "..",
               end,
               " are outside ",
               shape);
  std::int64_t extents[Shape::kMaxRank] = {};
  std::int64_t row = 1;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    extents[axis] = shape[axis];
    if (axis > 0) row *= shape[axis];
  }
  extents[0] = end - begin;
  Tensor view = *this;
  view.shape = Shape(extents, static_cast<std::size_t>(shape.rank()));
  view.data =
      static_cast<std::byte*>(data) + static_cast<std::size_t>(begin * row) * size_of(dtype);
  return view;
}

}  // namespace sinter
