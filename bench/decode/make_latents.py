#!/usr/bin/env python3
"""Samples the latents of pictures with the PyTorch modules, as input of bench_decode.

    bench/decode/make_latents.py latents.safetensors examples/images/*.png [--model models/sinter-small] [--steps 20]

Writes one f32 tensor [L, E] a picture, named after its file. Needs torch, numpy, safetensors, PyYAML and Pillow.
"""

import argparse
import sys
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import save_file

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from training.export import load_bundle  # noqa: E402
from training.reconstruct import network_image  # noqa: E402
from training.sampling import generate  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("pictures", type=Path, nargs="+")
    parser.add_argument("--model", type=Path, default=ROOT / "models/sinter-small")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--guidance", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(2)
    _, dit, dino, _ = load_bundle(options.model, torch.device("cpu"))
    latents = {}
    with torch.inference_mode():
        for picture in options.pictures:
            image = network_image(Image.open(picture))
            latents[picture.stem] = generate(dit, dino, image, options.steps, options.guidance, options.seed)[0].float().contiguous()
    save_file(latents, options.output)


if __name__ == "__main__":
    main()
