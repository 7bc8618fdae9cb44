// USDZ: an archive of one USD layer, stored and aligned so that it can be read where it lies.
// Source: Pixar, Usdz File Format Specification 1.3; OpenUSD's text layer and UsdGeom schemas.
//
// The layer is text (.usda), which the specification allows as a package's default layer beside the
// binary crate (.usdc), whose encoding has no specification.

#include <array>
#include <cmath>
#include <string>

#include "core/error.h"
#include "io/mesh_encode.h"
#include "io/text_writer.h"
#include "io/zip_file.h"
#include "mesh/bvh.h"

namespace sinter::io {
namespace {

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : valid_utf8(text)) {
    if (c == '"' || c == '\\') result += '\\';
    result += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  }
  return result + "\"";
}

std::string entry_of(const std::string& key, const MetadataValue& value) {
  static constexpr std::array<const char*, 5> kTypes = {
      "string", "int64", "uint64", "double", "bool"};
  const std::string text =
      std::holds_alternative<std::string>(value) ? quoted(std::get<std::string>(value))
      : std::holds_alternative<bool>(value)      ? (std::get<bool>(value) ? "1" : "0")
                                                 : text_of(value);
  return cat("            ", kTypes[value.index()], " ", quoted(key), " = ", text, "\n");
}

template <class Vectors>
void append_vectors(Bytes& text, const Vectors& vectors) {
  text.push_back('[');
  for (std::size_t n = 0; n < vectors.size(); ++n) {
    append_text(text, n == 0 ? "(" : ", (");
    for (std::size_t c = 0; c < 3; ++c) {
      if (c > 0) append_text(text, ", ");
      append_number(text, vectors[n][c]);
    }
    text.push_back(')');
  }
  text.push_back(']');
}

void append_header(Bytes& text, const MeshMetadata& metadata) {
  append_text(text, "#usda 1.0\n(\n    customLayerData = {\n        string creator = ");
  append_text(text, quoted(generator(metadata)) + "\n");
  append_text(text, "        string front_axis = " + quoted(forward_name(metadata.axes)) + "\n");
  if (!metadata.provenance.empty()) {
    append_text(text, "        dictionary provenance = {\n");
    for (const auto& [key, value] : metadata.provenance) append_text(text, entry_of(key, value));
    append_text(text, "        }\n");
  }
  append_text(text, "    }\n    defaultPrim = \"Model\"\n    metersPerUnit = ");
  append_number(text, metadata.metres_per_unit > 0 ? metadata.metres_per_unit : 1.0);
  append_text(text, "\n    upAxis = " + quoted(up_name(metadata.axes)) + "\n)\n\n");
}

void append_mesh(Bytes& text, const mesh::TriangleMesh& mesh) {
  mesh::Box box = mesh::Box::empty();
  for (const mesh::Vec3& p : mesh.positions) {
    for (const float x : p) {
      SINTER_CHECK(std::isfinite(x),
                   ErrorCode::invalid_argument,
                   "[mesh] USDZ: expected finite positions, got ",
                   x);
    }
    box.include(p);
  }
  append_text(text,
              "    def Mesh \"Surface\" (\n"
              "        prepend apiSchemas = [\"MaterialBindingAPI\"]\n"
              "    )\n    {\n"
              "        uniform bool doubleSided = 0\n"
              "        float3[] extent = ");
  append_vectors(text, std::array{box.min, box.max});
  append_text(text, "\n        int[] faceVertexCounts = [");
  for (std::size_t f = 0; f < mesh.faces.size(); ++f) append_text(text, f == 0 ? "3" : ", 3");
  append_text(text, "]\n        int[] faceVertexIndices = [");
  for (std::size_t f = 0; f < mesh.faces.size(); ++f) {
    for (std::size_t corner = 0; corner < 3; ++corner) {
      if (f + corner > 0) append_text(text, ", ");
      append_number(text, mesh.faces[f][corner]);
    }
  }
  append_text(text,
              "]\n        rel material:binding = </Model/Neutral>\n        normal3f[] normals = ");
  append_vectors(text, smooth_normals(mesh));
  append_text(text,
              " (\n            interpolation = \"vertex\"\n        )\n"
              "        uniform token orientation = \"rightHanded\"\n"
              "        point3f[] points = ");
  append_vectors(text, mesh.positions);
  append_text(text, "\n        uniform token subdivisionScheme = \"none\"\n    }\n");
}

constexpr std::string_view kNeutralMaterial = R"(
    def Material "Neutral"
    {
        token outputs:surface.connect = </Model/Neutral/Shader.outputs:surface>

        def Shader "Shader"
        {
            uniform token info:id = "UsdPreviewSurface"
            color3f inputs:diffuseColor = (0.8, 0.8, 0.8)
            float inputs:metallic = 0
            float inputs:roughness = 0.8
            token outputs:surface
        }
    }
)";

}  // namespace

Bytes encode_usdz(const mesh::TriangleMesh& mesh, const MeshMetadata& metadata) {
  check_encodable(mesh);
  Bytes layer;
  layer.reserve(mesh.positions.size() * 80 + mesh.faces.size() * 30);
  append_header(layer, metadata);
  append_text(layer, "def Xform \"Model\" (\n    kind = \"component\"\n)\n{\n");
  append_mesh(layer, mesh);
  append_text(layer, kNeutralMaterial);
  append_text(layer, "}\n");
  ZipWriter archive;
  archive.add_aligned("model.usda", layer);
  return archive.finish();
}

}  // namespace sinter::io
