#!/usr/bin/env python3
"""Decimates a mesh with sinter and with peers from PyPI, on one core, and counts what is wrong with each result.

Usage: bench/mesh/peers.py MESH.ply [--faces 40000] [--runs 3] [--program build/dev/bin/sinter]

Needs numpy, trimesh, fast-simplification and pyfqmr. Seconds are processor time, medians; of sinter's the time of the same run without
`--faces` is taken off, which is reading and writing. Distances are those of `sinter compare`.
"""

import argparse
import json
import resource
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import fast_simplification
import pyfqmr
import trimesh

ROOT = Path(__file__).resolve().parents[2]


def child_seconds(command) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def by_sinter(program, mesh_file, faces, out) -> float:
    whole = child_seconds([program, "mesh-convert", mesh_file, "-o", out, "--faces", str(faces), "--quiet"])
    return whole - child_seconds([program, "mesh-convert", mesh_file, "-o", out.with_name("copy.ply"), "--quiet"])


def by_fast_simplification(mesh, faces, out) -> float:
    start = time.process_time()
    points, triangles = fast_simplification.simplify(mesh.vertices.astype("float32"), mesh.faces, target_count=faces)
    seconds = time.process_time() - start
    trimesh.Trimesh(points, triangles, process=False).export(out)
    return seconds


def by_pyfqmr(mesh, faces, out) -> float:
    start = time.process_time()
    worker = pyfqmr.Simplify()
    worker.setMesh(mesh.vertices, mesh.faces)
    worker.simplify_mesh(target_count=faces, aggressiveness=7, preserve_border=True, verbose=False)
    points, triangles, _ = worker.getMesh()
    seconds = time.process_time() - start
    trimesh.Trimesh(points, triangles, process=False).export(out)
    return seconds


def report(program, *arguments) -> dict:
    done = subprocess.run([program, *arguments, "--json"], capture_output=True, text=True)
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mesh", type=Path)
    parser.add_argument("--faces", default=40000, type=int)
    parser.add_argument("--runs", default=3, type=int)
    parser.add_argument("--program", default=ROOT / "build/dev/bin/sinter", type=Path)
    options = parser.parse_args()
    mesh = trimesh.load(options.mesh, process=False)
    ways = {
        "sinter": lambda out: by_sinter(options.program, options.mesh, options.faces, out),
        "fast-simplification": lambda out: by_fast_simplification(mesh, options.faces, out),
        "pyfqmr": lambda out: by_pyfqmr(mesh, options.faces, out),
    }
    seconds = {name: [] for name in ways}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(options.runs):
            for name, way in ways.items():
                seconds[name].append(way(Path(folder) / f"{name}.ply"))
        print("| | CPU s | faces | chamfer | largest | open or non-manifold edges | cuts | sound |\n|---|---|---|---|---|---|---|---|")
        for name in ways:
            out = Path(folder) / f"{name}.ply"
            facts = report(options.program, "mesh-check", out)
            distance = report(options.program, "compare", out, options.mesh)
            print(f"| {name} | {statistics.median(seconds[name]):.2f} | {facts['faces']:,} | {distance['chamfer']:.3g} | "
                  f"{distance['hausdorff']:.3g} | {facts['boundary_edges'] + facts['non_manifold_edges']} | "
                  f"{facts['self_intersections']} | {'yes' if facts['sound'] else 'no'} |")


if __name__ == "__main__":
    main()
