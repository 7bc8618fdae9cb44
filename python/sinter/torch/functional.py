"""The operators on torch tensors, for modules: they never refuse.

Where the fused operator refuses (a layout, a type, a wrapped tensor), where gradients are recorded and under autocast the
unfused chain of eager.py runs instead. In exact mode its results are the same. Under torch.compile each operator is one
custom operator of the namespace `sinter` that the compiler does not look into.
"""

from __future__ import annotations

from typing import Any, Callable, Optional

import torch
from torch import Tensor
from torch.compiler import is_compiling

from sinter import _ops
from sinter.torch import eager

_library = torch.library.Library("sinter", "DEF")


def is_fast(mode: str) -> bool:
    if mode not in ("exact", "fast"):
        raise ValueError(f"[sinter.torch] expected 'exact' or 'fast' for mode, got {mode!r}")
    return mode == "fast"


def _operator(schema: str, unfused: Callable[..., Any], like: Callable[..., Any]) -> Callable[..., Any]:
    """Registers torch.ops.sinter.<name>, and returns the function that chooses between it, the direct call and `unfused`.

    All of them take the same arguments, and so does _ops.attempt.<name>, which returns None where it refuses, where
    gradients are recorded and under autocast. `like` makes tensors with the shapes and strides that the operator's
    results have, of tensors without data too; of an operator that works in place it returns the arguments that change.
    """
    name = schema.partition("(")[0]
    in_place = name.endswith("_")
    attempt = getattr(_ops.attempt, name.rstrip("_"))

    def registered(*arguments: Any) -> Any:
        results = attempt(*arguments)
        if results is None:
            results = like(*arguments)
            for place, value in zip(_flat(results), _flat(unfused(*arguments))):
                if place is not None:
                    place.copy_(value)
        return None if in_place else results

    _library.define(schema, tags=(torch.Tag.pt2_compliant_tag, torch.Tag.needs_fixed_stride_order))
    _library.impl(name, registered, "CompositeExplicitAutograd")
    fake = (lambda *_: None) if in_place else like
    torch.library.register_fake(f"sinter::{name}", fake, lib=_library)
    custom_operator = getattr(torch.ops.sinter, name)

    def operator(*arguments: Any) -> Any:
        if is_compiling():
            if _wants_unfused(arguments):
                return unfused(*arguments)
            results = custom_operator(*arguments)
            return like(*arguments) if in_place else results
        results = attempt(*arguments)
        return unfused(*arguments) if results is None else results

    return operator


def _flat(results: Any) -> tuple[Optional[Tensor], ...]:
    return results if isinstance(results, tuple) else (results,)


def _wants_unfused(arguments: tuple[Any, ...]) -> bool:
    """What _ops.attempt finds out for itself, in terms that the compiler understands."""
    if torch.is_autocast_enabled("cuda" if arguments[0].is_cuda else "cpu"):
        return True
    return torch.is_grad_enabled() and any(isinstance(a, Tensor) and a.requires_grad for a in arguments)


def _contiguous_like(x: Tensor, *_: Any) -> Tensor:
    return torch.empty_like(x, memory_format=torch.contiguous_format)


# ----------------------------------------------------------------------------------------------- norm, scale, shift

