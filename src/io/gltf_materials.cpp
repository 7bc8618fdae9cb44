#include "io/gltf_materials.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/error.h"

namespace sinter::io {
namespace {

constexpr std::size_t kNearest = 9728;

Wrap wrap_of(const GltfObject& sampler, const char* key) {
  switch (sampler.find_integer(key).value_or(10497)) {
    case 33071:
      return Wrap::clamp;
    case 33648:
      return Wrap::mirror;
    default:
      return Wrap::repeat;
  }
}

std::optional<GltfObject> find_extension(const GltfObject& object, const char* name) {
  const auto extensions = object.find_object("extensions");
  return extensions ? extensions->find_object(name) : std::nullopt;
}

/// Translation after rotation after scale. The rotation is counter-clockwise as seen with v
/// downwards, as viewers have it.
std::array<double, 6> place_of(const GltfObject& transform) {
  std::array<double, 2> offset{0, 0}, scale{1, 1};
  transform.numbers("offset", offset);
  transform.numbers("scale", scale);
  const double angle = transform.find_number("rotation").value_or(0);
  const double c = std::cos(angle), s = std::sin(angle);
  return {c * scale[0], s * scale[1], offset[0], -s * scale[0], c * scale[1], offset[1]};
}

}  // namespace

GltfMaterials::Use GltfMaterials::use(const GltfObject& primitive) {
  const auto index = primitive.find_integer("material");
  const Read& found = read(index);
  Use use;
  const std::string set = cat("TEXCOORD_", found.coordinate_set);
  use.coordinates = primitive.object("attributes").find_integer(set.c_str());
  const bool lacks = found.look.texture >= 0 && !use.coordinates;
  if (lacks) loader_.warn(cat("[mesh] ", source_.name, ": a textured part has no ", set));
  const auto next = static_cast<std::uint32_t>(looks_.materials.size());
  const auto [place, added] = places_.try_emplace({index, !lacks}, next);
  if (added) {
    looks_.materials.push_back(found.look);
    if (lacks) looks_.materials.back().texture = -1;
  }
  use.material = place->second;
  return use;
}

const GltfMaterials::Read& GltfMaterials::read(std::optional<std::size_t> index) {
  const auto [entry, added] = read_.try_emplace(index);
  if (added && index) {
    Read read;
    if (loader_.attempt([&] { read_base(root_.item("materials", *index), read); })) {
      entry->second = read;
    }
  }
  return entry->second;
}

void GltfMaterials::read_base(const GltfObject& material, Read& read) {
  read.look.two_sided = material.flag("doubleSided");
  auto base = material.find_object("pbrMetallicRoughness");
  const auto older = find_extension(material, "KHR_materials_pbrSpecularGlossiness");
  const bool is_older =
      older && !(base && (base->has("baseColorTexture") || base->has("baseColorFactor")));
  if (is_older) base = older;
  if (!base) return;
  std::array<double, 4> factor{1, 1, 1, 1};
  base->numbers(is_older ? "diffuseFactor" : "baseColorFactor", factor);
  for (std::size_t c = 0; c < 3; ++c)
    read.look.colour[c] = static_cast<float>(std::clamp(factor[c], 0.0, 1.0));
  const auto info = base->find_object(is_older ? "diffuseTexture" : "baseColorTexture");
  if (info) loader_.attempt([&] { read_texture(*info, read); });
}

void GltfMaterials::read_texture(const GltfObject& info, Read& read) {
  const GltfObject texture = root_.item("textures", info.integer("index"));
  read.coordinate_set = info.find_integer("texCoord").value_or(0);
  if (const auto transform = find_extension(info, "KHR_texture_transform")) {
    read.look.place = place_of(*transform);
    read.coordinate_set = transform->find_integer("texCoord").value_or(read.coordinate_set);
  }
  if (const auto index = texture.find_integer("sampler")) {
    const GltfObject sampler = root_.item("samplers", *index);
    read.look.wrap_u = wrap_of(sampler, "wrapS");
    read.look.wrap_v = wrap_of(sampler, "wrapT");
    read.look.nearest = sampler.find_integer("magFilter") == kNearest;
  }
  const auto webp = find_extension(texture, "EXT_texture_webp");
  const auto image = webp ? webp->find_integer("source") : texture.find_integer("source");
  if (!image) root_.refuse("a texture has no picture in a format that is read");
  read.look.texture = load_image(*image);
}

int GltfMaterials::load_image(std::size_t index) {
  const GltfObject image = root_.item("images", index);
  const std::string* uri = image.find_text("uri");
  const bool in_file = uri == nullptr || uri->starts_with("data:");
  const std::string name =
      cat(source_.name, ": image ", index, in_file ? "" : cat(" (", printable(*uri), ")"));
  return loader_.load(name, [&] {
    const auto bytes = uri != nullptr ? accessors_.file(*uri, "texture")
                                      : accessors_.view_bytes(image.integer("bufferView"));
    return Bytes(bytes.begin(), bytes.end());
  });
}

}  // namespace sinter::io
