// Makes meshes from the pictures of a folder, or from random latents, which are far wilder than
// those of any picture, and proves of each that it is closed, manifold, consistently oriented,
// outward and uncut, as it comes from the grid and with its number of faces changed.
//
//     sound_shapes [--pictures DIR] [--steps N] [--guidance X] [--model DIR] [--first N] [--count
//     N]
//                  [--octree R] [--most-faces N] [--threads T]
//
// Exit status 1 where one is not. Prints one line a mesh and a summary.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "mesh/check.h"
#include "mesh/face_count.h"
#include "mesh/least_faces.h"
#include "mesh/marching_cubes.h"
#include "models/shape_model.h"
#include "pipeline/image_to_shape.h"
#include "pipeline/volume.h"
#include "sampling/noise.h"

namespace {

using namespace sinter;

struct Totals {
  int meshes = 0, unsound = 0, missed_counts = 0;
  std::int64_t faces = 0, boundary = 0, edges = 0, vertices = 0, inconsistent = 0, inward = 0,
               cuts = 0;
};

/// Standard deviations of the latents: 1 is what sampling gives, the others strain the decoder.
constexpr double kScales[] = {0.3, 0.6, 0.8, 1, 1.2, 1.5, 2, 4};
/// Half sides of the cube: in the small ones the surface runs into the border.
constexpr double kBoxes[] = {1.01, 1.01, 0.7, 0.4};
constexpr std::int64_t kFaces[] = {100, 1000, 20000, 200000};
/// For each mesh of a picture.
constexpr std::int64_t kPictureFaces[] = {100, 40000};

mesh::TriangleMesh random_mesh(
    Context& ctx, const models::ShapeModel& model, const models::ShapeVae& vae, int n, int octree) {
  ArenaScope scope(ctx.arena());
  const auto& config = model.config().vae;
  const Tensor latents =
      ctx.allocate(DType::f32, {config.num_latents, config.embed_dim}, "latents");
  sampling::fill_noise(Noise::philox, static_cast<std::uint64_t>(n) + 1, latents);
  const auto scale = static_cast<float>(kScales[static_cast<std::size_t>(n) % std::size(kScales)]);
  for (std::int64_t i = 0; i < latents.elements(); ++i) latents.f32_mut()[i] *= scale;
  const models::GeometryMemory memory = vae.remember(ctx, vae.decode(ctx, latents));
  GenerateOptions options;
  options.octree = octree;
  options.box = kBoxes[static_cast<std::size_t>(n / 2) % std::size(kBoxes)];
  mesh::SampleStats stats;
  const mesh::Field field = pipeline::sample_volume(
      ctx, vae, memory, options, [](double) {}, stats);
  return mesh::marching_cubes(field, {.level = 0, .threads = ctx.threads});
}

void judge(const mesh::TriangleMesh& mesh,
           int n,
           std::int64_t asked,
           std::int64_t pieces,
           int threads,
           Totals& totals) {
  const mesh::MeshReport report = mesh::check_mesh(mesh, {.threads = threads});
  ++totals.meshes;
  totals.faces += report.faces;
  totals.boundary += report.boundary_edges;
  totals.edges += report.non_manifold_edges;
  totals.vertices += report.non_manifold_vertices;
  totals.inconsistent += report.inconsistent_edges;
  totals.inward += report.volume > 0 ? 0 : 1;
  totals.cuts += report.self_intersections;
  const bool same = pieces == 0 || report.components == pieces;
  totals.unsound += report.sound && same ? 0 : 1;
  if (report.sound && same) return;
  std::printf(
      "mesh %d, %lld faces asked: boundary %lld, non-manifold %lld + %lld, inconsistent %lld, "
      "cuts %lld, degenerate %lld, volume %g, pieces %lld of %lld\n",
      n,
      static_cast<long long>(asked),
      static_cast<long long>(report.boundary_edges),
      static_cast<long long>(report.non_manifold_edges),
      static_cast<long long>(report.non_manifold_vertices),
      static_cast<long long>(report.inconsistent_edges),
      static_cast<long long>(report.self_intersections),
      static_cast<long long>(report.degenerate_faces),
      report.volume,
      static_cast<long long>(report.components),
      static_cast<long long>(pieces));
}

/// The PNG files of a folder, by name.
std::vector<std::string> pictures_in(const std::string& folder) {
  std::vector<std::string> pictures;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".png") pictures.push_back(entry.path().string());
  }
  std::sort(pictures.begin(), pictures.end());
  return pictures;
}

