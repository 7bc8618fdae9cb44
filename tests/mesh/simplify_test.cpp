#include "mesh/simplify.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numbers>
#include <random>
#include <set>

#include "mesh/check.h"
#include "mesh/cleanup.h"
#include "mesh/collapse_mesh.h"
#include "mesh/collapse_queue.h"
#include "mesh/collapse_star.h"
#include "mesh/compare.h"
#include "mesh/curve_order.h"
#include "mesh/edge_table.h"
#include "mesh/face_tree.h"
#include "mesh/fields.h"
#include "mesh/marching_cubes.h"
#include "mesh/predicates.h"
#include "mesh/quadric.h"
#include "mesh/sample_dense.h"
#include "mesh/shapes.h"
#include "mesh/soundness.h"
#include "sinter/error.h"

namespace sinter::mesh {
namespace {

using testing::append;
using testing::sphere_mesh;
using testing::torus_mesh;

TriangleMesh field_mesh(const testing::Function& function, int resolution, float level = 0) {
  MarchingCubesOptions options;
  options.level = level;
  return marching_cubes(
      sample_dense(Grid(resolution), testing::sampler(testing::clamped(function, 0.06))), options);
}

SimplifyResult reduce(TriangleMesh& mesh, std::int64_t faces) {
  return simplify(mesh, {.target_faces = faces});
}

TEST(Simplify, SphereReachesTheTargetAndStaysASphere) {
  const TriangleMesh full = field_mesh(testing::sphere(0.1, 0, 0, 0.7), 64);
  for (const std::int64_t target : {10000, 2000, 100, 20, 4}) {
    SCOPED_TRACE(target);
    TriangleMesh mesh = full;
    const SimplifyResult result = reduce(mesh, target);
    EXPECT_TRUE(result.reached_target);
    EXPECT_EQ(result.faces, static_cast<std::int64_t>(mesh.faces.size()));
    EXPECT_GE(result.faces, target - 1);
    EXPECT_LE(result.faces, target);
    const MeshReport report = check_mesh(mesh);
    EXPECT_TRUE(report.sound);
    EXPECT_EQ(report.genus, 0);
    if (target < 100) continue;
    // The best polyhedron of n triangles stays within about 0.9 * area / n of a sphere of area 4 pi
    // r^2, relative to the radius; twice that leaves room for greed.
    const double n = static_cast<double>(target);
    const Comparison c = compare_meshes(mesh, full, {.normalize = false, .samples = 20000});
    EXPECT_LT(c.hausdorff, 0.7 * 4 * std::numbers::pi / n + 1e-3);
    EXPECT_NEAR(c.volume_ratio, 1, 10 / n);
  }
}

/// How many pieces enclose a volume; the others are hollows.
std::int64_t outward_pieces(const TriangleMesh& mesh) {
  const Components components = find_components(mesh);
  std::vector<double> volume(components.count());
  for (std::size_t f = 0; f < mesh.faces.size(); ++f) {
    const Triangle t = corners(mesh, f);
    volume[components.of_face[f]] += dot(to_double(t[0]), area_normal(t));
  }
  return std::count_if(volume.begin(), volume.end(), [](double v) { return v > 0; });
}

// Closed surfaces of every kind: sound, of the same genus, in as many pieces, hollows apart. A
// target that topology does not allow is not met, and said so.
TEST(Simplify, SoundMeshesStaySound) {
  int short_of_target = 0;
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    SCOPED_TRACE(seed);
    const int n = 18 + static_cast<int>(seed % 9);
    const TriangleMesh full =
        seed % 4 == 0
            ? [&] {
                MarchingCubesOptions options;
                options.level = 0.5f;
                return marching_cubes(testing::noise_field(Grid(n), seed, seed % 8 == 0 ? 2 : 0),
                                      options);
              }()
        : seed % 4 == 1 ? field_mesh(testing::random_waves(seed, 20), n)
        : seed % 4 == 2 ? field_mesh(testing::random_balls(seed, 15, 0.05, 0.4), 2 * n)
                        : field_mesh(testing::random_sheet(seed, 0.04), 2 * n);
    const MeshReport before = check_mesh(full);
    ASSERT_TRUE(before.sound);
    for (const std::int64_t share : {2, 10, 100}) {
      TriangleMesh mesh = full;
      const std::int64_t target = std::max<std::int64_t>(4, before.faces / share);
      const SimplifyResult result = reduce(mesh, target);
      const MeshReport after = check_mesh(mesh);
      EXPECT_TRUE(after.sound);
      EXPECT_EQ(after.self_intersections, 0);
      EXPECT_EQ(after.genus, before.genus);
      EXPECT_EQ(after.components, before.components);
      EXPECT_EQ(outward_pieces(mesh), outward_pieces(full));
      EXPECT_EQ(result.reached_target, after.faces <= target);
      // Four faces a piece are the least; a handle takes at most a few more.
      EXPECT_LE(after.faces, std::max(target, 4 * before.components + 24 * before.genus));
      short_of_target += !result.reached_target;
    }
    if (HasFailure()) return;
  }
  EXPECT_GT(short_of_target, 5);
}

// Flat sides cost nothing: a finely cut box comes back to twelve faces and its exact volume.
TEST(Simplify, FlatSidesBecomeFewFaces) {
  TriangleMesh mesh;
  const int n = 12;
  const auto add_side = [&](const Vec3& origin, const Vec3& du, const Vec3& dv) {
    const auto first = static_cast<std::uint32_t>(mesh.positions.size());
    for (int i = 0; i <= n; ++i) {
      for (int j = 0; j <= n; ++j) {
        Vec3 p = origin;
        for (std::size_t x = 0; x < 3; ++x) {
          p[x] += (du[x] * static_cast<float>(i) + dv[x] * static_cast<float>(j)) /
                  static_cast<float>(n);
        }
        mesh.positions.push_back(p);
      }
    }
    for (std::uint32_t i = 0; i < n; ++i) {
      for (std::uint32_t j = 0; j < n; ++j) {
        const std::uint32_t a = first + i * (n + 1) + j, b = a + n + 1;
        mesh.faces.insert(mesh.faces.end(), {{a, b, b + 1}, {a, b + 1, a + 1}});
      }
    }
  };
  const float s = 12.0f;
  add_side({0, 0, 0}, {0, s, 0}, {s, 0, 0});
  add_side({0, 0, s}, {s, 0, 0}, {0, s, 0});
  add_side({0, 0, 0}, {s, 0, 0}, {0, 0, s});
  add_side({0, s, 0}, {0, 0, s}, {s, 0, 0});
  add_side({0, 0, 0}, {0, 0, s}, {0, s, 0});
  add_side({s, 0, 0}, {0, s, 0}, {0, 0, s});
  remove_degenerate(mesh, true);
  ASSERT_TRUE(check_mesh(mesh).sound);
  ASSERT_EQ(mesh.faces.size(), 12u * n * n);
  reduce(mesh, 12);
  const MeshReport report = check_mesh(mesh);
  EXPECT_TRUE(report.sound);
  EXPECT_EQ(report.faces, 12);
  // At a corner the pull towards face centres has three millionths of the weight of each side, and
  // these lie at most 6 inside: six sides of 144 move by up to 1.8e-5.
  EXPECT_NEAR(report.volume, 1728, 0.016);
}

TEST(Simplify, BoundaryOfAnOpenMeshStays) {
  TriangleMesh mesh = sphere_mesh(1, 5);
  std::erase_if(mesh.faces, [&](const Face& f) { return mesh.positions[f[0]][2] > 0.6f; });
  remove_unreferenced(mesh);
  const auto rim = [](const TriangleMesh& m) {
    std::map<std::pair<std::uint32_t, std::uint32_t>, int> walks;
    for (const Face& f : m.faces) {
      for (std::size_t i = 0; i < 3; ++i) {
        ++walks[{f[i], f[(i + 1) % 3]}];
        --walks[{f[(i + 1) % 3], f[i]}];
      }
    }
    std::set<std::pair<Vec3, Vec3>> edges;
    for (const auto& [edge, count] : walks) {
      if (count > 0) edges.insert({m.positions[edge.first], m.positions[edge.second]});
    }
    return edges;
  };
  const auto before = rim(mesh);
  ASSERT_GT(before.size(), 50u);
  const auto reduced = reduce(mesh, 500);
  EXPECT_TRUE(reduced.reached_target);
  EXPECT_EQ(rim(mesh), before);
  const MeshReport report = check_mesh(mesh);
  EXPECT_EQ(report.non_manifold_edges + report.non_manifold_vertices, 0);
  EXPECT_EQ(report.self_intersections, 0);
}

TEST(Simplify, NonManifoldPlacesAreLeftAlone) {
  // Two spheres that share one vertex, and a loose triangle on an edge.
  TriangleMesh mesh = sphere_mesh(1, 4);
  TriangleMesh other = sphere_mesh(1, 4, {2, 0, 0});
  append(mesh, other);
  const auto half = static_cast<std::uint32_t>(other.positions.size());
  for (Face& f : mesh.faces) {
    for (auto& v : f) v = v == half + 1 ? 0 : v;  // (-1, 0, 0) of the second is (1, 0, 0)
  }
  const Face first = mesh.faces[900];
  mesh.positions.push_back({0, 0, 5});
  mesh.faces.push_back({first[0], first[1], static_cast<std::uint32_t>(mesh.positions.size() - 1)});
  mesh.faces.push_back({7, 7, 8});  // names a vertex twice: dropped
  const Vec3 a = mesh.positions[first[0]], b = mesh.positions[first[1]];
  reduce(mesh, 400);
  const MeshReport report = check_mesh(mesh);
  EXPECT_LE(report.faces, 400);
  EXPECT_EQ(report.non_manifold_edges, 1);
  EXPECT_EQ(report.degenerate_faces, 0);
  for (const Vec3& p : {Vec3{1, 0, 0}, Vec3{0, 0, 5}, a, b}) {
    EXPECT_NE(std::find(mesh.positions.begin(), mesh.positions.end(), p), mesh.positions.end());
  }
}

TEST(Simplify, SmallMeshesAndBadInput) {
  TriangleMesh mesh = torus_mesh(1, 0.3, 20, 10);
  const TriangleMesh before = mesh;
  EXPECT_TRUE(reduce(mesh, 400).reached_target);
  EXPECT_EQ(mesh.faces, before.faces);
  EXPECT_EQ(mesh.positions, before.positions);
  EXPECT_THROW(reduce(mesh, 3), Error);
  mesh.faces[7][1] = 200;
  EXPECT_THROW(reduce(mesh, 100), Error);
  mesh = before;
  mesh.positions[5][1] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THROW(reduce(mesh, 100), Error);
  TriangleMesh empty;
  EXPECT_EQ(reduce(empty, 100).faces, 0);
}

TEST(Simplify, ReportsProgressAndStopsWhenAsked) {
  const TriangleMesh full = field_mesh(testing::torus(0.6, 0.25), 64);
  TriangleMesh mesh = full;
  double fraction = 0;
  int calls = 0;
  simplify(mesh, {.target_faces = 100, .progress = [&](double f) {
                    EXPECT_GE(f, fraction);
                    fraction = f;
                    ++calls;
                  }});
  EXPECT_EQ(fraction, 1);
  EXPECT_GT(calls, 3);
  TriangleMesh again = full;
  EXPECT_THROW(simplify(again,
                        {.target_faces = 100,
                         .progress = [](double) { throw Error(ErrorCode::cancelled, "stop"); }}),
               Error);
  EXPECT_EQ(again.faces, full.faces);
  reduce(again, 100);
  EXPECT_EQ(again.faces, mesh.faces);
  EXPECT_EQ(again.positions, mesh.positions);
}

// ---- the parts ----

/// What remains when v is renamed to u and faces that name a vertex twice go.
TriangleMesh contracted(const TriangleMesh& mesh, std::uint32_t u, std::uint32_t v) {
  TriangleMesh result = mesh;
  for (Face& f : result.faces) {
    for (auto& w : f) w = w == v ? u : w;
  }
  remove_degenerate(result);
  return result;
}

// The link condition against its meaning: the contracted surface is a manifold of the same kind.
TEST(CollapseMesh, AllowsExactlyWhatKeepsTheTopology) {
  int allowed = 0, refused = 0;
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    TriangleMesh mesh = seed == 0   ? testing::box_mesh({1, 1, 1})
                        : seed == 1 ? torus_mesh(1, 0.3, 4, 3)
                        : seed == 2 ? sphere_mesh(1, 0)
                                    : field_mesh(testing::random_waves(seed, 14), 16);
    // Make it coarse, so that many edges must be refused.
    if (seed >= 3) reduce(mesh, 150);
    const MeshReport before = check_mesh(mesh, {.self_intersections = false});
    ASSERT_TRUE(before.watertight);
    CollapseMesh collapse(mesh);
    for (const Face& f : mesh.faces) {
      for (std::size_t i = 0; i < 3; ++i) {
        const std::uint32_t u = f[i], v = f[(i + 1) % 3];
        if (u > v) continue;
        const MeshReport after = check_mesh(contracted(mesh, u, v), {.self_intersections = false});
        const bool same = after.watertight && after.non_manifold_vertices == 0 &&
                          after.duplicate_faces == 0 && after.genus == before.genus &&
                          after.components == before.components && after.faces == before.faces - 2;
        ASSERT_EQ(collapse.can_collapse(u, v), same) << u << "-" << v << " of mesh " << seed;
        ++(same ? allowed : refused);
      }
    }
  }
  EXPECT_GT(allowed, 100);
  EXPECT_GT(refused, 30);
}

