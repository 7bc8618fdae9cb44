#include "texture/input_mesh.h"

#include <cmath>

#include "core/error.h"

namespace sinter::texture {

void check_input_mesh(std::string_view who, const mesh::TriangleMesh& mesh) {
  SINTER_CHECK(!mesh.faces.empty(),
               ErrorCode::invalid_argument,
               "[",
               who,
               "] mesh: expected at least one face, got none");
  for (std::size_t v = 0; v < mesh.positions.size(); ++v) {
    for (const float value : mesh.positions[v]) {
      SINTER_CHECK(std::isfinite(value),
                   ErrorCode::invalid_argument,
                   "[",
                   who,
                   "] vertex ",
                   v,
                   ": expected finite coordinates, got ",
                   value);
    }
  }
  for (std::size_t f = 0; f < mesh.faces.size(); ++f) {
    for (const std::uint32_t v : mesh.faces[f]) {
      SINTER_CHECK(v < mesh.positions.size(),
                   ErrorCode::invalid_argument,
                   "[",
                   who,
                   "] face ",
                   f,
                   ": expected vertices below ",
                   mesh.positions.size(),
                   ", got ",
                   v);
    }
  }
}

}  // namespace sinter::texture
