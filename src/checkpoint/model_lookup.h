#pragma once
// Where a model that is asked for by name lies on this machine. Only looks at the file system;
// never opens a connection.

#include <functional>
#include <optional>
#include <string>

namespace sinter::checkpoint {

/// The value of an environment variable; nothing where it is not set.
using ReadEnvironment = std::function<std::optional<std::string>(const std::string& name)>;

/// Reads the environment of the process.
std::optional<std::string> process_environment(const std::string& name);

struct ModelName {
  /// A path, or the name of a Hugging Face repository, "tencent/Hunyuan3D-2". Either may go on with
  /// the folder, "tencent/Hunyuan3D-2/hunyuan3d-dit-v2-0", or with a file in it. Behind the name of
  /// the repository or at the very end "@revision" names a branch, tag or full commit of the
  /// Hugging Face cache; without it that is main.
  std::string model;
  /// The folder in it that holds the model; empty where `model` names it.
  std::string folder = {};
};

/// The path for Checkpoint::open(): a file that `model` names, or the first folder of these that
/// holds a model (a file model*.safetensors, model*.ckpt, model*.bin or an index of one):
///  1. `model` itself, as a path,
///  2. below HY3DGEN_MODELS (default ~/.cache/hy3dgen), as the official loader does, unless a
///     revision is named,
///  3. in the Hugging Face cache, which is HF_HUB_CACHE, else HUGGINGFACE_HUB_CACHE, else
///     hub/ in HF_HOME, else huggingface/hub/ in XDG_CACHE_HOME, else ~/.cache/huggingface/hub:
///     models--tencent--Hunyuan3D-2/snapshots/(commit that refs/main names)/folder.
/// 2 and 3 are for repository names only. A variable that is empty counts as not set, and a leading
/// ~ stands for HOME. Where no folder is named and the place itself holds no model, the folder is
/// the one of its family's plain model (hunyuan3d-dit-v2-0, -v2-mini, -v2-mv or -v2-1), else the
/// only one that holds a model.
///
/// Raises ErrorCode::not_found with every place looked at, and the command that fetches a
/// repository, in one line; ErrorCode::invalid_argument for an empty name, a folder or revision
/// that leaves its place, and where several sub-folders hold a model (naming them).
std::string find_model(const ModelName& name, const ReadEnvironment& environment);

}  // namespace sinter::checkpoint
