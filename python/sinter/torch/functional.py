"""The operators on torch tensors, for modules: they never refuse.

Where the fused operator refuses (a layout, a type, a wrapped tensor), where gradients are recorded and under autocast the
unfused chain of eager.py runs instead. In exact mode its results are the same. Under torch.compile each operator is one
custom operator of the namespace `sinter` that the compiler does not look into.
"""

from __future__ import annotations

from typing import Optional

import torch
from torch import Tensor

from sinter import _ops
from sinter.torch import eager

_library = torch.library.Library("sinter", "DEF")


def is_fast(mode: str) -> bool:
    if mode not in ("exact", "fast"):
        raise ValueError(f"[sinter.torch] expected 'exact' or 'fast' for mode, got {mode!r}")
    return mode == "fast"


def _unfused(x: Tensor, *others: Optional[Tensor]) -> bool:
    """Whether the unfused chain is wanted whatever the operands are: it records gradients and obeys autocast."""
    if torch.is_autocast_enabled("cuda" if x.is_cuda else "cpu"):
        return True
    if not torch.is_grad_enabled():
        return False
    if x.requires_grad:
        return True
    for other in others:
        if other is not None and other.requires_grad:
            return True
    return False


def _operator(schema: str, run, fake) -> None:
    """Registers `run` as torch.ops.sinter.<name>, for every device, with `fake` for tensors without data."""
    name = schema.partition("(")[0]
    _library.define(schema, tags=(torch.Tag.pt2_compliant_tag, torch.Tag.needs_fixed_stride_order))
    _library.impl(name, run, "CompositeExplicitAutograd")
    torch.library.register_fake(f"sinter::{name}", fake, lib=_library)


# ----------------------------------------------------------------------------------------------- norm, scale, shift


def _norm_scale_shift(
    x: Tensor,
    scale: Optional[Tensor],
    shift: Optional[Tensor],
    weight: Optional[Tensor],
    bias: Optional[Tensor],
    eps: float,
    rms: bool,
    norm_in_f32: bool,
    weight_in_f32: bool,
    fast: bool,
) -> Tensor:
    # Contiguous whatever x is, as the fake result below and the unfused chain are for rows.
    rows = x if x.dim() in (2, 3) else x.flatten(0, -2)
    y = torch.empty_like(rows, memory_format=torch.contiguous_format)
    try:
        _ops.norm_scale_shift(
            rows, y, scale, shift, weight, bias, None, None, None, eps, rms, norm_in_f32, weight_in_f32, fast
        )
    except ValueError:
        return eager.norm_scale_shift(x, scale, shift, weight, bias, eps, rms, norm_in_f32, weight_in_f32).contiguous()
    return y if rows is x else y.view(x.shape)


_operator(
    "norm_scale_shift(Tensor x, Tensor? scale, Tensor? shift, Tensor? weight, Tensor? bias, float eps, bool rms, "
    "bool norm_in_f32, bool weight_in_f32, bool fast) -> Tensor",
    _norm_scale_shift,
    lambda x, *_: torch.empty_like(x, memory_format=torch.contiguous_format),
)


def norm_scale_shift(
    x: Tensor,
    scale: Optional[Tensor] = None,
    shift: Optional[Tensor] = None,
    weight: Optional[Tensor] = None,
    bias: Optional[Tensor] = None,
    eps: float = 1e-6,
    rms: bool = False,
    norm_in_f32: bool = False,
    weight_in_f32: bool = False,
    fast: bool = False,
) -> Tensor:
    """See sinter.ops.norm_scale_shift; without scale and shift x may have any number of dimensions."""
    if _unfused(x, scale, shift, weight, bias):
        return eager.norm_scale_shift(x, scale, shift, weight, bias, eps, rms, norm_in_f32, weight_in_f32)
    run = torch.ops.sinter.norm_scale_shift if torch.compiler.is_compiling() else _norm_scale_shift
    return run(x, scale, shift, weight, bias, eps, rms, norm_in_f32, weight_in_f32, fast)


def _residual_norm_scale_shift(
    x: Tensor,
    residual: Tensor,
    gate: Optional[Tensor],
    scale: Optional[Tensor],
    shift: Optional[Tensor],
    weight: Optional[Tensor],
    bias: Optional[Tensor],
    eps: float,
    rms: bool,
    norm_in_f32: bool,
    weight_in_f32: bool,
    fast: bool,
) -> tuple[Tensor, Tensor]:
    y = torch.empty_like(x, memory_format=torch.contiguous_format)
    total = torch.empty_like(y)
    try:
        _ops.norm_scale_shift(
            x, y, scale, shift, weight, bias, residual, gate, total, eps, rms, norm_in_f32, weight_in_f32, fast
        )
    except ValueError:
        total = eager.gated_add(x, residual, gate).contiguous()
        y = eager.norm_scale_shift(total, scale, shift, weight, bias, eps, rms, norm_in_f32, weight_in_f32)
        return y.contiguous(), total
    return y, total


