#include "models/hunyuan3d_dit_blocks.h"

#include <algorithm>
#include <array>
#include <span>

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

/// Joint attention of each branch over its condition and latent rows, for `reader`.
void attend(Context& ctx,
            const DitRows& rows,
            const Heads& all,
            const ops::HeadView& dst,
            const nn::Linear& reader) {
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
                        {.first_key_bias = branch.first_key_bias, .reader = &reader.weight}});
    condition += branch.condition;
    latents += rows.latents;
  }
  ops::attention(ctx, branches);
}

/// The end of a module: see ops::linear_add_gated_modulate().
void add_and_show(Context& ctx,
                  const DitRows& rows,
                  const Tensor& tokens,
                  std::span<const ops::BranchEnd> ends,
                  const Tensor& normed,
                  int part,
                  const ShowPart& show) {
  if (!show) return ops::linear_add_gated_modulate(ctx, tokens, ends, normed);
  ArenaScope scope(ctx.arena());
  const Tensor products = ctx.activation(tokens.shape, "module");
  ops::linear_add_gated_modulate(ctx, tokens, ends, normed, products);
  show(ctx, part, products.slice(rows.condition_total(), rows.total()));
}

}  // namespace

std::int64_t DitRows::condition_total() const {
  std::int64_t sum = 0;
  for (const DitBranch& branch : branches) sum += branch.condition;
  return sum;
}

ops::ScaleShift Modulation::scale_shift(int index) const {
  return {.shift = part(index), .scale = part(index + 1), .eps = kNormEps};
}

DitModulations::DitModulations(const Tensor& vectors, const Hunyuan3DDitConfig& config)
    : vectors_(vectors), width_(config.width), double_blocks_(config.double_blocks) {}

Modulation DitModulations::parts(std::int64_t first, std::int64_t count) const {
  return {.vectors = vectors_.slice(first * width_, (first + count) * width_), .width = width_};
}

Streams<Modulation> DitModulations::double_block(std::size_t index) const {
  const std::int64_t first = 2 * kDoubleParts * static_cast<std::int64_t>(index);
  return {.img = parts(first, kDoubleParts), .txt = parts(first + kDoubleParts, kDoubleParts)};
}

Modulation DitModulations::single_block(std::size_t index) const {
  const std::int64_t first = 2 * kDoubleParts * double_blocks_;
  return parts(first + kSingleParts * static_cast<std::int64_t>(index), kSingleParts);
}

std::vector<Tensor> DitModulations::gates(std::size_t index) const {
  const auto doubles = static_cast<std::size_t>(double_blocks_);
  if (index >= doubles) return {single_block(index - doubles).part(kGate)};
  const Modulation img = double_block(index).img;
  return {img.part(kGate1), img.part(kGate2)};
}

Streams<ops::ScaleShift> DitModulations::first_norm(std::size_t index) const {
  const auto layer = static_cast<std::int64_t>(index);
  if (layer < double_blocks_) {
    const Streams<Modulation> block = double_block(index);
    return {.img = block.img.scale_shift(kShift1), .txt = block.txt.scale_shift(kShift1)};
  }
  // The final layer's vectors follow the last single block's and begin as theirs do.
  const std::int64_t first =
      2 * kDoubleParts * double_blocks_ + kSingleParts * (layer - double_blocks_);
  const ops::ScaleShift norm = parts(first, kFinalParts).scale_shift(kShift);
  return {.img = norm, .txt = norm};
}

void norm_streams(Context& ctx,
                  const DitRows& rows,
                  const Tensor& tokens,
                  const Streams<ops::ScaleShift>& norms,
                  const Tensor& normed) {
  const std::int64_t cut = rows.condition_total(), end = rows.total();
  ops::layer_norm_modulate_into(ctx, tokens.slice(0, cut), norms.txt, normed.slice(0, cut));
  ops::layer_norm_modulate_into(ctx, tokens.slice(cut, end), norms.img, normed.slice(cut, end));
}

DitStream::DitStream(const checkpoint::Binder& block,
                     std::string_view stream,
                     const Hunyuan3DDitConfig& config)
    : modulation(block, cat(stream, "_mod.lin"), config.width, kDoubleParts * config.width),
      qkv(block.reduced(),
          cat(stream, "_attn.qkv"),
          config.width,
          3 * config.width,
          config.qkv_bias),
      proj(block.reduced(), cat(stream, "_attn.proj"), config.width, config.width),
      norm(block.scope(cat(stream, "_attn.norm")), kNormNames, config.head_dim(), kNormEps),
      mlp(block.reduced().scope(cat(stream, "_mlp")),
          {.fc = "0", .proj = "2"},
          config.width,
          config.inner,
          ops::Activation::gelu_tanh) {}

void DitStream::project(Context& ctx,
                        const Tensor& x,
                        std::int64_t heads,
                        const ops::RowView& fused) const {
  qkv.into(ctx, x, fused);
  const Heads view = split(fused, heads);
  norm.apply(ctx, view.q, view.k);
}

