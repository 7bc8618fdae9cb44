"""HunYuanDiTPlain: the 2.1 velocity network, plain and exact, as a reference for the native engine.

Parameter names and shapes are the released ones, so a ``state_dict`` maps one to one to the ``model`` component of a
bundle. Only the released form: RMS-normed queries and keys without bias, one context, no position table.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

NORM_EPS = 1e-6


@dataclass(frozen=True)
class PlainConfig:
    """The ``model.params`` of a 2.1 bundle's config.yaml (defaults are those of the released model)."""

    in_channels: int = 64
    hidden_size: int = 2048
    context_dim: int = 1024
    depth: int = 21
    num_heads: int = 16
    num_moe_layers: int = 6
    num_experts: int = 8
    moe_top_k: int = 2
    qk_norm: bool = True
    qk_norm_type: str = "rms"
    qkv_bias: bool = False
    use_attention_pooling: bool = False
    use_pos_emb: bool = False
    with_decoupled_ca: bool = False
    text_len: int = 1370


def time_embedding(t: Tensor, width: int) -> Tensor:
    """[B] flow time in [0, 1] -> [B, width]: sines, then cosines, of t itself at periods up to 10000 * 2 pi, fp32."""
    half = width // 2
    frequencies = torch.exp(-math.log(10000.0) * torch.arange(half, dtype=torch.float32) / half)
    angles = t.float().unsqueeze(-1) * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


class RMSNorm(nn.Module):
    def __init__(self, dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + NORM_EPS) * self.weight


class Attention(nn.Module):
    """To itself where ``context_dim`` is the width of x and no context is given, else to the context."""

    def __init__(self, width: int, context_dim: int, heads: int) -> None:
        super().__init__()
        self.heads, self.dim = heads, width // heads
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(context_dim, width, bias=False)
        self.to_v = nn.Linear(context_dim, width, bias=False)
        self.q_norm = RMSNorm(self.dim)
        self.k_norm = RMSNorm(self.dim)
        self.out_proj = nn.Linear(width, width)

    def channels(self, y: Tensor, head: int, part: int, parts: int) -> Tensor:
        """Part ``part`` of ``parts`` of one head: heads own stretches of parts * dim channels of y."""
        first = (head * parts + part) * self.dim
        return y[..., first : first + self.dim]

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        mixed = []
        q = self.to_q(x)
        if context is None:
            y = torch.cat([q, self.to_k(x), self.to_v(x)], dim=-1)
        else:
            y = torch.cat([self.to_k(context), self.to_v(context)], dim=-1)
        for head in range(self.heads):
            if context is None:
                query, key, value = (self.channels(y, head, part, 3) for part in range(3))
            else:
                query = self.channels(q, head, 0, 1)
                key, value = (self.channels(y, head, part, 2) for part in range(2))
            logits = self.q_norm(query) @ self.k_norm(key).transpose(-1, -2) / math.sqrt(self.dim)
            mixed.append(logits.softmax(dim=-1) @ value)
        return self.out_proj(torch.cat(mixed, dim=-1))


class MLP(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class Expert(nn.Module):
    """Linear, exact GELU, Linear, under the released names net.0.proj and net.2."""

    def __init__(self, width: int) -> None:
        super().__init__()
        first = nn.Module()
        first.proj = nn.Linear(width, 4 * width)
        self.net = nn.ModuleList([first, nn.Identity(), nn.Linear(4 * width, width)])

    def forward(self, x: Tensor) -> Tensor:
        return self.net[2](F.gelu(self.net[0].proj(x)))


class Gate(nn.Module):
    def __init__(self, width: int, experts: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(experts, width))

    def forward(self, x: Tensor) -> Tensor:
        """[..., width] -> probabilities [..., experts]."""
        return (x @ self.weight.T).softmax(dim=-1)


class MixtureOfExperts(nn.Module):
    """Every expert on every token, times its probability where it is among the top ones, plus the shared expert.

    ``margin`` keeps the smallest gap between the last probability taken and the first one left out: golden data is
    worth something only where it is far above rounding.
    """

    def __init__(self, config: PlainConfig) -> None:
        super().__init__()
        self.top_k = config.moe_top_k
        self.experts = nn.ModuleList(Expert(config.hidden_size) for _ in range(config.num_experts))
        self.gate = Gate(config.hidden_size, config.num_experts)
        self.shared_experts = Expert(config.hidden_size)
        self.margin = math.inf

    def forward(self, x: Tensor) -> Tensor:
        probabilities = self.gate(x)
        ordered = probabilities.sort(dim=-1, descending=True).values
        threshold = ordered[..., self.top_k - 1 : self.top_k]
        if self.top_k < len(self.experts):
            self.margin = min(self.margin, (threshold[..., 0] - ordered[..., self.top_k]).min().item())
        weights = torch.where(probabilities >= threshold, probabilities, torch.zeros(()))
        y = self.shared_experts(x)
        for e, expert in enumerate(self.experts):
            y = y + weights[..., e : e + 1] * expert(x)
        return y


class Block(nn.Module):
    def __init__(self, config: PlainConfig, layer: int) -> None:
        super().__init__()
        width = config.hidden_size
        self.takes_skip = layer > config.depth // 2
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(width, eps=NORM_EPS) for _ in range(3))
        self.attn1 = Attention(width, width, config.num_heads)
        self.attn2 = Attention(width, config.context_dim, config.num_heads)
        if self.takes_skip:
            self.skip_linear = nn.Linear(2 * width, width)
            self.skip_norm = nn.LayerNorm(width, eps=NORM_EPS)
        if config.depth - layer <= config.num_moe_layers:
            self.moe = MixtureOfExperts(config)
        else:
            self.mlp = MLP(width)

    def forward(self, x: Tensor, context: Tensor, skip: Tensor | None) -> Tensor:
        if self.takes_skip:
            x = self.skip_norm(self.skip_linear(torch.cat([skip, x], dim=-1)))
        x = x + self.attn1(self.norm1(x))
        x = x + self.attn2(self.norm2(x), context)
        return x + (self.moe if hasattr(self, "moe") else self.mlp)(self.norm3(x))


class TimeEmbedder(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))


class FinalLayer(nn.Module):
    def __init__(self, width: int, channels: int) -> None:
        super().__init__()
        self.norm_final = nn.LayerNorm(width, eps=NORM_EPS)
        self.linear = nn.Linear(width, channels)


class HunYuanDiTPlain(nn.Module):
    """[B, L, C] latents, [B] times, [B, T, context] -> [B, L, C] velocity."""

    def __init__(self, config: PlainConfig) -> None:
        super().__init__()
        self.config = config
        width = config.hidden_size
        self.x_embedder = nn.Linear(config.in_channels, width)
        self.t_embedder = TimeEmbedder(width)
        self.blocks = nn.ModuleList(Block(config, layer) for layer in range(config.depth))
        self.final_layer = FinalLayer(width, config.in_channels)

    def forward(self, latents: Tensor, t: Tensor, context: Tensor) -> Tensor:
        width, middle = self.config.hidden_size, self.config.depth // 2
        time = self.t_embedder.mlp(time_embedding(t, width)).unsqueeze(1)
        x = torch.cat([time, self.x_embedder(latents)], dim=1)
        stack: list[Tensor] = []
        for layer, block in enumerate(self.blocks):
            x = block(x, context, stack.pop() if layer > middle else None)
            if layer < middle:
                stack.append(x)
        return self.final_layer.linear(self.final_layer.norm_final(x)[:, 1:])
