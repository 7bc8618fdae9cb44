"""Measures a model on shapes whose parameters it never saw.

    python -m training.evaluate --bundle models/sinter-small --out evaluation.json
"""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from training import sdf
from training.config import IMAGE_SIZE, SURFACE_POINTS
from training.data import Pool, surfaces
from training.export import load_bundle
from training.metrics import scores, true_inside
from training.models import Dinov2, Hunyuan3DDiT, ShapeVAE
from training.render import View, cutouts
from training.sampling import decode_grid, generate
from training.shapes import HELD_OUT, TRAINED, Kind, draw

EVALUATION_SEED = 900_000  # program seeds of training stay far below
EVALUATION_VIEW = View(elevation=(15.0, 30.0))
RESOLUTION = 64
NOISE_SEEDS = (11, 12, 13)


@dataclass(frozen=True)
class EvaluationSet:
    """Shapes with their pictures ([B, 3, S, S] in [0, 1], white ground) and true grids."""

    batch: Pool
    images: Tensor
    inside: Tensor

    def part(self, rows: slice) -> "EvaluationSet":
        batch = Pool(self.batch.programs[rows], self.batch.half_extents[rows], self.batch.kinds[rows])
        return EvaluationSet(batch, self.images[rows], self.inside[rows])


def evaluation_set(kinds: Sequence[Kind], draws: int, device: torch.device | str, seed: int = EVALUATION_SEED) -> EvaluationSet:
    """``draws`` unseen shapes of every kind, seen from 15 to 30 degrees above."""
    drawn = [draw(kind, draws, device, seed + i) for i, kind in enumerate(kinds)]
    kind_index = torch.arange(len(kinds), device=device).repeat_interleave(draws)
    batch = Pool(torch.cat([p for p, _ in drawn]), torch.cat([h for _, h in drawn]), kind_index)
    points = sdf.surface(batch.programs, batch.half_extents, SURFACE_POINTS, seed)[..., :3].contiguous()
    rgba, _ = cutouts(batch.programs, batch.half_extents, points, IMAGE_SIZE, seed, EVALUATION_VIEW)
    images = torch.lerp(torch.ones_like(rgba[:, :3]), rgba[:, :3], rgba[:, 3:])
    return EvaluationSet(batch, images, true_inside(batch, RESOLUTION))


@torch.no_grad()
def reconstruct(vae: ShapeVAE, examples: EvaluationSet) -> tuple[Tensor, Tensor]:
    """IoU and F-score of encoding and decoding each shape (posterior mean)."""
    surface, index = surfaces(examples.batch, 1)
    mean, _ = vae.encode(surface.to(vae.pre_kl.weight.dtype), index)
    logits = decode_grid(vae, mean.to(vae.pre_kl.weight.dtype), RESOLUTION)
    return scores(examples.batch, logits, examples.inside)


@torch.no_grad()
def from_pictures(
    vae: ShapeVAE, dit: Hunyuan3DDiT, dino: Dinov2, scale: float, examples: EvaluationSet, steps: int, guidance: float, seeds: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """IoU and F-score of picture -> shape, each the median over the noise seeds."""
    results = []
    for seed in seeds:
        latents = generate(dit, dino, examples.images, steps, guidance, seed)
        logits = decode_grid(vae, latents / scale, RESOLUTION)
        results.append(torch.stack(scores(examples.batch, logits, examples.inside)))
    iou, f = torch.stack(results).median(dim=0).values
    return iou, f


def in_parts(function: Callable[[EvaluationSet], tuple[Tensor, Tensor]], examples: EvaluationSet, size: int = 128) -> tuple[Tensor, Tensor]:
    """Applies ``function`` to slices of the set and joins the results."""
    parts = [function(examples.part(slice(i, i + size))) for i in range(0, len(examples.images), size)]
    return torch.cat([p[0] for p in parts]), torch.cat([p[1] for p in parts])


def summary(iou: Tensor, f: Tensor) -> dict[str, float]:
    values = {"iou_mean": iou.mean(), "iou_median": iou.median(), "f_mean": f.mean(), "f_median": f.median()}
    return {k: round(float(v), 4) for k, v in values.items()}


def by_kind(kinds: Sequence[Kind], labels: Tensor, iou: Tensor, f: Tensor) -> dict[str, dict[str, float]]:
    return {kind.__name__: summary(iou[labels.cpu() == i], f[labels.cpu() == i]) for i, kind in enumerate(kinds)}


# (steps, guidance, noise seeds); upstream's default is 50 steps at guidance 5.
SETTINGS = ((50, 5.0, 3), (50, 3.0, 3), (50, 2.0, 3), (50, 1.0, 1), (30, 3.0, 1), (20, 3.0, 1), (10, 3.0, 1))


def report(bundle: Path, draws: int, device: torch.device) -> dict[str, object]:
    """Every figure of docs/benchmarks/small-model.md; weights are those of the bundle (fp16)."""
    vae, dit, dino, scale = load_bundle(bundle, device)
    result: dict[str, object] = {"draws": draws, "resolution": RESOLUTION, "noise_seeds": list(NOISE_SEEDS)}
    for name, kinds, seed in (("trained", TRAINED, EVALUATION_SEED), ("held_out", HELD_OUT, EVALUATION_SEED + 5000)):
        examples = evaluation_set(kinds, draws, device, seed)
        labels = examples.batch.kinds
        group: dict[str, object] = {}
        with torch.autocast(device.type, torch.float16, enabled=device.type == "cuda"):
            iou, f = in_parts(partial(reconstruct, vae), examples)
            group["vae"] = {**summary(iou, f), "kinds": by_kind(kinds, labels, iou, f)}
            group["settings"] = {}
            for steps, guidance, count in SETTINGS:
                measure = partial(from_pictures, vae, dit, dino, scale, steps=steps, guidance=guidance, seeds=NOISE_SEEDS[:count])
                iou, f = in_parts(measure, examples)
                entry = {**summary(iou, f), "seeds": count, "kinds": by_kind(kinds, labels, iou, f)}
                group["settings"][f"{steps} steps, guidance {guidance:g}"] = entry
        result[name] = group
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--draws", type=int, default=8)
    arguments = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    result = report(arguments.bundle, arguments.draws, device)
    arguments.out.write_text(json.dumps(result, indent=1) + "\n")
    for name in ("trained", "held_out"):
        print(name, "vae", {k: v for k, v in result[name]["vae"].items() if k != "kinds"})
        for setting, values in result[name]["settings"].items():
            print(name, setting, {k: v for k, v in values.items() if k != "kinds"})


if __name__ == "__main__":
    main()
