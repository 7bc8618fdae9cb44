#include "io/mesh_fixtures.h"

#include <cmath>
#include <map>

#include "io/test_util.h"

namespace sinter::io::test {
namespace {

void append_u32(Bytes& bytes, std::size_t value) {
  for (int shift = 0; shift < 32; shift += 8)
    bytes.push_back(static_cast<std::uint8_t>(value >> shift));
}

std::string base64(const Bytes& bytes) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t j = 0; j < 3; ++j)
      bits = bits << 8 | (i + j < bytes.size() ? bytes[i + j] : 0u);
    for (std::size_t j = 0; j < 4; ++j) {
      text.push_back(i + j <= bytes.size() ? kDigits[bits >> (18 - 6 * j) & 63] : '=');
    }
  }
  return text;
}

}  // namespace

mesh::TriangleMesh bumpy_mesh(int splits, std::uint64_t seed) {
  mesh::TriangleMesh mesh;
  mesh.positions = {{1, 0, 0}, {-1, 0, 0}, {0, 1, 0}, {0, -1, 0}, {0, 0, 1}, {0, 0, -1}};
  mesh.faces = {
      {0, 2, 4}, {2, 1, 4}, {1, 3, 4}, {3, 0, 4}, {2, 0, 5}, {1, 2, 5}, {3, 1, 5}, {0, 3, 5}};
  for (int round = 0; round < splits; ++round) {
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> middles;
    const auto middle = [&](std::uint32_t a, std::uint32_t b) {
      const auto [found, is_new] =
          middles.emplace(std::minmax(a, b), static_cast<std::uint32_t>(mesh.positions.size()));
      if (is_new) {
        mesh::Vec3 m;
        for (std::size_t c = 0; c < 3; ++c) m[c] = mesh.positions[a][c] + mesh.positions[b][c];
        const float length = std::sqrt(m[0] * m[0] + m[1] * m[1] + m[2] * m[2]);
        for (float& v : m) v /= length;
        mesh.positions.push_back(m);
      }
      return found->second;
    };
    std::vector<mesh::Face> faces;
    for (const auto& [a, b, c] : mesh.faces) {
      const std::uint32_t ab = middle(a, b), bc = middle(b, c), ca = middle(c, a);
      faces.insert(faces.end(), {{a, ab, ca}, {ab, b, bc}, {ca, bc, c}, {ab, bc, ca}});
    }
    mesh.faces = std::move(faces);
  }
  Random random(seed);
  for (mesh::Vec3& p : mesh.positions) {
    for (float& v : p) v = v * (1 + 0.1f * random.signed_unit());
  }
  return mesh;
}

GltfBuilder::GltfBuilder() {
  root = {{"asset", {{"version", "2.0"}}}};
}

int GltfBuilder::add_view(const void* data, std::size_t bytes, int stride) {
  buffer.resize((buffer.size() + 3) / 4 * 4);
  nlohmann::json view = {{"buffer", 0}, {"byteOffset", buffer.size()}, {"byteLength", bytes}};
  if (stride > 0) view["byteStride"] = stride;
  const auto* begin = static_cast<const std::uint8_t*>(data);
  buffer.insert(buffer.end(), begin, begin + bytes);
  root["bufferViews"].push_back(view);
  return static_cast<int>(root["bufferViews"].size()) - 1;
}

int GltfBuilder::add_accessor(int view,
                              int component_type,
                              std::size_t count,
                              const std::string& type) {
  nlohmann::json accessor = {{"componentType", component_type}, {"count", count}, {"type", type}};
  if (view >= 0) accessor["bufferView"] = view;
  root["accessors"].push_back(accessor);
  return static_cast<int>(root["accessors"].size()) - 1;
}

int GltfBuilder::add_positions(const std::vector<mesh::Vec3>& positions) {
  return add_accessor(
      add_view(positions.data(), positions.size() * 12), 5126, positions.size(), "VEC3");
}

int GltfBuilder::add_indices_u32(const std::vector<std::uint32_t>& indices) {
  return add_accessor(add_view(indices.data(), indices.size() * 4), 5125, indices.size(), "SCALAR");
}

int GltfBuilder::add_mesh(int positions, int indices) {
  nlohmann::json primitive = {{"attributes", {{"POSITION", positions}}}};
  if (indices >= 0) primitive["indices"] = indices;
  root["meshes"].push_back({{"primitives", {primitive}}});
  return static_cast<int>(root["meshes"].size()) - 1;
}

int GltfBuilder::add_indexed_mesh(const std::vector<mesh::Vec3>& positions,
                                  const std::vector<std::uint32_t>& indices) {
  const int first = add_positions(positions);
  return add_mesh(first, add_indices_u32(indices));
}

Bytes GltfBuilder::glb() const {
  nlohmann::json copy = root;
  copy["buffers"] = {{{"byteLength", buffer.size()}}};
  return glb_of(copy.dump(), buffer);
}

Bytes GltfBuilder::gltf(const std::string& uri) const {
  nlohmann::json copy = root;
  const std::string data = "data:application/octet-stream;base64," + base64(buffer);
  copy["buffers"] = {{{"byteLength", buffer.size()}, {"uri", uri.empty() ? data : uri}}};
  return bytes_of(copy.dump(1));
}

Bytes glb_of(const std::string& json, const Bytes& binary) {
  std::string text = json;
  text.resize((text.size() + 3) / 4 * 4, ' ');
  Bytes body = binary;
  body.resize((body.size() + 3) / 4 * 4);
  Bytes bytes = {'g', 'l', 'T', 'F'};
  append_u32(bytes, 2);
  append_u32(bytes, 12 + 8 + text.size() + (body.empty() ? 0 : 8 + body.size()));
  append_u32(bytes, text.size());
  append_u32(bytes, 0x4e4f534a);
  bytes.insert(bytes.end(), text.begin(), text.end());
  if (!body.empty()) {
    append_u32(bytes, body.size());
    append_u32(bytes, 0x004e4942);
    bytes.insert(bytes.end(), body.begin(), body.end());
  }
  return bytes;
}

}  // namespace sinter::io::test
