"""Packs trained weights as a bundle: config.yaml and model.fp16.safetensors.

    python -m training.export --weights training/runs/dit --out models/sinter-small
"""

import argparse
from pathlib import Path

import torch
import yaml
from safetensors.torch import load_file, save_file

from training import config
from training.loop import load_weights
from training.models import Dinov2, Hunyuan3DDiT, ShapeVAE

COMPONENTS = {"dit": "model", "vae": "vae", "dino": "conditioner.main_image_encoder.model"}
LIMIT = 28_000_000


def build_modules() -> dict[str, torch.nn.Module]:
    """Fresh modules of the small model, by training name."""
    return {"vae": ShapeVAE(config.VAE), "dit": Hunyuan3DDiT(config.DIT), "dino": Dinov2(config.DINO)}


def load_bundle(folder: Path, device: torch.device) -> tuple[ShapeVAE, Hunyuan3DDiT, Dinov2, float]:
    """The three networks of a bundle (fp16 values held in fp32) and its scale factor."""
    tensors = load_file(folder / "model.fp16.safetensors")
    modules = build_modules()
    for name, prefix in COMPONENTS.items():
        own = {k.removeprefix(prefix + "."): v.float() for k, v in tensors.items() if k.startswith(prefix + ".")}
        modules[name].load_state_dict(own)
        modules[name].to(device).eval().requires_grad_(False)
    scale = yaml.safe_load((folder / "config.yaml").read_text())["vae"]["params"]["scale_factor"]
    return modules["vae"], modules["dit"], modules["dino"], scale


def export(weights: Path, out: Path) -> int:
    """Writes the bundle; returns the size of the weight file."""
    trained = load_weights(weights, "weights")
    scale = float(trained["scale_factor"])
    tensors = {}
    for name, prefix in COMPONENTS.items():
        for key in build_modules()[name].state_dict():
            tensors[f"{prefix}.{key}"] = trained[f"{name}.{key}"].half().contiguous()
    out.mkdir(parents=True, exist_ok=True)
    target = out / "model.fp16.safetensors"
    save_file(tensors, target)
    (out / "config.yaml").write_text(yaml.safe_dump(config.bundle_config(scale), sort_keys=False))
    size = target.stat().st_size
    if size > LIMIT:
        raise ValueError(f"{size} bytes of weights, at most {LIMIT} wanted")
    return size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, required=True, help="folder written by training.train_dit")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    print(f"{export(arguments.weights, arguments.out)} bytes")


if __name__ == "__main__":
    main()
