#!/usr/bin/env python3
"""Makes preprocess_*.png: what opencv-python computes for the pictures of preprocess_test.cpp.

Needs numpy, pillow and opencv-python-headless 4.x. Written from the description of upstream's ImageProcessorV2
(recentre, composite on white, resize), independently of sinter's sources. The pictures are formulas of x and y, so
only the results are stored. Intel's IPP, which the PyPI package brings along, is off: its INTER_CUBIC rounds
differently (about 5 % of the levels, by one), and neither Debian's OpenCV nor other machines have it.

    python3 tests/io/data/make_preprocess_golden.py
"""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

# name: width, height, channels, radii of the visible ellipse (0: everywhere), size of the result
CASES = {
    "enlarge": (61, 47, 4, (17, 9), 40),
    "shrink": (52, 75, 4, (40, 60), 33),
    "opaque": (64, 48, 3, (0, 0), 24),
    "tall": (30, 58, 4, (7, 29), 57),
}


def picture(width: int, height: int, channels: int, radii: tuple[int, int]) -> np.ndarray:
    """A smooth pattern with some noise; alpha falls off across the rim of an ellipse right of the centre."""
    y, x = np.mgrid[0:height, 0:width].astype(np.int64)
    planes = [(x * (3 + c) + y * (5 - c) + (x * y) // 7 + ((x * 37 + y * 101 + c * 29) % 23)) % 256 for c in range(3)]
    if channels == 4:
        a, b = radii
        u, v = x - width // 2 - 3, y - height // 2
        distance = (u * u * 1024) // (a * a) + (v * v * 1024) // (b * b)
        planes.append(np.clip((1024 - distance) // 2, 0, 255))
    return np.stack(planes, axis=-1).astype(np.uint8)


def recenter(image: np.ndarray, border_ratio: float) -> np.ndarray:
    if image.shape[2] == 3:
        image = np.concatenate([image, np.full(image.shape[:2] + (1,), 255, np.uint8)], axis=2)
    rows, cols = np.nonzero(image[..., 3])
    top, bottom, left, right = rows.min(), rows.max(), cols.min(), cols.max()
    h, w = bottom - top, right - left
    n = max(image.shape[:2])
    scale = int(n * (1 - border_ratio)) / max(h, w)
    h2, w2 = int(h * scale), int(w * scale)
    canvas = np.zeros((n, n, 4), np.uint8)
    r, c = (n - h2) // 2, (n - w2) // 2
    canvas[r : r + h2, c : c + w2] = cv2.resize(
        image[top:bottom, left:right], (w2, h2), interpolation=cv2.INTER_AREA
    )
    opacity = canvas[..., 3:].astype(np.float32) / 255
    seen = canvas[..., :3] * opacity + np.uint8(255) * (1 - opacity)
    return np.clip(seen, 0, 255).astype(np.uint8)


def main() -> None:
    cv2.ipp.setUseIPP(False)
    folder = Path(__file__).parent
    for name, (width, height, channels, radii, size) in CASES.items():
        centred = recenter(picture(width, height, channels, radii), 0.15)
        result = cv2.resize(centred, (size, size), interpolation=cv2.INTER_CUBIC)
        Image.fromarray(result).save(folder / f"preprocess_{name}.png", optimize=True)


if __name__ == "__main__":
    main()
