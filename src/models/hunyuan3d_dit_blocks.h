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

#include <cstdint>
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

/// Rows of a modulation product: [steps, parts * H], each row being `parts` vectors of H channels.
struct Modulation {
  Tensor table;
  std::int64_t step = 0;

  /// The vector [H] number `index` of `parts`.
  Tensor part(int index, int parts) const;
  /// Shift and scale of a norm: the vectors number `index` and the next.
  ops::ScaleShift scale_shift(int index, int parts) const;
};

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

  /// x [n, H] -> queries, keys (both normed) and values in `fused`, n rows of 3 H.
  void project(Context& ctx,
               const Tensor& x,
               const Modulation& m,
               std::int64_t heads,
               const ops::RowView& fused) const;
  /// x += gate1 * proj(mixed); x += gate2 * mlp(modulated norm of x). In place.
  void finish(Context& ctx, const Tensor& x, const Modulation& m, const ops::RowView& mixed) const;
};

/// Two streams with weights of their own, joined in one attention.
struct DitDoubleBlock {
  std::int64_t heads = 0;
  DitStream img;
  DitStream txt;

  DitDoubleBlock(const checkpoint::Binder& block, const Hunyuan3DDitConfig& config);

  /// tokens [R, H], in place.
  void forward(Context& ctx,
               const DitRows& rows,
               const Tensor& tokens,
               const Modulation& img_modulation,
               const Modulation& txt_modulation) const;
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

  /// tokens [R, H], in place.
  void forward(Context& ctx, const DitRows& rows, const Tensor& tokens, const Modulation& m) const;
};

/// Modulated norm and projection to the latent channels.
struct DitFinalLayer {
  nn::Linear modulation;  ///< H -> 2 H: shift, scale
  nn::Linear linear;      ///< H -> C

  DitFinalLayer(const checkpoint::Binder& layer, const Hunyuan3DDitConfig& config);

  /// img [n, H] -> velocity, n rows of C.
  void forward(Context& ctx,
               const Tensor& img,
               const Modulation& m,
               const ops::RowView& velocity) const;
};

}  // namespace sinter::models
