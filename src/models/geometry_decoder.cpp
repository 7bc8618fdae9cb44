#include "models/geometry_decoder.h"

#include <algorithm>
#include <exception>
#include <memory>
#include <mutex>
#include <vector>

#include "cpu/threads.h"
#include "nn/tap.h"
#include "ops/embedding.h"
#include "ops/key_selection.h"
#include "ops/transfer.h"

namespace sinter::models {

namespace {

/// The library default of upstream's last norm; every other norm there has 1e-6.
constexpr float kPostEps = 1e-5F;
/// Points worked on together by one thread: their activations fit a core's cache.
constexpr std::int64_t kBlock = 256;
/// Points worked on together by a device: rows enough for its products to run at full speed; their
/// activations take about 20 bytes for each of the decoder's channels.
constexpr std::int64_t kDeviceBlock = 32768;

/// Mean weight above which KeyRule::merged keeps a key.
constexpr float kMergedWeight = 1e-6F;

/// A context for one worker of a parallel region.
std::unique_ptr<Context> worker_context(const Context& ctx) {
  auto worker = std::make_unique<Context>();
  worker->switches = ctx.switches;
  worker->cancel = ctx.cancel;
  return worker;
}

/// Adds each head's queries to its sum: q [tokens, heads, dim], sums [heads][dim].
void add_queries(const ops::HeadView& q, std::vector<double>& sums) {
  for (std::int64_t token = 0; token < q.tokens; ++token) {
    for (std::int64_t head = 0; head < q.heads; ++head) {
      const float* query = q.at(token, head);
      double* sum = sums.data() + head * q.dim;
      for (std::int64_t i = 0; i < q.dim; ++i) sum[i] += double{query[i]};
    }
  }
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

GeometryMemory GeometryDecoder::focus(Context& ctx,
                                      const GeometryMemory& memory,
                                      const Tensor& sample,
                                      KeyRule rule) const {
  const std::int64_t count = sample.shape.rank() > 0 ? sample.dim(0) : 0;
  SINTER_CHECK(sample.dtype == DType::f32 && count > 0 && sample.shape == (Shape{count, 3}),
               ErrorCode::invalid_argument,
               "[geometry decoder] sample of a region: expected f32 points [S, 3], got ",
               sample.shape);
  SINTER_CHECK(ctx.device() == Device::cpu,
               ErrorCode::unsupported,
               "[geometry decoder] the selection of keys is not built for ",
               to_string(ctx.device()));
  const ops::PackedKeyValues& all = memory.keys_values;
  ArenaScope scope(ctx.arena());
  const Tensor mean = ctx.allocate(DType::f32, {all.heads(), all.dim()}, "mean query");
  std::vector<double> sums(static_cast<std::size_t>(mean.elements()));
  std::vector<std::uint8_t> marked(static_cast<std::size_t>(all.keys()));
  for (std::int64_t first = 0; first < count; first += kBlock) {
    ctx.check_cancelled();
    ArenaScope block(ctx.arena());
    const Tensor x = embed(ctx, sample.slice(first, std::min(first + kBlock, count)));
    const ops::HeadView queries = ops::heads_of(block_.queries(ctx, x), all.heads(), all.dim());
    if (rule == KeyRule::mean) {
      add_queries(queries, sums);
    } else {
      ops::mark_attended_keys(ctx, all, queries, kMergedWeight, marked);
    }
  }
  for (std::size_t i = 0; i < sums.size(); ++i) {
    mean.f32_mut()[i] = static_cast<float>(sums[i] / static_cast<double>(count));
  }
  return {all.gather(ctx,
                     rule == KeyRule::mean ? ops::top_keys(ctx, all, mean, kept_keys(all.keys()))
                                           : ops::marked_keys(all.heads(), marked))};
}

void GeometryDecoder::query_block(Context& ctx,
                                  const GeometryMemory& memory,
                                  const Tensor& points,
                                  const Tensor& logits) const {
  ArenaScope scope(ctx.arena());
  const Tensor x = embed(ctx, points);
  nn::tap(ctx, x, "query_proj");
  block_.forward(ctx, x, memory.keys_values);
  nn::tap(ctx, x, "cross_attn_decoder");
  const Tensor y = ln_post_ ? ln_post_->forward(ctx, x) : x;
  output_proj_.into(ctx, y, logits.reshape({logits.dim(0), 1}));
}

void GeometryDecoder::query_on_device(Context& ctx,
                                      const GeometryMemory& memory,
                                      const Tensor& points,
                                      const Tensor& logits) const {
  const std::int64_t count = points.dim(0);
  for (std::int64_t first = 0; first < count; first += kDeviceBlock) {
    ctx.check_cancelled();
    ArenaScope scope(ctx.arena());
    const std::int64_t last = std::min(first + kDeviceBlock, count);
    const Tensor in = points.slice(first, last), out = logits.slice(first, last);
    const bool from_host = in.device == Device::cpu, to_host = out.device == Device::cpu;
    const Tensor x = from_host ? ops::to_device(ctx, in, DType::f32) : in;
    const Tensor y = to_host ? ctx.allocate(DType::f32, out.shape, "logits") : out;
    query_block(ctx, memory, x, y);
    if (to_host) ops::download(ctx, y, out);
  }
}

void GeometryDecoder::query(Context& ctx,
                            const GeometryMemory& memory,
                            const Tensor& points,
                            const Tensor& logits) const {
  const std::int64_t count = points.shape.rank() > 0 ? points.dim(0) : 0;
  SINTER_CHECK(points.dtype == DType::f32 && points.shape == (Shape{count, 3}) &&
                   logits.dtype == DType::f32 && logits.shape == Shape{count},
               ErrorCode::invalid_argument,
               "[geometry decoder] expected f32 points [P, 3] and logits [P], got ",
               points.shape,
               " and ",
               logits.shape);
  if (ctx.device() != Device::cpu) return query_on_device(ctx, memory, points, logits);
  if (ctx.tap) return query_block(ctx, memory, points, logits);
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
            query_block(*worker, memory, points.slice(first, last), logits.slice(first, last));
          }
        } catch (...) {
          const std::lock_guard lock(mutex);
          failure = std::current_exception();
        }
      });
  if (failure) std::rethrow_exception(failure);
}

}  // namespace sinter::models
