#include "models/geometry_decoder.h"

#include <algorithm>
#include <array>
#include <exception>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "cpu/threads.h"
#include "nn/tap.h"
#include "ops/elementwise.h"
#include "ops/embedding.h"
#include "ops/key_selection.h"
#include "ops/transfer.h"

namespace sinter::models {

namespace {

/// The library default of upstream's last norm; every other norm there has 1e-6.
constexpr float kPostEps = 1e-5F;
/// Points worked on together by one thread: their activations fit a core's cache.
constexpr std::int64_t kBlock = 256;

/// Points of a group on the host that are answered between two looks at the wish to stop.
constexpr std::int64_t kPolledPoints = 16384;

/// Groups of points whose keys a device holds at a time: copies of a third to a half of the
/// shape's.
constexpr std::size_t kFocusedGroups = 32;

/// Mean weight above which KeyRule::merged keeps a key.
constexpr float kMergedWeight = 1e-6F;

/// A context for one worker of a parallel region.
std::unique_ptr<Context> worker_context(const Context& ctx) {
  auto worker = std::make_unique<Context>();
  worker->switches = ctx.switches;
  worker->cancel = ctx.cancel;
  return worker;
}

/// Of one memory for all points.
nn::MemoryGroup all_points(const Tensor& points, const GeometryMemory& memory) {
  return {points.dim(0), &memory.keys_values};
}

void check_sample(const Tensor& sample) {
  const std::int64_t count = sample.shape.rank() > 0 ? sample.dim(0) : 0;
  SINTER_CHECK(sample.dtype == DType::f32 && count > 0 && sample.shape == (Shape{count, 3}),
               ErrorCode::invalid_argument,
               "[geometry decoder] sample of a region: expected f32 points [S, 3], got ",
               sample.shape);
}

void check_points(const Tensor& points, const Tensor& logits) {
  const std::int64_t count = points.shape.rank() > 0 ? points.dim(0) : 0;
  SINTER_CHECK(points.dtype == DType::f32 && points.shape == (Shape{count, 3}) &&
                   logits.dtype == DType::f32 && logits.shape == Shape{count},
               ErrorCode::invalid_argument,
               "[geometry decoder] expected f32 points [P, 3] and logits [P], got ",
               points.shape,
               " and ",
               logits.shape);
}

/// Element `index` of f32 values, which may be on a device.
float* element(const Tensor& values, std::int64_t index) {
  return static_cast<float*>(values.data) + index;
}

/// The samples of the first groups, as many as lie one behind the other: a view.
Tensor neighbouring_samples(std::span<const QueryGroup> groups, std::size_t& count) {
  Tensor run = groups.front().sample;
  for (count = 1; count < groups.size(); ++count) {
    const Tensor& next = groups[count].sample;
    const std::int64_t rows = run.dim(0);
    if (next.device != run.device || next.data != element(run, 3 * rows)) break;
    run.shape = {rows + next.dim(0), 3};
  }
  return run;
}

/// All samples one behind the other, on the context's device.
Tensor join_samples(Context& ctx, std::span<const QueryGroup> groups) {
  std::int64_t total = 0;
  for (const QueryGroup& group : groups) total += group.sample.dim(0);
  Tensor joined;
  for (std::int64_t first = 0; first < total;) {
    std::size_t count = 0;
    const Tensor run = neighbouring_samples(groups, count);
    if (run.dim(0) == total && run.device == ctx.device()) return run;
    if (!joined.defined()) joined = ctx.allocate(DType::f32, {total, 3}, "samples");
    const Tensor to = joined.slice(first, first + run.dim(0));
    if (run.device == ctx.device()) {
      ops::copy_into(ctx, to, run);
    } else {
      ctx.accelerator()->upload(run, to);
    }
    groups = groups.subspan(count);
    first += run.dim(0);
  }
  return joined;
}

}  // namespace

std::int64_t kept_keys(std::int64_t keys) {
  if (keys == 3072) return 1024;
  if (keys == 512) return 256;
  return std::max<std::int64_t>(keys / 3, 1);
}

GeometryDecoder::GeometryDecoder(const checkpoint::Binder& binder, const ShapeVaeConfig& config)
    : fourier_(config.fourier()),
      query_proj_(binder, "query_proj", config.fourier_channels(), config.geo_block().width),
      block_(binder.scope("cross_attn_decoder"), config.geo_block()),
      output_proj_(binder, "output_proj", config.geo_block().width, 1) {
  const std::int64_t width = config.geo_block().width;
  if (config.geo_downsample != 1) {
    latents_proj_.emplace(binder, "latents_proj", config.width, width);
  }
  if (config.geo_ln_post) ln_post_.emplace(binder, "ln_post", width, kPostEps);
}

GeometryMemory GeometryDecoder::remember(Context& ctx, const Tensor& tokens) const {
  ArenaScope scope(ctx.arena());
  const Tensor m = latents_proj_ ? latents_proj_->forward(ctx, tokens) : tokens;
  return {block_.keys_values(ctx, m)};
}

Tensor GeometryDecoder::embed(Context& ctx, const Tensor& points) const {
  return query_proj_.forward(ctx, ops::fourier_embed(ctx, points, fourier_));
}

std::vector<GeometryMemory> GeometryDecoder::focus(Context& ctx,
                                                   const GeometryMemory& memory,
                                                   std::span<const QueryGroup> groups,
                                                   KeyRule rule) const {
  ctx.check_cancelled();
  std::vector<std::int64_t> sizes;
  for (const QueryGroup& group : groups) sizes.push_back(group.sample.dim(0));
  const ops::PackedKeyValues& all = memory.keys_values;
  ArenaScope scope(ctx.arena());
  const Tensor y = block_.queries(ctx, embed(ctx, join_samples(ctx, groups)));
  const ops::HeadView queries = ops::heads_of(y, all.heads(), all.dim());
  auto chosen = rule == KeyRule::mean
                    ? ops::choose_top_keys(ctx, all, queries, sizes, kept_keys(all.keys()))
                    : ops::choose_attended_keys(ctx, all, queries, sizes, kMergedWeight);
  std::vector<GeometryMemory> parts;
  for (ops::PackedKeyValues& keys : chosen) parts.push_back({std::move(keys)});
  return parts;
}

void GeometryDecoder::query_block(Context& ctx,
                                  std::span<const nn::MemoryGroup> memory,
                                  const Tensor& points,
                                  const Tensor& logits) const {
  ArenaScope scope(ctx.arena());
  const Tensor x = embed(ctx, points);
  nn::tap(ctx, x, "query_proj");
  block_.forward(ctx, x, memory);
  nn::tap(ctx, x, "cross_attn_decoder");
  const Tensor y = ln_post_ ? ln_post_->forward(ctx, x) : x;
  output_proj_.into(ctx, y, logits.reshape({logits.dim(0), 1}));
}

void GeometryDecoder::query_on_device(Context& ctx,
                                      const GeometryMemory& memory,
                                      const Tensor& points,
                                      const Tensor& logits) const {
  const std::int64_t count = points.dim(0);
  for (std::int64_t first = 0; first < count; first += ctx.rows_at_once) {
    ctx.check_cancelled();
    ArenaScope scope(ctx.arena());
    const std::int64_t last = std::min(first + ctx.rows_at_once, count);
    const Tensor in = points.slice(first, last), out = logits.slice(first, last);
    const bool from_host = in.device == Device::cpu, to_host = out.device == Device::cpu;
    const Tensor x = from_host ? ops::to_device(ctx, in, DType::f32) : in;
    const Tensor y = to_host ? ctx.allocate(DType::f32, out.shape, "logits") : out;
    query_block(ctx, std::array{all_points(x, memory)}, x, y);
    if (to_host) ops::download(ctx, y, out);
  }
}

void GeometryDecoder::query(Context& ctx,
                            const GeometryMemory& memory,
                            const Tensor& points,
                            const Tensor& logits) const {
  check_points(points, logits);
  if (ctx.device() != Device::cpu) return query_on_device(ctx, memory, points, logits);
  if (ctx.tap) return query_block(ctx, std::array{all_points(points, memory)}, points, logits);
  const std::int64_t count = points.dim(0);
  const std::int64_t blocks = (count + kBlock - 1) / kBlock;
  std::mutex mutex;
  std::exception_ptr failure;
  cpu::parallel_ranges(
      ctx.threads, blocks, [&](std::int64_t begin, std::int64_t end, int) noexcept {
        try {
          const std::unique_ptr<Context> worker = worker_context(ctx);
          for (std::int64_t block = begin; block < end; ++block) {
            worker->check_cancelled();
            const std::int64_t first = block * kBlock, last = std::min(first + kBlock, count);
            const Tensor in = points.slice(first, last);
            query_block(*worker, std::array{all_points(in, memory)}, in, logits.slice(first, last));
          }
        } catch (...) {
          const std::lock_guard lock(mutex);
          failure = std::current_exception();
        }
      });
  if (failure) std::rethrow_exception(failure);
}

void GeometryDecoder::query_alone(Context& ctx,
                                  const GeometryMemory& memory,
                                  const QueryGroup& group,
                                  KeyRule rule) const {
  const GeometryMemory part = std::move(focus(ctx, memory, {&group, 1}, rule).front());
  const std::int64_t count = group.points.dim(0);
  for (std::int64_t first = 0; first < count; first += kPolledPoints) {
    ctx.check_cancelled();
    const std::int64_t last = std::min(first + kPolledPoints, count);
    query(ctx, part, group.points.slice(first, last), group.logits.slice(first, last));
  }
}

void GeometryDecoder::query_together(Context& ctx,
                                     std::span<const GeometryMemory> memories,
                                     std::span<const QueryGroup> groups) const {
  std::size_t group = 0;
  std::int64_t next = 0;  // the group's first point without an answer
  while (group < groups.size()) {
    ctx.check_cancelled();
    float* const points = element(groups[group].points, 3 * next);
    float* const logits = element(groups[group].logits, next);
    std::vector<nn::MemoryGroup> block;
    std::int64_t rows = 0;
    while (group < groups.size() && rows < ctx.rows_at_once) {
      const QueryGroup& from = groups[group];
      if (element(from.points, 3 * next) != points + 3 * rows ||
          element(from.logits, next) != logits + rows) {
        break;
      }
      const std::int64_t count = std::min(from.points.dim(0) - next, ctx.rows_at_once - rows);
      if (count > 0) block.push_back({count, &memories[group].keys_values});
      rows += count;
      next += count;
      if (next == from.points.dim(0)) ++group, next = 0;
    }
    if (rows == 0) continue;
    query_block(ctx,
                block,
                {points, DType::f32, ctx.device(), {rows, 3}, "points"},
                {logits, DType::f32, ctx.device(), {rows}, "logits"});
  }
}

void GeometryDecoder::query_groups(Context& ctx,
                                   const GeometryMemory& memory,
                                   std::span<const QueryGroup> groups,
                                   KeyRule rule) const {
  for (const QueryGroup& group : groups) {
    check_sample(group.sample);
    check_points(group.points, group.logits);
  }
  const bool together =
      ctx.device() != Device::cpu &&
      std::all_of(groups.begin(), groups.end(), [&](const QueryGroup& group) {
        return group.points.device == ctx.device() && group.logits.device == ctx.device();
      });
  if (!together) {
    for (const QueryGroup& group : groups) query_alone(ctx, memory, group, rule);
    return;
  }
  for (std::size_t begin = 0, end = 0; begin < groups.size(); begin = end) {
    std::int64_t samples = 0;
    while (end < groups.size() && end - begin < kFocusedGroups &&
           (end == begin || samples + groups[end].sample.dim(0) <= ctx.rows_at_once)) {
      samples += groups[end++].sample.dim(0);
    }
    const std::span<const QueryGroup> some = groups.subspan(begin, end - begin);
    query_together(ctx, focus(ctx, memory, some, rule), some);
  }
}

}  // namespace sinter::models
