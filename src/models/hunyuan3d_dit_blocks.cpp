#include "models/hunyuan3d_dit_blocks.h"

#include "ops/attention.h"
#include "ops/norm.h"

namespace sinter::models {

namespace {

constexpr float kNormEps = 1e-6F;
constexpr nn::RmsHeadNorm::Names kNormNames = {"query_norm.scale", "key_norm.scale"};

// Parts of a double block's modulation, and of the others'.
enum DoublePart { kShift1, kScale1, kGate1, kShift2, kScale2, kGate2, kDoubleParts };
enum SinglePart { kShift, kScale, kGate, kSingleParts };
constexpr int kFinalParts = 2;  // shift, scale

struct Heads {
  ops::HeadView q, k, v;
};

/// [q|k|v][head][d] in each row.
Heads split(const ops::RowView& fused, std::int64_t heads) {
  const std::int64_t width = fused.columns / 3, d = width / heads;
  return {ops::heads_of(fused, heads, d, 0, d),
          ops::heads_of(fused, heads, d, width, d),
          ops::heads_of(fused, heads, d, 2 * width, d)};
}

/// Joint attention of each branch over its condition and latent rows. `dst` may be the queries.
void attend(Context& ctx, const DitRows& rows, const Heads& all, const ops::HeadView& dst) {
  std::int64_t condition = 0, latents = rows.condition_total();
  std::vector<ops::AttentionInput> branches;
  for (const DitBranch& branch : rows.branches) {
    const auto sequence = [&](const ops::HeadView& view) {
      return ops::HeadList{ops::tokens_of(view, condition, condition + branch.condition),
                           ops::tokens_of(view, latents, latents + rows.latents)};
    };
    branches.push_back({sequence(all.q),
                        sequence(all.k),
                        sequence(all.v),
                        sequence(dst),
                        {.first_key_bias = branch.first_key_bias}});
    condition += branch.condition;
    latents += rows.latents;
  }
  ops::attention(ctx, branches);
}

}  // namespace

std::int64_t DitRows::condition_total() const {
  std::int64_t sum = 0;
  for (const DitBranch& branch : branches) sum += branch.condition;
  return sum;
}

Tensor Modulation::part(int index, int parts) const {
  const Tensor row = table.slice(step, step + 1);
  return row.reshape({parts, table.dim(1) / parts})
      .slice(index, index + 1)
      .reshape({table.dim(1) / parts});
}

ops::ScaleShift Modulation::scale_shift(int index, int parts) const {
  return {.shift = part(index, parts), .scale = part(index + 1, parts), .eps = kNormEps};
}

DitStream::DitStream(const checkpoint::Binder& block,
                     std::string_view stream,
                     const Hunyuan3DDitConfig& config)
    : modulation(block, cat(stream, "_mod.lin"), config.width, kDoubleParts * config.width),
      qkv(block, cat(stream, "_attn.qkv"), config.width, 3 * config.width, config.qkv_bias),
      proj(block, cat(stream, "_attn.proj"), config.width, config.width),
      norm(block.scope(cat(stream, "_attn.norm")), kNormNames, config.head_dim(), kNormEps),
      mlp(block.scope(cat(stream, "_mlp")),
          {.fc = "0", .proj = "2"},
          config.width,
          config.inner,
          ops::Activation::gelu_tanh) {}

void DitStream::project(Context& ctx,
                        const Tensor& x,
                        const Modulation& m,
                        std::int64_t heads,
                        const ops::RowView& fused) const {
  ArenaScope scope(ctx.arena());
  qkv.into(ctx, ops::layer_norm_modulate(ctx, x, m.scale_shift(kShift1, kDoubleParts)), fused);
  const Heads view = split(fused, heads);
  norm.apply_query(ctx, view.q);
  norm.apply_key(ctx, view.k);
}

void DitStream::finish(Context& ctx,
                       const Tensor& x,
                       const Modulation& m,
                       const ops::RowView& mixed) const {
  ArenaScope scope(ctx.arena());
  const Tensor u = proj.add_to_and_modulate(
      ctx, x, m.part(kGate1, kDoubleParts), mixed, m.scale_shift(kShift2, kDoubleParts));
  mlp.add_to(ctx, x, m.part(kGate2, kDoubleParts), u);
}

DitDoubleBlock::DitDoubleBlock(const checkpoint::Binder& block, const Hunyuan3DDitConfig& config)
    : heads(config.heads), img(block, "img", config), txt(block, "txt", config) {}

void DitDoubleBlock::forward(Context& ctx,
                             const DitRows& rows,
                             const Tensor& tokens,
                             const Modulation& img_modulation,
                             const Modulation& txt_modulation) const {
  ArenaScope scope(ctx.arena());
  const std::int64_t width = tokens.dim(1), cut = rows.condition_total();
  const Tensor txt_rows = tokens.slice(0, cut), img_rows = tokens.slice(cut, rows.total());
  const Tensor fused = ctx.activation({rows.total(), 3 * width}, "qkv");
  const Tensor txt_fused = fused.slice(0, cut), img_fused = fused.slice(cut, rows.total());
  img.project(ctx, img_rows, img_modulation, heads, img_fused);
  txt.project(ctx, txt_rows, txt_modulation, heads, txt_fused);
  const Heads view = split(fused, heads);
  attend(ctx, rows, view, view.q);
  img.finish(ctx, img_rows, img_modulation, ops::columns(img_fused, 0, width));
  txt.finish(ctx, txt_rows, txt_modulation, ops::columns(txt_fused, 0, width));
}

DitSingleBlock::DitSingleBlock(const checkpoint::Binder& block, const Hunyuan3DDitConfig& config)
    : heads(config.heads),
      modulation(block, "modulation.lin", config.width, kSingleParts * config.width),
      qkv(block,
          "linear1",
          config.width,
          nn::OutputSlice{3 * config.width + config.inner, 0, 3 * config.width}),
      mlp_in(block,
             "linear1",
             config.width,
             nn::OutputSlice{3 * config.width + config.inner, 3 * config.width, config.inner}),
      out(block, "linear2", config.width + config.inner, config.width),
      norm(block.scope("norm"), kNormNames, config.head_dim(), kNormEps) {}

void DitSingleBlock::forward(Context& ctx,
                             const DitRows& rows,
                             const Tensor& tokens,
                             const Modulation& m) const {
  ArenaScope scope(ctx.arena());
  const std::int64_t width = tokens.dim(1), inner = mlp_in.weight.out_features();
  const Tensor u = ops::layer_norm_modulate(ctx, tokens, m.scale_shift(kShift, kSingleParts));
  const Tensor fused = qkv.forward(ctx, u);
  const Tensor both = ctx.activation({rows.total(), width + inner}, "attention|mlp");
  mlp_in.into(ctx, u, ops::columns(both, width, width + inner), ops::Activation::gelu_tanh);
  const Heads view = split(fused, heads);
  norm.apply_query(ctx, view.q);
  norm.apply_key(ctx, view.k);
  attend(ctx, rows, view, ops::heads_of(ops::columns(both, 0, width), heads, width / heads));
  out.add_to(ctx, tokens, m.part(kGate, kSingleParts), both);
}

DitFinalLayer::DitFinalLayer(const checkpoint::Binder& layer, const Hunyuan3DDitConfig& config)
    : modulation(layer, "adaLN_modulation.1", config.width, kFinalParts * config.width),
      linear(layer, "linear", config.width, config.in_channels) {}

void DitFinalLayer::forward(Context& ctx,
                            const Tensor& img,
                            const Modulation& m,
                            const ops::RowView& velocity) const {
  ArenaScope scope(ctx.arena());
  linear.into(
      ctx, ops::layer_norm_modulate(ctx, img, m.scale_shift(kShift, kFinalParts)), velocity);
}

}  // namespace sinter::models
