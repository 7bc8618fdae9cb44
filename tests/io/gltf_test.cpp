#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <numbers>

#include "io/mesh_file.h"
#include "io/mesh_fixtures.h"
#include "io/test_util.h"

namespace sinter::io {
namespace {

using mesh::Face;
using mesh::TriangleMesh;
using mesh::Vec3;
using nlohmann::json;
using test::bumpy_mesh;
using test::bytes_of;
using test::error_of;
using test::expect_error;
using test::glb_of;
using test::GltfBuilder;
using test::TemporaryFolder;

const std::vector<Vec3> kCorners = {{0, 0, 0}, {1, 0, 0}, {0, 1, 0}, {0.25f, -0.5f, 3}};
const std::vector<std::uint32_t> kIndices = {0, 1, 2, 0, 3, 1};
const std::vector<Face> kFaces = {{0, 1, 2}, {0, 3, 1}};

// --- writing: checked against the specification with a parser of its own
// -----------------------------

struct ParsedGlb {
  json root;
  Bytes binary;
};

std::uint32_t u32_at(const Bytes& bytes, std::size_t offset) {
  std::uint32_t value;
  std::memcpy(&value, bytes.data() + offset, 4);
  return value;
}

/// Follows the container's rules to the letter; what does not fit fails the test.
ParsedGlb parse_glb(const Bytes& bytes) {
  ParsedGlb parsed;
  EXPECT_GE(bytes.size(), 28u);
  EXPECT_EQ(std::memcmp(bytes.data(), "glTF", 4), 0);
  EXPECT_EQ(u32_at(bytes, 4), 2u);
  EXPECT_EQ(u32_at(bytes, 8), bytes.size());
  const std::size_t json_size = u32_at(bytes, 12);
  EXPECT_EQ(json_size % 4, 0u);
  EXPECT_EQ(u32_at(bytes, 16), 0x4e4f534au);
  parsed.root =
      json::parse(bytes.begin() + 20, bytes.begin() + 20 + static_cast<std::ptrdiff_t>(json_size));
  const std::size_t binary_header = 20 + json_size;
  const std::size_t binary_size = u32_at(bytes, binary_header);
  EXPECT_EQ(binary_size % 4, 0u);
  EXPECT_EQ(u32_at(bytes, binary_header + 4), 0x004e4942u);
  EXPECT_EQ(binary_header + 8 + binary_size, bytes.size());
  parsed.binary.assign(bytes.begin() + static_cast<std::ptrdiff_t>(binary_header + 8), bytes.end());
  return parsed;
}

/// Reads element i of an accessor by the rules for tightly packed data.
template <class T>
T element(const ParsedGlb& glb, const json& accessor, std::size_t i) {
  const json& view = glb.root["bufferViews"][accessor["bufferView"].get<std::size_t>()];
  const std::size_t begin =
      view.value("byteOffset", std::size_t{0}) + accessor.value("byteOffset", std::size_t{0});
  T value;
  EXPECT_LE(i * sizeof(T) + sizeof(T), view["byteLength"].get<std::size_t>());
  std::memcpy(&value, glb.binary.data() + begin + i * sizeof(T), sizeof(T));
  return value;
}

void expect_valid_layout(const ParsedGlb& glb) {
  EXPECT_EQ(glb.root["asset"]["version"], "2.0");
  ASSERT_EQ(glb.root["buffers"].size(), 1u);
  const std::size_t length = glb.root["buffers"][0]["byteLength"];
  EXPECT_LE(length, glb.binary.size());
  EXPECT_LT(glb.binary.size() - length, 4u);
  EXPECT_FALSE(glb.root["buffers"][0].contains("uri"));
  for (const json& view : glb.root["bufferViews"]) {
    EXPECT_EQ(view["buffer"], 0);
    EXPECT_EQ(view.value("byteOffset", 0u) % 4, 0u);
    EXPECT_LE(view.value("byteOffset", std::size_t{0}) + view["byteLength"].get<std::size_t>(),
              length);
    EXPECT_FALSE(view.contains("byteStride"));
  }
  EXPECT_EQ(glb.root["scene"], 0);
  EXPECT_EQ(glb.root["scenes"][0]["nodes"], json::array({0}));
  EXPECT_EQ(glb.root["nodes"][0]["mesh"], 0);
}

void expect_written(const TriangleMesh& mesh, const ParsedGlb& glb) {
  expect_valid_layout(glb);
  const json& primitive = glb.root["meshes"][0]["primitives"][0];
  EXPECT_EQ(primitive.value("mode", 4), 4);
  const json& positions =
      glb.root["accessors"][primitive["attributes"]["POSITION"].get<std::size_t>()];
  EXPECT_EQ(positions["componentType"], 5126);
  EXPECT_EQ(positions["type"], "VEC3");
  ASSERT_EQ(positions["count"], mesh.positions.size());
  Vec3 low = mesh.positions[0], high = mesh.positions[0];
  for (std::size_t i = 0; i < mesh.positions.size(); ++i) {
    ASSERT_EQ(element<Vec3>(glb, positions, i), mesh.positions[i]);
    for (std::size_t c = 0; c < 3; ++c) {
      low[c] = std::min(low[c], mesh.positions[i][c]);
      high[c] = std::max(high[c], mesh.positions[i][c]);
    }
  }
  for (std::size_t c = 0; c < 3; ++c) {
    EXPECT_EQ(positions["min"][c].get<double>(), low[c]);
    EXPECT_EQ(positions["max"][c].get<double>(), high[c]);
  }
  EXPECT_EQ(glb.root["bufferViews"][positions["bufferView"].get<std::size_t>()]["target"], 34962);
  const json& indices = glb.root["accessors"][primitive["indices"].get<std::size_t>()];
  EXPECT_EQ(indices["type"], "SCALAR");
  ASSERT_EQ(indices["count"], mesh.faces.size() * 3);
  const bool wide = mesh.positions.size() > 65535;
  EXPECT_EQ(indices["componentType"], wide ? 5125 : 5123);
  EXPECT_EQ(glb.root["bufferViews"][indices["bufferView"].get<std::size_t>()]["target"], 34963);
  for (std::size_t i = 0; i < mesh.faces.size() * 3; ++i) {
    const std::uint32_t index =
        wide ? element<std::uint32_t>(glb, indices, i) : element<std::uint16_t>(glb, indices, i);
    ASSERT_EQ(index, mesh.faces[i / 3][i % 3]);
  }
}

TEST(GlbWriter, EveryByteIsWhereTheSpecificationSays) {
  for (const int splits : {0, 2, 7}) {  // 6, 66 and 65538 vertices: the last needs wide indices
    const TriangleMesh mesh = bumpy_mesh(splits, 5);
    expect_written(mesh, parse_glb(encode_glb(mesh, {})));
  }
}

TEST(GlbWriter, NarrowIndicesStopBeforeTheRestartValue) {
  TriangleMesh mesh = bumpy_mesh(0, 5);
  mesh.positions.resize(65535, {0, 0, 0});
  mesh.faces.push_back({65534, 0, 1});
  expect_written(mesh, parse_glb(encode_glb(mesh, {})));
  mesh.positions.push_back({0, 0, 0});
  expect_written(mesh, parse_glb(encode_glb(mesh, {})));
}

TEST(GlbWriter, CarriesProvenanceUnitAndAxis) {
  MeshMetadata metadata;
  metadata.version = "1.2.3";
  metadata.box = 1.01;
  metadata.provenance = {{"model", "models/small"},
                         {"seed", 1234},
                         {"guidance", 5.5},
                         {"hierarchical", true},
                         {"big", std::int64_t{1} << 40},
                         {"huge", ~std::uint64_t{0}},
                         {"negative", -7},
                         {"least", std::numeric_limits<std::int64_t>::min()},
                         {"path", std::string("b\xff\n\"q\"")}};
  const ParsedGlb glb = parse_glb(encode_glb(bumpy_mesh(0, 1), metadata));
  const json& asset = glb.root["asset"];
  EXPECT_EQ(asset["generator"], "sinter 1.2.3");
  EXPECT_EQ(asset["extras"]["up_axis"], "Y");
  EXPECT_EQ(asset["extras"]["front_axis"], "+Z");
  EXPECT_EQ(asset["extras"]["box"], 1.01);
  EXPECT_EQ(asset["extras"]["unit"], "no physical size; the decoded cube is [-1.01, 1.01]^3");
  const json& provenance = asset["extras"]["provenance"];
  EXPECT_EQ(provenance.size(), metadata.provenance.size());
  EXPECT_EQ(provenance["model"], "models/small");
  EXPECT_TRUE(provenance["seed"].is_number_integer());
  EXPECT_EQ(provenance["seed"], 1234);
  EXPECT_EQ(provenance["guidance"], 5.5);
  EXPECT_EQ(provenance["hierarchical"], true);
  EXPECT_EQ(provenance["big"].get<double>(), 1099511627776.0);
  EXPECT_EQ(provenance["huge"], "18446744073709551615");
  EXPECT_EQ(provenance["negative"], -7);
  EXPECT_EQ(provenance["least"], "-9223372036854775808");
  EXPECT_EQ(provenance["path"], "b\xef\xbf\xbd\n\"q\"");
  const json& material = glb.root["materials"][0]["pbrMetallicRoughness"];
  EXPECT_EQ(material["metallicFactor"], 0.0);
  EXPECT_EQ(material["roughnessFactor"], 0.8);
}

TEST(GlbWriter, NormalsAreUnitVectorsAlongTheSurface) {
  const TriangleMesh mesh = bumpy_mesh(3, 9);
  const ParsedGlb glb = parse_glb(encode_glb(mesh, {}, {.normals = true}));
  expect_written(mesh, glb);
  const json& primitive = glb.root["meshes"][0]["primitives"][0];
  const json& normals = glb.root["accessors"][primitive["attributes"]["NORMAL"].get<std::size_t>()];
  ASSERT_EQ(normals["count"], mesh.positions.size());
  for (std::size_t i = 0; i < mesh.positions.size(); ++i) {
    const Vec3 n = element<Vec3>(glb, normals, i);
    const Vec3& p = mesh.positions[i];
    EXPECT_NEAR(std::sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]), 1, 1e-6);
    // The bumps are a tenth of the radius, so the normal stays within a right angle of it.
    EXPECT_GT(n[0] * p[0] + n[1] * p[1] + n[2] * p[2], 0.2f);
  }
}

