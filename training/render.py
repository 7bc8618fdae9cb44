"""Cameras and pictures of signed distance programs.

The runtime shows the network an object that fills 85 % of a white square (the official
recentring). Here the camera's window is set so from the start, so nothing is drawn twice.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from training import sdf

FILL = 0.85
OPAQUE_SHARE = 0.15


@dataclass(frozen=True)
class View:
    """Ranges of the random cameras, in degrees and object half sizes."""

    elevation: tuple[float, float] = (0.0, 30.0)
    azimuth: tuple[float, float] = (-20.0, 20.0)
    distance: tuple[float, float] = (3.0, 4.5)


class Sampler:
    """Uniform random numbers from one generator, [count] at a time."""

    def __init__(self, count: int, device: torch.device, seed: int) -> None:
        self.count, self.device = count, device
        self.generator = torch.Generator(device=device).manual_seed(seed)

    def rand(self, *shape: int) -> Tensor:
        return torch.rand(self.count, *shape, device=self.device, generator=self.generator)

    def uniform(self, low: float, high: float) -> Tensor:
        return low + (high - low) * self.rand()


def cameras(points: Tensor, half_extents: Tensor, view: View, rng: Sampler) -> Tensor:
    """Random cameras that centre each object and let it fill 85 % of the frame.

    points: [B, N, 3] surface points; half_extents: [B, 3]. Returns [B, CAMERA_FLOATS].
    """
    elevation, azimuth = (rng.uniform(*r) * math.pi / 180 for r in (view.elevation, view.azimuth))
    distance = rng.uniform(*view.distance)
    back = torch.stack([elevation.cos() * azimuth.sin(), elevation.sin(), elevation.cos() * azimuth.cos()], -1)
    right = torch.stack([azimuth.cos(), torch.zeros_like(azimuth), -azimuth.sin()], -1)
    up = torch.cross(back, right, dim=-1)
    eye = back * distance[:, None]
    window = _window(points - eye[:, None], right, up, -back)
    light = torch.stack([rng.uniform(-0.8, 0.8), rng.uniform(0.3, 1.2), rng.uniform(0.3, 1.0)], -1)
    ambient = rng.uniform(0.25, 0.55)
    specular = rng.uniform(0.0, 0.35) * (rng.rand() < 0.5)
    parts = [eye, right, up, -back, window, F.normalize(light, dim=-1), ambient[:, None], specular[:, None], half_extents]
    packed = torch.cat(parts, dim=-1)
    return F.pad(packed, (0, sdf.CAMERA_FLOATS - packed.shape[1])).contiguous()


def _window(offsets: Tensor, right: Tensor, up: Tensor, forward: Tensor) -> Tensor:
    """[B, 3] centre and half width, on the plane at distance 1, of the square around all points."""
    depth = torch.einsum("bnc,bc->bn", offsets, forward)
    u = torch.einsum("bnc,bc->bn", offsets, right) / depth
    v = torch.einsum("bnc,bc->bn", offsets, up) / depth
    half = torch.maximum(u.amax(1) - u.amin(1), v.amax(1) - v.amin(1)) / 2
    return torch.stack([(u.amax(1) + u.amin(1)) / 2, (v.amax(1) + v.amin(1)) / 2, half / FILL], dim=-1)


def make_opaque(camera: Tensor, chosen: Tensor, rng: Sampler) -> Tensor:
    """Moves the chosen cameras back and aside: the object fills part of an 85 % frame."""
    camera = camera.clone()
    zoom = rng.uniform(1.05, 1.6)
    slack = (zoom - 1) / zoom * 0.9
    half = camera[:, 14] * zoom
    shift = (rng.rand(2) * 2 - 1) * (slack * half * FILL)[:, None]
    camera[:, 14] = torch.where(chosen, half, camera[:, 14])
    camera[:, 12:14] += torch.where(chosen[:, None], shift, 0.0)
    return camera


def backdrop(size: int, chosen: Tensor, rng: Sampler) -> Tensor:
    """[B, 3, size, size]: white; for chosen pictures a plain or graded inner frame of 85 %."""
    low, high = rng.rand(3), rng.rand(3)
    graded = rng.rand() < 0.5
    high = torch.where(graded[:, None], high, low)
    ramp = torch.linspace(0, 1, size, device=rng.device).view(1, 1, size, 1)
    colours = low[:, :, None, None] + (high - low)[:, :, None, None] * ramp
    axis = (torch.arange(size, device=rng.device) + 0.5) / size * 2 - 1
    inner = (axis.abs()[:, None] < FILL) & (axis.abs()[None, :] < FILL)
    return torch.where(chosen[:, None, None, None] & inner, colours, 1.0)


def soften(images: Tensor, rng: Sampler) -> Tensor:
    """Blurs a random part of the pictures a little, as resampling does at run time."""
    blurred = F.avg_pool2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    strength = (rng.rand() * 1.6 - 0.8).clamp(min=0)
    return images + strength[:, None, None, None] * (blurred - images)


def training_images(programs: Tensor, half_extents: Tensor, points: Tensor, size: int, seed: int, view: View = View()) -> Tensor:
    """[B, 3, size, size] uint8 pictures as the network will see them, augmentations included."""
    rng = Sampler(programs.shape[0], programs.device, seed)
    camera = cameras(points, half_extents, view, rng)
    opaque = rng.rand() < OPAQUE_SHARE
    rgba = sdf.render(programs, make_opaque(camera, opaque, rng), size, samples=2)
    images = torch.lerp(backdrop(size, opaque, rng), rgba[:, :3], rgba[:, 3:])
    return (soften(images, rng) * 255).round().clamp(0, 255).to(torch.uint8)


def cutouts(
    programs: Tensor, half_extents: Tensor, points: Tensor, size: int, seed: int, view: View, samples: int = 3
) -> tuple[Tensor, Tensor]:
    """[B, 4, size, size] straight RGBA in [0, 1] on a transparent ground, and the cameras."""
    rng = Sampler(programs.shape[0], programs.device, seed)
    camera = cameras(points, half_extents, view, rng)
    return sdf.render(programs, camera, size, samples), camera