TEST(CollapseMesh, CollapsesLikeRenaming) {
  TriangleMesh mesh = sphere_mesh(1, 2);
  CollapseMesh collapse(mesh);
  std::mt19937_64 random(4);
  for (int round = 0; round < 40;) {
    const Face& f = mesh.faces[random() % mesh.faces.size()];
    const std::uint32_t u = f[0], v = f[1];
    if (!collapse.can_collapse(u, v)) continue;
    ++round;
    const Vec3 p = {static_cast<float>(round), 0, 1};
    collapse.collapse(u, v, p);
    mesh.positions[u] = p;
    for (Face& face : mesh.faces) {
      for (auto& w : face) w = w == v ? u : w;
    }
    std::erase_if(mesh.faces, [](const Face& face) {
      return face[0] == face[1] || face[1] == face[2] || face[2] == face[0];
    });
    ASSERT_EQ(collapse.live_faces(), static_cast<std::int64_t>(mesh.faces.size()));
    EXPECT_FALSE(collapse.is_used(v));
    std::multiset<std::uint32_t> found, expected;
    collapse.for_each_face(u, [&](std::uint32_t face, std::uint32_t i) {
      EXPECT_EQ(collapse.face(face)[i], u);
      for (const auto w : collapse.face(face)) found.insert(w);
    });
    for (const Face& face : mesh.faces) {
      if (std::find(face.begin(), face.end(), u) == face.end()) continue;
      expected.insert(face.begin(), face.end());
    }
    ASSERT_EQ(found, expected);
  }
  const std::vector<Vec3> positions = mesh.positions;
  remove_unreferenced(mesh);
  EXPECT_EQ(collapse.extract().faces, mesh.faces);
  EXPECT_EQ(collapse.extract().positions, mesh.positions);

  // Closer together, it is the same mesh, in which edges can be collapsed on.
  const std::vector<std::uint32_t> old_number = collapse.compact();
  ASSERT_EQ(old_number.size(), mesh.positions.size());
  ASSERT_EQ(collapse.face_slots(), mesh.faces.size());
  for (std::uint32_t v = 0; v < old_number.size(); ++v) {
    EXPECT_EQ(collapse.position(v), positions[old_number[v]]);
    std::multiset<std::uint32_t> found, expected;
    collapse.for_each_face(v, [&](std::uint32_t face, std::uint32_t i) {
      EXPECT_EQ(collapse.face(face)[i], v);
      found.insert(face);
    });
    for (std::uint32_t f = 0; f < mesh.faces.size(); ++f) {
      if (std::find(mesh.faces[f].begin(), mesh.faces[f].end(), v) != mesh.faces[f].end()) {
        expected.insert(f);
      }
    }
    EXPECT_EQ(found, expected);
  }
  EXPECT_EQ(collapse.extract().faces, mesh.faces);
  const MeshReport before = check_mesh(mesh, {.self_intersections = false});
  for (std::uint32_t f = 0; f < collapse.face_slots(); ++f) {
    const Face face = collapse.face(f);
    if (!collapse.is_live(f) || !collapse.can_collapse(face[0], face[1])) continue;
    collapse.collapse(face[0], face[1], collapse.position(face[0]));
  }
  const MeshReport after = check_mesh(collapse.extract(), {.self_intersections = false});
  EXPECT_TRUE(after.watertight);
  EXPECT_LT(after.faces, before.faces / 2);
  EXPECT_EQ(after.genus, before.genus);
}

