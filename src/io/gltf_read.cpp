// glTF 2.0 and GLB: the triangles of the default scene.
//
// Source: Khronos, glTF 2.0 specification, 2021. The file is read here and not by tinygltf, which
// sinter writes with: this reader copies no buffer, refuses what it does not understand, and
// allocates for nothing that the file does not hold.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "io/affine.h"
#include "io/gltf_accessors.h"
#include "io/gltf_buffers.h"
#include "io/gltf_document.h"
#include "io/gltf_materials.h"
#include "io/mesh_codecs.h"
#include "mesh/edge_table.h"

namespace sinter::io {
namespace {

/// Values of "mode"; those below are points and three kinds of lines.
enum Mode : std::size_t { kTriangles = 4, kTriangleStrip = 5, kTriangleFan = 6 };

/// The places of triangle i's corners among those of its primitive; section 3.7.2.1.
std::array<std::size_t, 3> triangle(std::size_t mode, std::size_t i) {
  if (mode == kTriangleStrip) return {i, i + 1 + i % 2, i + 2 - i % 2};
  if (mode == kTriangleFan) return {i + 1, i + 2, 0};
  return {3 * i, 3 * i + 1, 3 * i + 2};
}

class SceneReader {
 public:
  SceneReader(const MeshSource& source,
              const GltfObject& root,
              std::span<const std::uint8_t> binary,
              MeshFileInfo& info,
              const LooksWanted& wanted)
      : source_(source),
        info_(info),
        root_(root),
        accessors_(source, root, binary),
        attributes_(wanted.attributes),
        looks_(wanted.looks) {
    if (looks_ != nullptr) materials_.emplace(source, root, accessors_, *looks_);
  }

  mesh::TriangleMesh read() {
    add_scene();
    if (left_out_ > 0) {
      info_.repairs.push_back(cat("left out ", left_out_, " primitives of points or lines"));
    }
    if (attributes_ != nullptr) finish_attributes();
    return std::move(mesh_);
  }

 private:
  struct Visit {
    std::size_t node;
    Affine parent;
  };

  /// The default scene, else the first, else every node that is nobody's child, else every mesh.
  void add_scene() {
    if (root_.size("scenes") > 0) {
      const std::size_t scene = root_.find_integer("scene").value_or(0);
      add_nodes(root_.item("scenes", scene).integers("nodes"));
    } else if (root_.size("nodes") > 0) {
      add_nodes(parentless_nodes());
    } else {
      for (std::size_t i = 0; i < root_.size("meshes"); ++i) add_mesh(i, Affine());
    }
  }

  std::vector<std::size_t> parentless_nodes() const {
    std::vector<bool> is_child(root_.size("nodes"), false);
    for (std::size_t i = 0; i < is_child.size(); ++i) {
      for (const std::size_t child : root_.item("nodes", i).integers("children")) {
        if (child < is_child.size()) is_child[child] = true;
      }
    }
    std::vector<std::size_t> nodes;
    for (std::size_t i = 0; i < is_child.size(); ++i) {
      if (!is_child[i]) nodes.push_back(i);
    }
    return nodes;
  }

  /// Depth first in file order. The specification demands a forest, so no node is met twice.
  void add_nodes(const std::vector<std::size_t>& roots) {
    std::vector<bool> seen(root_.size("nodes"), false);
    std::vector<Visit> pending;
    const auto push = [&](const std::vector<std::size_t>& nodes, const Affine& parent) {
      for (auto node = nodes.rbegin(); node != nodes.rend(); ++node)
        pending.push_back({*node, parent});
    };
    push(roots, Affine());
    while (!pending.empty()) {
      const Visit visit = pending.back();
      pending.pop_back();
      const GltfObject node = root_.item("nodes", visit.node);
      if (seen[visit.node]) root_.refuse("node ", visit.node, " has two parents");
      seen[visit.node] = true;
      const Affine affine = visit.parent * transform(node);
      if (const auto mesh = node.find_integer("mesh")) add_mesh(*mesh, affine);
      push(node.integers("children"), affine);
    }
  }

