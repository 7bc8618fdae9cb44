"""The fused operators on arrays of PyTorch, CuPy, JAX and NumPy, without a copy.

Every operator takes the arrays of one framework on one device and returns a new array of that framework, or writes
to `out`. Elements are float32, float16 or bfloat16. On a GPU the work is queued on the framework's current stream, or on
`stream` (a cudaStream_t as an integer), and the call returns; on the host it returns when the work is done. JAX has
no current stream: there the call waits for the result.

`mode="exact"` rounds where PyTorch's unfused operators round, `mode="fast"` once at the end.

What an operator cannot do (type, device, shape, strides, alignment, empty arrays, groups that do not divide) raises
ValueError with one line that says what was expected and what came. `why_not.<operator>` returns that line, or '' where
the operator would run, without running; it takes the operands of the operator, its output among them (x itself, where
the output is like x).

A vector that modulates rows (scale, shift, gate) may be, for x [B, S, D]: [1]; [D], [1, D], [1, 1, D]; one a sample
[B, D], [B, 1, D]; one a token [1, S, D], [B, S, D]; one a frame [B, F, 1, D], [1, F, 1, D], where F divides S.
"""

from __future__ import annotations

from typing import Any, Literal, Optional, Sequence, TypeVar

from sinter import _ops
from sinter._frameworks import framework_of
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


def _is_fast(mode: str) -> bool:
    if mode == "exact":
        return False
    if mode == "fast":
        return True
    raise ValueError(f"[sinter.ops] expected 'exact' or 'fast' for mode, got {mode!r}")


def _is_rms(norm: str) -> bool:
    if norm == "layer":
        return False
    if norm == "rms":
        return True
    raise ValueError(f"[sinter.ops] expected 'layer' or 'rms' for norm, got {norm!r}")


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
    """norm(x) [* weight + bias] * (1 + scale) + shift over the last axis of x [B, S, D] or [S, D].

    Args:
        norm: "layer", or "rms" (which has no bias).
        weight, bias: [D], of x's type or float32; both or none.
        scale, shift: modulating vectors; both or none.
        norm_in_f32: exact mode keeps the norm in float32 until the end, as a chain that computes in float32 does.
        weight_in_f32: rms, exact mode: rounds once after the weight (torch.nn.RMSNorm), not before it too.
    """
    framework = framework_of(x)
    framework.check(x, scale, shift, weight, bias)
    y = framework.empty_like(x) if out is None else out
    _ops.norm_scale_shift(
        x, y, scale, shift, weight, bias, None, None, None,
        eps, _is_rms(norm), norm_in_f32, weight_in_f32, _is_fast(mode), stream,
    )  # fmt: skip
    return _result(framework, y, out)


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
    framework = framework_of(x)
    framework.check(x, residual, gate, scale, shift, weight, bias)
    y = framework.empty_like(x) if out is None else out
    total = framework.empty_like(x) if sum_out is None else sum_out
    _ops.norm_scale_shift(
        x, y, scale, shift, weight, bias, residual, gate, total,
        eps, _is_rms(norm), norm_in_f32, weight_in_f32, _is_fast(mode), stream,
    )  # fmt: skip
    return _result(framework, y, out), _result(framework, total, sum_out)


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
    if pairs not in ("interleaved", "halves"):
        raise ValueError(f"[sinter.ops] expected 'interleaved' or 'halves' for pairs, got {pairs!r}")
    framework = framework_of(q)
    framework.check(q, k, q_weight, k_weight, table)
    _ops.query_key_norm(
        q, k, q_weight, k_weight, table, positions, first_token, tokens,
        eps, pairs == "halves", normalize, whole_row, weight_in_f32, _is_fast(mode), stream,
    )  # fmt: skip
    framework.written(q, k)


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
    (f, h, w), (a, b, c) = grid, dims
    if out is None and like is None:
        raise ValueError("[sinter.ops] expected like or out for rotary_table, got neither")
    rows = f * h * w - first if tokens is None else tokens
    framework = framework_of(out if like is None else like)
    table = framework.empty((rows, a + b + c), "float32", like) if out is None else out
    _ops.rotary_table(table, (f, h, w), (a, b, c), theta, first, stream)
    return _result(framework, table, out)


def gated_add(
    x: Array,
    residual: Array,
    gate: Array,
    *,
    mode: Mode = "exact",
    out: Optional[Array] = None,
    stream: Optional[int] = None,
) -> Array:
    """residual + gate * x, for x and residual [B, S, D] or [S, D] and a modulating vector. `out` may be either."""
    framework = framework_of(x)
    framework.check(x, residual, gate)
    y = framework.empty_like(x) if out is None else out
    _ops.gated_add(x, residual, gate, y, _is_fast(mode), stream)
    return _result(framework, y, out)


def group_norm_silu(
    x: Array,
    weight: Array,
    bias: Array,
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
    or float32.
    """
    framework = framework_of(x)
    framework.check(x, weight, bias)
    y = framework.empty_in_layout_of(x) if out is None else out
    fast = _is_fast(mode)
    count = _ops.scratch_bytes.group_norm_silu(x, weight, bias, y, groups, eps, silu, fast)
    scratch = framework.scratch(count, x) if count else None
    _ops.group_norm_silu(x, weight, bias, y, groups, eps, silu, fast, scratch, stream)
    return _result(framework, y, out)


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
    framework = framework_of(x)
    framework.check(x, multiplier)
    y = framework.empty_like(x) if out is None else out
    _ops.activate(x, y, kind, multiplier, _is_fast(mode), stream)
    return _result(framework, y, out)


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
    framework = framework_of(x)
    framework.check(x, weight, bias)
    y = framework.empty((*x.shape[:-1], weight.shape[0]), None, x) if out is None else out
    count = _ops.scratch_bytes.linear_activate(x, weight, bias, y, kind)
    scratch = framework.scratch(count, x) if count else None
    _ops.linear_activate(x, weight, bias, y, kind, scratch, stream)
    return _result(framework, y, out)


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
    framework = framework_of(t)
    framework.check(t)
    y = framework.empty((t.shape[0], dim), dtype, t) if out is None else out
    _ops.timestep_embedding(t, y, max_period, scale, shift, cosine_first, stream)
    return _result(framework, y, out)


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
    framework = framework_of(x)
    framework.check(x, cache)
    if out is None:
        b, c, t, h, w = x.shape
        y = framework.empty((b, c, front + t, h + 2 * rows, w + 2 * columns), None, x)
    else:
        y = out
    _ops.causal_pad(x, cache, y, front, rows, columns, stream)
    return _result(framework, y, out)


def _result(framework: Any, made: Any, out: Any) -> Any:
    if out is None:
        return framework.give(made)
    framework.written(out)
    return out
