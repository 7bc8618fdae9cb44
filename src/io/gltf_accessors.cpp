#include "io/gltf_accessors.h"

#include <algorithm>
#include <cstring>

namespace sinter::io {
namespace {

enum ComponentType { kI8 = 5120, kU8 = 5121, kI16 = 5122, kU16 = 5123, kU32 = 5125, kF32 = 5126 };

int component_type(const GltfObject& object) {
  return static_cast<int>(std::min<std::size_t>(object.integer("componentType"), 99999));
}

}  // namespace

/// Elements of `components` values of one type, `stride` bytes apart.
struct GltfAccessors::Values {
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

std::span<const std::uint8_t> GltfAccessors::buffer(std::size_t index) {
  const GltfObject object = root_.item("buffers", index);
  const std::size_t length = object.integer("byteLength");
  std::span<const std::uint8_t> bytes;
  if (const std::string* uri = object.find_text("uri")) {
    bytes = buffers_.load(*uri, "data");
  } else if (index == 0) {
    bytes = binary_;
  }
  if (bytes.size() < length) {
    root_.refuse("buffer ", index, " has ", bytes.size(), " bytes, expected ", length);
  }
  return bytes.first(length);
}

std::span<const std::uint8_t> GltfAccessors::view_bytes(std::size_t index) {
  const GltfObject object = root_.item("bufferViews", index);
  const auto bytes = buffer(object.integer("buffer"));
  const std::size_t begin = object.find_integer("byteOffset").value_or(0);
  const std::size_t length = object.integer("byteLength");
  if (begin > bytes.size() || length > bytes.size() - begin) {
    root_.refuse("bufferView ", index, " reaches beyond its buffer");
  }
  return bytes.subspan(begin, length);
}

/// Elements at `offset` of a bufferView; all of them lie inside.
GltfAccessors::Values GltfAccessors::view(std::size_t index, std::size_t offset, Values values) {
  const GltfObject object = root_.item("bufferViews", index);
  const auto bytes = view_bytes(index);
  const std::size_t length = bytes.size();
  const std::size_t size = values.components * component_bytes(values.type);
  values.stride = object.find_integer("byteStride").value_or(size);
  // With strides at least as long as an element, no small file describes many elements.
  if (values.stride < size || values.stride > 252) {
    root_.refuse("bufferView ", index, " has a bad stride");
  }
  const bool fits = values.count > 0 && offset <= length && size <= length - offset &&
                    (values.count - 1) <= (length - offset - size) / values.stride;
  if (!fits) root_.refuse("an accessor reaches beyond bufferView ", index);
  values.data = bytes.data() + offset;
  return values;
}

std::size_t GltfAccessors::component_bytes(int type) const {
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
      root_.refuse("component type ", type, " is unknown");
  }
}

void GltfAccessors::check_index_type(int type) const {
  if (type != kU8 && type != kU16 && type != kU32)
    root_.refuse("indices have component type ", type);
}

/// What an accessor says of its elements; `data` is null where no bufferView holds them.
GltfAccessors::Values GltfAccessors::describe(const GltfObject& accessor,
                                              const char* type,
                                              std::size_t components) {
  const std::string* named = accessor.find_text("type");
  if (named == nullptr || *named != type) {
    root_.refuse("an accessor has type \"",
                 printable(named == nullptr ? "" : named->substr(0, 20)),
                 "\"; expected ",
                 type);
  }
  Values values;
  values.count = accessor.integer("count");
  values.components = components;
  values.type = component_type(accessor);
  values.normalized = accessor.flag("normalized");
  if (values.count == 0) root_.refuse("an accessor is empty");
  source_.check_count(components == 1 ? values.count / 3 : values.count, "elements");
  component_bytes(values.type);
  if (const auto index = accessor.find_integer("bufferView")) {
    return view(*index, accessor.find_integer("byteOffset").value_or(0), values);
  }
  if (!accessor.has("sparse")) root_.refuse("an accessor has no bufferView");
  return values;
}

/// Calls replace(element, values, n) for the n-th replaced element of a sparse accessor.
template <class Replace>
void GltfAccessors::for_each_sparse(const GltfObject& accessor,
                                    const Values& base,
                                    Replace&& replace) {
  if (!accessor.has("sparse")) return;
  const GltfObject sparse = accessor.object("sparse");
  const GltfObject where = sparse.object("indices");
  const GltfObject what = sparse.object("values");
  Values indices;
  indices.count = sparse.integer("count");
  indices.type = component_type(where);
  check_index_type(indices.type);
  if (indices.count == 0 || indices.count > base.count) {
    root_.refuse("a sparse accessor has a bad count");
  }
  indices =
      view(where.integer("bufferView"), where.find_integer("byteOffset").value_or(0), indices);
  Values values = base;
  values.count = indices.count;
  values = view(what.integer("bufferView"), what.find_integer("byteOffset").value_or(0), values);
  for (std::size_t n = 0; n < indices.count; ++n) {
    const std::uint32_t element = indices.index(n);
    if (element >= base.count) {
      root_.refuse("a sparse accessor replaces element ", element, " of ", base.count);
    }
    replace(element, values, n);
  }
}

template <std::size_t N>
std::vector<std::array<float, N>> GltfAccessors::vectors(std::size_t index,
                                                         const char* type,
                                                         const char* what) {
  const GltfObject accessor = root_.item("accessors", index);
  const Values values = describe(accessor, type, N);
  if (values.type == kU32) root_.refuse(what, " have component type ", values.type);
  std::vector<std::array<float, N>> vectors(values.count, std::array<float, N>{});
  const auto store = [&](std::size_t element, const Values& from, std::size_t n) {
    for (std::size_t c = 0; c < N; ++c) vectors[element][c] = from.real(n, c);
  };
  if (values.data != nullptr) {
    for (std::size_t i = 0; i < values.count; ++i) store(i, values, i);
  }
  for_each_sparse(accessor, values, store);
  return vectors;
}

std::vector<mesh::Vec3> GltfAccessors::positions(std::size_t index) {
  return vectors<3>(index, "VEC3", "positions");
}

std::vector<mesh::Vec3> GltfAccessors::normals(std::size_t index) {
  return vectors<3>(index, "VEC3", "normals");
}

std::vector<std::array<float, 2>> GltfAccessors::coordinates(std::size_t index) {
  return vectors<2>(index, "VEC2", "texture coordinates");
}

std::vector<std::array<float, 3>> GltfAccessors::colours(std::size_t index) {
  const std::string* type = root_.item("accessors", index).find_text("type");
  if (type == nullptr || *type != "VEC4") return vectors<3>(index, "VEC3", "colours");
  std::vector<std::array<float, 3>> colours;
  for (const auto& [r, g, b, a] : vectors<4>(index, "VEC4", "colours")) {
    colours.push_back({r, g, b});
  }
  return colours;
}

std::vector<std::uint32_t> GltfAccessors::indices(std::size_t index) {
  const GltfObject accessor = root_.item("accessors", index);
  const Values values = describe(accessor, "SCALAR", 1);
  check_index_type(values.type);
  std::vector<std::uint32_t> indices(values.count, 0);
  if (values.data != nullptr) {
    for (std::size_t i = 0; i < values.count; ++i) indices[i] = values.index(i);
  }
  for_each_sparse(accessor, values, [&](std::size_t element, const Values& from, std::size_t n) {
    indices[element] = from.index(n);
  });
  return indices;
}

}  // namespace sinter::io
