#!/usr/bin/env python3
"""Times the program as a whole: start-up, a generation stage by stage, dense against hierarchical decode, memory.

Usage: bench/pipeline/report.py [--program build/release/bin/sinter] [--image examples/images/chair.png] [--runs 5]

Prints a Markdown table. Dense and hierarchical runs alternate, so that a machine whose speed drifts treats both alike; the
meshes of both are compared byte for byte.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def seconds_of(command) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def generate(program, image, folder, decode, octree, threads) -> tuple[dict, bytes]:
    """One run: its metrics and its mesh as PLY bytes (a GLB also names the decode mode)."""
    mesh, metrics = folder / f"{decode}.ply", folder / "metrics.json"
    subprocess.run([program, "generate", image, "-o", mesh, "--decode", decode, "--octree", str(octree), "--metrics", metrics,
                    "--threads", str(threads), "--quiet"], check=True, cwd=ROOT)
    return json.loads(metrics.read_text()), mesh.read_bytes()


def body(ply: bytes) -> bytes:
    """What follows the header, whose comments name the options."""
    return ply[ply.index(b"end_header\n"):]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=ROOT / "build/release/bin/sinter", type=Path)
    parser.add_argument("--image", default=ROOT / "examples/images/chair.png", type=Path)
    parser.add_argument("--runs", default=5, type=int)
    parser.add_argument("--threads", default=os.cpu_count(), type=int)
    options = parser.parse_args()
    median = statistics.median

    start_up = [seconds_of([options.program, "--help"]) for _ in range(4 * options.runs + 1)][1:]
    rows = [("`sinter --help`", f"{1e3 * median(start_up):.1f} ms", f"largest {1e3 * max(start_up):.1f} ms")]

    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        full = [generate(options.program, options.image, folder, "hierarchical", 384, options.threads)[0]
                for _ in range(options.runs)]
        for stage in full[0]["stages"]:
            rows.append((f"octree 384, stage {stage}", f"{median(m['stages'][stage] for m in full):.3f} s", ""))
        share = full[0]["field_queries"] / full[0]["grid_points"]
        rows.append(("octree 384, whole run", f"{median(m['seconds'] for m in full):.2f} s",
                     f"{full[0]['field_queries']:,} queries, {100 * share:.2f} % of the grid"))

        pairs = []
        for _ in range(max(1, options.runs // 2)):
            dense, dense_mesh = generate(options.program, options.image, folder, "dense", 256, options.threads)
            sparse, sparse_mesh = generate(options.program, options.image, folder, "hierarchical", 256, options.threads)
            pairs.append((dense, sparse))
            if body(dense_mesh) != body(sparse_mesh):
                print("dense and hierarchical meshes differ", file=sys.stderr)
                return 1
        dense_s = median(d["stages"]["volume"] for d, _ in pairs)
        sparse_s = median(s["stages"]["volume"] for _, s in pairs)
        ratio = median(d["stages"]["volume"] / s["stages"]["volume"] for d, s in pairs)
        rows.append(("octree 256, dense decode", f"{dense_s:.2f} s", f"{pairs[0][0]['field_queries']:,} queries"))
        rows.append(("octree 256, hierarchical decode", f"{sparse_s:.2f} s",
                     f"{pairs[0][1]['field_queries']:,} queries; **{ratio:.1f} times faster**, same mesh byte for byte"))
        peak, weights = pairs[0][1]["peak_memory_bytes"], pairs[0][1]["weight_bytes"]
        rows.append(("octree 256, peak memory", f"{peak / 1e6:.0f} MB", f"weights {weights / 1e6:.1f} MB"))

    print(f"{platform.processor() or platform.machine()}, {options.threads} threads, medians of {options.runs} runs\n")
    print("| what | median | note |\n|---|---|---|")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
