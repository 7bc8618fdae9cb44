#!/usr/bin/env python3
"""Makes the golden data of tests/models from the independent PyTorch modules of training/models.

    tools/goldens/make_goldens.py                            # random weights at reduced size: every bundle of BUNDLES
    tools/goldens/make_goldens.py --model models/sinter-small  # a few slices of the shipped model
    tools/goldens/make_goldens.py --write-bundle DIR         # also the random bundles as checkpoints, to look at

Needs torch, numpy, safetensors and PyYAML; never needed to build or test sinter. All is evaluated in fp32 on the CPU.

A random bundle is a folder with config.yaml, weights.txt (name, shape, offset and scale of every tensor, from which
both sides make the same fp16 values) and activations.safetensors (named as the C++ side taps them). Inputs are made
the same way from their own names and are not stored either.
"""

import argparse
import dataclasses
import hashlib
import sys
from pathlib import Path

import numpy as np
import torch
import yaml
from safetensors.torch import load_file, save_file

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from dit_plain import HunYuanDiTPlain, PlainConfig, time_embedding  # noqa: E402
from random_tensors import Distribution, random_tensor, weight_distribution  # noqa: E402
from training.models import DiTConfig, DinoConfig, Dinov2, Hunyuan3DDiT, ShapeVAE, VAEConfig, encode_image  # noqa: E402
from training.models.dino import normalize_pixels  # noqa: E402
from training.models.dit import sinusoidal_embedding  # noqa: E402

DATA = ROOT / "tests/models/data"
ENCODER = "conditioner.main_image_encoder.model."
# The fields of each configuration class that config.yaml carries.
DINO_KEYS = ("hidden_size", "num_hidden_layers", "num_attention_heads", "image_size", "patch_size", "num_channels",
             "mlp_ratio", "qkv_bias", "use_swiglu_ffn", "layer_norm_eps")
DIT_KEYS = ("in_channels", "context_in_dim", "hidden_size", "mlp_ratio", "num_heads", "depth", "depth_single_blocks",
            "qkv_bias", "guidance_embed")
PLAIN_KEYS = tuple(field.name for field in dataclasses.fields(PlainConfig))
VAE_KEYS = ("num_latents", "embed_dim", "width", "heads", "num_decoder_layers", "num_encoder_layers", "num_freqs",
            "include_pi", "qkv_bias", "qk_norm", "point_feats", "pc_size", "pc_sharpedge_size", "downsample_ratio",
            "geo_decoder_downsample_ratio", "geo_decoder_mlp_expand_ratio", "geo_decoder_ln_post", "scale_factor")

