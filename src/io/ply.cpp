// PLY, ASCII and binary of either byte order.
// Source: G. Turk, The PLY Polygon File Format, 1994.

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "io/mesh_codecs.h"
#include "io/mesh_encode.h"
#include "io/text_scanner.h"

namespace sinter::io {
namespace {

enum class Scalar { i8, u8, i16, u16, i32, u32, f32, f64 };

std::size_t size_of(Scalar type) {
  static constexpr std::size_t kSizes[] = {1, 1, 2, 2, 4, 4, 4, 8};
  return kSizes[static_cast<std::size_t>(type)];
}

std::optional<Scalar> scalar_named(std::string_view name) {
  struct Known {
    std::string_view name;
    Scalar type;
  };
  static constexpr Known kKnown[] = {{"char", Scalar::i8},
                                     {"int8", Scalar::i8},
                                     {"uchar", Scalar::u8},
                                     {"uint8", Scalar::u8},
                                     {"short", Scalar::i16},
                                     {"int16", Scalar::i16},
                                     {"ushort", Scalar::u16},
                                     {"uint16", Scalar::u16},
                                     {"int", Scalar::i32},
                                     {"int32", Scalar::i32},
                                     {"uint", Scalar::u32},
                                     {"uint32", Scalar::u32},
                                     {"float", Scalar::f32},
                                     {"float32", Scalar::f32},
                                     {"double", Scalar::f64},
                                     {"float64", Scalar::f64}};
  for (const Known& known : kKnown) {
    if (known.name == name) return known.type;
  }
  return std::nullopt;
}

struct Property {
  std::string_view name;
  Scalar type = Scalar::f32;
  std::optional<Scalar> count_type;  // of a list
};

struct Element {
  std::string_view name;
  std::uint64_t count = 0;
  std::vector<Property> properties;
};

enum class Encoding { ascii, little, big };

struct Header {
  Encoding encoding = Encoding::ascii;
  std::vector<Element> elements;
  std::size_t bytes = 0;
};

[[noreturn]] void refuse_header(const MeshSource& source, std::string_view line) {
  source.refuse(ErrorCode::corrupt,
                "not understood in the PLY header: \"",
                printable(std::string(line.substr(0, 60))),
                "\"");
}

Property parse_property(const MeshSource& source, TextScanner& words, std::string_view line) {
  Property property;
  std::string_view type = words.word();
  if (type == "list") {
    property.count_type = scalar_named(words.word());
    if (!property.count_type) refuse_header(source, line);
    type = words.word();
  }
  const auto scalar = scalar_named(type);
  property.name = words.word();
  if (!scalar || property.name.empty()) refuse_header(source, line);
  property.type = *scalar;
  return property;
}

Header parse_header(const MeshSource& source) {
  constexpr std::size_t kMaxElements = 64;
  constexpr std::size_t kMaxProperties = 256;
  Header header;
  TextScanner lines(source.text());
  lines.line();  // "ply"
  bool has_format = false;
  while (true) {
    if (lines.left() == 0) source.refuse_early();
    const std::string_view line = lines.line();
    TextScanner words(line);
    const std::string_view keyword = words.word();
    if (keyword == "end_header") break;
    if (keyword == "comment" || keyword == "obj_info" || keyword.empty()) continue;
    if (keyword == "format") {
      const std::string_view name = words.word();
      if (name == "binary_little_endian") {
        header.encoding = Encoding::little;
      } else if (name == "binary_big_endian") {
        header.encoding = Encoding::big;
      } else if (name != "ascii") {
        refuse_header(source, line);
      }
      has_format = true;
    } else if (keyword == "element" && header.elements.size() < kMaxElements) {
      Element& element = header.elements.emplace_back();
      element.name = words.word();
      if (!parse(words.word(), element.count)) refuse_header(source, line);
    } else if (keyword == "property" && !header.elements.empty() &&
               header.elements.back().properties.size() < kMaxProperties) {
      header.elements.back().properties.push_back(parse_property(source, words, line));
    } else {
      refuse_header(source, line);
    }
  }
  if (!has_format) source.refuse(ErrorCode::corrupt, "the PLY header names no format");
  header.bytes = lines.offset();
  return header;
}

/// Values one after another from the part behind the header.
class ValueReader {
 public:
  ValueReader(const MeshSource& source, const Header& header)
      : source_(source),
        encoding_(header.encoding),
        words_(source.text().substr(header.bytes)),
        bytes_(source.bytes.subspan(header.bytes)) {}

