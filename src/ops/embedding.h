#pragma once
// Sinusoidal embeddings of times and of points.

#include <span>

#include "core/context.h"
#include "core/tensor.h"

namespace sinter::ops {

struct TimestepEmbeddingOptions {
  int dim = 256;               ///< even
  float max_period = 1000.0F;  ///< of the geometric frequencies; 1000 in the 2.0 DiT, not 10000
  float factor = 1000.0F;      ///< multiplies the time
  bool sines_first = false;    ///< the halves of the result in the other order: the 2.1 DiT
};

/// t [B], flow times in [0, 1] (or guidance scales) -> [B, dim]:
/// [cos(a f_0) .. cos(a f_{h-1}), sin(a f_0) .. sin(a f_{h-1})], a = factor * t, h = dim / 2,
/// f_i = exp(-ln(max_period) * i / h). Cosines first, unless sines_first is set. Angles are formed
/// in f32, sine and cosine are evaluated in f64 and rounded once.
/// Source: hy3dgen/shapegen/models/denoisers/hunyuan3ddit.py, timestep_embedding, and
/// hunyuandit.py, Timesteps.
Tensor timestep_embedding(Context& ctx,
                          std::span<const float> t,
                          const TimestepEmbeddingOptions& options = {});

/// [dim], dim even: [sin(p w_0) .. sin(p w_{h-1}), cos(p w_0) .. cos(p w_{h-1})], h = dim / 2,
/// w_i = 10000^(-i / h). Sines first. Formed in f64 and rounded once.
/// Source: hy3dgen/shapegen/models/conditioner.py, get_1d_sincos_pos_embed_from_grid.
Tensor position_embedding(Context& ctx, std::int64_t position, std::int64_t dim);

struct FourierOptions {
  int num_freqs = 8;        ///< frequencies 2^0 .. 2^(num_freqs - 1); 1..16
  bool include_pi = false;  ///< multiplies the frequencies by pi
};

/// Channels of fourier_embed: 3 + 6 * num_freqs.
int fourier_channels(const FourierOptions& options = {});

/// points [P, 3] -> [P, 3 + 6 n], n = num_freqs: x, y, z, then sin(p_c f_j) at 3 + n c + j, then
/// cos(p_c f_j) at 3 + 3 n + n c + j. |p_c f_j| below 8192 (points are within [-1.01, 1.01]).
/// Source: hy3dgen/shapegen/models/autoencoders/attention_blocks.py, FourierEmbedder.
Tensor fourier_embed(Context& ctx, const Tensor& points, const FourierOptions& options = {});

}  // namespace sinter::ops
