#include "core/shape.h"

#include <algorithm>

#include "core/error.h"

namespace sinter {

Shape::Shape(std::initializer_list<std::int64_t> extents)
    : Shape(extents.begin(), extents.size()) {}

Shape::Shape(const std::int64_t* extents, std::size_t rank) {
  SINTER_CHECK(rank <= kMaxRank,
               ErrorCode::invalid_argument,
               "[shape] expected at most ",
               kMaxRank,
               " extents, got ",
               rank);
  constexpr std::int64_t kLimit = std::int64_t{1} << 62;
  std::int64_t product = 1;
  for (std::size_t axis = 0; axis < rank; ++axis) {
    const std::int64_t extent = extents[axis];
    SINTER_CHECK(extent >= 0, ErrorCode::invalid_argument, "[shape] negative extent ", extent);
    SINTER_CHECK(extent == 0 || product <= kLimit / extent,
                 ErrorCode::invalid_argument,
                 "[shape] the product of the extents overflows");
    product *= extent;
    extents_[axis] = extent;
  }
  rank_ = static_cast<int>(rank);
}

std::int64_t Shape::elements() const {
  std::int64_t product = 1;
  for (int axis = 0; axis < rank_; ++axis) product *= (*this)[axis];
  return product;
}

bool Shape::operator==(const Shape& other) const {
  return rank_ == other.rank_ &&
         std::equal(extents_.begin(), extents_.begin() + rank_, other.extents_.begin());
}

std::string Shape::str() const {
  std::string text = "[";
  for (int axis = 0; axis < rank_; ++axis) {
    if (axis > 0) text += ", ";
    text += std::to_string((*this)[axis]);
  }
  return text + "]";
}

}  // namespace sinter
