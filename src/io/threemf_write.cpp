// 3MF: an Open Packaging Conventions archive of three parts.
// Source: 3MF Consortium, 3D Manufacturing Format core specification 1.3, sections 2 to 4.

#include <cmath>
#include <string>

#include "core/error.h"
#include "io/mesh_encode.h"
#include "io/text_writer.h"
#include "io/zip_file.h"

namespace sinter::io {
namespace {

constexpr std::string_view kContentTypes =
    R"(<?xml version="1.0" encoding="UTF-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
 <Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
 <Default Extension="model" ContentType="application/vnd.ms-package.3dmanufacturing-3dmodel+xml"/>
</Types>
)";

constexpr std::string_view kRelationships =
    R"(<?xml version="1.0" encoding="UTF-8"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
 <Relationship Target="/3D/3dmodel.model" Id="rel0" Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/>
</Relationships>
)";

std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : valid_utf8(text)) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        // XML has no place for control characters.
        result += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
    }
  }
  return result;
}

/// A key as the local part of an XML name.
std::string name_of(const std::string& key) {
  std::string name;
  for (const char c : key) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    name += letter || (c >= '0' && c <= '9') || c == '-' || c == '.' ? c : '_';
  }
  const bool begins_well =
      !name.empty() && !(name[0] >= '0' && name[0] <= '9') && name[0] != '-' && name[0] != '.';
  return begins_well ? name : "_" + name;
}

void append_metadata(Bytes& xml, const std::string& name, const std::string& value) {
  append_text(xml, " <metadata name=\"" + name + "\">" + escaped(value) + "</metadata>\n");
}

void append_vertices(Bytes& xml, const mesh::TriangleMesh& mesh) {
  for (const mesh::Vec3& p : mesh.positions) {
    static constexpr std::string_view kBefore[] = {"<vertex x=\"", "\" y=\"", "\" z=\""};
    for (std::size_t axis = 0; axis < 3; ++axis) {
      SINTER_CHECK(std::isfinite(p[axis]),
                   ErrorCode::invalid_argument,
                   "[mesh] 3MF: expected finite positions, got ",
                   p[axis]);
      append_text(xml, kBefore[axis]);
      append_number(xml, p[axis]);
    }
    append_text(xml, "\"/>\n");
  }
}

void append_triangles(Bytes& xml, const mesh::TriangleMesh& mesh) {
  for (const mesh::Face& face : mesh.faces) {
    static constexpr std::string_view kBefore[] = {"<triangle v1=\"", "\" v2=\"", "\" v3=\""};
    for (std::size_t corner = 0; corner < 3; ++corner) {
      append_text(xml, kBefore[corner]);
      append_number(xml, face[corner]);
    }
    append_text(xml, "\"/>\n");
  }
}

Bytes model_part(const mesh::TriangleMesh& mesh, const MeshMetadata& metadata) {
  const char* unit = threemf_unit(metadata.metres_per_unit > 0 ? metadata.metres_per_unit : 1);
  SINTER_CHECK(unit != nullptr,
               ErrorCode::invalid_argument,
               "[mesh] 3MF: expected a unit that it has a name for, got ",
               metadata.metres_per_unit,
               " m");
  Bytes xml;
  xml.reserve(mesh.positions.size() * 56 + mesh.faces.size() * 48);
  append_text(xml,
              cat("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<model unit=\"",
                  unit,
                  "\" xml:lang=\"en-US\" "
                  "xmlns=\"http://schemas.microsoft.com/3dmanufacturing/core/2015/02\" "
                  "xmlns:sinter=\"urn:sinter:provenance\">\n"));
  append_metadata(xml, "Application", generator(metadata));
  for (const auto& [key, value] : metadata.provenance) {
    append_metadata(xml, "sinter:" + name_of(key), text_of(value));
  }
  append_text(xml, " <resources>\n<object id=\"1\" type=\"model\"><mesh><vertices>\n");
  append_vertices(xml, mesh);
  append_text(xml, "</vertices><triangles>\n");
  append_triangles(xml, mesh);
  append_text(
      xml,
      "</triangles></mesh></object>\n </resources>\n <build><item objectid=\"1\"/></build>\n"
      "</model>\n");
  return xml;
}

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

const char* threemf_unit(double metres) {
  if (metres == 1e-6) return "micron";
  if (metres == 1e-3) return "millimeter";
  if (metres == 1e-2) return "centimeter";
  if (metres == 0.0254) return "inch";
  if (metres == 0.3048) return "foot";
  if (metres == 1) return "meter";
  return nullptr;
}

Bytes encode_threemf(const mesh::TriangleMesh& mesh, const MeshMetadata& metadata) {
  check_encodable(mesh);
  ZipWriter archive;
  archive.add_deflated("[Content_Types].xml", bytes_of(kContentTypes));
  archive.add_deflated("_rels/.rels", bytes_of(kRelationships));
  archive.add_deflated("3D/3dmodel.model", model_part(mesh, metadata));
  return archive.finish();
}

}  // namespace sinter::io
