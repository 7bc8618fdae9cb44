#include "texture/bake/vertex_fill.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "cpu/threads.h"

namespace sinter::texture {
namespace {

using Colour = std::array<float, 3>;

/// A corner whose texel is not known, and the next one of its face.
struct Blank {
  std::uint32_t vertex, next;
};

struct Neighbour {
  std::uint32_t vertex;
  float weight;
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

/// Of the vertices that are blank, in the order of the faces, one list after the other.
struct Neighbours {
  std::vector<Neighbour> list;
  std::vector<std::uint32_t> begin;

  Neighbours(std::span<const Blank> blank, std::span<const mesh::Vec3> positions) {
    begin.assign(positions.size() + 1, 0);
    for (const Blank& corner : blank) ++begin[corner.vertex + 1];
    std::partial_sum(begin.begin(), begin.end(), begin.begin());
    list.resize(blank.size());
    std::vector<std::uint32_t> next(begin.begin(), begin.end() - 1);
    for (const Blank& corner : blank) {
      const float weight = inverse_square(positions[corner.vertex], positions[corner.next]);
      list[next[corner.vertex]++] = {corner.next, weight};
    }
  }
  std::span<const Neighbour> of(std::uint32_t v) const {
    return std::span(list).subspan(begin[v], begin[v + 1] - begin[v]);
  }
};

}  // namespace

VertexFill fill_vertices(std::span<const mesh::Vec3> positions,
                         std::span<const mesh::Face> faces,
                         std::span<const std::array<float, 2>> uv,
                         int threads,
                         Texture& texture) {
  std::vector<Colour> colour(positions.size());
  std::vector<std::uint8_t> coloured(positions.size());
  const auto count = static_cast<std::int64_t>(positions.size());
  cpu::parallel_ranges(threads, count, [&](std::int64_t begin, std::int64_t end, int) {
    for (auto v = static_cast<std::size_t>(begin); v < static_cast<std::size_t>(end); ++v) {
      const std::size_t texel = texel_of(uv[v], texture.size);
      if (texture.known[texel] == 0) continue;
      coloured[v] = 1;
      colour[v] = texture.colour[texel];
    }
  });
  std::vector<Blank> blank;
  for (const mesh::Face& face : faces) {
    for (std::size_t k = 0; k < 3; ++k) {
      if (coloured[face[k]] == 0) blank.push_back({face[k], face[(k + 1) % 3]});
    }
  }
  const Neighbours neighbours(blank, positions);
  VertexFill result;
  std::int64_t last = 0;
  for (int lives = 2; lives > 0; ++result.sweeps) {
    std::int64_t left = 0;
    for (const Blank& corner : blank) {
      const std::uint32_t v = corner.vertex;
      Colour sum{};
      float total = 0;
      for (const Neighbour& n : neighbours.of(v)) {
        if (coloured[n.vertex] == 0) continue;
        for (std::size_t c = 0; c < 3; ++c) sum[c] += n.weight * colour[n.vertex][c];
        total += n.weight;
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
  // Where several vertices share a texel the last one stays.
  for (const Blank& corner : blank) {
    if (coloured[corner.vertex] == 0) continue;
    const std::size_t texel = texel_of(uv[corner.vertex], texture.size);
    texture.colour[texel] = colour[corner.vertex];
    texture.known[texel] = 1;
  }
  return result;
}

}  // namespace sinter::texture
