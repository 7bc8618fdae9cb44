"""The fused operators on arrays of PyTorch, CuPy, JAX and NumPy, without a copy.

Every operator takes the arrays of one framework on one device and returns a new array of that framework, or writes
to `out`. Elements are float32, float16 or bfloat16. On a GPU the work is queued on the framework's current stream, or on
`stream` (a cudaStream_t as an integer), and the call returns; on the host it returns when the work is done. JAX has
no current stream: there the call waits for the result.

`mode="exact"` rounds where PyTorch's unfused operators round, `mode="fast"` once at the end.

What an operator cannot do (type, device, shape, strides, alignment, empty arrays, groups that do not divide) raises
ValueError with one line that says what was expected and what came. `why_not.<operator>` returns that line, or '' where
the operator would run, without running; it takes the operator's operands, and out= where the question is about one.

A vector that modulates rows (scale, shift, gate) may be, for x [B, S, D]: [1]; [D], [1, D], [1, 1, D]; one a sample
[B, D], [B, 1, D]; one a token [1, S, D], [B, S, D]; one a frame [B, F, 1, D], [1, F, 1, D], where F divides S. For x [S, D] the same without B, for x of another rank [1] or [D].
"""

from __future__ import annotations

from typing import Any, Literal, Optional, Sequence, TypeVar

from sinter import _ops
from sinter._frameworks import type_name
from sinter._ops import why_not

__all__ = [
    "activate",
    "causal_pad",
    "gated_add",
    "group_norm_silu",
    "linear_activate",
    "norm_scale_shift",
    "query_key_norm_",
    "residual_norm_scale_shift",
    "rotary_table",
    "timestep_embedding",
    "why_not",
]

Array = TypeVar("Array")
Mode = Literal["exact", "fast"]
Norm = Literal["layer", "rms"]
Activation = Literal["gelu", "gelu_tanh", "fast_gelu", "silu"]


_IS_FAST = {"exact": False, "fast": True}
_IS_RMS = {"layer": False, "rms": True}
_ARE_HALVES = {"interleaved": False, "halves": True}


def _choice(what: str, name: str, choices: dict[str, bool]) -> bool:
    found = choices.get(name)
    if found is None:
        raise ValueError(f"[sinter.ops] expected one of {', '.join(choices)} for {what}, got {name!r}")
    return found


def norm_scale_shift(
    x: Array,
    scale: Optional[Array] = None,
    shift: Optional[Array] = None,
    *,
    norm: Norm = "layer",
    weight: Optional[Array] = None,
    bias: Optional[Array] = None,
    eps: float = 1e-6,
    norm_in_f32: bool = False,
    weight_in_f32: bool = False,
    mode: Mode = "exact",
    out: Optional[Array] = None,
    stream: Optional[int] = None,
) -> Array:
    """norm(x) [* weight + bias] * (1 + scale) + shift over the last axis of x [B, S, D], [S, D] or of another rank.

    Args:
        norm: "layer", or "rms" (which has no bias).
        weight, bias: [D], of x's type or float32; both or none.
        scale, shift: modulating vectors; both or none.
        norm_in_f32: exact mode keeps the norm in float32 until the end, as a chain that computes in float32 does.
        weight_in_f32: rms, exact mode: rounds once after the weight (torch.nn.RMSNorm), not before it too.
    """
    return _ops.norm_scale_shift(
        x, scale, shift, weight, bias, eps, norm != "layer" and _choice("norm", norm, _IS_RMS), norm_in_f32, weight_in_f32,
        mode != "exact" and _choice("mode", mode, _IS_FAST), out, stream,
    )  # fmt: skip


def residual_norm_scale_shift(
    x: Array,
    residual: Array,
    gate: Optional[Array] = None,
    scale: Optional[Array] = None,
    shift: Optional[Array] = None,
    *,
    norm: Norm = "layer",
    weight: Optional[Array] = None,
    bias: Optional[Array] = None,
    eps: float = 1e-6,
    norm_in_f32: bool = False,
    weight_in_f32: bool = False,
    mode: Mode = "exact",
    out: Optional[Array] = None,
    sum_out: Optional[Array] = None,
    stream: Optional[int] = None,
) -> tuple[Array, Array]:
    """sum = residual + gate * x (no gate: 1), y = norm_scale_shift(sum, ...); returns (y, sum).

    The norm is of the sum as it is stored. `sum_out` may be residual or x itself.
    """
    return _ops.residual_norm_scale_shift(
        x, residual, gate, scale, shift, weight, bias, eps, norm != "layer" and _choice("norm", norm, _IS_RMS), norm_in_f32, weight_in_f32,
        mode != "exact" and _choice("mode", mode, _IS_FAST), out, sum_out, stream,
    )  # fmt: skip


