#include "models/golden.h"

#include <array>
#include <cmath>
#include <fstream>
#include <sstream>

#include "checkpoint/writer.h"
#include "sampling/philox.h"

namespace sinter::models {

namespace {

/// FNV-1a, 64 bits.
std::uint64_t hash(std::string_view text) {
  std::uint64_t value = 0xcbf29ce484222325;
  for (const char c : text) {
    value = (value ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  return value;
}

Shape parse_shape(const std::string& text) {
  std::vector<std::int64_t> extents;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, ',');) extents.push_back(std::stoll(part));
  return Shape(extents.data(), extents.size());
}

}  // namespace

void fill_random(std::string_view name, float offset, float scale, const Tensor& out) {
  const std::uint64_t key = hash(name);
  float* values = out.f32_mut();
  std::array<std::uint32_t, 4> words{};
  for (std::int64_t i = 0; i < out.elements(); ++i) {
    if (i % 4 == 0) {
      words = sampling::philox4x32_10(
          {static_cast<std::uint32_t>(i / 4), 0, 0, 0},
          {static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32)});
    }
    const float unit = static_cast<float>(words[static_cast<std::size_t>(i % 4)] >> 8) * 0x1p-24F;
    values[i] = offset + scale * (2.0F * unit - 1.0F);
  }
}

OwnedTensor::OwnedTensor(const Shape& shape, float value)
    : memory_(static_cast<std::size_t>(shape.elements()) * sizeof(float)),
      view_{.data = memory_.data(), .shape = shape, .name = "test"} {
  std::fill_n(view_.f32_mut(), view_.elements(), value);
}

OwnedTensor::OwnedTensor(std::string_view name, const Shape& shape, float scale)
    : OwnedTensor(shape) {
  fill_random(name, 0.0F, scale, view_);
}

std::string data_path(const std::string& file) {
  return std::string(SINTER_SOURCE_DIR) + "/tests/models/data/" + file;
}

std::string released_config(const std::string& folder) {
  std::ifstream in(std::string(SINTER_SOURCE_DIR) + "/tests/checkpoint/configs/" + folder +
                   ".yaml");
  SINTER_CHECK(in.good(), ErrorCode::not_found, "[golden] no configuration ", folder);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<GoldenWeight> read_weight_list(const std::string& bundle) {
  std::ifstream in(data_path(bundle + "/weights.txt"));
  std::vector<GoldenWeight> list;
  std::string name, shape, offset, scale;
  while (in >> name >> shape >> offset >> scale) {
    list.push_back({name, parse_shape(shape), std::stof(offset), std::stof(scale)});
  }
  SINTER_CHECK(!list.empty(), ErrorCode::not_found, "[golden] no weights for ", bundle);
  return list;
}

checkpoint::Checkpoint random_checkpoint(const std::vector<GoldenWeight>& list,
                                         const std::string& name) {
  std::vector<std::vector<std::uint16_t>> halves;
  std::vector<checkpoint::TensorSource> sources;
  for (const GoldenWeight& weight : list) {
    const OwnedTensor values(weight.shape);
    fill_random(weight.name, weight.offset, weight.scale, values);
    std::vector<std::uint16_t>& bits = halves.emplace_back();
    for (const float value : values.view().span()) bits.push_back(float_to_half(value));
  }
  for (std::size_t i = 0; i < list.size(); ++i) {
    sources.push_back(
        {list[i].name, DType::f16, list[i].shape, std::as_bytes(std::span(halves[i]))});
  }
  return checkpoint::Checkpoint::from_bytes(checkpoint::to_safetensors(sources), name);
}

checkpoint::Checkpoint random_checkpoint(const std::string& bundle) {
  return random_checkpoint(read_weight_list(bundle), bundle);
}

const ShapeModel& random_model(const std::string& bundle) {
  static std::map<std::string, ShapeModel> models;
  const auto found = models.find(bundle);
  if (found != models.end()) return found->second;
  auto config = checkpoint::ConfigNode::load(data_path(bundle + "/config.yaml"));
  return models.emplace(bundle, ShapeModel(random_checkpoint(bundle), config)).first->second;
}

Goldens::Goldens(const std::string& bundle, const std::string& file)
    : file_(checkpoint::Checkpoint::open(data_path(bundle + "/" + file + ".safetensors"))) {}

std::vector<float> Goldens::values(const std::string& name) const {
  const checkpoint::TensorEntry* entry = file_.find(name);
  SINTER_CHECK(entry != nullptr, ErrorCode::not_found, "[golden] no tensor ", name);
  std::vector<float> result(static_cast<std::size_t>(entry->shape.elements()));
  convert_to_float(entry->bytes.data(), entry->dtype, result.data(), result.size());
  return result;
}

double relative_error(std::span<const float> a, std::span<const float> b) {
  if (a.size() != b.size()) return INFINITY;
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference += std::pow(static_cast<double>(a[i]) - b[i], 2);
    norm += std::pow(static_cast<double>(b[i]), 2);
  }
  return std::sqrt(difference / norm);
}

void expect_near(std::span<const float> got,
                 const Goldens& goldens,
                 const std::string& name,
                 double limit) {
  const std::vector<float> expected = goldens.values(name);
  ASSERT_EQ(got.size(), expected.size()) << name;
  const double error = relative_error(got, expected);
  // NaN must fail too, hence not EXPECT_LT(error, limit) alone.
  EXPECT_TRUE(error < limit) << name << ": relative error " << error;
  std::printf("    %-34s %.1e\n", name.c_str(), error);
}

Tapped::Tapped(Context& ctx) {
  ctx.tap = [this](std::string_view name, const Tensor& tensor) {
    seen_[std::string(name)].assign(tensor.span().begin(), tensor.span().end());
  };
}

void Tapped::expect_near(const Goldens& goldens,
                         const std::string& prefix,
                         const std::vector<std::string>& names,
                         double limit) const {
  for (const std::string& name : names) {
    const auto found = seen_.find(name);
    ASSERT_NE(found, seen_.end()) << name << " was not tapped";
    models::expect_near(found->second, goldens, prefix + name, limit);
  }
}

}  // namespace sinter::models