TEST(CurveOrder, RenumbersAndNothingElse) {
  TriangleMesh mesh = sphere_mesh(1, 4);
  std::mt19937_64 random(4);
  std::shuffle(mesh.faces.begin(), mesh.faces.end(), random);
  const TriangleMesh ordered = in_curve_order(mesh);
  const auto triangles = [](const TriangleMesh& m) {
    std::multiset<Triangle> all;
    for (std::size_t f = 0; f < m.faces.size(); ++f) all.insert(corners(m, f));
    return all;
  };
  EXPECT_EQ(triangles(ordered), triangles(mesh));
  EXPECT_EQ(std::multiset<Vec3>(ordered.positions.begin(), ordered.positions.end()),
            std::multiset<Vec3>(mesh.positions.begin(), mesh.positions.end()));
  const auto walk = [](const TriangleMesh& m) {
    double sum = 0;
    for (std::size_t f = 1; f < m.faces.size(); ++f) {
      sum += length(to_double(corners(m, f)[0]) - to_double(corners(m, f - 1)[0]));
    }
    return sum / static_cast<double>(m.faces.size());
  };
  EXPECT_LT(walk(ordered), 0.1 * walk(mesh));
}

// The drawing that spares exact tests, against the exact tests of all pairs: stars on smooth and on
// folded surfaces, with corners moved to places where they cut and where they do not.
TEST(CollapseStar, JudgesLikeTheExactTestOfAllPairs) {
  int free_stars = 0, cut_stars = 0;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    std::mt19937_64 random(seed);
    TriangleMesh mesh = seed % 4 == 0   ? sphere_mesh(1, 3)
                        : seed % 4 == 1 ? field_mesh(testing::random_sheet(seed, 0.04), 24)
                        : seed % 4 == 2 ? field_mesh(testing::random_balls(seed, 8, 0.1, 0.4), 24)
                                        : field_mesh(testing::random_waves(seed, 14), 16);
    if (seed >= 4) reduce(mesh, static_cast<std::int64_t>(mesh.faces.size() / 8));
    mesh = in_curve_order(mesh);
    CollapseMesh collapse(mesh);
    const FaceTree tree(collapse);
    CollapseStar star(collapse);
    for (int round = 0; round < 250; ++round) {
      const std::size_t f = random() % mesh.faces.size();
      const std::uint32_t u = mesh.faces[f][0], v = mesh.faces[f][1];
      if (!collapse.can_collapse(u, v)) continue;
      const Vec3d a = to_double(mesh.positions[u]), b = to_double(mesh.positions[v]);
      // Along the normal, as far as other parts of the surface, or anywhere near.
      Vec3d normal = area_normal(corners(mesh, f));
      normal = normal * (1 / length(normal));
      const Vec3d anywhere = {testing::uniform(random, -1, 1),
                              testing::uniform(random, -1, 1),
                              testing::uniform(random, -1, 1)};
      const double edge = length(b - a);
      const Vec3d move = round % 3 == 0
                             ? anywhere * (edge * std::pow(10, testing::uniform(random, -3, 1)))
                             : normal * testing::uniform(random, -0.5, 0.5) + anywhere * (edge / 8);
      const Vec3 position = round % 8 == 0 ? mesh.positions[u] : to_float((a + b) * 0.5 + move);
      star.collect(u, v, position);
      if (star.shape_penalty(0) == 0) continue;
      TriangleMesh after = mesh;
      for (Face& face : after.faces) std::replace(face.begin(), face.end(), v, u);
      std::erase_if(after.faces, has_repeated_index);
      after.positions[u] = position;
      bool free = true;
      for (std::size_t n = 0; n < after.faces.size() && free; ++n) {
        const Face& face = after.faces[n];
        if (std::find(face.begin(), face.end(), u) == face.end()) continue;
        const Box box = bounding_box(corners(after, n));
        for (std::size_t m = 0; m < after.faces.size() && free; ++m) {
          if (!box.meets(bounding_box(corners(after, m)))) continue;
          free = n == m || !triangles_intersect(corners(after, n), corners(after, m));
        }
      }
      ASSERT_EQ(star.is_free(tree), free) << u << "-" << v << " of mesh " << seed;
      ++(free ? free_stars : cut_stars);
    }
  }
  EXPECT_GT(free_stars, 200);
  EXPECT_GT(cut_stars, 30);
}

