"""Runs the program as a user does: what it prints, what it exits with, what it leaves on the disk.

Usage: cli_test.py PROGRAM [TEST ...]
"""

import errno
import json
import os
import shutil
import signal
import stat
import struct
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import pictures

PROGRAM = sys.argv[1]
ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "models" / "sinter-small"
# Sanitizer builds are slow; a small grid and few steps exercise every stage all the same.
FAST = ["--steps", "3", "--octree", "32"]

ARGUMENT, NOT_FOUND, CORRUPT, UNSUPPORTED, IO, CANCELLED = 2, 3, 4, 5, 6, 8


class ProgramTest(unittest.TestCase):
    """Gives each test a folder of its own and checks what every run owes its user."""

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="sinter-cli-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def run_program(self, *arguments, **options):
        return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=300,
                              errors="replace", check=False, **options)

    def file(self, name, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path

    def assert_fails(self, result, status, *words):
        """One line on standard error, the status, nothing on standard output."""
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertEqual(len(result.stderr.strip().splitlines()), 1, result.stderr)
        self.assertTrue(result.stderr.startswith("sinter: "), result.stderr)
        for word in words:
            self.assertIn(str(word), result.stderr)
        self.assertEqual(result.stdout, "")

    def assert_left(self, *names):
        """The folder holds these files and no other: no temporary, no half-written output."""
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), sorted(names))

    def start_program(self, *arguments):
        """Runs in the background; returns when the program has its handler for SIGINT."""
        process = subprocess.Popen([PROGRAM, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        caught = 0
        while process.poll() is None and not caught >> (signal.SIGINT - 1) & 1:
            time.sleep(0.01)
            status = Path(f"/proc/{process.pid}/status").read_text()
            caught = int(status.split("SigCgt:")[1].split()[0], 16)
        return process

    def hold_up(self, fifo):
        """Opens a pipe that the program reads as soon as it does, so that it waits for what never comes."""
        while True:
            try:
                self.addCleanup(os.close, os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
                return
            except OSError as error:
                self.assertEqual(error.errno, errno.ENXIO)
                time.sleep(0.01)

    def assert_only_the_last_interrupt_ends(self, process, interrupts):
        for _ in range(interrupts - 1):
            process.send_signal(signal.SIGINT)
            time.sleep(0.2)
            self.assertIsNone(process.poll())
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=10), -signal.SIGINT)

    def generate(self, image, *arguments, output="out.glb", octree=32):
        return self.run_program("generate", image, "-o", self.folder / output, "--model", MODEL, "--steps", 3,
                                "--octree", octree, "--quiet", *arguments)


class HelpTest(ProgramTest):
    def test_every_command_has_help(self):
        commands = ["generate", "batch", "matte", "inspect", "convert", "compare", "mesh-check", "mesh-convert", "render", "bench", "cache-plan", "cache-fit", "doctor"]
        overview = self.run_program("--help")
        self.assertEqual(overview.returncode, 0)
        for command in commands:
            self.assertIn(command, overview.stdout)
            result = self.run_program(command, "--help")
            self.assertEqual(result.returncode, 0)
            self.assertNotIn("ENUM", result.stdout)  # the names of a choice, not the numbers behind them

    def test_version(self):
        self.assertRegex(self.run_program("--version").stdout, r"^sinter \d+\.\d+\.\d+$")

    def test_doctor_names_every_stage(self):
        result = self.run_program("doctor")
        for stage in ("image", "condition", "sample", "latents", "volume", "surface", "mesh"):
            self.assertIn(f"stage {stage}", result.stdout)

    def test_inspect(self):
        result = self.run_program("inspect", MODEL, "--json")
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        facts = json.loads(result.stdout)
        self.assertEqual(facts["family"], "Hunyuan3D 2.0")
        self.assertEqual(sum(c["tensors"] for c in facts["components"]), facts["tensors"])
        self.assertEqual({c["name"] for c in facts["components"]}, {"model", "vae", "conditioner"})


class GenerateTest(ProgramTest):
    def test_same_seed_same_bytes_for_any_number_of_threads(self):
        image = self.file("disc.png", pictures.disc())
        outputs = []
        for threads in (1, 2, 1):
            result = self.generate(image, "--threads", threads)
            self.assertEqual(result.returncode, 0, result.stderr)
            outputs.append((self.folder / "out.glb").read_bytes())
        self.assertEqual(outputs[0], outputs[1])
        self.assertEqual(outputs[0], outputs[2])

    def test_second_interrupt_ends_at_once_whatever_the_program_waits_for(self):
        os.mkfifo(self.folder / "slow.png")
        output = self.file("out.glb", b"old")
        process = self.start_program("generate", self.folder / "slow.png", "-o", output, "--model", MODEL)
        self.hold_up(self.folder / "slow.png")
        self.assert_only_the_last_interrupt_ends(process, 2)
        self.assertEqual(output.read_bytes(), b"old")
        self.assert_left("slow.png", "out.glb")

    def test_another_seed_gives_another_mesh(self):
        image = self.file("disc.png", pictures.disc())
        self.assertEqual(self.generate(image, "--seed", 1, output="a.ply").returncode, 0)
        self.assertEqual(self.generate(image, "--seed", 2, output="b.ply").returncode, 0)
        self.assertNotEqual((self.folder / "a.ply").read_bytes(), (self.folder / "b.ply").read_bytes())

    def test_noise_kinds_give_other_meshes_and_are_recorded(self):
        image = self.file("disc.png", pictures.disc())
        meshes = set()
        for noise in ("torch-cpu", "torch-cuda"):
            result = self.generate(image, "--noise", noise, output=f"{noise}.ply")
            self.assertEqual(result.returncode, 0, result.stderr)
            header, body = (self.folder / f"{noise}.ply").read_bytes().split(b"end_header\n", 1)
            self.assertIn(noise.encode(), header)
            meshes.add(body)
        self.assertEqual(len(meshes), 2)
        self.assert_fails(self.generate(image, "--noise", "torch"), ARGUMENT, "--noise", "torch-cpu-fp32")

    def test_dense_and_hierarchical_give_the_same_mesh(self):
        image = self.file("disc.png", pictures.disc())
        for decode in ("dense", "hierarchical"):
            result = self.generate(image, "--decode", decode, octree=48, output=f"{decode}.ply")
            self.assertEqual(result.returncode, 0, result.stderr)
        # The header's comments name the options, the mode among them.
        bodies = [(self.folder / f"{d}.ply").read_bytes().split(b"end_header\n", 1)[1] for d in ("dense", "hierarchical")]
        self.assertEqual(*bodies)

    def test_flashvdm_gives_sound_meshes_on_either_grid(self):
        image = self.file("disc.png", pictures.disc())
        for levels, keys, cells in (("own", "mean", 48), ("own", "merge", 48), ("upstream", "mean", 47)):
            with self.subTest(f"{levels}, {keys}"):
                metrics = self.folder / "metrics.json"
                result = self.generate(image, "--decode", "flashvdm", "--flashvdm-levels", levels, "--flashvdm-keys", keys,
                                       "--metrics", metrics, octree=48)
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertEqual(self.run_program("mesh-check", self.folder / "out.glb").returncode, 0)
                found = json.loads(metrics.read_text())
                # Too coarse for a second level.
                self.assertEqual(found["field_levels"], [{"cells": cells, "queries": (cells + 1) ** 3}])
                self.assertEqual(found["grid_points"], (cells + 1) ** 3)
                self.assertEqual(found["field_queries"], (cells + 1) ** 3)
        self.assert_fails(self.generate(image, "--decode", "flashvdm", "--flashvdm-keys", "most"), ARGUMENT, "mean", "merge")

    def test_sixteen_bit_and_palette_pictures(self):
        for name, content in (("deep.png", pictures.disc_16_bit()), ("palette.png", pictures.disc_palette())):
            with self.subTest(name):
                result = self.generate(self.file(name, content))
                self.assertEqual(result.returncode, 0, result.stderr)

    def test_result_is_sound_and_carries_its_provenance(self):
        image = self.file("disc.png", pictures.disc())
        self.assertEqual(self.generate(image, "--seed", 7).returncode, 0)
        check = self.run_program("mesh-check", self.folder / "out.glb", "--json")
        self.assertEqual(check.returncode, 0, check.stdout)
        glb = (self.folder / "out.glb").read_bytes()
        length = struct.unpack_from("<I", glb, 12)[0]
        extras = json.dumps(json.loads(glb[20:20 + length])["asset"]["extras"])
        for word in ("sha256", "seed", "steps", "guidance", "octree"):
            self.assertIn(word, extras)

    def test_metrics_of_a_run(self):
        image = self.file("disc.png", pictures.disc())
        metrics = self.folder / "metrics.json"
        self.assertEqual(self.generate(image, "--metrics", metrics).returncode, 0)
        facts = json.loads(metrics.read_text())
        self.assertEqual(facts["status"], "ok")
        self.assertEqual(list(facts["stages"]), ["image", "condition", "sample", "latents", "volume", "surface", "mesh"])
        self.assertEqual((facts["steps_computed"], facts["steps_elided"]), (2, 1))
        self.assertEqual(facts["grid_points"], 33 ** 3)
        self.assertGreater(facts["field_queries"], 0)
        self.assertGreater(facts["peak_memory_bytes"], facts["weight_bytes"])
        self.assertGreaterEqual(facts["seconds"], sum(facts["stages"].values()) * 0.99)

    def test_metrics_of_a_failed_run(self):
        metrics = self.folder / "metrics.json"
        result = self.generate(self.file("empty.png", b""), "--metrics", metrics)
        self.assert_fails(result, CORRUPT, "empty.png")
        facts = json.loads(metrics.read_text())
        self.assertEqual(facts["status"], "corrupt")
        self.assertIn("empty.png", facts["error"])

    def test_interrupt_leaves_nothing(self):
        image = self.file("disc.png", pictures.disc())
        process = self.start_program("generate", image, "-o", self.folder / "out.glb", "--model", MODEL, "--steps", 1000,
                                     "--quiet")
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, CANCELLED, errors)
        self.assertEqual(errors, "sinter: cancelled\n")
        self.assert_left("disc.png")

    def test_piped_progress_is_plain_lines(self):
        image = self.file("disc.png", pictures.disc())
        result = self.run_program("generate", image, "-o", self.folder / "out.glb", "--model", MODEL, *FAST)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertNotIn("\r", result.stderr)
        self.assertNotIn("\033", result.stderr)
        self.assertEqual(len(result.stderr.splitlines()), 7)
        self.assertIn("out.glb", result.stdout)

    def test_faces_are_decimated(self):
        image = self.file("disc.png", pictures.disc())
        metrics = self.folder / "metrics.json"
        self.assertEqual(self.generate(image, "--faces", 1000, "--metrics", metrics, octree=64).returncode, 0)
        self.assertLessEqual(json.loads(metrics.read_text())["faces"], 1010)
        self.assertEqual(self.run_program("mesh-check", self.folder / "out.glb").returncode, 0)


