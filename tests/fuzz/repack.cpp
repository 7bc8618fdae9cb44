// Whole model files through `sinter convert`: an Error that leaves nothing behind, or files that
// hold every tensor of the source. The first byte chooses type, shards and component.

#include "checkpoint/repack.h"

#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "core/error.h"

namespace {

namespace fs = std::filesystem;
using namespace sinter::checkpoint;

/// One folder for the whole run, removed at its end.
class Folder {
 public:
  Folder() : path_((fs::temp_directory_path() / "sinter-fuzz-XXXXXX").string()) {
    if (::mkdtemp(path_.data()) == nullptr) abort();
    path_ += '/';
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

const std::string& folder() {
  static const Folder whole_run;
  return whole_run.path();
}

/// What sinter wrote itself must be readable.
Checkpoint read_back(const std::string& path) {
  try {
    return Checkpoint::open(path);
  } catch (const sinter::Error&) {
    abort();
  }
}

RepackOptions options_from(std::uint8_t choice) {
  constexpr std::optional<sinter::DType> kTypes[] = {
      {}, sinter::DType::f16, sinter::DType::bf16, sinter::DType::f32};
  constexpr const char* kComponents[] = {"", "vae", "model", "conditioner"};
  return {.dtype = kTypes[choice & 3],
          .max_shard_bytes = (choice & 4) != 0 ? std::uint64_t{64} : 0,
          .component = kComponents[(choice >> 3) & 3],
          .overwrite = false};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const bool torch = data[1] == 'P';
  const std::string in = folder() + (torch ? "in.ckpt" : "in.safetensors"), out = folder() + "out";
  std::ofstream(in, std::ios::binary)
      .write(reinterpret_cast<const char*>(data + 1), static_cast<std::streamsize>(size - 1));
  try {
    const ModelSource source = open_model({in});
    const RepackOptions options = options_from(data[0]);
    const RepackResult result = repack(source, out, options);
    const Checkpoint written = read_back(out);
    if (written.total_bytes() != result.bytes) abort();
    if (written.entries().size() != result.tensors) abort();
    if (options.component.empty() && result.tensors != source.checkpoint.entries().size()) abort();
  } catch (const sinter::Error& error) {
    if (error.message().find('\n') != std::string::npos) abort();
    if (error.code() == sinter::ErrorCode::internal) abort();
  }
  fs::remove_all(out);
  fs::remove(in);
  return 0;
}
