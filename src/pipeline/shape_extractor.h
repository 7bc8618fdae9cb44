#pragma once
// From a decoded shape to its mesh, on the device where the networks run: the stages "volume" and
// "surface", and the removal of floaters.

#include <cstdint>
#include <functional>
#include <memory>

#include "core/context.h"
#include "mesh/sample_stats.h"
#include "models/shape_vae.h"
#include "sinter/engine.h"

namespace sinter::pipeline {

/// One shape at a time: sample(), then extract(), then finish(). Keeps its working memory for the
/// next shape. Not thread-safe.
class ShapeExtractor {
 public:
  virtual ~ShapeExtractor() = default;

  /// Samples the field as the options ask. `progress` is told a non-decreasing fraction often
  /// enough (a few ten thousand queries, or less work of other kinds) that what it throws stops the
  /// decode soon.
  virtual void sample(Context& ctx,
                      const models::ShapeVae& vae,
                      const models::GeometryMemory& memory,
                      const GenerateOptions& options,
                      const mesh::SampleProgress& progress,
                      mesh::SampleStats& stats) = 0;
  /// The surface at the options' level, closed.
  virtual void extract(Context& ctx, const GenerateOptions& options) = 0;
  /// Its mesh on the host, without floaters where the options say so; `removed` counts them.
  virtual Mesh finish(Context& ctx, const GenerateOptions& options, std::int64_t& removed) = 0;
};

/// For the device of the context, which must outlive it.
std::unique_ptr<ShapeExtractor> make_extractor(Context& ctx);

}  // namespace sinter::pipeline
