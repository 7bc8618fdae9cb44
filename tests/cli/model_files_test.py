"""The program on every kind of file that holds a model: model_files_test.py PROGRAM [TEST ...]."""

import ctypes
import json
import os
import platform
import shutil
import signal
import struct
import subprocess
import sys
import unittest
from collections import OrderedDict

import pictures
import torch_bundle
from cli_test import ARGUMENT, CORRUPT, MODEL, NOT_FOUND, PROGRAM, UNSUPPORTED, ProgramTest

WEIGHTS = MODEL / "model.fp16.safetensors"
RUN = ["--steps", "2", "--octree", "16", "--quiet"]
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def shipped():
    """(name, dtype, shape, bytes) of the shipped model, transposed where that is a test of strides."""
    return torch_bundle.read_safetensors(WEIGHTS)


def transposed(content, rows, columns):
    """Elements of 2 bytes, row by row -> column by column."""
    halves = struct.unpack(f"<{rows * columns}H", content)
    return struct.pack(f"<{rows * columns}H", *(halves[r * columns + c] for c in range(columns) for r in range(rows)))


class ModelTest(ProgramTest):
    expected = None

    def setUp(self):
        super().setUp()
        self.image = self.file("disc.png", pictures.disc())
        self.environment = {name: value for name, value in os.environ.items()
                            if not name.startswith(("HF_", "HY3DGEN", "XDG_", "HUGGINGFACE", "SINTER_"))}
        self.environment["HOME"] = str(self.folder)

    def shipped_mesh(self):
        """What every form of the shipped model has to give; made once."""
        if ModelTest.expected is None:
            ModelTest.expected = self.mesh(MODEL)
        return ModelTest.expected

    def mesh(self, model, *arguments, environment=None):
        """Bytes of the mesh that the model makes; STL holds no provenance."""
        out = self.folder / "mesh.stl"
        result = self.run_program("generate", self.image, "-o", out, "--model", model, *RUN, *arguments,
                                  env=environment or self.environment)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.warnings = result.stderr
        content = out.read_bytes()
        out.unlink()
        return content

    def model_folder(self, name="model", config=True):
        folder = self.folder / name
        folder.mkdir(parents=True)
        if config:
            shutil.copy(MODEL / "config.yaml", folder)
        return folder


