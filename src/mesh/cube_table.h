#pragma once
// The marching-cubes table: for each way the surface can cross the edges and faces of a cell, the
// triangles inside it. Generated, not typed in; tests/mesh/cube_table_test.cpp proves what is
// promised here over every entry.
//
// Numbering. Corner c sits at ((c >> 2) & 1, (c >> 1) & 1, c & 1) in (x, y, z). Edge e runs along
// axis e / 4; the remaining two coordinates, in axis order, are the two bits of e % 4. Face f is
// the side f % 2 of axis f / 2.

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace sinter::mesh {

inline constexpr int kCubeCorners = 8;
inline constexpr int kCubeEdges = 12;
inline constexpr int kCubeFaces = 6;
/// "Vertex" of a triangle that stands for an extra vertex inside the cell: kCenterVertex + n for
/// the n-th polygon that needs one.
inline constexpr int kCenterVertex = kCubeEdges;

/// A closed polygon of edge crossings, and its triangles.
struct CubePolygon {
  std::vector<std::uint8_t> edges;  ///< crossings in order, counter-clockwise seen from outside
  int center = -1;                  ///< extra vertex at the mean of the crossings, or -1
};

struct CubeEntry {
  std::vector<CubePolygon> polygons;
  std::vector<std::array<std::uint8_t, 3>> triangles;  ///< edges 0..11 or extra vertices
  int centers = 0;                                     ///< extra vertices
};

/// Corners of an edge, the one with the lower coordinate first.
std::array<int, 2> cube_edge_corners(int edge);
/// Corners of a face in cyclic order, counter-clockwise seen from outside the cell.
std::array<int, 4> cube_face_corners(int face);
/// Whether an edge belongs to a face.
bool cube_edge_on_face(int edge, int face);
/// Faces of a case (bit c of `inside` for corner c) whose corners alternate around the face.
std::uint8_t cube_ambiguous_faces(std::uint8_t inside);

/// `joined`: bit f set where the two inside corners of ambiguous face f are joined across it, else
/// they are kept apart; bits of other faces are ignored. Entries are made once and live for good.
const CubeEntry& cube_entry(std::uint8_t inside, std::uint8_t joined);

}  // namespace sinter::mesh
