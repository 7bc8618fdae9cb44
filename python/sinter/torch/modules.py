"""nn.Modules on the fused operators. Parameters have the names of the modules that they replace."""

from __future__ import annotations

from typing import Literal, Optional

import torch
from torch import Tensor, nn

from sinter.torch import functional as fused

Mode = Literal["exact", "fast"]


class _Norm(nn.Module):
    """LayerNorm or RMS norm over the last axis: what the two modules below share."""

    def __init__(
        self,
        dim: int,
        eps: float = 1e-6,
        elementwise_affine: bool = False,
        norm: Literal["layer", "rms"] = "layer",
        norm_in_f32: bool = False,
        mode: Mode = "exact",
        device=None,
        dtype=None,
    ) -> None:
        super().__init__()
        if norm not in ("layer", "rms"):
            raise ValueError(f"[sinter.torch] expected 'layer' or 'rms' for norm, got {norm!r}")
        self.dim, self.eps, self.norm, self.norm_in_f32, self.mode = dim, eps, norm, norm_in_f32, mode
        self.fast = fused.is_fast(mode)
        self.register_parameter("weight", nn.Parameter(torch.ones(dim, device=device, dtype=dtype)) if elementwise_affine else None)
        has_bias = elementwise_affine and norm == "layer"
        self.register_parameter("bias", nn.Parameter(torch.zeros(dim, device=device, dtype=dtype)) if has_bias else None)

    def extra_repr(self) -> str:
        return f"{self.dim}, eps={self.eps}, norm={self.norm}, affine={self.weight is not None}, mode={self.mode}"


class LayerNormScaleShift(_Norm):
    """norm(x) * (1 + scale) + shift."""

    def forward(self, x: Tensor, shift: Optional[Tensor] = None, scale: Optional[Tensor] = None) -> Tensor:
        return fused.norm_scale_shift(
            x, scale, shift, self.weight, self.bias, self.eps, self.norm == "rms", self.norm_in_f32, fast=self.fast
        )


class ScaleResidualLayerNormScaleShift(_Norm):
    """sum = residual + gate * x, then norm(sum) * (1 + scale) + shift; returns (the latter, sum)."""

    def forward(
        self,
        residual: Tensor,
        x: Tensor,
        gate: Optional[Tensor] = None,
        shift: Optional[Tensor] = None,
        scale: Optional[Tensor] = None,
    ) -> tuple[Tensor, Tensor]:
        return fused.residual_norm_scale_shift(
            x, residual, gate, scale, shift,
            self.weight, self.bias, self.eps, self.norm == "rms", self.norm_in_f32, fast=self.fast,
        )  # fmt: skip


class RMSNorm(nn.Module):
    """x / rms(x) * scale as Hunyuan3D and FLUX have it: the norm is rounded before the scale, and after it.

    The parameter is named `scale`, as in their checkpoints; `weight` is the same parameter.
    """

    def __init__(self, dim: int, eps: float = 1e-6, mode: Mode = "exact", device=None, dtype=None) -> None:
        super().__init__()
        self.dim, self.eps, self.mode = dim, eps, mode
        self.fast = fused.is_fast(mode)
        self.scale = nn.Parameter(torch.ones(dim, device=device, dtype=dtype))

    @property
    def weight(self) -> nn.Parameter:
        return self.scale

    def forward(self, x: Tensor) -> Tensor:
        return fused.norm_scale_shift(x, weight=self.scale, eps=self.eps, rms=True, fast=self.fast)


