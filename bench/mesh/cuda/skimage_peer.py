#!/usr/bin/env python3
"""Marching cubes of scikit-image on a field that bench_mesh_cuda wrote: seconds, median of three.

    python3 bench/mesh/cuda/skimage_peer.py FIELD.raw
"""

import sys
import time

import numpy as np
import skimage
from skimage.measure import marching_cubes

field = np.fromfile(sys.argv[1], dtype=np.float32)
side = round(field.size ** (1 / 3))
field = field.reshape(side, side, side)
times = []
for _ in range(3):
    start = time.perf_counter()
    vertices, faces, _, _ = marching_cubes(field, 0.0)
    times.append(time.perf_counter() - start)
print(f"scikit-image {skimage.__version__}, {side - 1} cells: {sorted(times)[1]:.3f} s, "
      f"{len(vertices)} vertices, {len(faces)} faces")
