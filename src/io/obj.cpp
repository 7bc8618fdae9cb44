// Wavefront OBJ: the subset that describes a surface, "v", "f" and, where asked for, "vt", "vn",
// and its colours, "mtllib", "usemtl" and the three numbers that some programs write after "v".
// Source: Wavefront, Advanced Visualizer manual, appendix B1.

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "core/srgb.h"
#include "io/mesh_codecs.h"
#include "io/mesh_encode.h"
#include "io/obj_materials.h"
#include "io/text_scanner.h"
#include "io/text_writer.h"

namespace sinter::io {
namespace {

class ObjReader {
 public:
  ObjReader(const MeshSource& source, MeshFileInfo& info, const LooksWanted& wanted)
      : source_(source), info_(info), attributes_(wanted.attributes), looks_(wanted.looks) {
    if (looks_ != nullptr) materials_.emplace(source, *looks_);
  }

  mesh::TriangleMesh read() {
    TextScanner lines(source_.text());
    std::string joined;
    while (lines.left() > 0) {
      ++line_number_;
      std::string_view line = lines.line();
      // A backslash at the end continues the statement on the next line.
      if (!line.empty() && line.back() == '\\') {
        joined.assign(line);
        while (!joined.empty() && joined.back() == '\\') {
          joined.back() = ' ';
          joined.append(lines.line());
          ++line_number_;
        }
        line = joined;
      }
      read_statement(line);
    }
    tell_short_faces();
    check_indices(mesh_.faces, mesh_.positions.size(), "vertex");
    if (attributes_ != nullptr) finish_attributes();
    if (materials_) materials_->finish();
    return std::move(mesh_);
  }

 private:
  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    source_.refuse(ErrorCode::corrupt, "line ", line_number_, ": ", parts...);
  }

  void read_statement(std::string_view line) {
    TextScanner words(line);
    const std::string_view keyword = words.word();
    if (keyword == "v") {
      read_vertex(words);
    } else if (keyword == "f") {
      read_face(words);
    } else if (attributes_ != nullptr && keyword == "vt") {
      // One number is a place on a line, and a third one a depth.
      std::array<float, 2>& uv = attributes_->uv.emplace_back();
      read_number(words.word(), uv[0], "numbers after vt");
      const std::string_view second = words.word();
      if (!second.empty()) read_number(second, uv[1], "numbers after vt");
      source_.check_count(attributes_->uv.size(), "texture coordinates");
    } else if (attributes_ != nullptr && keyword == "vn") {
      read_vector(words, attributes_->normals.emplace_back(), "three numbers after vn");
      source_.check_count(attributes_->normals.size(), "normals");
    } else if (materials_ && keyword == "mtllib") {
      materials_->add_libraries(line.substr(words.offset()));
    } else if (materials_ && keyword == "usemtl") {
      materials_->use(line.substr(words.offset()));
    }
  }

  void read_number(std::string_view word, float& number, const char* what) const {
    double value = 0;
    if (!parse(word, value)) refuse("expected ", what);
    number = to_coordinate(value);
  }
  void read_vector(TextScanner& words, mesh::Vec3& vector, const char* what) const {
    for (float& coordinate : vector) read_number(words.word(), coordinate, what);
  }

  void read_vertex(TextScanner& words) {
    mesh::Vec3 position;
    read_vector(words, position, "three numbers after v");
    mesh_.positions.push_back(position);
    source_.check_count(mesh_.positions.size(), "vertices");
    if (looks_ != nullptr) read_colour(words);
  }

  /// r g b after x y z, 0..1, taken as sRGB; white where a vertex has none.
  void read_colour(TextScanner& words) {
    mesh::Vec3 colour;
    for (float& c : colour) {
      double value = 0;
      if (!parse(words.word(), value)) {
        if (!looks_->colours.empty()) looks_->colours.push_back({1, 1, 1});
        return;
      }
      c = static_cast<float>(linear_from_srgb(std::clamp(value, 0.0, 1.0)));
    }
    looks_->colours.resize(mesh_.positions.size() - 1, {1, 1, 1});
    looks_->colours.push_back(colour);
  }

  /// Of `count` things so far, counted from 1 or, negative, from the last one.
  std::uint32_t read_index(std::string_view word, std::size_t count, const char* what) const {
    std::int64_t index = 0;
    if (!parse(word, index) || index == 0) refuse("expected ", what, " numbers after f");
    index = index > 0 ? index - 1 : index + static_cast<std::int64_t>(count);
    // What a face refers to may follow it, so only the limit is checked here.
    if (index < 0 || index >= static_cast<std::int64_t>(source_.limits.max_elements)) {
      refuse("a face refers to a ", what, " that does not exist");
    }
    return static_cast<std::uint32_t>(index);
  }

