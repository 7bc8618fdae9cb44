"""The unfused chains: what the exact mode equals, what gradients flow through, and where a refusal leads."""

from __future__ import annotations

from typing import Any, Optional

import torch
import torch.nn.functional as F
from torch import Tensor


def rows_of(v: Tensor, x: Tensor) -> Tensor:
    """The modulating vector `v` so that it broadcasts with x [B, S, D] or [S, D]; see sinter.ops."""
    if x.dim() == 3 and v.dim() == 2:
        return v[:, None, :]
    if v.dim() == x.dim() + 1:
        samples_and_frames = v.squeeze(-2)
        return samples_and_frames.repeat_interleave(x.shape[-2] // v.shape[-3], dim=-2)
    return v


def normalized(
    x: Tensor,
    weight: Optional[Tensor],
    bias: Optional[Tensor],
    eps: float,
    rms: bool,
    norm_in_f32: bool,
    weight_in_f32: bool,
) -> Tensor:
    if rms:
        wide = x.float()
        wide = wide * torch.rsqrt(torch.mean(wide**2, dim=-1, keepdim=True) + eps)
        if norm_in_f32 or weight_in_f32:
            wide = wide if weight is None else wide * weight.float()
            return wide if norm_in_f32 else wide.to(x.dtype)
        return wide.to(x.dtype) if weight is None else (wide.to(x.dtype) * weight).to(x.dtype)
    if norm_in_f32 or (weight is not None and weight.dtype != x.dtype):
        weight = None if weight is None else weight.float()
        bias = None if bias is None else bias.float()
        wide = F.layer_norm(x.float(), x.shape[-1:], weight, bias, eps)
        return wide if norm_in_f32 else wide.to(x.dtype)
    return F.layer_norm(x, x.shape[-1:], weight, bias, eps)


def norm_scale_shift(
    x: Tensor,
    scale: Optional[Tensor],
    shift: Optional[Tensor],
    weight: Optional[Tensor],
    bias: Optional[Tensor],
    eps: float,
    rms: bool,
    norm_in_f32: bool,
    weight_in_f32: bool,
) -> Tensor:
    y = normalized(x, weight, bias, eps, rms, norm_in_f32, weight_in_f32)
    if scale is not None:
        y = y * (1 + rows_of(scale, x)) + rows_of(shift, x)
    return y.to(x.dtype)


def gated_add(x: Tensor, residual: Tensor, gate: Optional[Tensor]) -> Tensor:
    if gate is None:
        return residual + x
    return (residual + rows_of(gate, x) * x).to(x.dtype)


def residual_norm_scale_shift(
    x: Tensor, residual: Tensor, gate: Optional[Tensor], *norm: Any
) -> tuple[Tensor, Tensor]:
    total = gated_add(x, residual, gate)
    return norm_scale_shift(total, *norm), total


def rotated(x: Tensor, table: Tensor, first_token: int, tokens: int, halves: bool) -> Tensor:
    """The first r elements of each head of x [B, S, H, d] turned by the rows of table [positions, r]."""
    r = table.shape[-1]
    end = min(x.shape[1], table.shape[0], x.shape[1] if tokens < 0 else first_token + tokens)
    cos, sin = (half[None, :, None, :] for half in table[first_token:end].float().chunk(2, dim=-1))
    part = x[:, first_token:end, :, :r].float()
    a, b = part.chunk(2, dim=-1) if halves else part.unflatten(-1, (-1, 2)).unbind(-1)
    turned = (a * cos - b * sin, b * cos + a * sin)
    turned = torch.cat(turned, -1) if halves else torch.stack(turned, -1).flatten(-2)
    out = x.clone()
    out[:, first_token:end, :, :r] = turned.to(x.dtype)
    return out


def query_key_norm(
    x: Tensor,
    weight: Optional[Tensor],
    table: Optional[Tensor],
    first_token: int,
    tokens: int,
    eps: float,
    halves: bool,
    whole_row: bool,
    weight_in_f32: bool,
) -> Tensor:
    """Of queries or of keys [B, S, H, d]; returns a new tensor."""
    rows = x.flatten(-2) if whole_row else x
    y = normalized(rows, weight, None, eps, True, False, weight_in_f32).view_as(x)
    return y if table is None else rotated(y, table, first_token, tokens, halves)


def group_norm_silu(
    x: Tensor, weight: Optional[Tensor], bias: Optional[Tensor], groups: int, eps: float, silu: bool
) -> Tensor:
    weight, bias = (None if p is None else p.to(x.dtype) for p in (weight, bias))
    y = F.group_norm(x, groups, weight, bias, eps)
    return F.silu(y) if silu else y


def activate(x: Tensor, kind: str, multiplier: Optional[Tensor]) -> Tensor:
    if kind == "gelu":
        y = F.gelu(x)
    elif kind == "gelu_tanh":
        y = F.gelu(x, approximate="tanh")
    elif kind == "silu":
        y = F.silu(x)
    elif kind == "fast_gelu":
        y = x * torch.sigmoid(1.702 * x)
    else:
        raise ValueError(f"[activate] expected one of gelu, gelu_tanh, fast_gelu, silu for kind, got {kind!r}")
    return y if multiplier is None else y * multiplier


def causal_pad(x: Tensor, cache: Optional[Tensor], front: int, rows: int, columns: int) -> Tensor:
    if cache is not None:
        x = torch.cat([cache, x], dim=2)
        front -= cache.shape[2]
    return F.pad(x, (columns, columns, rows, rows, front, 0))
