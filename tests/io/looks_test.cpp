// Materials, textures and colours of glTF and OBJ files.

#include <gtest/gtest.h>

#include <cmath>

#include "core/srgb.h"
#include "io/image_file.h"
#include "io/mesh_file.h"
#include "io/mesh_fixtures.h"
#include "io/mtl.h"
#include "io/test_util.h"

namespace sinter::io {
namespace {

using mesh::Vec3;
using nlohmann::json;
using test::bytes_of;
using test::error_of;
using test::GltfBuilder;
using test::TemporaryFolder;

const std::vector<Vec3> kCorners = {{0, 0, 0}, {1, 0, 0}, {0, 1, 0}};
const std::vector<std::array<float, 2>> kFirst = {{0, 0}, {1, 0}, {0, 1}};
const std::vector<std::array<float, 2>> kSecond = {{0.5f, 0}, {1, 0.25f}, {-3, 7}};

/// Distinct levels; `first` tells pictures from each other.
Bytes picture(int width, int height, std::uint8_t first) {
  Image image(width, height, 3);
  for (std::size_t i = 0; i < image.pixels.size(); ++i)
    image.pixels[i] = static_cast<std::uint8_t>(first + 3 * i);
  return encode_png(image);
}

/// A triangle with two sets of coordinates and a material with a texture.
struct Textured : GltfBuilder {
  Textured() {
    add_indexed_mesh(kCorners, {0, 1, 2});
    json& attributes = primitive()["attributes"];
    attributes["TEXCOORD_0"] = coordinates(kFirst);
    attributes["TEXCOORD_1"] = coordinates(kSecond);
    primitive()["material"] = 0;
    root["materials"] = {{{"pbrMetallicRoughness", {{"baseColorTexture", {{"index", 0}}}}}}};
    root["textures"] = {{{"source", 0}}};
  }
  json& primitive() { return root["meshes"][0]["primitives"][0]; }
  json& base() { return root["materials"][0]["pbrMetallicRoughness"]; }
  int coordinates(const std::vector<std::array<float, 2>>& uv) {
    return add_accessor(add_view(uv.data(), uv.size() * 8), 5126, uv.size(), "VEC2");
  }
  /// The picture in a bufferView.
  Textured& embed(const Bytes& file) {
    root["images"].push_back(
        {{"bufferView", add_view(file.data(), file.size())}, {"mimeType", "image/png"}});
    return *this;
  }
};

PaintedMesh decode(const Bytes& bytes, const MeshLimits& limits = {}) {
  PaintedMesh mesh;
  mesh.mesh = decode_mesh(bytes, "a.gltf", limits, {&mesh, &mesh});
  return mesh;
}
PaintedMesh read(const std::filesystem::path& path) {
  PaintedMesh mesh;
  mesh.mesh = read_mesh(path, {}, nullptr, {&mesh, &mesh});
  return mesh;
}

const Material& look(const PaintedMesh& mesh, std::size_t face = 0) {
  return mesh.materials.at(mesh.face_materials.at(face));
}

void expect_picture(const PaintedMesh& mesh, int texture, const Bytes& png) {
  ASSERT_GE(texture, 0);
  const Texture& got = mesh.textures.at(static_cast<std::size_t>(texture));
  const Image expected = decode_image(png, "test");
  EXPECT_EQ(got.width, expected.width);
  EXPECT_EQ(got.height, expected.height);
  EXPECT_EQ(got.channels, 3);
  EXPECT_EQ(got.levels, expected.pixels);
}

TEST(GltfLooks, ATextureInTheFile) {
  const Bytes png = picture(5, 3, 17);
  Textured builder;
  builder.embed(png);
  for (const Bytes& file : {builder.glb(), builder.gltf()}) {
    const PaintedMesh mesh = decode(file);
    EXPECT_TRUE(mesh.warnings.empty());
    expect_picture(mesh, look(mesh).texture, png);
    EXPECT_EQ(mesh.uv, kFirst);
    EXPECT_TRUE(mesh.v_down);
    EXPECT_EQ(look(mesh).colour, (std::array<float, 3>{1, 1, 1}));
    EXPECT_EQ(look(mesh).wrap_u, Wrap::repeat);
    EXPECT_FALSE(look(mesh).nearest || look(mesh).two_sided);
    EXPECT_EQ(mesh.textures.size(), 1u);
  }
}

TEST(GltfLooks, WhatAMaterialSays) {
  Textured builder;
  builder.embed(picture(2, 2, 1)).embed(picture(3, 1, 90));
  builder.root["materials"][0]["doubleSided"] = true;
  builder.base()["baseColorFactor"] = {0.5, 0.25, 2.0, 0.1};
  builder.base()["baseColorTexture"] = {
      {"index", 0},
      {"texCoord", 0},
      {"extensions",
       {{"KHR_texture_transform",
         {{"offset", {0.5, -1}}, {"scale", {2, 3}}, {"rotation", 0.75}, {"texCoord", 1}}}}}};
  builder.root["samplers"] = {{{"wrapS", 33071}, {"wrapT", 33648}, {"magFilter", 9728}}};
  builder.root["textures"][0] = {
      {"sampler", 0}, {"source", 0}, {"extensions", {{"EXT_texture_webp", {{"source", 1}}}}}};
  const PaintedMesh mesh = decode(builder.glb());
  EXPECT_TRUE(mesh.warnings.empty());
  const Material& material = look(mesh);
  EXPECT_EQ(material.colour, (std::array<float, 3>{0.5f, 0.25f, 1}));
  EXPECT_EQ(material.wrap_u, Wrap::clamp);
  EXPECT_EQ(material.wrap_v, Wrap::mirror);
  EXPECT_TRUE(material.nearest && material.two_sided);
  EXPECT_EQ(mesh.uv, kSecond);
  EXPECT_EQ(mesh.textures.at(0).width, 3);
  // Scale, then the rotation that seen with v downwards is counter-clockwise, then the offset.
  const double c = std::cos(0.75), s = std::sin(0.75);
  const double expected[] = {2 * c, 3 * s, 0.5, -2 * s, 3 * c, -1};
  for (std::size_t i = 0; i < 6; ++i) EXPECT_NEAR(material.place[i], expected[i], 1e-15);
}

TEST(GltfLooks, SpecularGlossinessStandsIn) {
  Textured builder;
  builder.embed(picture(2, 2, 1));
  builder.root["materials"][0] = {
      {"extensions",
       {{"KHR_materials_pbrSpecularGlossiness",
         {{"diffuseFactor", {0.1, 0.2, 0.3, 1}}, {"diffuseTexture", {{"index", 0}}}}}}}};
  const PaintedMesh mesh = decode(builder.glb());
  EXPECT_EQ(look(mesh).colour, (std::array<float, 3>{0.1f, 0.2f, 0.3f}));
  EXPECT_EQ(look(mesh).texture, 0);
}

TEST(GltfLooks, PrimitivesWithAndWithout) {
  Textured builder;
  builder.embed(picture(2, 2, 1));
  builder.root["materials"].push_back(
      {{"pbrMetallicRoughness", {{"baseColorFactor", {1, 0, 0, 1}}}}});
  json plain = builder.primitive(), none = builder.primitive(), bare = builder.primitive();
  plain["material"] = 1;
  none.erase("material");
  const std::vector<std::uint8_t> levels = {255, 0, 51, 9, 0, 0, 0, 9, 102, 255, 255, 9};
  const int colours =
      builder.add_accessor(builder.add_view(levels.data(), levels.size()), 5121, 3, "VEC4");
  builder.root["accessors"][static_cast<std::size_t>(colours)]["normalized"] = true;
  none["attributes"]["COLOR_0"] = colours;
  bare["attributes"].erase("TEXCOORD_0");
  builder.root["meshes"][0]["primitives"].insert(builder.root["meshes"][0]["primitives"].end(),
                                                 {plain, none, bare});
  const PaintedMesh mesh = decode(builder.glb());
  ASSERT_EQ(mesh.mesh.faces.size(), 4u);
  EXPECT_EQ(look(mesh, 0).texture, 0);
  EXPECT_EQ(look(mesh, 1).texture, -1);
  EXPECT_EQ(look(mesh, 1).colour, (std::array<float, 3>{1, 0, 0}));
  EXPECT_EQ(look(mesh, 2).colour, (std::array<float, 3>{1, 1, 1}));
  EXPECT_EQ(look(mesh, 3).texture, -1);
  EXPECT_EQ(mesh.warnings,
            std::vector<std::string>{"[mesh] a.gltf: a textured part has no TEXCOORD_0"});
  ASSERT_EQ(mesh.colours.size(), mesh.mesh.positions.size());
  for (std::size_t f = 0; f < 4; ++f) {
    for (std::size_t k = 0; k < 3; ++k) {
      const auto& colour = mesh.colours[mesh.mesh.faces[f][k]];
      for (std::size_t c = 0; c < 3; ++c) {
        EXPECT_EQ(colour[c], f == 2 ? static_cast<float>(levels[4 * k + c]) / 255 : 1.0f);
      }
    }
  }
}

TEST(GltfLooks, PicturesBesideTheFileAndBelow) {
  const TemporaryFolder folder;
  const Bytes png = picture(4, 4, 60);
  std::filesystem::create_directories(folder / "deep/er");
  write_file_atomically(folder / "the skin.png", png);
  write_file_atomically(folder / "deep/er/skin.png", png);
  write_file_atomically(folder / "deep/secret.png", png);
  Textured builder;
  const auto with = [&](const std::string& uri, const std::string& name) {
    builder.root["images"] = {{{"uri", uri}}};
    write_file_atomically(folder / name, builder.gltf());
    return read(folder / name);
  };
  for (const char* uri : {"the%20skin.png", "deep/er/skin.png", "./deep/./er/skin.png"}) {
    const PaintedMesh mesh = with(uri, "a.gltf");
    EXPECT_TRUE(mesh.warnings.empty());
    expect_picture(mesh, look(mesh).texture, png);
  }
  // No way out of the folder, and a mesh without its picture is still a mesh.
  const std::string shown = (folder / "deep/a.gltf").string();
  for (const std::string& uri : {std::string("../the skin.png"),
                                 (folder / "the skin.png").string(),
                                 std::string("er/../secret.png"),
                                 std::string("er%5C..%5Csecret.png"),
                                 std::string("file:secret.png")}) {
    const PaintedMesh mesh = with(uri, "deep/a.gltf");
    EXPECT_EQ(mesh.mesh.faces.size(), 1u);
    EXPECT_EQ(look(mesh).texture, -1);
    ASSERT_EQ(mesh.warnings.size(), 1u) << uri;
    EXPECT_TRUE(mesh.warnings[0].starts_with("[mesh] " + shown +
                                             ": its texture lies outside its folder, in \""))
        << mesh.warnings[0];
  }
  EXPECT_EQ(
      with("none.png", "a.gltf").warnings,
      std::vector<std::string>{"[mesh] " + (folder / "none.png").string() + ": no such file"});
}

TEST(GltfLooks, DamagedMaterialsAreWarnings) {
  struct Case {
    const char* pointer;
    json value;
    const char* warning;
  };
  const std::string name = "[mesh] a.gltf: ";
  const Case cases[] = {
      {"/meshes/0/primitives/0/material", 7, "glTF: there is no materials[7]"},
      {"/materials/0/pbrMetallicRoughness/baseColorFactor",
       {1, 2},
       "glTF: \"baseColorFactor\" has not 4 numbers"},
      {"/materials/0/pbrMetallicRoughness/baseColorTexture/index",
       3,
       "glTF: there is no textures[3]"},
      {"/textures/0", json::object(), "glTF: a texture has no picture in a format that is read"},
      {"/textures/0/source", 1, "glTF: there is no images[1]"},
      {"/textures/0/sampler", 0, "glTF: there is no samplers[0]"},
      {"/images/0/bufferView", 99, "glTF: there is no bufferViews[99]"},
      {"/images/0/bufferView",
       0,
       "[image] a.gltf: image 0: is not a picture; expected PNG, JPEG, WebP, BMP or TIFF"},
      {"/images/0", {{"uri", "data:image/png,abc"}}, "a data URI is not base64"},
      {"/images/0", {{"uri", "x.png"}}, "its texture lies in another file, \"x.png\""},
  };
  for (const Case& c : cases) {
    Textured builder;
    builder.embed(picture(2, 2, 1));
    builder.root[json::json_pointer(c.pointer)] = c.value;
    const PaintedMesh mesh = decode(builder.glb());
    EXPECT_EQ(mesh.mesh.faces.size(), 1u);
    EXPECT_EQ(look(mesh).texture, -1);
    EXPECT_EQ(mesh.warnings,
              std::vector<std::string>{c.warning[0] == '[' ? c.warning : name + c.warning});
  }
}

TEST(GltfLooks, TexelsOfAllPicturesAreBounded) {
  Textured builder;
  builder.embed(picture(20, 20, 1)).embed(picture(20, 10, 2)).embed(picture(20, 20, 3));
  for (int i = 1; i < 3; ++i) {
    json primitive = builder.primitive();
    primitive["material"] = i;
    builder.root["meshes"][0]["primitives"].push_back(primitive);
    builder.root["materials"].push_back(builder.root["materials"][0]);
    builder.root["materials"].back()["pbrMetallicRoughness"]["baseColorTexture"]["index"] = i;
    builder.root["textures"].push_back({{"source", i}});
  }
  MeshLimits limits;
  limits.max_texture_pixels = 700;
  const PaintedMesh mesh = decode(builder.glb(), limits);
  EXPECT_EQ(mesh.textures.size(), 2u);
  EXPECT_EQ(look(mesh, 2).texture, -1);
  ASSERT_EQ(mesh.warnings.size(), 1u);
  EXPECT_TRUE(mesh.warnings[0].starts_with("[image] a.gltf: image 2: 20 x 20 pixels are too many"))
      << mesh.warnings[0];
}

TEST(GltfLooks, ManyWarningsAreFew) {
  Textured builder;
  for (int i = 1; i < 60; ++i) {
    builder.root["meshes"][0]["primitives"].push_back(builder.primitive());
    builder.root["meshes"][0]["primitives"].back()["material"] = i;
  }
  EXPECT_EQ(decode(builder.glb()).warnings.size(), 17u);
}

TEST(GltfLooks, RandomDamageIsSurvived) {
  Textured builder;
  builder.embed(picture(6, 6, 3));
  const Bytes sound = builder.glb();
  test::Random random(31);
  for (int i = 0; i < 3000; ++i) {
    Bytes bytes = sound;
    for (int hits = 1 + random.below(4); hits > 0; --hits) {
      bytes[static_cast<std::size_t>(random.below(static_cast<int>(bytes.size())))] = random.byte();
    }
    try {
      const PaintedMesh mesh = decode(bytes);
      ASSERT_EQ(mesh.face_materials.size(), mesh.mesh.faces.size());
      for (const std::string& warning : mesh.warnings)
        ASSERT_EQ(warning.find('\n'), std::string::npos);
    } catch (const Error& error) {
      ASSERT_NE(error.code(), ErrorCode::internal) << error.message();
    }
  }
}

TEST(Mtl, WhatIsRead) {
  const auto materials = parse_mtl(
      "newmtl a b \r\nKd 0.5 1 2\nmap_Kd -blendu on -s 2 3 1 -o .5 -clamp on -bm 1 -mm 0 1 the "
      "skin.png  \r\n"
      "newmtl black\nKd 0 0 0\nmap_Kd -o 1 2 x.png\n# newmtl c\nKd x\nNs 3\nnewmtl dark\nKd 0 0 0\n"
      "newmtl again\nKd 1 1 1\nnewmtl again\nKd 1 0 0\nmap_Kd\nnewmtl numbers\nmap_Kd -t 1 2 3 "
      "7.png\nnewmtl minus\nmap_Kd -x.png\n");
  ASSERT_EQ(materials.size(), 6u);
  const MtlMaterial& first = materials.at("a b");
  EXPECT_EQ(first.picture, "the skin.png");
  const double half = linear_from_srgb(0.5);
  EXPECT_EQ(first.look.colour, (std::array<float, 3>{static_cast<float>(half), 1, 1}));
  EXPECT_EQ(first.look.place, (std::array<double, 6>{2, 0, 0.5, 0, 3, 0}));
  EXPECT_EQ(first.look.wrap_v, Wrap::clamp);
  const MtlMaterial& black = materials.at("black");
  EXPECT_EQ(black.look.colour, (std::array<float, 3>{1, 1, 1}));
  EXPECT_EQ(black.picture, "x.png");
  EXPECT_EQ(black.look.place, (std::array<double, 6>{1, 0, 1, 0, 1, 2}));
  EXPECT_EQ(black.look.wrap_u, Wrap::repeat);
  EXPECT_EQ(materials.at("dark").look.colour, (std::array<float, 3>{0, 0, 0}));
  EXPECT_EQ(materials.at("again").look.colour, (std::array<float, 3>{1, 0, 0}));
  EXPECT_EQ(materials.at("again").picture, "");
  EXPECT_EQ(materials.at("numbers").picture, "7.png");
  EXPECT_EQ(materials.at("minus").picture, "-x.png");
}

TEST(ObjLooks, MaterialsWithTheirPictures) {
  const TemporaryFolder folder;
  const Bytes png = picture(3, 2, 40);
  std::filesystem::create_directories(folder / "lib/maps");
  write_file_atomically(folder / "lib/maps/skin one.png", png);
  write_file_atomically(folder / "lib/my colours.mtl",
                        std::string_view("newmtl skin\nmap_Kd maps\\skin one.png\nnewmtl red\nKd 1 "
                                         "0 0\nnewmtl lost\nKd 0 1 0\nmap_Kd maps/lost.png\nnewmtl "
                                         "out\nmap_Kd ../x.png\n"));
  write_file_atomically(
      folder / "a.obj",
      std::string_view(
          "mtllib lib/my colours.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nv 1 1 0\nvt 0 0\nvt 1 "
          "0\nvt 0 1\nf 1/1 2/2 3/3\nusemtl skin\nf 1/1 2/2 3/3\nf 1 2 3\nusemtl red\nf "
          "1 2 3 4\nusemtl lost\nf 1/1 2/2 3/3\nusemtl out\nf 1/1 2/2 3/3\nusemtl "
          "unknown\nf 1 2 3\n"));
  const PaintedMesh mesh = read(folder / "a.obj");
  ASSERT_EQ(mesh.face_materials.size(), 8u);
  const auto expect = [&](std::size_t face, const std::array<float, 3>& colour, int texture) {
    EXPECT_EQ(look(mesh, face).colour, colour) << face;
    EXPECT_EQ(look(mesh, face).texture, texture) << face;
  };
  expect(0, {1, 1, 1}, -1);
  expect(1, {1, 1, 1}, 0);
  expect(2, {1, 1, 1}, -1);  // no coordinates
  expect(3, {1, 0, 0}, -1);
  expect(4, {1, 0, 0}, -1);
  expect(5, {0, 1, 0}, -1);
  expect(6, {1, 1, 1}, -1);
  expect(7, {1, 1, 1}, -1);
  expect_picture(mesh, 0, png);
  EXPECT_FALSE(mesh.v_down);
  std::vector<std::string> warnings = mesh.warnings;
  std::sort(warnings.begin(), warnings.end());
  const std::string obj = (folder / "a.obj").string();
  EXPECT_EQ(warnings,
            (std::vector<std::string>{
                "[image] " + (folder / "lib/maps/lost.png").string() + ": no such file",
                "[mesh] " + obj + ": a textured part has no texture coordinates",
                "[mesh] " + obj + ": its texture lies outside its folder, in \"../x.png\"",
                "[mesh] " + obj + ": no material file describes \"unknown\""}));
}

TEST(ObjLooks, SeveralLibrariesAndMissingOnes) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "1.mtl", std::string_view("newmtl a\nKd 1 0 0\n"));
  write_file_atomically(folder / "2.mtl", std::string_view("newmtl b\nKd 0 1 0\n"));
  const std::string triangle = "v 0 0 0\nv 1 0 0\nv 0 1 0\nusemtl a\nf 1 2 3\nusemtl b\nf 1 2 3\n";
  write_file_atomically(folder / "a.obj", "mtllib 1.mtl 2.mtl\n" + triangle);
  PaintedMesh mesh = read(folder / "a.obj");
  EXPECT_TRUE(mesh.warnings.empty());
  EXPECT_EQ(look(mesh, 0).colour, (std::array<float, 3>{1, 0, 0}));
  EXPECT_EQ(look(mesh, 1).colour, (std::array<float, 3>{0, 1, 0}));
  write_file_atomically(folder / "a.obj", "mtllib 1.mtl none.mtl /etc/passwd\n" + triangle);
  mesh = read(folder / "a.obj");
  EXPECT_EQ(look(mesh, 0).colour, (std::array<float, 3>{1, 0, 0}));
  EXPECT_EQ(look(mesh, 1).colour, (std::array<float, 3>{1, 1, 1}));
  EXPECT_EQ(mesh.warnings,
            (std::vector<std::string>{
                "[mesh] " + (folder / "none.mtl").string() + ": no such file",
                "[mesh] " + (folder / "a.obj").string() +
                    ": its material file lies outside its folder, in \"/etc/passwd\""}));
}

TEST(ObjLooks, ColoursAfterPositions) {
  PaintedMesh mesh;
  mesh.mesh = decode_mesh(
      bytes_of("v 0 0 0\nv 1 0 0 0.5 0 1\nv 0 1 0 1\nf 1 2 3\n"), "a.obj", {}, {&mesh, &mesh});
  ASSERT_EQ(mesh.colours.size(), 3u);
  EXPECT_EQ(mesh.colours[0], (Vec3{1, 1, 1}));
  EXPECT_EQ(mesh.colours[1], (Vec3{static_cast<float>(linear_from_srgb(0.5)), 0, 1}));
  EXPECT_EQ(mesh.colours[2], (Vec3{1, 1, 1}));
}

}  // namespace
}  // namespace sinter::io