TEST(GlbWriter, RefusesWhatTheFormatCannotHold) {
  TriangleMesh mesh = bumpy_mesh(0, 1);
  mesh.positions[2][1] = std::nanf("");
  expect_error(ErrorCode::invalid_argument, "[mesh] GLB: expected finite positions, got nan", [&] {
    encode_glb(mesh, {});
  });
  mesh = bumpy_mesh(0, 1);
  mesh.faces[1][0] = 6;
  expect_error(ErrorCode::invalid_argument,
               "[mesh] a face refers to vertex 6; expected less than 6",
               [&] { encode_glb(mesh, {}); });
  expect_error(ErrorCode::invalid_argument, "[mesh] nothing to write: the mesh has no face", [&] {
    encode_glb({}, {});
  });
}

TEST(GlbWriter, ReadsBackBitForBit) {
  const TemporaryFolder folder;
  for (const int splits : {1, 7}) {
    const TriangleMesh mesh = bumpy_mesh(splits, 3);
    write_mesh(folder / "a.glb", mesh, MeshMetadata{});
    const TriangleMesh again = read_mesh(folder / "a.glb");
    EXPECT_EQ(again.positions, mesh.positions);
    EXPECT_EQ(again.faces, mesh.faces);
  }
}

// --- reading
// -----------------------------------------------------------------------------------------

