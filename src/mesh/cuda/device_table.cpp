#include "mesh/cuda/device_table.h"

#include <vector>

namespace sinter::mesh::cuda {
namespace {

template <class T>
sinter::cuda::DeviceMemory upload(const std::vector<T>& values) {
  sinter::cuda::DeviceMemory memory(values.size() * sizeof(T));
  memory.copy_from_host(values.data());
  return memory;
}

}  // namespace

DeviceCubeTableMemory::DeviceCubeTableMemory() {
  std::vector<std::uint8_t> ambiguous, triangles;
  std::vector<std::uint32_t> first;
  std::vector<DeviceCubeEntry> entries;
  std::vector<DeviceCubeCenter> centers;
  const auto add = [&](const CubeEntry& entry) {
    entries.push_back({static_cast<std::uint32_t>(triangles.size() / 3),
                       static_cast<std::uint32_t>(centers.size()),
                       static_cast<std::uint16_t>(entry.triangles.size()),
                       static_cast<std::uint16_t>(entry.centers)});
    for (const auto& triangle : entry.triangles) {
      triangles.insert(triangles.end(), triangle.begin(), triangle.end());
    }
    for (const CubePolygon& polygon : entry.polygons) {
      if (polygon.center < 0) continue;
      DeviceCubeCenter center{static_cast<std::uint8_t>(polygon.edges.size()), {}};
      std::copy(polygon.edges.begin(), polygon.edges.end(), center.edges);
      centers.push_back(center);
    }
  };
  for (unsigned inside = 0; inside < 256; ++inside) {
    const auto code = static_cast<std::uint8_t>(inside);
    const unsigned faces = cube_ambiguous_faces(code);
    ambiguous.push_back(static_cast<std::uint8_t>(faces));
    first.push_back(static_cast<std::uint32_t>(entries.size()));
    // All subsets of the ambiguous faces, in ascending order of their packed bits.
    for (unsigned joined = 0;; joined = (joined - faces) & faces) {
      add(cube_entry(code, static_cast<std::uint8_t>(joined)));
      if (joined == faces) break;
    }
  }
  ambiguous_ = upload(ambiguous);
  first_ = upload(first);
  entries_ = upload(entries);
  triangles_ = upload(triangles);
  centers_ = upload(centers);
  table_ = {ambiguous_.as<std::uint8_t>(),
            first_.as<std::uint32_t>(),
            entries_.as<DeviceCubeEntry>(),
            triangles_.as<std::uint8_t>(),
            centers_.as<DeviceCubeCenter>()};
}

}  // namespace sinter::mesh::cuda
