// glTF 2.0 and GLB: the triangles of the default scene.
//
// Source: Khronos, glTF 2.0 specification, 2021. The file is read here and not by tinygltf, which
// sinter writes with: this reader copies no buffer, refuses what it does not understand, and
// allocates for nothing that the file does not hold.

#include <algorithm>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "io/gltf_buffers.h"
#include "io/gltf_transform.h"
#include "io/mesh_codecs.h"

namespace sinter::io {
namespace {

using nlohmann::json;

constexpr int kMaxJsonDepth = 64;
constexpr std::size_t kMaxJsonBytes = std::size_t{256} << 20;
constexpr int kModeTriangles = 4;

enum ComponentType { kI8 = 5120, kU8 = 5121, kI16 = 5122, kU16 = 5123, kU32 = 5125, kF32 = 5126 };

/// Extensions that a file may require and that do not change where its triangles are.
bool harmless_extension(std::string_view name) {
  return name == "KHR_mesh_quantization" || name.starts_with("KHR_materials_") ||
         name.starts_with("KHR_texture_") || name.starts_with("EXT_texture_") ||
         name.starts_with("KHR_lights_") || name == "KHR_animation_pointer" ||
         name == "KHR_xmp_json_ld";
}

/// Elements of `count` x `components` values of one type, `stride` bytes apart.
struct Values {
  const std::uint8_t* data = nullptr;
  std::size_t count = 0;
  std::size_t stride = 0;
  std::size_t components = 1;
  int type = 0;
  bool normalized = false;

  template <class T>
  T read(std::size_t element, std::size_t component) const {
    T value;
    std::memcpy(&value, data + element * stride + component * sizeof(T), sizeof(T));
    return value;
  }
  /// As a float; normalised integers by the specification's formulas (section 3.6.2.2).
  float real(std::size_t element, std::size_t component) const {
    const auto scaled = [&](auto value, float range) {
      const auto number = static_cast<float>(value);
      return normalized ? std::max(number / range, -1.0f) : number;
    };
    switch (type) {
      case kI8:
        return scaled(read<std::int8_t>(element, component), 127);
      case kU8:
        return scaled(read<std::uint8_t>(element, component), 255);
      case kI16:
        return scaled(read<std::int16_t>(element, component), 32767);
      case kU16:
        return scaled(read<std::uint16_t>(element, component), 65535);
      default:
        return read<float>(element, component);
    }
  }
  std::uint32_t index(std::size_t element) const {
    switch (type) {
      case kU8:
        return read<std::uint8_t>(element, 0);
      case kU16:
        return read<std::uint16_t>(element, 0);
      default:
        return read<std::uint32_t>(element, 0);
    }
  }
};

class GltfReader {
 public:
  explicit GltfReader(const MeshSource& source) : source_(source), buffers_(source) {}

  mesh::TriangleMesh read() {
    const GltfChunks chunks = split_glb(source_);
    binary_ = chunks.binary;
    parse_json(chunks.json);
    check_version();
    add_scene();
    return std::move(mesh_);
  }

 private:
  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    source_.refuse(ErrorCode::corrupt, "glTF: ", parts...);
  }

  // --- JSON -------------------------------------------------------------------------------------

  void parse_json(std::string_view text) {
    if (text.size() > kMaxJsonBytes) {
      source_.refuse(ErrorCode::unsupported, "glTF: more than ", kMaxJsonBytes, " bytes of JSON");
    }
    const auto limit_depth = [this](int depth, json::parse_event_t, json&) {
      if (depth > kMaxJsonDepth) refuse("the JSON is nested more than ", kMaxJsonDepth, " deep");
      return true;
    };
    try {
      root_ = json::parse(text.begin(), text.end(), limit_depth);
    } catch (const json::exception& error) {
      refuse("the JSON is damaged (error ", error.id, ")");
    }
    if (!root_.is_object()) refuse("the JSON is not an object");
  }