TEST(GltfReader, IndicesOfEveryWidthAndNone) {
  const std::vector<std::uint8_t> u8(kIndices.begin(), kIndices.end());
  const std::vector<std::uint16_t> u16(kIndices.begin(), kIndices.end());
  for (const int type : {5121, 5123, 5125, 0}) {
    SCOPED_TRACE(type);
    GltfBuilder builder;
    std::vector<Vec3> corners = kCorners;
    if (type == 0) {
      corners.clear();
      for (const std::uint32_t index : kIndices) corners.push_back(kCorners[index]);
    }
    const int positions = builder.add_positions(corners);
    int indices = -1;
    if (type == 5121)
      indices = builder.add_accessor(builder.add_view(u8.data(), 6), 5121, 6, "SCALAR");
    if (type == 5123)
      indices = builder.add_accessor(builder.add_view(u16.data(), 12), 5123, 6, "SCALAR");
    if (type == 5125) indices = builder.add_indices_u32(kIndices);
    builder.add_mesh(positions, indices);
    for (const Bytes& file : {builder.glb(), builder.gltf()}) {
      const TriangleMesh mesh = decode_mesh(file, "a");
      EXPECT_EQ(mesh.positions, corners);
      EXPECT_EQ(mesh.faces, type == 0 ? (std::vector<Face>{{0, 1, 2}, {3, 4, 5}}) : kFaces);
    }
  }
}

TEST(GltfReader, InterleavedAndOffsetData) {
  // normal, position, normal, position, ...
  std::vector<Vec3> interleaved;
  for (const Vec3& corner : kCorners) {
    interleaved.push_back({9, 9, 9});
    interleaved.push_back(corner);
  }
  GltfBuilder builder;
  builder.add_view("pad", 3);
  const int view = builder.add_view(interleaved.data(), interleaved.size() * 12, 24);
  const int positions = builder.add_accessor(view, 5126, kCorners.size(), "VEC3");
  builder.root["accessors"][0]["byteOffset"] = 12;
  builder.add_mesh(positions, builder.add_indices_u32(kIndices));
  EXPECT_EQ(decode_mesh(builder.glb(), "a").positions, kCorners);
}