TEST(FaceTree, FindsMovedFaces) {
  TriangleMesh mesh = sphere_mesh(1, 3);
  CollapseMesh collapse(mesh);
  FaceTree tree(collapse);
  std::mt19937_64 random(4);
  for (int round = 0; round < 100;) {
    const Face f = collapse.face(static_cast<std::uint32_t>(random() % mesh.faces.size()));
    if (!collapse.is_used(f[0]) || !collapse.is_used(f[1]) || !collapse.can_collapse(f[0], f[1])) {
      continue;
    }
    std::set<std::uint32_t> touched;
    for (const auto end : {f[0], f[1]}) {
      collapse.for_each_face(end, [&](std::uint32_t face, std::uint32_t) { touched.insert(face); });
    }
    const Vec3 p = {static_cast<float>(testing::uniform(random, -2, 2)),
                    static_cast<float>(testing::uniform(random, -2, 2)),
                    static_cast<float>(testing::uniform(random, -2, 2))};
    collapse.collapse(f[0], f[1], p);
    for (const auto face : touched) tree.update(collapse, face);
    ++round;
    const Box box = bounding_box(collapse.triangle(*touched.begin()));
    std::set<std::uint32_t> near;
    tree.for_each_near(box, [&](std::uint32_t face) { near.insert(face); });
    for (std::uint32_t face = 0; face < collapse.face_slots(); ++face) {
      const bool meets = collapse.is_live(face) && box.meets(bounding_box(collapse.triangle(face)));
      ASSERT_EQ(near.contains(face), meets);
    }
  }
}

