#include <utility>

#include "mesh/cuda/launch.cuh"
#include "mesh/cuda/scratch.h"
#include "texture/bake/view_sampler.h"
#include "texture/cuda/box_filters.h"

namespace sinter::texture::cuda {
namespace {

using mesh::cuda::for_each;
using mesh::cuda::take;

/// `step` pixels to both sides along a row or a column.
void dilate_once(const std::uint8_t* from,
                 std::uint8_t* to,
                 int width,
                 int height,
                 int step,
                 bool along_rows,
                 cudaStream_t stream) {
  const std::int64_t stride = along_rows ? 1 : width;
  for_each(std::int64_t{width} * height, "dilate", stream, [=] __device__(std::int64_t i) {
    const auto place = static_cast<int>(along_rows ? i % width : i / width);
    const int side = along_rows ? width : height;
    // Not beyond the picture: its first and last pixel have what comes from inside.
    const int before = std::min(step, place), behind = std::min(step, side - 1 - place);
    to[i] = from[i] != 0 || from[i - before * stride] != 0 || from[i + behind * stride] != 0;
  });
}

}  // namespace

void dilate(
    std::uint8_t* mask, int width, int height, int radius, Arena& arena, cudaStream_t stream) {
  const ArenaScope scope(arena);
  std::uint8_t* from = mask;
  std::uint8_t* to = take<std::uint8_t>(arena, std::int64_t{width} * height);
  for (const bool along_rows : {true, false}) {
    const int most = std::min(radius, (along_rows ? width : height) - 1);
    // What reaches r pixels reaches 3 r + 1 after a step of 2 r + 1.
    for (int reached = 0; reached < most;) {
      const int step = std::min(2 * reached + 1, most - reached);
      dilate_once(from, to, width, height, step, along_rows, stream);
      std::swap(from, to);
      reached += step;
    }
  }
  if (from == mask) return;
  sinter::cuda::check(
      cudaMemcpyAsync(mask,
                      from,
                      static_cast<std::size_t>(width) * static_cast<std::size_t>(height),
                      cudaMemcpyDeviceToDevice,
                      stream),
      "dilate");
}

void find_ramp(const std::uint8_t* reliable,
               int width,
               int height,
               std::uint8_t* ramp,
               Arena& arena,
               cudaStream_t stream) {
  const ArenaScope scope(arena);
  const std::int64_t pixels = std::int64_t{width} * height;
  auto* along_rows = take<std::uint8_t>(arena, pixels);  // at most a box's side, 65 of 8192
  const int side = ViewSampler::ramp_side(width, height), reach = side / 2;
  for_each(pixels, "ramp", stream, [=] __device__(std::int64_t i) {
    const auto x = static_cast<int>(i % width);
    int count = 0;
    for (int d = -reach; d <= reach; ++d) {
      count += reliable[i - x + min(max(x + d, 0), width - 1)] != 0;
    }
    along_rows[i] = static_cast<std::uint8_t>(count);
  });
  for_each(pixels, "ramp", stream, [=] __device__(std::int64_t i) {
    const auto x = static_cast<int>(i % width), y = static_cast<int>(i / width);
    int count = 0;
    for (int d = -reach; d <= reach; ++d) {
      count += along_rows[std::int64_t{min(max(y + d, 0), height - 1)} * width + x];
    }
    ramp[i] = ViewSampler::ramp_level(ViewSampler::mean_level(count, side * side));
  });
}

}  // namespace sinter::texture::cuda