  /// A member, or null where it is absent.
  static const json* find(const json& object, const char* key) {
    const auto found = object.find(key);
    return found == object.end() ? nullptr : &*found;
  }
  std::optional<std::size_t> find_integer(const json& object, const char* key) const {
    const json* member = find(object, key);
    if (member == nullptr) return std::nullopt;
    if (!member->is_number_unsigned()) refuse("\"", key, "\" is not a whole number");
    return member->get<std::size_t>();
  }
  std::size_t integer(const json& object, const char* key) const {
    const auto value = find_integer(object, key);
    if (!value) refuse("\"", key, "\" is missing");
    return *value;
  }
  std::string text(const json& object, const char* key) const {
    const json* member = find(object, key);
    return member != nullptr && member->is_string() ? member->get<std::string>() : std::string();
  }
  bool flag(const json& object, const char* key) const {
    const json* member = find(object, key);
    return member != nullptr && member->is_boolean() && member->get<bool>();
  }
  /// A member that must be a list of numbers of that length; `value` stays where it is absent.
  template <std::size_t N>
  bool numbers(const json& object, const char* key, std::array<double, N>& value) const {
    const json* member = find(object, key);
    if (member == nullptr) return false;
    if (!member->is_array() || member->size() != N) refuse("\"", key, "\" has not ", N, " numbers");
    for (std::size_t i = 0; i < N; ++i) {
      if (!(*member)[i].is_number()) refuse("\"", key, "\" has not ", N, " numbers");
      value[i] = (*member)[i].get<double>();
    }
    return true;
  }
  /// A list of objects at the top; absent counts as empty.
  const json& list(const json& object, const char* key) const {
    static const json kEmpty = json::array();
    const json* member = find(object, key);
    if (member == nullptr) return kEmpty;
    if (!member->is_array()) refuse("\"", key, "\" is not a list");
    return *member;
  }
  const json& item(const char* key, std::size_t index) const {
    const json& items = list(root_, key);
    if (index >= items.size() || !items[index].is_object())
      refuse("there is no ", key, "[", index, "]");
    return items[index];
  }

  void check_version() const {
    const json* asset = find(root_, "asset");
    const std::string version =
        asset != nullptr && asset->is_object() ? text(*asset, "version") : "";
    if (!version.starts_with("2.")) {
      source_.refuse(
          ErrorCode::unsupported, "glTF version \"", printable(version), "\"; expected 2.0");
    }
    for (const json& name : list(root_, "extensionsRequired")) {
      const std::string extension = name.is_string() ? name.get<std::string>() : "?";
      if (!harmless_extension(extension)) {
        source_.refuse(ErrorCode::unsupported, "glTF: needs the extension ", printable(extension));
      }
    }
  }

  // --- bytes ------------------------------------------------------------------------------------

  std::span<const std::uint8_t> buffer(std::size_t index) {
    const json& object = item("buffers", index);
    const std::size_t length = integer(object, "byteLength");
    const json* uri = find(object, "uri");
    std::span<const std::uint8_t> bytes;
    if (uri != nullptr && uri->is_string()) {
      bytes = buffers_.load(uri->get_ref<const std::string&>());
    } else if (index == 0) {
      bytes = binary_;
    }
    if (bytes.size() < length)
      refuse("buffer ", index, " has ", bytes.size(), " bytes, expected ", length);
    return bytes.first(length);
  }

  /// Elements at `offset` of a bufferView; all of them lie inside.
  Values view(std::size_t index, std::size_t offset, Values values) {
    const json& object = item("bufferViews", index);
    const auto bytes = buffer(integer(object, "buffer"));
    const std::size_t begin = find_integer(object, "byteOffset").value_or(0);
    const std::size_t length = integer(object, "byteLength");
    if (begin > bytes.size() || length > bytes.size() - begin) {
      refuse("bufferView ", index, " reaches beyond its buffer");
    }
    const std::size_t size = values.components * component_bytes(values.type);
    values.stride = find_integer(object, "byteStride").value_or(size);
    // With strides at least as long as an element, no small file describes many elements.
    if (values.stride < size || values.stride > 252)
      refuse("bufferView ", index, " has a bad stride");
    values.data = bytes.data() + begin + offset;
    const bool fits = offset <= length && values.count > 0 && size <= length - offset &&
                      (values.count - 1) <= (length - offset - size) / values.stride;
    if (!fits) refuse("an accessor reaches beyond bufferView ", index);
    return values;
  }

  std::size_t component_bytes(int type) const {
    switch (type) {
      case kI8:
      case kU8:
        return 1;
      case kI16:
      case kU16:
        return 2;
      case kU32:
      case kF32:
        return 4;
      default:
        refuse("component type ", type, " is unknown");
    }
  }

  // --- accessors --------------------------------------------------------------------------------

  /// What an accessor says of its elements; `data` is null where no bufferView holds them.
  Values accessor(const json& object, std::string_view type, std::size_t components) {
    if (text(object, "type") != type) {
      refuse("an accessor has type \"", printable(text(object, "type")), "\"; expected ", type);
    }
    Values values;
    values.count = integer(object, "count");
    values.components = components;
    values.type = static_cast<int>(std::min<std::size_t>(integer(object, "componentType"), 99999));
    values.normalized = flag(object, "normalized");
    if (values.count == 0) refuse("an accessor is empty");
    source_.check_count(values.count / (components == 1 ? 3 : 1), "elements");
    component_bytes(values.type);
    if (const auto index = find_integer(object, "bufferView")) {
      return view(*index, find_integer(object, "byteOffset").value_or(0), values);
    }
    if (find(object, "sparse") == nullptr) refuse("an accessor has no bufferView");
    return values;
  }

