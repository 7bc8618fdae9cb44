"""ShapeVAE: surface points -> set of latent tokens -> signed field at any query point."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

HEAD_DIM = 64
NORM_EPS = 1e-6


@dataclass(frozen=True)
class VAEConfig:
    """The ``vae.params`` of a bundle's config.yaml (defaults are those of the released models)."""

    num_latents: int = 3072
    embed_dim: int = 64
    width: int = 1024
    heads: int = 16
    num_decoder_layers: int = 16
    num_encoder_layers: int = 8
    num_freqs: int = 8
    include_pi: bool = False
    qkv_bias: bool = False
    qk_norm: bool = True
    point_feats: int = 4
    pc_size: int = 5120
    pc_sharpedge_size: int = 5120
    downsample_ratio: int = 20
    geo_decoder_downsample_ratio: int = 1
    geo_decoder_mlp_expand_ratio: int = 4
    geo_decoder_ln_post: bool = True
    scale_factor: float = 1.0


class FourierEmbedder(nn.Module):
    """[..., 3] points -> [..., 3 + 6 * num_freqs]: xyz, sines (coordinate major), cosines."""

    def __init__(self, num_freqs: int, include_pi: bool) -> None:
        super().__init__()
        frequencies = 2.0 ** torch.arange(num_freqs)
        if include_pi:
            frequencies = frequencies * torch.pi
        self.register_buffer("frequencies", frequencies, persistent=False)
        self.out_dim = 3 + 6 * num_freqs

    def forward(self, points: Tensor) -> Tensor:
        angles = (points.unsqueeze(-1) * self.frequencies).flatten(-2)
        return torch.cat([points, angles.sin(), angles.cos()], dim=-1)


class HeadNorm(nn.Module):
    """LayerNorm over each head's channels of q and k; the identity when ``enabled`` is false."""

    def __init__(self, enabled: bool) -> None:
        super().__init__()
        self.q_norm = nn.LayerNorm(HEAD_DIM, eps=NORM_EPS) if enabled else nn.Identity()
        self.k_norm = nn.LayerNorm(HEAD_DIM, eps=NORM_EPS) if enabled else nn.Identity()

    def forward(self, q: Tensor, k: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        return self.q_norm(q).to(dtype), self.k_norm(k).to(dtype)


class CoordinateLinear(nn.Linear):
    """A Linear over embedded coordinates, kept out of autocast: bf16 would blur positions by 0.4 %."""

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.to(self.weight.dtype))


