#pragma once
// The same networks are published under different names: bundles of training runs and of other
// programs put other words in front of the tensors' own names.
//
//   network              official                              elsewhere
//   shape transformer    model.                                model.diffusion_model., ..., nothing
//   shape VAE            vae.                                  first_stage_model., ...
//   image encoder        conditioner.main_image_encoder.model. cond_stage_model..., ...
//
// Sources: Hunyuan3D-2.1, hy3dshape/models/diffusion/flow_matching_sit.py (names of a training
// run); ComfyUI, comfy/model_detection.py (unet_prefix_from_state_dict), comfy/supported_models.py
// (Hunyuan3Dv2: vae_key_prefix, clip_vision_prefix).

#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/safetensors.h"

namespace sinter::checkpoint {

/// Front parts of the official names, with their dots.
inline constexpr std::string_view kTransformerPrefix = "model.";
inline constexpr std::string_view kVaePrefix = "vae.";
inline constexpr std::string_view kEncoderPrefix = "conditioner.main_image_encoder.model.";

/// Gives every entry its official name, in place, and sorts them by name. Names of a file in the
/// official layout stay as they are, a stand-alone VAE's (which have no front part) too. Returns
/// what was renamed, for people: "model.diffusion_model.* is read as model.*". Raises
/// ErrorCode::corrupt where two tensors would get one name; `label` names the file.
std::vector<std::string> use_official_names(std::vector<TensorEntry>& entries,
                                            std::string_view label);

}  // namespace sinter::checkpoint