/// A fan around an edge 0-1 near the origin: 0 has the first half of the far sides.
TriangleMesh fan_of(const std::vector<Vec3>& rim) {
  const auto n = static_cast<std::uint32_t>(rim.size());
  TriangleMesh mesh;
  mesh.positions = {{0.01f, 0, 1}, {-0.01f, 0, 1}};
  mesh.positions.insert(mesh.positions.end(), rim.begin(), rim.end());
  for (std::uint32_t k = 0; k < n; ++k) {
    mesh.faces.push_back({k < n / 2 ? 0u : 1u, 2 + k, 2 + (k + 1) % n});
  }
  mesh.faces.push_back({0, 2 + n / 2, 1});
  mesh.faces.push_back({1, 2, 0});
  return mesh;
}

bool is_free(const TriangleMesh& mesh) {
  CollapseMesh collapse(mesh);
  const FaceTree tree(collapse);
  CollapseStar star(collapse);
  EXPECT_TRUE(collapse.can_collapse(0, 1));
  star.collect(0, 1, {0, 0, 1});
  EXPECT_GT(star.shape_penalty(0), 0);
  return star.is_free(tree);
}

// Every face looks up and turns the same way, but the star goes round twice.
TEST(CollapseStar, SeesThatAStarGoesRoundTwice) {
  for (const int turns : {1, 2}) {
    std::vector<Vec3> rim;
    for (int k = 0; k < 10; ++k) {
      const double angle = 2 * std::numbers::pi * turns * k / 10 + 0.1;
      rim.push_back(to_float({std::cos(angle), std::sin(angle), 0.01 * k}));
    }
    EXPECT_EQ(is_free(fan_of(rim)), turns == 1);
  }
}

