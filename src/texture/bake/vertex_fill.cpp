#include "texture/bake/vertex_fill.h"

#include <algorithm>
#include <cmath>

namespace sinter::texture {
namespace {

using Colour = std::array<float, 3>;

/// Neighbours of every vertex in the order of the faces, one list after the other.
struct Neighbours {
  std::vector<std::uint32_t> vertices;
  std::vector<std::size_t> begin;

  Neighbours(std::span<const mesh::Face> faces, std::size_t vertex_count) {
    begin.assign(vertex_count + 1, 0);
    for (const mesh::Face& face : faces) {
      for (const std::uint32_t v : face) ++begin[v + 1];
    }
    for (std::size_t v = 0; v < vertex_count; ++v) begin[v + 1] += begin[v];
    vertices.resize(begin.back());
    std::vector<std::size_t> next(begin.begin(), begin.end() - 1);
    for (const mesh::Face& face : faces) {
      for (std::size_t k = 0; k < 3; ++k) vertices[next[face[k]]++] = face[(k + 1) % 3];
    }
  }
  std::span<const std::uint32_t> of(std::uint32_t v) const {
    return std::span(vertices).subspan(begin[v], begin[v + 1] - begin[v]);
  }
};

std::size_t texel_of(const std::array<float, 2>& uv, int size) {
  const auto cell = [&](double at) {
    const double rounded = std::nearbyint(at * (size - 1));
    return static_cast<std::size_t>(std::clamp(rounded, 0.0, size - 1.0));
  };
  return cell(1 - static_cast<double>(uv[1])) * static_cast<std::size_t>(size) +
         cell(static_cast<double>(uv[0]));
}

float inverse_square(const mesh::Vec3& a, const mesh::Vec3& b) {
  float sum = 0;
  for (std::size_t i = 0; i < 3; ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  const float inverse = 1 / std::max(std::sqrt(sum), 1e-4f);
  return inverse * inverse;
}

}  // namespace

VertexFill fill_vertices(std::span<const mesh::Vec3> positions,
                         std::span<const mesh::Face> faces,
                         std::span<const std::array<float, 2>> uv,
                         Texture& texture) {
  const Neighbours neighbours(faces, positions.size());
  std::vector<Colour> colour(positions.size(), Colour{});
  std::vector<std::uint8_t> coloured(positions.size(), 0);
  std::vector<std::uint32_t> blank;
  for (const mesh::Face& face : faces) {
    for (const std::uint32_t v : face) {
      const std::size_t texel = texel_of(uv[v], texture.size);
      if (texture.known[texel] != 0) {
        coloured[v] = 1;
        colour[v] = texture.colour[texel];
      } else {
        blank.push_back(v);
      }
    }
  }
  VertexFill result;
  std::int64_t last = 0;
  for (int lives = 2; lives > 0; ++result.sweeps) {
    std::int64_t left = 0;
    for (const std::uint32_t v : blank) {
      Colour sum{};
      float total = 0;
      for (const std::uint32_t n : neighbours.of(v)) {
        if (coloured[n] == 0) continue;
        const float weight = inverse_square(positions[v], positions[n]);
        for (std::size_t c = 0; c < 3; ++c) sum[c] += weight * colour[n][c];
        total += weight;
      }
      if (!(total > 0)) {
        ++left;
        continue;
      }
      result.filled_vertices += coloured[v] == 0;
      for (std::size_t c = 0; c < 3; ++c) colour[v][c] = sum[c] / total;
      coloured[v] = 1;
    }
    lives += left == last ? -1 : 1;
    last = left;
  }
  for (const mesh::Face& face : faces) {
    for (const std::uint32_t v : face) {
      if (coloured[v] == 0) continue;
      const std::size_t texel = texel_of(uv[v], texture.size);
      texture.colour[texel] = colour[v];
      texture.known[texel] = 1;
    }
  }
  return result;
}

}  // namespace sinter::texture
