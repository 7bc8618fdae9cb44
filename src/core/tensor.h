#pragma once
// A small copyable view: pointer, dtype, device, shape, name. It owns nothing; owners are Buffer
// and Arena. Contiguous and row-major by contract; an operator that takes anything else says so in
// its own header.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/dtype.h"
#include "core/error.h"
#include "core/shape.h"

namespace sinter {

enum class Device : std::uint8_t { cpu, cuda };
const char* to_string(Device device);

struct Tensor {
  void* data = nullptr;
  DType dtype = DType::f32;
  Device device = Device::cpu;
  Shape shape;
  /// For messages only. Must outlive the view: a literal, or a string held by the checkpoint or
  /// layer.
  std::string_view name;

  bool defined() const { return data != nullptr; }
  std::int64_t elements() const { return shape.elements(); }
  std::size_t bytes() const { return static_cast<std::size_t>(elements()) * size_of(dtype); }
  std::int64_t dim(int axis) const { return shape[axis]; }

  /// Typed pointer; raises ErrorCode::internal where T does not match dtype. bf16 and f16 are read
  /// as std::uint16_t.
  template <class T>
  T* ptr() const {
    check_element_size(sizeof(T));
    return static_cast<T*>(data);
  }
  const float* f32() const;
  float* f32_mut() const;
  std::span<const float> span() const { return {f32(), static_cast<std::size_t>(elements())}; }

  /// The same data under another shape of equally many elements.
  Tensor reshape(Shape other) const;
  /// Rows [begin, end) of the outermost axis, without a copy.
  Tensor slice(std::int64_t begin, std::int64_t end) const;

 private:
  void check_element_size(std::size_t size) const;
};

}  // namespace sinter
