#include "sinter/mesh.h"

#include "api/threads.h"
#include "io/image_file.h"
#include "io/mesh_file.h"
#include "mesh/check.h"
#include "mesh/compare.h"
#include "mesh/face_count.h"
#include "mesh/least_faces.h"
#include "sinter/version.h"
#include "texture/render.h"

namespace sinter {
namespace {

texture::RenderOptions sheet_options(const RenderOptions& options) {
  return {.tile = options.tile,
          .columns = options.columns,
          .turns = options.turns,
          .elevation = options.elevation,
          .top_and_bottom = options.top_and_bottom,
          .unlit = options.colours == RenderColours::unlit,
          .threads = resolve_threads(options.threads)};
}

}  // namespace

Mesh read_mesh(const std::string& path, MeshFileInfo* info) {
  return io::read_mesh(path, {}, info);
}

PaintedMesh read_painted_mesh(const std::string& path) {
  PaintedMesh mesh;
  MeshFileInfo info;
  mesh.mesh = io::read_mesh(path, {}, &info, {.attributes = &mesh, .looks = &mesh});
  for (const std::string& repair : info.repairs) mesh.warnings.push_back(cat(path, ": ", repair));
  return mesh;
}

void write_mesh(const std::string& path,
                const Mesh& mesh,
                const Provenance& provenance,
                const MeshWriteOptions& options) {
  io::write_mesh(
      path,
      mesh,
      {.version = SINTER_VERSION, .box = provenance.box, .provenance = provenance.entries},
      options);
}

std::vector<std::uint8_t> encode_mesh(const Mesh& mesh,
                                      const MeshWriteOptions& options,
                                      const Provenance& provenance) {
  return io::encode_mesh(
      mesh,
      {.version = SINTER_VERSION, .box = provenance.box, .provenance = provenance.entries},
      options);
}

void check_mesh_path(const std::string& path, const MeshWriteOptions& options) {
  io::writable_mesh_format(path, options);
  io::check_writable(path);
}

void turn_mesh(Mesh& mesh, const Axes& from, const Axes& to) {
  mesh::turn(mesh, from, to);
}

bool set_face_count(Mesh& mesh, std::int64_t faces) {
  return mesh::set_face_count(mesh, {.target_faces = faces}).reached_target;
}

std::int64_t least_faces(const Mesh& mesh) {
  return mesh::least_faces(mesh);
}

MeshReport check_mesh(const Mesh& mesh, int threads) {
  return mesh::check_mesh(mesh, {.threads = resolve_threads(threads)});
}

Comparison compare_meshes(const Mesh& mesh, const Mesh& reference, const CompareOptions& options) {
  CompareOptions resolved = options;
  resolved.threads = resolve_threads(options.threads);
  return mesh::compare_meshes(mesh, reference, resolved);
}

void render_mesh(const std::string& png_path, const Mesh& mesh, const RenderOptions& options) {
  io::check_writable(png_path);
  io::write_png(png_path, texture::render_sheet(mesh, sheet_options(options)));
}

void render_mesh(const std::string& png_path,
                 const PaintedMesh& mesh,
                 const RenderOptions& options) {
  if (options.colours == RenderColours::plain) return render_mesh(png_path, mesh.mesh, options);
  io::check_writable(png_path);
  io::write_png(png_path, texture::render_sheet(mesh, sheet_options(options)));
}

}  // namespace sinter