  /// Calls replace(element, values, n) for the n-th replaced element of a sparse accessor.
  template <class Replace>
  void for_each_sparse(const json& object, const Values& base, Replace&& replace) {
    const json* sparse = find(object, "sparse");
    if (sparse == nullptr) return;
    const json* where = sparse->is_object() ? find(*sparse, "indices") : nullptr;
    const json* what = sparse->is_object() ? find(*sparse, "values") : nullptr;
    if (where == nullptr || what == nullptr || !where->is_object() || !what->is_object()) {
      refuse("a sparse accessor lacks its indices or values");
    }
    Values indices;
    indices.count = integer(*sparse, "count");
    indices.type = static_cast<int>(std::min<std::size_t>(integer(*where, "componentType"), 99999));
    check_index_type(indices.type);
    if (indices.count == 0 || indices.count > base.count)
      refuse("a sparse accessor has a bad count");
    indices = view(
        integer(*where, "bufferView"), find_integer(*where, "byteOffset").value_or(0), indices);
    Values values = base;
    values.count = indices.count;
    values =
        view(integer(*what, "bufferView"), find_integer(*what, "byteOffset").value_or(0), values);
    for (std::size_t n = 0; n < indices.count; ++n) {
      const std::uint32_t element = indices.index(n);
      if (element >= base.count)
        refuse("a sparse accessor replaces element ", element, " of ", base.count);
      replace(element, values, n);
    }
  }

  void check_index_type(int type) const {
    if (type != kU8 && type != kU16 && type != kU32) refuse("indices have component type ", type);
  }

  /// Appends the positions of an accessor, moved by `affine`.
  std::size_t append_positions(std::size_t index, const Affine& affine) {
    const json& object = item("accessors", index);
    const Values values = accessor(object, "VEC3", 3);
    if (values.type == kU32) refuse("positions have component type ", values.type);
    const std::size_t first = mesh_.positions.size();
    source_.check_count(first + values.count, "vertices");
    mesh_.positions.resize(first + values.count, mesh::Vec3{0, 0, 0});
    const auto store = [&](std::size_t element, const Values& from, std::size_t n) {
      for (std::size_t c = 0; c < 3; ++c) mesh_.positions[first + element][c] = from.real(n, c);
    };
    if (values.data != nullptr) {
      for (std::size_t i = 0; i < values.count; ++i) store(i, values, i);
    }
    for_each_sparse(object, values, store);
    // Without a transform the coordinates stay bit for bit.
    if (!(affine == Affine())) {
      for (std::size_t i = first; i < mesh_.positions.size(); ++i) {
        mesh_.positions[i] = affine(mesh_.positions[i]);
      }
    }
    return first;
  }

  std::vector<std::uint32_t> read_indices(std::size_t index) {
    const json& object = item("accessors", index);
    const Values values = accessor(object, "SCALAR", 1);
    check_index_type(values.type);
    std::vector<std::uint32_t> indices(values.count, 0);
    if (values.data != nullptr) {
      for (std::size_t i = 0; i < values.count; ++i) indices[i] = values.index(i);
    }
    for_each_sparse(object, values, [&](std::size_t element, const Values& from, std::size_t n) {
      indices[element] = from.index(n);
    });
    return indices;
  }

  // --- scene ------------------------------------------------------------------------------------

  struct Visit {
    std::size_t node;
    Affine parent;
  };

  /// The default scene, else the first, else every node that is nobody's child, else every mesh.
  void add_scene() {
    std::vector<std::size_t> roots;
    const json& nodes = list(root_, "nodes");
    if (!list(root_, "scenes").empty()) {
      const json& scene = item("scenes", find_integer(root_, "scene").value_or(0));
      roots = indices_of(scene, "nodes");
    } else if (!nodes.empty()) {
      std::vector<bool> is_child(nodes.size(), false);
      for (std::size_t i = 0; i < nodes.size(); ++i) {
        for (const std::size_t child : indices_of(item("nodes", i), "children")) {
          if (child < nodes.size()) is_child[child] = true;
        }
      }
      for (std::size_t i = 0; i < nodes.size(); ++i) {
        if (!is_child[i]) roots.push_back(i);
      }
    } else {
      for (std::size_t i = 0; i < list(root_, "meshes").size(); ++i) add_mesh(i, Affine());
    }
    add_nodes(roots);
  }