def split_heads(x: Tensor, parts: int) -> tuple[Tensor, ...]:
    """[B, N, heads * parts * 64] -> ``parts`` tensors [B, heads, N, 64] (parts interleaved per head)."""
    b, n, width = x.shape
    x = x.view(b, n, width // (parts * HEAD_DIM), parts * HEAD_DIM).transpose(1, 2)
    return x.split(HEAD_DIM, dim=-1)


def merge_heads(x: Tensor) -> Tensor:
    """[B, heads, N, 64] -> [B, N, heads * 64]."""
    return x.transpose(1, 2).flatten(2)


class SelfAttention(nn.Module):
    """Multi-head self-attention, q | k | v interleaved per head in ``c_qkv``."""

    def __init__(self, width: int, qkv_bias: bool, qk_norm: bool) -> None:
        super().__init__()
        self.c_qkv = nn.Linear(width, 3 * width, bias=qkv_bias)
        self.c_proj = nn.Linear(width, width)
        self.attention = HeadNorm(qk_norm)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = split_heads(self.c_qkv(x), 3)
        q, k = self.attention(q, k, v.dtype)
        return self.c_proj(merge_heads(F.scaled_dot_product_attention(q, k, v)))


class CrossAttention(nn.Module):
    """Multi-head cross-attention, k | v interleaved per head in ``c_kv``."""

    def __init__(self, width: int, qkv_bias: bool, qk_norm: bool) -> None:
        super().__init__()
        self.c_q = nn.Linear(width, width, bias=qkv_bias)
        self.c_kv = nn.Linear(width, 2 * width, bias=qkv_bias)
        self.c_proj = nn.Linear(width, width)
        self.attention = HeadNorm(qk_norm)

    def forward(self, x: Tensor, memory: Tensor) -> Tensor:
        (q,) = split_heads(self.c_q(x), 1)
        k, v = split_heads(self.c_kv(memory), 2)
        q, k = self.attention(q, k, v.dtype)
        return self.c_proj(merge_heads(F.scaled_dot_product_attention(q, k, v)))


class MLP(nn.Module):
    """Linear, exact GELU, Linear."""

    def __init__(self, width: int, ratio: int) -> None:
        super().__init__()
        self.c_fc = nn.Linear(width, width * ratio)
        self.c_proj = nn.Linear(width * ratio, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.c_proj(F.gelu(self.c_fc(x)))


class SelfBlock(nn.Module):
    """Pre-norm transformer block."""

    def __init__(self, width: int, qkv_bias: bool, qk_norm: bool) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width, eps=NORM_EPS)
        self.attn = SelfAttention(width, qkv_bias, qk_norm)
        self.ln_2 = nn.LayerNorm(width, eps=NORM_EPS)
        self.mlp = MLP(width, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class CrossBlock(nn.Module):
    """Pre-norm residual cross-attention block: [B, N, W] queries read [B, M, W] memory."""

    def __init__(self, width: int, mlp_ratio: int, qkv_bias: bool, qk_norm: bool) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width, eps=NORM_EPS)
        self.ln_2 = nn.LayerNorm(width, eps=NORM_EPS)
        self.attn = CrossAttention(width, qkv_bias, qk_norm)
        self.ln_3 = nn.LayerNorm(width, eps=NORM_EPS)
        self.mlp = MLP(width, mlp_ratio)

    def forward(self, x: Tensor, memory: Tensor) -> Tensor:
        x = x + self.attn(self.ln_1(x), self.ln_2(memory))
        return x + self.mlp(self.ln_3(x))


class Transformer(nn.Module):
    """A stack of :class:`SelfBlock` under the name ``resblocks``."""

    def __init__(self, depth: int, width: int, qkv_bias: bool, qk_norm: bool) -> None:
        super().__init__()
        self.resblocks = nn.ModuleList(SelfBlock(width, qkv_bias, qk_norm) for _ in range(depth))

    def forward(self, x: Tensor) -> Tensor:
        for block in self.resblocks:
            x = block(x)
        return x


class PointEncoder(nn.Module):
    """[B, L, C] query points and [B, N, C] surface points (both embedded) -> [B, L, W]."""

    def __init__(self, config: VAEConfig, in_dim: int) -> None:
        super().__init__()
        width, bias, norm = config.width, config.qkv_bias, config.qk_norm
        self.input_proj = CoordinateLinear(in_dim, width)
        self.cross_attn = CrossBlock(width, 4, bias, norm)
        self.self_attn = Transformer(config.num_encoder_layers, width, bias, norm)
        self.ln_post = nn.LayerNorm(width)

    def forward(self, queries: Tensor, data: Tensor) -> Tensor:
        tokens = self.cross_attn(self.input_proj(queries), self.input_proj(data))
        return self.ln_post(self.self_attn(tokens))


class GeometryDecoder(nn.Module):
    """[B, Q, F] embedded query points and [B, L, W] decoded tokens -> [B, Q] logits (> 0 inside)."""

    def __init__(self, config: VAEConfig, in_dim: int) -> None:
        super().__init__()
        width = config.width // config.geo_decoder_downsample_ratio
        # The released code drops the query/key norm of this block together with ln_post.
        qk_norm = config.qk_norm and config.geo_decoder_ln_post
        self.query_proj = CoordinateLinear(in_dim, width)
        if width != config.width:
            self.latents_proj = nn.Linear(config.width, width)
        self.cross_attn_decoder = CrossBlock(width, config.geo_decoder_mlp_expand_ratio, config.qkv_bias, qk_norm)
        if config.geo_decoder_ln_post:
            self.ln_post = nn.LayerNorm(width)
        self.output_proj = nn.Linear(width, 1)

    def forward(self, queries: Tensor, tokens: Tensor) -> Tensor:
        if hasattr(self, "latents_proj"):
            tokens = self.latents_proj(tokens)
        x = self.cross_attn_decoder(self.query_proj(queries), tokens)
        if hasattr(self, "ln_post"):
            x = self.ln_post(x)
        return self.output_proj(x).squeeze(-1)


class ShapeVAE(nn.Module):
    """The whole autoencoder, encoder included."""

    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        self.config = config
        self.fourier = FourierEmbedder(config.num_freqs, config.include_pi)
        self.encoder = PointEncoder(config, self.fourier.out_dim + config.point_feats)
        self.pre_kl = nn.Linear(config.width, 2 * config.embed_dim)
        self.post_kl = nn.Linear(config.embed_dim, config.width)
        self.transformer = Transformer(config.num_decoder_layers, config.width, config.qkv_bias, config.qk_norm)
        self.geo_decoder = GeometryDecoder(config, self.fourier.out_dim)

    def encode(self, surface: Tensor, query_index: Tensor) -> tuple[Tensor, Tensor]:
        """Posterior of the latents.

        surface: [B, N, 3 + point_feats]; query_index: [B, L] rows of ``surface`` used as queries.
        Returns mean and log variance, both [B, L, embed_dim], in fp32.
        """
        data = torch.cat([self.fourier(surface[..., :3]), surface[..., 3:]], dim=-1)
        queries = torch.gather(data, 1, query_index.unsqueeze(-1).expand(-1, -1, data.shape[-1]))
        mean, log_variance = self.pre_kl(self.encoder(queries, data)).float().chunk(2, dim=-1)
        return mean, log_variance.clamp(-30.0, 20.0)

    def decode(self, latents: Tensor) -> Tensor:
        """[B, L, embed_dim] latents, already divided by scale_factor -> [B, L, W] tokens."""
        return self.transformer(self.post_kl(latents))

    def query(self, points: Tensor, tokens: Tensor) -> Tensor:
        """[B, Q, 3] points in the cube [-1.01, 1.01] and [B, L, W] tokens -> [B, Q] logits."""
        return self.geo_decoder(self.fourier(points), tokens)