class VariantTest(ProgramTest):
    """The shipped weights under other configurations: what tells the variants apart is config.yaml."""

    def model(self, *edits, name="model"):
        folder = self.folder / name
        folder.mkdir()
        text = (MODEL / "config.yaml").read_text()
        for old, new in edits:
            self.assertIn(old, text)
            text = text.replace(old, new)
        (folder / "config.yaml").write_text(text)
        (folder / "model.fp16.safetensors").symlink_to(MODEL / "model.fp16.safetensors")
        return folder

    def multi_view(self):
        return self.model(("type: DinoImageEncoder", "type: DinoImageEncoderMV"),
                          ("preprocessors.ImageProcessorV2", "preprocessors.MVImageProcessorV2"))

    def turbo(self):
        return self.model(("schedulers.Flow", "schedulers.ConsistencyFlow"),
                          ("num_train_timesteps: 1000", "num_train_timesteps: 1000\n    pcm_timesteps: 100"))

    def run_model(self, model, *arguments, output="out.ply"):
        return self.run_program("generate", "-o", self.folder / output, "--model", model, "--octree", 32, "--quiet",
                                *arguments)

    def body(self, name):
        return (self.folder / name).read_bytes().split(b"end_header\n", 1)[1]

    def test_views_in_any_order(self):
        model, bodies = self.multi_view(), []
        a, b = (self.file(f"{side}.png", pictures.disc(side)) for side in (64, 48))
        for number, views in enumerate(([a, "--left", b], ["--left", b, "--front", a], [a], ["--back", a],
                                        [a, "--left", b, "--right", a, "--back", b])):
            metrics = self.folder / "metrics.json"
            result = self.run_model(model, *views, "--steps", 3, "--metrics", metrics, output=f"{number}.ply")
            self.assertEqual(result.returncode, 0, result.stderr)
            bodies.append(self.body(f"{number}.ply"))
        self.assertEqual(bodies[0], bodies[1])
        self.assertEqual(len(set(bodies)), 4)
        self.assertEqual(json.loads(metrics.read_text())["pictures"],
                         {"front": str(a), "left": str(b), "right": str(a), "back": str(b)})

    def test_wrong_views(self):
        a, model = self.file("a.png", pictures.disc()), self.multi_view()
        self.assert_fails(self.run_model(model), ARGUMENT, "picture", "none")
        self.assert_fails(self.run_model(MODEL), ARGUMENT, "picture", "none")
        self.assert_fails(self.run_model(model, a, "--front", a), ARGUMENT, "once", "front")
        self.assert_fails(self.run_model(model, "--left", a, "--left", a), ARGUMENT, "left")
        self.assert_fails(self.run_model(model, "--top", a), ARGUMENT, "--top")
        self.assert_fails(self.run_model(MODEL, "--left", a), ARGUMENT, "single view", "left", MODEL)
        self.assert_fails(self.run_model(MODEL, a, "--back", a), ARGUMENT, "single view", "back", MODEL)
        self.assert_fails(self.run_model(model, a, "--back", self.folder / "none.png"), NOT_FOUND, "none.png")
        self.assert_left("a.png", "model")

    def test_steps_default_to_the_models_own(self):
        a, metrics = self.file("a.png", pictures.disc()), self.folder / "metrics.json"
        turbo = self.turbo()
        for model, steps in ((MODEL, 50), (turbo, 5)):
            self.assertEqual(self.run_model(model, a, "--metrics", metrics).returncode, 0)
            facts = json.loads(metrics.read_text())
            self.assertEqual((facts["steps"], facts["guidance"]), (steps, 5))
            header = (self.folder / "out.ply").read_bytes().split(b"end_header\n")[0]
            self.assertIn(f"comment steps {steps}\n".encode(), header)
        self.assertEqual(facts["steps_elided"], 0)
        self.assert_fails(self.run_model(turbo, a, "--steps", 101), ARGUMENT, "1..100", "101", turbo)

    def test_inspect_names_views_and_defaults(self):
        facts = json.loads(self.run_program("inspect", self.multi_view(), "--json").stdout)
        self.assertEqual((facts["variant"], facts["sizes"]["views"]), ("custom size-mv", "1 to 4"))
        self.assertEqual((facts["sizes"]["default steps"], facts["sizes"]["default guidance"]), ("50", "5"))

    def stand_alone_vae(self, channels=32):
        """The shipped VAE as a folder of its own."""
        weights = (MODEL / "model.fp16.safetensors").read_bytes()
        length = struct.unpack_from("<Q", weights)[0]
        header, data = {}, b""
        for name, entry in json.loads(weights[8:8 + length]).items():
            if name.startswith("vae."):
                begin, end = entry["data_offsets"]
                header[name[4:]] = {**entry, "data_offsets": [len(data), len(data) + end - begin]}
                data += weights[8 + length + begin:8 + length + end]
        text = json.dumps(header).encode()
        folder = self.folder / "vae"
        folder.mkdir(exist_ok=True)
        (folder / "model.fp16.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
        section = (MODEL / "config.yaml").read_text().split("\nvae:\n")[1].split("\nconditioner:")[0]
        section = section.replace("embed_dim: 32", f"embed_dim: {channels}")
        (folder / "config.yaml").write_text("\n".join(line[2:] for line in section.splitlines()) + "\n")
        return folder

    def test_stand_alone_vae(self):
        a = self.file("a.png", pictures.disc())
        vae = self.stand_alone_vae()
        self.assertEqual(self.run_model(MODEL, a, "--steps", 3, output="own.ply").returncode, 0)
        for number, path in enumerate((vae, vae / "model.fp16.safetensors")):
            result = self.run_model(MODEL, a, "--steps", 3, "--vae", path, output=f"{number}.ply")
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual(self.body(f"{number}.ply"), self.body("own.ply"))
            self.assertIn(b"vae_sha256", (self.folder / f"{number}.ply").read_bytes().split(b"end_header\n")[0])
        config = vae / "config.yaml"
        config.write_text(config.read_text().replace("num_latents: 128", "num_latents: 64"))
        self.assertEqual(self.run_model(MODEL, a, "--steps", 3, "--vae", vae, output="fewer.ply").returncode, 0)
        self.assertNotEqual(self.body("fewer.ply"), self.body("own.ply"))

    def test_vae_of_another_latent_space(self):
        a, vae = self.file("a.png", pictures.disc()), self.stand_alone_vae(channels=16)
        self.assert_fails(self.run_model(MODEL, a, "--vae", vae), ARGUMENT, "latent channels", vae, MODEL)
        self.assert_fails(self.run_model(MODEL, a, "--vae", self.folder / "no-vae"), NOT_FOUND, "no-vae")
        self.assert_left("a.png", "vae")


class BatchTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.pictures = self.folder / "in"
        self.out = self.folder / "out"
        self.pictures.mkdir()

    def picture(self, name, content=None):
        (self.pictures / name).write_bytes(pictures.disc() if content is None else content)

    def batch(self, source, *arguments):
        return self.run_program("batch", source, "--out", self.out, "--model", MODEL, "--steps", 2, "--octree", 16,
                                *arguments)

    def entries(self):
        return [json.loads(line) for line in (self.out / "manifest.jsonl").read_text().splitlines()]

    def test_folder_with_a_bad_picture_gives_what_single_runs_give(self):
        self.picture("b.png")
        self.picture("a.jpg", b"no picture")
        self.picture("a.png", pictures.disc_palette())
        (self.pictures / "notes.txt").write_text("not a picture")
        result = self.batch(self.pictures)
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("2 made, 0 there already, 1 failed", result.stdout)
        self.assertIn("a.jpg", result.stderr.strip().splitlines()[-1])
        self.assertEqual(sorted(p.name for p in self.out.iterdir()), ["a.png.glb", "b.glb", "manifest.jsonl"])
        self.assertEqual([(e["output"], e["status"]) for e in self.entries()],
                         [("a.jpg.glb", "unsupported"), ("a.png.glb", "ok"), ("b.glb", "ok")])
        for name, output in (("a.png", "a.png.glb"), ("b.png", "b.glb")):
            single = self.run_program("generate", self.pictures / name, "-o", self.folder / "single.glb", "--model",
                                      MODEL, "--steps", 2, "--octree", 16, "--quiet")
            self.assertEqual(single.returncode, 0, single.stderr)
            self.assertEqual((self.out / output).read_bytes(), (self.folder / "single.glb").read_bytes())

    def test_resume_makes_only_what_is_missing_or_has_changed(self):
        for name in ("a.png", "b.png", "c.png", "d.png"):
            self.picture(name)
        self.assertEqual(self.batch(self.pictures, "--quiet").returncode, 0)
        (self.out / "a.glb").unlink()
        self.picture("b.png", pictures.disc_palette())
        (self.out / "c.glb").write_bytes(b"cut short")
        # What a crash leaves: half a line at the end.
        with open(self.out / "manifest.jsonl", "a") as manifest:
            manifest.write('{"output":"d.glb","sta')
        result = self.batch(self.pictures, "--resume")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("3 made, 1 there already, 0 failed", result.stdout)
        self.assertIn("0 made, 4 there already", self.batch(self.pictures, "--resume").stdout)
        self.assertIn("4 made", self.batch(self.pictures, "--resume", "--seed", 5).stdout)

    def test_list_file(self):
        self.picture("my picture.png")
        self.picture("two.png")
        listing = self.pictures / "list.txt"
        listing.write_text('# pictures\n\n"my picture.png" output=first\ntwo.png\n')
        result = self.batch(listing, "--format", "ply")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(sorted(p.name for p in self.out.iterdir()), ["first.ply", "manifest.jsonl", "two.ply"])
        listing.write_text("two.png\nin/two.png\n")
        self.assert_fails(self.batch(listing), CORRUPT, "line 2", "two.glb")
        self.assert_fails(self.batch(self.folder / "absent"), NOT_FOUND, "absent")

    def test_interrupt_ends_the_item_and_says_how_to_go_on(self):
        for i in range(40):
            self.picture(f"{i:02}.png")
        process = subprocess.Popen([PROGRAM, "batch", self.pictures, "--out", self.out, "--model", MODEL, "--steps", "2",
                                    "--octree", "16"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while process.poll() is None and not (self.out / "00.glb").exists():
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=120)
        self.assertEqual(process.returncode, CANCELLED, errors)
        self.assertIn("--resume", errors.strip().splitlines()[-1])
        entries = self.entries()
        self.assertLess(len(entries), 40)
        self.assertEqual({e["status"] for e in entries}, {"ok"})
        # Every mesh that is there is whole and noted.
        self.assertEqual(sorted(p.name for p in self.out.glob("*.glb")), [e["output"] for e in entries])
        self.assertIn(f"{len(entries)} made", output)

    def test_second_interrupt_ends_the_item(self):
        self.picture("a.png")
        process = self.start_program("batch", self.pictures, "--out", self.out, "--model", MODEL, "--steps", 1000)
        for _ in range(2):
            process.send_signal(signal.SIGINT)
            time.sleep(0.05)
        output, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, CANCELLED, errors)
        self.assertIn("0 made, 0 there already, 0 failed, 1 left", output)
        self.assertLessEqual({p.name for p in self.out.iterdir()}, {"manifest.jsonl"})

    def test_third_interrupt_ends_at_once_and_what_is_done_stays(self):
        self.picture("a.png")
        os.mkfifo(self.pictures / "b.png")
        listing = self.pictures / "list.txt"
        listing.write_text("a.png\nb.png\n")
        process = self.start_program("batch", listing, "--out", self.out, "--model", MODEL, "--steps", 2, "--octree", 16)
        self.hold_up(self.pictures / "b.png")
        self.assert_only_the_last_interrupt_ends(process, 3)
        self.assertEqual(sorted(p.name for p in self.out.iterdir()), ["a.glb", "manifest.jsonl"])
        (self.pictures / "b.png").unlink()
        self.picture("b.png")
        result = self.batch(listing, "--resume")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("1 made, 1 there already", result.stdout)


class CachePlanTest(ProgramTest):
    """cache-plan: what it says of the reference's file, and of one with mistakes."""

    CONFIG = ROOT / "tests" / "sampling" / "cache_config.json"

    def test_plan(self):
        text = self.CONFIG.read_text().replace('"NoCache", #', '"Taylorseer", #')
        config = self.file("c.json", text.encode())
        result = self.run_program("cache-plan", config, "--steps", 100, "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        plan = json.loads(result.stdout)
        self.assertEqual((plan["method"], plan["computed"], plan["predicted"], plan["elided"]), ("TaylorSeer", 26, 73, 1))
        self.assertEqual(plan["kinds"][:4], ["computed", "computed", "predicted", "predicted"])
        self.assertEqual(len(plan["kinds"]), 100)
        self.assertEqual(plan["kinds"][99], "elided")
        result = self.run_program("cache-plan", self.CONFIG, "--steps", 10)
        self.assertIn("CCCCCCCCCe", result.stdout)

    def test_mistakes_are_named(self):
        config = self.file("c.json", self.CONFIG.read_text().replace('"warmup": 1', '"warmup": -1').encode())
        self.assert_fails(self.run_program("cache-plan", config), ARGUMENT, "/Taylorseer/warmup", "E_RANGE", "-1", "c.json")
        config = self.file("c.json", b"{\n  cache_forward: 1\n}")
        self.assert_fails(self.run_program("cache-plan", config), CORRUPT, "line 2")
        self.assert_fails(self.run_program("cache-plan", self.folder / "none.json"), NOT_FOUND, "none.json")
        config = self.file("c.json", self.CONFIG.read_text().replace('"NoCache", #', '"FBCache", #').encode())
        self.assert_fails(self.run_program("cache-plan", config, "--steps", 8), ARGUMENT, "E_FEWSTEP")

    def test_presets_count_their_evaluations(self):
        for name, evaluations in (("off", 49), ("safe", 27), ("fast", 19), ("max", 10)):
            plan = json.loads(self.run_program("cache-plan", name, "--steps", 50, "--json").stdout)
            self.assertEqual((plan["computed"], plan["predicted"], plan["elided"]), (evaluations, 49 - evaluations, 1))

    def test_a_run_says_what_became_of_its_steps(self):
        metrics = self.folder / "m.json"
        result = self.run_program("generate", ROOT / "examples" / "images" / "mug.png", "-o", self.folder / "o.ply", "--octree", 32,
                                  "--steps", 14, "--cache", "max", "--metrics", metrics, "--quiet", "--device", "cpu")
        self.assertEqual(result.returncode, 0, result.stderr)
        found = json.loads(metrics.read_text())
        self.assertEqual([found["steps_computed"], found["steps_predicted"], found["steps_elided"]], [10, 3, 1])
        self.assertEqual(found["network_evaluations"], 20)
        self.assertEqual(found["solver"], "ab2")
        kinds = [step["kind"] for step in found["cache"]["steps"]]
        self.assertEqual([kinds.count(k) for k in ("computed", "predicted", "elided")], [10, 3, 1])
        self.assertGreater(found["cache"]["bytes"], 0)

    def test_a_batch_decides_for_each_picture_as_a_process_of_its_own(self):
        config = self.file("c.json", b'{"cache_forward": "FBCache", "FBCache": {"rel_l1_thresh": 0.3}}')
        options = ["--octree", 24, "--steps", 12, "--cache", config, "--device", "cpu", "--quiet"]
        pictures = [ROOT / "examples" / "images" / name for name in ("mug.png", "car.png")]
        listing = self.file("list.txt", "".join(f"{p}\n" for p in pictures).encode())
        result = self.run_program("batch", listing, "--out", self.folder / "all", "--format", "ply", *options)
        self.assertEqual(result.returncode, 0, result.stderr)
        alone, metrics = self.folder / "alone.ply", self.folder / "m.json"
        for picture in reversed(pictures):
            result = self.run_program("generate", picture, "-o", alone, "--metrics", metrics, *options)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual(alone.read_bytes(), (self.folder / "all" / f"{picture.stem}.ply").read_bytes())
            found = json.loads(metrics.read_text())
            self.assertGreater(found["steps_predicted"], 0)
            steps = found["cache"]["steps"]
            self.assertEqual(sum(s["kind"] == "computed" for s in steps), found["steps_computed"])
            self.assertTrue(all(s["value"] > 0 for s in steps[1:-1]))

    def test_a_fit_is_for_its_model_and_steps(self):
        picture, fit = ROOT / "examples" / "images" / "mug.png", self.folder / "fit.json"
        result = self.run_program("cache-fit", "schedule", picture, "-o", fit, "--steps", 12, "--computed", 5, "--quiet", "--device", "cpu")
        self.assertEqual(result.returncode, 0, result.stderr)
        plan = json.loads(self.run_program("cache-plan", fit, "--steps", 12, "--json").stdout)
        self.assertEqual((plan["computed"], plan["elided"], plan["kinds"][:2]), (5, 1, ["computed", "computed"]))
        run = ["generate", picture, "-o", self.folder / "o.ply", "--octree", 32, "--cache", fit, "--device", "cpu", "--quiet"]
        self.assert_fails(self.run_program(*run, "--steps", 12, "--guidance", 3), ARGUMENT, "E_PROFILE", "guidance")
        other = self.file("other.json", fit.read_text().replace('"model": "', '"model": "0').encode())
        run[run.index(fit)] = other
        self.assert_fails(self.run_program(*run, "--steps", 12), ARGUMENT, "E_PROFILE", "checkpoint")


class MatteTest(ProgramTest):
    """An opaque disc before a shaded wall, as BMP; alpha decides unless the option does."""

    def matte(self, image, *arguments):
        return self.run_program("matte", image, "-o", self.folder / "cut.png", *arguments)

    def test_cut_out_gives_the_mesh_that_the_picture_gives(self):
        image = self.file("disc.bmp", pictures.disc_bmp())
        result = self.generate(image, "--save-matte", self.folder / "matte.png", output="a.ply")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(self.matte(image, "--save-matte", self.folder / "same.png").returncode, 0)
        self.assertEqual((self.folder / "matte.png").read_bytes(), (self.folder / "same.png").read_bytes())
        self.assertEqual(self.generate(self.folder / "cut.png", output="b.ply").returncode, 0)
        bodies = [(self.folder / name).read_bytes().split(b"end_header\n", 1)[1] for name in ("a.ply", "b.ply")]
        self.assertEqual(*bodies)

    def test_modes(self):
        opaque, cut = self.file("disc.bmp", pictures.disc_bmp()), self.file("disc.png", pictures.disc())
        for image, mode, words in ((opaque, "auto", "background removed"), (opaque, "off", "kept as it is"),
                                   (opaque, "on", "background removed"), (cut, "auto", "kept as it is")):
            with self.subTest(image=image.name, mode=mode):
                result = self.matte(image, "--remove-background", mode)
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertIn(words, result.stdout)
        self.assert_fails(self.matte(opaque, "--remove-background", "maybe"), ARGUMENT, "maybe")

    def test_an_opaque_picture_is_used_whole_when_asked(self):
        wall = self.file("wall.bmp", pictures.disc_bmp(radius=0))
        self.assert_fails(self.generate(wall), ARGUMENT, "wall.bmp", "no subject stands out", "--remove-background off")
        self.assert_left("wall.bmp")
        result = self.generate(wall, "--remove-background", "off")
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_matting_network(self):
        image = self.file("disc.bmp", pictures.disc_bmp())
        network = ROOT / "tests" / "matting" / "data" / "net_is.onnx"
        self.assertEqual(self.matte(image, "--matting-model", network).returncode, 0)
        by_option = (self.folder / "cut.png").read_bytes()
        environment = {**os.environ, "SINTER_MATTING_MODEL": str(network)}
        result = self.run_program("matte", image, "-o", self.folder / "env.png", env=environment)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual((self.folder / "env.png").read_bytes(), by_option)
        self.assert_fails(self.matte(image, "--matting-model", image), CORRUPT, "disc.bmp", "not an ONNX network")
        self.assert_fails(self.matte(image, "--matting-model", "u2net.onnx"), NOT_FOUND, "u2net.onnx")


class BadImageTest(ProgramTest):
    def check(self, name, content, status, *words):
        result = self.generate(self.file(name, content))
        self.assert_fails(result, status, name, *words)
        self.assert_left(name)

    def test_no_such_file(self):
        self.assert_fails(self.generate(self.folder / "none.png"), NOT_FOUND, "none.png")
        self.assert_left()

    def test_a_folder(self):
        (self.folder / "folder.png").mkdir()
        self.assert_fails(self.generate(self.folder / "folder.png"), ARGUMENT, "folder.png")

    def test_empty(self):
        self.check("empty.png", b"", CORRUPT)

    def test_not_an_image(self):
        self.check("text.png", b"this is a shopping list\n" * 20, UNSUPPORTED)

    def test_truncated(self):
        self.check("half.png", pictures.disc()[:400], CORRUPT)

    def test_one_pixel(self):
        self.check("dot.png", pictures.png(1, 1, 8, 2, b"\x00\x10\x20\x30"), ARGUMENT)

    def test_huge(self):
        self.check("huge.png", pictures.huge(), UNSUPPORTED, "20000")

    def test_fully_transparent(self):
        self.check("ghost.png", pictures.disc(alpha_inside=0), ARGUMENT)


class BadCheckpointTest(ProgramTest):
    def check(self, content, status, *words, config=None):
        model = self.folder / "model"
        model.mkdir(exist_ok=True)
        (model / "config.yaml").write_bytes((MODEL / "config.yaml").read_bytes() if config is None else config)
        (model / "model.fp16.safetensors").write_bytes(content)
        image = self.file("disc.png", pictures.disc())
        result = self.run_program("generate", image, "-o", self.folder / "out.glb", "--model", model, *FAST, "--quiet")
        self.assert_fails(result, status, *words)
        self.assert_left("disc.png", "model")

    def weights(self):
        return (MODEL / "model.fp16.safetensors").read_bytes()

    def header(self, edit):
        """The shipped weights with an edited header."""
        weights = self.weights()
        length = struct.unpack_from("<Q", weights)[0]
        header = json.loads(weights[8:8 + length])
        edit(header)
        text = json.dumps(header).encode()
        return struct.pack("<Q", len(text)) + text + weights[8 + length:]

    def name(self):
        return "model.latent_in.weight"

    def test_no_model(self):
        image = self.file("disc.png", pictures.disc())
        result = self.run_program("generate", image, "-o", self.folder / "out.glb", "--model", self.folder / "none")
        self.assert_fails(result, NOT_FOUND, "none")

    def test_truncated(self):
        self.check(self.weights()[:1_000_000], CORRUPT, "model.fp16.safetensors")

    def test_empty(self):
        self.check(b"", CORRUPT, "model.fp16.safetensors")

    def test_header_longer_than_the_file(self):
        self.check(struct.pack("<Q", 1 << 60) + b"{}", CORRUPT, "model.fp16.safetensors")

    def test_overlapping_offsets(self):
        def edit(header):
            begin, end = header[self.name()]["data_offsets"]
            header[self.name()]["data_offsets"] = [begin - 2, end - 2] if begin else [begin + 2, end + 2]
        self.check(self.header(edit), CORRUPT, self.name())

    def test_offsets_out_of_range(self):
        def edit(header):
            begin, end = header[self.name()]["data_offsets"]
            header[self.name()]["data_offsets"] = [begin + (1 << 40), end + (1 << 40)]
        self.check(self.header(edit), CORRUPT, "past the end")

    def test_negative_shape(self):
        def edit(header):
            header[self.name()]["shape"] = [-256, -32]
        self.check(self.header(edit), CORRUPT, self.name())

    def test_overflowing_shape(self):
        def edit(header):
            header[self.name()]["shape"] = [1 << 40, 1 << 40]
        self.check(self.header(edit), CORRUPT, self.name())

    def test_duplicate_key(self):
        weights = self.weights()
        length = struct.unpack_from("<Q", weights)[0]
        header = weights[8:8 + length].rstrip()
        entry = json.dumps(json.loads(header)[self.name()]).encode()
        header = header[:-1] + b',"' + self.name().encode() + b'":' + entry + b"}"
        self.check(struct.pack("<Q", len(header)) + header + weights[8 + length:], CORRUPT, self.name())

    def test_unknown_dtype(self):
        def edit(header):
            header[self.name()]["dtype"] = "F7"
        self.check(self.header(edit), UNSUPPORTED, self.name(), "F7")

    def test_nan_weight(self):
        weights = bytearray(self.weights())
        length = struct.unpack_from("<Q", weights)[0]
        begin = json.loads(weights[8:8 + length])[self.name()]["data_offsets"][0]
        struct.pack_into("<H", weights, 8 + length + begin + 6, 0x7E00)
        self.check(bytes(weights), CORRUPT, self.name())

    def test_missing_extra_and_misshaped_are_listed_together(self):
        def edit(header):
            header["model.surprise"] = header.pop("model.final_layer.linear.bias")
            header[self.name()]["shape"] = list(reversed(header[self.name()]["shape"]))
        self.check(self.header(edit), CORRUPT, "model.final_layer.linear.bias", "model.surprise", self.name())

    def test_broken_config(self):
        self.check(self.weights(), CORRUPT, "config.yaml", config=b"model: [1, 2\nvae: }")

    def test_config_with_a_wrong_type(self):
        config = (MODEL / "config.yaml").read_text().replace("hidden_size:", "hidden_size: wide #", 1)
        self.check(self.weights(), CORRUPT, "hidden_size", config=config.encode())


class BadOptionTest(ProgramTest):
    def test_out_of_range_or_not_a_number(self):
        image = self.file("disc.png", pictures.disc())
        for option, values in {
                "--steps": ["0", "-1", "1001", "many", "5.5"],
                "--octree": ["15", "513", "x", "1e9"],
                "--guidance": ["nan", "inf", "strong"],
                "--box": ["0", "-1", "5", "nan"],
                "--level": ["nan", "inf", "?"],
                "--seed": ["-1", "18446744073709551616", "dice"],
                "--faces": ["-5", "few"],
                "--threads": ["-1", "100000"],
                "--decode": ["sparse"],
                "--device": ["gpu", "cuda:", "cuda:x", "cuda:-1"],
                "--dtype": ["fp32", "half"],
                "--vram-budget": ["0", "0.2", "-4GB", "4XB", "lots", "nan", "inf", "1e3GB", "99999999999GB"],
        }.items():
            for value in values:
                with self.subTest(option=option, value=value):
                    result = self.run_program("generate", image, "-o", self.folder / "out.glb", "--model", MODEL,
                                              f"{option}={value}", "--quiet")
                    self.assert_fails(result, ARGUMENT, option.lstrip("-"))
        self.assert_left("disc.png")

    def test_fp8_on_the_cpu(self):
        image = self.file("disc.png", pictures.disc())
        for command in (["generate", image, "-o", self.folder / "out.glb", "--model", MODEL, "--quiet"],
                        ["bench", "shape", "--model", MODEL, "--quiet"]):
            result = self.run_program(*command, "--device", "cpu", "--fp8")
            self.assert_fails(result, ARGUMENT, "fp8", "GPU")

    def test_unknown_option_and_command(self):
        self.assert_fails(self.run_program("generate", "--colour", "red"), ARGUMENT)
        self.assert_fails(self.run_program("paint"), ARGUMENT)
        self.assert_fails(self.run_program(), ARGUMENT)

    def test_bad_switch_in_the_environment(self):
        image = self.file("disc.png", pictures.disc())
        result = self.run_program("generate", image, "-o", self.folder / "out.glb", "--model", MODEL, *FAST,
                                  env={**os.environ, "SINTER_MODULATION_TABLE": "maybe"})
        self.assert_fails(result, ARGUMENT, "SINTER_MODULATION_TABLE")


class OutputPathTest(ProgramTest):
    def check(self, output, status, *words):
        image = self.file("disc.png", pictures.disc())
        start = time.monotonic()
        result = self.generate(image, output=output)
        self.assert_fails(result, status, *words)
        return time.monotonic() - start

    def test_a_folder(self):
        (self.folder / "out.glb").mkdir()
        self.check("out.glb", ARGUMENT, "out.glb", "directory")

    def test_missing_parent(self):
        self.check("none/out.glb", NOT_FOUND, "none")
        self.assert_left("disc.png")

    def test_read_only_file_is_kept(self):
        path = self.file("out.glb", b"precious")
        path.chmod(stat.S_IREAD)
        self.check("out.glb", IO, "out.glb")
        self.assertEqual(path.read_bytes(), b"precious")
        self.assert_left("disc.png", "out.glb")

    def test_full_device(self):
        image = self.file("disc.png", pictures.disc())
        result = self.run_program("generate", image, "-o", "/dev/full", "--model", MODEL, *FAST, "--quiet")
        self.assertIn(result.returncode, (ARGUMENT, IO), result.stderr)
        self.assertEqual(len(result.stderr.strip().splitlines()), 1, result.stderr)

    def test_unknown_extension_fails_before_any_work(self):
        self.check("out.fbx", ARGUMENT, "out.fbx", ".glb")
        self.assert_left("disc.png")

    def test_old_output_survives_a_failed_run(self):
        self.file("out.glb", b"old")
        self.assert_fails(self.generate(self.file("bad.png", b"")), CORRUPT)
        self.assertEqual((self.folder / "out.glb").read_bytes(), b"old")
        self.assert_left("bad.png", "out.glb")


TETRAHEDRON = """v 0 0 0
v 1 0 0
v 0 1 0
v 0 0 1
f 1 3 2
f 1 2 4
f 1 4 3
f 2 3 4
"""


class MeshCommandTest(ProgramTest):
    def test_check_of_a_sound_mesh(self):
        result = self.run_program("mesh-check", self.file("t.obj", TETRAHEDRON.encode()), "--json")
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        facts = json.loads(result.stdout)
        self.assertTrue(facts["watertight"])
        self.assertAlmostEqual(facts["volume"], 1 / 6, places=6)
        self.assertEqual((facts["genus"], facts["euler_number"]), (0, 2))

    def test_check_of_an_open_mesh(self):
        open_mesh = "\n".join(TETRAHEDRON.splitlines()[:-1])
        result = self.run_program("mesh-check", self.file("t.obj", open_mesh.encode()), "--json")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(json.loads(result.stdout)["boundary_edges"], 3)

    def test_compare_with_itself_and_with_a_shifted_copy(self):
        mesh = self.file("t.obj", TETRAHEDRON.encode())
        same = json.loads(self.run_program("compare", mesh, mesh, "--json").stdout)
        self.assertLess(same["chamfer"], 1e-6)
        self.assertEqual(same["f_score"][0]["f"], 1)
        self.assertAlmostEqual(same["volume_iou"], 1)
        shifted = self.file("s.obj", TETRAHEDRON.replace("v 0 0 1", "v 0 0 1.5").encode())
        other = json.loads(self.run_program("compare", shifted, mesh, "--json").stdout)
        self.assertGreater(other["chamfer"], 0.01)
        self.assertAlmostEqual(other["volume_ratio"], 1.5, places=3)

    def test_render_writes_a_png(self):
        mesh = self.file("t.obj", TETRAHEDRON.encode())
        result = self.run_program("render", mesh, "-o", self.folder / "t.png", "--tile", 64)
        self.assertEqual(result.returncode, 0, result.stderr)
        picture = (self.folder / "t.png").read_bytes()
        self.assertEqual(struct.unpack_from(">II", picture, 16), (4 * 64, 2 * 64))

    def render(self, mesh, *arguments):
        """The sheet's pixels, rows of (r, g, b), and what was said."""
        result = self.run_program("render", mesh, "-o", self.folder / "sheet.png", "--tile", 32, "--turns", 1, *arguments)
        self.assertEqual(result.returncode, 0, result.stderr)
        return pictures.read_rgb((self.folder / "sheet.png").read_bytes()), result.stderr

    def test_render_draws_textures_and_does_without(self):
        blue = pictures.png(2, 2, 8, 2, (b"\0" + bytes((30, 60, 200)) * 2) * 2)
        self.file("skin.png", blue)
        self.file("skin.mtl", b"newmtl skin\nmap_Kd skin.png\n")
        lines = TETRAHEDRON.replace("f ", "usemtl skin\nf ").splitlines()
        textured = "\n".join(["mtllib skin.mtl", "vt 0 0", "vt 1 0", "vt 0 1"] +
                             ["f " + " ".join(f"{v}/{k + 1}" for k, v in enumerate(line.split()[1:])) if line[0] == "f" else line
                              for line in lines]) + "\n"
        mesh = self.file("t.obj", textured.encode())
        plain, _ = self.render(self.file("plain.obj", TETRAHEDRON.encode()))
        centre = lambda rows: rows[16][16]
        rows, said = self.render(mesh, "--colours", "unlit")
        self.assertEqual((centre(rows), said), ((30, 60, 200), ""))
        red, green, level = centre(self.render(mesh)[0])
        self.assertTrue(red < green < level, (red, green, level))
        self.assertEqual(self.render(mesh, "--colours", "plain"), (plain, ""))
        (self.folder / "skin.png").unlink()
        rows, said = self.render(mesh)
        self.assertEqual(rows, plain)
        self.assertEqual(said, f"sinter: warning: [image] {self.folder / 'skin.png'}: no such file\n")
        for wrong in ("blue", "1"):
            self.assert_fails(self.run_program("render", mesh, "-o", self.folder / "x.png", "--colours", wrong), ARGUMENT,
                              "--colours", "lit,unlit,plain")

    def test_broken_meshes(self):
        for name, content, status in (("none.glb", None, NOT_FOUND), ("empty.glb", b"", CORRUPT),
                                      ("short.glb", b"glTF\x02\x00\x00\x00", CORRUPT),
                                      ("index.obj", b"v 0 0 0\nf 1 2 3\n", CORRUPT)):
            with self.subTest(name):
                path = self.folder / name if content is None else self.file(name, content)
                self.assert_fails(self.run_program("mesh-check", path), status, name)
                self.assert_fails(self.run_program("render", path, "-o", self.folder / "x.png"), status, name)
        self.assertFalse((self.folder / "x.png").exists())


class BenchTest(ProgramTest):
    """A model without files: the sizes of a small configuration, random weights."""
    SMALL = ["--random-weights", "--config", ROOT / "tests/models/data/base/config.yaml", "--steps", 3, "--octree", 24]
    STAGES = ["image", "condition", "sample", "latents", "volume", "surface", "mesh"]

    def bench(self, *arguments):
        result = self.run_program("bench", "shape", *arguments, "--json", self.folder / "figures.json", "--quiet")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stdout + result.stderr, "")
        return json.loads((self.folder / "figures.json").read_text())

    def check(self, figures, runs):
        self.assertEqual(list(figures["stages"]), self.STAGES)
        for stage in [*figures["stages"].values(), figures["whole"]]:
            self.assertLessEqual(stage["least_ms"], stage["median_ms"])
            self.assertLessEqual(stage["median_ms"], stage["most_ms"])
        for name in ("condition", "sample", "latents", "volume"):
            self.assertGreater(figures["stages"][name]["flop"], 0)
            self.assertGreater(figures["stages"][name]["bytes"], 0)
        self.assertEqual(figures["stages"]["mesh"]["flop"], 0)
        self.assertEqual(figures["runs"], runs)
        self.assertGreater(figures["faces"], 100)
        self.assertGreater(figures["ceilings"]["flop_per_second"], 1e9)
        self.assertGreater(figures["ceilings"]["bytes_per_second"], 1e8)
        self.assertGreater(figures["peak_memory_bytes"], 0)

    def test_random_weights(self):
        figures = self.bench(*self.SMALL, "--runs", 2)
        self.check(figures, 2)
        self.assertEqual(figures["steps"], 3)
        self.assertEqual(figures["steps_computed"], 2)
        self.assertEqual(figures["network_evaluations"], 4)
        # twelve products of 128 x 128 a token and the scores, in both halves, for two steps: 12 latents, 17 or 1 tokens
        tokens = [12 + 17, 12 + 1]
        flop = 2 * 2 * 5 * sum(12 * 128 ** 2 * n + 2 * n ** 2 * 128 for n in tokens)
        self.assertAlmostEqual(figures["stages"]["sample"]["flop"] / flop, 1, places=6)
        again = self.bench(*self.SMALL, "--runs", 1, "--warm-ups", 0)
        self.assertEqual(again["vertices"], figures["vertices"])

    def test_a_model_of_this_machine(self):
        self.check(self.bench("--model", MODEL, *FAST, "--runs", 1, "--warm-ups", 0), 1)

    def test_flashvdm(self):
        self.check(self.bench(*self.SMALL, "--decode", "flashvdm", "--runs", 1, "--warm-ups", 0), 1)

    def test_table(self):
        result = self.run_program("bench", "shape", *self.SMALL, "--runs", 1)
        self.assertEqual(result.returncode, 0, result.stderr)
        for word in [*self.STAGES, "whole", "random weights", "median ms", "share", "TFLOP/s", "GB/s", "peak memory"]:
            self.assertIn(word, result.stdout)

    def test_wrong_arguments(self):
        def fails(*arguments, words):
            self.assert_fails(self.run_program("bench", "shape", *arguments), ARGUMENT, *words)
        fails(words=["--model PATH", "--random-weights"])
        fails("--variant", "mini", words=["--random-weights"])
        fails("--variant", "base", "--random-weights", "--vae", "fast", words=["fast", "step-distilled"])
        fails("--model", MODEL, "--random-weights", words=["--model PATH"])
        fails("--random-weights", "--variant", "huge", words=["variant", "mini-turbo", "2.1", "got huge"])
        fails(*self.SMALL, "--runs", 0, words=["runs", "1..1000", "got 0"])
        fails(*self.SMALL, "--views", 5, words=["views", "1..4", "got 5"])
        fails(*self.SMALL, "--views", 2, words=["view"])
        self.assert_left()


if __name__ == "__main__":
    del sys.argv[1]
    unittest.main(verbosity=2)
