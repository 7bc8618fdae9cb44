"""The blocks of Hunyuan3D-2's transformer (hy3dgen) on the fused operators."""

from __future__ import annotations

from typing import Optional

import torch
from torch import Tensor, nn

from sinter.torch import functional as fused
from sinter.torch.rules import Rule, no_affine_layer_norm, source_of


def _queries_keys_values(attention: nn.Module, qkv: Tensor, heads: int) -> tuple[Tensor, Tensor, Tensor]:
    """[B, H, L, d] each, views of the projection whose queries and keys are normalised in place."""
    q, k, v = qkv.unflatten(-1, (3, heads, -1)).permute(2, 0, 3, 1, 4)
    q, k = attention.norm(q, k, v)
    return q, k, v


def rms_norm(self, x: Tensor) -> Tensor:
    return fused.norm_scale_shift(x, weight=self.scale, eps=1e-6, rms=True, fast=self._sinter_fast)


def query_key_norm(self, q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    q, k = fused.query_key_norm(
        q.transpose(1, 2), k.transpose(1, 2), self.query_norm.scale, self.key_norm.scale, fast=self._sinter_fast
    )
    return q.transpose(1, 2).to(v), k.transpose(1, 2).to(v)


def gelu(self, x: Tensor) -> Tensor:
    return fused.activate(x, "gelu_tanh" if self.approximate == "tanh" else "gelu", fast=self._sinter_fast)


def double_stream_block(self, img: Tensor, txt: Tensor, vec: Tensor, pe: Optional[Tensor]) -> tuple[Tensor, Tensor]:
    fast = self._sinter_fast
    img_mod1, img_mod2 = self.img_mod(vec)
    txt_mod1, txt_mod2 = self.txt_mod(vec)

    img_modulated = fused.norm_scale_shift(img, img_mod1.scale, img_mod1.shift, eps=self.img_norm1.eps, fast=fast)
    img_q, img_k, img_v = _queries_keys_values(self.img_attn, self.img_attn.qkv(img_modulated), self.num_heads)
    txt_modulated = fused.norm_scale_shift(txt, txt_mod1.scale, txt_mod1.shift, eps=self.txt_norm1.eps, fast=fast)
    txt_q, txt_k, txt_v = _queries_keys_values(self.txt_attn, self.txt_attn.qkv(txt_modulated), self.num_heads)

    q = torch.cat((txt_q, img_q), dim=2)
    k = torch.cat((txt_k, img_k), dim=2)
    v = torch.cat((txt_v, img_v), dim=2)
    attn = source_of(self).attention(q, k, v, pe=pe)
    txt_attn, img_attn = attn[:, : txt.shape[1]], attn[:, txt.shape[1] :]

    img = _second_half(img, self.img_attn.proj(img_attn), img_mod1, img_mod2, self.img_norm2.eps, self.img_mlp, fast)
    txt = _second_half(txt, self.txt_attn.proj(txt_attn), txt_mod1, txt_mod2, self.txt_norm2.eps, self.txt_mlp, fast)
    return img, txt


def _second_half(residual, attended, mod1, mod2, eps, mlp, fast) -> Tensor:
    modulated, residual = fused.residual_norm_scale_shift(
        attended, residual, mod1.gate, mod2.scale, mod2.shift, eps=eps, fast=fast
    )
    return fused.gated_add(mlp(modulated), residual, mod2.gate, fast=fast)


def single_stream_block(self, x: Tensor, vec: Tensor, pe: Optional[Tensor]) -> Tensor:
    mod, _ = self.modulation(vec)
    x_mod = fused.norm_scale_shift(x, mod.scale, mod.shift, eps=self.pre_norm.eps, fast=self._sinter_fast)
    qkv, mlp = torch.split(self.linear1(x_mod), [3 * self.hidden_size, self.mlp_hidden_dim], dim=-1)
    q, k, v = _queries_keys_values(self, qkv, self.num_heads)
    attn = source_of(self).attention(q, k, v, pe=pe)
    output = self.linear2(torch.cat((attn, self.mlp_act(mlp)), 2))
    return fused.gated_add(output, x, mod.gate, fast=self._sinter_fast)


def last_layer(self, x: Tensor, vec: Tensor) -> Tensor:
    shift, scale = self.adaLN_modulation(vec).chunk(2, dim=1)
    x = fused.norm_scale_shift(
        x, scale[:, None, :], shift[:, None, :], eps=self.norm_final.eps, fast=self._sinter_fast
    )
    return self.linear(x)


RULES = [
    Rule(
        "hy3dgen",
        "DoubleStreamBlock",
        double_stream_block,
        "LayerNorm + scale/shift, gated residual + LayerNorm + scale/shift, gated add",
        no_affine_layer_norm("img_norm1", "img_norm2", "txt_norm1", "txt_norm2"),
    ),
    Rule(
        "hy3dgen",
        "SingleStreamBlock",
        single_stream_block,
        "LayerNorm + scale/shift, gated add",
        no_affine_layer_norm("pre_norm"),
    ),
    Rule("hy3dgen", "LastLayer", last_layer, "LayerNorm + scale/shift", no_affine_layer_norm("norm_final")),
    Rule("hy3dgen", "QKNorm", query_key_norm, "RMS norm of queries and keys in place"),
    Rule("hy3dgen", "RMSNorm", rms_norm, "RMS norm"),
    Rule("hy3dgen", "GELU", gelu, "GELU without a copy"),
]
