#!/usr/bin/env python3
"""The geometry of Hunyuan3D-2's texture pipeline, as published and as sinter does it: same mesh, same pictures, one run, one table.

    bench/texture/published.py path/to/Hunyuan3D-2 mesh.obj [--build build/dev/bin] [--threads 16] [--size 2048] [--json figures.json]

The published code (hy3dgen/texgen, differentiable_renderer and custom_rasterizer) is compiled by torch.utils.cpp_extension and run from the
checkout as its pipeline calls it: six normal and six position maps, six back-projections with their weights, the merge, the inpainting.
Everything of it that can be is on the GPU. The mesh is unwrapped once, by sinter; pictures are drawn by bench_bake, from a known colour at
every place. Times are medians of --rounds after one that is not counted, of the wall clock with the device waited for.

Results are compared, not only times: levels of the maps, of what the views paint, and of the finished texture.

Needs torch with CUDA, nvcc, numpy, Pillow, trimesh, opencv-python-headless.
"""

import argparse
import importlib
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
import types
from pathlib import Path

import numpy as np
import torch
import trimesh
from PIL import Image
from torch.utils import cpp_extension

# hy3dgen/texgen/pipelines.py, Hunyuan3DTexGenConfig.
AZIMUTHS, ELEVATIONS = [0, 90, 180, 270, 0, 180], [0, 0, 0, 0, 90, -90]
WEIGHTS, EXPONENT = [1, 0.1, 0.5, 0.1, 0.05, 0.05], 4


def published_renderer(checkout, size):
    """MeshRender of the checkout, without the networks that its packages import."""
    texgen = checkout / "hy3dgen/texgen"
    renderer, rasterizer = texgen / "differentiable_renderer", texgen / "custom_rasterizer"
    for name, path in (("hy3dgen", checkout / "hy3dgen"), ("hy3dgen.texgen", texgen),
                       ("hy3dgen.texgen.differentiable_renderer", renderer),
                       ("custom_rasterizer", rasterizer / "custom_rasterizer")):
        package = types.ModuleType(name)
        package.__path__ = [str(path)]
        sys.modules[name] = package
    kernel = rasterizer / "lib/custom_rasterizer_kernel"
    sources = [str(kernel / name) for name in ("rasterizer.cpp", "grid_neighbor.cpp", "rasterizer_gpu.cu")]
    sys.modules["custom_rasterizer_kernel"] = cpp_extension.load("custom_rasterizer_kernel", sources)
    name = "hy3dgen.texgen.differentiable_renderer.mesh_processor"
    sys.modules[name] = cpp_extension.load("mesh_processor", [str(renderer / "mesh_processor.cpp")], extra_cflags=["-O3"])
    render = importlib.import_module("custom_rasterizer.render")
    for function in ("rasterize", "interpolate"):
        setattr(sys.modules["custom_rasterizer"], function, getattr(render, function))
    module = importlib.import_module("hy3dgen.texgen.differentiable_renderer.mesh_render")
    return module.MeshRender(default_resolution=size, texture_size=size)


class Published:
    """The stages, called as hy3dgen/texgen/pipelines.py calls them."""

    def __init__(self, checkout, mesh, pictures, size):
        self.pictures = pictures
        self.render = published_renderer(checkout, size)
        self.render.load_mesh(mesh)

    def maps(self, kind):
        views = zip(ELEVATIONS, AZIMUTHS)
        normals = [self.render.render_normal(e, a, use_abs_coor=True, return_type=kind) for e, a in views]
        views = zip(ELEVATIONS, AZIMUTHS)
        return normals, [self.render.render_position(e, a, return_type=kind) for e, a in views]

    def paint(self):
        textures, weights = [], []
        for picture, elevation, azimuth, weight in zip(self.pictures, ELEVATIONS, AZIMUTHS, WEIGHTS):
            texture, cosines, _ = self.render.back_project(picture, elevation, azimuth)
            textures.append(texture)
            weights.append(weight * cosines**EXPONENT)
        return self.render.fast_bake_texture(textures, weights)

    def shown(self):
        """Texels that show a face."""
        return (self.render.uv_feature_map(torch.ones_like(self.render.vtx_pos)).sum(-1) > 0).cpu().numpy()

    def fill(self, painted):
        texture, trusted = painted
        known = ((trusted > 1e-8).squeeze(-1).cpu().numpy() * 255).astype(np.uint8)
        return self.render.uv_inpaint(texture, known)


def milliseconds(work, rounds):
    """The median, and the last result."""
    result, times = None, []
    for _ in range(rounds + 1):
        torch.cuda.synchronize()
        start = time.perf_counter()
        result = work()
        torch.cuda.synchronize()
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times[1:]), result