def _fake_pair(x: Tensor, *_) -> tuple[Tensor, Tensor]:
    y = torch.empty_like(x, memory_format=torch.contiguous_format)
    return y, torch.empty_like(y)


_operator(
    "residual_norm_scale_shift(Tensor x, Tensor residual, Tensor? gate, Tensor? scale, Tensor? shift, Tensor? weight, "
    "Tensor? bias, float eps, bool rms, bool norm_in_f32, bool weight_in_f32, bool fast) -> (Tensor, Tensor)",
    _residual_norm_scale_shift,
    _fake_pair,
)


def residual_norm_scale_shift(
    x: Tensor,
    residual: Tensor,
    gate: Optional[Tensor] = None,
    scale: Optional[Tensor] = None,
    shift: Optional[Tensor] = None,
    weight: Optional[Tensor] = None,
    bias: Optional[Tensor] = None,
    eps: float = 1e-6,
    rms: bool = False,
    norm_in_f32: bool = False,
    weight_in_f32: bool = False,
    fast: bool = False,
) -> tuple[Tensor, Tensor]:
    """See sinter.ops.residual_norm_scale_shift: (y, sum)."""
    if _unfused(x, residual, gate, scale, shift, weight, bias):
        total = eager.gated_add(x, residual, gate)
        return eager.norm_scale_shift(total, scale, shift, weight, bias, eps, rms, norm_in_f32, weight_in_f32), total
    run = torch.ops.sinter.residual_norm_scale_shift if torch.compiler.is_compiling() else _residual_norm_scale_shift
    return run(x, residual, gate, scale, shift, weight, bias, eps, rms, norm_in_f32, weight_in_f32, fast)


# -------------------------------------------------------------------------------------------------------- gated add


def _gated_add(x: Tensor, residual: Tensor, gate: Tensor, fast: bool) -> Tensor:
    y = torch.empty_like(x, memory_format=torch.contiguous_format)
    try:
        _ops.gated_add(x, residual, gate, y, fast)
    except ValueError:
        return eager.gated_add(x, residual, gate).contiguous()
    return y


_operator(
    "gated_add(Tensor x, Tensor residual, Tensor gate, bool fast) -> Tensor",
    _gated_add,
    lambda x, *_: torch.empty_like(x, memory_format=torch.contiguous_format),
)


def gated_add(x: Tensor, residual: Tensor, gate: Tensor, fast: bool = False) -> Tensor:
    """residual + gate * x; see sinter.ops.gated_add."""
    if _unfused(x, residual, gate):
        return eager.gated_add(x, residual, gate)
    run = torch.ops.sinter.gated_add if torch.compiler.is_compiling() else _gated_add
    return run(x, residual, gate, fast)


# ------------------------------------------------------------------------------------------------------ group norm


def _group_norm_silu(
    x: Tensor, weight: Tensor, bias: Tensor, groups: int, eps: float, silu: bool, fast: bool
) -> Tensor:
    y = torch.empty_like(x)
    try:
        count = _ops.scratch_bytes.group_norm_silu(x, weight, bias, y, groups, eps, silu, fast)
        scratch = torch.empty(count, dtype=torch.uint8, device=x.device) if count else None
        _ops.group_norm_silu(x, weight, bias, y, groups, eps, silu, fast, scratch)
    except ValueError:
        return y.copy_(eager.group_norm_silu(x, weight, bias, groups, eps, silu))
    return y


_operator(
    "group_norm_silu(Tensor x, Tensor weight, Tensor bias, int groups, float eps, bool silu, bool fast) -> Tensor",
    _group_norm_silu,
    lambda x, *_: torch.empty_like(x),
)


def group_norm_silu(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    groups: int = 32,
    eps: float = 1e-5,
    silu: bool = True,
    fast: bool = False,
) -> Tensor:
    """See sinter.ops.group_norm_silu."""
    if _unfused(x, weight, bias):
        return eager.group_norm_silu(x, weight, bias, groups, eps, silu)
    run = torch.ops.sinter.group_norm_silu if torch.compiler.is_compiling() else _group_norm_silu
    return run(x, weight, bias, groups, eps, silu, fast)


# ------------------------------------------------------------------------------------------------------ activations


