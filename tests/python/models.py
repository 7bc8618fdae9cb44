"""Small models of hy3dgen and diffusers with random weights, and inputs for them, where they are installed.

hy3dgen is looked for in $SINTER_HY3DGEN, a folder that holds the package; of it the transformer's file alone is loaded.
"""

import importlib
import os
import pathlib
import sys
import types

import pytest
import torch

_DENOISER = "hy3dgen.shapegen.models.denoisers"


def hunyuan3d_dit():
    pytest.importorskip("einops")
    default = pathlib.Path(__file__).resolve().parents[2] / "build" / "upstream" / "2.0"
    folder = pathlib.Path(os.environ.get("SINTER_HY3DGEN", default))
    if not (folder / _DENOISER.replace(".", "/") / "hunyuan3ddit.py").exists():
        pytest.skip("hy3dgen is not in $SINTER_HY3DGEN")
    for end in range(1, _DENOISER.count(".") + 2):
        name = ".".join(_DENOISER.split(".")[:end])
        package = types.ModuleType(name)
        package.__path__ = [str(folder / name.replace(".", "/"))]
        sys.modules.setdefault(name, package)
    return importlib.import_module(f"{_DENOISER}.hunyuan3ddit").Hunyuan3DDiT


def _random(model, seed):
    generator = torch.Generator().manual_seed(seed)
    for p in model.parameters():
        spread, centre = (0.08, 0.0) if p.dim() > 1 else (0.3, 0.7)
        p.data.copy_(centre + spread * torch.randn(p.shape, generator=generator))
    return model.eval()


def _inputs(dtype, device, *shapes):
    generator = torch.Generator().manual_seed(7)
    return [torch.randn(shape, generator=generator).to(device, dtype) for shape in shapes]


def hunyuan3d(dtype, device, hidden=64, tokens=(17, 5)):
    kind = hunyuan3d_dit()
    model = kind(
        in_channels=8, context_in_dim=24, hidden_size=hidden, num_heads=hidden // 32, depth=2, depth_single_blocks=2,
        axes_dim=[32],
    )  # fmt: skip
    x, context = _inputs(dtype, device, (2, tokens[0], 8), (2, tokens[1], 24))
    t = torch.tensor([0.25, 0.8], dtype=dtype, device=device)
    return _random(model, 1).to(device, dtype), (x, t, {"main": context}), {}


def wan(dtype, device, heads=2, size=8):
    diffusers = pytest.importorskip("diffusers")
    model = diffusers.WanTransformer3DModel(
        patch_size=(1, 2, 2), num_attention_heads=heads, attention_head_dim=24, in_channels=4, out_channels=4,
        text_dim=16, freq_dim=32, ffn_dim=64, num_layers=2, rope_max_seq_len=64,
    )  # fmt: skip
    _random(model, 2).to(device)
    for name, p in model.named_parameters():  # as from_pretrained() would place them
        if not any(kept in name for kept in model._keep_in_fp32_modules):
            p.data = p.data.to(dtype)
    x, text = _inputs(dtype, device, (2, 4, 3, size, size), (2, 7, 16))
    return model, (x, torch.tensor([5, 900], device=device), text), {}


def wan_per_token(dtype, device):
    """Wan 2.2's form: a timestep a token."""
    model, (x, _, text), _ = wan(dtype, device)
    tokens = x.shape[2] * (x.shape[3] // 2) * (x.shape[4] // 2)
    return model, (x, torch.arange(2 * tokens, device=device).view(2, tokens), text), {}


def hunyuan_video(dtype, device, heads=2, size=8):
    diffusers = pytest.importorskip("diffusers")
    model = diffusers.HunyuanVideoTransformer3DModel(
        in_channels=4, out_channels=4, num_attention_heads=heads, attention_head_dim=24, num_layers=2,
        num_single_layers=2, num_refiner_layers=2, patch_size=2, patch_size_t=1, text_embed_dim=16,
        pooled_projection_dim=8, rope_axes_dim=(8, 8, 8), guidance_embeds=True,
    )  # fmt: skip
    x, text, pooled = _inputs(dtype, device, (2, 4, 3, size, size), (2, 7, 16), (2, 8))
    mask = torch.tensor([[1] * 7, [1] * 4 + [0] * 3], device=device)
    timestep = torch.tensor([5, 900], device=device)
    guidance = torch.tensor([6000.0, 1000.0], device=device)
    return _random(model, 3).to(device, dtype), (x, timestep, text, mask, pooled), {"guidance": guidance}


def hunyuan_video_vae(dtype, device):
    diffusers = pytest.importorskip("diffusers")
    model = diffusers.AutoencoderKLHunyuanVideo(
        latent_channels=4, block_out_channels=(8, 8, 8, 8), layers_per_block=1, norm_num_groups=4
    )
    return _random(model, 4).to(device, dtype), tuple(_inputs(dtype, device, (1, 3, 5, 16, 16))), {}


def wan_vae(dtype, device):
    diffusers = pytest.importorskip("diffusers")
    model = diffusers.AutoencoderKLWan(
        base_dim=8, z_dim=4, dim_mult=[1, 2], num_res_blocks=1, temperal_downsample=[True], latents_mean=[0.0] * 4,
        latents_std=[1.0] * 4,
    )  # fmt: skip
    return _random(model, 5).to(device, dtype), tuple(_inputs(dtype, device, (1, 3, 5, 16, 16))), {}


# Each model, and the classes that patch() must have replaced in it.
MODELS = {
    hunyuan3d: {"DoubleStreamBlock", "SingleStreamBlock", "LastLayer", "QKNorm", "RMSNorm", "GELU"},
    wan: {"WanTransformerBlock", "WanAttnProcessor", "FP32LayerNorm"},
    wan_per_token: {"WanTransformerBlock", "WanAttnProcessor", "FP32LayerNorm"},
    hunyuan_video: {
        "HunyuanVideoTransformerBlock",
        "HunyuanVideoSingleTransformerBlock",
        "HunyuanVideoIndividualTokenRefinerBlock",
        "HunyuanVideoAttnProcessor2_0",
        "AdaLayerNormZero",
        "AdaLayerNormZeroSingle",
        "AdaLayerNormContinuous",
        "RMSNorm",
    },
    hunyuan_video_vae: {"GroupNorm"},
    wan_vae: {"WanCausalConv3d"},
}


def result_of(model, arguments, options):
    """The tensor that the model computes."""
    output = model(*arguments, **options)
    return getattr(output, "sample", output[0] if isinstance(output, tuple) else output)