  /// A corner is v, v/vt, v//vn or v/vt/vn.
  void read_face(TextScanner& words) {
    corners_.clear();
    uv_corners_.clear();
    normal_corners_.clear();
    for (std::string_view word = words.word(); !word.empty(); word = words.word()) {
      const std::size_t slash = word.find('/');
      corners_.push_back(read_index(word.substr(0, slash), mesh_.positions.size(), "vertex"));
      if (attributes_ == nullptr || slash == std::string_view::npos) continue;
      const std::string_view rest = word.substr(slash + 1);
      const std::size_t second = rest.find('/');
      const std::string_view uv = rest.substr(0, second);
      if (!uv.empty()) {
        uv_corners_.push_back(read_index(uv, attributes_->uv.size(), "texture coordinate"));
      }
      const std::string_view normal =
          second == std::string_view::npos ? std::string_view() : rest.substr(second + 1);
      if (!normal.empty()) {
        normal_corners_.push_back(read_index(normal, attributes_->normals.size(), "normal"));
      }
    }
    if (corners_.size() < 3) {
      ++short_faces_;
      return;
    }
    append_fan(corners_, mesh_.faces);
    source_.check_count(mesh_.faces.size(), "faces");
    if (attributes_ == nullptr) return;
    if (materials_) {
      materials_->extend(mesh_.faces.size(), uv_corners_.size() == corners_.size());
    }
    add_attribute(uv_corners_, attributes_->uv_faces, attributes_->faces_without_uv);
    add_attribute(normal_corners_, attributes_->normal_faces, attributes_->faces_without_normals);
  }

  void tell_short_faces() const {
    if (short_faces_ == 0) return;
    if (mesh_.faces.empty()) {
      source_.refuse(ErrorCode::corrupt, "holds no face of three or more corners");
    }
    info_.repairs.push_back(cat("left out ", short_faces_, " faces of fewer than three corners"));
  }

  /// A face that lacks an attribute at any corner lacks it.
  void add_attribute(const std::vector<std::uint32_t>& corners,
                     std::vector<mesh::Face>& faces,
                     std::int64_t& without) const {
    if (corners.size() == corners_.size()) {
      append_fan(corners, faces);
    } else {
      without += static_cast<std::int64_t>(corners_.size()) - 2;
      faces.resize(mesh_.faces.size(), mesh::Face{0, 0, 0});
    }
  }

  void check_indices(const std::vector<mesh::Face>& faces,
                     std::size_t count,
                     const char* what) const {
    for (const mesh::Face& face : faces) {
      for (const std::uint32_t index : face) {
        if (index < count) continue;
        source_.refuse(
            ErrorCode::corrupt, "a face refers to ", what, " ", index + 1, " of ", count);
      }
    }
  }

  void finish_attributes() {
    const auto faces = static_cast<std::int64_t>(mesh_.faces.size());
    if (attributes_->faces_without_uv == faces) {
      attributes_->uv.clear();
      attributes_->uv_faces.clear();
    }
    if (attributes_->faces_without_normals > 0) {
      attributes_->normals.clear();
      attributes_->normal_faces.clear();
    }
    check_indices(attributes_->uv_faces, attributes_->uv.size(), "texture coordinate");
    check_indices(attributes_->normal_faces, attributes_->normals.size(), "normal");
  }

  const MeshSource& source_;
  MeshFileInfo& info_;
  MeshAttributes* attributes_;
  MeshLooks* looks_;
  std::optional<ObjMaterials> materials_;
  mesh::TriangleMesh mesh_;
  std::vector<std::uint32_t> corners_, uv_corners_, normal_corners_;
  std::size_t line_number_ = 0, short_faces_ = 0;
};

}  // namespace

mesh::TriangleMesh decode_obj(const MeshSource& source,
                              MeshFileInfo& info,
                              const LooksWanted& wanted) {
  return ObjReader(source, info, wanted).read();
}

Bytes encode_obj(const mesh::TriangleMesh& mesh, const MeshMetadata& metadata) {
  check_encodable(mesh);
  Bytes text;
  text.reserve(mesh.positions.size() * 36 + mesh.faces.size() * 24);
  for (const std::string& line : metadata_lines(metadata)) append_text(text, "# " + line + "\n");
  for (const mesh::Vec3& position : mesh.positions) {
    text.push_back('v');
    for (const float coordinate : position) {
      text.push_back(' ');
      append_number(text, coordinate);
    }
    text.push_back('\n');
  }
  for (const mesh::Face& face : mesh.faces) {
    text.push_back('f');
    for (const std::uint32_t index : face) {
      text.push_back(' ');
      append_number(text, std::uint64_t{index} + 1);
    }
    text.push_back('\n');
  }
  return text;
}

}  // namespace sinter::io
