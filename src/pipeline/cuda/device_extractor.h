#pragma once
// ShapeExtractor on a GPU: the grid never leaves it.

#include <optional>

#include "mesh/cuda/cleanup.h"
#include "mesh/cuda/device_field.h"
#include "mesh/cuda/device_mesh.h"
#include "mesh/cuda/marching_cubes.h"
#include "pipeline/shape_extractor.h"

namespace sinter::pipeline {

class DeviceExtractor final : public ShapeExtractor {
 public:
  explicit DeviceExtractor(Context& ctx);

  void sample(Context& ctx,
              const models::ShapeVae& vae,
              const models::GeometryMemory& memory,
              const GenerateOptions& options,
              const mesh::SampleProgress& progress,
              mesh::SampleStats& stats) override;
  void extract(Context& ctx, const GenerateOptions& options) override;
  Mesh finish(Context& ctx, const GenerateOptions& options, std::int64_t& removed) override;

 private:
  cudaStream_t stream_;  // the context's queue
  mesh::cuda::MarchingCubes marching_cubes_;
  mesh::cuda::MeshDownload download_;
  std::optional<mesh::cuda::DeviceField> field_;
  mesh::cuda::DeviceMesh mesh_;
};

}  // namespace sinter::pipeline
