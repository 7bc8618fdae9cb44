// Wavefront OBJ: the subset that describes a surface, "v" and "f".
// Source: Wavefront, Advanced Visualizer manual, appendix B1.

#include <string>
#include <vector>

#include "io/mesh_codecs.h"
#include "io/mesh_encode.h"
#include "io/text_scanner.h"
#include "io/text_writer.h"

namespace sinter::io {
namespace {

class ObjReader {
 public:
  explicit ObjReader(const MeshSource& source) : source_(source) {}

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
    check_indices();
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
    }
  }

  void read_vertex(TextScanner& words) {
    mesh::Vec3 position;
    for (float& coordinate : position) {
      double value = 0;
      if (!parse(words.word(), value)) refuse("expected three numbers after v");
      coordinate = to_coordinate(value);
    }
    mesh_.positions.push_back(position);
    source_.check_count(mesh_.positions.size(), "vertices");
  }

  /// A corner is v, v/vt, v//vn or v/vt/vn; only v counts.
  void read_face(TextScanner& words) {
    corners_.clear();
    for (std::string_view word = words.word(); !word.empty(); word = words.word()) {
      std::int64_t index = 0;
      if (!parse(word.substr(0, word.find('/')), index) || index == 0) {
        refuse("expected vertex numbers after f");
      }
      const auto count = static_cast<std::int64_t>(mesh_.positions.size());
      index = index > 0 ? index - 1 : index + count;
      // A vertex may follow the face, so only the limit is checked here.
      if (index < 0 || index >= static_cast<std::int64_t>(source_.limits.max_elements)) {
        refuse("a face refers to a vertex that does not exist");
      }
      corners_.push_back(static_cast<std::uint32_t>(index));
    }
    if (corners_.size() < 3) refuse("a face has ", corners_.size(), " corners; expected 3 or more");
    append_fan(corners_, mesh_.faces);
    source_.check_count(mesh_.faces.size(), "faces");
  }

  void check_indices() const {
    for (const mesh::Face& face : mesh_.faces) {
      for (const std::uint32_t index : face) {
        if (index < mesh_.positions.size()) continue;
        source_.refuse(ErrorCode::corrupt,
                       "a face refers to vertex ",
                       index + 1,
                       " of ",
                       mesh_.positions.size());
      }
    }
  }

  const MeshSource& source_;
  mesh::TriangleMesh mesh_;
  std::vector<std::uint32_t> corners_;
  std::size_t line_number_ = 0;
};

}  // namespace

mesh::TriangleMesh decode_obj(const MeshSource& source) {
  return ObjReader(source).read();
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
