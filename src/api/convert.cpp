#include "sinter/convert.h"

#include <optional>
#include <utility>

#include "checkpoint/model_source.h"
#include "checkpoint/problems.h"
#include "checkpoint/repack.h"
#include "core/error.h"

namespace sinter {

namespace {

std::optional<DType> parse_dtype(const std::string& text) {
  if (text == "keep") return {};
  if (text == "fp16") return DType::f16;
  if (text == "bf16") return DType::bf16;
  if (text == "fp32") return DType::f32;
  fail(ErrorCode::invalid_argument,
       "[convert] dtype: expected keep, fp16, bf16 or fp32, got '",
       checkpoint::printable(text),
       "'");
}

}  // namespace

ConvertResult convert_model(const std::string& model,
                            const std::string& out,
                            const ConvertOptions& options,
                            const ConvertProgress& progress) {
  const checkpoint::RepackOptions repack{.dtype = parse_dtype(options.dtype),
                                         .max_shard_bytes = options.max_shard_bytes,
                                         .component = options.component,
                                         .overwrite = options.overwrite};
  const checkpoint::ModelSource source =
      checkpoint::open_model({model, checkpoint::parse_variant(options.variant), options.config});
  checkpoint::RepackResult done = checkpoint::repack(source, out, repack, progress);
  return {std::move(done.files), source.notes, static_cast<std::int64_t>(done.tensors), done.bytes};
}

}  // namespace sinter