def run(*command):
    done = subprocess.run([str(part) for part in command], text=True, capture_output=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: {done.stderr}{done.stdout}")
    return done.stdout + done.stderr


def sinter_figures(build, mesh, unwrapped, work, arguments):
    """Milliseconds by stage, and what bench_bake and the program wrote."""
    device = ("--device", "cuda")
    line = run(build / "bench_texture", arguments.size, arguments.threads, 20, "--mesh", unwrapped, *device)
    figures = {"maps, there": 6 * float(re.search(r"together ([\d.]+)", line)[1]),
               "maps": 6 * float(re.search(r"to the host ([\d.]+)", line)[1])}
    lines = run(build / "bench_bake", "-t", arguments.size, "-r", arguments.size, "-j", arguments.threads, "-o", work, *device, mesh)
    for method in ("best", "reference"):
        whole, paint, fill = re.search(rf"GPU, {method}, .* whole ([\d.]+) ms, paint ([\d.]+), fill ([\d.]+)", lines).groups()
        figures[method] = {"whole": float(whole), "paint": float(paint), "fill": float(fill)}
    run(build / "sinter", "maps", unwrapped, "-o", work / "maps", "--size", arguments.size, *device, "--quiet")
    return figures


def load(path):
    return np.array(Image.open(path).convert("RGB"))


def compare(what, ours, theirs, counted=None):
    """Of levels: a line that says how far apart they are."""
    apart = np.abs(ours.astype(int) - theirs.astype(int))
    apart = apart.reshape(-1, 3).max(axis=1)
    if counted is not None:
        apart = apart[counted.reshape(-1)]
    print(f"{what}: {100 * np.mean(apart == 0):.3f} % of {apart.size} equal, {100 * np.mean(apart > 1):.4f} % more than a level apart, "
          f"most {apart.max()}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path)
    parser.add_argument("mesh", type=Path)
    parser.add_argument("--build", type=Path, default=Path("build/dev/bin"))
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--size", type=int, default=2048, help="side of the maps and of the texture")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        unwrapped = work / "unwrapped.glb"
        run(arguments.build / "sinter", "unwrap", arguments.mesh, "-o", unwrapped, "--texture-size", arguments.size, "--quiet")
        ours = sinter_figures(arguments.build, arguments.mesh, unwrapped, work, arguments)
        stem = arguments.mesh.stem
        pictures = [load(work / f"{stem}_{i:02}.png") for i in range(6)]

        mesh = trimesh.load(unwrapped, process=False, force="mesh")
        published = Published(arguments.checkout, mesh, [Image.fromarray(p) for p in pictures], arguments.size)
        with torch.no_grad():
            there, _ = milliseconds(lambda: published.maps("th"), arguments.rounds)
            maps, (normals, positions) = milliseconds(lambda: published.maps("pl"), arguments.rounds)
            paint, painted = milliseconds(published.paint, arguments.rounds)
            fill, filled = milliseconds(lambda: published.fill(painted), max(1, arguments.rounds // 2))

        rows = [("12 maps, on the device", there, ours["maps, there"], ours["maps, there"]),
                ("12 maps, as pictures on the host", maps, ours["maps"], ours["maps"]),
                ("projecting 6 pictures, merging", paint, ours["reference"]["paint"], ours["best"]["paint"]),
                ("fill", fill, ours["reference"]["fill"], ours["best"]["fill"]),
                ("paint and fill", paint + fill, ours["reference"]["whole"], ours["best"]["whole"])]
        print(f"{torch.cuda.get_device_name()}, {stem}, {len(mesh.faces)} faces, {arguments.size} pixels and texels, milliseconds\n")
        print("| stage | published | sinter, reference | times | sinter, best | times |\n|---|---|---|---|---|---|")
        for name, theirs, reference, best in rows:
            print(f"| {name} | {theirs:.1f} | {reference:.1f} | {theirs / reference:.1f} | {best:.1f} | {theirs / best:.1f} |")
        print()
        for kind, pictures_there in (("normal", normals), ("position", positions)):
            here = np.stack([load(work / "maps" / f"{i:02}_{kind}.png") for i in range(6)])
            compare(f"{kind} maps, pixels", here, np.stack([np.array(picture) for picture in pictures_there]))
        texture, trusted = painted
        known = (trusted > 0).squeeze(-1).cpu().numpy()
        reference = load(work / f"{stem}_reference.png")
        compare("painted texels", reference, (texture.cpu().numpy() * 255).astype(np.uint8), known)
        compare("all texels that show a face", reference, filled, published.shown())
        if arguments.json:
            arguments.json.write_text(json.dumps({name: values for name, *values in rows}))


if __name__ == "__main__":
    main()