TEST(GltfReader, QuantisedPositions) {
  const std::int16_t raw[] = {0, 0, 0, 32767, 0, 0, 0, -32768, 16384};
  for (const bool normalized : {false, true}) {
    GltfBuilder builder;
    std::int16_t padded[12] = {};  // stride 8: three values and a gap
    for (int i = 0; i < 9; ++i) padded[i / 3 * 4 + i % 3] = raw[i];
    const int positions = builder.add_accessor(builder.add_view(padded, 24, 8), 5122, 3, "VEC3");
    if (normalized) builder.root["accessors"][0]["normalized"] = true;
    builder.root["extensionsRequired"] = {"KHR_mesh_quantization"};
    builder.add_mesh(positions, -1);
    const TriangleMesh mesh = decode_mesh(builder.glb(), "a");
    EXPECT_EQ(mesh.positions[1][0], normalized ? 1.0f : 32767.0f);
    EXPECT_EQ(mesh.positions[2][1], normalized ? -1.0f : -32768.0f);
    EXPECT_FLOAT_EQ(mesh.positions[2][2], normalized ? 16384.0f / 32767.0f : 16384.0f);
  }
}

TEST(GltfReader, SparseAccessorsWithAndWithoutABase) {
  for (const bool with_base : {true, false}) {
    GltfBuilder builder;
    const int positions = builder.add_accessor(
        with_base ? builder.add_view(kCorners.data(), 48) : -1, 5126, 4, "VEC3");
    const std::uint8_t where[] = {1, 3};
    const Vec3 what[] = {{7, 8, 9}, {-1, -2, -3}};
    const int where_view = builder.add_view(where, 2);
    const int what_view = builder.add_view(what, 24);
    builder.root["accessors"][0]["sparse"] = {
        {"count", 2},
        {"indices", {{"bufferView", where_view}, {"componentType", 5121}}},
        {"values", {{"bufferView", what_view}}}};
    builder.add_mesh(positions, builder.add_indices_u32(kIndices));
    const TriangleMesh mesh = decode_mesh(builder.glb(), "a");
    EXPECT_EQ(mesh.positions[0], (Vec3{0, 0, 0}));
    EXPECT_EQ(mesh.positions[1], what[0]);
    EXPECT_EQ(mesh.positions[2], with_base ? kCorners[2] : (Vec3{0, 0, 0}));
    EXPECT_EQ(mesh.positions[3], what[1]);
  }
}

void expect_positions(const std::vector<Vec3>& actual,
                      const std::vector<Vec3>& expected,
                      float tolerance) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    for (std::size_t c = 0; c < 3; ++c)
      EXPECT_NEAR(actual[i][c], expected[i][c], tolerance) << i << " " << c;
  }
}

TEST(GltfReader, NodeTransformsFollowTheHierarchy) {
  GltfBuilder builder;
  builder.add_indexed_mesh(kCorners, kIndices);
  const double half = std::numbers::sqrt2 / 2;
  // Child: scale by 2, turn 90 degrees around Z, move by x + 1. Parent, as a matrix: y and z
  // exchanged with a sign (a turn around X), then z + 10.
  builder.root["nodes"] = {
      {{"children", {1}}, {"matrix", {1, 0, 0, 0, 0, 0, 1, 0, 0, -1, 0, 0, 0, 0, 10, 1}}},
      {{"mesh", 0},
       {"scale", {2, 2, 2}},
       {"rotation", {0, 0, half, half}},
       {"translation", {1, 0, 0}}}};
  builder.root["scenes"] = {{{"nodes", {0}}}};
  std::vector<Vec3> expected;
  for (const auto& [x, y, z] : kCorners) {
    const Vec3 child = {-2 * y + 1, 2 * x, 2 * z};
    expected.push_back({child[0], -child[2], child[1] + 10});
  }
  const TriangleMesh mesh = decode_mesh(builder.glb(), "a");
  expect_positions(mesh.positions, expected, 1e-6f);
  EXPECT_EQ(mesh.faces, kFaces);
}

TEST(GltfReader, MirroringTurnsFacesRound) {
  GltfBuilder builder;
  builder.add_indexed_mesh(kCorners, kIndices);
  builder.root["nodes"] = {{{"mesh", 0}, {"scale", {-1, 1, 1}}}};
  const TriangleMesh mesh = decode_mesh(builder.glb(), "a");
  EXPECT_EQ(mesh.positions[1], (Vec3{-1, 0, 0}));
  EXPECT_EQ(mesh.faces, (std::vector<Face>{{0, 2, 1}, {0, 1, 3}}));
}