class QKNorm(nn.Module):
    """The RMS norms of the heads of q and k, and their rotation where there is a table, in one launch and in place.

    q and k are [B, S, H, d] by their strides, or [B, H, S, d] with `heads_first`; views of a fused projection are
    not copied. Use what it returns: where gradients are recorded, q and k stay as they are.
    """

    def __init__(self, dim: int, eps: float = 1e-6, heads_first: bool = True, mode: Mode = "exact", device=None, dtype=None):
        super().__init__()
        self.heads_first = heads_first
        self.query_norm = RMSNorm(dim, eps, mode, device, dtype)
        self.key_norm = RMSNorm(dim, eps, mode, device, dtype)

    def forward(
        self, q: Tensor, k: Tensor, v: Optional[Tensor] = None, table: Optional[Tensor] = None
    ) -> tuple[Tensor, Tensor]:
        """v, where given, names the type of the results, as Hunyuan3D's QKNorm has it. With a table of
        sinter.ops.rotary_table the heads are turned too, pairs interleaved."""
        norm = self.query_norm
        if self.heads_first:
            q, k = q.transpose(1, 2), k.transpose(1, 2)
        q, k = fused.query_key_norm(q, k, norm.scale, self.key_norm.scale, table, eps=norm.eps, fast=norm.fast)
        if self.heads_first:
            q, k = q.transpose(1, 2), k.transpose(1, 2)
        return (q, k) if v is None else (q.to(v), k.to(v))


class GroupNormSiLU(nn.GroupNorm):
    """silu(GroupNorm(x)), for 2 to 5 dimensions, channels-first or channels-last."""

    def __init__(self, num_groups: int, num_channels: int, eps: float = 1e-5, silu: bool = True, mode: Mode = "exact", device=None, dtype=None):
        super().__init__(num_groups, num_channels, eps, True, device, dtype)
        self.silu, self.mode, self.fast = silu, mode, fused.is_fast(mode)

    def forward(self, x: Tensor) -> Tensor:
        return fused.group_norm_silu(x, self.weight, self.bias, self.num_groups, self.eps, self.silu, self.fast)


class FP32LayerNorm(nn.LayerNorm):
    """LayerNorm computed in float32 whatever the types, with a result of x's type.

    Parameters of another type or on another device are converted once and kept beside the module, out of its state
    dict, under the key (address, version, device of the parameter, device of x, type): an in-place write, .to() or a
    reload makes the key another one. Nothing is kept while gradients are recorded.
    """

    def __init__(self, dim, eps: float = 1e-5, elementwise_affine: bool = True, bias: bool = True, mode: Mode = "exact", device=None, dtype=None):
        super().__init__(dim, eps, elementwise_affine, bias, device, dtype)
        self.mode, self.fast = mode, fused.is_fast(mode)

    def forward(self, x: Tensor) -> Tensor:
        return fp32_layer_norm(self, x, self.fast)


def fp32_layer_norm(module: nn.LayerNorm, x: Tensor, fast: bool = False) -> Tensor:
    weight = fp32_parameter(module, "_weight_fp32_cache", module.weight, x.device)
    bias = fp32_parameter(module, "_bias_fp32_cache", module.bias, x.device)
    if len(module.normalized_shape) != 1 or (weight is None) != (bias is None):
        return nn.functional.layer_norm(x.float(), module.normalized_shape, weight, bias, module.eps).to(x.dtype)
    return fused.norm_scale_shift(x, weight=weight, bias=bias, eps=module.eps, norm_in_f32=True, fast=fast)


def fp32_parameter(
    module: nn.Module, slot: str, parameter: Optional[Tensor], device: torch.device
) -> Optional[Tensor]:
    """The parameter as float32 on `device`, from `module.__dict__[slot]` where that is still of this parameter."""
    if parameter is None or (parameter.dtype == torch.float32 and parameter.device == device):
        return parameter
    if torch.is_grad_enabled() or torch.compiler.is_compiling() or parameter.is_inference():
        return parameter.to(device=device, dtype=torch.float32)
    key = (parameter.data_ptr(), parameter._version, parameter.device, device, parameter.dtype)
    cached = module.__dict__.get(slot)
    if cached is not None and cached[0] == key:
        return cached[1]
    converted = parameter.detach().to(device=device, dtype=torch.float32)
    # With the parameter's memory, which then cannot become another parameter's while the address is a key.
    module.__dict__[slot] = (key, converted, parameter.detach())
    return converted