int run(std::map<std::string, std::string>& options) {
  const int first = std::atoi(options["--first"].c_str());
  const int octree = std::atoi(options["--octree"].c_str());
  const std::int64_t most = std::atoll(options["--most-faces"].c_str());
  Context ctx;
  ctx.threads = std::atoi(options["--threads"].c_str());
  pipeline::Networks networks(models::ShapeModel::open(options["--model"]), true);
  const auto extractor = pipeline::make_extractor(ctx);
  const auto vae = networks.vae(ctx.placement(), {});
  std::vector<std::string> pictures;
  int count = std::atoi(options["--count"].c_str());
  if (!options["--pictures"].empty()) {
    pictures = pictures_in(options["--pictures"]);
    count = std::min(count, static_cast<int>(pictures.size()) - first);
  }
  GenerateOptions generate;
  generate.octree = octree;
  generate.steps = std::atoi(options["--steps"].c_str());
  generate.guidance = std::atof(options["--guidance"].c_str());
  Totals plain, counted;
  int empty = 0;
  for (int n = first; n < first + count; ++n) {
    mesh::TriangleMesh full;
    std::vector<std::int64_t> counts;
    if (pictures.empty()) {
      full = random_mesh(ctx, networks.model(), *vae, n, octree);
      counts = {kFaces[static_cast<std::size_t>(n) % std::size(kFaces)]};
    } else {
      Metrics metrics;
      const std::vector<Picture> picture = {{pictures[static_cast<std::size_t>(n)]}};
      full = pipeline::image_to_shape(ctx, networks, *extractor, picture, generate, 0, {}, metrics);
      counts.assign(std::begin(kPictureFaces), std::end(kPictureFaces));
    }
    if (full.faces.empty()) {
      ++empty;
      continue;
    }
    judge(full, n, 0, 0, ctx.threads, plain);
    const std::int64_t pieces = mesh::check_mesh(full, {.self_intersections = false}).components;
    std::printf("mesh %d: %zu faces in %lld pieces, not closed by fewer than %lld;",
                n,
                full.faces.size(),
                static_cast<long long>(pieces),
                static_cast<long long>(mesh::least_faces(full)));
    for (const std::int64_t faces : counts) {
      const std::int64_t asked = std::min(most, faces);
      mesh::TriangleMesh mesh = full;
      const bool reached = mesh::set_face_count(mesh, {.target_faces = asked}).reached_target;
      judge(mesh, n, asked, pieces, ctx.threads, counted);
      counted.missed_counts += reached ? 0 : 1;
      std::printf(" %lld asked, %zu made;", static_cast<long long>(asked), mesh.faces.size());
    }
    std::printf("\n");
    std::fflush(stdout);
  }
  std::printf("\n%-10s %7s %10s %9s %13s %13s %13s %7s %8s %8s %13s\n",
              "",
              "meshes",
              "faces",
              "boundary",
              "nm. edges",
              "nm. vertices",
              "inconsistent",
              "inward",
              "cuts",
              "unsound",
              "count missed");
  for (const auto& [name, t] : {std::pair{"as made", plain}, {"--faces", counted}}) {
    std::printf("%-10s %7d %10lld %9lld %13lld %13lld %13lld %7lld %8lld %8d %13d\n",
                name,
                t.meshes,
                static_cast<long long>(t.faces),
                static_cast<long long>(t.boundary),
                static_cast<long long>(t.edges),
                static_cast<long long>(t.vertices),
                static_cast<long long>(t.inconsistent),
                static_cast<long long>(t.inward),
                static_cast<long long>(t.cuts),
                t.unsound,
                t.missed_counts);
  }
  std::printf("%d fields held no surface\n", empty);
  const bool some = plain.meshes > 0;
  return some && plain.unsound + counted.unsound == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, std::string> options = {{"--pictures", ""},
                                                {"--steps", "10"},
                                                {"--guidance", "3"},
                                                {"--model", "models/sinter-small"},
                                                {"--first", "0"},
                                                {"--count", "200"},
                                                {"--octree", "96"},
                                                {"--most-faces", "200000"},
                                                {"--threads", "2"}};
  for (int n = 1; n < argc; n += 2) {
    if (n + 1 == argc || !options.contains(argv[n])) {
      std::fprintf(stderr,
                   "usage: sound_shapes [--pictures DIR] [--steps N] [--guidance X] [--model DIR] "
                   "[--first N] [--count N] [--octree R] [--most-faces N] [--threads T]\n");
      return 2;
    }
    options[argv[n]] = argv[n + 1];
  }
  if (!std::filesystem::exists(options["--model"])) {
    std::printf("skipped: no model in %s\n", options["--model"].c_str());
    return 77;
  }
  try {
    return run(options);
  } catch (const sinter::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
