// Decimation to a number of faces, beside meshoptimizer's: seconds on one core, two-sided distance
// to the original, and whether the result is sound.
//
//     bench_mesh MESH [FACES] [ROUNDS]

#include <meshoptimizer.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <vector>

#include "io/mesh_file.h"
#include "mesh/check.h"
#include "mesh/cleanup.h"
#include "mesh/compare.h"
#include "mesh/simplify.h"
#include "sinter/error.h"

namespace {

using namespace sinter;
using mesh::TriangleMesh;

TriangleMesh ours(const TriangleMesh& full, std::int64_t faces) {
  TriangleMesh mesh = full;
  mesh::simplify(mesh, {.target_faces = faces});
  return mesh;
}

TriangleMesh meshoptimizers(const TriangleMesh& full, std::int64_t faces) {
  TriangleMesh mesh = full;
  std::vector<unsigned> indices(full.faces.size() * 3);
  float error = 0;
  const std::size_t count = meshopt_simplify(indices.data(),
                                             full.faces[0].data(),
                                             full.faces.size() * 3,
                                             full.positions[0].data(),
                                             full.positions.size(),
                                             sizeof(mesh::Vec3),
                                             static_cast<std::size_t>(faces) * 3,
                                             1e9f,
                                             0,
                                             &error);
  mesh.faces.resize(count / 3);
  for (std::size_t n = 0; n < count; ++n) mesh.faces[n / 3][n % 3] = indices[n];
  mesh::remove_unreferenced(mesh);
  return mesh;
}

void measure(const char* name,
             const std::function<TriangleMesh()>& reduce,
             const TriangleMesh& full,
             int rounds) {
  std::vector<double> seconds;
  TriangleMesh mesh;
  for (int round = 0; round < rounds; ++round) {
    const std::clock_t start = std::clock();
    mesh = reduce();
    seconds.push_back(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
  }
  std::sort(seconds.begin(), seconds.end());
  const mesh::Comparison c = mesh::compare_meshes(mesh, full, {.samples = 300000, .threads = 2});
  const mesh::MeshReport report = mesh::check_mesh(mesh, {.threads = 2});
  std::printf("| %s | %.2f | %zu | %.3g | %.3g | %.3g | %lld | %lld | %s |\n",
              name,
              seconds[seconds.size() / 2],
              mesh.faces.size(),
              c.chamfer,
              std::max(c.forward.p99, c.backward.p99),
              c.hausdorff,
              static_cast<long long>(report.self_intersections),
              static_cast<long long>(report.non_manifold_edges + report.boundary_edges +
                                     report.non_manifold_vertices),
              report.sound ? "yes" : "no");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: bench_mesh MESH [FACES] [ROUNDS]\n");
    return 2;
  }
  const std::int64_t faces = argc > 2 ? std::atoll(argv[2]) : 40000;
  const int rounds = argc > 3 ? std::max(1, std::atoi(argv[3])) : 3;
  try {
    const TriangleMesh full = io::read_mesh(argv[1]);
    std::printf("%s: %zu faces to %lld; distances where the longest side is 2\n\n",
                argv[1],
                full.faces.size(),
                static_cast<long long>(faces));
    std::printf(
        "| | CPU s | faces | chamfer | 99 %% | largest | cuts | open or non-manifold | sound |\n"
        "|---|---|---|---|---|---|---|---|---|\n");
    measure(
        "sinter", [&] { return ours(full, faces); }, full, rounds);
    measure(
        "meshoptimizer", [&] { return meshoptimizers(full, faces); }, full, rounds);
  } catch (const sinter::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
