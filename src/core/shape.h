#pragma once
// Extents of a tensor, outermost first, at most five.

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>

namespace sinter {

class Shape {
 public:
  static constexpr int kMaxRank = 5;

  Shape() = default;
  /// Raises ErrorCode::invalid_argument for more than five extents, a negative one, or a product
  /// past 2^62.
  Shape(std::initializer_list<std::int64_t> extents);
  Shape(const std::int64_t* extents, std::size_t rank);

  int rank() const { return rank_; }
  std::int64_t operator[](int axis) const { return extents_[static_cast<std::size_t>(axis)]; }
  /// Extent counted from the end: back() is the innermost axis, back(1) the one before it.
  std::int64_t back(int from_end = 0) const { return (*this)[rank_ - 1 - from_end]; }
  /// Product of all extents; 1 for rank 0.
  std::int64_t elements() const;
  /// Product of all extents but the innermost: the number of rows.
  std::int64_t rows() const { return rank_ == 0 ? 1 : elements() / (back() == 0 ? 1 : back()); }
  bool operator==(const Shape& other) const;
  bool operator!=(const Shape& other) const { return !(*this == other); }
  /// "[2, 1024]"
  std::string str() const;

 private:
  std::array<std::int64_t, kMaxRank> extents_{};
  int rank_ = 0;
};

template <class Stream>
Stream& operator<<(Stream& out, const Shape& shape) {
  out << shape.str();
  return out;
}

}  // namespace sinter