TEST(GltfReader, InstancesAndPrimitivesAreMerged) {
  GltfBuilder builder;
  const int positions = builder.add_positions(kCorners);
  const int first = builder.add_indices_u32({0, 1, 2});
  const int second = builder.add_indices_u32({0, 3, 1});
  builder.add_mesh(positions, first);
  // A second primitive over the same vertices shares them.
  builder.root["meshes"][0]["primitives"].push_back(
      {{"attributes", {{"POSITION", positions}}}, {"indices", second}});
  builder.root["nodes"] = {{{"mesh", 0}}, {{"mesh", 0}, {"translation", {5, 0, 0}}}, {{"mesh", 0}}};
  builder.root["scenes"] = {{{"nodes", {2}}}, {{"nodes", {0, 1}}}};
  builder.root["scene"] = 1;
  const TriangleMesh mesh = decode_mesh(builder.glb(), "a");
  ASSERT_EQ(mesh.positions.size(), 8u);
  EXPECT_EQ(mesh.positions[4], (Vec3{5, 0, 0}));
  EXPECT_EQ(mesh.faces, (std::vector<Face>{{0, 1, 2}, {0, 3, 1}, {4, 5, 6}, {4, 7, 5}}));
}

// Five corners round a middle and along a band, all turning the same way; section 3.7.2.1 by hand.
const std::vector<std::uint32_t> kStrip = {3, 0, 1, 2, 4};
const std::vector<Face> kStripFaces = {{3, 0, 1}, {0, 2, 1}, {1, 2, 4}};
const std::vector<Face> kFanFaces = {{0, 1, 3}, {1, 2, 3}, {2, 4, 3}};

TEST(GltfReader, StripsAndFansBecomeTriangles) {
  const std::vector<Vec3> corners = bumpy_mesh(0, 11).positions;
  for (const bool fan : {false, true}) {
    for (const bool indexed : {false, true}) {
      for (const bool mirrored : {false, true}) {
        SCOPED_TRACE(cat(fan, indexed, mirrored));
        GltfBuilder builder;
        std::vector<Vec3> given = corners;
        if (!indexed) {  // vertices in the order of the indices
          for (std::size_t i = 0; i < kStrip.size(); ++i) given[i] = corners[kStrip[i]];
          given.resize(kStrip.size());
        }
        const int positions = builder.add_positions(given);
        builder.add_mesh(positions, indexed ? builder.add_indices_u32(kStrip) : -1);
        builder.root["meshes"][0]["primitives"][0]["mode"] = fan ? 6 : 5;
        builder.root["nodes"] = {{{"mesh", 0}, {"scale", {1, mirrored ? -1 : 1, 1}}}};
        const TriangleMesh mesh = decode_mesh(builder.glb(), "a");
        const std::vector<Face>& expected = fan ? kFanFaces : kStripFaces;
        ASSERT_EQ(mesh.faces.size(), expected.size());
        for (std::size_t f = 0; f < expected.size(); ++f) {
          // The same corners in the same order, wherever the face begins; turned round by a mirror.
          std::array<Vec3, 3> triangle;
          for (std::size_t c = 0; c < 3; ++c) {
            triangle[c] = mesh.positions[mesh.faces[f][c]];
            if (mirrored) triangle[c][1] = -triangle[c][1];
          }
          if (mirrored) std::swap(triangle[1], triangle[2]);
          const auto first = std::find(triangle.begin(), triangle.end(), corners[expected[f][0]]);
          std::rotate(triangle.begin(), first, triangle.end());
          for (std::size_t c = 0; c < 3; ++c) EXPECT_EQ(triangle[c], corners[expected[f][c]]) << f;
        }
      }
    }
  }
}

/// Vertices named twice take a strip from one part to the next without turning faces round.
TEST(GltfReader, JumpsOfAStripAreNoFaces) {
  GltfBuilder builder;
  builder.add_indexed_mesh(bumpy_mesh(0, 11).positions, {0, 1, 2, 2, 3, 3, 4, 5});
  builder.root["meshes"][0]["primitives"][0]["mode"] = 5;
  EXPECT_EQ(decode_mesh(builder.glb(), "a").faces, (std::vector<Face>{{0, 1, 2}, {3, 5, 4}}));
  builder.root["meshes"][0]["primitives"][0]["mode"] = 4;
  builder.root["accessors"][1]["count"] = 6;
  EXPECT_EQ(decode_mesh(builder.glb(), "a").faces, (std::vector<Face>{{0, 1, 2}, {2, 3, 3}}));
  GltfBuilder jumps;
  jumps.add_indexed_mesh(kCorners, {0, 1, 1, 2, 2});
  jumps.root["meshes"][0]["primitives"][0]["mode"] = 5;
  expect_error(ErrorCode::corrupt, "[mesh] a: glTF: 5 corners do not make triangles", [&] {
    decode_mesh(jumps.glb(), "a");
  });
}