// A face in a notch of the rim lies outside the side that it hangs on, and may still reach across
// the notch.
TEST(CollapseStar, SeesAcrossANotch) {
  const TriangleMesh fan = fan_of({{0.5f, 0, 1}, {2, 1, 1}, {-1, 1, 1}, {-1, -1, 1}, {2, -1, 1}});
  const auto free_with = [&](const Vec3& tip) {
    TriangleMesh mesh = fan;
    mesh.faces.push_back({2, 6, static_cast<std::uint32_t>(mesh.positions.size())});
    mesh.positions.push_back(tip);
    return is_free(mesh);
  };
  EXPECT_TRUE(free_with({1.5f, 0, 1}));
  EXPECT_FALSE(free_with({1.5f, 0.9f, 1}));
  EXPECT_TRUE(free_with({1.5f, 0.9f, 1.1f}));
}

TEST(CollapseQueue, ReturnsTheCheaperFirst) {
  std::mt19937_64 random(4);
  CollapseQueue queue;
  std::multiset<std::array<float, 3>> waiting;
  const auto key = [](const Candidate& c) {
    return std::array<float, 3>{c.cost, static_cast<float>(c.u), static_cast<float>(c.v)};
  };
  for (int step = 0; step < 20000; ++step) {
    if (step < 5000 || random() % 2 == 0) {
      const double exponent = testing::uniform(random, -44, 38);
      const Candidate c = {random() % 50 == 0 ? 0 : static_cast<float>(std::pow(10, exponent)),
                           static_cast<std::uint32_t>(random() % 50),
                           static_cast<std::uint32_t>(random() % 50),
                           static_cast<std::uint32_t>(random() % 4)};
      queue.push(c);
      waiting.insert(key(c));
    } else if (!queue.empty()) {
      const float least = (*waiting.begin())[0];
      EXPECT_FALSE(queue.would_wait(least));
      EXPECT_TRUE(queue.would_wait(1.5f * least + 1e-37f));
      const Candidate c = queue.pop();
      // A quarter of an octave counts as equal, and so do numbers too small to be normal.
      EXPECT_LE(c.cost, 1.25f * least + 1e-38f);
      ASSERT_TRUE(waiting.contains(key(c)));
      waiting.erase(waiting.find(key(c)));
    }
    ASSERT_EQ(queue.empty(), waiting.empty());
  }
  queue.revise([](Candidate& c) {
    c.v += 1000;
    return c.u % 2 == 0;
  });
  std::erase_if(waiting, [](const auto& k) { return static_cast<int>(k[1]) % 2 != 0; });
  while (!queue.empty()) {
    Candidate c = queue.pop();
    c.v -= 1000;
    ASSERT_TRUE(waiting.contains(key(c)));
    waiting.erase(waiting.find(key(c)));
  }
  EXPECT_TRUE(waiting.empty());
}

