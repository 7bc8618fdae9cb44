#include "ops/history.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "cpu/threads.h"
#include "ops/backend.h"
#include "ops/check.h"
#include "ops/pointwise_rows.h"

namespace sinter::ops {

namespace {

void check_table(const char* op, const Tensor& table, const Tensor& row) {
  SINTER_CHECK(has_values(table) && has_values(row) && table.shape.rank() >= 1 &&
                   table.dim(0) > 0 && table.elements() == table.dim(0) * row.elements() &&
                   table.device == row.device,
               ErrorCode::invalid_argument,
               "[",
               op,
               "] expected a row of ",
               table.shape,
               ", got ",
               row.shape);
}

}  // namespace

void store_row(Context& ctx, const Tensor& table, const Step& place, const Tensor& x) {
  check_table("store_row", table, x);
  if (x.device != Device::cpu) {
    return backend(ctx, "store_row").store_row(table, place.device, x);
  }
  const std::int64_t row = place.number % table.dim(0);
  std::copy_n(x.f32(), x.elements(), table.f32_mut() + row * x.elements());
}

void weighted_rows(Context& ctx, const Tensor& table, const Tensor& weights, const Tensor& dst) {
  check_table("weighted_rows", table, dst);
  check_shape("weighted_rows", "weights", weights, {table.dim(0)});
  if (dst.device != Device::cpu) {
    return backend(ctx, "weighted_rows").weighted_rows(table, weights, dst);
  }
  const std::int64_t count = dst.elements();
  cpu::parallel_ranges(
      useful_threads(ctx, count), count, [&](std::int64_t begin, std::int64_t end, int) {
        float* const to = dst.f32_mut();
        std::fill(to + begin, to + end, 0.0F);
        for (std::int64_t j = 0; j < table.dim(0); ++j) {
          const float weight = weights.f32()[j];
          if (weight == 0.0F) continue;
          const float* const from = table.f32() + j * count;
          for (std::int64_t i = begin; i < end; ++i) to[i] += weight * from[i];
        }
      });
}

void measure_change(Context& ctx, const Tensor& a, const Tensor& b, const Tensor& sums) {
  check_shape("measure_change", "sums", sums, {2});
  SINTER_CHECK(has_values(a) && has_values(b) && a.elements() == b.elements() &&
                   a.device == b.device && a.dtype == b.dtype,
               ErrorCode::invalid_argument,
               "[measure_change] expected two tensors of one size and type, got ",
               a.shape,
               " and ",
               b.shape);
  if (a.device != Device::cpu)
    return backend(ctx, "measure_change").measure_change(ctx, a, b, sums);
  // Parts of a fixed size, whatever the threads.
  constexpr std::int64_t kPart = 16384;
  const std::int64_t count = a.elements(), parts = (count + kPart - 1) / kPart;
  std::vector<std::array<double, 2>> partial(static_cast<std::size_t>(parts));
  cpu::parallel_ranges(
      useful_threads(ctx, count), parts, [&](std::int64_t first, std::int64_t last, int) {
        for (std::int64_t part = first; part < last; ++part) {
          std::array<double, 2>& sum = partial[static_cast<std::size_t>(part)];
          const std::int64_t end = std::min(count, (part + 1) * kPart);
          for (std::int64_t i = part * kPart; i < end; ++i) {
            sum[0] += std::abs(static_cast<double>(a.f32()[i]) - static_cast<double>(b.f32()[i]));
            sum[1] += std::abs(static_cast<double>(b.f32()[i]));
          }
        }
      });
  std::array<double, 2> total{};
  for (const auto& sum : partial) {
    total[0] += sum[0];
    total[1] += sum[1];
  }
  sums.f32_mut()[0] = static_cast<float>(total[0]);
  sums.f32_mut()[1] = static_cast<float>(total[1]);
}

}  // namespace sinter::ops
