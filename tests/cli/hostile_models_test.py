"""Model files made to hurt their reader: each is one clear line, quickly, in little memory.

Usage: hostile_models_test.py PROGRAM [TEST ...]. What each format's reader does with each fault is tested beside it
(tests/checkpoint); here the whole program meets the files that could make it run, hang, or grow.
"""

import io
import resource
import struct
import subprocess
import sys
import time
import unittest
import zipfile

import torch_bundle
from cli_test import CORRUPT, MODEL, PROGRAM, UNSUPPORTED, ProgramTest

MEMORY = 1 << 30
SECONDS = 120  # that it ends: headers of 30 MB take two here, twenty under sanitizers, and cores are shared


def limit_memory():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def can_be_limited():
    """AddressSanitizer reserves terabytes of addresses: its builds run without the limit."""
    return subprocess.run([PROGRAM, "--version"], preexec_fn=limit_memory, capture_output=True,
                          check=False).returncode == 0


def archive(pickle, storages=()):
    """A zip archive as torch.save writes it, around these bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as file:
        file.writestr("archive/data.pkl", pickle)
        for number, content in enumerate(storages):
            file.writestr(f"archive/data/{number}", content)
    return out.getvalue()


class HostileModelTest(ProgramTest):
    def refuses(self, path, *words, status=(CORRUPT, UNSUPPORTED)):
        limited = {"preexec_fn": limit_memory} if can_be_limited() else {}
        for command in (["inspect", path], ["convert", path, self.folder / "out.safetensors"]):
            start = time.monotonic()
            result = self.run_program(*command, **limited)
            self.assertLess(time.monotonic() - start, SECONDS)
            self.assertIn(result.returncode, status, result.stderr[:500])
            self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr[:500])
            self.assertLess(len(result.stderr), 5000)
            for word in (path.name, *words):
                self.assertIn(word, result.stderr)
        self.assertFalse((self.folder / "out.safetensors").exists())

    def pickle(self, name, content, *words):
        with self.subTest(name):
            self.refuses(self.file(f"{name}.ckpt", archive(b"\x80\x02" + content)), *words)

    def test_pickles(self):
        many = 5_000_000
        self.pickle("system", b"}X\x01\0\0\0wcposix\nsystem\nX\x02\0\0\0id\x85Rs.", "posix.system", "nothing was run")
        self.pickle("builtins", b"c__builtin__\neval\nX\x01\0\0\x001\x85R.", "__builtin__.eval")
        self.pickle("instance", b"(S'id'\nios\nsystem\n.")
        self.pickle("marks", b"(" * many + b".")
        self.pickle("lists", b"(" * many + b"l" * many + b".")
        self.pickle("tuples", b")" + b"\x85" * many + b".")
        self.pickle("pairs", b")" + b"2\x86" * many + b".")
        calls = many // 4
        self.pickle("calls", b"ctorch\nSize\nq\0" + b"h\0" * calls + b")R" + b"\x85R" * calls + b".")
        self.pickle("long", b"\x8b" + struct.pack("<i", 0x7FFFFFFF) + b"1.")
        self.pickle("text", b"X" + struct.pack("<I", 0xFFFFFFFF) + b"x.")
        self.pickle("memo", b"Nr" + struct.pack("<I", 0xFFFFFFFF) + b".")
        self.pickle("persistent", b"(" + b"NQ" * many + b"t.")

    def test_tensors_that_grow(self):
        storage = torch_bundle.Storage("F16", b"\x01\x02")
        for shape in ([1 << 34], [1 << 20, 1 << 20, 1 << 20], [1 << 62, 1 << 62], [3, 1 << 40]):
            tensor = torch_bundle.Tensor(storage, shape, strides=[0] * len(shape))
            torch_bundle.save({"model": {"latent_in.weight": tensor}}, self.folder / "expanded.ckpt")
            self.refuses(self.folder / "expanded.ckpt", "latent_in.weight")
        # many small ones are as large together
        tensors = {f"w{i}": torch_bundle.Tensor(storage, [1 << 20], strides=[0]) for i in range(2000)}
        torch_bundle.save({"model": tensors}, self.folder / "many.ckpt")
        self.refuses(self.folder / "many.ckpt", "more memory than the whole file")

    def test_archives(self):
        good = archive(b"\x80\x02}.", [b"abcd"])
        central, end = good.index(b"PK\x01\x02"), good.index(b"PK\x05\x06")

        def patched(at, form, value):
            return good[:at] + struct.pack(form, value) + good[at + struct.calcsize(form):]

        files = {
            "stored size": patched(central + 20, "<I", 0xFFFFFFF0),
            "size": patched(central + 24, "<I", 0xFFFFFFF0),
            "zip64 without a field": patched(central + 24, "<I", 0xFFFFFFFF),
            "offset": patched(central + 42, "<I", 0x7FFFFFFF),
            "entries": patched(end + 10, "<H", 0xFFFF),
            "directory": patched(end + 16, "<I", 0xFFFFFFFF),
        }
        second = good.index(b"PK\x01\x02", central + 4)
        files["overlap"] = good[:second + 42] + good[central + 42:central + 46] + good[second + 46:]
        bomb = io.BytesIO()
        with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("archive/data.pkl", b"\0" * 100_000_000)
        files["deflated"] = bomb.getvalue()
        end64 = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, 1 << 60, 1 << 60, 1 << 62, 8)
        locator = struct.pack("<IIQI", 0x07064B50, 0, len(good[:end]), 1)
        files["zip64 end"] = good[:end] + end64 + locator + good[end:end + 8] + b"\xff" * 12 + good[end + 20:]
        for name, content in files.items():
            with self.subTest(name):
                self.refuses(self.file("a.ckpt", content))

    def test_safetensors(self):
        def whole(header):
            return struct.pack("<Q", len(header)) + header

        many = b",".join(b'"w%d":{"dtype":"F16","shape":[9],"data_offsets":[0,18]}' % i for i in range(400_000))
        files = {
            "length": struct.pack("<Q", 1 << 63) + b"{}",
            "length of the file": struct.pack("<Q", 80_000_000) + b"{" * 80_000_000,
            "arrays": whole(b"[" * 30_000_000),
            "objects": whole(b'{"a":' * 5_000_000),
            "shape": whole(b'{"w":{"dtype":"F16","shape":[%s1],"data_offsets":[0,2]}}' % (b"1," * 10_000_000)) + b"ab",
            "tensors past the end": whole(b"{" + many + b"}"),
            "overflow": whole(b'{"w":{"dtype":"F64","shape":[4294967296,4294967296],"data_offsets":[0,0]}}'),
        }
        for name, content in files.items():
            with self.subTest(name):
                self.refuses(self.file("a.safetensors", content))

    def test_configurations(self):
        folder = self.folder / "model"
        folder.mkdir()
        (folder / "model.fp16.safetensors").symlink_to(MODEL / "model.fp16.safetensors")
        letters = "abcdefghijklmnopqrstuvwxyz"
        bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
            f"{name}: &{name} [{','.join(['*' + before] * 9)}]\n" for before, name in zip(letters, letters[1:]))
        for name, text in {
                "aliases": bomb + "model: *z\nvae: {target: *z}\n",
                "depth": "model: " + "[" * 200_000,
                "mappings": "model: " + "{a: " * 200_000,
                "indentation": "".join(" " * i + "a:\n" for i in range(1200)),
                "size": "model: " + "x" * 5_000_000,
                "count": "model: [" + "1," * 400_000 + "]",
                "itself": "model: &a [*a]",
        }.items():
            with self.subTest(name):
                (folder / "config.yaml").write_text(text)
                limited = {"preexec_fn": limit_memory} if can_be_limited() else {}
                start = time.monotonic()
                result = self.run_program("inspect", folder, **limited)
                self.assertLess(time.monotonic() - start, SECONDS)
                self.assertEqual(result.returncode, CORRUPT, result.stderr[:500])
                self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr[:500])
                self.assertIn("config.yaml", result.stderr)

    def test_indices(self):
        for name, text in {
                "depth": '{"weight_map":' + "[" * 3_000_000,
                "elsewhere": '{"weight_map":{"w":"../../../etc/passwd"}}',
                "absolute": '{"weight_map":{"w":"/etc/passwd"}}',
                "itself": '{"weight_map":{"w":"model.safetensors.index.json"}}',
        }.items():
            with self.subTest(name):
                self.refuses(self.file("model.safetensors.index.json", text.encode()))


if __name__ == "__main__":
    del sys.argv[1]
    unittest.main(verbosity=2)
