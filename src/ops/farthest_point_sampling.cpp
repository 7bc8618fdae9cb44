#include "ops/farthest_point_sampling.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "cpu/kernels.h"
#include "ops/check.h"
#include "ops/pointwise_rows.h"

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
  ArenaScope scope(ctx.arena());
  const Tensor scratch = ctx.allocate(DType::f32, {4, total});
  float* const columns = scratch.f32_mut();
  float* distance = columns + 3 * total;
  const float* src = points.f32();
  for (std::int64_t i = 0; i < total; ++i) {
    for (std::int64_t c = 0; c < 3; ++c) columns[c * total + i] = src[3 * i + c];
    distance[i] = std::numeric_limits<float>::infinity();
  }
  const float* const xyz[3] = {columns, columns + total, columns + 2 * total};
  const int threads = useful_threads(ctx, total);
  std::vector<cpu::Farthest> best(static_cast<std::size_t>(threads));
  std::int64_t* out = picked.ptr<std::int64_t>();
  out[0] = start;
  for (std::int64_t n = 1; n < count; ++n) {
    const std::int64_t last = out[n - 1];
    // Below every distance, so that a point is never picked twice, not even among equal points.
    distance[last] = -1.0F;
    cpu::parallel_ranges(threads, total, [&](std::int64_t begin, std::int64_t end, int thread) {
      best[static_cast<std::size_t>(thread)] =
          cpu::kernels().farthest(xyz, src + 3 * last, distance, begin, end);
    });
    const auto farther = [](const cpu::Farthest& a, const cpu::Farthest& b) {
      return a.distance < b.distance;
    };
    out[n] = std::max_element(best.begin(), best.end(), farther)->index;
  }
  return picked;
}

}  // namespace sinter::ops