_norm_scale_shift = _operator(
    "norm_scale_shift(Tensor x, Tensor? scale, Tensor? shift, Tensor? weight, Tensor? bias, float eps, bool rms, "
    "bool norm_in_f32, bool weight_in_f32, bool fast) -> Tensor",
    lambda *arguments: eager.norm_scale_shift(*arguments[:-1]),
    _contiguous_like,
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
    """See sinter.ops.norm_scale_shift."""
    return _norm_scale_shift(x, scale, shift, weight, bias, eps, rms, norm_in_f32, weight_in_f32, fast)


_residual_norm_scale_shift = _operator(
    "residual_norm_scale_shift(Tensor x, Tensor residual, Tensor? gate, Tensor? scale, Tensor? shift, Tensor? weight, "
    "Tensor? bias, float eps, bool rms, bool norm_in_f32, bool weight_in_f32, bool fast) -> (Tensor, Tensor)",
    lambda *arguments: eager.residual_norm_scale_shift(*arguments[:-1]),
    lambda x, residual, *_: (_contiguous_like(x), _contiguous_like(residual)),
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
    return _residual_norm_scale_shift(
        x, residual, gate, scale, shift, weight, bias, eps, rms, norm_in_f32, weight_in_f32, fast
    )


# -------------------------------------------------------------------------------------------------------- gated add

_gated_add = _operator(
    "gated_add(Tensor x, Tensor residual, Tensor gate, bool fast) -> Tensor",
    lambda *arguments: eager.gated_add(*arguments[:-1]),
    _contiguous_like,
)


def gated_add(x: Tensor, residual: Tensor, gate: Tensor, fast: bool = False) -> Tensor:
    """residual + gate * x; see sinter.ops.gated_add."""
    return _gated_add(x, residual, gate, fast)


# ------------------------------------------------------------------------------------------------------ group norm

_group_norm_silu = _operator(
    "group_norm_silu(Tensor x, Tensor? weight, Tensor? bias, int groups, float eps, bool silu, bool fast) -> Tensor",
    lambda *arguments: eager.group_norm_silu(*arguments[:-1]),
    lambda x, *_: torch.empty_like(x),
)


def group_norm_silu(
    x: Tensor,
    weight: Optional[Tensor] = None,
    bias: Optional[Tensor] = None,
    groups: int = 32,
    eps: float = 1e-5,
    silu: bool = True,
    fast: bool = False,
) -> Tensor:
    """See sinter.ops.group_norm_silu."""
    return _group_norm_silu(x, weight, bias, groups, eps, silu, fast)


# ------------------------------------------------------------------------------------------------------ activations

_activate = _operator(
    "activate(Tensor x, str kind, Tensor? multiplier, bool fast) -> Tensor",
    lambda *arguments: eager.activate(*arguments[:-1]),
    _contiguous_like,
)


def activate(
    x: Tensor, kind: str = "gelu_tanh", multiplier: Optional[Tensor] = None, fast: bool = False
) -> Tensor:
    """See sinter.ops.activate."""
    return _activate(x, kind, multiplier, fast)


# -------------------------------------------------------------------------------------------------- queries and keys


def _unfused_query_key_norm(
    q: Tensor, k: Optional[Tensor], q_weight: Optional[Tensor], k_weight: Optional[Tensor], *options: Any
) -> tuple[Tensor, Optional[Tensor]]:
    return (
        eager.query_key_norm(q, q_weight, *options[:-1]),
        None if k is None else eager.query_key_norm(k, k_weight, *options[:-1]),
    )


_query_key_norm = _operator(
    "query_key_norm_(Tensor(a!) q, Tensor(b!)? k, Tensor? q_weight, Tensor? k_weight, Tensor? table, int first_token, "
    "int tokens, float eps, bool halves, bool whole_row, bool weight_in_f32, bool fast) -> ()",
    _unfused_query_key_norm,
    lambda q, k, *_: (q, k),
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
    """See sinter.ops.query_key_norm_. In place where the fused operator runs, new tensors elsewhere: use what it returns."""
    return _query_key_norm(
        q, k, q_weight, k_weight, table, first_token, tokens, eps, halves, whole_row, weight_in_f32, fast
    )


# ------------------------------------------------------------------------------------------------- causal convolution

_causal_pad = _operator(
    "causal_pad(Tensor x, Tensor? cache, int front, int rows, int columns) -> Tensor",
    eager.causal_pad,
    lambda x, cache, front, rows, columns: x.new_empty(
        (x.shape[0], x.shape[1], front + x.shape[2], x.shape[3] + 2 * rows, x.shape[4] + 2 * columns)
    ),
)


def causal_pad(x: Tensor, cache: Optional[Tensor] = None, front: int = 2, rows: int = 1, columns: int = 1) -> Tensor:
    """See sinter.ops.causal_pad."""
    return _causal_pad(x, cache, front, rows, columns)