TEST(GltfReader, StripsAndFansNeedThreeCorners) {
  for (const int mode : {5, 6}) {
    GltfBuilder builder;
    builder.add_indexed_mesh(kCorners, {0, 1, 2, 7});
    builder.root["meshes"][0]["primitives"][0]["mode"] = mode;
    expect_error(ErrorCode::corrupt,
                 "[mesh] a: glTF: a face refers to vertex 7; expected less than 4",
                 [&] { decode_mesh(builder.glb(), "a"); });
    for (const int count : {1, 2}) {
      builder.root["accessors"][1]["count"] = count;
      expect_error(ErrorCode::corrupt,
                   cat("[mesh] a: glTF: ", count, " corners do not make triangles"),
                   [&] { decode_mesh(builder.glb(), "a"); });
    }
    builder.root["accessors"][1]["count"] = 3;
    EXPECT_EQ(decode_mesh(builder.glb(), "a").faces.size(), 1u);
    MeshLimits limits;
    limits.max_elements = 4;
    GltfBuilder many;
    many.add_indexed_mesh(kCorners, {0, 1, 2, 3, 0, 1, 2});
    many.root["meshes"][0]["primitives"][0]["mode"] = mode;
    many.root["nodes"] = {{{"mesh", 0}}};
    EXPECT_EQ(error_of([&] { decode_mesh(many.glb(), "a", limits); }).code(),
              ErrorCode::unsupported);
  }
}

TEST(GltfReader, PointsAndLinesAreLeftOutAndCounted) {
  const TemporaryFolder folder;
  GltfBuilder builder;
  const int positions = builder.add_positions(kCorners);
  const int unused = builder.add_positions(bumpy_mesh(0, 3).positions);
  const int indices = builder.add_indices_u32(kIndices);
  builder.add_mesh(positions, indices);
  json& primitives = builder.root["meshes"][0]["primitives"];
  const std::vector<std::array<float, 2>> uv = {{0, 0}, {1, 0}, {0, 1}, {0.25f, 0.5f}};
  primitives[0]["attributes"]["TEXCOORD_0"] =
      builder.add_accessor(builder.add_view(uv.data(), 32), 5126, 4, "VEC2");
  for (const int mode : {0, 1, 2, 3}) {
    primitives.push_back({{"attributes", {{"POSITION", unused}}}, {"mode", mode}});
  }
  // A strip of two faces over the same vertices.
  primitives.push_back({{"attributes", primitives[0]["attributes"]}, {"mode", 5}});
  write_file_atomically(folder / "a.glb", builder.glb());
  MeshFileInfo info;
  MeshAttributes attributes;
  MeshLooks looks;
  const TriangleMesh mesh = read_mesh(folder / "a.glb", {}, &info, {.attributes = &attributes});
  EXPECT_EQ(mesh.positions, kCorners);
  EXPECT_EQ(mesh.faces, (std::vector<Face>{{0, 1, 2}, {0, 3, 1}, {0, 1, 2}, {1, 3, 2}}));
  EXPECT_EQ(attributes.uv, uv);
  EXPECT_EQ(attributes.faces_without_uv, 0);
  EXPECT_EQ(attributes.faces_without_normals, 4);
  EXPECT_EQ(info.repairs, std::vector<std::string>{"left out 4 primitives of points or lines"});
  read_mesh(folder / "a.glb", {}, &info, {.attributes = &attributes, .looks = &looks});
  EXPECT_EQ(looks.face_materials.size(), 4u);
  builder.root["meshes"][0]["primitives"] = {primitives[0]};
  write_file_atomically(folder / "a.glb", builder.glb());
  MeshFileInfo none;
  read_mesh(folder / "a.glb", {}, &none);
  EXPECT_TRUE(none.repairs.empty());
}

TEST(GltfReader, NonFinitePositionsAreKept) {
  std::vector<Vec3> corners = kCorners;
  corners[1] = {std::nanf(""), INFINITY, -INFINITY};
  GltfBuilder builder;
  builder.add_indexed_mesh(corners, kIndices);
  const TriangleMesh mesh = decode_mesh(builder.glb(), "a");
  EXPECT_TRUE(std::isnan(mesh.positions[1][0]));
  EXPECT_EQ(mesh.positions[1][1], INFINITY);
}

