"""A sheet of pictures above the shapes made from them, each seen from the front and from behind.

    python -m training.picture_sheet sheet.png --bundle models/sinter-small examples/images/*.png
"""

import argparse
import math
from pathlib import Path

import numpy as np
import trimesh
from PIL import Image

from training.meshing import mesh_from_field
from training.reconstruct import fields

TILE = 144
OVERSAMPLING = 2
SPLITS = 6  # every triangle is drawn as a grid of points, this many along an edge
VIEWS = ((0.0, 20.0), (145.0, 25.0))  # azimuth and elevation, degrees
COLOUR = np.array([0.70, 0.76, 0.86])
LIGHT = np.array([0.35, 0.75, 0.56])


def view_axes(azimuth: float, elevation: float) -> np.ndarray:
    """[3, 3] rows: right, up and towards the viewer."""
    a, e = math.radians(azimuth), math.radians(elevation)
    back = np.array([math.cos(e) * math.sin(a), math.sin(e), math.cos(e) * math.cos(a)])
    right = np.array([math.cos(a), 0.0, -math.sin(a)])
    return np.stack([right, np.cross(back, right), back])


def surface_points(mesh: trimesh.Trimesh) -> tuple[np.ndarray, np.ndarray]:
    """[n, 3] points all over the faces and their interpolated normals."""
    weights = np.array([(i, j, SPLITS - i - j) for i in range(SPLITS + 1) for j in range(SPLITS + 1 - i)]) / SPLITS
    points = np.einsum("wk,fkc->fwc", weights, mesh.vertices[mesh.faces]).reshape(-1, 3)
    normals = np.einsum("wk,fkc->fwc", weights, mesh.vertex_normals[mesh.faces]).reshape(-1, 3)
    return points, normals


def rendered(mesh: trimesh.Trimesh, azimuth: float, elevation: float) -> Image.Image:
    """Orthographic picture of a mesh: points drawn from back to front, lit relative to the view."""
    size = TILE * OVERSAMPLING
    picture = np.ones((size, size, 3))
    if len(mesh.faces):
        axes = view_axes(azimuth, elevation)
        points, normals = (x @ axes.T for x in surface_points(mesh))
        low, high = points.min(axis=0), points.max(axis=0)
        scale = 0.85 * size / max((high - low)[:2].max(), 1e-6)
        pixels = ((points - (low + high) / 2) * [scale, -scale, 1] + [size / 2, size / 2, 0]).astype(int)
        order = np.argsort(points[:, 2])
        brightness = 0.4 + 0.6 * np.clip(normals @ (LIGHT / np.linalg.norm(LIGHT)), 0, 1)
        picture[pixels[order, 1], pixels[order, 0]] = brightness[order, None] * COLOUR
    return Image.fromarray((picture * 255).astype(np.uint8)).resize((TILE, TILE), Image.Resampling.BOX)


def sheet(pictures: list[Image.Image], volumes: np.ndarray) -> Image.Image:
    """Columns of input, front view and back view."""
    result = Image.new("RGB", (TILE * len(pictures), TILE * (1 + len(VIEWS))), "white")
    for column, (picture, volume) in enumerate(zip(pictures, volumes)):
        small = picture.convert("RGBA").resize((TILE, TILE), Image.Resampling.LANCZOS)
        result.paste(small, (column * TILE, 0), small)
        mesh = mesh_from_field(volume)
        for row, (azimuth, elevation) in enumerate(VIEWS):
            result.paste(rendered(mesh, azimuth, elevation), (column * TILE, (row + 1) * TILE))
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("pictures", type=Path, nargs="+")
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--guidance", type=float, default=5.0)
    parser.add_argument("--resolution", type=int, default=64)
    a = parser.parse_args()
    pictures = [Image.open(p) for p in a.pictures]
    volumes = fields(a.bundle, pictures, a.steps, a.guidance, 0, a.resolution).numpy()
    sheet(pictures, volumes).save(a.out, optimize=True)


if __name__ == "__main__":
    main()
