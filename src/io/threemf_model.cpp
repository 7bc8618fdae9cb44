#include "io/threemf_model.h"

#include <algorithm>

#include "io/text_scanner.h"
#include "io/xml_events.h"

namespace sinter::io {
namespace {

#define SINTER_3MF "http://schemas.microsoft.com/3dmanufacturing/"
constexpr std::string_view kCore = SINTER_3MF "core/2015/02|";
constexpr std::string_view kPath = SINTER_3MF "production/2015/06|path";
/// Extensions that leave the shape of meshes as it is, or that are read here.
constexpr std::string_view kHarmless[] = {SINTER_3MF "core/2015/02",
                                          SINTER_3MF "material/2015/02",
                                          SINTER_3MF "production/2015/06",
                                          SINTER_3MF "trianglesets/2021/07",
                                          SINTER_3MF "securecontent/2019/04"};
#undef SINTER_3MF

/// Objects, components and items of one part.
constexpr std::size_t kMostObjects = std::size_t{1} << 18;

class ModelHandler final : public XmlHandler {
 public:
  ModelHandler(const MeshSource& source, std::string part)
      : source_(source), part_(std::move(part)) {}

  ThreemfModel take() {
    if (!seen_model_) refuse("is not a 3MF model");
    return std::move(model_);
  }

  void prefix(std::string_view prefix, std::string_view uri) override {
    if (!seen_model_ && prefixes_.size() < 64) prefixes_.emplace(prefix, uri);
  }

  void start(std::string_view name, const XmlAttributes& attributes) override {
    if (!name.starts_with(kCore)) return;
    name.remove_prefix(kCore.size());
    // The most frequent first.
    if (name == "triangle") {
      if (object_ != nullptr) add_triangle(attributes);
    } else if (name == "vertex") {
      if (object_ != nullptr) add_vertex(attributes);
    } else if (name == "component") {
      if (object_ != nullptr) object_->components.push_back(placement(attributes));
    } else if (name == "item") {
      model_.build.push_back(placement(attributes));
    } else if (name == "object") {
      start_object(attributes);
    } else if (name == "model") {
      start_model(attributes);
    }
  }

  void end(std::string_view name) override {
    if (!name.starts_with(kCore) || name.substr(kCore.size()) != "object") return;
    if (object_ != nullptr) check_indices();
    object_ = nullptr;
  }

 private:
  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    source_.refuse(ErrorCode::corrupt, part_, ": ", parts...);
  }

  void start_model(const XmlAttributes& attributes) {
    seen_model_ = true;
    const std::string_view unit = attributes.find("unit").value_or("millimeter");
    constexpr std::pair<std::string_view, double> kUnits[] = {{"micron", 1e-6},
                                                              {"millimeter", 1e-3},
                                                              {"centimeter", 1e-2},
                                                              {"inch", 0.0254},
                                                              {"foot", 0.3048},
                                                              {"meter", 1}};
    const auto* found = std::find_if(std::begin(kUnits), std::end(kUnits), [&](const auto& known) {
      return known.first == unit;
    });
    if (found == std::end(kUnits)) refuse("unit '", printable(unit), "' is not one of 3MF's");
    model_.metres_per_unit = found->second;
    TextScanner words(attributes.find("requiredextensions").value_or(""));
    for (auto word = words.word(); !word.empty(); word = words.word()) {
      const auto meant = prefixes_.find(std::string(word));
      const std::string uri = meant == prefixes_.end() ? std::string(word) : meant->second;
      if (std::find(std::begin(kHarmless), std::end(kHarmless), uri) == std::end(kHarmless)) {
        source_.refuse(ErrorCode::unsupported, part_, ": requires the extension ", printable(uri));
      }
    }
  }

  void start_object(const XmlAttributes& attributes) {
    const auto [place, added] = model_.objects.try_emplace(number(attributes, "id"));
    if (!added) refuse("object ", place->first, " is defined twice");
    count_object();
    object_ = &place->second;
  }

  void add_vertex(const XmlAttributes& attributes) {
    source_.check_count(++vertices_, "vertices");
    mesh::Vec3 position;
    constexpr std::string_view kNames[] = {"x", "y", "z"};
    for (std::size_t axis = 0; axis < 3; ++axis) {
      double value = 0;
      const auto text = attributes.find(kNames[axis]);
      if (!text || !parse(*text, value)) refuse("expected numbers x, y, z of a vertex");
      position[axis] = to_coordinate(value);
    }
    object_->mesh.positions.push_back(position);
  }

  void add_triangle(const XmlAttributes& attributes) {
    source_.check_count(++faces_, "faces");
    object_->mesh.faces.push_back(
        {number(attributes, "v1"), number(attributes, "v2"), number(attributes, "v3")});
  }

  ThreemfPlacement placement(const XmlAttributes& attributes) {
    count_object();
    ThreemfPlacement result;
    result.object = number(attributes, "objectid");
    if (const auto path = attributes.find(kPath)) {
      if (path->size() > 512) refuse("the path of an object is too long");
      result.part = *path;
    }
    if (const auto text = attributes.find("transform")) {
      TextScanner words(*text);
      // Four rows of three, to be multiplied by [x y z 1] from the left.
      for (std::size_t n = 0; n < 12; ++n) {
        if (!parse(words.word(), result.transform.rows[n % 3][n / 3])) {
          refuse("expected twelve numbers in a transform");
        }
      }
      if (!words.word().empty()) refuse("expected twelve numbers in a transform");
    }
    return result;
  }

  void count_object() {
    if (++objects_ <= kMostObjects) return;
    source_.refuse(ErrorCode::unsupported, part_, ": more than ", kMostObjects, " objects");
  }

  std::uint32_t number(const XmlAttributes& attributes, std::string_view name) const {
    const auto text = attributes.find(name);
    std::uint32_t value = 0;
    if (!text || !parse(*text, value)) refuse("expected a whole number for ", name);
    return value;
  }

  void check_indices() const {
    const mesh::TriangleMesh& mesh = object_->mesh;
    for (const mesh::Face& face : mesh.faces) {
      for (const std::uint32_t index : face) {
        if (index >= mesh.positions.size()) {
          refuse("a triangle refers to vertex ", index, " of ", mesh.positions.size());
        }
      }
    }
  }

  const MeshSource& source_;
  std::string part_;
  ThreemfModel model_;
  std::map<std::string, std::string> prefixes_;
  ThreemfObject* object_ = nullptr;  // the one that is open
  bool seen_model_ = false;
  std::size_t vertices_ = 0, faces_ = 0, objects_ = 0;
};

}  // namespace

ThreemfModel read_threemf_model(const MeshSource& source,
                                const ZipReader& archive,
                                std::size_t entry) {
  ModelHandler handler(source, printable(archive.names()[entry]));
  parse_xml(source, archive, entry, handler);
  return handler.take();
}

}  // namespace sinter::io
