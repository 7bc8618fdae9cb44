"""Meshes from fields: marching cubes in the runtime's frame, GLB files, exact shapes."""

from pathlib import Path

import numpy as np
import torch
import trimesh
from skimage.measure import marching_cubes
from torch import Tensor

from training import sdf
from training.config import CUBE
from training.sampling import grid_points

ZERO = 1e-5
COARSE = 4  # cells of the fine grid in one of the coarse grid


def mesh_from_field(field: np.ndarray) -> trimesh.Trimesh:
    """[D, D, D] values over the cube [-1.01, 1.01], positive inside -> a closed mesh, normals out."""
    # A value of exactly zero would put several vertices on one grid point and pinch the mesh.
    field = np.where(np.abs(field) < ZERO, ZERO, field)
    padded = np.pad(field, 1, constant_values=-1.0)
    vertices, faces, _, _ = marching_cubes(padded, level=0.0)
    vertices = (vertices - 1) * (2 * CUBE / (field.shape[0] - 1)) - CUBE
    return trimesh.Trimesh(vertices.astype(np.float32), faces[:, ::-1], process=True)


def exact_field(program: Tensor, resolution: int) -> np.ndarray:
    """Negated distances of one program [ops, floats] at (resolution + 1)^3 grid points.

    Only points near the surface are computed at full resolution; the rest repeat the coarse grid,
    which has the right sign there.
    """
    coarse_size, size = resolution // COARSE + 1, resolution + 1
    programs = program[None].contiguous()
    coarse = sdf.distance(programs, grid_points(resolution // COARSE, program.device)[None]).view(coarse_size, coarse_size, coarse_size)
    nearest = (torch.arange(size) + COARSE // 2) // COARSE
    field = coarse[nearest][:, nearest][:, :, nearest].reshape(-1).clone()
    near = field.abs() < 2 * COARSE * (2 * CUBE / resolution)
    points = grid_points(resolution, program.device)[near]
    field[near] = sdf.distance(programs, points[None].contiguous())[0]
    return -field.view(size, size, size).numpy()


def save_glb(mesh: trimesh.Trimesh, path: Path) -> None:
    path.write_bytes(trimesh.exchange.gltf.export_glb(trimesh.Scene(mesh)))
