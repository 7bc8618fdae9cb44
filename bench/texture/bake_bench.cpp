// Bakes pictures of meshes whose looks are known onto them, and looks at them from elsewhere. A
// table of how near that comes to the truth, in Markdown.
//
// bench_bake [-t TEXTURE] [-r RENDER] [-j THREADS] [-g GUTTER] [-o FOLDER] [--device cuda]
//            MESH|FOLDER|LIST.txt...
//
// A folder stands for the meshes in it, a list for those it names, one a line. With -o the pictures
// (MESH_00.png, ...) and the textures (MESH_best.png, MESH_reference.png) are written there.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#ifdef SINTER_WITH_CUDA
#include "bench/texture/device_bake.h"
#endif
#include "core/error.h"
#include "io/image_file.h"
#include "io/mesh_file.h"
#include "mesh/edge_table.h"
#include "tests/texture/bake_truth.h"
#include "texture/bake/bake.h"
#include "texture/input_mesh.h"
#include "texture/unwrap/unwrap.h"

namespace {

using namespace sinter;
using namespace sinter::texture;
namespace fs = std::filesystem;

struct Arguments {
  BakeOptions options;
  fs::path pictures;  ///< none where empty
  bool on_device = false;
  std::vector<fs::path> meshes;
};

/// Where the surface is cut: each edge between two faces of one place and two coordinates.
struct Seam {
  std::array<std::uint32_t, 2> here, there;  ///< its ends, as the two faces have them
};

std::vector<Seam> find_seams(const ViewMesh& mesh, std::span<const std::array<float, 2>> uv) {
  std::vector<std::uint32_t> order(mesh.positions.size()), first(order.size());
  for (std::uint32_t v = 0; v < order.size(); ++v) order[v] = v;
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return mesh.positions[a] != mesh.positions[b] ? mesh.positions[a] < mesh.positions[b] : a < b;
  });
  for (std::size_t i = 0; i < order.size(); ++i) {
    const bool same = i > 0 && mesh.positions[order[i]] == mesh.positions[order[i - 1]];
    first[order[i]] = same ? first[order[i - 1]] : order[i];
  }
  mesh::TriangleMesh welded{mesh.positions, mesh.faces};
  for (mesh::Face& face : welded.faces) face = {first[face[0]], first[face[1]], first[face[2]]};
  std::vector<Seam> seams;
  mesh::EdgeTable(welded).for_each([&](std::uint32_t low, std::span<const mesh::EdgeUse> uses) {
    if (uses.size() != 2) return;
    const auto ends = [&](const mesh::EdgeUse& use) {
      const mesh::Face& face = mesh.faces[use.face()];
      const std::uint32_t a = face[use.half % 3], b = face[(use.half + 1) % 3];
      return first[a] == low ? std::array{a, b} : std::array{b, a};
    };
    const Seam seam = {ends(uses[0]), ends(uses[1])};
    if (uv[seam.here[0]] != uv[seam.there[0]] || uv[seam.here[1]] != uv[seam.there[1]]) {
      seams.push_back(seam);
    }
  });
  return seams;
}

/// Root of the mean square of what the two sides of a seam differ by, as a viewer samples them, in
/// levels of 255, over points a texel apart. The truth has one colour there.
double seam_error(const std::vector<Seam>& seams,
                  std::span<const std::array<float, 2>> uv,
                  const Image& texture) {
  double squares = 0;
  std::int64_t values = 0;
  for (const Seam& seam : seams) {
    const auto &a = uv[seam.here[0]], &b = uv[seam.here[1]];
    const float length = std::hypot(a[0] - b[0], a[1] - b[1]) * static_cast<float>(texture.width);
    const int points = 1 + static_cast<int>(length);
    for (int i = 0; i < points; ++i) {
      const float t = (static_cast<float>(i) + 0.5f) / static_cast<float>(points);
      const auto colour = [&](const std::array<std::uint32_t, 2>& side) {
        const auto &p = uv[side[0]], &q = uv[side[1]];
        return test::sampled(texture, p[0] + t * (q[0] - p[0]), p[1] + t * (q[1] - p[1]));
      };
      const auto here = colour(seam.here), there = colour(seam.there);
      for (std::size_t c = 0; c < 3; ++c) {
        const double apart = 255 * static_cast<double>(here[c] - there[c]);
        squares += apart * apart;
        ++values;
      }
    }
  }
  return values > 0 ? std::sqrt(squares / static_cast<double>(values)) : 0;
}

Image bake(const BakeTarget& target,
           const std::vector<Image>& pictures,
           const BakeOptions& options,
           bool on_device,
           BakeReport& report) {
  if (on_device) {
#ifdef SINTER_WITH_CUDA
    return bench::bake_on_device(target, pictures, options, report);
#else
    fail(ErrorCode::unsupported, "[bench] --device cuda: this build has no CUDA back end");
#endif
  }
  RasterCache rasters(0);
  return bake_texture(target, options.cameras, pictures, options, rasters, report);
}

struct Baked {
  Image texture;
  BakeReport report;
};

