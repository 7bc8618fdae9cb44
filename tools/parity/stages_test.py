#!/usr/bin/env python3
"""parity_stages on the shipped model: every stage writes what it promises, the same whichever stages run beside it.

Usage: stages_test.py PROGRAM. Needs no packages.
"""

import json
import random
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PROGRAM = sys.argv[1]
MODEL = Path(__file__).resolve().parents[2] / "models/sinter-small"
LATENTS, CHANNELS, TOKENS, CONTEXT, WIDTH, POINTS, OCTREE = 128, 32, 101, 192, 192, 50, 20


def write_tensors(path: Path, shapes: dict) -> None:
    header, data = {}, b""
    for name, shape in shapes.items():
        count = 1
        for extent in shape:
            count *= extent
        generator = random.Random(name)
        values = struct.pack(f"<{count}f", *(generator.uniform(-1, 1) for _ in range(count)))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def read_tensors(path: Path) -> dict:
    content = path.read_bytes()
    length, = struct.unpack("<Q", content[:8])
    header = json.loads(content[8:8 + length])
    data = content[8 + length:]
    return {name: (entry["dtype"], entry["shape"], data[slice(*entry["data_offsets"])])
            for name, entry in header.items() if name != "__metadata__"}


class StagesTest(unittest.TestCase):
    def run_stages(self, *options):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_tensors(folder / "in.safetensors", {
                "image": [1, 3, 140, 140], "noise": [LATENTS, CHANNELS], "given_condition": [TOKENS, CONTEXT],
                "given_latents": [LATENTS, CHANNELS], "points": [POINTS, 3]})
            result = subprocess.run([PROGRAM, MODEL, folder / "in.safetensors", folder / "out.safetensors", "--steps", "3",
                                     "--octree", str(OCTREE), *options], capture_output=True, text=True, check=False)
            return result, read_tensors(folder / "out.safetensors") if result.returncode == 0 else {}

    def test_all_stages(self):
        result, tensors = self.run_stages()
        self.assertEqual(result.returncode, 0, result.stderr)
        for name, shape in {"condition": [TOKENS, CONTEXT], "velocity": [2, LATENTS, CHANNELS],
                            "latents": [LATENTS, CHANNELS], "tokens": [LATENTS, WIDTH], "logits": [POINTS],
                            "grid": [OCTREE + 1] * 3, "flashvdm": [OCTREE] * 3}.items():
            self.assertEqual(tensors[name][:2], ("F32", shape), name)
            values = struct.unpack(f"<{len(tensors[name][2]) // 4}f", tensors[name][2])
            self.assertTrue(all(abs(value) < 1e4 for value in values), name)
            self.assertGreater(len(set(values)), len(values) // 20, name)
        faces = tensors["faces"]
        self.assertEqual(faces[0], "I32")
        self.assertEqual(faces[1][1], 3)
        self.assertLess(max(struct.unpack(f"<{3 * faces[1][0]}i", faces[2])), tensors["vertices"][1][0])
        _, alone = self.run_stages("--stages", "logits,step", "--threads", "1")
        self.assertEqual(sorted(alone), ["logits", "seconds.logits", "seconds.step", "velocity"])
        for name in ("logits", "velocity"):
            self.assertEqual(alone[name], tensors[name])

    def test_taps(self):
        _, tensors = self.run_stages("--stages", "condition", "--tap", "layer.")
        layers = [name for name in tensors if name.startswith("tap.")]
        self.assertEqual(sorted(layers), [f"tap.layer.{i}" for i in range(5)])
        self.assertEqual(tensors["tap.layer.0"][1], [TOKENS, CONTEXT])

    def test_errors(self):
        for options, words in ((["--device", "tpu"], "cuda:N"), (["--stages"], "usage"), (["--vae", "no/model"], "no/model")):
            result, _ = self.run_stages(*options)
            self.assertEqual(result.returncode, 1)
            self.assertIn(words, result.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