  /// Integers are exact in a double up to 32 bits, which is all that PLY has.
  double value(Scalar type) { return encoding_ == Encoding::ascii ? word() : binary(type); }
  std::size_t left() const { return encoding_ == Encoding::ascii ? words_.left() : bytes_.size(); }
  bool ascii() const { return encoding_ == Encoding::ascii; }

 private:
  double word() {
    double value = 0;
    const std::string_view word = words_.word();
    if (word.empty()) source_.refuse_early();
    if (!parse(word, value)) {
      source_.refuse(ErrorCode::corrupt,
                     "expected a number, got \"",
                     printable(std::string(word.substr(0, 20))),
                     "\"");
    }
    return value;
  }
  double binary(Scalar type) {
    const std::size_t size = size_of(type);
    if (bytes_.size() < size) source_.refuse_early();
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < size; ++i) {
      bits = bits << 8 | bytes_[encoding_ == Encoding::big ? i : size - 1 - i];
    }
    bytes_ = bytes_.subspan(size);
    switch (type) {
      case Scalar::i8:
        return static_cast<std::int8_t>(bits);
      case Scalar::i16:
        return static_cast<std::int16_t>(bits);
      case Scalar::i32:
        return static_cast<std::int32_t>(bits);
      case Scalar::u8:
      case Scalar::u16:
      case Scalar::u32:
        return static_cast<double>(bits);
      case Scalar::f32:
        return std::bit_cast<float>(static_cast<std::uint32_t>(bits));
      case Scalar::f64:
        return std::bit_cast<double>(bits);
    }
    return 0;
  }

  const MeshSource& source_;
  Encoding encoding_;
  TextScanner words_;
  std::span<const std::uint8_t> bytes_;
};

class PlyReader {
 public:
  explicit PlyReader(const MeshSource& source)
      : source_(source), header_(parse_header(source)), values_(source, header_) {}

  mesh::TriangleMesh read() {
    for (const Element& element : header_.elements) {
      check_rows(element);
      if (element.name == "vertex") {
        read_vertices(element);
      } else if (element.name == "face") {
        read_faces(element);
      } else if (element.name == "tristrips") {
        source_.refuse(ErrorCode::unsupported, "holds triangle strips; expected faces");
      } else {
        for (std::uint64_t i = 0; i < element.count; ++i) skip_row(element);
      }
    }
    for (const mesh::Face& face : mesh_.faces) {
      for (const std::uint32_t index : face) {
        if (index < mesh_.positions.size()) continue;
        source_.refuse(ErrorCode::corrupt,
                       "a face refers to vertex ",
                       index,
                       "; expected less than ",
                       mesh_.positions.size());
      }
    }
    return std::move(mesh_);
  }

 private:
  /// A count that the rest of the file cannot hold is refused before anything is allocated for it.
  void check_rows(const Element& element) const {
    std::uint64_t row = 0;
    for (const Property& property : element.properties) {
      // In text a value takes a character and a blank, but for the very last.
      row += values_.ascii() ? 2 : size_of(property.count_type.value_or(property.type));
    }
    if (row == 0 && element.count > 0) {
      source_.refuse(ErrorCode::corrupt,
                     "the PLY element ",
                     printable(std::string(element.name)),
                     " has no property");
    }
    if (row > 0 && element.count > (values_.left() + 1) / row) source_.refuse_early();
  }

  /// Number of entries of a list, which must be a whole number that the file can hold.
  std::size_t list_count(const Property& property) {
    const double count = values_.value(*property.count_type);
    if (!(count >= 0) || count != std::floor(count)) {
      source_.refuse(ErrorCode::corrupt, "a list has ", count, " entries");
    }
    if (count > static_cast<double>(values_.left())) source_.refuse_early();
    return static_cast<std::size_t>(count);
  }

