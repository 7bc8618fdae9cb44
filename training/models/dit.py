"""Hunyuan3DDiT: velocity of a rectified flow over latent tokens, given image tokens."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

NORM_EPS = 1e-6
TIME_CHANNELS = 256


@dataclass(frozen=True)
class DiTConfig:
    """The ``model.params`` of a bundle's config.yaml (defaults are those of the released models)."""

    in_channels: int = 64
    context_in_dim: int = 1536
    hidden_size: int = 1024
    mlp_ratio: float = 4.0
    num_heads: int = 16
    depth: int = 16
    depth_single_blocks: int = 32
    qkv_bias: bool = True
    guidance_embed: bool = False
    time_factor: float = 1000.0


def sinusoidal_embedding(t: Tensor, max_period: float) -> Tensor:
    """[B] flow time -> [B, 256]: cosines, then sines, of 1000 t at geometric frequencies, fp32.

    The released model passes its ``time_factor`` (1000) as the period and keeps 1000 as the
    multiplier too, so the period is 1000 and not the customary 10000.
    """
    half = TIME_CHANNELS // 2
    exponents = torch.arange(half, dtype=torch.float32, device=t.device) / half
    angles = 1000.0 * t.float().unsqueeze(-1) * torch.exp(-math.log(max_period) * exponents)
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


def plain_norm(x: Tensor) -> Tensor:
    """LayerNorm without affine parameters."""
    return F.layer_norm(x, (x.shape[-1],), eps=NORM_EPS)


class MLPEmbedder(nn.Module):
    """[B, 256] embedding -> [B, H]."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.in_layer = nn.Linear(TIME_CHANNELS, hidden)
        self.out_layer = nn.Linear(hidden, hidden)

    def forward(self, embedding: Tensor) -> Tensor:
        return self.out_layer(F.silu(self.in_layer(embedding.to(self.in_layer.weight.dtype))))


class Modulation(nn.Module):
    """[B, H] -> ``parts`` tensors [B, 1, H]: shift, scale and gate of each sub-block."""

    def __init__(self, hidden: int, parts: int) -> None:
        super().__init__()
        self.parts = parts
        self.lin = nn.Linear(hidden, parts * hidden)

    def forward(self, vec: Tensor) -> tuple[Tensor, ...]:
        return self.lin(F.silu(vec)).unsqueeze(1).chunk(self.parts, dim=-1)


class RMSNorm(nn.Module):
    """RMS norm over the last axis, rounded to the input's type before the learned scale."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        y = x.float()
        y = y * torch.rsqrt(y.square().mean(-1, keepdim=True) + NORM_EPS)
        return (y.to(x.dtype) * self.scale).to(x.dtype)


