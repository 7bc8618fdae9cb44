#!/usr/bin/env python3
"""Writes tests/checkpoint/configs/*.yaml: config.yaml of every released checkpoint of the Hunyuan3D-2 family.

The files hold the published values, keys in the published order, and none of the published text. Run without arguments
to write them, with --check to compare them with what is there.
"""

import sys
from pathlib import Path

CONFIGS = Path(__file__).resolve().parent.parent / "tests" / "checkpoint" / "configs"

SCALE = 0.9990943042622529
MINI_SCALE = 1.0188137142395404
SCALE_2_1 = 1.0039506158752403
BACKBONE = {
    "attention_probs_dropout_prob": 0.0, "drop_path_rate": 0.0, "hidden_act": "gelu", "hidden_dropout_prob": 0.0,
    "hidden_size": 1536, "image_size": 518, "initializer_range": 0.02, "layer_norm_eps": "1.e-6",
    "layerscale_value": 1.0, "mlp_ratio": 4, "model_type": "dinov2", "num_attention_heads": 24, "num_channels": 3,
    "num_hidden_layers": 40, "patch_size": 14, "qkv_bias": True, "torch_dtype": "float32", "use_swiglu_ffn": True,
}


def section(name, params=None):
    mapping = {"target": f"hy3dgen.shapegen.{name}"}
    return mapping if params is None else mapping | {"params": params}


def vae(latents, scale, turbo=False, points=None):
    """ShapeVAE; `points` (uniform, on sharp edges) where the encoder is there."""
    params = {"num_latents": latents, "embed_dim": 64, "num_freqs": 8, "include_pi": False, "heads": 16, "width": 1024}
    if points is not None:
        params |= {"num_encoder_layers": 8, "point_feats": 4, "pc_size": points[0], "pc_sharpedge_size": points[1]}
    params |= {"num_decoder_layers": 16, "qkv_bias": False, "qk_norm": True, "scale_factor": scale}
    if turbo:
        params |= {"geo_decoder_mlp_expand_ratio": 1, "geo_decoder_downsample_ratio": 2, "geo_decoder_ln_post": False}
    return section("models.ShapeVAE", params)


def bundle(depth=(16, 32), distilled=None, multi_view=False, latents=3072, scale=SCALE, encoder_size=518, picture=512):
    """`distilled` is None, "fast" (guidance) or "turbo" (guidance and steps)."""
    transformer = {"in_channels": 64, "context_in_dim": 1536, "hidden_size": 1024, "mlp_ratio": 4.0, "num_heads": 16,
                   "depth": depth[0], "depth_single_blocks": depth[1], "axes_dim": [64], "theta": 10000,
                   "qkv_bias": True}
    if distilled is not None:
        transformer["guidance_embed"] = True
    encoder = {"type": "DinoImageEncoderMV" if multi_view else "DinoImageEncoder",
               "kwargs": {"config": BACKBONE, "image_size": encoder_size}}
    scheduler = section("schedulers.FlowMatchEulerDiscreteScheduler", {"num_train_timesteps": 1000})
    if distilled == "turbo":
        scheduler = section("schedulers.ConsistencyFlowMatchEulerDiscreteScheduler",
                            {"num_train_timesteps": 1000, "pcm_timesteps": 100})
    processor = "MVImageProcessorV2" if multi_view else "ImageProcessorV2"
    return {
        "model": section("models.Hunyuan3DDiT", transformer),
        "vae": vae(latents, scale),
        "conditioner": section("models.SingleImageEncoder", {"main_image_encoder": encoder}),
        "scheduler": scheduler,
        "image_processor": section(f"preprocessors.{processor}", {"size": picture, "border_ratio": 0.15}),
        "pipeline": section("pipelines.Hunyuan3DDiTFlowMatchingPipeline"),
    }


def bundle_2_1():
    """Everything in one bundle, the VAE's encoder too; the number of latents is an anchor in the published file."""
    document = bundle(picture=512)
    params = {"input_size": "&num_latents 4096", "in_channels": 64, "hidden_size": 2048, "context_dim": 1024,
              "depth": 21, "num_heads": 16, "qk_norm": True, "text_len": 1370, "with_decoupled_ca": False,
              "use_attention_pooling": False, "qk_norm_type": "'rms'", "qkv_bias": False, "use_pos_emb": False,
              "num_moe_layers": 6, "num_experts": 8, "moe_top_k": 2}
    document["model"] = section("models.denoisers.hunyuandit.HunYuanDiTPlain", params)
    document["vae"] = vae("*num_latents", SCALE_2_1, points=(81920, 0))
    encoder = document["conditioner"]["params"]["main_image_encoder"]["kwargs"]
    encoder["config"] = BACKBONE | {"hidden_size": 1024, "num_attention_heads": 16, "num_hidden_layers": 24,
                                    "use_swiglu_ffn": False}
    return document


MINI = {"depth": (8, 16), "latents": 512, "scale": MINI_SCALE}
CHECKPOINTS = {
    "hunyuan3d-dit-v2-0": bundle(),
    "hunyuan3d-dit-v2-0-fast": bundle(distilled="fast"),
    "hunyuan3d-dit-v2-0-turbo": bundle(distilled="turbo"),
    "hunyuan3d-dit-v2-mini": bundle(**MINI),
    "hunyuan3d-dit-v2-mini-fast": bundle(**MINI, distilled="fast"),
    # larger pictures, and the latents of the large model
    "hunyuan3d-dit-v2-mini-turbo": bundle((8, 16), "turbo", scale=MINI_SCALE, encoder_size=1022, picture=1022),
    "hunyuan3d-dit-v2-mv": bundle(multi_view=True),
    "hunyuan3d-dit-v2-mv-fast": bundle(distilled="fast", multi_view=True),
    "hunyuan3d-dit-v2-mv-turbo": bundle(distilled="turbo", multi_view=True),
    "hunyuan3d-dit-v2-1": bundle_2_1(),
    "hunyuan3d-vae-v2-1": vae(4096, SCALE_2_1, points=(81920, 0)),
    "hunyuan3d-vae-v2-0": vae(3072, SCALE),
    "hunyuan3d-vae-v2-0-turbo": vae(3072, SCALE, turbo=True),
    "hunyuan3d-vae-v2-0-withencoder": vae(3072, SCALE, points=(30720, 30720)),
    "hunyuan3d-vae-v2-mini": vae(512, MINI_SCALE),
    "hunyuan3d-vae-v2-mini-turbo": vae(512, MINI_SCALE, turbo=True),
    "hunyuan3d-vae-v2-mini-withencoder": vae(512, MINI_SCALE, points=(5120, 5120)),
}


def scalar(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"[{', '.join(map(scalar, value))}]" if isinstance(value, list) else str(value)


def yaml_lines(mapping, indent=""):
    for key, value in mapping.items():
        if isinstance(value, dict):
            yield f"{indent}{key}:"
            yield from yaml_lines(value, indent + "  ")
        else:
            yield f"{indent}{key}: {scalar(value)}"


def main():
    CONFIGS.mkdir(parents=True, exist_ok=True)
    for name, document in CHECKPOINTS.items():
        text = "# written by tools/make_official_configs.py\n" + "\n".join(yaml_lines(document)) + "\n"
        if name.endswith("v2-1"):
            text = text.replace("hy3dgen.shapegen.", "hy3dshape.")
        path = CONFIGS / f"{name}.yaml"
        if "--check" not in sys.argv[1:]:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            sys.exit(f"make_official_configs: {path}: not what this program writes")
    print(f"{len(CHECKPOINTS)} configurations")


if __name__ == "__main__":
    main()
