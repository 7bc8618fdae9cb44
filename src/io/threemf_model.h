#pragma once
// One model part of a 3MF package.
// Source: 3MF Consortium, 3D Manufacturing Format core specification 1.3; production extension 1.1
// for parts that refer to each other.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "io/affine.h"
#include "io/zip_file.h"
#include "mesh/triangle_mesh.h"

namespace sinter::io {

/// An object placed somewhere: an item of the build, or a component of another object.
struct ThreemfPlacement {
  std::string part;  ///< "/3D/other.model"; empty: the part that it stands in
  std::uint32_t object = 0;
  Affine transform;
};

struct ThreemfObject {
  mesh::TriangleMesh mesh;  ///< indices are checked
  std::vector<ThreemfPlacement> components;
};

struct ThreemfModel {
  double metres_per_unit = 1e-3;
  std::map<std::uint32_t, ThreemfObject> objects;
  std::vector<ThreemfPlacement> build;
};

/// Raises corrupt, and unsupported for an extension that the file requires and that could change
/// its shape, or where limits are exceeded.
ThreemfModel read_threemf_model(const MeshSource& source,
                                const ZipReader& archive,
                                std::size_t entry);

}  // namespace sinter::io
