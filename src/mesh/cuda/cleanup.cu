// mesh/cleanup.cpp on the device: faces that share an edge are joined by a union-find.

#include "core/error.h"
#include "mesh/cuda/cleanup.h"
#include "mesh/cuda/launch.cuh"
#include "mesh/cuda/scan.h"
#include "mesh/cuda/scratch.h"
#include "mesh/cuda/union_find.cuh"

namespace sinter::mesh::cuda {
namespace {

constexpr const char* kName = "remove floaters";

/// One face's use of an edge, kept with the edge's lower vertex.
struct EdgeUse {
  std::uint32_t high, face;
};

struct Summary {
  unsigned long long largest;     ///< faces of the largest component
  std::uint32_t removed;          ///< components
  std::uint32_t faces, vertices;  ///< kept
};

/// Calls visit(low, high) for the face's edges; faces that name a vertex twice have none.
template <class Visit>
__device__ void for_each_edge(const std::uint32_t* indices, std::int64_t face, Visit&& visit) {
  const std::uint32_t a = indices[3 * face], b = indices[3 * face + 1], c = indices[3 * face + 2];
  if (a == b || b == c || c == a) return;
  visit(min(a, b), max(a, b));
  visit(min(b, c), max(b, c));
  visit(min(c, a), max(c, a));
}

/// For each face the lowest one of its component.
std::uint32_t* find_components(const DeviceMesh& mesh, Arena& arena, cudaStream_t stream) {
  const std::int64_t faces = mesh.faces(), vertices = mesh.vertices();
  auto* parent = take<std::uint32_t>(arena, faces);
  const ArenaScope scope(arena);
  const std::uint32_t* indices = mesh.indices();
  auto* first = take<std::uint32_t>(arena, vertices + 1);  // by lower vertex: its first use
  auto* next = take<std::uint32_t>(arena, vertices + 1);
  auto* uses = take<EdgeUse>(arena, 3 * faces);
  set_bytes(first, 0, vertices + 1, kName, stream);
  for_each(faces, kName, stream, [=] __device__(std::int64_t f) {
    parent[f] = static_cast<std::uint32_t>(f);
    for_each_edge(
        indices, f, [&](std::uint32_t low, std::uint32_t) { atomicAdd(first + low, 1u); });
  });
  exclusive_sum(first, vertices + 1, arena, stream);
  sinter::cuda::check(cudaMemcpyAsync(next,
                                      first,
                                      static_cast<std::size_t>(vertices + 1) * sizeof *next,
                                      cudaMemcpyDeviceToDevice,
                                      stream),
                      kName);
  for_each(faces, kName, stream, [=] __device__(std::int64_t f) {
    for_each_edge(indices, f, [&](std::uint32_t low, std::uint32_t high) {
      uses[atomicAdd(next + low, 1u)] = {high, static_cast<std::uint32_t>(f)};
    });
  });
  for_each(vertices, kName, stream, [=] __device__(std::int64_t v) {
    const std::uint32_t begin = first[v], end = first[v + 1];
    for (std::uint32_t n = begin + 1; n < end; ++n) {
      for (std::uint32_t before = begin; before < n; ++before) {
        if (uses[before].high != uses[n].high) continue;
        join(parent, uses[before].face, uses[n].face);
        break;
      }
    }
  });
  // Without halving paths: a thread that passed through f could undo what f has found.
  for_each(faces, kName, stream, [=] __device__(std::int64_t f) {
    std::uint32_t root = __ldcg(parent + f);
    for (std::uint32_t up; (up = __ldcg(parent + root)) != root;) root = up;
    __stcg(parent + f, root);
  });
  return parent;
}

/// Faces of each component, at its lowest face.
__global__ void __launch_bounds__(kThreads)
    count_kernel(const std::uint32_t* root, std::int64_t faces, std::uint32_t* count) {
  const std::int64_t f = thread_number();
  const bool is_face = f < faces;
  const std::uint32_t mine = is_face ? root[f] : 0xffffffff;
  // One addition for the faces of a warp that are alike, which are nearly always all of them.
  const unsigned alike = __match_any_sync(0xffffffff, mine);
  if (is_face && threadIdx.x % 32 == __ffs(alike) - 1) {
    atomicAdd(count + mine, static_cast<std::uint32_t>(__popc(alike)));
  }
}

/// Keeps the faces whose flag is 1 and the vertices that they use, in order.
void keep(DeviceMesh& mesh,
          std::uint32_t* face_flags,  // [faces + 1], overwritten
          Summary* summary,
          Arena& arena,
          cudaStream_t stream) {
  const std::int64_t faces = mesh.faces(), vertices = mesh.vertices();
  auto* vertex_flags = take<std::uint32_t>(arena, vertices + 1);
  set_bytes(vertex_flags, 0, vertices + 1, kName, stream);
  set_bytes(face_flags + faces, 0, 1, kName, stream);
  const std::uint32_t* indices = mesh.indices();
  for_each(faces, kName, stream, [=] __device__(std::int64_t f) {
    if (face_flags[f] == 0) return;
    for (int corner = 0; corner < 3; ++corner) vertex_flags[indices[3 * f + corner]] = 1;
  });
  exclusive_sum(face_flags, faces + 1, arena, stream);
  exclusive_sum(vertex_flags, vertices + 1, arena, stream);
  for_each(1, kName, stream, [=] __device__(std::int64_t) {
    summary->faces = face_flags[faces];
    summary->vertices = vertex_flags[vertices];
  });
  const Summary kept = read_back(summary, kName, stream);
  if (kept.faces == faces && kept.vertices == vertices) return;
  DeviceMesh result(kept.vertices, kept.faces, arena.allocator());
  const float* positions = mesh.positions();
  float* new_positions = result.positions();
  std::uint32_t* new_indices = result.indices();
  for_each(vertices, kName, stream, [=] __device__(std::int64_t v) {
    const std::uint32_t place = vertex_flags[v];
    if (place == vertex_flags[v + 1]) return;
    for (int axis = 0; axis < 3; ++axis) {
      new_positions[3 * std::int64_t{place} + axis] = positions[3 * v + axis];
    }
  });
  for_each(faces, kName, stream, [=] __device__(std::int64_t f) {
    const std::uint32_t place = face_flags[f];
    if (place == face_flags[f + 1]) return;
    for (int corner = 0; corner < 3; ++corner) {
      new_indices[3 * std::int64_t{place} + corner] = vertex_flags[indices[3 * f + corner]];
    }
  });
  mesh = std::move(result);
}

}  // namespace

std::int64_t remove_floaters(DeviceMesh& mesh, double ratio, Arena& arena, cudaStream_t stream) {
  SINTER_CHECK(ratio >= 0 && ratio <= 1,
               ErrorCode::invalid_argument,
               "[remove_floaters] ratio: expected 0..1, got ",
               ratio);
  SINTER_CHECK(mesh.faces() <= 0xffffffff / 3,
               ErrorCode::unsupported,
               "[mesh] faces: expected at most 2^32 / 3, got ",
               mesh.faces());
  if (mesh.faces() == 0) return 0;
  const ArenaScope scope(arena);
  const std::int64_t faces = mesh.faces();
  const std::uint32_t* root = find_components(mesh, arena, stream);
  auto* count = take<std::uint32_t>(arena, faces);
  auto* flags = take<std::uint32_t>(arena, faces + 1);
  auto* summary = take<Summary>(arena, 1);
  set_bytes(count, 0, faces, kName, stream);
  set_bytes(summary, 0, 1, kName, stream);
  count_kernel<<<static_cast<unsigned>((faces + kThreads - 1) / kThreads), kThreads, 0, stream>>>(
      root, faces, count);
  sinter::cuda::check_launch(kName);
  for_each(faces, kName, stream, [=] __device__(std::int64_t f) {
    if (root[f] == f) atomicMax(&summary->largest, static_cast<unsigned long long>(count[f]));
  });
  for_each(faces, kName, stream, [=] __device__(std::int64_t f) {
    const auto threshold = static_cast<std::int64_t>(ratio * static_cast<double>(summary->largest));
    const bool kept = std::int64_t{count[root[f]]} >= threshold;
    flags[f] = kept;
    if (root[f] == f && !kept) atomicAdd(&summary->removed, 1u);
  });
  keep(mesh, flags, summary, arena, stream);
  return read_back(summary, kName, stream).removed;
}

std::int64_t remove_unreferenced(DeviceMesh& mesh, Arena& arena, cudaStream_t stream) {
  const ArenaScope scope(arena);
  const std::int64_t faces = mesh.faces(), before = mesh.vertices();
  auto* flags = take<std::uint32_t>(arena, faces + 1);
  auto* summary = take<Summary>(arena, 1);
  set_bytes(summary, 0, 1, kName, stream);
  for_each(faces, kName, stream, [=] __device__(std::int64_t f) { flags[f] = 1; });
  keep(mesh, flags, summary, arena, stream);
  return before - mesh.vertices();
}

}  // namespace sinter::mesh::cuda
