#include <bit>
#include <utility>

#include "mesh/cuda/launch.cuh"
#include "mesh/cuda/scan.h"
#include "mesh/cuda/scratch.h"
#include "texture/cuda/block_sum.cuh"
#include "texture/cuda/border_blend.h"
#include "texture/cuda/colour_sum.h"
#include "texture/cuda/lower_bound.cuh"
#include "texture/cuda/surface_fill.h"
#include "texture/cuda/surface_links.h"
#include "texture/cuda/texel_places.cuh"

namespace sinter::texture::cuda {
namespace {

using mesh::cuda::for_each;
using mesh::cuda::set_bytes;
using mesh::cuda::take;

constexpr const char* kName = "surface fill";
/// Threads that go through the texels of a face together.
constexpr int kFaceThreads = 64;
/// Rings from one look at how many vertices were reached to the next.
constexpr int kRingsAtOnce = 16;
constexpr std::int32_t kNotReached = -1;

/// By face and corner: its known texels' colours, each with the fourth power of the corner's weight
/// there.
struct CornerSum {
  double colour[3], weight;
};

/// Texels by face.
struct KnownTexels {
  const std::uint32_t* face;  ///< rising
  const std::uint32_t* texel;
  std::int64_t count;
};

KnownTexels sort_known(const TexelPlaces& places,
                       const std::uint8_t* known,
                       std::int64_t face_count,
                       Arena& arena,
                       cudaStream_t stream) {
  const std::int64_t count = places.count();
  auto* sorted_face = take<std::uint32_t>(arena, count);
  auto* sorted_texel = take<std::uint32_t>(arena, count);
  const ArenaScope scope(arena);
  auto* face = take<std::uint32_t>(arena, count);
  auto* texel = take<std::uint32_t>(arena, count);
  for_each(count, kName, stream, [=] __device__(std::int64_t i) {
    const bool counts = known[i] != 0 && places.face[i] != 0;
    face[i] = static_cast<std::uint32_t>(counts ? places.face[i] - 1 : face_count);
    texel[i] = static_cast<std::uint32_t>(i);
  });
  mesh::cuda::stable_sort(face,
                          sorted_face,
                          texel,
                          sorted_texel,
                          std::bit_width(static_cast<std::uint64_t>(face_count)),
                          count,
                          arena,
                          stream);
  return {sorted_face, sorted_texel, count};
}

/// A block a face.
__global__ void __launch_bounds__(kFaceThreads) sum_corners_kernel(TexelPlaces places,
                                                                   KnownTexels known,
                                                                   const Colour* colours,
                                                                   CornerSum* sums) {
  const std::uint32_t f = blockIdx.x;
  const std::int64_t begin = lower_bound(known.face, known.count, f);
  const std::int64_t end = lower_bound(known.face, known.count, f + 1);
  double values[12] = {};
  for (std::int64_t n = begin + threadIdx.x; n < end; n += blockDim.x) {
    const std::int64_t i = known.texel[n];
    const std::array<float, 3> weights = places.weights_at(i);
    for (int k = 0; k < 3; ++k) {
      if (!(weights[k] > 0)) continue;
      const float square = weights[k] * weights[k];
      const float weight = square * square;
      for (int c = 0; c < 3; ++c) values[4 * k + c] += static_cast<double>(weight * colours[i][c]);
      values[4 * k + 3] += static_cast<double>(weight);
    }
  }
  sum_of_block<kFaceThreads>(values);
  if (threadIdx.x != 0) return;
  for (int k = 0; k < 3; ++k) {
    sums[3 * std::int64_t{f} + k] = {{values[4 * k], values[4 * k + 1], values[4 * k + 2]},
                                     values[4 * k + 3]};
  }
}

/// Colours of vertices, and the ring that each was reached in: 0 where texels are known.
struct Vertices {
  std::int64_t count;
  const std::uint32_t* first;
  Colour* colour;
  std::int32_t* ring;
};

void take_known(const Vertices& vertices,
                const SurfaceLinks& links,
                const Array<mesh::Face>& faces,
                const TexelPlaces& places,
                const DeviceTexture& texture,
                Arena& arena,
                cudaStream_t stream) {
  const ArenaScope scope(arena);
  const KnownTexels known = sort_known(places, texture.known.data(), faces.size(), arena, stream);
  auto* sums = take<CornerSum>(arena, 3 * faces.size());
  sum_corners_kernel<<<static_cast<unsigned>(faces.size()), kFaceThreads, 0, stream>>>(
      places, known, texture.colour.data(), sums);
  sinter::cuda::check_launch(kName);
  const std::uint64_t* begin = links.corner_begin.data();
  const std::uint32_t* corners = links.corners.data();
  for_each(vertices.count, kName, stream, [=] __device__(std::int64_t v) {
    CornerSum all{};
    for (std::uint64_t n = begin[v]; n < begin[v + 1]; ++n) {
      const CornerSum& one = sums[corners[n]];
      for (int c = 0; c < 3; ++c) all.colour[c] += one.colour[c];
      all.weight += one.weight;
    }
    vertices.colour[v] = {};
    vertices.ring[v] = all.weight > 0 ? 0 : kNotReached;
    if (!(all.weight > 0)) return;
    for (int c = 0; c < 3; ++c) {
      vertices.colour[v][c] = static_cast<float>(all.colour[c] / all.weight);
    }
  });
}

/// Outwards, ring by ring, until one is empty.
void spread(const Vertices& vertices,
            const SurfaceGraph& graph,
            Arena& arena,
            cudaStream_t stream) {
  const ArenaScope scope(arena);
  auto* reached = take<std::uint32_t>(arena, 1);
  std::int32_t ring = 0;
  do {
    set_bytes(reached, 0, 1, kName, stream);
    for (int n = 0; n < kRingsAtOnce; ++n) {
      ++ring;
      for_each(vertices.count, kName, stream, [=] __device__(std::int64_t v) {
        if (vertices.ring[v] != kNotReached) return;
        const auto is_coloured = [&](std::uint32_t other) {
          const std::int32_t there = vertices.ring[other];
          return there != kNotReached && there < ring;
        };
        Colour mean;
        if (!graph.mean_around(static_cast<std::uint32_t>(v), vertices.colour, is_coloured, mean)) {
          return;
        }
        vertices.colour[v] = mean;
        vertices.ring[v] = ring;
        *reached = 1;
      });
    }
  } while (mesh::cuda::read_back(reached, kName, stream) != 0);
}

/// Settles what was reached. Returns where the colours stand then.
Colour* settle(const Vertices& vertices,
               const SurfaceGraph& graph,
               Colour* other,
               cudaStream_t stream) {
  Colour* to = other;
  Colour* from = vertices.colour;
  sinter::cuda::check(cudaMemcpyAsync(to,
                                      from,
                                      static_cast<std::size_t>(vertices.count) * sizeof(Colour),
                                      cudaMemcpyDeviceToDevice,
                                      stream),
                      kName);
  const std::int32_t* ring = vertices.ring;
  for (int sweep = 0; sweep < kFillSweeps; ++sweep) {
    for_each(vertices.count, kName, stream, [=] __device__(std::int64_t v) {
      if (ring[v] <= 0) return;
      graph.mean_around(
          static_cast<std::uint32_t>(v),
          from,
          [=](std::uint32_t n) { return ring[n] != kNotReached; },
          to[v]);
    });
    std::swap(from, to);
  }
  return from;
}

void write(const Vertices& vertices,
           const TexelPlaces& places,
           DeviceTexture& texture,
           cudaStream_t stream) {
  Colour* colours = texture.colour.data();
  std::uint8_t* known = texture.known.data();
  for_each(places.count(), kName, stream, [=] __device__(std::int64_t i) {
    if (known[i] != 0 || places.face[i] == 0) return;
    colours[i] =
        colour_within(places.face_at(i), places.weights_at(i), vertices.first, vertices.colour);
    known[i] = 1;
  });
}

}  // namespace

void fill_along_surface(const Array<mesh::Vec3>& positions,
                        const Array<mesh::Face>& faces,
                        const DeviceTexelMap& texels,
                        DeviceTexture& texture,
                        Arena& arena,
                        cudaStream_t stream) {
  const ArenaScope scope(arena);
  const TexelPlaces places(texels, faces);
  const SurfaceLinks links = link_surface(positions, faces, arena, stream);
  const SurfaceGraph graph{positions.data(), links.begin.data(), links.neighbours.data()};
  Vertices vertices{.count = positions.size(),
                    .first = links.first.data(),
                    .colour = take<Colour>(arena, positions.size()),
                    .ring = take<std::int32_t>(arena, positions.size())};
  auto* other = take<Colour>(arena, positions.size());
  auto* mean = take<ColourSum>(arena, 1);
  sum_colours(texture.colour.data(),
              texels.face.data(),
              texture.known.data(),
              places.count(),
              kMeanStride,
              mean,
              arena,
              stream);
  take_known(vertices, links, faces, places, texture, arena, stream);
  spread(vertices, graph, arena, stream);
  vertices.colour = settle(vertices, graph, other, stream);
  for_each(vertices.count, kName, stream, [=] __device__(std::int64_t v) {
    if (vertices.ring[v] != kNotReached) return;
    for (int c = 0; c < 3; ++c) {
      vertices.colour[v][c] =
          mean->count > 0 ? static_cast<float>(mean->sum[c] / mean->count) : kMiddleGrey;
    }
  });
  const BorderBand band = find_border_band(faces, links.first, texels, texture, arena, stream);
  write(vertices, places, texture, stream);
  blend_border(band, faces, texels, texture, arena, stream);
}

}  // namespace sinter::texture::cuda
