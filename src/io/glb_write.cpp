// Binary glTF 2.0, written with tinygltf: one mesh, one material, provenance in asset.extras.
// Source: Khronos, glTF 2.0 specification, 2021.

// note: tiny_gltf.h uses file streams even where it is told not to, and then does not include them
#include <fstream>

#define TINYGLTF_IMPLEMENTATION
#define TINYGLTF_NO_STB_IMAGE
#define TINYGLTF_NO_STB_IMAGE_WRITE
#define TINYGLTF_NO_EXTERNAL_IMAGE
#define TINYGLTF_NO_FS
#include <tiny_gltf.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <sstream>

#include "core/error.h"
#include "io/mesh_encode.h"

namespace sinter::io {
namespace {

/// tinygltf knows int and double; an integer that neither holds exactly becomes text.
template <class Integer>
tinygltf::Value integer_value(Integer value) {
  constexpr auto kExact = std::uint64_t{1} << 53;
  const bool negative = value < 0;
  const auto magnitude =
      negative ? ~static_cast<std::uint64_t>(value) + 1 : static_cast<std::uint64_t>(value);
  if (magnitude <= static_cast<std::uint64_t>(std::numeric_limits<int>::max())) {
    return tinygltf::Value(static_cast<int>(value));
  }
  if (magnitude <= kExact) return tinygltf::Value(static_cast<double>(value));
  return tinygltf::Value(std::to_string(value));
}

tinygltf::Value value_of(const MetadataValue& value) {
  return std::visit(
      [](const auto& held) -> tinygltf::Value {
        using Held = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<Held, std::string>) {
          return tinygltf::Value(valid_utf8(held));
        } else if constexpr (std::is_same_v<Held, bool> || std::is_same_v<Held, double>) {
          return tinygltf::Value(held);
        } else {
          return integer_value(held);
        }
      },
      value);
}

tinygltf::Value extras_of(const MeshMetadata& metadata) {
  tinygltf::Value::Object extras;
  extras["up_axis"] = tinygltf::Value(up_name(metadata.axes));
  extras["front_axis"] = tinygltf::Value(forward_name(metadata.axes));
  if (const std::string unit = unit_note(metadata); !unit.empty()) {
    extras["unit"] = tinygltf::Value(unit);
  }
  if (metadata.box > 0) extras["box"] = tinygltf::Value(metadata.box);
  tinygltf::Value::Object provenance;
  for (const auto& [key, value] : metadata.provenance)
    provenance[valid_utf8(key)] = value_of(value);
  if (!provenance.empty()) extras["provenance"] = tinygltf::Value(std::move(provenance));
  return tinygltf::Value(std::move(extras));
}

/// Builds the one buffer: bufferViews and accessors are appended in step with its bytes.
class ModelBuilder {
 public:
  explicit ModelBuilder(tinygltf::Model& model) : model_(model) { model_.buffers.resize(1); }

