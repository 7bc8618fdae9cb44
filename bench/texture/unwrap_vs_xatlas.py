#!/usr/bin/env python3
"""Unwraps the same meshes with sinter and with xatlas, in one run, and prints one table.

    python bench/texture/unwrap_vs_xatlas.py build/dev/bin/bench_unwrap [--meshes data.tar.gz]

Needs numpy, trimesh, scikit-image and xatlas. `--meshes` takes the archive or folder of models of Debian's
libcgal-demo (/usr/share/doc/libcgal-dev/data.tar.gz), or any folder of meshes that trimesh reads; without it only
shapes made here are used: primitives and marching-cubes surfaces of analytic fields, some with noise and handles.

Both get the same texture size and gutter (`--size`, `--gutter`; xatlas calls it padding) and all cores, or as many as
taskset leaves. xatlas picks the sides of its atlas itself; `use` is the part of its own rectangle that faces fill, and
`square` the part of the smallest square around that rectangle, which is what a square texture holds. Stretch is
measured by the same program for both (Sander et al. 2001), each atlas in its own texels. Times are the median of
`--repeats` runs, without reading or writing files. A row whose stretch or use is worse than xatlas' is marked.
"""

import argparse
import json
import math
import os
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path

import numpy as np
import trimesh
import xatlas

MODELS = ("cow triceratops anchor_dense femur homer mech-holes-shark knot2 fandisk blade lion-head cheese turbine camel "
          "ChineseDragon-10kv armadillo bunny00 refined_elephant").split()


def analytic_meshes(big):
    """Name, vertices, faces of surfaces of fields; noise is seeded."""
    from skimage.measure import marching_cubes

    def extract(points, field):
        axis = np.linspace(-1.2, 1.2, points)
        values = field(*np.meshgrid(axis, axis, axis, indexing="ij")).astype(np.float32)
        vertices, faces, _, _ = marching_cubes(values, 0)
        return vertices * (2.4 / points) - 1.2, faces[:, ::-1]

    random = np.random.default_rng(1)

    def blob(x, y, z):
        return x * x + 1.5 * y * y + 2 * z * z - 1 + 0.15 * np.sin(7 * x) * np.sin(8 * y) * np.sin(9 * z)

    def noisy(amount):
        return lambda x, y, z: blob(x, y, z) + amount * random.standard_normal(x.shape)

    def gyroid(x, y, z):
        waves = np.sin(6 * x) * np.cos(6 * y) + np.sin(6 * y) * np.cos(6 * z) + np.sin(6 * z) * np.cos(6 * x)
        return np.maximum(np.abs(waves) - 0.4, x * x + y * y + z * z - 1)

    yield "mc-blob", *extract(64, blob)
    yield "mc-noisy", *extract(64, noisy(0.02))
    yield "mc-gyroid", *extract(64, gyroid)
    yield "mc-noisy-50k", *extract(96, noisy(0.01))
    if big:
        yield "mc-noisy-500k", *extract(310, noisy(0.002))


def shapes():
    yield "box", trimesh.creation.box().subdivide().subdivide().subdivide().subdivide()
    yield "icosphere", trimesh.creation.icosphere(subdivisions=4)
    yield "torus", trimesh.creation.torus(1, 0.4, major_sections=96, minor_sections=48)
    yield "capsule", trimesh.creation.capsule(height=2, count=[48, 48])


def models(source, folder):
    """Name and mesh of every model that is there."""
    if source is None:
        return
    root = Path(source)
    if root.is_file():
        with tarfile.open(root) as archive:
            wanted = {f"data/meshes/{name}.off" for name in MODELS}
            for member in archive.getmembers():
                if member.name.removeprefix("./") in wanted:
                    archive.extract(member, folder, filter="data")
        root = Path(folder)
    paths = sorted(p for p in root.rglob("*") if p.suffix.lower() in {".off", ".obj", ".ply", ".stl", ".glb"})
    for path in sorted(paths, key=lambda p: p.stat().st_size):
        if Path(source).is_dir() and any(p.stem in MODELS for p in paths) and path.stem not in MODELS:
            continue
        yield path.stem, trimesh.load(path, process=False, force="mesh")


def run_sinter(program, mesh_file, out_file, options):
    words = [program, mesh_file, out_file, options.size, options.gutter, options.threads, options.repeats]
    return json.loads(subprocess.run(map(str, words), check=True, capture_output=True, text=True).stdout)