  /// Depth first in file order. The specification demands a forest, so no node is met twice.
  void add_nodes(const std::vector<std::size_t>& roots) {
    std::vector<bool> seen(list(root_, "nodes").size(), false);
    std::vector<Visit> pending;
    const auto push = [&](const std::vector<std::size_t>& nodes, const Affine& parent) {
      for (auto node = nodes.rbegin(); node != nodes.rend(); ++node)
        pending.push_back({*node, parent});
    };
    push(roots, Affine());
    while (!pending.empty()) {
      const Visit visit = pending.back();
      pending.pop_back();
      const json& node = item("nodes", visit.node);
      if (seen[visit.node]) refuse("node ", visit.node, " has two parents");
      seen[visit.node] = true;
      const Affine affine = visit.parent * node_transform(node);
      if (const auto mesh = find_integer(node, "mesh")) add_mesh(*mesh, affine);
      push(indices_of(node, "children"), affine);
    }
  }

  std::vector<std::size_t> indices_of(const json& object, const char* key) const {
    std::vector<std::size_t> indices;
    for (const json& index : list(object, key)) {
      if (!index.is_number_unsigned()) refuse("\"", key, "\" holds something else than numbers");
      indices.push_back(index.get<std::size_t>());
    }
    return indices;
  }

  Affine node_transform(const json& node) const {
    std::array<double, 16> matrix;
    if (numbers(node, "matrix", matrix)) {
      Affine affine;  // stored by columns; the fourth row is 0 0 0 1
      for (std::size_t i = 0; i < 3; ++i) {
        for (std::size_t j = 0; j < 4; ++j) affine.rows[i][j] = matrix[j * 4 + i];
      }
      return affine;
    }
    std::array<double, 3> translation{0, 0, 0}, scale{1, 1, 1};
    std::array<double, 4> rotation{0, 0, 0, 1};
    const bool moved = numbers(node, "translation", translation);
    const bool turned = numbers(node, "rotation", rotation);
    const bool scaled = numbers(node, "scale", scale);
    return moved || turned || scaled ? affine_from_trs(translation, rotation, scale) : Affine();
  }

  void add_mesh(std::size_t index, const Affine& affine) {
    // Primitives of a mesh often share their vertices; copying them would tear the surface.
    std::map<std::size_t, std::size_t> first_vertex;
    for (const json& primitive : list(item("meshes", index), "primitives")) {
      if (!primitive.is_object()) refuse("a primitive is not an object");
      check_primitive(primitive);
      const std::size_t positions = integer(*find(primitive, "attributes"), "POSITION");
      auto known = first_vertex.find(positions);
      if (known == first_vertex.end()) {
        known = first_vertex.emplace(positions, append_positions(positions, affine)).first;
      }
      const std::size_t count = integer(item("accessors", positions), "count");
      add_faces(primitive, known->second, count, affine.determinant() < 0);
    }
  }

  void check_primitive(const json& primitive) const {
    const std::size_t mode = find_integer(primitive, "mode").value_or(kModeTriangles);
    if (mode != kModeTriangles) {
      static constexpr const char* kNames[] = {"points",
                                               "lines",
                                               "a line loop",
                                               "a line strip",
                                               "triangles",
                                               "a triangle strip",
                                               "a triangle fan"};
      source_.refuse(ErrorCode::unsupported,
                     "glTF: holds ",
                     mode < std::size(kNames) ? kNames[mode] : "primitives of an unknown kind",
                     "; expected triangles");
    }
    const json* extensions = find(primitive, "extensions");
    if (extensions != nullptr && extensions->is_object() &&
        extensions->contains("KHR_draco_mesh_compression")) {
      source_.refuse(ErrorCode::unsupported, "glTF: is compressed with KHR_draco_mesh_compression");
    }
    const json* attributes = find(primitive, "attributes");
    if (attributes == nullptr || !attributes->is_object()) refuse("a primitive has no attributes");
  }

  void add_faces(const json& primitive, std::size_t first, std::size_t count, bool mirrored) {
    const auto accessor = find_integer(primitive, "indices");
    const std::vector<std::uint32_t> indices =
        accessor ? read_indices(*accessor) : std::vector<std::uint32_t>();
    const std::size_t corners = accessor ? indices.size() : count;
    if (corners % 3 != 0) refuse(corners, " corners do not make triangles");
    source_.check_count(mesh_.faces.size() + corners / 3, "faces");
    for (std::size_t i = 0; i < corners; i += 3) {
      mesh::Face face;
      for (std::size_t c = 0; c < 3; ++c) {
        const std::size_t corner = accessor ? indices[i + c] : i + c;
        if (corner >= count)
          refuse("a face refers to vertex ", corner, "; expected less than ", count);
        face[c] = static_cast<std::uint32_t>(first + corner);
      }
      if (mirrored) std::swap(face[1], face[2]);
      mesh_.faces.push_back(face);
    }
  }

  const MeshSource& source_;
  GltfBuffers buffers_;
  std::span<const std::uint8_t> binary_;
  json root_;
  mesh::TriangleMesh mesh_;
};

}  // namespace

mesh::TriangleMesh decode_gltf(const MeshSource& source) {
  return GltfReader(source).read();
}

}  // namespace sinter::io