DitDoubleBlock::DitDoubleBlock(const checkpoint::Binder& block, const Hunyuan3DDitConfig& config)
    : heads(config.heads), img(block, "img", config), txt(block, "txt", config) {
  // Attention gives means of both streams' values.
  const float most = std::max(img.qkv.weight.most_output(), txt.qkv.weight.most_output());
  img.proj.weight.set_most_input(most);
  txt.proj.weight.set_most_input(most);
}

void DitDoubleBlock::forward(Context& ctx,
                             const DitRows& rows,
                             const Tensor& tokens,
                             const Tensor& normed,
                             const Streams<Modulation>& m,
                             const Streams<ops::ScaleShift>& next,
                             const Tensor& next_normed,
                             const ShowPart& show) const {
  ArenaScope scope(ctx.arena());
  const std::int64_t width = tokens.dim(1), cut = rows.condition_total();
  const Tensor txt_rows = normed.slice(0, cut), img_rows = normed.slice(cut, rows.total());

  const Tensor fused = ctx.activation({rows.total(), 3 * width}, "qkv");
  const Tensor txt_fused = fused.slice(0, cut), img_fused = fused.slice(cut, rows.total());
  img.project(ctx, img_rows, heads, img_fused);
  txt.project(ctx, txt_rows, heads, txt_fused);
  const Heads view = split(fused, heads);
  const Tensor mixed = img.proj.input(ctx, rows.total(), "attention");
  attend(ctx, rows, view, ops::heads_of(mixed, heads, width / heads), img.proj);
  const auto end_branch = [&](const Streams<const nn::Linear*>& last,
                              const Streams<ops::RowView>& x,
                              DoublePart gate,
                              const Streams<ops::ScaleShift>& norm,
                              const Tensor& dst,
                              int part) {
    const std::array<ops::BranchEnd, 2> ends = {
        ops::BranchEnd{x.txt, &last.txt->weight, m.txt.part(gate), norm.txt},
        ops::BranchEnd{x.img, &last.img->weight, m.img.part(gate), norm.img}};
    add_and_show(ctx, rows, tokens, ends, dst, part, show);
  };
  end_branch({.img = &img.proj, .txt = &txt.proj},
             {.img = mixed.slice(cut, rows.total()), .txt = mixed.slice(0, cut)},
             kGate1,
             {.img = m.img.scale_shift(kShift2), .txt = m.txt.scale_shift(kShift2)},
             normed,
             0);

  end_branch({.img = &img.mlp.proj, .txt = &txt.mlp.proj},
             {.img = img.mlp.hidden(ctx, img_rows), .txt = txt.mlp.hidden(ctx, txt_rows)},
             kGate2,
             next,
             next_normed,
             1);
}

DitSingleBlock::DitSingleBlock(const checkpoint::Binder& block, const Hunyuan3DDitConfig& config)
    : heads(config.heads),
      modulation(block, "modulation.lin", config.width, kSingleParts * config.width),
      qkv(block.reduced(),
          "linear1",
          config.width,
          nn::OutputSlice{3 * config.width + config.inner, 0, 3 * config.width}),
      mlp_in(block.reduced(),
             "linear1",
             config.width,
             nn::OutputSlice{3 * config.width + config.inner, 3 * config.width, config.inner}),
      out(block.reduced(), "linear2", config.width + config.inner, config.width),
      norm(block.scope("norm"), kNormNames, config.head_dim(), kNormEps) {
  out.weight.set_most_input(std::max(qkv.weight.most_output(), mlp_in.weight.most_output()));
}

void DitSingleBlock::forward(Context& ctx,
                             const DitRows& rows,
                             const Tensor& tokens,
                             const Tensor& normed,
                             const Modulation& m,
                             const ops::ScaleShift& next,
                             const Tensor& next_normed,
                             const ShowPart& show) const {
  ArenaScope scope(ctx.arena());
  const std::int64_t width = tokens.dim(1);
  const Tensor fused = qkv.forward(ctx, normed);
  const Tensor both = out.input(ctx, rows.total(), "attention|mlp");
  mlp_in.into(
      ctx, normed, ops::columns(both, width, both.dim(1)), ops::Activation::gelu_tanh, &out);
  const Heads view = split(fused, heads);
  norm.apply(ctx, view.q, view.k);
  attend(ctx, rows, view, ops::heads_of(ops::columns(both, 0, width), heads, width / heads), out);
  const ops::BranchEnd end{both, &out.weight, m.part(kGate), next};
  add_and_show(ctx, rows, tokens, std::span(&end, 1), next_normed, 0, show);
}

DitFinalLayer::DitFinalLayer(const checkpoint::Binder& layer, const Hunyuan3DDitConfig& config)
    : modulation(layer, "adaLN_modulation.1", config.width, kFinalParts * config.width),
      linear(layer, "linear", config.width, config.in_channels) {}

}  // namespace sinter::models
