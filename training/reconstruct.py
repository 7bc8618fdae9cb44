"""Picture to mesh in plain PyTorch: what the native engine does, slowly and readably.

    python -m training.reconstruct --bundle models/sinter-small examples/images/chair.png chair.glb
"""

import argparse
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from training.config import IMAGE_SIZE
from training.export import load_bundle
from training.meshing import mesh_from_field, save_glb
from training.sampling import decode_grid, generate

BORDER = 0.15
PROCESSOR_SIZE = 512


def recentred(image: Image.Image) -> Image.Image:
    """The official preprocessing: crop to the alpha's box, fill 85 % of a square, lay on white.

    Pillow's box and bilinear filters stand in for OpenCV's area resampling; pixels differ by a
    few levels from the released code.
    """
    rgba = image.convert("RGBA")
    alpha = np.asarray(rgba)[..., 3]
    rows, columns = np.nonzero(alpha.any(axis=1))[0], np.nonzero(alpha.any(axis=0))[0]
    top, bottom, left, right = rows[0], rows[-1], columns[0], columns[-1]
    side = max(rgba.size)
    scale = int(side * (1 - BORDER)) / max(bottom - top, right - left)
    size = (int((right - left) * scale), int((bottom - top) * scale))
    crop = rgba.crop((left, top, right, bottom)).resize(size, Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR)
    canvas = Image.new("RGBA", (side, side), (255, 255, 255, 255))
    canvas.alpha_composite(crop, ((side - size[0]) // 2, (side - size[1]) // 2))
    return canvas.convert("RGB").resize((PROCESSOR_SIZE, PROCESSOR_SIZE), Image.Resampling.BICUBIC)


def network_image(image: Image.Image) -> Tensor:
    """[1, 3, 140, 140] in [0, 1], as the image encoder receives it."""
    pixels = torch.from_numpy(np.array(recentred(image))).permute(2, 0, 1)[None].float() / 255
    return F.interpolate(pixels, size=(IMAGE_SIZE, IMAGE_SIZE), mode="bilinear", align_corners=False, antialias=True)


def fields(bundle: Path, images: list[Image.Image], steps: int, guidance: float, seed: int, resolution: int) -> Tensor:
    """[B, n + 1, n + 1, n + 1] logits of every picture's shape."""
    vae, dit, dino, scale = load_bundle(bundle, torch.device("cpu"))
    latents = generate(dit, dino, torch.cat([network_image(i) for i in images]), steps, guidance, seed)
    return decode_grid(vae, latents / scale, resolution, chunk=1 << 17)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", type=Path)
    parser.add_argument("mesh", type=Path)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--guidance", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resolution", type=int, default=128)
    a = parser.parse_args()
    field = fields(a.bundle, [Image.open(a.picture)], a.steps, a.guidance, a.seed, a.resolution)[0]
    save_glb(mesh_from_field(field.numpy()), a.mesh)


if __name__ == "__main__":
    main()
