#include <bit>

#include "mesh/cuda/launch.cuh"
#include "mesh/cuda/scan.h"
#include "mesh/cuda/scratch.h"
#include "mesh/cuda/union_find.cuh"
#include "texture/cuda/chart_seams.h"

namespace sinter::texture::cuda {
namespace {

using mesh::cuda::for_each;
using mesh::cuda::set_bytes;
using mesh::cuda::take;

constexpr const char* kName = "chart seams";

/// Halves of the welded faces.
struct Halves {
  const mesh::Face* faces;
  const std::uint32_t* first;
  std::uint32_t none;  ///< above all vertices

  __device__ std::uint32_t from(std::uint32_t half) const { return faces[half / 3][half % 3]; }
  __device__ std::uint32_t to(std::uint32_t half) const { return faces[half / 3][(half + 1) % 3]; }
  /// The edge's vertices; `none` for faces that name a vertex twice.
  __device__ std::uint32_t low(std::uint32_t half) const {
    return whole(half) ? min(first[from(half)], first[to(half)]) : none;
  }
  __device__ std::uint32_t high(std::uint32_t half) const {
    return whole(half) ? max(first[from(half)], first[to(half)]) : none;
  }

 private:
  __device__ bool whole(std::uint32_t half) const {
    const mesh::Face& f = faces[half / 3];
    return first[f[0]] != first[f[1]] && first[f[1]] != first[f[2]] && first[f[2]] != first[f[0]];
  }
};

/// Halves by (low, high, half).
const std::uint32_t* sort_by_edge(const Halves& halves,
                                  std::int64_t count,
                                  Arena& arena,
                                  cudaStream_t stream) {
  auto* sorted = take<std::uint32_t>(arena, count);
  const ArenaScope scope(arena);
  auto* keys = take<std::uint32_t>(arena, count);
  auto* sorted_keys = take<std::uint32_t>(arena, count);
  auto* values = take<std::uint32_t>(arena, count);
  auto* by_high = take<std::uint32_t>(arena, count);
  const int bits = std::bit_width(halves.none);
  for_each(count, kName, stream, [=] __device__(std::int64_t n) {
    values[n] = static_cast<std::uint32_t>(n);
    keys[n] = halves.high(values[n]);
  });
  mesh::cuda::stable_sort(keys, sorted_keys, values, by_high, bits, count, arena, stream);
  for_each(
      count, kName, stream, [=] __device__(std::int64_t n) { keys[n] = halves.low(by_high[n]); });
  mesh::cuda::stable_sort(keys, sorted_keys, by_high, sorted, bits, count, arena, stream);
  return sorted;
}

}  // namespace

DeviceChartSeams find_chart_seams(const Array<mesh::Face>& faces,
                                  const Array<std::uint32_t>& first,
                                  const Array<ScreenPoint>& points,
                                  Arena& arena,
                                  cudaStream_t stream) {
  const std::int64_t vertices = points.size(), count = 3 * faces.size();
  DeviceChartSeams seams{.chart = Array<std::uint32_t>(vertices, arena.allocator()),
                         .other = Array<std::uint32_t>(count, arena.allocator())};
  const ArenaScope scope(arena);
  const Halves halves{faces.data(), first.data(), static_cast<std::uint32_t>(vertices)};
  // Apart from the result: a search may shorten the path of another's vertex after that is done.
  auto* parent = take<std::uint32_t>(arena, vertices);
  std::uint32_t *chart = seams.chart.data(), *other = seams.other.data();
  const mesh::Face* face = faces.data();
  for_each(vertices, kName, stream, [=] __device__(std::int64_t v) {
    parent[v] = static_cast<std::uint32_t>(v);
  });
  for_each(faces.size(), kName, stream, [=] __device__(std::int64_t f) {
    mesh::cuda::join(parent, face[f][0], face[f][1]);
    mesh::cuda::join(parent, face[f][0], face[f][2]);
  });
  set_bytes(other, 0xff, count, kName, stream);
  const std::uint32_t* sorted = sort_by_edge(halves, count, arena, stream);
  const ScreenPoint* at = points.data();
  for_each(count - 1, kName, stream, [=] __device__(std::int64_t n) {
    const std::uint32_t a = sorted[n], b = sorted[n + 1];
    const std::uint32_t low = halves.low(a), high = halves.high(a);
    const auto same_edge = [&](std::int64_t m) {
      return m >= 0 && m < count && halves.low(sorted[m]) == low && halves.high(sorted[m]) == high;
    };
    if (low == halves.none || !same_edge(n + 1) || same_edge(n - 1) || same_edge(n + 2)) return;
    const auto together = [&](std::uint32_t u, std::uint32_t v) {
      return at[u].x == at[v].x && at[u].y == at[v].y;
    };
    const bool same_way = halves.first[halves.from(a)] == halves.first[halves.from(b)];
    if (together(halves.from(a), same_way ? halves.from(b) : halves.to(b)) &&
        together(halves.to(a), same_way ? halves.to(b) : halves.from(b))) {
      mesh::cuda::join(parent, halves.from(a), halves.from(b));
    } else {
      other[a] = b;
      other[b] = a;
    }
  });
  for_each(vertices, kName, stream, [=] __device__(std::int64_t v) {
    chart[v] = mesh::cuda::find(parent, static_cast<std::uint32_t>(v));
  });
  return seams;
}

}  // namespace sinter::texture::cuda