TEST(Quadric, SumsSquaredDistances) {
  std::mt19937_64 random(4);
  const auto number = [&] { return testing::uniform(random, -2, 2); };
  for (int round = 0; round < 200; ++round) {
    Quadric q;
    std::vector<std::array<double, 5>> planes;
    std::vector<std::array<double, 4>> points;
    for (int n = 0; n < 4; ++n) {
      Vec3d normal = {number(), number(), number()};
      normal = normal * (1 / length(normal));
      planes.push_back({normal[0], normal[1], normal[2], number(), number() + 2});
      q.add_plane(normal, planes.back()[3], planes.back()[4]);
    }
    points.push_back({number(), number(), number(), 0.1});
    Quadric other;
    other.add_point({points[0][0], points[0][1], points[0][2]}, 0.1);
    q.add(other);
    const auto sum = [&](const Vec3d& x) {
      double total = 0;
      for (const auto& p : planes) {
        total += p[4] * std::pow(p[0] * x[0] + p[1] * x[1] + p[2] * x[2] + p[3], 2);
      }
      for (const auto& p : points) {
        const Vec3d d = x - Vec3d{p[0], p[1], p[2]};
        total += p[3] * dot(d, d);
      }
      return total;
    };
    const Vec3d x = {number(), number(), number()};
    EXPECT_NEAR(q(x), sum(x), 1e-12 * (1 + sum(x)) * 100);
    Vec3d best;
    ASSERT_TRUE(q.minimum(best));
    for (int step = 0; step < 6; ++step) {
      Vec3d beside = best;
      beside[static_cast<std::size_t>(step / 2)] += step % 2 == 0 ? 1e-3 : -1e-3;
      EXPECT_GT(sum(beside), sum(best));
    }
  }
  Quadric flat;
  flat.add_plane({0, 0, 1}, 1, 1);
  Vec3d x;
  EXPECT_FALSE(flat.minimum(x));
}

}  // namespace
}  // namespace sinter::mesh