void run(const fs::path& path, const Arguments& arguments) {
  BakeOptions options = arguments.options;
  MeshFileInfo file;
  const mesh::TriangleMesh given = io::read_mesh(path, {}, &file);
  std::vector<std::string> repairs = file.repairs;
  const mesh::TriangleMesh source = mend_input_mesh("bench", given, repairs);
  const auto start = std::chrono::steady_clock::now();
  const UnwrapResult unwrapped = unwrap_mesh(source, options.unwrap);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  mesh::TriangleMesh split;
  for (const std::uint32_t v : unwrapped.source) split.positions.push_back(source.positions[v]);
  split.faces = unwrapped.faces;
  const ViewMesh view = prepare_view_mesh(split);
  std::vector<Image> pictures;
  for (const ViewCamera& camera : options.cameras) {
    pictures.push_back(test::picture_of(view, camera, options.render_size));
  }
  const std::vector<Seam> seams = find_seams(view, unwrapped.uv);
  if (!arguments.pictures.empty()) {
    for (std::size_t v = 0; v < pictures.size(); ++v) {
      const std::string number = (v < 10 ? "_0" : "_") + std::to_string(v) + ".png";
      io::write_png(arguments.pictures / (path.stem().string() + number), pictures[v]);
    }
  }
  std::printf("| %s | %zu | %lld | %.2f |",
              path.stem().c_str(),
              source.faces.size(),
              static_cast<long long>(unwrapped.stats.charts),
              seconds);
  std::array<Baked, 2> baked;
  for (const BakeMethod method : {BakeMethod::best, BakeMethod::reference}) {
    options.method = method;
    Baked& one = baked[method == BakeMethod::best ? 0 : 1];
    one.texture = bake({view, unwrapped.uv}, pictures, options, arguments.on_device, one.report);
    if (!arguments.pictures.empty()) {
      const std::string kind = method == BakeMethod::best ? "_best.png" : "_reference.png";
      io::write_png(arguments.pictures / (path.stem().string() + kind), one.texture);
    }
  }
  const auto seen = [&](std::size_t method, std::size_t i) {
    return baked[method].report.seen[i] != 0;
  };
  for (std::size_t method = 0; method < 2; ++method) {
    const auto& [texture, report] = baked[method];
    const auto decibels = [&](auto&& counts) {
      return test::compare_with_truth(view, unwrapped.uv, texture, 512, counts).decibels();
    };
    std::printf(
        " %.1f | %.1f | %.1f | %.1f | %.2f | %lld | %.2f | %.2f |",
        100.0 * static_cast<double>(report.seen_texels) / static_cast<double>(report.chart_texels),
        decibels([&](std::size_t i) { return seen(method, i); }),
        decibels([&](std::size_t i) { return seen(0, i) && seen(1, i); }),
        decibels([](std::size_t) { return true; }),
        seam_error(seams, unwrapped.uv, texture),
        static_cast<long long>(report.unfilled_texels),
        report.project_ms / 1000,
        report.fill_ms / 1000);
  }
  std::string mended;
  for (const std::string& line : repairs) mended += (mended.empty() ? "" : "; ") + line;
  std::printf(" %s |\n", mended.c_str());
  std::fflush(stdout);
}

bool is_mesh(const fs::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  for (const char* known : {".glb", ".gltf", ".obj", ".ply", ".stl", ".3mf"}) {
    if (extension == known) return true;
  }
  return false;
}

void add_meshes(const fs::path& given, std::vector<fs::path>& meshes) {
  if (fs::is_directory(given)) {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(given)) {
      if (is_mesh(entry.path())) found.push_back(entry.path());
    }
    std::sort(found.begin(), found.end());
    meshes.insert(meshes.end(), found.begin(), found.end());
  } else if (given.extension() == ".txt") {
    std::ifstream list(given);
    for (std::string line; std::getline(list, line);) {
      if (!line.empty()) meshes.emplace_back(line);
    }
  } else {
    meshes.push_back(given);
  }
}

bool parse(int argc, char** argv, Arguments& arguments) {
  UnwrapOptions& unwrap = arguments.options.unwrap;
  unwrap.threads = 2;
  for (int i = 1; i < argc; ++i) {
    if (argv[i][0] != '-') {
      add_meshes(argv[i], arguments.meshes);
      continue;
    }
    if (i + 1 == argc) return false;
    if (std::strcmp(argv[i], "--device") == 0) {
      arguments.on_device = std::strcmp(argv[++i], "cuda") == 0;
      continue;
    }
    if (std::strlen(argv[i]) != 2) return false;
    const char option = argv[i][1];
    const char* const value = argv[++i];
    switch (option) {
      case 't':
        unwrap.texture_size = std::atoi(value);
        break;
      case 'r':
        arguments.options.render_size = std::atoi(value);
        break;
      case 'j':
        unwrap.threads = std::atoi(value);
        break;
      case 'g':
        unwrap.gutter = std::atoi(value);
        break;
      case 'o':
        arguments.pictures = value;
        break;
      default:
        return false;
    }
  }
  return !arguments.meshes.empty();
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (!parse(argc, argv, arguments)) {
    std::fprintf(stderr,
                 "usage: bench_bake [-t TEXTURE] [-r RENDER] [-j THREADS] [-g GUTTER] [-o FOLDER] "
                 "[--device cuda] MESH|FOLDER|LIST.txt...\n");
    return 2;
  }
  std::printf(
      "| mesh | faces | charts | unwrap, s | best: seen, %% | seen, dB | seen by both, dB | all, "
      "dB | "
      "seams, levels | unfilled | paint, s | fill, s | reference: seen, %% | seen, dB | seen by "
      "both, "
      "dB | all, dB | seams, levels | unfilled | paint, s | fill, s | mended |\n"
      "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n");
  int status = 0;
  for (const fs::path& path : arguments.meshes) {
    try {
      run(path, arguments);
    } catch (const Error& error) {
      std::printf("| %s | refused: %s |\n", path.stem().c_str(), error.what());
      status = exit_code(error.code());
    }
  }
  return status;
}
