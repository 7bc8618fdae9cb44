// 3MF: a zip package whose start part lists objects and the build made of them.
// Source: 3MF core specification 1.3; ECMA-376 part 2 (Open Packaging Conventions) for the package.

#include <map>
#include <string>

#include "io/mesh_codecs.h"
#include "io/threemf_model.h"
#include "io/xml_events.h"
#include "mesh/axes.h"

namespace sinter::io {
namespace {

constexpr int kDeepestComponent = 32;
/// Placements, those of components counted each time: nesting multiplies.
constexpr std::size_t kMostPlacements = std::size_t{1} << 20;

/// Finds the target of the start part's relationship in _rels/.rels.
class RelationshipHandler final : public XmlHandler {
 public:
  void start(std::string_view name, const XmlAttributes& attributes) override {
    if (!name.ends_with("Relationship") || !target.empty()) return;
    if (attributes.find("Type") == "http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel") {
      target = attributes.find("Target").value_or("");
    }
  }
  std::string target;
};

class ThreemfReader {
 public:
  explicit ThreemfReader(const MeshSource& source) : source_(source), archive_(source) {}

  mesh::TriangleMesh read(MeshFileInfo& info) {
    const std::size_t start = start_part();
    const ThreemfModel& model = part(start);
    info.metres_per_unit = model.metres_per_unit;
    for (const ThreemfPlacement& item : model.build) place(item, start, Affine{}, 0);
    // 3MF: z up, y to the back.
    mesh::turn(result_, {mesh::Axis::z, mesh::Axis::minus_y}, {});
    return std::move(result_);
  }

 private:
  std::size_t entry_of(std::string_view part_name) const {
    if (part_name.starts_with('/')) part_name.remove_prefix(1);
    return archive_.find(part_name);
  }

  std::size_t start_part() const {
    RelationshipHandler relationships;
    const std::size_t list = archive_.find("_rels/.rels");
    if (list < archive_.names().size()) parse_xml(source_, archive_, list, relationships);
    const std::size_t start = entry_of(relationships.target);
    if (relationships.target.empty() || start == archive_.names().size()) {
      source_.refuse(ErrorCode::corrupt, "is not 3MF: its package names no 3D model");
    }
    return start;
  }

  /// Parts are read when they are first needed and kept.
  const ThreemfModel& part(std::size_t entry) {
    const auto found = parts_.find(entry);
    if (found != parts_.end()) return found->second;
    return parts_.emplace(entry, read_threemf_model(source_, archive_, entry)).first->second;
  }

  void place(const ThreemfPlacement& placement,
             std::size_t from_entry,
             const Affine& outer,
             int depth) {
    if (depth > kDeepestComponent || ++placements_ > kMostPlacements) {
      source_.refuse(ErrorCode::unsupported, "components are nested too deeply or too often");
    }
    const std::size_t entry = placement.part.empty() ? from_entry : entry_of(placement.part);
    if (entry == archive_.names().size()) {
      source_.refuse(ErrorCode::corrupt, "refers to a missing part ", printable(placement.part));
    }
    const ThreemfModel& model = part(entry);
    const auto found = model.objects.find(placement.object);
    if (found == model.objects.end()) {
      source_.refuse(ErrorCode::corrupt, "refers to a missing object ", placement.object);
    }
    const Affine transform = outer * placement.transform;
    append(found->second.mesh, transform);
    for (const ThreemfPlacement& component : found->second.components) {
      place(component, entry, transform, depth + 1);
    }
  }

  void append(const mesh::TriangleMesh& mesh, const Affine& transform) {
    const std::size_t first = result_.positions.size();
    source_.check_count(first + mesh.positions.size(), "vertices");
    source_.check_count(result_.faces.size() + mesh.faces.size(), "faces");
    const bool moves = !(transform == Affine{});
    for (const mesh::Vec3& p : mesh.positions) {
      result_.positions.push_back(moves ? transform(p) : p);
    }
    // A mirrored mesh keeps its outside.
    const bool mirrored = transform.determinant() < 0;
    for (const mesh::Face& face : mesh.faces) {
      const auto at = [&](std::size_t corner) {
        return static_cast<std::uint32_t>(first + face[corner]);
      };
      result_.faces.push_back({at(0), at(mirrored ? 2 : 1), at(mirrored ? 1 : 2)});
    }
  }

  const MeshSource& source_;
  ZipReader archive_;
  std::map<std::size_t, ThreemfModel> parts_;  // by entry
  mesh::TriangleMesh result_;
  std::size_t placements_ = 0;
};

}  // namespace

mesh::TriangleMesh decode_threemf(const MeshSource& source, MeshFileInfo& info) {
  return ThreemfReader(source).read(info);
}

}  // namespace sinter::io
