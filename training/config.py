"""Sizes of the small model, and its config.yaml."""

from dataclasses import asdict, replace
from typing import Any

from training.models import DinoConfig, DiTConfig, VAEConfig

IMAGE_SIZE = 140
SURFACE_POINTS = 1024
TRUNCATION = 0.06  # distance at which the VAE's logit saturates
CUBE = 1.01  # half side of the decoded volume

VAE = VAEConfig(
    num_latents=128,
    embed_dim=32,
    width=192,
    heads=3,
    num_encoder_layers=1,
    num_decoder_layers=4,
    pc_size=SURFACE_POINTS,
    pc_sharpedge_size=0,
    downsample_ratio=8,
    geo_decoder_mlp_expand_ratio=2,
)

DINO = DinoConfig(
    hidden_size=192,
    num_hidden_layers=5,
    num_attention_heads=3,
    image_size=IMAGE_SIZE,
    use_swiglu_ffn=False,
    layerscale_value=0.3,
)

DIT = DiTConfig(
    in_channels=VAE.embed_dim,
    context_in_dim=DINO.hidden_size,
    hidden_size=256,
    num_heads=4,
    depth=1,
    depth_single_blocks=6,
)


def bundle_config(scale_factor: float) -> dict[str, Any]:
    """config.yaml of the bundle, in the official schema."""
    package = "hy3dgen.shapegen."
    dit = {k: v for k, v in asdict(DIT).items() if k not in ("time_factor", "guidance_embed")}
    head = DIT.hidden_size // DIT.num_heads
    dino = {
        "attention_probs_dropout_prob": 0.0,
        "drop_path_rate": 0.0,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.0,
        "initializer_range": 0.02,
        "model_type": "dinov2",
        "torch_dtype": "float32",
        **asdict(DINO),
    }
    vae = asdict(replace(VAE, scale_factor=scale_factor))
    image_encoder = {"type": "DinoImageEncoder", "kwargs": {"config": dino, "image_size": IMAGE_SIZE}}
    return {
        "model": {"target": package + "models.Hunyuan3DDiT", "params": {**dit, "axes_dim": [head], "theta": 10000}},
        "vae": {"target": package + "models.ShapeVAE", "params": vae},
        "conditioner": {"target": package + "models.SingleImageEncoder", "params": {"main_image_encoder": image_encoder}},
        "scheduler": {"target": package + "schedulers.FlowMatchEulerDiscreteScheduler", "params": {"num_train_timesteps": 1000}},
        "image_processor": {"target": package + "preprocessors.ImageProcessorV2", "params": {"size": 512, "border_ratio": 0.15}},
        "pipeline": {"target": package + "pipelines.Hunyuan3DDiTFlowMatchingPipeline"},
    }