def query_key_norm_(
    q: Array,
    k: Optional[Array] = None,
    q_weight: Optional[Array] = None,
    k_weight: Optional[Array] = None,
    *,
    table: Optional[Array] = None,
    positions: Optional[Array] = None,
    first_token: int = 0,
    tokens: int = -1,
    pairs: Literal["interleaved", "halves"] = "interleaved",
    normalize: bool = True,
    whole_row: bool = False,
    weight_in_f32: bool = False,
    eps: float = 1e-6,
    mode: Mode = "exact",
    stream: Optional[int] = None,
) -> None:
    """In place: the RMS norm of every head of q [B, S, H, d] and k, then their rotation.

    q and k may be views of one fused projection: any strides, but 1 in the last axis. JAX's arrays are immutable and
    refused.

    Args:
        q_weight, k_weight: [d], or [H * d] with whole_row; of q's type or float32; both or none.
        table: float32 [positions, r] from rotary_table(): the first r elements of each head turn. None: no rotation.
        positions: int32 or int64 [S], rows of the table; None: the token's number. Without such a row a token stays.
        first_token, tokens: the tokens that turn; -1: all from first_token on.
        pairs: which elements turn together: (2 i, 2 i + 1), or (i, i + r / 2) for "halves".
        normalize: False: the rotation alone.
        whole_row: statistics over all heads of a token together (Wan).
    """
    _ops.query_key_norm(
        q, k, q_weight, k_weight, table, first_token, tokens, eps, pairs != "interleaved" and _choice("pairs", pairs, _ARE_HALVES), whole_row,
        weight_in_f32, mode != "exact" and _choice("mode", mode, _IS_FAST), positions, normalize, stream,
    )  # fmt: skip


def rotary_table(
    grid: Sequence[int],
    dims: Sequence[int],
    *,
    like: Optional[Array] = None,
    theta: float = 10000.0,
    first: int = 0,
    tokens: Optional[int] = None,
    out: Optional[Array] = None,
    stream: Optional[int] = None,
) -> Array:
    """The cosines and sines of a grid of F x H x W tokens: float32 [tokens, sum of dims], cosines first.

    Args:
        grid: F, H, W.
        dims: elements of a head for each axis of the grid: (16, 56, 56) HunyuanVideo, (44, 42, 42) Wan.
        like: an array of the framework and on the device that the table is for (or give out).
        theta: 256 HunyuanVideo, 10000 Wan.
        first, tokens: the part of the grid's tokens that is wanted; all from first on.
    """
    if out is None and like is None:
        raise ValueError("[sinter.ops] expected like or out for rotary_table, got neither")
    return _ops.rotary_table(
        tuple(grid), tuple(dims), theta, first, -1 if tokens is None else tokens, like, out, stream
    )


def gated_add(
    x: Array,
    residual: Array,
    gate: Array,
    *,
    mode: Mode = "exact",
    out: Optional[Array] = None,
    stream: Optional[int] = None,
) -> Array:
    """residual + gate * x, for rows [B, S, D], [S, D] or of another rank and a modulating vector. `out` may be either."""
    return _ops.gated_add(x, residual, gate, mode != "exact" and _choice("mode", mode, _IS_FAST), out, stream)


def group_norm_silu(
    x: Array,
    weight: Optional[Array] = None,
    bias: Optional[Array] = None,
    groups: int = 32,
    *,
    eps: float = 1e-5,
    silu: bool = True,
    mode: Mode = "exact",
    out: Optional[Array] = None,
    stream: Optional[int] = None,
) -> Array:
    """Group norm over x [N, C, ...] of 2 to 5 dimensions, then SiLU unless silu=False.

    x is contiguous, or channels-last by its strides; the result is laid out as x is. weight and bias: [C], of x's type
    or float32; both or none.
    """
    return _ops.group_norm_silu(
        x, weight, bias, groups, eps, silu, mode != "exact" and _choice("mode", mode, _IS_FAST), out, None, stream
    )


def activate(
    x: Array,
    kind: Activation = "gelu_tanh",
    *,
    multiplier: Optional[Array] = None,
    mode: Mode = "exact",
    out: Optional[Array] = None,
    stream: Optional[int] = None,
) -> Array:
    """f(x), or f(x) * multiplier: gelu, gelu_tanh, fast_gelu (x sigmoid(1.702 x)) or silu.

    Two halves of one array are two views: activate(h[..., :n], "silu", multiplier=h[..., n:]).
    """
    return _ops.activate(x, kind, multiplier, mode != "exact" and _choice("mode", mode, _IS_FAST), out, stream)


def linear_activate(
    x: Array,
    weight: Array,
    bias: Optional[Array] = None,
    kind: Activation = "gelu_tanh",
    *,
    out: Optional[Array] = None,
    stream: Optional[int] = None,
) -> Array:
    """f(x weight^T + bias) as one product, x [..., K], weight [N, K], bias [N]: rounds once, at the end."""
    return _ops.linear_activate(x, weight, bias, kind, out, None, stream)


def timestep_embedding(
    t: Array,
    dim: int,
    *,
    max_period: float = 10000.0,
    scale: float = 1.0,
    shift: float = 0.0,
    cosine_first: bool = True,
    dtype: Any = None,
    out: Optional[Array] = None,
    stream: Optional[int] = None,
) -> Array:
    """[cos a | sin a] with a_i = scale * t * exp(-ln(max_period) i / (dim / 2 - shift)): [B, dim] of t [B].

    Args:
        shift: diffusers' downscale_freq_shift.
        cosine_first: diffusers' flip_sin_to_cos.
        dtype: of the result; None: t's.
    """
    short = None if dtype is None else type_name(dtype)
    return _ops.timestep_embedding(t, dim, max_period, scale, shift, cosine_first, short, out, stream)


def causal_pad(
    x: Array,
    cache: Optional[Array] = None,
    *,
    front: int = 2,
    rows: int = 1,
    columns: int = 1,
    out: Optional[Array] = None,
    stream: Optional[int] = None,
) -> Array:
    """What a causal 3-D convolution reads: zeros and the cache's frames before x [B, C, T, H, W], zeros around.

    `front` frames stand before x: the cache's, and zeros before those. H grows by 2 rows, W by 2 columns.
    """
    return _ops.causal_pad(x, cache, front, rows, columns, out, stream)
