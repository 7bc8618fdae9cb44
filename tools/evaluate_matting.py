#!/usr/bin/env python3
"""How well `sinter matte` finds the subject: evaluate_matting.py PROGRAM [FOLDER] [--model ONNX].

Pictures whose true alpha is known (the example pictures and, with --render, renders of training shapes) are laid over
synthetic backgrounds, given to the program as opaque files, and the matte it writes is compared with the truth:
IoU of the masks at 0.5, mean absolute error of the opacity. Prints a table in Markdown, worst cases last; FOLDER keeps
pictures and mattes. Needs numpy and pillow; deterministic.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

ROOT = Path(__file__).resolve().parent.parent
SIDE = 512


def blur(array, radius):
    image = Image.fromarray(np.uint8(np.clip(array, 0, 1) * 255))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(radius)), np.float64) / 255


def uniform(rng, colour):
    return np.broadcast_to(np.array(colour, float), (SIDE, SIDE, 3)).copy()


def gradient(rng, first, second, angle):
    y, x = np.mgrid[0:SIDE, 0:SIDE] / (SIDE - 1)
    t = (np.cos(angle) * (x - 0.5) + np.sin(angle) * (y - 0.5)) / (abs(np.cos(angle)) + abs(np.sin(angle))) + 0.5
    return np.array(first, float) * (1 - t[..., None]) + np.array(second, float) * t[..., None]


def vignette(rng, colour, depth=0.45):
    y, x = np.mgrid[0:SIDE, 0:SIDE] / (SIDE - 1) * 2 - 1
    return np.array(colour, float) * (1 - depth * (x * x + y * y) / 2)[..., None]


def wall_and_floor(rng):
    """Two tones that meet at a soft horizon."""
    y = np.mgrid[0:SIDE, 0:SIDE][0] / SIDE
    t = 1 / (1 + np.exp(-(y - 0.7) * 60))
    return np.array([205, 210, 215.0]) * (1 - t[..., None]) + np.array([150, 140, 128.0]) * t[..., None]


def texture(rng, contrast):
    """Random blotches at two scales: cloth, plaster, grass."""
    layers = [np.asarray(Image.fromarray(np.uint8(rng.random((n, n, 3)) * 255)).resize((SIDE, SIDE), Image.BICUBIC), float)
              for n in (128, 16)]
    return np.clip(np.array([120, 130, 110.0]) + contrast * (layers[0] + layers[1] - 255) / 2, 0, 255)


def checker(rng):
    y, x = np.mgrid[0:SIDE, 0:SIDE] // 48
    return np.where(((x + y) % 2)[..., None] == 0, np.array([235, 235, 230.0]), np.array([120, 125, 135.0]))


def with_noise(picture, rng, sigma):
    return picture + rng.normal(0, sigma, picture.shape)


BACKGROUNDS = {
    "white": (lambda r: uniform(r, (255, 255, 255)), {}),
    "grey": (lambda r: uniform(r, (128, 128, 128)), {}),
    "green": (lambda r: uniform(r, (60, 160, 80)), {}),
    "black": (lambda r: uniform(r, (4, 4, 4)), {}),
    "gradient": (lambda r: gradient(r, (240, 240, 245), (150, 165, 190), 1.2), {}),
    "vignette": (lambda r: vignette(r, (200, 205, 215)), {}),
    "white, noise 8": (lambda r: uniform(r, (235, 235, 232)), {"noise": 8}),
    "grey, JPEG 50": (lambda r: uniform(r, (170, 172, 176)), {"jpeg": 50}),
    "white, soft shadow": (lambda r: uniform(r, (245, 245, 245)), {"shadow": 0.5}),
    "gradient, shadow, noise 4, JPEG 75": (lambda r: gradient(r, (225, 220, 210), (170, 160, 150), 1.57),
                                          {"shadow": 0.4, "noise": 4, "jpeg": 75}),
    "wall and floor, shadow": (wall_and_floor, {"shadow": 0.4, "noise": 2}),
    "faint texture": (lambda r: texture(r, 0.15), {}),
    "strong texture": (lambda r: texture(r, 0.8), {}),
    "checker": (checker, {}),
}


def cast_shadow(background, alpha, depth):
    """The silhouette, flattened and shifted down to where the subject stands, blurred."""
    rows = np.nonzero(alpha.max(1) > 0.5)[0]
    foot, height = rows[-1], rows[-1] - rows[0]
    small = Image.fromarray(np.uint8(alpha * 255)).resize((SIDE, max(2, SIDE // 4)), Image.BILINEAR)
    shadow = np.zeros((SIDE, SIDE))
    flat = np.asarray(small, float) / 255
    offset = int(foot - flat.shape[0] * (foot / SIDE) - height * 0.02)
    for y in range(flat.shape[0]):
        if 0 <= y + offset < SIDE:
            shadow[y + offset] = flat[y]
    return background * (1 - depth * blur(shadow, 14))[..., None]


def subjects(render_folder):
    for path in sorted((ROOT / "examples/images").glob("*.png")) + sorted(Path(render_folder).glob("*.png") if render_folder else []):
        picture = Image.open(path)
        if picture.mode == "RGBA":
            scale = SIDE / max(picture.size)
            size = [max(1, round(s * scale)) for s in picture.size]
            canvas = Image.new("RGBA", (SIDE, SIDE))
            picture = picture.resize(size, Image.LANCZOS)
            canvas.paste(picture, ((SIDE - size[0]) // 2, (SIDE - size[1]) // 2))
            yield path.stem, np.asarray(canvas, float)


def compose(rgba, make, effects, seed):
    rng = np.random.default_rng(seed)
    alpha = rgba[..., 3] / 255
    background = make(rng)
    if "shadow" in effects:
        background = cast_shadow(background, alpha, effects["shadow"])
    picture = rgba[..., :3] * alpha[..., None] + background * (1 - alpha[..., None])
    if "noise" in effects:
        picture = with_noise(picture, rng, effects["noise"])
    return alpha, Image.fromarray(np.uint8(np.clip(np.round(picture), 0, 255)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--renders", help="folder of further RGBA pictures")
    parser.add_argument("--model", help="ONNX network instead of the built-in method")
    parser.add_argument("--only", help="backgrounds whose name contains this")
    arguments = parser.parse_args()
    folder = Path(arguments.folder or tempfile.mkdtemp(prefix="sinter-matting-"))
    folder.mkdir(parents=True, exist_ok=True)
    print("| background | pictures | IoU mean | IoU worst | matte error | refused |\n|---|---|---|---|---|---|")
    cases = list(subjects(arguments.renders))
    for number, (name, (make, effects)) in enumerate(BACKGROUNDS.items()):
        if arguments.only and arguments.only not in name:
            continue
        ious, errors, worst, refused = [], [], (2, ""), 0
        for index, (stem, rgba) in enumerate(cases):
            alpha, picture = compose(rgba, make, effects, 100 * number + index)
            tag = f"{stem}_{number}"
            path = folder / (f"{tag}.jpg" if "jpeg" in effects else f"{tag}.bmp")
            picture.save(path, **({"quality": effects["jpeg"]} if "jpeg" in effects else {}))
            matte_path = folder / f"{tag}_matte.png"
            command = [arguments.program, "matte", path, "-o", folder / f"{tag}_cut.png", "--save-matte", matte_path]
            command += ["--matting-model", arguments.model] if arguments.model else []
            run = subprocess.run(command, capture_output=True, text=True)
            if run.returncode != 0:
                refused += 1
                print(f"{name}, {stem}: {run.stderr.strip()}", file=sys.stderr)
                ious.append(0.0)
                errors.append(float(alpha.mean()))
                worst = min(worst, (0.0, stem))
                continue
            matte = np.asarray(Image.open(matte_path), float) / 255
            a, b = alpha >= 0.5, matte >= 0.5
            ious.append((a & b).sum() / (a | b).sum())
            errors.append(np.abs(alpha - matte).mean())
            worst = min(worst, (ious[-1], stem))
        print(f"| {name} | {len(ious)} | {np.mean(ious):.3f} | {worst[0]:.3f} ({worst[1]}) | "
              f"{100 * np.mean(errors):.2f} % | {refused} |", flush=True)


if __name__ == "__main__":
    main()
