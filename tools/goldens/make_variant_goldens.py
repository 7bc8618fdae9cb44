#!/usr/bin/env python3
"""Makes tests/models/data/variants: every released variant at reduced size, from prepared pictures to logits.

Each variant is a config.yaml in the official form (NAME.yaml); the random weights of all variants are listed in one
weights.txt, of which a variant takes those that its configuration names. NAME.safetensors holds what the independent
PyTorch modules make of it with the variant's own scheduler, steps and guidance. All is evaluated in fp32.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
import yaml
from make_goldens import (BASE_DINO, BASE_DIT, BASE_VAE, DATA, ENCODER, config_document, randomise, report, tensor)
from safetensors.torch import save_file
from training.models import DiTConfig, DinoConfig, Dinov2, Hunyuan3DDiT, ShapeVAE, VAEConfig, encode_image

FOLDER = DATA / "variants"
POINTS = 40
VIEWS = ("front", "left", "back", "right")
DINO = DinoConfig(**BASE_DINO)
SCALE, MINI_SCALE = 0.9990943042622529, 1.0188137142395404
LARGE = DiTConfig(**BASE_DIT)
MINI = replace(LARGE, depth=1, depth_single_blocks=2)
VAE = VAEConfig(**BASE_VAE, scale_factor=SCALE)
MINI_VAE = replace(VAE, num_latents=6, scale_factor=MINI_SCALE)
# a stand-alone VAE: half as wide a geometry decoder, other latents and scale than the bundles it is used with
TURBO_VAE = replace(MINI_VAE, num_latents=9, geo_decoder_downsample_ratio=2, geo_decoder_mlp_expand_ratio=1,
                    geo_decoder_ln_post=False)


@dataclass(frozen=True)
class Variant:
    dit: DiTConfig
    steps: int
    vae: VAEConfig = VAE
    consistency: bool = False
    picture: int = 64
    encoder_size: int = 56  # 4 x 4 patches, as the position table
    views: tuple[int, ...] | None = None  # None: a single-view model


def distilled(config: DiTConfig) -> DiTConfig:
    return replace(config, guidance_embed=True)


VARIANTS = {
    "base": Variant(LARGE, 50),
    "fast": Variant(distilled(LARGE), 30),
    "turbo": Variant(distilled(LARGE), 5, consistency=True),
    "mini": Variant(MINI, 50, MINI_VAE),
    # 7 x 7 patches: the position table is resampled by a ratio that is no whole number
    "mini-turbo": Variant(distilled(MINI), 5, consistency=True, picture=98, encoder_size=98),
    "mv": Variant(LARGE, 50, views=(0, 1, 3)),
    "mv-fast": Variant(distilled(LARGE), 30, views=(2,)),
    "mv-turbo": Variant(distilled(LARGE), 5, consistency=True, views=(0, 1, 2, 3)),
}
GUIDANCE = 5.0


def view_vector(view: int, width: int) -> torch.Tensor:
    frequency = 10000.0 ** -(np.arange(width // 2, dtype=np.float64) / (width / 2))
    return torch.from_numpy(np.concatenate([np.sin(view * frequency), np.cos(view * frequency)])).float()


def condition_of(variant: Variant, dino: Dinov2) -> torch.Tensor:
    """[1, T, W]."""
    parts = []
    for view in variant.views or (0,):
        image = tensor(f"input.view.{view}", 1, 3, variant.picture, variant.picture)
        tokens = encode_image(dino, image, variant.encoder_size)
        parts.append(tokens if variant.views is None else tokens + view_vector(view, DINO.hidden_size))
    return torch.cat(parts, dim=1)


def sigmas_of(variant: Variant) -> list[float]:
    """One more than there are steps."""
    if not variant.consistency:
        return [*np.linspace(0, 1, variant.steps).astype(np.float32), 1.0]
    table = [0] + [10 * j - 1 for j in range(1, 100)]
    return [*(np.float32(table[math.floor(k * (100 / variant.steps))] / 999) for k in range(variant.steps)), 1.0]


def sample(variant: Variant, dit: Hunyuan3DDiT, condition: torch.Tensor, latent_count: int) -> torch.Tensor:
    """[1, L, C]."""
    x = tensor("input.noise", 1, latent_count, variant.dit.in_channels, scale=1.75)
    guided = not variant.dit.guidance_embed
    context = torch.cat([condition, torch.zeros_like(condition)]) if guided else condition
    sigmas = sigmas_of(variant)
    for now, following in zip(sigmas[:-1], sigmas[1:]):
        batch = torch.cat([x, x]) if guided else x
        velocity = dit(batch, torch.full((len(batch),), float(now)), context, torch.full((len(batch),), GUIDANCE))
        if guided:
            with_image, without = velocity.chunk(2)
            velocity = without + GUIDANCE * (with_image - without)
        x = x + float(np.float32(following) - np.float32(now)) * velocity
    return x


def logits_of(vae: ShapeVAE, latents: torch.Tensor) -> torch.Tensor:
    return vae.query(tensor("input.points", 1, POINTS, 3), vae.decode(latents / vae.config.scale_factor))[0]


def document_of(variant: Variant) -> dict:
    document = config_document(DINO, variant.encoder_size, variant.dit, variant.vae)
    document["image_processor"]["params"]["size"] = variant.picture
    if variant.consistency:
        document["scheduler"] = {"target": "hy3dgen.shapegen.schedulers.ConsistencyFlowMatchEulerDiscreteScheduler",
                                 "params": {"num_train_timesteps": 1000, "pcm_timesteps": 100}}
    if variant.views is not None:
        document["conditioner"]["params"]["main_image_encoder"]["type"] = "DinoImageEncoderMV"
        document["image_processor"]["target"] = "hy3dgen.shapegen.preprocessors.MVImageProcessorV2"
    return document


class Networks:
    """With their random weights, the same for every variant but for what a variant lacks."""

    def __init__(self) -> None:
        self.weights: dict[str, torch.Tensor] = {}
        self.lines: list[str] = []
        self.dino = self._random(Dinov2(DINO), ENCODER)
        self.turbo_vae = self._random(ShapeVAE(TURBO_VAE), "")
        self.dits = {v.dit: Hunyuan3DDiT(v.dit) for v in VARIANTS.values()}
        self.vaes = {v.vae: ShapeVAE(v.vae) for v in VARIANTS.values()}
        # larger first, so that the list holds every tensor once and in order
        for config in sorted(self.dits, key=lambda c: (-c.depth, -c.guidance_embed)):
            self._random(self.dits[config], "model.")
        for vae in self.vaes.values():
            self._random(vae, "vae.")

    def _random(self, module: torch.nn.Module, prefix: str) -> torch.nn.Module:
        weights: dict[str, torch.Tensor] = {}
        lines: list[str] = []
        randomise(module, prefix, False, weights, lines)
        absent = tuple(f"{p}{name}" for p in ("vae.", "") for name in ("encoder.", "pre_kl."))
        for name, line in zip(weights, lines):
            if name not in self.weights and not name.startswith(absent):
                self.weights[name] = weights[name]
                self.lines.append(line)
        return module.eval()


def make(name: str, variant: Variant, networks: Networks) -> None:
    condition = condition_of(variant, networks.dino)
    dit = networks.dits[variant.dit]
    out = {"condition": condition[0]}
    out["latents"] = sample(variant, dit, condition, variant.vae.num_latents)[0]
    out["logits"] = logits_of(networks.vaes[variant.vae], out["latents"][None])
    # the same model with the stand-alone VAE, which sets the number of latents
    latents = sample(variant, dit, condition, TURBO_VAE.num_latents)
    out["turbo_vae.logits"] = logits_of(networks.turbo_vae, latents)
    (FOLDER / f"{name}.yaml").write_text(yaml.safe_dump(document_of(variant), sort_keys=False))
    path = FOLDER / f"{name}.safetensors"
    save_file({key: value.contiguous() for key, value in out.items()}, path)
    report(path, out)


def main() -> None:
    torch.set_num_threads(2)
    FOLDER.mkdir(parents=True, exist_ok=True)
    with torch.inference_mode():
        networks = Networks()
        (FOLDER / "weights.txt").write_text("\n".join(networks.lines) + "\n")
        for name, variant in VARIANTS.items():
            make(name, variant, networks)
    vae_section = config_document(DINO, 56, LARGE, TURBO_VAE)["vae"]
    (FOLDER / "turbo_vae.yaml").write_text(yaml.safe_dump(vae_section, sort_keys=False))


if __name__ == "__main__":
    main()
