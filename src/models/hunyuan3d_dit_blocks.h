#pragma once
// The blocks of the 2.0 shape transformer.
//
// Esser et al.: "Scaling rectified flow transformers for high-resolution image synthesis", 2024
// (double blocks, joint attention). Dehghani et al.: "Scaling vision transformers to 22 billion
// parameters", 2023 (attention and MLP in parallel: single blocks, QK norm). Upstream:
// hy3dgen/shapegen/models/denoisers/hunyuan3ddit.py.
//
// Shapes: H width, R rows of all branches of a step together, T condition tokens of a branch, L
// latent tokens. All rows of a stream share one weight and one modulation, so they go through every
// product together; attention alone keeps the branches apart.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "checkpoint/binder.h"
#include "models/hunyuan3d_dit_config.h"
#include "nn/head_norm.h"
#include "nn/linear.h"
#include "nn/mlp.h"
#include "ops/norm.h"

namespace sinter::models {

/// One sequence of attention, a half of classifier-free guidance: `condition` tokens, then L latent
/// tokens.
struct DitBranch {
  std::int64_t condition = 0;  ///< T of this branch
  /// Added to the key logit of the first condition token: ln(n) makes it count as n equal tokens.
  float first_key_bias = 0.0F;
};

/// Where the branches' rows lie in a tensor of R rows: the condition rows of every branch, then the
/// latent rows of every branch. Both streams, and both of all branches, are contiguous.
struct DitRows {
  std::vector<DitBranch> branches;
  std::int64_t latents = 0;  ///< L

  std::int64_t condition_total() const;
  std::int64_t total() const {
    return condition_total() + static_cast<std::int64_t>(branches.size()) * latents;
  }
};

/// The modulation of a layer: `parts` vectors of H channels, one after the other.
struct Modulation {
  Tensor vectors;  ///< [parts * H]
  std::int64_t width = 0;

  Tensor part(int index) const { return vectors.slice(index * width, (index + 1) * width); }
  /// Shift and scale of a norm: the vectors number `index` and the next.
  ops::ScaleShift scale_shift(int index) const;
};

/// Told the output of module `part` of a block for the latent rows [branches * L, H], before its
/// gate: attention 0, MLP 1; a single block has one.
using ShowPart = std::function<void(Context& ctx, int part, const Tensor& output)>;

/// Something of both streams of a double block.
template <class T>
struct Streams {
  T img, txt;
};

/// The modulations of one step, of all layers.
class DitModulations {
 public:
  /// vectors [sum of the layers' parts * H]: img and txt of each double block (6 each), each single
  /// block (3), the final layer (2).
  DitModulations(const Tensor& vectors, const Hunyuan3DDitConfig& config);

  Streams<Modulation> double_block(std::size_t index) const;
  Modulation single_block(std::size_t index) const;
  /// The gates of a layer's modules, of the latent tokens.
  std::vector<Tensor> gates(std::size_t index) const;
  /// The norms that layer `index` begins with: double blocks first, then single blocks, then the
  /// final layer. Both streams have the same but in a double block.
  Streams<ops::ScaleShift> first_norm(std::size_t index) const;

 private:
  Modulation parts(std::int64_t first, std::int64_t count) const;
  Tensor vectors_;
  std::int64_t width_, double_blocks_;
};

/// normed = the modulated norm of tokens [R, H], each stream by its own modulation.
void norm_streams(Context& ctx,
                  const DitRows& rows,
                  const Tensor& tokens,
                  const Streams<ops::ScaleShift>& norms,
                  const Tensor& normed);

/// The weights of one stream of a double block.
struct DitStream {
  nn::Linear modulation;  ///< H -> 6 H: shift, scale, gate of attention; the same of the MLP
  nn::Linear qkv;         ///< H -> 3 H, [q|k|v][head][d]
  nn::Linear proj;        ///< H -> H
  nn::RmsHeadNorm norm;
  nn::Mlp mlp;

  /// `stream` is "img" or "txt".
  DitStream(const checkpoint::Binder& block,
            std::string_view stream,
            const Hunyuan3DDitConfig& config);

  /// normed x [n, H] -> queries, keys (both normed) and values in `fused`, n rows of 3 H.
  void project(Context& ctx, const Tensor& x, std::int64_t heads, const ops::RowView& fused) const;
};

/// Two streams with weights of their own, joined in one attention.
struct DitDoubleBlock {
  std::int64_t heads = 0;
  DitStream img;
  DitStream txt;

  DitDoubleBlock(const checkpoint::Binder& block, const Hunyuan3DDitConfig& config);

  /// tokens [R, H], in place. normed [R, H]: their modulated norm, of the type that the first
  /// product multiplies; its memory is used. next_normed [R, H], which may be `normed`: what `next`
  /// makes of the result. `show` may be empty.
  void forward(Context& ctx,
               const DitRows& rows,
               const Tensor& tokens,
               const Tensor& normed,
               const Streams<Modulation>& m,
               const Streams<ops::ScaleShift>& next,
               const Tensor& next_normed,
               const ShowPart& show) const;
};

/// One stream over all tokens; attention and MLP read the same norm and end in one product.
struct DitSingleBlock {
  std::int64_t heads = 0;
  nn::Linear modulation;  ///< H -> 3 H: shift, scale, gate
  nn::Linear qkv;         ///< the first 3 H channels of linear1, [q|k|v][head][d]
  nn::Linear mlp_in;      ///< the other channels of linear1
  nn::Linear out;         ///< linear2: H attention channels, then the MLP's -> H
  nn::RmsHeadNorm norm;

  DitSingleBlock(const checkpoint::Binder& block, const Hunyuan3DDitConfig& config);

  /// As DitDoubleBlock::forward().
  void forward(Context& ctx,
               const DitRows& rows,
               const Tensor& tokens,
               const Tensor& normed,
               const Modulation& m,
               const ops::ScaleShift& next,
               const Tensor& next_normed,
               const ShowPart& show) const;
};

/// Modulated norm of the latent rows, and projection to the latent channels.
struct DitFinalLayer {
  nn::Linear modulation;  ///< H -> 2 H: shift, scale
  nn::Linear linear;      ///< H -> C

  DitFinalLayer(const checkpoint::Binder& layer, const Hunyuan3DDitConfig& config);
};

}  // namespace sinter::models
