"""Agreement of a decoded field with the true shape."""

import torch
from torch import Tensor

from training import sdf
from training.config import CUBE
from training.data import Pool
from training.sampling import grid_points

THRESHOLD = 0.05
SURFACE_SAMPLES = 4096


@torch.no_grad()
def true_inside(batch: Pool, resolution: int) -> Tensor:
    """[B, n + 1, n + 1, n + 1] booleans."""
    points = grid_points(resolution, batch.programs.device)
    inside = [sdf.distance(batch.programs[i : i + 1].contiguous(), points[None].contiguous())[0] < 0 for i in range(len(batch.programs))]
    return torch.stack(inside).view(-1, *([resolution + 1] * 3))


def intersection_over_union(logits: Tensor, inside: Tensor) -> Tensor:
    """[B] shares of the grid points that both, or either, call inside."""
    predicted = (logits > 0).flatten(1)
    truth = inside.flatten(1)
    return (predicted & truth).sum(1) / (predicted | truth).sum(1).clamp(min=1)


def crossings(field: Tensor) -> Tensor:
    """[n, 3] points where the field [D, D, D] changes sign along a grid edge, interpolated."""
    cell = 2 * CUBE / (field.shape[0] - 1)
    found = []
    for axis in range(3):
        low = field.narrow(axis, 0, field.shape[axis] - 1)
        high = field.narrow(axis, 1, field.shape[axis] - 1)
        index = ((low > 0) != (high > 0)).nonzero()
        a, b = low[tuple(index.T)], high[tuple(index.T)]
        points = index.float()
        points[:, axis] += a / (a - b)
        found.append(points * cell - CUBE)
    return torch.cat(found)


def f_score(field: Tensor, truth: Tensor, generator: torch.Generator) -> float:
    """Harmonic mean of precision and recall of surface points within THRESHOLD.

    field: [D, D, D] logits; truth: [M, 3] points sampled on the true surface.
    """
    points = crossings(field)
    if len(points) == 0:
        return 0.0
    chosen = torch.randint(len(points), (SURFACE_SAMPLES,), device=points.device, generator=generator)
    distances = torch.cdist(points[chosen], truth)
    precision = (distances.amin(1) < THRESHOLD).float().mean()
    recall = (distances.amin(0) < THRESHOLD).float().mean()
    return float(2 * precision * recall / (precision + recall).clamp(min=1e-6))


@torch.no_grad()
def scores(batch: Pool, logits: Tensor, inside: Tensor, seed: int = 0) -> tuple[Tensor, Tensor]:
    """[B] intersections over union and [B] F-scores, on the CPU."""
    generator = torch.Generator(device=logits.device).manual_seed(seed)
    surface = sdf.surface(batch.programs, batch.half_extents, 2 * SURFACE_SAMPLES, seed + 1)[..., :3]
    f = torch.tensor([f_score(field, truth, generator) for field, truth in zip(logits, surface)])
    return intersection_over_union(logits, inside).cpu(), f