def _activate(x: Tensor, kind: str, multiplier: Optional[Tensor], fast: bool) -> Tensor:
    y = torch.empty_like(x, memory_format=torch.contiguous_format)
    try:
        _ops.activate(x, y, kind, multiplier, fast)
    except ValueError:
        return eager.activate(x, kind, multiplier).contiguous()
    return y


_operator(
    "activate(Tensor x, str kind, Tensor? multiplier, bool fast) -> Tensor",
    _activate,
    lambda x, *_: torch.empty_like(x, memory_format=torch.contiguous_format),
)


def activate(
    x: Tensor, kind: str = "gelu_tanh", multiplier: Optional[Tensor] = None, fast: bool = False
) -> Tensor:
    """See sinter.ops.activate."""
    if _unfused(x, multiplier):
        return eager.activate(x, kind, multiplier)
    run = torch.ops.sinter.activate if torch.compiler.is_compiling() else _activate
    return run(x, kind, multiplier, fast)


# -------------------------------------------------------------------------------------------------- queries and keys


def _query_key_norm_(
    q: Tensor,
    k: Optional[Tensor],
    q_weight: Optional[Tensor],
    k_weight: Optional[Tensor],
    table: Optional[Tensor],
    first_token: int,
    tokens: int,
    eps: float,
    halves: bool,
    whole_row: bool,
    weight_in_f32: bool,
    fast: bool,
) -> None:
    try:
        _ops.query_key_norm(
            q, k, q_weight, k_weight, table, None, first_token, tokens,
            eps, halves, True, whole_row, weight_in_f32, fast,
        )  # fmt: skip
    except ValueError:
        for x, weight in ((q, q_weight), (k, k_weight)):
            if x is not None:
                x.copy_(
                    eager.query_key_norm(
                        x, weight, table, first_token, tokens, eps, halves, whole_row, weight_in_f32
                    )
                )


_operator(
    "query_key_norm_(Tensor(a!) q, Tensor(b!)? k, Tensor? q_weight, Tensor? k_weight, Tensor? table, int first_token, "
    "int tokens, float eps, bool halves, bool whole_row, bool weight_in_f32, bool fast) -> ()",
    _query_key_norm_,
    lambda *_: None,
)


def query_key_norm(
    q: Tensor,
    k: Optional[Tensor] = None,
    q_weight: Optional[Tensor] = None,
    k_weight: Optional[Tensor] = None,
    table: Optional[Tensor] = None,
    first_token: int = 0,
    tokens: int = -1,
    eps: float = 1e-6,
    halves: bool = False,
    whole_row: bool = False,
    weight_in_f32: bool = False,
    fast: bool = False,
) -> tuple[Tensor, Optional[Tensor]]:
    """See sinter.ops.query_key_norm_. In place, unless gradients are recorded; use what it returns."""
    if _unfused(q, k, q_weight, k_weight):
        shared = (table, first_token, tokens, eps, halves, whole_row, weight_in_f32)
        return (
            eager.query_key_norm(q, q_weight, *shared),
            None if k is None else eager.query_key_norm(k, k_weight, *shared),
        )
    arguments = (q, k, q_weight, k_weight, table, first_token, tokens, eps, halves, whole_row, weight_in_f32, fast)
    if torch.compiler.is_compiling():
        torch.ops.sinter.query_key_norm_(*arguments)
        return q, k
    _query_key_norm_(*arguments)
    for x in (q, k):
        if x is not None and not x.is_inference():
            torch.autograd.graph.increment_version(x)
    return q, k


# ------------------------------------------------------------------------------------------------- causal convolution


def _causal_pad(x: Tensor, cache: Optional[Tensor], front: int, rows: int, columns: int) -> Tensor:
    b, c, t, h, w = x.shape
    y = x.new_empty((b, c, front + t, h + 2 * rows, w + 2 * columns))
    try:
        _ops.causal_pad(x, cache, y, front, rows, columns)
    except ValueError:
        return eager.causal_pad(x, cache, front, rows, columns).contiguous()
    return y


_operator(
    "causal_pad(Tensor x, Tensor? cache, int front, int rows, int columns) -> Tensor",
    _causal_pad,
    lambda x, cache, front, rows, columns: x.new_empty(
        (x.shape[0], x.shape[1], front + x.shape[2], x.shape[3] + 2 * rows, x.shape[4] + 2 * columns)
    ),
)


def causal_pad(x: Tensor, cache: Optional[Tensor] = None, front: int = 2, rows: int = 1, columns: int = 1) -> Tensor:
    """See sinter.ops.causal_pad."""
    if _unfused(x, cache):
        return eager.causal_pad(x, cache, front, rows, columns)
    run = torch.ops.sinter.causal_pad if torch.compiler.is_compiling() else _causal_pad
    return run(x, cache, front, rows, columns)