BASE_DINO = {"hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 56}
BASE_DIT = {"in_channels": 16, "context_in_dim": 128, "hidden_size": 128, "num_heads": 2, "depth": 2,
            "depth_single_blocks": 3}
BASE_VAE = {"num_latents": 12, "embed_dim": 16, "width": 128, "heads": 2, "num_decoder_layers": 2,
            "num_encoder_layers": 2, "pc_size": 60, "pc_sharpedge_size": 30, "downsample_ratio": 4}

# Bundles that between them take every branch of the networks.
BUNDLES = {
    "base": {
        "dino": DinoConfig(**BASE_DINO, use_swiglu_ffn=True),
        "dino_size": 56,
        "dit": DiTConfig(**BASE_DIT),
        "vae": VAEConfig(**BASE_VAE, scale_factor=1.25),
        "encoder": True,
        "faint": (ENCODER, "model.", "vae."),
    },
    "distilled": {
        "dino": DinoConfig(**BASE_DINO, use_swiglu_ffn=False, layer_norm_eps=1e-3),
        "dino_size": 84,  # another grid than the position table's
        "dit": DiTConfig(**BASE_DIT, guidance_embed=True, mlp_ratio=2.5, qkv_bias=False),
        "vae": VAEConfig(**BASE_VAE, scale_factor=0.875, qkv_bias=True, include_pi=True, geo_decoder_downsample_ratio=2,
                         geo_decoder_mlp_expand_ratio=1, geo_decoder_ln_post=False),
        "encoder": False,
        "faint": (),
    },
    # every kind of block of 2.1: plain below the middle, the middle, with a skip, with a skip and experts
    "v2-1": {
        "dino": DinoConfig(**BASE_DINO, use_swiglu_ffn=False),
        "dino_size": 56,
        "dit": PlainConfig(in_channels=16, hidden_size=256, context_dim=128, depth=5, num_heads=2, num_moe_layers=1,
                           num_experts=5, text_len=17),
        "vae": VAEConfig(**BASE_VAE | {"pc_size": 90, "pc_sharpedge_size": 0}, scale_factor=1.0039506158752403),
        "encoder": True,
        "faint": ("model.",),
    },
}


def tensor(name: str, *shape: int, scale: float = 1.0) -> torch.Tensor:
    """An input, made from its name."""
    return torch.from_numpy(random_tensor(name, shape, Distribution(0.0, scale)))


def record(module: torch.nn.Module, name: str, into: dict[str, torch.Tensor]) -> None:
    """Stores the output of a module under `name` whenever it runs."""

    def hook(_module, _inputs, output):
        if isinstance(output, tuple):
            into[f"{name}.img"], into[f"{name}.txt"] = output[0][0], output[1][0]
        else:
            into[name] = output[0]

    module.register_forward_hook(hook)


def conditioner_goldens(dino: Dinov2, size: int, out: dict[str, torch.Tensor]) -> None:
    seen: dict[str, torch.Tensor] = {}
    record(dino.embeddings, "conditioner.embeddings", seen)
    for i, layer in enumerate(dino.encoder.layer):
        record(layer, f"conditioner.layer.{i}", seen)
    record(dino.layernorm, "conditioner.layernorm", seen)
    encode_image(dino, tensor("input.image", 3, 64, 64)[None], size)
    out.update(seen)
    out["conditioner.shrunk"] = encode_image(dino, tensor("input.large_image", 3, 150, 150)[None], size)[0]


def dit_goldens(dit: Hunyuan3DDiT, out: dict[str, torch.Tensor]) -> None:
    config = dit.config
    latents = tensor("input.latents", 1, 12, config.in_channels, scale=2.0)
    context = tensor("input.context", 1, 17, config.context_in_dim, scale=2.0)
    guided = torch.cat([context, torch.zeros_like(context)])
    # both halves of guidance at another time, before the hooks exist
    out["dit.guided"] = dit(latents.repeat(2, 1, 1), torch.tensor([0.3125] * 2), guided, torch.tensor([3.5] * 2))
    seen: dict[str, torch.Tensor] = {}
    for name in ("latent_in", "cond_in"):
        record(getattr(dit, name), f"dit.{name}", seen)
    for kind in ("double_blocks", "single_blocks"):
        for i, block in enumerate(getattr(dit, kind)):
            record(block, f"dit.{kind}.{i}", seen)
    time, guidance = torch.tensor([0.375]), torch.tensor([5.0])
    seen["dit.velocity"] = dit(latents, time, context, guidance)
    vec = dit.time_in(sinusoidal_embedding(time, config.time_factor))
    if config.guidance_embed:
        vec = vec + dit.guidance_in(sinusoidal_embedding(guidance, config.time_factor))
    seen["dit.vec"] = vec
    out.update(seen)


def plain_goldens(dit: HunYuanDiTPlain, out: dict[str, torch.Tensor]) -> None:
    config = dit.config
    latents = tensor("input.latents", 1, 12, config.in_channels, scale=2.0)
    context = tensor("input.context", 1, 17, config.context_dim, scale=2.0)
    guided = torch.cat([context, torch.zeros_like(context)])
    # both halves of guidance at another time, before the hooks exist
    out["dit.guided"] = dit(latents.repeat(2, 1, 1), torch.tensor([0.3125] * 2), guided)
    seen: dict[str, torch.Tensor] = {}
    for i, block in enumerate(dit.blocks):
        record(block, f"dit.blocks.{i}", seen)
    time = torch.tensor([0.375])
    seen["dit.velocity"] = dit(latents, time, context)
    embedding = time_embedding(time, config.hidden_size)
    seen["dit.time_embedding"], seen["dit.times"] = embedding, dit.t_embedder.mlp(embedding)
    seen["dit.x_embedder"] = torch.cat([seen["dit.times"], dit.x_embedder(latents)[0]])
    out.update(seen)


def run_goldens(dino: Dinov2, size: int, dit: HunYuanDiTPlain, vae: ShapeVAE, out: dict[str, torch.Tensor]) -> None:
    """Picture to logits: condition, four Euler steps under guidance, decoder, geometry decoder."""
    guidance, steps = 5.0, 4
    context = encode_image(dino, tensor("input.image", 3, 64, 64)[None], size)
    halves = torch.cat([context, torch.zeros_like(context)])
    x = tensor("input.noise", 1, 12, dit.config.in_channels, scale=1.75)
    for i in range(steps):
        conditional, unconditional = dit(x.repeat(2, 1, 1), torch.tensor([i / steps] * 2), halves).chunk(2)
        x = x + (unconditional + guidance * (conditional - unconditional)) / steps
    out["run.latents"] = x[0]
    out["run.logits"] = vae.query(tensor("input.points", 1, 61, 3), vae.decode(x / vae.config.scale_factor))[0]
    margin = min(block.moe.margin for block in dit.blocks if hasattr(block, "moe"))
    print(f"smallest margin between an expert taken and one left out: {margin:.2e}")
    if margin < 1e-4:
        raise SystemExit("an expert is chosen by so little that rounding may choose another")


def vae_goldens(vae: ShapeVAE, encoder: bool, out: dict[str, torch.Tensor]) -> None:
    config = vae.config
    seen: dict[str, torch.Tensor] = {}
    record(vae.post_kl, "vae.post_kl", seen)
    record(vae.geo_decoder.query_proj, "vae.query_proj", seen)
    record(vae.geo_decoder.cross_attn_decoder, "vae.cross_attn_decoder", seen)
    record(vae.encoder.cross_attn, "vae.encoder.cross_attn", seen)
    for kind, stack in (("transformer", vae.transformer), ("encoder.self_attn", vae.encoder.self_attn)):
        for i, block in enumerate(stack.resblocks):
            record(block, f"vae.{kind}.{i}", seen)
    latents = tensor("input.latents", 1, 12, config.embed_dim, scale=2.0)
    tokens = vae.decode(latents / config.scale_factor)
    seen["vae.logits"] = vae.query(tensor("input.points", 1, 61, 3), tokens)[0]
    if encoder:
        surface = tensor("input.surface", 1, 90, 3 + config.point_feats)
        index = torch.arange(12)[None] * 7 + 3
        mean, log_variance = vae.encode(surface, index)
        seen["vae.mean"], seen["vae.log_variance"] = mean[0], log_variance[0]
    out.update(seen)


def config_document(dino: DinoConfig, dino_size: int, dit: DiTConfig | PlainConfig, vae: VAEConfig) -> dict:
    """config.yaml in the official form."""
    plain = isinstance(dit, PlainConfig)
    root = "hy3dshape" if plain else "hy3dgen.shapegen"

    def section(name: str, params: dict) -> dict:
        return {"target": f"{root}.{name}", "params": params}

    backbone = {key: getattr(dino, key) for key in DINO_KEYS} | {"model_type": "dinov2", "hidden_act": "gelu"}
    image_encoder = {"type": "DinoImageEncoder", "kwargs": {"config": backbone, "image_size": dino_size}}
    model, keys = ("models.HunYuanDiTPlain", PLAIN_KEYS) if plain else ("models.Hunyuan3DDiT", DIT_KEYS)
    return {
        "model": section(model, {key: getattr(dit, key) for key in keys}),
        "vae": section("models.ShapeVAE", {key: getattr(vae, key) for key in VAE_KEYS}),
        "conditioner": section("models.SingleImageEncoder", {"main_image_encoder": image_encoder}),
        "scheduler": section("schedulers.FlowMatchEulerDiscreteScheduler", {"num_train_timesteps": 1000}),
        "image_processor": section("preprocessors.ImageProcessorV2", {"size": 64, "border_ratio": 0.15}),
        "pipeline": {"target": f"{root}.pipelines.Hunyuan3DDiTFlowMatchingPipeline"},
    }


def randomise(
    module: torch.nn.Module, prefix: str, faint: bool, weights: dict[str, torch.Tensor], lines: list[str]
) -> None:
    """Gives every parameter its random fp16 value and lists it under its bundle name."""
    for name, parameter in module.named_parameters():
        name = prefix + name
        shape = tuple(parameter.shape)
        distribution = weight_distribution(name, shape, faint)
        value = torch.from_numpy(random_tensor(name, shape, distribution)).half()
        parameter.data = value.float()
        weights[name] = value
        lines.append(f"{name} {','.join(map(str, shape))} {distribution.offset!r} {distribution.scale!r}")


def make_random_bundle(name: str, bundle: dict, write_to: Path | None) -> None:
    plain = isinstance(bundle["dit"], PlainConfig)
    dit = HunYuanDiTPlain(bundle["dit"]) if plain else Hunyuan3DDiT(bundle["dit"])
    dino, vae = Dinov2(bundle["dino"]), ShapeVAE(bundle["vae"])
    weights: dict[str, torch.Tensor] = {}
    lines: list[str] = []
    for module, prefix in ((dino, ENCODER), (dit, "model."), (vae, "vae.")):
        randomise(module, prefix, prefix in bundle["faint"], weights, lines)
    if not bundle["encoder"]:
        absent = ("vae.encoder.", "vae.pre_kl.")
        weights = {key: value for key, value in weights.items() if not key.startswith(absent)}
        lines = [line for line in lines if not line.startswith(absent)]
    activations: dict[str, torch.Tensor] = {}
    conditioner_goldens(dino, bundle["dino_size"], activations)
    if plain:
        plain_goldens(dit, activations)
        run_goldens(dino, bundle["dino_size"], dit, vae, activations)
    else:
        dit_goldens(dit, activations)
    vae_goldens(vae, bundle["encoder"], activations)

    sections = config_document(bundle["dino"], bundle["dino_size"], bundle["dit"], bundle["vae"])
    document = yaml.safe_dump(sections, sort_keys=False)
    folder = DATA / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(document)
    (folder / "weights.txt").write_text("\n".join(lines) + "\n")
    save_file({key: value.contiguous() for key, value in activations.items()}, folder / "activations.safetensors")
    if write_to is not None:
        (write_to / name).mkdir(parents=True, exist_ok=True)
        (write_to / name / "config.yaml").write_text(document)
        save_file(weights, write_to / name / "model.fp16.safetensors")
    report(folder / "activations.safetensors", activations)


def load_component(module: torch.nn.Module, weights: dict[str, torch.Tensor], prefix: str) -> torch.nn.Module:
    own = {key[len(prefix):]: value.float() for key, value in weights.items() if key.startswith(prefix)}
    missing, unexpected = module.load_state_dict(own, strict=False)
    # decoder-only bundles lack the encoder; mask_token is of the training task
    optional = ("encoder.cross", "encoder.self", "encoder.input", "encoder.ln", "pre_kl", "embeddings.mask")
    missing = [key for key in missing if not key.startswith(optional)]
    if missing or unexpected:
        raise SystemExit(f"{prefix}: missing {missing}, unexpected {unexpected}")
    return module.eval()


def pick(config_class, params: dict, keys: tuple[str, ...]):
    return config_class(**{key: params[key] for key in keys if key in params})


def make_model_goldens(model: Path) -> None:
    """Slices of every network of a real bundle, for inputs made from their names."""
    file = next(path for path in (model / "model.fp16.safetensors", model / "model.safetensors") if path.exists())
    config = yaml.safe_load((model / "config.yaml").read_text())
    weights = load_file(file)
    image_encoder = config["conditioner"]["params"]["main_image_encoder"]["kwargs"]
    dino = load_component(Dinov2(pick(DinoConfig, image_encoder["config"], DINO_KEYS)), weights, ENCODER)
    dit = load_component(Hunyuan3DDiT(pick(DiTConfig, config["model"]["params"], DIT_KEYS)), weights, "model.")
    vae = load_component(ShapeVAE(pick(VAEConfig, config["vae"]["params"], VAE_KEYS)), weights, "vae.")

    size = config["image_processor"]["params"]["size"]
    context = encode_image(dino, tensor("input.image", 1, 3, size, size), image_encoder["image_size"])
    latents = tensor("input.latents", 1, vae.config.num_latents, vae.config.embed_dim, scale=1.75)
    halves = torch.cat([context, torch.zeros_like(context)])
    velocity = dit(latents.repeat(2, 1, 1), torch.tensor([0.375] * 2), halves, torch.tensor([5.0] * 2))
    tokens = vae.decode(latents / vae.config.scale_factor)
    logits = vae.query(tensor("input.points", 1, 200, 3), tokens)[0]
    activations = {"condition": context[0, :8], "velocity": velocity[:, :8], "tokens": tokens[0, :8], "logits": logits}

    folder = DATA / model.name
    folder.mkdir(parents=True, exist_ok=True)
    metadata = {"sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
    contiguous = {key: value.contiguous() for key, value in activations.items()}
    save_file(contiguous, folder / "activations.safetensors", metadata)
    report(folder / "activations.safetensors", activations)


def report(path: Path, activations: dict[str, torch.Tensor]) -> None:
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size} bytes")
    for name, value in sorted(activations.items()):
        value = value.float()
        print(f"  {name:38} {str(list(value.shape)):16} std {value.std():.4f} absmax {value.abs().max():.4f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="a bundle to take slices of, instead of the random ones")
    parser.add_argument("--write-bundle", type=Path, help="folder that receives the random bundles as checkpoints")
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    torch.manual_seed(0)
    with torch.inference_mode():
        if arguments.model is not None:
            make_model_goldens(arguments.model.resolve())
            return
        for name, bundle in BUNDLES.items():
            make_random_bundle(name, bundle, arguments.write_bundle)


if __name__ == "__main__":
    main()