  void skip(const Property& property) {
    const std::size_t count = property.count_type ? list_count(property) : 1;
    for (std::size_t i = 0; i < count; ++i) values_.value(property.type);
  }

  void skip_row(const Element& element) {
    for (const Property& property : element.properties) skip(property);
  }

  void read_vertices(const Element& element) {
    source_.check_count(mesh_.positions.size() + element.count, "vertices");
    static constexpr std::string_view kAxes[] = {"x", "y", "z"};
    for (const std::string_view axis : kAxes) {
      bool found = false;
      for (const Property& property : element.properties) {
        found |= property.name == axis && !property.count_type;
      }
      if (!found) source_.refuse(ErrorCode::corrupt, "vertices have no ", axis);
    }
    mesh_.positions.reserve(mesh_.positions.size() + element.count);
    for (std::uint64_t i = 0; i < element.count; ++i) {
      mesh::Vec3& position = mesh_.positions.emplace_back();
      for (const Property& property : element.properties) {
        const auto axis = std::find(std::begin(kAxes), std::end(kAxes), property.name);
        if (axis == std::end(kAxes) || property.count_type) {
          skip(property);
        } else {
          position[static_cast<std::size_t>(axis - std::begin(kAxes))] =
              to_coordinate(values_.value(property.type));
        }
      }
    }
  }

  static bool holds_corners(const Property& property) {
    return property.count_type &&
           (property.name == "vertex_indices" || property.name == "vertex_index");
  }

  void read_faces(const Element& element) {
    bool found = false;
    for (const Property& property : element.properties) found |= holds_corners(property);
    if (!found) source_.refuse(ErrorCode::corrupt, "faces have no vertex_indices");
    for (std::uint64_t i = 0; i < element.count; ++i) {
      for (const Property& property : element.properties) {
        holds_corners(property) ? read_corners(property) : skip(property);
      }
      source_.check_count(mesh_.faces.size(), "faces");
    }
  }

  void read_corners(const Property& property) {
    const std::size_t count = list_count(property);
    if (count < 3) {
      source_.refuse(ErrorCode::corrupt, "a face has ", count, " corners; expected 3 or more");
    }
    corners_.resize(count);
    for (std::uint32_t& corner : corners_) {
      const double index = values_.value(property.type);
      if (!(index >= 0) || index > 4294967295.0 || index != std::floor(index)) {
        source_.refuse(ErrorCode::corrupt, "a face refers to vertex ", index);
      }
      corner = static_cast<std::uint32_t>(index);
    }
    append_fan(corners_, mesh_.faces);
  }

  const MeshSource& source_;
  Header header_;
  ValueReader values_;
  mesh::TriangleMesh mesh_;
  std::vector<std::uint32_t> corners_;
};

}  // namespace

mesh::TriangleMesh decode_ply(const MeshSource& source) {
  return PlyReader(source).read();
}

Bytes encode_ply(const mesh::TriangleMesh& mesh, const MeshMetadata& metadata) {
  static_assert(std::endian::native == std::endian::little);
  check_encodable(mesh);
  std::string header = "ply\nformat binary_little_endian 1.0\n";
  for (const std::string& line : metadata_lines(metadata)) header += "comment " + line + "\n";
  header += cat("element vertex ",
                mesh.positions.size(),
                "\nproperty float x\nproperty float y\nproperty float z\nelement face ",
                mesh.faces.size(),
                "\nproperty list uchar int vertex_indices\nend_header\n");
  constexpr std::size_t kFaceBytes = 1 + sizeof(mesh::Face);
  const std::size_t vertex_bytes = mesh.positions.size() * sizeof(mesh::Vec3);
  Bytes bytes(header.size() + vertex_bytes + mesh.faces.size() * kFaceBytes);
  std::memcpy(bytes.data(), header.data(), header.size());
  std::memcpy(bytes.data() + header.size(), mesh.positions.data(), vertex_bytes);
  std::uint8_t* dst = bytes.data() + header.size() + vertex_bytes;
  for (const mesh::Face& face : mesh.faces) {
    *dst = 3;
    std::memcpy(dst + 1, face.data(), sizeof(face));
    dst += kFaceBytes;
  }
  return bytes;
}

}  // namespace sinter::io
