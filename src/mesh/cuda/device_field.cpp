#include "mesh/cuda/device_field.h"

#include "core/error.h"
#include "mesh/cuda/upload.h"

namespace sinter::mesh::cuda {

using sinter::cuda::check;

namespace {
constexpr const char* kName = "device field";
}  // namespace

DeviceField::DeviceField(Grid grid, Allocator* memory, cudaStream_t stream)
    : grid_(std::move(grid)),
      values_(static_cast<std::size_t>(grid_.point_count()) * sizeof(float), memory),
      axes_(3 * static_cast<std::size_t>(grid_.points()) * sizeof(float), memory) {
  std::vector<float> coordinates;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    for (int i = 0; i < grid_.points(); ++i) coordinates.push_back(grid_.point({i, i, i})[axis]);
  }
  upload_to(axes_.data(), std::span<const float>(coordinates), kName, stream);
}

void DeviceField::upload(std::span<const float> values, cudaStream_t stream) {
  SINTER_CHECK(std::cmp_equal(values.size(), grid_.point_count()),
               ErrorCode::invalid_argument,
               "[device field] values: expected ",
               grid_.point_count(),
               ", got ",
               values.size());
  upload_to(values_.data(), values, kName, stream);
  range_ = {};
}

std::vector<float> DeviceField::download(cudaStream_t stream) const {
  std::vector<float> values(static_cast<std::size_t>(grid_.point_count()));
  check(cudaMemcpyAsync(
            values.data(), values_.data(), values_.size(), cudaMemcpyDeviceToHost, stream),
        kName);
  check(cudaStreamSynchronize(stream), kName);
  return values;
}

}  // namespace sinter::mesh::cuda
