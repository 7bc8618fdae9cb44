#include <bit>

#include "core/error.h"
#include "mesh/cuda/launch.cuh"
#include "mesh/cuda/scan.h"
#include "mesh/cuda/scratch.h"
#include "texture/cuda/lower_bound.cuh"
#include "texture/cuda/surface_links.h"

namespace sinter::texture::cuda {
namespace {

using mesh::cuda::for_each;
using mesh::cuda::set_bytes;
using mesh::cuda::take;

constexpr const char* kName = "surface";
constexpr std::uint32_t kEmpty = 0xffffffff;

/// Equal for equal places, of which 0 and -0 are two names.
__device__ std::uint32_t hash_of(const mesh::Vec3& p) {
  std::uint32_t hash = 0;
  for (int c = 0; c < 3; ++c) {
    hash = (hash ^ (p[c] == 0 ? 0 : __float_as_uint(p[c]))) * 0x9e3779b1u;
    hash ^= hash >> 15;
  }
  return hash * 0x85ebca6bu;
}

__device__ bool same_place(const mesh::Vec3& a, const mesh::Vec3& b) {
  return a[0] == b[0] && a[1] == b[1] && a[2] == b[2];
}

/// A table of places with open addressing; a slot ends up with the least vertex of its place.
void weld(const Array<mesh::Vec3>& positions,
          std::uint32_t* first,
          Arena& arena,
          cudaStream_t stream) {
  const ArenaScope scope(arena);
  const auto slots = static_cast<std::uint32_t>(
      std::bit_ceil(static_cast<std::uint64_t>(2 * positions.size() + 1)));
  const std::uint32_t mask = slots - 1;
  auto* table = take<std::uint32_t>(arena, slots);
  const mesh::Vec3* places = positions.data();
  set_bytes(table, 0xff, slots, kName, stream);
  for_each(positions.size(), kName, stream, [=] __device__(std::int64_t i) {
    const auto v = static_cast<std::uint32_t>(i);
    for (std::uint32_t slot = hash_of(places[v]) & mask;; slot = (slot + 1) & mask) {
      const std::uint32_t there = atomicCAS(table + slot, kEmpty, v);
      if (there == kEmpty) return;
      if (!same_place(places[there], places[v])) continue;
      atomicMin(table + slot, v);
      return;
    }
  });
  for_each(positions.size(), kName, stream, [=] __device__(std::int64_t v) {
    std::uint32_t slot = hash_of(places[v]) & mask;
    while (!same_place(places[table[slot]], places[v])) slot = (slot + 1) & mask;
    first[v] = table[slot];
  });
}

/// Sorts `values` by vertex; begin[v]: the first of vertex v, for v = 0 .. vertices. Keys of
/// `vertices` come after all.
void group(const std::uint32_t* keys,
           const std::uint32_t* values,
           std::int64_t count,
           std::int64_t vertices,
           std::uint32_t* grouped,
           std::uint64_t* begin,
           Arena& arena,
           cudaStream_t stream) {
  const ArenaScope scope(arena);
  auto* sorted_keys = take<std::uint32_t>(arena, count);
  mesh::cuda::stable_sort(keys,
                          sorted_keys,
                          values,
                          grouped,
                          std::bit_width(static_cast<std::uint64_t>(vertices)),
                          count,
                          arena,
                          stream);
  for_each(vertices + 1, kName, stream, [=] __device__(std::int64_t v) {
    begin[v] =
        static_cast<std::uint64_t>(lower_bound(sorted_keys, count, static_cast<std::uint32_t>(v)));
  });
}

}  // namespace

SurfaceLinks link_surface(const Array<mesh::Vec3>& positions,
                          const Array<mesh::Face>& faces,
                          Arena& arena,
                          cudaStream_t stream) {
  const std::int64_t vertices = positions.size(), count = faces.size();
  SINTER_CHECK(count <= 0xffffffff / 6 && vertices < 0x40000000,
               ErrorCode::unsupported,
               "[bake] mesh on a GPU: expected at most 2^32 / 6 faces and 2^30 vertices, got ",
               count,
               " and ",
               vertices);
  Allocator* const memory = arena.allocator();
  SurfaceLinks links{.first = Array<std::uint32_t>(vertices, memory),
                     .begin = Array<std::uint64_t>(vertices + 1, memory),
                     .neighbours = Array<std::uint32_t>(6 * count, memory),
                     .corner_begin = Array<std::uint64_t>(vertices + 1, memory),
                     .corners = Array<std::uint32_t>(3 * count, memory)};
  const ArenaScope scope(arena);
  auto* keys = take<std::uint32_t>(arena, 6 * count);
  auto* values = take<std::uint32_t>(arena, 6 * count);
  std::uint32_t* first = links.first.data();
  const mesh::Face* face = faces.data();
  weld(positions, first, arena, stream);
  // The order of the host's lists: by faces, by their edges, there and back.
  for_each(count, kName, stream, [=] __device__(std::int64_t f) {
    for (int k = 0; k < 3; ++k) {
      const std::uint32_t a = first[face[f][k]], b = first[face[f][(k + 1) % 3]];
      const std::int64_t n = 6 * f + 2 * k;
      const auto none = static_cast<std::uint32_t>(vertices);
      keys[n] = a == b ? none : a;
      keys[n + 1] = a == b ? none : b;
      values[n] = b;
      values[n + 1] = a;
    }
  });
  group(keys,
        values,
        6 * count,
        vertices,
        links.neighbours.data(),
        links.begin.data(),
        arena,
        stream);
  for_each(3 * count, kName, stream, [=] __device__(std::int64_t corner) {
    keys[corner] = first[face[corner / 3][corner % 3]];
    values[corner] = static_cast<std::uint32_t>(corner);
  });
  group(keys,
        values,
        3 * count,
        vertices,
        links.corners.data(),
        links.corner_begin.data(),
        arena,
        stream);
  return links;
}

}  // namespace sinter::texture::cuda
