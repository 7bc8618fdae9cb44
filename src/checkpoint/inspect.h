#pragma once
// What a model file is, found from its tensor names, its shapes and its configuration. Facts only;
// the command line prints them.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "checkpoint/config.h"

namespace sinter::checkpoint {

/// All tensors below one component prefix ("model", "vae", "conditioner"), or without one.
struct ComponentFacts {
  std::string prefix;  ///< without the dot; empty for the keys of a stand-alone file
  std::string kind;    ///< "shape transformer", "shape VAE", "image encoder" or "unknown"
  std::size_t tensors = 0;
  std::size_t parameters = 0;
  std::size_t bytes = 0;
  std::vector<DType> dtypes;
};

/// The shape transformer; 0 where the header does not tell.
struct TransformerFacts {
  std::int64_t width = 0;
  std::int64_t heads = 0;
  std::int64_t double_blocks = 0;   ///< 2.0 family
  std::int64_t single_blocks = 0;   ///< 2.0 family
  std::int64_t blocks = 0;          ///< 2.1
  std::int64_t mixture_blocks = 0;  ///< 2.1: those of them with a mixture of experts
  std::int64_t experts = 0;         ///< 2.1: of one mixture, without the shared one
  std::int64_t latent_channels = 0;
  std::int64_t context_width = 0;
  bool guidance_embedder = false;  ///< distilled: takes the guidance scale as an input
};

struct VaeFacts {
  std::int64_t width = 0;
  std::int64_t heads = 0;
  std::int64_t latent_channels = 0;
  std::int64_t decoder_blocks = 0;
  std::int64_t geo_width = 0;  ///< width of the geometry decoder
  std::int64_t geo_mlp_ratio = 0;
  bool geo_ln_post = false;
  bool geo_qk_norm = false;
  bool has_encoder = false;
  std::int64_t encoder_blocks = 0;
};

struct ImageEncoderFacts {
  std::int64_t width = 0;
  std::int64_t heads = 0;
  std::int64_t layers = 0;
  std::int64_t patch = 0;
  std::int64_t tokens = 0;  ///< entries of the position table, the class token included
  bool swiglu = false;
};

/// What only config.yaml tells; see specs of the bundle. Absent values stay empty.
struct ConfigFacts {
  std::optional<std::int64_t> num_latents;
  std::optional<double> scale_factor;
  std::optional<std::int64_t> image_size;            ///< input of the image encoder
  std::optional<std::int64_t> processor_image_size;  ///< output of the preprocessor
  bool multi_view = false;  ///< the conditioner tells views of the object apart
  std::int64_t views = 1;   ///< pictures that the conditioner takes at most
  std::string model_class, vae_class, conditioner_class, scheduler_class, processor_class;
};

struct ModelFacts {
  std::string family;   ///< "Hunyuan3D 2.0", "Hunyuan3D 2.1", "ShapeVAE" or "unknown"
  std::string variant;  ///< "base", "mini-turbo", "mv", "custom size", "turbo decoder", ...; empty
                        ///< where unknown
  std::vector<ComponentFacts> components;
  std::optional<TransformerFacts> transformer;
  std::optional<VaeFacts> vae;
  std::optional<ImageEncoderFacts> image_encoder;
  std::optional<ConfigFacts> config;
  std::size_t tensors = 0;
  std::size_t parameters = 0;
  std::size_t bytes = 0;
  std::vector<DType> dtypes;
  /// What is absent and what it means for the user, one sentence each: "VAE encoder: absent, so
  /// meshes cannot be encoded".
  std::vector<std::string> missing;
};

/// `config` may be a node that is not defined(). Raises only for a configuration whose values have
/// the wrong type.
ModelFacts inspect(const Checkpoint& checkpoint, const ConfigNode& config = {});

}  // namespace sinter::checkpoint