TEST(GltfReader, BuffersInTheFolderAndBelow) {
  const TemporaryFolder folder;
  GltfBuilder builder;
  builder.add_indexed_mesh(kCorners, kIndices);
  write_file_atomically(folder / "the data.bin", builder.buffer);
  write_file_atomically(folder / "a.gltf", builder.gltf("the%20data.bin"));
  EXPECT_EQ(read_mesh(folder / "a.gltf").positions, kCorners);
  std::filesystem::create_directory(folder / "below");
  write_file_atomically(folder / "below/data.bin", builder.buffer);
  write_file_atomically(folder / "a.gltf", builder.gltf("below/data.bin"));
  EXPECT_EQ(read_mesh(folder / "a.gltf").positions, kCorners);
  const std::string shown = (folder / "a.gltf").string();
  for (const std::string& uri : {std::string("../secret"),
                                 std::string("/etc/passwd"),
                                 std::string("a%2F..%2Fb"),
                                 std::string(".."),
                                 std::string("file:///etc/passwd")}) {
    write_file_atomically(folder / "a.gltf", builder.gltf(uri));
    const Error error = error_of([&] { read_mesh(folder / "a.gltf"); });
    EXPECT_EQ(error.code(), ErrorCode::unsupported);
    EXPECT_TRUE(error.message().starts_with("[mesh] " + shown +
                                            ": its data lies outside its folder, in \""))
        << error.message();
  }
  expect_error(ErrorCode::unsupported,
               "[mesh] a.gltf: its data lies in another file, \"x.bin\"",
               [&] { decode_mesh(builder.gltf("x.bin"), "a.gltf"); });
}

