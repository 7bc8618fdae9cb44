// The writer of mesh files: turns and scales a mesh as its format and the user want it.

#include <cmath>
#include <limits>

#include "core/error.h"
#include "io/mesh_encode.h"
#include "io/mesh_format.h"

namespace sinter::io {
namespace {

constexpr double kMillimetre = 1e-3;

/// The axes that the options ask for; what they leave open is the format's custom.
mesh::Axes wanted_axes(MeshFormat format, const MeshWriteOptions& options) {
  mesh::Axes axes;
  axes.up = options.up.value_or(format == MeshFormat::threemf ? mesh::Axis::z : mesh::Axis::y);
  SINTER_CHECK(axes.up == mesh::Axis::y || axes.up == mesh::Axis::z,
               ErrorCode::invalid_argument,
               "[output] up: expected y or z");
  axes.forward =
      options.forward.value_or(axes.up == mesh::Axis::y ? mesh::Axis::z : mesh::Axis::minus_y);
  mesh::check_axes(axes);
  return axes;
}

/// What one unit is where the size is given: glTF and USDZ count in metres, printers in
/// millimetres.
double unit_of_sized(MeshFormat format) {
  return format == MeshFormat::glb || format == MeshFormat::usdz ? 1 : kMillimetre;
}

void scale_by(mesh::TriangleMesh& mesh, double factor) {
  for (mesh::Vec3& p : mesh.positions) {
    for (float& x : p) x = static_cast<float>(static_cast<double>(x) * factor);
  }
}

/// Brings a mesh in mesh space to the file's axes and unit, and notes them in the metadata.
void fit_to_file(mesh::TriangleMesh& mesh,
                 MeshMetadata& metadata,
                 MeshFormat format,
                 const MeshWriteOptions& options) {
  metadata.axes = wanted_axes(format, options);
  mesh::turn(mesh, {}, metadata.axes);
  metadata.metres_per_unit = options.metres_per_unit;
  if (options.size_mm > 0) {
    metadata.metres_per_unit = unit_of_sized(format);
    metadata.box = 0;  // no longer true
    mesh::scale_longest_side(mesh, options.size_mm * kMillimetre / metadata.metres_per_unit);
    return;
  }
  const bool metres_only = format == MeshFormat::glb || (format == MeshFormat::threemf &&
                                                         !threemf_unit(options.metres_per_unit));
  if (options.metres_per_unit > 0 && options.metres_per_unit != 1 && metres_only) {
    scale_by(mesh, options.metres_per_unit);
    metadata.metres_per_unit = 1;
    metadata.box = 0;
  }
}

Bytes encode(MeshFormat format, const mesh::TriangleMesh& mesh, const MeshMetadata& metadata) {
  switch (format) {
    case MeshFormat::obj:
      return encode_obj(mesh, metadata);
    case MeshFormat::ply:
      return encode_ply(mesh, metadata);
    case MeshFormat::stl:
      return encode_stl(mesh, metadata);
    case MeshFormat::threemf:
      return encode_threemf(mesh, metadata);
    case MeshFormat::usdz:
      return encode_usdz(mesh, metadata);
    case MeshFormat::glb:
    case MeshFormat::gltf:
      return encode_glb(mesh, metadata);
  }
  return {};
}

}  // namespace

MeshFormat writable_mesh_format(const std::filesystem::path& path,
                                const MeshWriteOptions& options) {
  const auto format =
      mesh_format_named(options.format.empty() ? extension_of(path) : options.format);
  if (!format || *format == MeshFormat::gltf) {
    SINTER_CHECK(options.format.empty(),
                 ErrorCode::invalid_argument,
                 "[output] format: expected glb, obj, ply, stl, 3mf or usdz, got '",
                 printable(options.format),
                 "'");
    fail(ErrorCode::invalid_argument,
         "[output] ",
         printable(path),
         ": expected a name that ends in .glb, .obj, .ply, .stl, .3mf or .usdz");
  }
  const double size = options.size_mm;
  SINTER_CHECK(size == 0 || (size >= 1e-3 && size <= 1e9),
               ErrorCode::invalid_argument,
               "[output] size: expected 0 (as it is) or 0.001..1e9 mm, got ",
               size);
  const double unit = options.metres_per_unit;
  SINTER_CHECK(unit == 0 || (unit > 0 && unit <= 1e9),
               ErrorCode::invalid_argument,
               "[output] metres per unit: expected 0 (not known) or above 0 and at most 1e9, got ",
               unit);
  wanted_axes(*format, options);
  return *format;
}

Bytes encode_mesh(const mesh::TriangleMesh& mesh,
                  MeshMetadata metadata,
                  const MeshWriteOptions& options) {
  const MeshFormat format = writable_mesh_format({}, options);
  try {
    mesh::TriangleMesh fitted = mesh;
    fit_to_file(fitted, metadata, format, options);
    return encode(format, fitted, metadata);
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::out_of_memory, "[mesh] no memory to encode ", to_string(format));
  }
}

void write_mesh(const std::filesystem::path& path,
                const mesh::TriangleMesh& mesh,
                MeshMetadata metadata,
                const MeshWriteOptions& options) {
  const MeshFormat format = writable_mesh_format(path, options);
  try {
    mesh::TriangleMesh fitted = mesh;
    fit_to_file(fitted, metadata, format, options);
    write_file_atomically(path, encode(format, fitted, metadata));
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::out_of_memory, "[mesh] no memory to write ", printable(path));
  }
}

}  // namespace sinter::io