class TorchBundleTest(ModelTest):
    def bundle(self, shuffle=False):
        """{component: state dict}; shuffled: one storage for many tensors, at offsets, and turned matrices."""
        components = {"model": OrderedDict(), "vae": OrderedDict(), "conditioner": OrderedDict()}
        shared = bytearray(b"\x01\x02" * 8)
        tensors = []
        for name, (dtype, shape, content) in shipped().items():
            component, key = name.split(".", 1)
            if not shuffle:
                components[component][key] = torch_bundle.Tensor(torch_bundle.Storage(dtype, content), shape)
            elif len(shape) == 2 and len(content) < 200000:
                storage = torch_bundle.Storage(dtype, transposed(content, *shape))
                components[component][key] = torch_bundle.Tensor(storage, shape, strides=(1, shape[0]))
            else:
                tensors.append((component, key, shape, len(shared) // 2))
                shared += content
        storage = torch_bundle.Storage("F16", bytes(shared))
        for component, key, shape, offset in tensors:
            components[component][key] = torch_bundle.Tensor(storage, shape, offset=offset)
        return components

    def test_same_mesh_from_every_form(self):
        expected = self.shipped_mesh()
        folder = self.model_folder()
        forms = {
            "model.fp16.ckpt": (self.bundle(), 2),
            "model.ckpt": (self.bundle(shuffle=True), 2),
            "model.bin": ({"state_dict": self.bundle(), "epoch": 3, "optimizer": {"lr": 0.1}}, 4),
            "other.pt": ({f"{part}.{name}": tensor for part, tensors in self.bundle().items()
                          for name, tensor in tensors.items()}, 5),
        }
        for name, (value, protocol) in forms.items():
            with self.subTest(name):
                torch_bundle.save(value, folder / name, protocol)
                self.assertEqual(self.mesh(folder / name), expected)
                self.assertEqual(self.warnings, "")
                if name != "other.pt":
                    self.assertIn(str(folder / name), self.run_program("inspect", folder).stdout)
                (folder / name).unlink()

    def test_bfloat16(self):
        bf16 = self.folder / "bf16"
        self.assertEqual(self.run_program("convert", MODEL, bf16, "--dtype", "bf16").returncode, 0)
        tensors = torch_bundle.read_safetensors(bf16 / "model.safetensors")
        bundle = {}
        for name, (dtype, shape, content) in tensors.items():
            self.assertEqual(dtype, "BF16")
            component, key = name.split(".", 1)
            tensor = torch_bundle.Tensor(torch_bundle.Storage(dtype, content), shape)
            bundle.setdefault(component, {})[key] = tensor
        folder = self.model_folder()
        torch_bundle.save(bundle, folder / "model.ckpt")
        self.assertEqual(self.run_program("convert", folder, self.folder / "out").returncode, 0)
        self.assertEqual(torch_bundle.read_safetensors(self.folder / "out/model.safetensors"), tensors)
        self.assertNotEqual(self.mesh(folder), self.shipped_mesh())  # 8 bits instead of 11

    def test_without_a_conditioner(self):
        components = self.bundle()
        del components["conditioner"]
        folder = self.model_folder()
        torch_bundle.save(components, folder / "model.ckpt")
        result = self.run_program("generate", self.image, "-o", self.folder / "x.stl", "--model", folder, *RUN)
        self.assert_fails(result, CORRUPT, "missing conditioner.main_image_encoder.model.embeddings.cls_token")

    def test_a_pickle_that_wants_to_run(self):
        mark = self.folder / "mark"

        class Evil:
            def __reduce__(self):
                return os.system, (f"touch {mark}",)

        folder = self.model_folder()
        torch_bundle.save({"model": {"w": Evil()}}, folder / "model.ckpt")
        for command in (["inspect", folder], ["convert", folder, self.folder / "out"],
                        ["generate", self.image, "-o", self.folder / "x.stl", "--model", folder]):
            result = self.run_program(*command)
            self.assert_fails(result, UNSUPPORTED, "system", "nothing was run")
        self.assert_left("disc.png", "model")


class HeaderOnlyTest(ModelTest):
    def test_config_derived_and_given(self):
        expected = self.shipped_mesh()
        folder = self.model_folder(config=False)
        shutil.copy(WEIGHTS, folder / "some_name.safetensors")
        self.assertEqual(self.mesh(folder / "some_name.safetensors", "--config", MODEL / "config.yaml"), expected)
        self.assertEqual(self.warnings, "")
        result = self.run_program("inspect", folder / "some_name.safetensors")
        self.assertIn("no config.yaml; recognised as Hunyuan3D 2.0", result.stdout)
        for value in ("single view", "num_latents 3072", "scale_factor 0.9990943042622529", "encoder image_size 140",
                      "picture size 512", "scheduler FlowMatchEulerDiscreteScheduler", "--config"):
            self.assertIn(value, result.stdout)
        facts = json.loads(self.run_program("inspect", folder / "some_name.safetensors", "--json").stdout)
        self.assertEqual(len(facts["notes"]), 1)
        self.assertEqual(facts["sizes"]["latent tokens"], "3072")

    def test_warns_once(self):
        weights = self.folder / "weights.safetensors"
        shutil.copy(WEIGHTS, weights)
        # a picture that does not exist ends the run as soon as the model is open
        result = self.run_program("generate", self.folder / "none.png", "-o", self.folder / "x.stl", "--model", weights)
        self.assertEqual(result.returncode, NOT_FOUND)
        lines = result.stderr.splitlines()
        self.assertEqual(len(lines), 2, result.stderr)
        self.assertIn("warning: [model]", lines[0])
        self.assertIn("num_latents 3072", lines[0])

    def test_names_of_another_program(self):
        expected = self.shipped_mesh()
        renamed = {}
        for name, tensor in shipped().items():
            for official, other in (("model.", "model.diffusion_model."), ("vae.", "first_stage_model."),
                                    ("conditioner.main_image_encoder.model.", "clip_vision.")):
                if name.startswith(official):
                    renamed[other + name[len(official):]] = tensor
        folder = self.model_folder()
        torch_bundle.write_safetensors(renamed, folder / "one.safetensors")
        self.assertEqual(self.mesh(folder / "one.safetensors"), expected)
        self.assertIn("model.diffusion_model.* is read as model.*", self.warnings)
        self.assertEqual(len(self.warnings.splitlines()), 1)

    def test_not_a_model(self):
        torch_bundle.write_safetensors({"w": ("F16", [2], b"\x01\x02\x03\x04")}, self.folder / "x.safetensors")
        result = self.run_program("generate", self.image, "-o", self.folder / "x.stl", "--model",
                                  self.folder / "x.safetensors")
        self.assert_fails(result, UNSUPPORTED, "x.safetensors", "expected the weights of a shape model")


class LookUpTest(ModelTest):
    def cached(self, repository="tencent/Hunyuan3D-2mini", folder="hunyuan3d-dit-v2-mini", revision="main",
               cache=".cache/huggingface/hub"):
        """The layout of the hub's cache: a reference, a snapshot, links to blobs."""
        root = self.folder / cache / ("models--" + repository.replace("/", "--"))
        snapshot = root / "snapshots" / COMMIT / folder
        snapshot.mkdir(parents=True)
        (root / "blobs").mkdir()
        (root / "refs").mkdir()
        (root / "refs" / revision).write_text(COMMIT)
        for number, name in enumerate(("config.yaml", "model.fp16.safetensors")):
            shutil.copy(MODEL / name, root / "blobs" / str(number))
            (snapshot / name).symlink_to(f"../../../blobs/{number}")

    def inspect(self, *arguments, **variables):
        return self.run_program("inspect", *arguments, "--json", env={**self.environment, **variables})

    def test_by_repository_name(self):
        self.cached()
        self.assertEqual(self.mesh("tencent/Hunyuan3D-2mini", "--offline"), self.shipped_mesh())
        for name in ("tencent/Hunyuan3D-2mini", "tencent/Hunyuan3D-2mini/hunyuan3d-dit-v2-mini",
                     "tencent/Hunyuan3D-2mini@main", f"tencent/Hunyuan3D-2mini@{COMMIT}"):
            self.assertEqual(self.inspect(name, "--offline").returncode, 0, name)

    def test_where_the_variables_point(self):
        for variable, cache in (("HF_HUB_CACHE", "a"), ("HF_HOME", "b/hub"), ("XDG_CACHE_HOME", "c/huggingface/hub")):
            self.assertEqual(self.inspect("tencent/Hunyuan3D-2mini",
                                          **{variable: str(self.folder / cache[0])}).returncode, NOT_FOUND)
            self.cached(cache=cache)
            result = self.inspect("tencent/Hunyuan3D-2mini", **{variable: str(self.folder / cache[0])})
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertIn(str(self.folder / cache), result.stdout)
        own = self.model_folder("own/tencent/Hunyuan3D-2mini/hunyuan3d-dit-v2-mini")
        shutil.copy(WEIGHTS, own)
        self.cached()
        result = self.inspect("tencent/Hunyuan3D-2mini", HY3DGEN_MODELS=str(self.folder / "own"))
        self.assertIn(str(own), result.stdout)

    def test_missing(self):
        result = self.run_program("generate", self.image, "-o", self.folder / "x.stl", "--model",
                                  "tencent/Hunyuan3D-2.1", env=self.environment)
        self.assert_fails(result, NOT_FOUND, ".cache/hy3dgen/tencent/Hunyuan3D-2.1",
                          ".cache/huggingface/hub/models--tencent--Hunyuan3D-2.1/refs/main",
                          'huggingface-cli download tencent/Hunyuan3D-2.1 --include "hunyuan3d-dit-v2-1/*"')

    def test_several_models(self):
        self.cached(repository="tencent/Hunyuan3D-2", folder="hunyuan3d-dit-v2-0-turbo")
        other = self.folder / ".cache/huggingface/hub/models--tencent--Hunyuan3D-2/snapshots" / COMMIT
        (other / "hunyuan3d-vae-v2-0").mkdir()
        shutil.copy(WEIGHTS, other / "hunyuan3d-vae-v2-0")
        result = self.run_program("inspect", "tencent/Hunyuan3D-2", env=self.environment)
        self.assert_fails(result, ARGUMENT, "hunyuan3d-dit-v2-0-turbo, hunyuan3d-vae-v2-0")

    def test_variant(self):
        folder = self.model_folder()
        shutil.copy(WEIGHTS, folder / "model.bf16.safetensors")
        self.assertEqual(self.inspect(folder, "--variant", "bf16").returncode, 0)
        self.assert_fails(self.inspect(folder), NOT_FOUND, "there are: model.bf16.safetensors")
        self.assert_fails(self.inspect(folder, "--variant", "fp16"), NOT_FOUND, "model.fp16.safetensors")
        self.assert_fails(self.inspect(folder, "--variant", "a/b"), ARGUMENT, "variant", "a/b")


def forbid_sockets():
    """Kills this process, once it runs another program, at its first socket(): a filter of the kernel (seccomp)."""
    arch, number = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}[platform.machine()]
    load, equal, give = 0x20, 0x15, 0x06
    kill, allow = 0x80000000, 0x7FFF0000
    code = [(load, 0, 0, 4), (equal, 0, 3, arch), (load, 0, 0, 0), (equal, 0, 1, number), (give, 0, 0, kill),
            (give, 0, 0, allow)]
    program = b"".join(struct.pack("HBBI", *line) for line in code)
    buffer = ctypes.create_string_buffer(program, len(program))

    class Filter(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]

    libc = ctypes.CDLL(None, use_errno=True)
    no_new_privileges, seccomp, filter_mode = 38, 22, 2
    whole = Filter(len(code), ctypes.cast(buffer, ctypes.c_void_p).value)
    if libc.prctl(no_new_privileges, 1, 0, 0, 0) or libc.prctl(seccomp, filter_mode, ctypes.byref(whole), 0, 0):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class OfflineTest(ModelTest):
    def test_no_socket_is_ever_opened(self):
        probe = [sys.executable, "-c", "import socket; socket.socket()"]
        try:
            killed = subprocess.run(probe, preexec_fn=forbid_sockets, check=False, capture_output=True).returncode
        except (subprocess.SubprocessError, KeyError):
            self.skipTest("this kernel or machine has no seccomp filters")
        self.assertEqual(killed, -signal.SIGSYS)  # the filter works
        self.assertEqual(subprocess.run(probe, check=False, capture_output=True).returncode, 0)
        out = self.folder / "out.glb"
        for command, status in (
                (["generate", self.image, "-o", out, "--model", MODEL, "--offline", *RUN], 0),
                (["generate", self.image, "-o", out, "--model", "tencent/Hunyuan3D-2mini", *RUN], NOT_FOUND),
                (["inspect", "tencent/Hunyuan3D-2", "--offline"], NOT_FOUND),
                (["convert", MODEL, self.folder / "copy", "--offline", "--quiet"], 0),
                (["mesh-check", out], 0),
                (["render", out, "-o", self.folder / "out.png", "--tile", 32], 0),
                (["doctor"], None),
                (["--help"], 0)):
            result = self.run_program(*command, preexec_fn=forbid_sockets, env=self.environment)
            self.assertGreaterEqual(result.returncode, 0, f"{command}: killed at socket()")
            if status is not None:
                self.assertEqual(result.returncode, status, result.stderr)


class ConvertTest(ModelTest):
    def convert(self, *arguments):
        result = self.run_program("convert", *arguments)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def test_round_trips(self):
        expected = self.shipped_mesh()
        single, shards, back = (self.folder / name for name in ("single", "shards", "back"))
        self.convert(MODEL, single, "--dtype", "fp32", "--quiet")
        self.assertEqual(sorted(path.name for path in single.iterdir()), ["config.yaml", "model.safetensors"])
        listing = self.convert(single, shards, "--max-shard-size", "9MB")
        self.assertIn("model.safetensors.index.json", listing)
        self.assertEqual(self.mesh(shards), expected)  # every half is a float
        self.convert(shards, back, "--dtype", "fp16", "--quiet")
        self.assertEqual((back / "config.yaml").read_bytes(), (MODEL / "config.yaml").read_bytes())
        self.assertEqual(torch_bundle.read_safetensors(back / "model.fp16.safetensors"), shipped())
        self.convert(back, self.folder / "one.safetensors")
        self.assertEqual((self.folder / "one.safetensors").read_bytes(), (back / "model.fp16.safetensors").read_bytes())

    def test_from_ckpt(self):
        folder = self.model_folder()
        bundle = {}
        for name, (dtype, shape, content) in shipped().items():
            component, key = name.split(".", 1)
            tensor = torch_bundle.Tensor(torch_bundle.Storage(dtype, content), shape)
            bundle.setdefault(component, {})[key] = tensor
        torch_bundle.save(bundle, folder / "model.fp16.ckpt")
        out = self.folder / "out"
        self.convert(folder, out, "--quiet")
        self.assertEqual(torch_bundle.read_safetensors(out / "model.fp16.safetensors"), shipped())

    def test_component(self):
        out = self.folder / "vae"
        self.convert(MODEL, out, "--component", "vae", "--quiet")
        names = {name[4:] for name in shipped() if name.startswith("vae.")}
        self.assertEqual(set(torch_bundle.read_safetensors(out / "model.fp16.safetensors")), names)
        facts = json.loads(self.run_program("inspect", out, "--json").stdout)
        self.assertEqual((facts["family"], facts["sizes"]["latent tokens"]), ("ShapeVAE", "128"))

    def test_a_derived_config_is_written(self):
        weights = self.folder / "weights.safetensors"
        shutil.copy(WEIGHTS, weights)
        result = self.run_program("convert", weights, self.folder / "out", "--quiet")
        self.assertIn("num_latents 3072", result.stderr)
        self.assertIn("num_latents: 3072", (self.folder / "out/config.yaml").read_text())
        self.assertEqual(json.loads(self.run_program("inspect", self.folder / "out", "--json").stdout)["notes"], [])

    def test_refusals(self):
        big = {"model.latent_in.weight": ("F32", [2, 2], struct.pack("<4f", 1, -2, 1e6, 3))}
        torch_bundle.write_safetensors(big, self.folder / "big.safetensors")
        out = self.folder / "out.safetensors"
        result = self.run_program("convert", self.folder / "big.safetensors", out, "--dtype", "fp16")
        self.assert_fails(result, ARGUMENT, "model.latent_in.weight", "1e+06", "[1, 0]", "f16")
        self.assertFalse(out.exists())
        self.assert_fails(self.run_program("convert", MODEL, out, "--dtype", "int8"), ARGUMENT, "dtype", "int8")
        self.assert_fails(self.run_program("convert", MODEL, out, "--component", "text"), ARGUMENT, "component")
        for size in ("0", "5XB", "-1", "lots", "99999999999GB"):
            self.assert_fails(self.run_program("convert", MODEL, out, f"--max-shard-size={size}"), ARGUMENT,
                              "max-shard-size")
        out.write_bytes(b"precious")
        self.assert_fails(self.run_program("convert", MODEL, out), ARGUMENT, "out.safetensors", "--force")
        self.assertEqual(out.read_bytes(), b"precious")
        self.convert(MODEL, out, "--force")
        self.assertEqual(torch_bundle.read_safetensors(out), shipped())
        self.assert_fails(self.run_program("convert", self.folder / "none", out), NOT_FOUND, "none")
        self.assert_left("big.safetensors", "disc.png", "out.safetensors")

    def test_full_disk(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full")
        (self.folder / "full.safetensors").symlink_to("/dev/full")
        result = self.run_program("convert", MODEL, self.folder / "full.safetensors", "--force")
        self.assertEqual(result.returncode, 6, result.stderr)
        self.assertEqual(len(result.stderr.strip().splitlines()), 1, result.stderr)


if __name__ == "__main__":
    del sys.argv[1]
    unittest.main(verbosity=2)
