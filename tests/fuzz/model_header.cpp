// What names and shapes tell of a model: whatever they are, official names without repetition and a
// configuration that is read back, or an Error. The input is a key list (checkpoint/key_list.h).

#include <cstdint>
#include <cstdlib>

#include "checkpoint/component_names.h"
#include "checkpoint/config.h"
#include "checkpoint/derived_config.h"
#include "checkpoint/inspect.h"
#include "checkpoint/key_list.h"
#include "core/error.h"

namespace {

/// What sinter wrote itself must be readable.
sinter::checkpoint::ConfigNode read_back(const std::string& yaml) {
  try {
    return sinter::checkpoint::ConfigNode::parse(yaml, "derived");
  } catch (const sinter::Error&) {
    abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sinter::checkpoint;
  try {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    std::vector<TensorEntry> entries = parse_key_list(text, "f");
    use_official_names(entries, "f");
    const Checkpoint checkpoint = Checkpoint::outline(std::move(entries), "f");
    const auto derived = derive_config(checkpoint);
    const ConfigNode config = derived ? read_back(derived->yaml) : ConfigNode();
    inspect(checkpoint, config);
    if (derived && read_back(config.to_yaml()).to_yaml() != config.to_yaml()) abort();
  } catch (const sinter::Error& error) {
    if (error.message().find('\n') != std::string::npos) abort();
    if (error.code() == sinter::ErrorCode::internal) abort();
  }
  return 0;
}