  static Affine transform(const GltfObject& node) {
    std::array<double, 16> matrix;
    if (node.numbers("matrix", matrix)) {
      Affine affine;  // stored by columns; the fourth row is 0 0 0 1
      for (std::size_t i = 0; i < 3; ++i) {
        for (std::size_t j = 0; j < 4; ++j) affine.rows[i][j] = matrix[j * 4 + i];
      }
      return affine;
    }
    std::array<double, 3> translation{0, 0, 0}, scale{1, 1, 1};
    std::array<double, 4> rotation{0, 0, 0, 1};
    const bool moved = node.numbers("translation", translation);
    const bool turned = node.numbers("rotation", rotation);
    const bool scaled = node.numbers("scale", scale);
    return moved || turned || scaled ? affine_from_trs(translation, rotation, scale) : Affine();
  }

  /// Vertices of one accessor in the result, and which attributes they have.
  struct Vertices {
    std::size_t first, count;
    bool uv = false, normals = false;
  };
  /// The accessors of a vertex: what shares them all is one.
  struct VertexKey {
    std::size_t positions;
    std::optional<std::size_t> uv, normals, colours;
    auto operator<=>(const VertexKey&) const = default;
  };

  void add_mesh(std::size_t index, const Affine& affine) {
    const GltfObject mesh = root_.item("meshes", index);
    // Primitives of a mesh often share their vertices; copying them would tear the surface.
    std::map<VertexKey, Vertices> known;
    for (std::size_t i = 0; i < mesh.size("primitives"); ++i) {
      const GltfObject primitive = mesh.item("primitives", i);
      const std::size_t mode = primitive.find_integer("mode").value_or(kTriangles);
      if (mode < kTriangles) {
        ++left_out_;
        continue;
      }
      check_primitive(primitive, mode);
      const GltfObject names = primitive.object("attributes");
      VertexKey key{names.integer("POSITION"), std::nullopt, std::nullopt, std::nullopt};
      if (attributes_ != nullptr) {
        key.uv = names.find_integer("TEXCOORD_0");
        key.normals = names.find_integer("NORMAL");
      }
      GltfMaterials::Use use;
      if (materials_) {
        use = materials_->use(primitive);
        key.uv = use.coordinates;
        key.colours = names.find_integer("COLOR_0");
      }
      auto vertices = known.find(key);
      if (vertices == known.end()) vertices = known.emplace(key, add_vertices(key, affine)).first;
      add_faces(primitive, mode, vertices->second, affine.determinant() < 0);
      if (looks_ != nullptr) looks_->face_materials.resize(mesh_.faces.size(), use.material);
    }
  }

  void check_primitive(const GltfObject& primitive, std::size_t mode) const {
    if (mode > kTriangleFan) {
      source_.refuse(ErrorCode::unsupported,
                     "glTF: holds primitives of an unknown kind; expected triangles");
    }
    const auto extensions = primitive.find_object("extensions");
    if (extensions && extensions->has("KHR_draco_mesh_compression")) {
      source_.refuse(ErrorCode::unsupported, "glTF: is compressed with KHR_draco_mesh_compression");
    }
  }

  Vertices add_vertices(const VertexKey& key, const Affine& affine) {
    const std::vector<mesh::Vec3> positions = accessors_.positions(key.positions);
    const std::size_t first = mesh_.positions.size();
    source_.check_count(first + positions.size(), "vertices");
    mesh_.positions.insert(mesh_.positions.end(), positions.begin(), positions.end());
    // Without a transform the coordinates stay bit for bit.
    if (!(affine == Affine())) {
      for (std::size_t i = first; i < mesh_.positions.size(); ++i) {
        mesh_.positions[i] = affine(mesh_.positions[i]);
      }
    }
    if (attributes_ != nullptr) add_attributes(key, positions.size(), affine);
    return {first, positions.size(), key.uv.has_value(), key.normals.has_value()};
  }

