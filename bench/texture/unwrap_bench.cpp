// Unwraps one mesh and prints what came of it as a line of JSON; or measures texture coordinates
// that something else made, by the same formulas.
//
//   bench_unwrap MESH OUT [texture size] [gutter] [threads] [repeats]
//   bench_unwrap --measure MESH UV WIDTH HEIGHT
//
// MESH: int64 vertices, int64 faces, float32 positions, uint32 faces. OUT receives, and UV holds,
// float32 (u, v) in [0, 1] of every corner, 3 a face, then an int32 chart of every face.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "core/error.h"
#include "texture/unwrap/measure.h"
#include "texture/unwrap/unwrap.h"
#include "texture/unwrap/validate.h"

namespace {

using sinter::ErrorCode;
using sinter::mesh::TriangleMesh;
using sinter::texture::UnwrapOptions;
using sinter::texture::UnwrapResult;

template <class T>
void read_array(std::ifstream& in, std::vector<T>& values, const char* path) {
  in.read(reinterpret_cast<char*>(values.data()),
          static_cast<std::streamsize>(values.size() * sizeof(T)));
  SINTER_CHECK(in.good(), ErrorCode::corrupt, "[bench_unwrap] ", path, ": expected more data");
}

TriangleMesh read_mesh(const char* path) {
  std::ifstream in(path, std::ios::binary);
  std::vector<std::int64_t> sizes(2);
  read_array(in, sizes, path);
  TriangleMesh mesh;
  mesh.positions.resize(static_cast<std::size_t>(sizes[0]));
  mesh.faces.resize(static_cast<std::size_t>(sizes[1]));
  read_array(in, mesh.positions, path);
  read_array(in, mesh.faces, path);
  return mesh;
}

/// Corners that share a vertex of the mesh, a chart and a place become one vertex.
UnwrapResult read_result(const TriangleMesh& mesh, const char* path) {
  std::ifstream in(path, std::ios::binary);
  UnwrapResult result;
  result.uv.resize(3 * mesh.faces.size());
  result.chart.resize(mesh.faces.size());
  read_array(in, result.uv, path);
  read_array(in, result.chart, path);
  for (std::size_t f = 0; f < mesh.faces.size(); ++f) {
    const auto v = static_cast<std::uint32_t>(3 * f);
    result.faces.push_back({v, v + 1, v + 2});
    result.source.insert(result.source.end(), mesh.faces[f].begin(), mesh.faces[f].end());
  }
  return result;
}

void write_result(const UnwrapResult& result, const char* path) {
  std::ofstream out(path, std::ios::binary);
  for (const auto& face : result.faces) {
    for (const std::uint32_t v : face) {
      out.write(reinterpret_cast<const char*>(&result.uv[v]), sizeof(result.uv[v]));
    }
  }
  out.write(reinterpret_cast<const char*>(result.chart.data()),
            static_cast<std::streamsize>(result.chart.size() * sizeof(result.chart[0])));
}

int measure(char** argv) {
  const TriangleMesh mesh = read_mesh(argv[2]);
  const UnwrapResult result = read_result(mesh, argv[3]);
  const auto m = sinter::texture::measure_atlas(
      mesh, result, std::atof(argv[4]), std::atof(argv[5]), /*charts_may_mirror=*/true);
  std::printf("{\"use\": %.5f, \"l2\": %.6f, \"linf\": %.4f, \"flipped\": %lld}\n",
              m.use,
              m.stretch_l2,
              m.stretch_linf,
              static_cast<long long>(m.flipped_faces));
  return 0;
}

int unwrap(int argc, char** argv) {
  const TriangleMesh mesh = read_mesh(argv[1]);
  UnwrapOptions options;
  if (argc > 3) options.texture_size = std::atoi(argv[3]);
  if (argc > 4) options.gutter = std::atoi(argv[4]);
  options.threads = argc > 5 ? std::max(1, std::atoi(argv[5])) : 1;
  const int repeats = argc > 6 ? std::max(1, std::atoi(argv[6])) : 1;
  UnwrapResult result;
  std::vector<double> seconds;
  for (int i = 0; i < repeats; ++i) {
    const auto start = std::chrono::steady_clock::now();
    result = sinter::texture::unwrap_mesh(mesh, options);
    seconds.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::sort(seconds.begin(), seconds.end());
  write_result(result, argv[2]);
  const bool valid =
      sinter::texture::check_unwrap(mesh, result, options.texture_size, options.gutter).valid();
  const auto& s = result.stats;
  std::printf(
      "{\"seconds\": %.4f, \"charts\": %lld, \"use\": %.5f, \"l2\": %.6f, \"linf\": %.4f, "
      "\"flipped\": %lld, \"seam\": %.3f, \"valid\": %s}\n",
      seconds[seconds.size() / 2],
      static_cast<long long>(s.charts),
      s.atlas_use,
      s.stretch_l2,
      s.stretch_linf,
      static_cast<long long>(s.flipped_faces),
      s.seam_length,
      valid ? "true" : "false");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc == 6 && std::strcmp(argv[1], "--measure") == 0) return measure(argv);
    if (argc >= 3 && argv[1][0] != '-') return unwrap(argc, argv);
  } catch (const sinter::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return sinter::exit_code(error.code());
  }
  std::fprintf(stderr,
               "usage: bench_unwrap MESH OUT [texture size] [gutter] [threads] [repeats]\n"
               "       bench_unwrap --measure MESH UV WIDTH HEIGHT\n");
  return 2;
}
