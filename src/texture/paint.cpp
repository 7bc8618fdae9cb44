#include "texture/paint.h"

#include <algorithm>

#include "core/error.h"
#include "mesh/triangle_mesh.h"

namespace sinter::texture {
namespace {

template <class... Parts>
void require(bool holds, const Parts&... parts) {
  SINTER_CHECK(holds, ErrorCode::invalid_argument, "[render] ", parts...);
}

void check(const PaintedMesh& mesh) {
  const std::size_t vertices = mesh.mesh.positions.size(), faces = mesh.mesh.faces.size();
  require(mesh.colours.empty() || mesh.colours.size() == vertices,
          "colours: expected one for each of ",
          vertices,
          " vertices, got ",
          mesh.colours.size());
  require(mesh.face_materials.empty() || mesh.face_materials.size() == faces,
          "materials: expected one for each of ",
          faces,
          " faces, got ",
          mesh.face_materials.size());
  const auto beyond = std::find_if(mesh.face_materials.begin(),
                                   mesh.face_materials.end(),
                                   [&](std::uint32_t m) { return m >= mesh.materials.size(); });
  require(beyond == mesh.face_materials.end(),
          "materials: expected a place below ",
          mesh.materials.size(),
          ", got ",
          beyond == mesh.face_materials.end() ? 0 : *beyond);
  bool textured = false;
  for (const Material& material : mesh.materials) {
    require(material.texture < static_cast<int>(mesh.textures.size()),
            "textures: expected a place below ",
            mesh.textures.size(),
            ", got ",
            material.texture);
    textured = textured || material.texture >= 0;
  }
  if (!textured) return;
  if (mesh.uv_faces.empty()) {
    require(mesh.uv.size() == vertices,
            "texture coordinates: expected one for each of ",
            vertices,
            " vertices, got ",
            mesh.uv.size());
  } else {
    require(mesh.uv_faces.size() == faces,
            "texture coordinates: expected them for ",
            faces,
            " faces, got ",
            mesh.uv_faces.size());
  }
  for (const mesh::Face& face : mesh.uv_faces) {
    for (const std::uint32_t index : face) {
      require(index < mesh.uv.size(),
              "texture coordinates: expected a place below ",
              mesh.uv.size(),
              ", got ",
              index);
    }
  }
}

}  // namespace

Paint::Paint(const PaintedMesh& mesh, int threads) : mesh_(mesh) {
  check(mesh);
  textures_.reserve(mesh.textures.size());
  for (const sinter::Texture& texture : mesh.textures) textures_.emplace_back(texture, threads);
}

bool Paint::has_colour() const {
  if (!mesh_.colours.empty()) return true;
  return std::any_of(mesh_.materials.begin(), mesh_.materials.end(), [](const Material& material) {
    const auto& [r, g, b] = material.colour;
    return material.texture >= 0 || r != g || g != b;
  });
}

const Material& Paint::material(std::size_t face) const {
  static const Material kWhite;
  return mesh_.face_materials.empty() ? kWhite : mesh_.materials[mesh_.face_materials[face]];
}

TextureFootprint Paint::footprint(std::size_t face, const CornerWeights& weights) const {
  const mesh::Face& corners =
      mesh_.uv_faces.empty() ? mesh_.mesh.faces[face] : mesh_.uv_faces[face];
  const auto& m = material(face).place;
  const double sign = mesh_.v_down ? 1 : -1;
  TextureFootprint print{};
  for (std::size_t i = 0; i < 3; ++i) {
    const auto& uv = mesh_.uv[corners[i]];
    const double u = static_cast<double>(uv[0]), v = static_cast<double>(uv[1]);
    const TexturePoint at = {m[0] * u + m[1] * v + m[2], sign * (m[3] * u + m[4] * v + m[5])};
    for (std::size_t c = 0; c < 2; ++c) {
      print.centre[c] += weights.at[i] * at[c];
      print.right[c] += weights.right[i] * at[c];
      print.down[c] += weights.down[i] * at[c];
    }
  }
  if (!mesh_.v_down) print.centre[1] += 1;
  return print;
}

std::array<float, 3> Paint::colour(std::size_t face, const CornerWeights& weights) const {
  const Material& look = material(face);
  std::array<float, 3> colour = look.colour;
  if (look.texture >= 0) {
    const auto texture = static_cast<std::size_t>(look.texture);
    const auto texel = textures_[texture].sample(footprint(face, weights), look);
    for (std::size_t c = 0; c < 3; ++c) colour[c] *= texel[c];
  }
  if (!mesh_.colours.empty()) {
    const mesh::Face& corners = mesh_.mesh.faces[face];
    for (std::size_t c = 0; c < 3; ++c) {
      double mean = 0;
      for (std::size_t i = 0; i < 3; ++i)
        mean += weights.at[i] * static_cast<double>(mesh_.colours[corners[i]][c]);
      colour[c] *= static_cast<float>(mean);
    }
  }
  for (float& c : colour) c = c > 0 ? std::min(c, 1.0f) : 0;  // colours of vertices may be anything
  return colour;
}

}  // namespace sinter::texture