  void add_attributes(const VertexKey& key, std::size_t count, const Affine& affine) {
    const auto append = [&](auto& to, const auto& from, const char* what) {
      if (from.size() != count) {
        root_.refuse(from.size(), " ", what, " for ", count, " positions");
      }
      to.insert(to.end(), from.begin(), from.end());
    };
    if (looks_ != nullptr) {
      // White up to the first that have some.
      if (key.colours || !looks_->colours.empty()) {
        looks_->colours.resize(mesh_.positions.size() - (key.colours ? count : 0), {1, 1, 1});
      }
      if (key.colours) append(looks_->colours, accessors_.colours(*key.colours), "colours");
    }
    if (key.uv) {
      append(attributes_->uv, accessors_.coordinates(*key.uv), "texture coordinates");
    } else {
      attributes_->uv.resize(mesh_.positions.size());
    }
    if (key.normals) {
      std::vector<mesh::Vec3> normals = accessors_.normals(*key.normals);
      if (!(affine == Affine())) {
        for (mesh::Vec3& normal : normals) normal = turned_normal(affine, normal);
      }
      append(attributes_->normals, normals, "normals");
    } else {
      attributes_->normals.resize(mesh_.positions.size());
    }
  }

  void finish_attributes() {
    const auto faces = static_cast<std::int64_t>(mesh_.faces.size());
    attributes_->v_down = true;
    if (attributes_->faces_without_uv == faces) attributes_->uv.clear();
    if (attributes_->faces_without_normals > 0) attributes_->normals.clear();
  }

  void add_faces(const GltfObject& primitive,
                 std::size_t mode,
                 const Vertices& vertices,
                 bool mirrored) {
    const auto accessor = primitive.find_integer("indices");
    std::vector<std::uint32_t> indices;
    if (accessor) indices = accessors_.indices(*accessor);
    const std::size_t corners = accessor ? indices.size() : vertices.count;
    if (mode == kTriangles ? corners % 3 != 0 : corners < 3) {
      root_.refuse(corners, " corners do not make triangles");
    }
    const std::size_t triangles = mode == kTriangles ? corners / 3 : corners - 2;
    const std::size_t first = mesh_.faces.size();
    source_.check_count(first + triangles, "faces");
    for (std::size_t i = 0; i < triangles; ++i) {
      mesh::Face face;
      for (std::size_t c = 0; c < 3; ++c) {
        const std::size_t place = triangle(mode, i)[c];
        const std::size_t corner = accessor ? indices[place] : place;
        if (corner >= vertices.count) {
          root_.refuse("a face refers to vertex ", corner, "; expected less than ", vertices.count);
        }
        face[c] = static_cast<std::uint32_t>(vertices.first + corner);
      }
      // With a vertex named twice a strip jumps to its next part; that is no surface.
      if (mode == kTriangleStrip && mesh::has_repeated_index(face)) continue;
      if (mirrored) std::swap(face[1], face[2]);
      mesh_.faces.push_back(face);
    }
    if (mesh_.faces.size() == first) root_.refuse(corners, " corners do not make triangles");
    if (attributes_ == nullptr) return;
    const auto count = static_cast<std::int64_t>(mesh_.faces.size() - first);
    if (!vertices.uv) attributes_->faces_without_uv += count;
    if (!vertices.normals) attributes_->faces_without_normals += count;
  }

  const MeshSource& source_;
  MeshFileInfo& info_;
  GltfObject root_;
  GltfAccessors accessors_;
  MeshAttributes* attributes_;
  MeshLooks* looks_;
  std::optional<GltfMaterials> materials_;
  mesh::TriangleMesh mesh_;
  std::size_t left_out_ = 0;
};

}  // namespace

mesh::TriangleMesh decode_gltf(const MeshSource& source,
                               MeshFileInfo& info,
                               const LooksWanted& wanted) {
  const GltfChunks chunks = split_glb(source);
  const GltfDocument document(source, chunks.json);
  return SceneReader(source, document.root(), chunks.binary, info, wanted).read();
}

}  // namespace sinter::io
