#include "ops/farthest_point_sampling.h"

#include <limits>

#include "ops/check.h"

namespace sinter::ops {

Tensor farthest_point_sampling(Context& ctx,
                               const Tensor& points,
                               std::int64_t count,
                               std::int64_t start) {
  check_rank("farthest_point_sampling", "points", points, 2);
  const std::int64_t total = points.dim(0);
  check_shape("farthest_point_sampling", "points", points, {total, 3});
  SINTER_CHECK(count >= 1 && count <= total && start >= 0 && start < total,
               ErrorCode::invalid_argument,
               "[farthest_point_sampling] expected 1 <= count and start < ",
               total,
               " points, got count ",
               count,
               ", start ",
               start,
               origin(points.name));
  if (points.device != Device::cpu) fail_device("farthest_point_sampling", points.device);
  Tensor picked = ctx.allocate(DType::i64, {count});
  ArenaScope scratch(ctx.arena());
  const Tensor distances = ctx.allocate(DType::f32, {total});
  float* distance = distances.f32_mut();
  for (std::int64_t i = 0; i < total; ++i) distance[i] = std::numeric_limits<float>::infinity();
  const float* xyz = points.f32();
  std::int64_t* out = picked.ptr<std::int64_t>();
  std::int64_t current = start;
  for (std::int64_t n = 0;; ++n) {
    out[n] = current;
    if (n + 1 == count) break;
    distance[current] = -1.0F;
    std::int64_t best = 0;
    for (std::int64_t i = 0; i < total; ++i) {
      const float dx = xyz[3 * i] - xyz[3 * current];
      const float dy = xyz[3 * i + 1] - xyz[3 * current + 1];
      const float dz = xyz[3 * i + 2] - xyz[3 * current + 2];
      const float squared = dx * dx + dy * dy + dz * dz;
      if (squared < distance[i]) distance[i] = squared;
      if (distance[i] > distance[best]) best = i;
    }
    current = best;
  }
  return picked;
}

}  // namespace sinter::ops
