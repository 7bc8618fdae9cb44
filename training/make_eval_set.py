"""Makes pictures and true meshes of shapes that training never drew.

    python -m training.make_eval_set OUT [--count 64]

Runs on the CPU in a minute or two. Writes OUT/<id>.png (512 x 512 RGBA cut-out), OUT/<id>.glb
(closed mesh) and OUT/manifest.json. One seed, one set.

Frame: the meshes lie in the runtime's decoder cube [-1.01, 1.01]^3, right-handed, +Y up, the
object's front towards +Z; the bounding box is centred at the origin and its longest half side is
0.95. Cameras look at the front from 15 to 30 degrees above, up to 20 degrees aside; the azimuth
turns the camera, never the object. A generated mesh compares without any alignment, provided its
vertices map grid index i of n cells to i / n * 2.02 - 1.01.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from training import sdf
from training.config import SURFACE_POINTS
from training.meshing import exact_field, mesh_from_field, save_glb
from training.render import View, cutouts
from training.shapes import HELD_OUT, TRAINED, Kind, draw

PICTURE_SIZE = 512
SEED = 700_000  # far from the seeds of training and of training.evaluate
VIEW = View(elevation=(15.0, 30.0))
HELD_OUT_SHARE = 8  # one shape in so many is of a kind that was never trained


def chosen_kinds(count: int) -> list[Kind]:
    """``count`` kinds: an eighth held out, the others spread evenly over the trained ones."""
    held = max(1, count // HELD_OUT_SHARE)
    trained = count - held
    picked = [TRAINED[i * len(TRAINED) // trained % len(TRAINED)] for i in range(trained)]
    return picked + [HELD_OUT[i % len(HELD_OUT)] for i in range(held)]


def to_picture(rgba: Tensor) -> Image.Image:
    """[4, S, S] in [0, 1] -> RGBA picture."""
    return Image.fromarray((rgba.permute(1, 2, 0) * 255).round().to(torch.uint8).numpy(), "RGBA")


def camera_entry(camera: Tensor) -> dict[str, list[float] | float]:
    """Eye and axes in mesh space; the picture spans ``half_width`` around ``centre`` on the plane
    at distance 1 along ``forward``."""
    values = [round(v, 6) for v in camera.tolist()]
    return {
        "eye": values[0:3], "right": values[3:6], "up": values[6:9], "forward": values[9:12],
        "centre": values[12:14], "half_width": values[14],
    }


def make_pair(kind: Kind, seed: int, name: str, out: Path, resolution: int) -> dict[str, object]:
    """Writes one picture and one mesh; returns the manifest entry."""
    program, half_extents = draw(kind, 1, "cpu", seed)
    points = sdf.surface(program, half_extents, SURFACE_POINTS, seed)[..., :3].contiguous()
    rgba, camera = cutouts(program, half_extents, points, PICTURE_SIZE, seed, VIEW, samples=2)
    mesh = mesh_from_field(exact_field(program[0], resolution))
    to_picture(rgba[0]).save(out / f"{name}.png")
    save_glb(mesh, out / f"{name}.glb")
    return {
        "id": name, "kind": kind.__name__, "held_out": kind in HELD_OUT, "seed": seed,
        "image": f"{name}.png", "mesh": f"{name}.glb", "faces": len(mesh.faces), "watertight": bool(mesh.is_watertight),
        "camera": camera_entry(camera[0]),
    }


def make_set(kinds: Sequence[Kind], out: Path, seed: int, resolution: int) -> list[dict[str, object]]:
    out.mkdir(parents=True, exist_ok=True)
    entries = [make_pair(kind, seed + i, f"{i:03d}-{kind.__name__}", out, resolution) for i, kind in enumerate(kinds)]
    manifest = {"frame": "+Y up, front +Z, cube [-1.01, 1.01]^3", "seed": seed, "resolution": resolution, "shapes": entries}
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    return entries


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=64)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--resolution", type=int, default=128, help="grid cells an axis, a multiple of 4")
    arguments = parser.parse_args()
    if arguments.resolution % 4:
        parser.error("the resolution must be a multiple of 4")
    entries = make_set(chosen_kinds(arguments.count), arguments.out, arguments.seed, arguments.resolution)
    closed = sum(bool(e["watertight"]) for e in entries)
    print(f"{len(entries)} shapes, {closed} closed meshes, in {arguments.out}")


if __name__ == "__main__":
    main()
