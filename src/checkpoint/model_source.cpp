#include "checkpoint/model_source.h"

#include <utility>

#include "checkpoint/derived_config.h"
#include "checkpoint/problems.h"
#include "core/error.h"

namespace sinter::checkpoint {

namespace {

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

void add_derived(ModelSource& source, const std::string& file) {
  const auto derived = derive_config(source.checkpoint);
  if (!derived) return;
  source.derived_config = derived->yaml;
  source.config = ConfigNode::parse(derived->yaml, file + " (no config.yaml, from its tensors)");
  source.notes.push_back(cat("[model] ",
                             file,
                             ": no config.yaml; recognised as ",
                             derived->recognised,
                             " by its tensors, assumed ",
                             joined(derived->assumed),
                             "; --config FILE says otherwise"));
}

}  // namespace

ModelSource open_model(const ModelRequest& request, const ReadEnvironment& environment) {
  ModelSource source{
      Checkpoint::open(find_model({request.model}, environment), request.variant), {}, {}, {}};
  const Checkpoint& checkpoint = source.checkpoint;
  const std::string file = printable(checkpoint.path());
  if (!checkpoint.renamed().empty()) {
    source.notes.push_back(
        cat("[model] ", file, ": names of another program: ", joined(checkpoint.renamed())));
  }
  if (!request.config.empty()) {
    source.config = ConfigNode::load(request.config);
  } else if (!checkpoint.config_path().empty()) {
    source.config = ConfigNode::load(checkpoint.config_path());
  } else {
    add_derived(source, file);
  }
  return source;
}

}  // namespace sinter::checkpoint
