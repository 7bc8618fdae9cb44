"""The blocks of diffusers' HunyuanVideo and Wan models on the fused operators."""

from __future__ import annotations

import weakref
from typing import Any, Optional

import torch
from torch import Tensor, nn

from sinter.torch import functional as fused
from sinter.torch.modules import fp32_layer_norm
from sinter.torch.rules import Rule, no_affine_layer_norm, source_of, unfused

# ----------------------------------------------------------------------------------------------------------- norms


def _modulated(self, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    norm = self.norm
    if type(norm).__name__ == "FP32LayerNorm":
        # The norm is rounded to x's type before it is scaled.
        return fused.norm_scale_shift(x, scale, shift, eps=norm.eps, fast=self._sinter_fast)
    return fused.norm_scale_shift(x, scale, shift, norm.weight, norm.bias, norm.eps, fast=self._sinter_fast)


def ada_layer_norm_zero(self, x, timestep=None, class_labels=None, hidden_dtype=None, emb=None):
    if self.emb is not None:
        emb = self.emb(timestep, class_labels, hidden_dtype=hidden_dtype)
    emb = self.linear(self.silu(emb))
    shift_msa, scale_msa, gate_msa, shift_mlp, scale_mlp, gate_mlp = emb.chunk(6, dim=1)
    x = _modulated(self, x, scale_msa[:, None], shift_msa[:, None])
    return x, gate_msa, shift_mlp, scale_mlp, gate_mlp


def ada_layer_norm_zero_single(self, x, emb=None):
    shift_msa, scale_msa, gate_msa = self.linear(self.silu(emb)).chunk(3, dim=1)
    return _modulated(self, x, scale_msa[:, None], shift_msa[:, None]), gate_msa


def ada_layer_norm_continuous(self, x: Tensor, conditioning_embedding: Tensor) -> Tensor:
    emb = self.linear(self.silu(conditioning_embedding).to(x.dtype))
    scale, shift = torch.chunk(emb, 2, dim=1)
    return _modulated(self, x, scale[:, None, :], shift[:, None, :])


def rms_norm(self, hidden_states: Tensor) -> Tensor:
    if self.weight is not None and self.weight.dtype != hidden_states.dtype:
        return unfused(self)(hidden_states)
    return fused.norm_scale_shift(
        hidden_states, weight=self.weight, eps=self.eps, rms=True, fast=self._sinter_fast
    )


def _refuse_rms_norm(module: nn.Module) -> Optional[str]:
    if module.bias is not None:
        return "it has a bias"
    return "it normalises more than one dimension" if len(module.dim) != 1 else None


def layer_norm_in_f32(self, inputs: Tensor) -> Tensor:
    return fp32_layer_norm(self, inputs, self._sinter_fast)


# ---------------------------------------------------------------------------------------- rotation of queries and keys


class RotaryTables:
    """sinter's table of the last (cosines, sines) that were asked for: all blocks of one forward share a pair."""

    def __init__(self) -> None:
        self._pair: tuple[Any, Any] = (lambda: None, lambda: None)
        self._versions: tuple[int, int] = (0, 0)
        self._table: Optional[Tensor] = None

    def of(self, cos: Tensor, sin: Tensor) -> Tensor:
        """cos and sin have every value twice, [..., tokens, ..., d]: the table [tokens, d] has it once."""
        if torch.compiler.is_compiling() or cos.is_inference() or sin.is_inference():
            return self._make(cos, sin)
        versions = (cos._version, sin._version)
        if self._pair[0]() is not cos or self._pair[1]() is not sin or self._versions != versions:
            self._table = self._make(cos, sin)
            self._pair, self._versions = (weakref.ref(cos), weakref.ref(sin)), versions
        return self._table

    @staticmethod
    def _make(cos: Tensor, sin: Tensor) -> Tensor:
        d = cos.shape[-1]
        return torch.cat([cos.reshape(-1, d)[:, 0::2], sin.reshape(-1, d)[:, 1::2]], dim=-1)


def _rotation_fits(rotary: Any, x: Tensor) -> bool:
    cos, sin = rotary
    return cos.dtype == sin.dtype == torch.float32 and cos.device == x.device and cos.shape[-1] == x.shape[-1]


def _same_type(norm: nn.Module, x: Tensor) -> bool:
    return norm.weight is not None and norm.weight.dtype == x.dtype


def _attend(processor: Any, query: Tensor, key: Tensor, value: Tensor, mask: Optional[Tensor], parallel: bool) -> Tensor:
    options = {}
    if hasattr(processor, "_parallel_config"):  # diffusers since 0.36
        options["parallel_config"] = processor._parallel_config if parallel else None
    out = source_of(processor).dispatch_attention_fn(
        query,
        key,
        value,
        attn_mask=mask,
        dropout_p=0.0,
        is_causal=False,
        backend=processor._attention_backend,
        **options,
    )
    return out.flatten(2, 3).to(query.dtype)


def hunyuan_video_attention(
    self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, image_rotary_emb=None
):
    joint = attn.add_q_proj is None and encoder_hidden_states is not None
    source = torch.cat([hidden_states, encoder_hidden_states], dim=1) if joint else hidden_states
    query, key, value = (
        project(source).unflatten(2, (attn.heads, -1)) for project in (attn.to_q, attn.to_k, attn.to_v)
    )
    norms = (attn.norm_q, attn.norm_k)
    if not all(_same_type(norm, query) for norm in norms) or (
        image_rotary_emb is not None and not _rotation_fits(image_rotary_emb, query)
    ):
        return unfused(self)(attn, hidden_states, encoder_hidden_states, attention_mask, image_rotary_emb)

    table = None if image_rotary_emb is None else self._sinter_tables.of(*image_rotary_emb)
    turned = query.shape[1] - (encoder_hidden_states.shape[1] if joint else 0)
    query, key = fused.query_key_norm(
        query, key, norms[0].weight, norms[1].weight, table, 0, turned, norms[0].eps, fast=self._sinter_fast
    )
    if attn.add_q_proj is not None and encoder_hidden_states is not None:
        added = (attn.add_q_proj, attn.add_k_proj, attn.add_v_proj)
        text_query, text_key, text_value = (
            project(encoder_hidden_states).unflatten(2, (attn.heads, -1)) for project in added
        )
        if attn.norm_added_q is not None:
            text_query = attn.norm_added_q(text_query)
        if attn.norm_added_k is not None:
            text_key = attn.norm_added_k(text_key)
        query = torch.cat([query, text_query], dim=1)
        key = torch.cat([key, text_key], dim=1)
        value = torch.cat([value, text_value], dim=1)

    out = _attend(self, query, key, value, attention_mask, True)
    if encoder_hidden_states is None:
        return out, None
    text = encoder_hidden_states.shape[1]
    out, text_out = out[:, :-text], out[:, -text:]
    if getattr(attn, "to_out", None) is not None:
        out = attn.to_out[1](attn.to_out[0](out))
    if getattr(attn, "to_add_out", None) is not None:
        text_out = attn.to_add_out(text_out)
    return out, text_out


def _refuse_hunyuan_video_attention(attn: nn.Module) -> Optional[str]:
    if not hasattr(source_of(attn.processor), "dispatch_attention_fn"):
        return "diffusers before 0.36 has its heads first"
    for norm in (attn.norm_q, attn.norm_k):
        if type(norm).__name__ != "RMSNorm" or norm.weight is None or getattr(norm, "bias", None) is not None:
            return "its queries and keys have no RMS norm with a weight alone"
    return "its norms have two eps" if attn.norm_q.eps != attn.norm_k.eps else None


def wan_attention(
    self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, rotary_emb=None
):
    query, key, value = source_of(self)._get_qkv_projections(attn, hidden_states, encoder_hidden_states)
    norms = (attn.norm_q, attn.norm_k)
    query, key, value = (x.unflatten(2, (attn.heads, -1)) for x in (query, key, value))
    if not all(_same_type(norm, query) for norm in norms) or (
        rotary_emb is not None and not _rotation_fits(rotary_emb, query)
    ):
        return unfused(self)(attn, hidden_states, encoder_hidden_states, attention_mask, rotary_emb)

    table = None if rotary_emb is None else self._sinter_tables.of(*rotary_emb)
    shared = dict(table=table, eps=norms[0].eps, whole_row=True, weight_in_f32=True, fast=self._sinter_fast)
    if query.shape[1] == key.shape[1]:
        query, key = fused.query_key_norm(query, key, norms[0].weight, norms[1].weight, **shared)
    else:
        query, _ = fused.query_key_norm(query, None, norms[0].weight, None, **shared)
        key, _ = fused.query_key_norm(key, None, norms[1].weight, None, **shared)

    out = _attend(self, query, key, value, attention_mask, encoder_hidden_states is None)
    return attn.to_out[1](attn.to_out[0](out))


def _refuse_wan_attention(attn: nn.Module) -> Optional[str]:
    if not hasattr(source_of(attn.processor), "_get_qkv_projections"):
        return "diffusers before 0.35 projects elsewhere"
    if attn.add_k_proj is not None:
        return "it attends to a picture too"
    if attn.norm_q.eps != attn.norm_k.eps or attn.norm_q.eps is None:
        return "its norms have two eps, or none"
    return None


# ---------------------------------------------------------------------------------------------------------- blocks


def hunyuan_video_block(
    self, hidden_states, encoder_hidden_states, temb, attention_mask=None, freqs_cis=None, *args, **kwargs
):
    fast = self._sinter_fast
    image, gate_msa, shift_mlp, scale_mlp, gate_mlp = self.norm1(hidden_states, emb=temb)
    text, c_gate_msa, c_shift_mlp, c_scale_mlp, c_gate_mlp = self.norm1_context(encoder_hidden_states, emb=temb)
    attended, text_attended = self.attn(
        hidden_states=image,
        encoder_hidden_states=text,
        attention_mask=attention_mask,
        image_rotary_emb=freqs_cis,
    )
    image, hidden_states = fused.residual_norm_scale_shift(
        attended, hidden_states, gate_msa[:, None], scale_mlp[:, None], shift_mlp[:, None],
        eps=self.norm2.eps, fast=fast,
    )  # fmt: skip
    text, encoder_hidden_states = fused.residual_norm_scale_shift(
        text_attended, encoder_hidden_states, c_gate_msa[:, None], c_scale_mlp[:, None], c_shift_mlp[:, None],
        eps=self.norm2_context.eps, fast=fast,
    )  # fmt: skip
    hidden_states = fused.gated_add(self.ff(image), hidden_states, gate_mlp[:, None], fast)
    encoder_hidden_states = fused.gated_add(self.ff_context(text), encoder_hidden_states, c_gate_mlp[:, None], fast)
    return hidden_states, encoder_hidden_states


def hunyuan_video_single_block(
    self, hidden_states, encoder_hidden_states, temb, attention_mask=None, image_rotary_emb=None, *args, **kwargs
):
    text = encoder_hidden_states.shape[1]
    residual = torch.cat([hidden_states, encoder_hidden_states], dim=1)
    normed, gate = self.norm(residual, emb=temb)
    mlp = self.act_mlp(self.proj_mlp(normed))
    attended = self.attn(
        hidden_states=normed[:, :-text, :],
        encoder_hidden_states=normed[:, -text:, :],
        attention_mask=attention_mask,
        image_rotary_emb=image_rotary_emb,
    )
    out = self.proj_out(torch.cat([torch.cat(attended, dim=1), mlp], dim=2))
    out = fused.gated_add(out, residual, gate[:, None], self._sinter_fast)
    return out[:, :-text, :], out[:, -text:, :]


def hunyuan_video_refiner_block(self, hidden_states, temb, attention_mask=None):
    attended = self.attn(
        hidden_states=self.norm1(hidden_states), encoder_hidden_states=None, attention_mask=attention_mask
    )
    gate_msa, gate_mlp = self.norm_out(temb)
    normed, hidden_states = fused.residual_norm_scale_shift(
        attended, hidden_states, gate_msa,
        weight=self.norm2.weight, bias=self.norm2.bias, eps=self.norm2.eps, fast=self._sinter_fast,
    )  # fmt: skip
    return fused.gated_add(self.ff(normed), hidden_states, gate_mlp, self._sinter_fast)


def wan_block(self, hidden_states, encoder_hidden_states, temb, rotary_emb):
    fast = self._sinter_fast
    if temb.ndim == 4:  # one embedding a token
        parts = (self.scale_shift_table.unsqueeze(0) + temb.float()).chunk(6, dim=2)
        parts = [part.squeeze(2) for part in parts]
    else:
        parts = (self.scale_shift_table + temb.float()).chunk(6, dim=1)
    shift_msa, scale_msa, gate_msa, c_shift_msa, c_scale_msa, c_gate_msa = parts

    normed = fused.norm_scale_shift(
        hidden_states, scale_msa, shift_msa, eps=self.norm1.eps, norm_in_f32=True, fast=fast
    )
    attended = self.attn1(normed, None, None, rotary_emb)
    if isinstance(self.norm2, nn.Identity):
        normed = hidden_states = fused.gated_add(attended, hidden_states, gate_msa, fast)
    else:
        normed, hidden_states = fused.residual_norm_scale_shift(
            attended, hidden_states, gate_msa,
            weight=self.norm2.weight, bias=self.norm2.bias, eps=self.norm2.eps, norm_in_f32=True, fast=fast,
        )  # fmt: skip
    attended = self.attn2(normed, encoder_hidden_states, None, None)
    normed, hidden_states = fused.residual_norm_scale_shift(
        attended, hidden_states, None, c_scale_msa, c_shift_msa, eps=self.norm3.eps, norm_in_f32=True, fast=fast
    )
    return fused.gated_add(self.ffn(normed), hidden_states, c_gate_msa, fast)


# ------------------------------------------------------------------------------------------------------------ VAEs


def group_norm_silu(self, x: Tensor) -> Tensor:
    return fused.group_norm_silu(x, self.weight, self.bias, self.num_groups, self.eps, True, self._sinter_fast)


def wan_causal_conv(self, x: Tensor, cache_x: Optional[Tensor] = None) -> Tensor:
    left, right, top, bottom, front, _ = self._padding
    if max(self._padding) == 0:
        return unfused(self)(x, cache_x)
    cache = None if cache_x is None or front == 0 else cache_x.to(x.device)
    x = fused.causal_pad(x, cache, front, top, left)
    return nn.Conv3d.forward(self, x)


def _refuse_wan_causal_conv(conv: nn.Module) -> Optional[str]:
    left, right, top, bottom, _, back = conv._padding
    return None if left == right and top == bottom and back == 0 else "its padding is not causal"


RULES = [
    Rule("diffusers", "AdaLayerNormZero", ada_layer_norm_zero, "LayerNorm + scale/shift", no_affine_layer_norm("norm")),
    Rule("diffusers", "AdaLayerNormZeroSingle", ada_layer_norm_zero_single, "LayerNorm + scale/shift", no_affine_layer_norm("norm")),
    Rule("diffusers", "AdaLayerNormContinuous", ada_layer_norm_continuous, "LayerNorm + scale/shift", no_affine_layer_norm("norm")),
    Rule("diffusers", "RMSNorm", rms_norm, "RMS norm", _refuse_rms_norm),
    Rule("diffusers", "FP32LayerNorm", layer_norm_in_f32, "LayerNorm in f32, parameters converted once"),
    Rule(
        "diffusers",
        "HunyuanVideoTransformerBlock",
        hunyuan_video_block,
        "gated residual + LayerNorm + scale/shift, gated add",
        no_affine_layer_norm("norm2", "norm2_context"),
    ),
    Rule("diffusers", "HunyuanVideoSingleTransformerBlock", hunyuan_video_single_block, "gated add"),
    Rule(
        "diffusers",
        "HunyuanVideoIndividualTokenRefinerBlock",
        hunyuan_video_refiner_block,
        "gated residual + LayerNorm, gated add",
    ),
    Rule(
        "diffusers",
        "WanTransformerBlock",
        wan_block,
        "LayerNorm in f32 + scale/shift, gated residual + LayerNorm in f32 + scale/shift, gated add",
        no_affine_layer_norm("norm1", "norm3"),
    ),
    Rule("diffusers", "WanCausalConv3d", wan_causal_conv, "concatenation and padding as one copy", _refuse_wan_causal_conv),
]  # fmt: skip

# Rules for the processors of attention modules; refuse() is asked about the attention module.
PROCESSOR_RULES = [
    Rule(
        "diffusers",
        "HunyuanVideoAttnProcessor2_0",
        hunyuan_video_attention,
        "RMS norm and rotation of queries and keys in place",
        _refuse_hunyuan_video_attention,
        "__call__",
    ),
    Rule(
        "diffusers",
        "WanAttnProcessor",
        wan_attention,
        "RMS norm of whole rows and rotation of queries and keys in place",
        _refuse_wan_attention,
        "__call__",
    ),
]

# (class of the parent, its group norms, its activation that follows each of them)
GROUP_NORM_PAIRS = [
    ("HunyuanVideoResnetBlockCausal3D", ("norm1", "norm2"), "nonlinearity"),
    ("HunyuanVideoEncoder3D", ("conv_norm_out",), "conv_act"),
    ("HunyuanVideoDecoder3D", ("conv_norm_out",), "conv_act"),
]