class QKNorm(nn.Module):
    """RMS norms of q and k, shared by all heads."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.query_norm = RMSNorm(dim)
        self.key_norm = RMSNorm(dim)


def split_qkv(x: Tensor, heads: int, norm: QKNorm) -> tuple[Tensor, Tensor, Tensor]:
    """[B, N, 3 H], laid out [q|k|v][head][d] -> normed q, k and plain v, each [B, heads, N, d]."""
    b, n, _ = x.shape
    q, k, v = x.view(b, n, 3, heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
    return norm.query_norm(q), norm.key_norm(k), v


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """[B, heads, N, d] each -> [B, N, heads * d]."""
    return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)


class StreamAttention(nn.Module):
    """The attention weights of one stream of a double block."""

    def __init__(self, hidden: int, heads: int, qkv_bias: bool) -> None:
        super().__init__()
        self.qkv = nn.Linear(hidden, 3 * hidden, bias=qkv_bias)
        self.norm = QKNorm(hidden // heads)
        self.proj = nn.Linear(hidden, hidden)


def stream_mlp(hidden: int, inner: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(hidden, inner), nn.GELU(approximate="tanh"), nn.Linear(inner, hidden))


class DoubleBlock(nn.Module):
    """Latent and condition streams with their own weights, joined in one attention."""

    def __init__(self, config: DiTConfig) -> None:
        super().__init__()
        hidden, inner = config.hidden_size, int(config.hidden_size * config.mlp_ratio)
        self.heads = config.num_heads
        self.img_mod = Modulation(hidden, 6)
        self.img_attn = StreamAttention(hidden, self.heads, config.qkv_bias)
        self.img_mlp = stream_mlp(hidden, inner)
        self.txt_mod = Modulation(hidden, 6)
        self.txt_attn = StreamAttention(hidden, self.heads, config.qkv_bias)
        self.txt_mlp = stream_mlp(hidden, inner)

    def forward(self, img: Tensor, txt: Tensor, vec: Tensor) -> tuple[Tensor, Tensor]:
        img_mod, txt_mod = self.img_mod(vec), self.txt_mod(vec)
        img_qkv = self._project(self.img_attn, img, img_mod)
        txt_qkv = self._project(self.txt_attn, txt, txt_mod)
        q, k, v = (torch.cat(pair, dim=2) for pair in zip(txt_qkv, img_qkv))
        mixed = attend(q, k, v)
        split = txt.shape[1]
        img = self._finish(self.img_attn, self.img_mlp, img, mixed[:, split:], img_mod)
        txt = self._finish(self.txt_attn, self.txt_mlp, txt, mixed[:, :split], txt_mod)
        return img, txt

    def _project(self, attn: StreamAttention, x: Tensor, mod: tuple[Tensor, ...]) -> tuple[Tensor, Tensor, Tensor]:
        return split_qkv(attn.qkv((1 + mod[1]) * plain_norm(x) + mod[0]), self.heads, attn.norm)

    @staticmethod
    def _finish(attn: StreamAttention, mlp: nn.Module, x: Tensor, mixed: Tensor, mod: tuple[Tensor, ...]) -> Tensor:
        x = x + mod[2] * attn.proj(mixed)
        return x + mod[5] * mlp((1 + mod[4]) * plain_norm(x) + mod[3])


class SingleBlock(nn.Module):
    """One stream over all tokens, attention and MLP in parallel."""

    def __init__(self, config: DiTConfig) -> None:
        super().__init__()
        self.hidden, self.heads = config.hidden_size, config.num_heads
        inner = int(self.hidden * config.mlp_ratio)
        self.modulation = Modulation(self.hidden, 3)
        self.linear1 = nn.Linear(self.hidden, 3 * self.hidden + inner)
        self.linear2 = nn.Linear(self.hidden + inner, self.hidden)
        self.norm = QKNorm(self.hidden // self.heads)

    def forward(self, x: Tensor, vec: Tensor) -> Tensor:
        shift, scale, gate = self.modulation(vec)
        y = self.linear1((1 + scale) * plain_norm(x) + shift)
        q, k, v = split_qkv(y[..., : 3 * self.hidden], self.heads, self.norm)
        inner = F.gelu(y[..., 3 * self.hidden :], approximate="tanh")
        return x + gate * self.linear2(torch.cat([attend(q, k, v), inner], dim=-1))


class FinalLayer(nn.Module):
    """Modulated norm and projection to the latent channels."""

    def __init__(self, hidden: int, out_channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(hidden, out_channels)
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(hidden, 2 * hidden))

    def forward(self, x: Tensor, vec: Tensor) -> Tensor:
        shift, scale = self.adaLN_modulation(vec).unsqueeze(1).chunk(2, dim=-1)
        return self.linear((1 + scale) * plain_norm(x) + shift)


class Hunyuan3DDiT(nn.Module):
    """The velocity network."""

    def __init__(self, config: DiTConfig) -> None:
        super().__init__()
        self.config = config
        hidden = config.hidden_size
        self.latent_in = nn.Linear(config.in_channels, hidden)
        self.time_in = MLPEmbedder(hidden)
        if config.guidance_embed:
            self.guidance_in = MLPEmbedder(hidden)
        self.cond_in = nn.Linear(config.context_in_dim, hidden)
        self.double_blocks = nn.ModuleList(DoubleBlock(config) for _ in range(config.depth))
        self.single_blocks = nn.ModuleList(SingleBlock(config) for _ in range(config.depth_single_blocks))
        self.final_layer = FinalLayer(hidden, config.in_channels)

    def forward(self, x: Tensor, t: Tensor, cond: Tensor, guidance: Tensor | None = None) -> Tensor:
        """Velocity (data minus noise) of the latents.

        x: [B, L, in_channels]; t: [B] in [0, 1], 0 is noise; cond: [B, T, context_in_dim];
        guidance: [B], used by distilled models alone. Returns [B, L, in_channels].
        """
        period = self.config.time_factor
        img = self.latent_in(x)
        vec = self.time_in(sinusoidal_embedding(t, period))
        if self.config.guidance_embed:
            if guidance is None:
                raise ValueError("a model with guidance_embed needs a guidance value")
            vec = vec + self.guidance_in(sinusoidal_embedding(guidance, period))
        txt = self.cond_in(cond)
        for block in self.double_blocks:
            img, txt = block(img, txt, vec)
        tokens = torch.cat([txt, img], dim=1)
        for block in self.single_blocks:
            tokens = block(tokens, vec)
        return self.final_layer(tokens[:, cond.shape[1] :], vec)
