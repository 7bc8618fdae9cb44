// USDZ as far as sinter writes it: one mesh, in place, in a text layer. Whatever could make the
// surface another one (transforms, several meshes, composition, binary layers) is refused, not
// guessed.

#include <algorithm>
#include <string>
#include <vector>

#include "io/mesh_codecs.h"
#include "io/mesh_format.h"
#include "io/text_scanner.h"
#include "io/zip_file.h"
#include "mesh/axes.h"

namespace sinter::io {
namespace {

/// Words, strings and single punctuation marks of a text layer. Comments are skipped.
class UsdaTokens {
 public:
  explicit UsdaTokens(std::string_view text) : text_(text) {}

  /// Empty at the end. A string comes with its opening quote, so that it is not taken for a word.
  std::string_view next() {
    skip_blank();
    if (at_ >= text_.size()) return {};
    const std::size_t begin = at_;
    const char c = text_[at_];
    if (c == '"' || c == '\'') {
      skip_string(c);
    } else if (is_word(c)) {
      while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    } else {
      ++at_;
    }
    return text_.substr(begin, at_ - begin);
  }

 private:
  static bool is_word(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == ':' || c == '.' || c == '-' || c == '+';
  }
  void skip_blank() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
        ++at_;
      } else {
        return;
      }
    }
  }
  void skip_string(char quote) {
    const std::string triple(3, quote);
    const bool is_long = text_.substr(at_).starts_with(triple);
    at_ += is_long ? 3 : 1;
    while (at_ < text_.size()) {
      if (text_[at_] == '\\') {
        at_ += 2;
      } else if (is_long ? text_.substr(at_).starts_with(triple) : text_[at_] == quote) {
        at_ += is_long ? 3 : 1;
        break;
      } else {
        ++at_;
      }
    }
    at_ = std::min(at_, text_.size());
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

std::string_view unquoted(std::string_view token) {
  if (token.size() < 2 || (token[0] != '"' && token[0] != '\'')) return token;
  return token.substr(1, token.size() - 2);
}

class UsdaReader {
 public:
  UsdaReader(const MeshSource& source, std::string_view text) : source_(source), tokens_(text) {}

  mesh::TriangleMesh read(MeshFileInfo& info) {
    std::string_view before;
    for (std::string_view token = tokens_.next(); !token.empty(); token = tokens_.next()) {
      if (!read_layer_field(token) && !read_mesh_field(token)) {
        if (before == "def" && token == "Mesh" && ++meshes_ > 1) refuse_other("several meshes");
        check_plain(token);
      }
      before = token;
    }
    if (meshes_ == 0) source_.refuse(ErrorCode::corrupt, "its USD layer holds no mesh");
    info.metres_per_unit = metres_per_unit_;
    build_faces();
    if (up_ == mesh::Axis::z) mesh::turn(mesh_, {mesh::Axis::z, mesh::Axis::minus_y}, {});
    return std::move(mesh_);
  }

 private:
  [[noreturn]] void refuse_other(std::string_view what) const {
    source_.refuse(ErrorCode::unsupported,
                   "has ",
                   what,
                   "; of USDZ only a single mesh in place is read, as sinter writes it");
  }

  void check_plain(std::string_view token) const {
    if (token.starts_with("xformOp")) refuse_other("transforms");
    for (const std::string_view composition :
         {"references", "payload", "inherits", "specializes", "variantSets", "subLayers"}) {
      if (token == composition) refuse_other("parts in other places");
    }
  }

  /// Fields of the layer; all come before the first prim.
  bool read_layer_field(std::string_view token) {
    if (meshes_ > 0) return false;
    if (token == "upAxis") {
      const std::string_view axis = unquoted(value());
      if (axis != "Y" && axis != "Z") source_.refuse(ErrorCode::corrupt, "expected upAxis Y or Z");
      up_ = axis == "Z" ? mesh::Axis::z : mesh::Axis::y;
    } else if (token == "metersPerUnit") {
      if (!parse(value(), metres_per_unit_) || !(metres_per_unit_ > 0)) {
        source_.refuse(ErrorCode::corrupt, "expected metersPerUnit above 0");
      }
    } else {
      return false;
    }
    return true;
  }

  bool read_mesh_field(std::string_view token) {
    if (meshes_ == 0) return false;
    if (token == "points") {
      std::vector<double> numbers = array(source_.limits.max_elements * 3, "vertices");
      if (numbers.size() % 3 != 0) source_.refuse(ErrorCode::corrupt, "points: not three each");
      mesh_.positions.clear();
      for (std::size_t n = 0; n < numbers.size(); n += 3) {
        mesh_.positions.push_back({to_coordinate(numbers[n]),
                                   to_coordinate(numbers[n + 1]),
                                   to_coordinate(numbers[n + 2])});
      }
    } else if (token == "faceVertexCounts") {
      counts_ = array(source_.limits.max_elements, "faces");
    } else if (token == "faceVertexIndices") {
      indices_ = array(source_.limits.max_elements * 3, "faces");
    } else if (token == "orientation") {
      left_handed_ = unquoted(value()) == "leftHanded";
    } else {
      return false;
    }
    return true;
  }

  std::string_view value() {
    if (tokens_.next() != "=") source_.refuse(ErrorCode::corrupt, "expected '=' in its USD layer");
    return tokens_.next();
  }

  /// The numbers of "= [1, 2]" or "= [(1, 2, 3), ...]".
  std::vector<double> array(std::size_t most, std::string_view what) {
    if (value() != "[") source_.refuse(ErrorCode::corrupt, "expected a list of ", what);
    std::vector<double> numbers;
    for (;;) {
      const std::string_view token = tokens_.next();
      if (token == "]") return numbers;
      if (token == "," || token == "(" || token == ")") continue;
      if (!parse(token, numbers.emplace_back())) {
        source_.refuse(ErrorCode::corrupt, "expected numbers in the list of ", what);
      }
      if (numbers.size() > most) {
        source_.refuse(ErrorCode::unsupported,
                       "more ",
                       what,
                       " than the limit of ",
                       source_.limits.max_elements);
      }
    }
  }

  void build_faces() {
    std::size_t at = 0;
    std::vector<std::uint32_t> corners;
    for (const double count : counts_) {
      if (!(count >= 3 && count <= static_cast<double>(indices_.size() - at))) {
        source_.refuse(ErrorCode::corrupt, "faceVertexCounts do not fit faceVertexIndices");
      }
      corners.clear();
      for (const std::size_t end = at + static_cast<std::size_t>(count); at < end; ++at) {
        if (!(indices_[at] >= 0 && indices_[at] < static_cast<double>(mesh_.positions.size()))) {
          source_.refuse(ErrorCode::corrupt, "a face refers to a vertex that does not exist");
        }
        corners.push_back(static_cast<std::uint32_t>(indices_[at]));
      }
      if (left_handed_) std::reverse(corners.begin(), corners.end());
      append_fan(corners, mesh_.faces);
      source_.check_count(mesh_.faces.size(), "faces");
    }
  }

  const MeshSource& source_;
  UsdaTokens tokens_;
  mesh::TriangleMesh mesh_;
  std::vector<double> counts_, indices_;
  int meshes_ = 0;
  bool left_handed_ = false;
  mesh::Axis up_ = mesh::Axis::y;  // USD's own default
  double metres_per_unit_ = 0.01;  // likewise
};

}  // namespace

bool is_usd_layer(std::string_view name) {
  return name.ends_with(".usda") || name.ends_with(".usdc") || name.ends_with(".usd");
}

mesh::TriangleMesh decode_usdz(const MeshSource& source, MeshFileInfo& info) {
  const ZipReader archive(source);
  if (archive.names().empty() || !is_usd_layer(archive.names()[0])) {
    source.refuse(ErrorCode::corrupt, "is not USDZ: its first file is no USD layer");
  }
  const Bytes layer = archive.read(0);
  const std::string_view text(reinterpret_cast<const char*>(layer.data()), layer.size());
  if (text.starts_with("PXR-USDC")) {
    source.refuse(ErrorCode::unsupported,
                  "has a binary USD layer; only text layers are read, as sinter writes them");
  }
  if (!text.starts_with("#usda"))
    source.refuse(ErrorCode::corrupt, "its first file is no USD layer");
  return UsdaReader(source, text).read(info);
}

}  // namespace sinter::io
