#include "mesh/cuda/device_field.h"

#include "core/error.h"

namespace sinter::mesh::cuda {

DeviceField::DeviceField(Grid grid)
    : grid_(std::move(grid)),
      values_(static_cast<std::size_t>(grid_.point_count()) * sizeof(float)),
      axes_(3 * static_cast<std::size_t>(grid_.points()) * sizeof(float)) {
  std::vector<float> coordinates;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    for (int i = 0; i < grid_.points(); ++i) coordinates.push_back(grid_.point({i, i, i})[axis]);
  }
  axes_.copy_from_host(coordinates.data());
}

void DeviceField::upload(std::span<const float> values) {
  SINTER_CHECK(std::cmp_equal(values.size(), grid_.point_count()),
               ErrorCode::invalid_argument,
               "[device field] values: expected ",
               grid_.point_count(),
               ", got ",
               values.size());
  values_.copy_from_host(values.data());
  range_ = {};
}

std::vector<float> DeviceField::download() const {
  std::vector<float> values(static_cast<std::size_t>(grid_.point_count()));
  values_.copy_to_host(values.data());
  return values;
}

}  // namespace sinter::mesh::cuda
