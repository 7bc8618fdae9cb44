"""The runtime's sampler, in plain PyTorch: Euler steps with classifier-free guidance."""

import torch
from torch import Tensor

from training.config import CUBE, VAE
from training.models import Dinov2, Hunyuan3DDiT, ShapeVAE
from training.models.dino import normalize_pixels


@torch.no_grad()
def generate(dit: Hunyuan3DDiT, dino: Dinov2, images: Tensor, steps: int, guidance: float, seed: int) -> Tensor:
    """[B, 3, S, S] pictures in [0, 1] -> [B, L, C] latents in diffusion space.

    As upstream, ``steps`` times from 0 to 1 inclusive make ``steps - 1`` effective Euler steps.
    """
    condition = dino(normalize_pixels(images))
    both = torch.cat([condition, torch.zeros_like(condition)])
    generator = torch.Generator(device=images.device).manual_seed(seed)
    x = torch.randn(images.shape[0], VAE.num_latents, VAE.embed_dim, device=images.device, generator=generator)
    times = torch.linspace(0, 1, steps, device=images.device)
    for t, following in zip(times[:-1], times[1:]):
        velocity = dit(torch.cat([x, x]), t.expand(2 * x.shape[0]), both).float()
        with_image, without = velocity.chunk(2)
        x = x + (following - t) * (without + guidance * (with_image - without))
    return x


def grid_points(resolution: int, device: torch.device) -> Tensor:
    """[(n + 1)^3, 3] points of the decoded cube for n cells an axis, x slowest."""
    axis = torch.linspace(-CUBE, CUBE, resolution + 1, device=device)
    return torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), dim=-1).view(-1, 3)


@torch.no_grad()
def decode_grid(vae: ShapeVAE, latents: Tensor, resolution: int, chunk: int = 1 << 22) -> Tensor:
    """[B, L, C] latents (already unscaled) -> [B, n + 1, n + 1, n + 1] logits."""
    tokens = vae.decode(latents)
    points = grid_points(resolution, latents.device)
    rows = max(1, chunk // tokens.shape[0])
    parts = [vae.query(p.expand(tokens.shape[0], -1, -1), tokens).float() for p in points.split(rows)]
    return torch.cat(parts, dim=1).view(-1, *([resolution + 1] * 3))