def run_xatlas(program, vertices, faces, mesh_file, uv_file, options):
    seconds = []
    # xatlas takes minutes on large meshes: those are timed once
    repeats = options.repeats if len(faces) < 20000 else 1
    for _ in range(repeats):
        start = time.perf_counter()
        atlas = xatlas.Atlas()
        atlas.add_mesh(vertices, faces)
        pack = xatlas.PackOptions()
        if not options.xatlas_defaults:
            pack.resolution, pack.padding = options.size, options.gutter
        atlas.generate(xatlas.ChartOptions(), pack)
        seconds.append(time.perf_counter() - start)
    _, indices, uv = atlas[0]
    chart = connected_charts(indices, len(uv))
    with open(uv_file, "wb") as out:
        np.clip(uv[indices], 0, 1).astype(np.float32).tofile(out)
        chart.astype(np.int32).tofile(out)
    words = [program, "--measure", mesh_file, uv_file, atlas.width, atlas.height]
    result = json.loads(subprocess.run(map(str, words), check=True, capture_output=True, text=True).stdout)
    ratio = min(atlas.width, atlas.height) / max(atlas.width, atlas.height)
    return result | {"seconds": float(np.median(seconds)), "charts": atlas.chart_count, "square": result["use"] * ratio}


def connected_charts(indices, vertices):
    """Faces of one xatlas chart share vertices, those of different charts do not."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components
    a, b = np.concatenate([indices[:, [0, 1]], indices[:, [1, 2]]]).T
    _, label = connected_components(coo_matrix((np.ones(len(a)), (a, b)), shape=(vertices, vertices)), directed=False)
    return label[indices[:, 0]]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--meshes", help="archive of libcgal-demo, or a folder of meshes")
    parser.add_argument("--size", type=int, default=2048)
    parser.add_argument("--gutter", type=int, default=4)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--max-xatlas-faces", type=int, default=100000, help="larger meshes are left to sinter alone")
    parser.add_argument("--xatlas-defaults", action="store_true", help="no padding, about 1024 texels, as callers do")
    parser.add_argument("--big", action="store_true", help="with a mesh of half a million faces")
    parser.add_argument("--only", help="names, separated by commas")
    options = parser.parse_args()

    print(f"texture {options.size}, gutter {options.gutter}, {options.threads} threads, median of {options.repeats}")
    print("| mesh | faces | charts | xatlas | use | xatlas | (square) | L2 | xatlas | Linf | xatlas | s | xatlas | ratio | |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|")
    ratios = []
    with tempfile.TemporaryDirectory() as folder:
        mesh_file, out_file = Path(folder, "mesh.bin"), Path(folder, "uv.bin")
        meshes = [(n, m.vertices, m.faces) for n, m in shapes()]
        meshes += list(analytic_meshes(options.big))
        meshes += [(n, m.vertices, m.faces) for n, m in models(options.meshes, folder)]
        for name, vertices, faces in meshes:
            if options.only and name not in options.only.split(","):
                continue
            vertices = np.ascontiguousarray(vertices, np.float32)
            faces = np.ascontiguousarray(faces, np.uint32)
            with open(mesh_file, "wb") as out:
                np.array([len(vertices), len(faces)], np.int64).tofile(out)
                vertices.tofile(out)
                faces.tofile(out)
            ours = run_sinter(options.program, mesh_file, out_file, options)
            row = f"| {name} | {len(faces)} | {ours['charts']} | "
            if len(faces) > options.max_xatlas_faces:
                print(f"{row}- | {ours['use']:.3f} | - | - | {ours['l2']:.4f} | - | {ours['linf']:.2f} | - | "
                      f"{ours['seconds']:.3f} | - | - | {'' if ours['valid'] else 'INVALID'} |", flush=True)
                continue
            theirs = run_xatlas(options.program, vertices, faces, mesh_file, out_file, options)
            ratio = theirs["seconds"] / ours["seconds"]
            ratios.append(ratio)
            marks = [] if ours["valid"] else ["INVALID"]
            marks += ["stretch"] if ours["l2"] > theirs["l2"] + 5e-5 else []
            marks += ["use"] if ours["use"] < theirs["use"] else []
            marks += ["time"] if ratio < 8 else []
            marks += [f"xatlas flips {theirs['flipped']}"] if theirs["flipped"] else []
            print(f"{row}{theirs['charts']} | {ours['use']:.3f} | {theirs['use']:.3f} | {theirs['square']:.3f} | "
                  f"{ours['l2']:.4f} | {theirs['l2']:.4f} | {ours['linf']:.2f} | {theirs['linf']:.2f} | "
                  f"{ours['seconds']:.3f} | {theirs['seconds']:.2f} | {ratio:.1f} | {', '.join(marks)} |", flush=True)
    if ratios:
        print(f"geometric mean of the ratios: {math.exp(np.mean(np.log(ratios))):.1f}")


if __name__ == "__main__":
    main()