  /// Returns the accessor of `count` elements, whose bytes are padded to a multiple of four.
  int add(const void* data,
          std::size_t bytes,
          std::size_t count,
          int component_type,
          int type,
          int target) {
    auto& buffer = model_.buffers[0].data;
    tinygltf::BufferView view;
    view.buffer = 0;
    view.byteOffset = buffer.size();
    view.byteLength = bytes;
    view.target = target;
    const auto* begin = static_cast<const unsigned char*>(data);
    buffer.insert(buffer.end(), begin, begin + bytes);
    buffer.resize((buffer.size() + 3) / 4 * 4, 0);
    tinygltf::Accessor accessor;
    accessor.bufferView = static_cast<int>(model_.bufferViews.size());
    accessor.componentType = component_type;
    accessor.type = type;
    accessor.count = count;
    model_.bufferViews.push_back(std::move(view));
    model_.accessors.push_back(std::move(accessor));
    return static_cast<int>(model_.accessors.size()) - 1;
  }
  int add_vectors(std::span<const mesh::Vec3> vectors) {
    return add(vectors.data(),
               vectors.size_bytes(),
               vectors.size(),
               TINYGLTF_COMPONENT_TYPE_FLOAT,
               TINYGLTF_TYPE_VEC3,
               TINYGLTF_TARGET_ARRAY_BUFFER);
  }
  int add_indices(const mesh::TriangleMesh& mesh) {
    const std::size_t count = mesh.faces.size() * 3;
    // The largest value of a type marks a restart, so it is never an index.
    if (mesh.positions.size() > 65535) {
      return add(mesh.faces.data(),
                 count * 4,
                 count,
                 TINYGLTF_COMPONENT_TYPE_UNSIGNED_INT,
                 TINYGLTF_TYPE_SCALAR,
                 TINYGLTF_TARGET_ELEMENT_ARRAY_BUFFER);
    }
    std::vector<std::uint16_t> narrow_indices;
    narrow_indices.reserve(count);
    for (const mesh::Face& face : mesh.faces) {
      for (const std::uint32_t index : face)
        narrow_indices.push_back(static_cast<std::uint16_t>(index));
    }
    return add(narrow_indices.data(),
               count * 2,
               count,
               TINYGLTF_COMPONENT_TYPE_UNSIGNED_SHORT,
               TINYGLTF_TYPE_SCALAR,
               TINYGLTF_TARGET_ELEMENT_ARRAY_BUFFER);
  }

