#include "pipeline/shape_extractor.h"

#include <optional>
#include <utility>

#include "mesh/cleanup.h"
#include "mesh/marching_cubes.h"
#include "pipeline/volume.h"

#ifdef SINTER_WITH_CUDA
#include "pipeline/cuda/device_extractor.h"
#endif

namespace sinter::pipeline {

namespace {

class HostExtractor final : public ShapeExtractor {
 public:
  void sample(Context& ctx,
              const models::ShapeVae& vae,
              const models::GeometryMemory& memory,
              const GenerateOptions& options,
              const mesh::SampleProgress& progress,
              mesh::SampleStats& stats) override {
    field_.emplace(sample_volume(ctx, vae, memory, options, progress, stats));
  }

  void extract(Context& ctx, const GenerateOptions& options) override {
    mesh_ = mesh::marching_cubes(
        *field_,
        {.level = static_cast<float>(options.level), .threads = ctx.threads, .poll = ctx.poll});
    field_.reset();
  }

  Mesh finish(Context& ctx, const GenerateOptions& options, std::int64_t& removed) override {
    removed = 0;
    if (options.remove_floaters) {
      removed = mesh::remove_floaters(mesh_, mesh::kFloaterRatio, ctx.poll);
    }
    return std::exchange(mesh_, {});
  }

 private:
  std::optional<mesh::Field> field_;
  Mesh mesh_;
};

}  // namespace

std::unique_ptr<ShapeExtractor> make_extractor(Context& ctx) {
#ifdef SINTER_WITH_CUDA
  if (ctx.device() == Device::cuda) return std::make_unique<DeviceExtractor>(ctx);
#endif
  SINTER_CHECK(ctx.device() == Device::cpu, ErrorCode::internal, "[extractor] no such device");
  return std::make_unique<HostExtractor>();
}

}  // namespace sinter::pipeline
