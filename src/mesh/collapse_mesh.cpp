#include "mesh/collapse_mesh.h"

#include <span>

#include "mesh/cleanup.h"
#include "mesh/edge_table.h"
#include "mesh/poll_steps.h"
#include "mesh/union_find.h"

namespace sinter::mesh {

CollapseMesh::CollapseMesh(const TriangleMesh& mesh, const std::function<void()>& poll)
    : positions_(mesh.positions),
      fixed_(mesh.positions.size()),
      first_corner_(mesh.positions.size(), kNoCorner),
      mark_(mesh.positions.size()) {
  for (const Face& face : mesh.faces) {
    if (!has_repeated_index(face)) faces_.push_back(face);
  }
  live_.assign(faces_.size(), 1);
  live_faces_ = static_cast<std::int64_t>(faces_.size());
  next_corner_.resize(3 * faces_.size());
  PollSteps step(poll);
  for (std::uint32_t corner = 0; corner < next_corner_.size(); ++corner) {
    step();
    std::uint32_t& first = first_corner_[faces_[corner / 3][corner % 3]];
    if (first == kNoCorner) {
      first = next_corner_[corner] = corner;
    } else {
      next_corner_[corner] = next_corner_[first];
      next_corner_[first] = corner;
    }
  }
  // A fan is a set of corners joined across edges; the first corner found of each counts it.
  UnionFind fans(next_corner_.size());
  const TriangleMesh proper{mesh.positions, faces_};
  EdgeTable(proper).for_each([&](std::uint32_t low, std::span<const EdgeUse> uses) {
    step();
    const auto starts_low = [&](const EdgeUse& use) {
      return faces_[use.face()][use.half % 3] == low;
    };
    if (uses.size() != 2 || starts_low(uses[0]) == starts_low(uses[1])) {
      fixed_[low] = fixed_[uses[0].high] = 1;
      return;
    }
    for (const bool at_low : {true, false}) {
      const auto corner = [&](const EdgeUse& use) {
        return starts_low(use) == at_low ? use.half : 3 * use.face() + (use.half % 3 + 1) % 3;
      };
      fans.join(corner(uses[0]), corner(uses[1]));
    }
  });
  for (std::uint32_t corner = 0; corner < next_corner_.size(); ++corner) {
    step();
    if (fans.find(corner) != corner) continue;
    const std::uint32_t v = faces_[corner / 3][corner % 3];
    if (mark_[v]++ > 0) fixed_[v] = 1;
  }
  mark_.assign(mark_.size(), 0);
}

bool CollapseMesh::can_collapse(std::uint32_t u, std::uint32_t v) {
  if (is_fixed(u) && is_fixed(v)) return false;
  question_ += 2;
  if (question_ < 2) {  // the counter came round
    mark_.assign(mark_.size(), 0);
    question_ = 2;
  }
  int faces_at_u = 0, faces_at_v = 0, shared_faces = 0, shared_neighbours = 0;
  for_each_face(u, [&](std::uint32_t f, std::uint32_t i) {
    ++faces_at_u;
    mark_[faces_[f][(i + 1) % 3]] = question_;
    mark_[faces_[f][(i + 2) % 3]] = question_;
  });
  for_each_face(v, [&](std::uint32_t f, std::uint32_t i) {
    ++faces_at_v;
    for (const std::uint32_t step : {1u, 2u}) {
      const std::uint32_t w = faces_[f][(i + step) % 3];
      shared_faces += w == u;
      if (mark_[w] != question_) continue;
      ++shared_neighbours;
      mark_[w] = question_ - 1;  // count it once
    }
  });
  return shared_faces == 2 && shared_neighbours == 2 && (faces_at_u > 3 || faces_at_v > 3);
}

void CollapseMesh::collapse(std::uint32_t u, std::uint32_t v, const Vec3& position) {
  scratch_.clear();
  const auto keep = [&](std::uint32_t f, std::uint32_t i) { scratch_.push_back(3 * f + i); };
  for_each_face(u, keep);
  for_each_face(v, keep);
  std::size_t kept = 0;
  for (const std::uint32_t corner : scratch_) {
    const std::uint32_t f = corner / 3;
    Face& face = faces_[f];
    bool has_u = false, has_v = false;
    for (const std::uint32_t w : face) {
      has_u = has_u || w == u;
      has_v = has_v || w == v;
    }
    if (!has_u || !has_v) {
      face[corner % 3] = u;
      scratch_[kept++] = corner;
      continue;
    }
    if (!is_live(f)) continue;
    live_[f] = 0;
    --live_faces_;
    for (std::uint32_t i = 0; i < 3; ++i) {
      if (face[i] != u && face[i] != v) unlink_corner(face[i], 3 * f + i);
    }
  }
  scratch_.resize(kept);
  link_corners(u, scratch_);
  first_corner_[v] = kNoCorner;
  positions_[u] = position;
}

void CollapseMesh::link_corners(std::uint32_t v, const std::vector<std::uint32_t>& corners) {
  first_corner_[v] = corners.empty() ? kNoCorner : corners[0];
  for (std::size_t n = 0; n < corners.size(); ++n) {
    next_corner_[corners[n]] = corners[(n + 1) % corners.size()];
  }
}

void CollapseMesh::unlink_corner(std::uint32_t v, std::uint32_t corner) {
  std::uint32_t before = corner;
  while (next_corner_[before] != corner) before = next_corner_[before];
  next_corner_[before] = next_corner_[corner];
  first_corner_[v] = before == corner ? kNoCorner : before;
}

std::vector<std::uint32_t> CollapseMesh::compact() {
  std::vector<std::uint32_t> vertices, faces;
  std::vector<std::uint32_t> vertex_number(vertex_count()), face_number(face_slots());
  for (std::uint32_t v = 0; v < vertex_count(); ++v) {
    if (!is_used(v)) continue;
    vertex_number[v] = static_cast<std::uint32_t>(vertices.size());
    vertices.push_back(v);
  }
  for (std::uint32_t f = 0; f < face_slots(); ++f) {
    if (!is_live(f)) continue;
    face_number[f] = static_cast<std::uint32_t>(faces.size());
    faces.push_back(f);
  }
  const auto corner_number = [&](std::uint32_t corner) {
    return 3 * face_number[corner / 3] + corner % 3;
  };
  // A new number is never above the old one.
  for (std::uint32_t n = 0; n < vertices.size(); ++n) {
    const std::uint32_t v = vertices[n];
    positions_[n] = positions_[v];
    fixed_[n] = fixed_[v];
    first_corner_[n] = corner_number(first_corner_[v]);
  }
  for (std::uint32_t n = 0; n < faces.size(); ++n) {
    const std::uint32_t f = faces[n];
    for (std::uint32_t i = 0; i < 3; ++i) {
      faces_[n][i] = vertex_number[faces_[f][i]];
      next_corner_[3 * n + i] = corner_number(next_corner_[3 * f + i]);
    }
  }
  positions_.resize(vertices.size());
  fixed_.resize(vertices.size());
  first_corner_.resize(vertices.size());
  mark_.assign(vertices.size(), 0);
  question_ = 0;
  faces_.resize(faces.size());
  next_corner_.resize(3 * faces.size());
  live_.assign(faces.size(), 1);
  return vertices;
}

TriangleMesh CollapseMesh::extract() const {
  TriangleMesh mesh;
  mesh.positions = positions_;
  for (std::size_t f = 0; f < faces_.size(); ++f) {
    if (live_[f] != 0) mesh.faces.push_back(faces_[f]);
  }
  remove_unreferenced(mesh);
  return mesh;
}

}  // namespace sinter::mesh