 private:
  tinygltf::Model& model_;
};

/// glTF demands the exact bounds of the positions.
void set_bounds(tinygltf::Accessor& accessor, const std::vector<mesh::Vec3>& positions) {
  accessor.minValues.assign(3, std::numeric_limits<double>::infinity());
  accessor.maxValues.assign(3, -std::numeric_limits<double>::infinity());
  for (const mesh::Vec3& position : positions) {
    for (std::size_t c = 0; c < 3; ++c) {
      SINTER_CHECK(std::isfinite(position[c]),
                   ErrorCode::invalid_argument,
                   "[mesh] GLB: expected finite positions, got ",
                   position[c]);
      accessor.minValues[c] = std::min<double>(accessor.minValues[c], position[c]);
      accessor.maxValues[c] = std::max<double>(accessor.maxValues[c], position[c]);
    }
  }
}

tinygltf::Material neutral_material() {
  tinygltf::Material material;
  material.name = "neutral";
  material.pbrMetallicRoughness.baseColorFactor = {0.8, 0.8, 0.8, 1.0};
  material.pbrMetallicRoughness.metallicFactor = 0.0;
  material.pbrMetallicRoughness.roughnessFactor = 0.8;
  return material;
}

/// Roughness as trimesh writes it for a default Phong material, shininess 1; metallicFactor must be
/// written, because it is 1 where it is not.
tinygltf::Material textured_material() {
  tinygltf::Material material;
  material.name = "textured";
  material.pbrMetallicRoughness.baseColorTexture.index = 0;
  material.pbrMetallicRoughness.metallicFactor = 0.0;
  material.pbrMetallicRoughness.roughnessFactor = std::pow(2.0 / 3.0, 0.25);
  return material;
}

int add_coordinates(ModelBuilder& builder, const Appearance& appearance) {
  return builder.add(appearance.uv.data(),
                     appearance.uv.size_bytes(),
                     appearance.uv.size(),
                     TINYGLTF_COMPONENT_TYPE_FLOAT,
                     TINYGLTF_TYPE_VEC2,
                     TINYGLTF_TARGET_ARRAY_BUFFER);
}

void add_texture(tinygltf::Model& model, std::span<const std::uint8_t> png) {
  auto& buffer = model.buffers[0].data;
  tinygltf::BufferView view;
  view.buffer = 0;
  view.byteOffset = buffer.size();
  view.byteLength = png.size();
  buffer.insert(buffer.end(), png.begin(), png.end());
  buffer.resize((buffer.size() + 3) / 4 * 4, 0);
  tinygltf::Image image;
  image.mimeType = "image/png";
  image.bufferView = static_cast<int>(model.bufferViews.size());
  model.bufferViews.push_back(std::move(view));
  model.images.push_back(std::move(image));
  tinygltf::Sampler sampler;
  sampler.minFilter = TINYGLTF_TEXTURE_FILTER_LINEAR_MIPMAP_LINEAR;
  sampler.magFilter = TINYGLTF_TEXTURE_FILTER_LINEAR;
  sampler.wrapS = sampler.wrapT = TINYGLTF_TEXTURE_WRAP_CLAMP_TO_EDGE;
  model.samplers.push_back(std::move(sampler));
  tinygltf::Texture texture;
  texture.source = 0;
  texture.sampler = 0;
  model.textures.push_back(std::move(texture));
}

tinygltf::Model build_model(const mesh::TriangleMesh& mesh,
                            const MeshMetadata& metadata,
                            const GlbOptions& options) {
  tinygltf::Model model;
  model.asset.version = "2.0";
  model.asset.generator = valid_utf8(generator(metadata));
  model.asset.extras = extras_of(metadata);
  ModelBuilder builder(model);
  tinygltf::Primitive primitive;
  primitive.mode = TINYGLTF_MODE_TRIANGLES;
  primitive.material = 0;
  primitive.attributes["POSITION"] = builder.add_vectors(mesh.positions);
  set_bounds(model.accessors[0], mesh.positions);
  if (options.normals) primitive.attributes["NORMAL"] = builder.add_vectors(smooth_normals(mesh));
  if (options.appearance != nullptr) {
    if (!options.appearance->normals.empty()) {
      primitive.attributes["NORMAL"] = builder.add_vectors(options.appearance->normals);
    }
    primitive.attributes["TEXCOORD_0"] = add_coordinates(builder, *options.appearance);
  }
  primitive.indices = builder.add_indices(mesh);
  model.meshes.resize(1);
  model.meshes[0].primitives.push_back(std::move(primitive));
  const bool textured = options.appearance != nullptr && !options.appearance->png.empty();
  if (textured) add_texture(model, options.appearance->png);
  model.materials.push_back(textured ? textured_material() : neutral_material());
  model.nodes.resize(1);
  model.nodes[0].mesh = 0;
  model.scenes.resize(1);
  model.scenes[0].nodes = {0};
  model.defaultScene = 0;
  return model;
}

}  // namespace

Bytes encode_glb(const mesh::TriangleMesh& mesh,
                 const MeshMetadata& metadata,
                 const GlbOptions& options) {
  check_encodable(mesh);
  // Lengths in a GLB have 32 bits; the rest is room for the JSON.
  const std::size_t bytes = mesh.positions.size() * 32 + mesh.faces.size() * 12 +
                            (options.appearance != nullptr ? options.appearance->png.size() : 0);
  SINTER_CHECK(bytes < 0xfff00000u,
               ErrorCode::unsupported,
               "[mesh] GLB: expected less than 4 GiB of vertices and faces, got ",
               bytes,
               " bytes");
  try {
    const tinygltf::Model model = build_model(mesh, metadata, options);
    std::ostringstream stream;
    SINTER_CHECK(
        tinygltf::TinyGLTF().WriteGltfSceneToStream(&model, stream, false, true) && stream.good(),
        ErrorCode::internal,
        "[mesh] GLB: not encoded");
    const std::string text = std::move(stream).str();
    return Bytes(text.begin(), text.end());
  } catch (const Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::out_of_memory, "[mesh] GLB: no memory to encode");
  } catch (const std::exception& error) {
    fail(ErrorCode::internal, "[mesh] GLB: not encoded (", error.what(), ")");
  }
}

}  // namespace sinter::io
