#include "models/random_weights.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "checkpoint/float_cast.h"
#include "checkpoint/random_values.h"
#include "core/error.h"

namespace sinter::models {

namespace {

using checkpoint::Checkpoint;
using checkpoint::TensorEntry;

struct Spread {
  double mean, deviation;
};

/// Deviation times the root of the number of inputs, by a part of the name; 1 for all others.
struct Gain {
  std::string_view part;
  double gain;
};
constexpr std::array kGains = {
    // ends of residual branches that nothing scales down
    Gain{"attn.c_proj.", 0.5},
    Gain{"mlp.c_proj.", 0.5},
    Gain{".out_proj.", 0.5},
    Gain{".mlp.fc2.", 0.5},
    Gain{".net.2.", 0.5},
    Gain{"patch_embeddings", 0.5},    // neighbouring pixels are alike
    Gain{".moe.gate.", 2.0},          // few tokens between two experts
    Gain{"final_layer.linear", 1.4},  // data minus noise, both of deviation 1
};

Spread spread_of(const TensorEntry& tensor) {
  const std::string_view name = tensor.name;
  const auto has = [&](std::string_view part) { return name.find(part) != name.npos; };
  if (has("query_norm.") || has("key_norm.") || has(".q_norm.") || has(".k_norm.")) {
    if (!name.ends_with(".bias")) return {1.5, 0.1};
  }
  if (has("layer_scale")) return {0.3, 0.05};
  if (has("position_embeddings") || has("cls_token")) return {0.0, 0.3};
  if (name.ends_with(".bias")) return {0.0, 0.05};
  if (tensor.shape.rank() == 1) return {1.0, 0.1};  // of a norm
  const double inputs =
      static_cast<double>(tensor.shape.elements()) / static_cast<double>(tensor.shape[0]);
  double gain = 1.0;
  for (const Gain& one : kGains) {
    if (has(one.part)) gain = one.gain;
  }
  return {0.0, gain / std::sqrt(inputs)};
}

/// The two layers at the ends of the geometry decoder share a direction u of the residual stream,
/// (+1, -1, +1, ...) / sqrt(G): the embedding of a point p has a multiple of (cos x + cos y + cos z
/// - kLevel) sqrt(G) along it, positive within about 0.6 of the origin, plus waves that make lumps.
/// Behind a last norm that saturates at sqrt(G), and the output layer scales it to kSaturation;
/// decoders without one do not saturate. Slopes at the surface are near 10 for both.
class PlantedField {
 public:
  PlantedField(const TensorEntry& tensor, std::uint64_t seed, bool normed)
      : shape_(tensor.shape),
        start_(checkpoint::random_start(tensor.name, seed)),
        steep_(normed ? kNormedSteep : kPlainSteep) {}

  static bool concerns(std::string_view name) {
    return name.ends_with("geo_decoder.query_proj.weight") ||
           name.ends_with("geo_decoder.query_proj.bias") ||
           name.ends_with("geo_decoder.output_proj.weight");
  }

  /// Element `i` of the tensor.
  double operator()(std::int64_t i) const {
    if (shape_.rank() == 1) return 0.05 * random(i) - steep_ * kLevel * sign(i);
    if (shape_[0] == 1) {
      const auto width = static_cast<double>(shape_[1]);
      return kSaturation * sign(i) / width + 0.13 * random(i) / std::sqrt(width);
    }
    return query(i / shape_[1], i % shape_[1]);
  }

 private:
  static constexpr double kPlainSteep = 14.0, kNormedSteep = 32.0;
  static constexpr double kLevel = 2.8125;  // cos 0.61 + 2
  static constexpr double kSaturation = 1.25;

  static double sign(std::int64_t channel) { return channel % 2 == 0 ? 1.0 : -1.0; }
  double random(std::int64_t i) const {
    return checkpoint::random_value(start_, static_cast<std::uint64_t>(i));
  }

  /// Columns: x, y, z, the sines (coordinate by coordinate, octave by octave), the cosines. Octaves
  /// fade so that the slope of the field does not grow with them.
  double query(std::int64_t channel, std::int64_t column) const {
    const std::int64_t octaves = (shape_[1] / 3 - 1) / 2;
    const double noise = 0.5 * random(channel * shape_[1] + column);
    if (column < 3) return noise;
    const std::int64_t wave = column - 3, octave = wave % octaves;
    const double fade = std::exp2(-static_cast<double>(octave));
    // one number a column, the same for all channels
    const double lump = 0.06 * random((shape_[0] + 1) * shape_[1] + column) * std::pow(fade, 1.5);
    const bool centred = octave == 0 && wave >= 3 * octaves;
    return noise * fade + steep_ * sign(channel) * (lump + (centred ? 1.0 : 0.0));
  }

  Shape shape_;
  std::uint64_t start_;
  double steep_;
};

/// What all tensors have in common.
struct Recipe {
  std::uint64_t seed;
  int threads;
  bool normed;  ///< the geometry decoder has a last norm
};

void produce(const TensorEntry& tensor, std::span<std::byte> out, const Recipe& recipe) {
  if (PlantedField::concerns(tensor.name)) {
    const PlantedField field(tensor, recipe.seed, recipe.normed);
    std::vector<double> values;
    for (std::int64_t i = 0; i < tensor.shape.elements(); ++i) values.push_back(field(i));
    checkpoint::cast_floats(std::as_bytes(std::span(values)), DType::f64, out.data(), tensor.dtype);
    return;
  }
  const Spread spread = spread_of(tensor);
  checkpoint::fill_random(out,
                          tensor.dtype,
                          checkpoint::random_start(tensor.name, recipe.seed),
                          spread.mean,
                          spread.deviation,
                          recipe.threads);
}

}  // namespace

Checkpoint random_weights(std::vector<TensorEntry> tensors,
                          const std::string& name,
                          std::uint64_t seed,
                          int threads) {
  const bool normed = std::any_of(tensors.begin(), tensors.end(), [](const TensorEntry& tensor) {
    return tensor.name.ends_with("geo_decoder.ln_post.weight");
  });
  const Recipe recipe{seed, threads, normed};
  return Checkpoint::produced(std::move(tensors),
                              name,
                              cat("random weights, seed ", seed),
                              [recipe](const TensorEntry& tensor, std::span<std::byte> out) {
                                produce(tensor, out, recipe);
                              });
}

}  // namespace sinter::models