TEST(GltfReader, EachRefusalSaysWhy) {
  GltfBuilder sound;
  sound.add_indexed_mesh(kCorners, kIndices);
  sound.root["nodes"] = {{{"mesh", 0}}, {{"children", {0}}}};
  sound.root["scenes"] = {{{"nodes", {1}}}};
  decode_mesh(sound.glb(), "a.glb");
  struct Case {
    const char* pointer;
    json value;
    ErrorCode code;
    const char* message;
  };
  const auto corrupt = ErrorCode::corrupt;
  const auto unsupported = ErrorCode::unsupported;
  const Case cases[] = {
      {"/asset/version", "1.0", unsupported, "glTF version \"1.0\"; expected 2.0"},
      {"/asset", 3, unsupported, "glTF version \"\"; expected 2.0"},
      {"/extensionsRequired",
       {"EXT_meshopt_compression"},
       unsupported,
       "glTF: needs the extension EXT_meshopt_compression"},
      {"/meshes/0/primitives/0/mode", 0, corrupt, "holds no triangle"},
      {"/meshes/0/primitives/0/mode", 1, corrupt, "holds no triangle"},
      {"/meshes/0/primitives/0/mode", 2, corrupt, "holds no triangle"},
      {"/meshes/0/primitives/0/mode", 3, corrupt, "holds no triangle"},
      {"/meshes/0/primitives/0/mode",
       7,
       unsupported,
       "glTF: holds primitives of an unknown kind; expected triangles"},
      {"/meshes/0/primitives/0/extensions",
       {{"KHR_draco_mesh_compression", json::object()}},
       unsupported,
       "glTF: is compressed with KHR_draco_mesh_compression"},
      {"/meshes/0/primitives/0/attributes",
       json::object(),
       corrupt,
       "glTF: \"POSITION\" is missing"},
      {"/meshes/0/primitives/0/attributes",
       7,
       corrupt,
       "glTF: \"attributes\" is missing or not an object"},
      {"/meshes/0/primitives/0/indices", 9, corrupt, "glTF: there is no accessors[9]"},
      {"/meshes/0/primitives/0/indices",
       0,
       corrupt,
       "glTF: an accessor has type \"VEC3\"; expected SCALAR"},
      {"/meshes/0/primitives/0/indices", -1, corrupt, "glTF: \"indices\" is not a whole number"},
      {"/meshes/0/primitives", json::array(), corrupt, "holds no triangle"},
      {"/accessors/0/count", 5, corrupt, "glTF: an accessor reaches beyond bufferView 0"},
      {"/accessors/0/count", 3, corrupt, "glTF: a face refers to vertex 3; expected less than 3"},
      {"/accessors/0/count", 0, corrupt, "glTF: an accessor is empty"},
      {"/accessors/0/count",
       4000000000000000000,
       unsupported,
       "more elements than the limit of 67108864"},
      {"/accessors/0/byteOffset", 4, corrupt, "glTF: an accessor reaches beyond bufferView 0"},
      {"/accessors/0/byteOffset",
       ~std::uint64_t{0},
       corrupt,
       "glTF: an accessor reaches beyond bufferView 0"},
      {"/accessors/0/componentType", 5125, corrupt, "glTF: positions have component type 5125"},
      {"/accessors/0/componentType", 1, corrupt, "glTF: component type 1 is unknown"},
      {"/accessors/1/componentType", 5126, corrupt, "glTF: indices have component type 5126"},
      {"/accessors/1/count", 5, corrupt, "glTF: 5 corners do not make triangles"},
      {"/bufferViews/0/byteLength", 47, corrupt, "glTF: an accessor reaches beyond bufferView 0"},
      {"/bufferViews/0/byteLength", 1000, corrupt, "glTF: bufferView 0 reaches beyond its buffer"},
      {"/bufferViews/0/byteOffset",
       ~std::uint64_t{0} - 3,
       corrupt,
       "glTF: bufferView 0 reaches beyond its buffer"},
      {"/bufferViews/0/byteStride", 8, corrupt, "glTF: bufferView 0 has a bad stride"},
      {"/bufferViews/0/buffer", 1, corrupt, "glTF: there is no buffers[1]"},
      {"/nodes/0/mesh", 4, corrupt, "glTF: there is no meshes[4]"},
      {"/nodes/0/children", {1}, corrupt, "glTF: node 1 has two parents"},
      {"/nodes/0/scale", {1, 2}, corrupt, "glTF: \"scale\" has not 3 numbers"},
      {"/scenes/0/nodes", {8}, corrupt, "glTF: there is no nodes[8]"},
      {"/scenes/0/nodes", {1, 1}, corrupt, "glTF: node 1 has two parents"},
      {"/scene", 3, corrupt, "glTF: there is no scenes[3]"},
      {"/nodes", "x", corrupt, "glTF: \"nodes\" is not a list"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.pointer);
    GltfBuilder changed = sound;
    changed.root[json::json_pointer(c.pointer)] = c.value;
    expect_error(c.code, std::string("[mesh] a.glb: ") + c.message, [&] {
      decode_mesh(changed.glb(), "a.glb");
    });
  }
  expect_error(corrupt, "[mesh] a.gltf: glTF: the JSON is damaged (error 101)", [] {
    decode_mesh(bytes_of("{\"asset\": "), "a.gltf");
  });
  expect_error(corrupt, "[mesh] a.glb: glTF: the JSON is nested more than 64 deep", [] {
    decode_mesh(
        glb_of("{\"extras\":" + std::string(100000, '[') + std::string(100000, ']') + "}", {}),
        "a.glb");
  });
  Bytes old = sound.glb();
  old[4] = 1;
  expect_error(
      unsupported, "[mesh] a.glb: GLB version 1; expected 2", [&] { decode_mesh(old, "a.glb"); });
}

TEST(GltfReader, EveryTruncationIsAnError) {
  GltfBuilder builder;
  builder.add_indexed_mesh(kCorners, kIndices);
  for (const Bytes& file : {builder.glb(), builder.gltf()}) {
    for (std::size_t size = 0; size < file.size(); ++size) {
      const Bytes prefix(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size));
      const Error error = error_of([&] { decode_mesh(prefix, "a.glb"); });
      ASSERT_TRUE(error.message().starts_with("[mesh] a.glb: ")) << error.message();
    }
  }
}

TEST(GltfReader, RandomDamageIsSurvived) {
  GltfBuilder builder;
  const int positions = builder.add_positions(kCorners);
  builder.add_mesh(positions, builder.add_indices_u32(kIndices));
  builder.root["nodes"] = {{{"mesh", 0}, {"scale", {1, 2, 3}}}, {{"children", {0}}}};
  const Bytes file = builder.glb();
  test::Random random(5);
  MeshLimits limits;
  limits.max_elements = 1 << 16;
  for (int round = 0; round < 5000; ++round) {
    Bytes damaged = file;
    for (int flips = 1 + random.below(3); flips > 0; --flips)
      damaged[random.next() % damaged.size()] = random.byte();
    try {
      const TriangleMesh mesh = decode_mesh(damaged, "a", limits);
      for (const Face& face : mesh.faces) {
        for (const std::uint32_t index : face) ASSERT_LT(index, mesh.positions.size());
      }
    } catch (const Error& error) {
      ASSERT_TRUE(error.message().starts_with("[mesh] a: ")) << error.message();
    }
  }
}

}  // namespace
}  // namespace sinter::io
