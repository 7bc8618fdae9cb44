#include "mesh/cuda/launch.cuh"
#include "mesh/cuda/point_marks.h"
#include "mesh/cuda/scan.h"
#include "mesh/cuda/scratch.h"

namespace sinter::mesh::cuda {

PointList list_points(const std::uint32_t* words,
                      std::int64_t bits,
                      Arena& arena,
                      cudaStream_t stream) {
  constexpr const char* kName = "list of points";
  const std::int64_t count = mark_words(bits);
  auto* before = take<std::uint32_t>(arena, count + 1);
  for_each(count + 1, kName, stream, [=] __device__(std::int64_t w) {
    before[w] = w < count ? static_cast<std::uint32_t>(__popc(words[w])) : 0;
  });
  exclusive_sum(before, count + 1, arena, stream);
  const std::uint32_t total = read_back(before + count, kName, stream);
  auto* places = take<std::uint32_t>(arena, total);
  for_each(total == 0 ? 0 : count, kName, stream, [=] __device__(std::int64_t w) {
    std::uint32_t next = before[w];
    for (std::uint32_t left = words[w]; left != 0; left &= left - 1) {
      places[next++] = static_cast<std::uint32_t>(32 * w + __ffs(static_cast<int>(left)) - 1);
    }
  });
  return {places, total};
}

}  // namespace sinter::mesh::cuda
