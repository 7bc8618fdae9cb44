#include "io/camera_file.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "io/file.h"

namespace sinter::io {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxBytes = 1 << 20;
constexpr std::size_t kMaxCameras = 256;
constexpr int kMaxDepth = 16;

/// Numbers of a camera by the name they have in the file.
constexpr std::pair<const char*, double ViewCamera::*> kNumbers[] = {
    {"azimuth", &ViewCamera::azimuth},
    {"elevation", &ViewCamera::elevation},
    {"distance", &ViewCamera::distance},
    {"scale", &ViewCamera::scale},
    {"field_of_view", &ViewCamera::field_of_view},
    {"near", &ViewCamera::near_plane},
    {"far", &ViewCamera::far_plane},
    {"weight", &ViewCamera::weight}};

template <class... Parts>
[[noreturn]] void refuse(std::string_view name, const Parts&... parts) {
  fail(ErrorCode::corrupt, "[cameras] ", name, ": ", parts...);
}

json parse(std::span<const std::uint8_t> bytes, std::string_view name) {
  // A parser's callback sees every opening bracket before anything is built below it.
  const auto depth = [&](int level, json::parse_event_t, json&) {
    if (level > kMaxDepth) refuse(name, "lists or objects are nested too deep");
    return true;
  };
  const json document = json::parse(bytes.begin(), bytes.end(), depth, false);
  if (document.is_discarded()) refuse(name, "is not valid JSON");
  return document;
}

ViewCamera camera_of(const json& object, std::size_t number, std::string_view name) {
  if (!object.is_object()) refuse(name, "camera ", number, ": expected an object");
  ViewCamera camera;
  for (const auto& [key, value] : object.items()) {
    if (key == "projection") {
      if (value != "orthographic" && value != "perspective") {
        refuse(
            name, "camera ", number, ": projection: expected \"orthographic\" or \"perspective\"");
      }
      camera.perspective = value == "perspective";
      continue;
    }
    const auto known = std::find_if(
        std::begin(kNumbers), std::end(kNumbers), [&name_in_file = key](const auto& n) {
          return name_in_file == n.first;
        });
    if (known == std::end(kNumbers)) {
      refuse(name, "camera ", number, ": unknown member '", printable(key), "'");
    }
    if (!value.is_number()) refuse(name, "camera ", number, ": ", key, ": expected a number");
    camera.*known->second = value.get<double>();
  }
  return camera;
}

}  // namespace

std::vector<ViewCamera> decode_cameras(std::span<const std::uint8_t> bytes, std::string_view name) {
  const json document = parse(bytes, name);
  const json* list = &document;
  if (document.is_object()) {
    const auto member = document.find("cameras");
    if (member == document.end()) refuse(name, "expected a list, or an object with \"cameras\"");
    list = &*member;
  }
  if (!list->is_array()) refuse(name, "expected a list of cameras");
  if (list->empty() || list->size() > kMaxCameras) {
    refuse(name, "expected 1..", kMaxCameras, " cameras, got ", list->size());
  }
  std::vector<ViewCamera> cameras;
  for (const json& object : *list) cameras.push_back(camera_of(object, cameras.size(), name));
  return cameras;
}

std::vector<ViewCamera> read_cameras(const std::filesystem::path& path) {
  return decode_cameras(read_file(path, "cameras", kMaxBytes), printable(path));
}

}  // namespace sinter::io
