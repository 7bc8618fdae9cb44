"""Training data made on the fly: pools of programs, surfaces, query points, rolling examples."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from training import sdf
from training.config import CUBE, IMAGE_SIZE, SURFACE_POINTS, TRUNCATION, VAE
from training.models import ShapeVAE
from training.render import training_images
from training.shapes import Kind, draw

SHARES = {"gear": 0.5, "stack": 5.0, "assembly": 12.0}  # draws beside an ordinary kind's one
NEAR_SCALES = (0.008, 0.025, 0.08)
TEACHER_TRUNCATION = 0.15  # softer than the VAE's: pictures do not show the last hundredth


@dataclass(frozen=True)
class Pool:
    """Many programs: [N, ops, floats], their half extents [N, 3] and kind indices [N]."""

    programs: Tensor
    half_extents: Tensor
    kinds: Tensor

    def pick(self, count: int) -> "Pool":
        """A random batch, with replacement."""
        rows = torch.randint(self.programs.shape[0], (count,), device=self.programs.device)
        return self[rows]

    def __getitem__(self, rows: Tensor) -> "Pool":
        return Pool(self.programs[rows].contiguous(), self.half_extents[rows].contiguous(), self.kinds[rows])


def make_pool(kinds: Sequence[Kind], count: int, device: torch.device | str, seed: int) -> Pool:
    """``count`` draws of every kind, times its share."""
    drawn = [draw(kind, max(1, int(count * SHARES.get(kind.__name__, 1.0))), device, seed * 1000 + i) for i, kind in enumerate(kinds)]
    labels = [torch.full((p.shape[0],), i, device=device) for i, (p, _) in enumerate(drawn)]
    return Pool(torch.cat([p for p, _ in drawn]), torch.cat([h for _, h in drawn]), torch.cat(labels))


def surfaces(batch: Pool, seed: int) -> tuple[Tensor, Tensor]:
    """Encoder input: [B, N, 7] points, normals and a zero label, and [B, L] query rows.

    Farthest point sampling starts at an extreme point: the fewer ways a surface can be turned
    into tokens, the less there is for the generator to guess.
    """
    samples = sdf.surface(batch.programs, batch.half_extents, SURFACE_POINTS, seed)
    direction = torch.tensor([0.35, 0.8, 0.48], device=samples.device)
    first = (samples[..., :3] @ direction).argmax(dim=1)
    rows = torch.arange(samples.shape[0], device=samples.device)
    extreme = samples[rows, first].clone()
    samples[rows, first] = samples[:, 0]
    samples[:, 0] = extreme
    index = sdf.farthest_points(samples[..., :3].contiguous(), VAE.num_latents)
    return torch.nn.functional.pad(samples, (0, 1)), index


def field_targets(programs: Tensor, points: Tensor, truncation: float = TRUNCATION) -> Tensor:
    """[B, Q] truncated, scaled distances, positive inside."""
    return (-sdf.distance(programs, points) / truncation).clamp(-1, 1)


def query_points(surface: Tensor, count: int, uniform_share: float = 0.375) -> Tensor:
    """[B, count, 3] points: noisy surface points at three scales, the rest uniform in the cube."""
    batch, device = surface.shape[0], surface.device
    uniform = int(count * uniform_share)
    near = count - uniform
    rows = torch.randint(surface.shape[1], (batch, near, 1), device=device)
    base = torch.gather(surface[..., :3], 1, rows.expand(-1, -1, 3))
    scales = torch.tensor(NEAR_SCALES, device=device)[torch.arange(near, device=device) % len(NEAR_SCALES)]
    noisy = base + torch.randn_like(base) * scales[:, None]
    anywhere = (torch.rand(batch, uniform, 3, device=device) * 2 - 1) * CUBE
    return torch.cat([noisy, anywhere], dim=1)


class ExampleStore:
    """A ring of (picture, latent posterior, field samples), filled a little at every step.

    Drawing pictures and encoding surfaces costs more than using them, so each example serves a
    few steps, with fresh noise every time.
    """

    def __init__(self, pool: Pool, vae: ShapeVAE, capacity: int, field_points: int, seed: int) -> None:
        device = pool.programs.device
        self.pool, self.vae, self.capacity, self.seed = pool, vae, capacity, seed
        self.written = 0
        latents = (capacity, VAE.num_latents, VAE.embed_dim)
        self.images = torch.empty(capacity, 3, IMAGE_SIZE, IMAGE_SIZE, dtype=torch.uint8, device=device)
        self.means = torch.empty(latents, dtype=torch.float16, device=device)
        self.deviations = torch.empty(latents, dtype=torch.float16, device=device)
        self.field = torch.empty(capacity, field_points, 4, dtype=torch.float16, device=device)

    @torch.no_grad()
    def add(self, count: int) -> None:
        """Draws ``count`` new examples over the oldest ones; ``count`` divides the capacity."""
        batch = self.pool.pick(count)
        self.seed += 1
        surface, index = surfaces(batch, self.seed)
        with torch.autocast(surface.device.type, torch.bfloat16):
            mean, log_variance = self.vae.encode(surface, index)
        points = query_points(surface, self.field.shape[1])
        at = self.written % self.capacity
        rows = slice(at, at + count)
        self.images[rows] = training_images(batch.programs, batch.half_extents, surface[..., :3].contiguous(), IMAGE_SIZE, self.seed)
        self.means[rows] = mean
        self.deviations[rows] = (0.5 * log_variance).exp()
        self.field[rows] = torch.cat([points, field_targets(batch.programs, points, TEACHER_TRUNCATION).unsqueeze(-1)], dim=-1)
        self.written += count

    def batch(self, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """Random examples: pictures in [0, 1], latents drawn from the posterior, field samples."""
        rows = torch.randint(min(self.written, self.capacity), (count,), device=self.images.device)
        mean = self.means[rows].float()
        latents = mean + self.deviations[rows] * torch.randn_like(mean)
        return self.images[rows].float() / 255, latents, self.field[rows].float()
