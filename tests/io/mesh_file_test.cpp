#include "io/mesh_file.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>

#include "io/mesh_fixtures.h"
#include "io/test_util.h"

namespace sinter::io {
namespace {

using mesh::Face;
using mesh::TriangleMesh;
using mesh::Vec3;
using test::bumpy_mesh;
using test::bytes_of;
using test::error_of;
using test::expect_error;
using test::Random;
using test::TemporaryFolder;

TriangleMesh decode_text(std::string_view text, std::string_view name) {
  return decode_mesh(bytes_of(text), name);
}

void expect_refused(std::string_view text,
                    std::string_view name,
                    ErrorCode code,
                    const std::string& why) {
  expect_error(code, "[mesh] " + std::string(name) + ": " + why, [&] { decode_text(text, name); });
}

// --- OBJ -----------------------------------------------------------------------------------------

TEST(Obj, ReadsFacesOfEveryForm) {
  const TriangleMesh mesh = decode_text(
      "# a comment\r\nmtllib x.mtl\no thing\nv 0 0 0\nv +1 0.0 0 1 0 0\nv 1 1e0 -0.5\nv 0 1 0 1.0\n"
      "vt 0 0\nvn 0 0 1\ng side\ns off\nf 1 2 3\nf 1/1 3/1 4/1\nf 1//1 2//1 3//1 \nf -4/1/1 -3/1/1 "
      "-2/1/1 \\\n -1/1/1\n"
      "usemtl m\nl 1 2\nv 5 5 5\nf 5 1 2",
      "a.obj");
  EXPECT_EQ(mesh.positions,
            (std::vector<Vec3>{{0, 0, 0}, {1, 0, 0}, {1, 1, -0.5f}, {0, 1, 0}, {5, 5, 5}}));
  EXPECT_EQ(mesh.faces,
            (std::vector<Face>{{0, 1, 2}, {0, 2, 3}, {0, 1, 2}, {0, 1, 2}, {0, 2, 3}, {4, 0, 1}}));
}

TEST(Obj, FacesMayComeBeforeTheirVertices) {
  EXPECT_EQ(decode_text("f 1 2 3\nv 0 0 0\nv 1 0 0\nv 0 1 0\n", "a.obj").faces.size(), 1u);
}

/// Some programs write edges and points as faces.
TEST(Obj, FacesOfFewerThanThreeCornersAreLeftOutAndCounted) {
  const TemporaryFolder folder;
  const auto read = [&](const std::string& text, MeshFileInfo& info, MeshAttributes& attributes) {
    std::ofstream(folder / "a.obj") << text;
    return read_mesh(folder / "a.obj", {}, &info, {.attributes = &attributes});
  };
  const std::string text =
      "v 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 0 1\nvn 0 0 1\n"
      "f 1/1/1 2/2/1\nf 1/1/1 2/2/1 3/3/1\nf 3\nf\nf 3/3/1 2/2/1 1/1/1\nf 9 9\n";
  MeshFileInfo info, none;
  MeshAttributes attributes, plain;
  const TriangleMesh mesh = read(text, info, attributes);
  EXPECT_EQ(mesh.faces, (std::vector<Face>{{0, 1, 2}, {2, 1, 0}}));
  EXPECT_EQ(attributes.uv_faces, mesh.faces);
  EXPECT_EQ(attributes.normal_faces, (std::vector<Face>{{0, 0, 0}, {0, 0, 0}}));
  EXPECT_EQ(attributes.faces_without_uv, 0);
  EXPECT_EQ(info.repairs, std::vector<std::string>{"left out 4 faces of fewer than three corners"});
  read("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", none, plain);
  EXPECT_TRUE(none.repairs.empty());
}

TEST(Obj, EachRefusalSaysWhere) {
  const auto refuse = [](std::string_view text, const std::string& why) {
    expect_refused(text, "a.obj", ErrorCode::corrupt, why);
  };
  const std::string corners = "v 0 0 0\nv 1 0 0\nv 0 1 0\n";
  refuse("", "the file is empty");
  refuse("nothing here", "holds no triangle");
  refuse("v 0 0\n", "line 1: expected three numbers after v");
  refuse("v 0 0 1,5\n", "line 1: expected three numbers after v");
  refuse("v 0 0 1e999\n", "line 1: expected three numbers after v");
  refuse(corners + "f 1 2\nf\n", "holds no face of three or more corners");
  refuse(corners + "f 1 x\nf 1 2 3\n", "line 4: expected vertex numbers after f");
  refuse(corners + "f 1 2 x\n", "line 4: expected vertex numbers after f");
  refuse(corners + "f 1 2 0\n", "line 4: expected vertex numbers after f");
  refuse(corners + "f 1 2 99999999999999999999\n", "line 4: expected vertex numbers after f");
  refuse(corners + "f 1 2 -4\n", "line 4: a face refers to a vertex that does not exist");
  refuse(corners + "f 1 2 4\n", "a face refers to vertex 4 of 3");
  refuse(corners + "f 1 \\\n2 \\\n-9\n", "line 6: a face refers to a vertex that does not exist");
}

TEST(Obj, NumbersReadBackBitForBit) {
  Random random(4);
  TriangleMesh mesh = bumpy_mesh(0, 1);
  for (int i = 0; i < 3000; ++i) {
    const auto bits = random.next() << 16 ^ random.next();
    const float value = std::bit_cast<float>(bits);
    mesh.positions.push_back(
        {std::isfinite(value) ? value : 1.0f, -0.0f, std::numeric_limits<float>::denorm_min()});
  }
  mesh.positions.push_back({INFINITY, -INFINITY, std::nanf("")});
  const TriangleMesh again = decode_mesh(encode_obj(mesh, {}), "a.obj");
  ASSERT_EQ(again.positions.size(), mesh.positions.size());
  EXPECT_EQ(std::memcmp(again.positions.data(),
                        mesh.positions.data(),
                        (mesh.positions.size() - 1) * sizeof(Vec3)),
            0);
  EXPECT_EQ(again.positions.back()[0], INFINITY);
  EXPECT_TRUE(std::isnan(again.positions.back()[2]));
  EXPECT_EQ(again.faces, mesh.faces);
}

// --- PLY -----------------------------------------------------------------------------------------

const std::string kPlyBody = "0 0 0\n1 0 0\n1 1 0\n0 1 0.5\n3 0 1 2\n4 0 1 2 3\n";

std::string ply_header(const std::string& format, const std::string& type = "float") {
  return "ply\nformat " + format + " 1.0\ncomment made by hand\nelement vertex 4\nproperty " +
         type + " x\nproperty " + type + " y\nproperty " + type +
         " z\nelement face 2\nproperty list uchar int vertex_indices\nend_header\n";
}

template <class T>
void append(Bytes& bytes, T value, bool big_endian) {
  std::uint8_t raw[sizeof(T)];
  std::memcpy(raw, &value, sizeof(T));
  if (big_endian) std::reverse(std::begin(raw), std::end(raw));
  bytes.insert(bytes.end(), std::begin(raw), std::end(raw));
}

const std::vector<Vec3> kPlyPositions = {{0, 0, 0}, {1, 0, 0}, {1, 1, 0}, {0, 1, 0.5f}};
const std::vector<Face> kPlyFaces = {{0, 1, 2}, {0, 1, 2}, {0, 2, 3}};

void expect_ply(const TriangleMesh& mesh) {
  EXPECT_EQ(mesh.positions, kPlyPositions);
  EXPECT_EQ(mesh.faces, kPlyFaces);
}

TEST(Ply, Ascii) {
  expect_ply(decode_text(ply_header("ascii") + kPlyBody, "a.ply"));
  expect_ply(decode_text(ply_header("ascii") + kPlyBody, "no extension"));
  std::string crlf;
  for (const char c : ply_header("ascii") + kPlyBody)
    crlf += c == '\n' ? std::string("\r\n") : std::string(1, c);
  expect_ply(decode_text(crlf, "a.ply"));
}

TEST(Ply, BinaryOfBothByteOrdersWithOtherPropertiesAndElements) {
  for (const bool big : {false, true}) {
    Bytes file = bytes_of(
        "ply\nformat binary_" + std::string(big ? "big" : "little") +
        "_endian 1.0\nelement camera 2\nproperty double a\nproperty list ushort short b\n"
        "element vertex 4\nproperty uchar red\nproperty double y\nproperty double x\n"
        "property list uchar float junk\nproperty double z\nelement face 2\nproperty short flag\n"
        "property list uint ushort vertex_index\nproperty float32 q\nend_header\n");
    for (int i = 0; i < 2; ++i) {
      append(file, 2.5, big);
      append<std::uint16_t>(file, 3, big);
      for (int j = 0; j < 3; ++j) append<std::int16_t>(file, -5, big);
    }
    for (const Vec3& p : kPlyPositions) {
      append<std::uint8_t>(file, 200, big);
      append<double>(file, p[1], big);
      append<double>(file, p[0], big);
      append<std::uint8_t>(file, 1, big);
      append<float>(file, 3.0f, big);
      append<double>(file, p[2], big);
    }
    for (const std::uint32_t corners : {3u, 4u}) {
      append<std::int16_t>(file, -1, big);
      append<std::uint32_t>(file, corners, big);
      for (std::uint32_t c = 0; c < corners; ++c)
        append<std::uint16_t>(file, static_cast<std::uint16_t>(c), big);
      append<float>(file, 1.0f, big);
    }
    expect_ply(decode_mesh(file, "a.ply"));
  }
}

TEST(Ply, EveryScalarTypeOfBothByteOrders) {
  const auto check = [](const std::string& type, auto sample, bool big) {
    SCOPED_TRACE(type + (big ? " big" : " little"));
    Bytes file = bytes_of(ply_header(big ? "binary_big_endian" : "binary_little_endian", type));
    for (int i = 0; i < 4; ++i) {
      for (int c = 0; c < 3; ++c)
        append(file,
               static_cast<decltype(sample)>(sample + static_cast<decltype(sample)>(3 * i + c)),
               big);
    }
    append<std::uint8_t>(file, 3, big);
    for (const int index : {0, 1, 2}) append<std::int32_t>(file, index, big);
    append<std::uint8_t>(file, 3, big);
    for (const int index : {3, 1, 2}) append<std::int32_t>(file, index, big);
    const TriangleMesh mesh = decode_mesh(file, "a.ply");
    for (std::size_t i = 0; i < 12; ++i) {
      const auto value = static_cast<decltype(sample)>(sample + static_cast<decltype(sample)>(i));
      EXPECT_EQ(mesh.positions[i / 3][i % 3], static_cast<float>(value));
    }
    EXPECT_EQ(mesh.faces[1], (Face{3, 1, 2}));
  };
  for (const bool big : {false, true}) {
    check("char", std::int8_t{-100}, big);
    check("uint8", std::uint8_t{200}, big);
    check("short", std::int16_t{-30000}, big);
    check("ushort", std::uint16_t{60000}, big);
    check("int", std::int32_t{-2000000000}, big);
    check("uint32", std::uint32_t{4000000000u}, big);
    check("float", -2.75f, big);
    check("double", 1e300, big);  // float cannot hold it: infinite
  }
}

TEST(Ply, EachRefusalSaysWhy) {
  const auto refuse =
      [](std::string_view text, const std::string& why, ErrorCode code = ErrorCode::corrupt) {
        expect_refused(text, "a.ply", code, why);
      };
  const std::string early = "the file ends too early";
  refuse("ply\n", early);
  refuse("ply\nformat ascii 1.0\nelement vertex 1\n", early);
  refuse("ply\nend_header\n", "the PLY header names no format");
  refuse("ply\nformat latin 1.0\n", "not understood in the PLY header: \"format latin 1.0\"");
  refuse("ply\nformat ascii 1.0\nelement vertex -1\n",
         "not understood in the PLY header: \"element vertex -1\"");
  refuse("ply\nformat ascii 1.0\nproperty float x\n",
         "not understood in the PLY header: \"property float x\"");
  refuse("ply\nformat ascii 1.0\nelement vertex 1\nproperty real x\n",
         "not understood in the PLY header: \"property real x\"");
  refuse(
      "ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\nend_header\n1 "
      "2 3 4 5 6\n",
      "vertices have no z");
  refuse("ply\nformat ascii 1.0\nelement a 5\nend_header\n", "the PLY element a has no property");
  refuse("ply\nformat ascii 1.0\nelement face 1\nproperty float x\nend_header\n1 2\n",
         "faces have no vertex_indices");
  refuse("ply\nformat ascii 1.0\nelement tristrips 0\nproperty float x\nend_header\n",
         "holds triangle strips; expected faces",
         ErrorCode::unsupported);
  const std::string ascii = ply_header("ascii");
  refuse(ascii + "0 0 0 1 0 0 1 1 0 0 1 x 3 0 1 2 3 0 1 2", "expected a number, got \"x\"");
  refuse(ascii + "0 0 0 1 0 0 1 1 0 0 1 0 2 0 1 3 0 1 2",
         "a face has 2 corners; expected 3 or more");
  refuse(ascii + "0 0 0 1 0 0 1 1 0 0 1 0 3 0 1 4 3 0 1 2",
         "a face refers to vertex 4; expected less than 4");
  refuse(ascii + "0 0 0 1 0 0 1 1 0 0 1 0 3 0 1 -1 3 0 1 2", "a face refers to vertex -1");
  refuse(ascii + "0 0 0 1 0 0 1 1 0 0 1 0 3 0 1 1.5 3 0 1 2", "a face refers to vertex 1.5");
  refuse(ascii + "0 0 0 1 0 0 1 1 0 0 1 0 -3 0 1 1 3 0 1 2", "a list has -3 entries");
  refuse(ascii + "0 0 0 1 0 0 1 1 0 0 1 0 3000000 0 1 1 3 0 1 2", early);
  refuse(
      "ply\nformat binary_little_endian 1.0\nelement vertex 99999999999\nproperty float "
      "x\nproperty float y\n"
      "property float z\nend_header\n",
      early);
}

// --- STL -----------------------------------------------------------------------------------------

TEST(Stl, AsciiWeldsEqualCorners) {
  const TriangleMesh mesh = decode_text(
      "solid made by hand\nfacet normal 0 0 1\n outer loop\n  vertex 0 0 0\n  vertex 1 0 0\n  "
      "vertex 0 1 0\n endloop\n"
      "endfacet\nfacet normal 0 0 0\nouter loop\nvertex 1 0 0\nvertex 1 1.0e0 0\nvertex -0 1 "
      "-0.0\nendloop\nendfacet\n"
      "endsolid made by hand\n",
      "a.stl");
  EXPECT_EQ(mesh.positions, (std::vector<Vec3>{{0, 0, 0}, {1, 0, 0}, {0, 1, 0}, {1, 1, 0}}));
  EXPECT_EQ(mesh.faces, (std::vector<Face>{{0, 1, 2}, {1, 3, 2}}));
}

TEST(Stl, BinaryThatStartsWithSolid) {
  const TriangleMesh mesh = bumpy_mesh(2, 8);
  Bytes file = encode_stl(mesh);
  ASSERT_EQ(file.size(), 84 + 50 * mesh.faces.size());
  std::memcpy(file.data(), "solid nonsense", 14);
  const TriangleMesh again = decode_mesh(file, "a.stl");
  EXPECT_EQ(again.positions.size(), mesh.positions.size());
  ASSERT_EQ(again.faces.size(), mesh.faces.size());
  for (std::size_t i = 0; i < mesh.faces.size(); ++i) {
    for (std::size_t c = 0; c < 3; ++c) {
      ASSERT_EQ(again.positions[again.faces[i][c]], mesh.positions[mesh.faces[i][c]]);
    }
  }
}

TEST(Stl, NanCornersAreKeptAndWeldByTheirBits) {
  TriangleMesh mesh = bumpy_mesh(0, 8);
  mesh.positions[0] = {std::nanf(""), 1, 2};
  const TriangleMesh again = decode_mesh(encode_stl(mesh), "a.stl");
  EXPECT_EQ(again.positions.size(), mesh.positions.size());
}

TEST(Stl, WritesUnitNormalsAndNoSolid) {
  TriangleMesh mesh;
  mesh.positions = {{0, 0, 0}, {3, 0, 0}, {0, 4, 0}, {6, 0, 0}};
  mesh.faces = {{0, 1, 2}, {0, 1, 3}};
  const Bytes file = encode_stl(mesh);
  EXPECT_NE(std::memcmp(file.data(), "solid", 5), 0);
  float normals[2][3];
  std::memcpy(normals[0], file.data() + 84, 12);
  std::memcpy(normals[1], file.data() + 134, 12);
  EXPECT_EQ(normals[0][2], 1.0f);
  EXPECT_EQ(normals[1][2], 0.0f);  // no area, no direction
}

TEST(Stl, EachRefusalSaysWhy) {
  const auto refuse = [](std::string_view text, const std::string& why) {
    expect_refused(text, "a.stl", ErrorCode::corrupt, why);
  };
  refuse("something else", "the file ends too early");
  refuse("solid x\n", "the file ends too early");
  refuse("solid x\nfacet\nvertex 1 2 3\nvertex 1 2", "the file ends too early");
  refuse("solid x\nfacet\nvertex 1 2 3\nvertex 1 2 y\n", "expected three numbers after vertex");
  refuse("solid x\nfacet\nvertex 1 2 3\nvertex 1 2 3\nendfacet\nendsolid",
         "a facet has not three vertices");
  refuse("solid x\nvertex 1 2 3\nendsolid", "a facet has not three vertices");
  refuse("solid x\nendsolid x\n", "holds no triangle");
  Bytes cut = encode_stl(bumpy_mesh(0, 1));
  cut.pop_back();
  expect_error(ErrorCode::corrupt,
               "[mesh] a.stl: a binary STL file of 8 triangles has 484 bytes, got 483",
               [&] { decode_mesh(cut, "a.stl"); });
}

// --- all -----------------------------------------------------------------------------------------

TEST(MeshFile, ReadsBackWhatItWritesInEveryFormat) {
  const TemporaryFolder folder;
  const TriangleMesh mesh = bumpy_mesh(3, 21);
  MeshMetadata metadata;
  metadata.version = "9.9";
  metadata.provenance = {{"seed", 7}, {"note", std::string("two\nlines")}};
  for (const char* extension : {"glb", "obj", "ply", "STL"}) {
    const auto path = folder / (std::string("a.") + extension);
    write_mesh(path, mesh, metadata);
    const TriangleMesh again = read_mesh(path);
    ASSERT_EQ(again.faces.size(), mesh.faces.size()) << extension;
    for (std::size_t i = 0; i < mesh.faces.size(); ++i) {
      for (std::size_t c = 0; c < 3; ++c) {
        ASSERT_EQ(again.positions[again.faces[i][c]], mesh.positions[mesh.faces[i][c]])
            << extension;
      }
    }
  }
  EXPECT_EQ(folder.entries(), 4);
  for (const char* name : {"a.obj", "a.ply"}) {
    const Bytes bytes = read_file(folder / name, "test", 1 << 20);
    const std::string text(bytes.begin(), bytes.end());
    EXPECT_NE(text.find("seed 7\n"), std::string::npos);
    EXPECT_NE(text.find("note two lines\n"), std::string::npos);
    EXPECT_NE(text.find("generator sinter 9.9\n"), std::string::npos);
  }
}

TEST(MeshFile, RefusesUnknownFormats) {
  expect_error(ErrorCode::invalid_argument,
               "[output] a.fbx: expected a name that ends in .glb, .obj, .ply, .stl, .3mf or .usdz",
               [] { writable_mesh_format("a.fbx"); });
  expect_error(ErrorCode::invalid_argument,
               "[output] glb: expected a name that ends in .glb, .obj, .ply, .stl, .3mf or .usdz",
               [] { write_mesh("glb", bumpy_mesh(0, 1), MeshMetadata{}); });
  EXPECT_EQ(writable_mesh_format("x/Y.GLB"), MeshFormat::glb);
  expect_refused("text",
                 "a.txt",
                 ErrorCode::unsupported,
                 "is not a mesh; expected GLB, glTF, OBJ, PLY, STL, 3MF or USDZ");
  expect_refused("", "a.txt", ErrorCode::corrupt, "the file is empty");
  expect_error(ErrorCode::not_found, "[mesh] /nonexistent/a.glb: no such file", [] {
    read_mesh("/nonexistent/a.glb");
  });
}

TEST(MeshFile, LimitsHold) {
  MeshLimits limits;
  limits.max_elements = 20;
  const TriangleMesh mesh = bumpy_mesh(1, 2);  // 18 vertices, 32 faces
  for (const Bytes& file :
       {encode_glb(mesh, {}), encode_obj(mesh, {}), encode_ply(mesh, {}), encode_stl(mesh)}) {
    EXPECT_EQ(error_of([&] { decode_mesh(file, "a.obj", limits); }).code(), ErrorCode::unsupported);
  }
}

TEST(MeshFile, EveryTruncationIsAnErrorOrAWholeMesh) {
  const TriangleMesh mesh = bumpy_mesh(0, 2);
  const std::string ascii_stl =
      "solid\nfacet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex 1 0 0\nvertex 0 1 "
      "0\nendloop\nendfacet\nendsolid";
  struct Case {
    const char* name;
    Bytes file;
  };
  // OBJ has no end, so a prefix of it can be a mesh; the others cannot.
  for (const Case& c :
       {Case{"a.obj", encode_obj(mesh, {})},
        Case{"a.ply", encode_ply(mesh, {})},
        Case{"a.ply", bytes_of(ply_header("ascii") + "0 0 0 1 0 0 1 1 0 0 1 0 3 0 1 2 3 0 1 2 ")},
        Case{"a.stl", encode_stl(mesh)},
        Case{"a.stl", bytes_of(ascii_stl)}}) {
    decode_mesh(c.file, c.name);
    for (std::size_t size = 0; size + 1 < c.file.size(); ++size) {
      const Bytes prefix(c.file.begin(), c.file.begin() + static_cast<std::ptrdiff_t>(size));
      try {
        const TriangleMesh read = decode_mesh(prefix, c.name);
        ASSERT_STREQ(c.name, "a.obj") << size << " of " << c.file.size();
        for (const Face& face : read.faces) {
          for (const std::uint32_t index : face) ASSERT_LT(index, read.positions.size());
        }
      } catch (const Error& error) {
        ASSERT_TRUE(error.message().starts_with("[mesh] " + std::string(c.name) + ": "))
            << error.message();
      }
    }
  }
}

}  // namespace
}  // namespace sinter::io
