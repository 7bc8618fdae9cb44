#!/usr/bin/env python3
"""Times the official Hunyuan3D code on this machine's GPU, stage by stage at official sizes, beside sinter.

    bench/shape_torch.py --upstream path/to/Hunyuan3D-2 --variant base mini mv turbo --sinter build/release/bin/sinter
    bench/shape_torch.py --upstream path/to/Hunyuan3D-2.1 --variant 2.1 --json figures.json

fp16, random weights of the size of trained ones (tools/parity/official.py), eager and, with --compile, through
torch.compile under a CUDA graph. Stages: the image encoder, one step of the transformer (with both halves of guidance
where the variant has them), the VAE's transformer, the dense field at (octree + 1)^3 points in upstream's chunks of 8000
(a part of the chunks is timed and the rest extrapolated, which the output says), upstream's FlashVDM decode (turbo
variants with their small decoder), and marching cubes of scikit-image on the CPU. Each is the median of --runs runs
after warm-up. The ceilings, a large fp16 product and a large copy, are measured in the same run.

--sinter PROGRAM also starts `sinter bench shape --random-weights --json` for each variant and prints the ratios; with it
--sinter-arguments "--device cuda --dtype fp16" are handed on. Needs the packages of tools/parity/official_parity.py.
"""

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Callable

import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools/parity"))

import official  # noqa: E402


def sync() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def median_ms(body: Callable, runs: int, warm_ups: int = 2) -> float:
    for _ in range(warm_ups):
        body()
    sync()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        body()
        sync()
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def captured(body: Callable) -> Callable:
    """The same work as a replay of a CUDA graph."""
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        for _ in range(3):
            body()
    sync()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        body()
    return graph.replay


def ceilings(device: str, runs: int) -> dict:
    side = 8192 if device == "cuda" else 1024
    dtype = torch.float16 if device == "cuda" else torch.float32
    a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    product = median_ms(lambda: a @ b, runs)
    x = torch.randn(1 << (30 if device == "cuda" else 24), device=device)
    y = torch.empty_like(x)
    copy = median_ms(lambda: y.copy_(x), runs)
    return {"tflops": 2 * side**3 / product / 1e9, "gbs": 2 * x.numel() * 4 / copy / 1e6}


class Peer:
    """The official networks of one variant."""

    def __init__(self, arguments, variant: str) -> None:
        self.arguments, self.variant, self.device = arguments, variant, arguments.device
        self.dtype = torch.float16 if self.device == "cuda" else torch.float32
        self.module = official.import_upstream(arguments.upstream, variant)
        config = official.config_of(variant, arguments.reduced)
        networks = official.build_random(self.module, config, self.device)
        self.conditioner, self.model, self.vae = (networks[name].to(self.dtype)
                                                  for name in ("conditioner", "model", "vae"))
        fast = official.fast_vae_config(variant, arguments.reduced)
        self.fast_vae = self.vae
        if fast is not None:
            self.fast_vae = official.build(self.module, fast, self.device)
            official.randomise(self.fast_vae, "vae")
            self.fast_vae = self.fast_vae.to(self.dtype)
        views = 4 if variant.startswith("mv") else 1
        image = official.made_up_images(views, config["image_processor"]["params"]["size"]).to(self.device)
        self.image = image[None] if views > 1 else image
        self.views = {"view_idxs": [tuple(range(views))]} if views > 1 else {}
        self.guided = getattr(self.model, "guidance_embed", False) is not True

    def noise(self, vae) -> torch.Tensor:
        generator = torch.Generator(self.device).manual_seed(7)
        return torch.randn(1, *vae.latent_shape, generator=generator, device=self.device).to(self.dtype)

    def networks(self, compiled: bool) -> dict[str, Callable]:
        """Stage -> what runs it once."""
        wrap = torch.compile if compiled else lambda network: network
        conditioner, model, vae = wrap(self.conditioner), wrap(self.model), wrap(self.vae)
        condition = self.conditioner(image=self.image, **self.views)["main"].to(self.dtype)
        copies = 2 if self.guided else 1
        context = {"main": torch.cat([condition, torch.zeros_like(condition)][:copies])}
        noise = self.noise(self.vae)
        x = torch.cat([noise] * copies)
        times = torch.full((copies,), 0.5, device=self.device, dtype=self.dtype)
        guidance = None if self.guided else torch.full((1,), 5.0, device=self.device, dtype=self.dtype)
        latents = noise / self.vae.scale_factor
        # the picture's way to the GPU is no part of the network; a graph cannot hold it either
        pixels = self.image.to(self.dtype)
        return {"condition": lambda: conditioner(image=pixels, **self.views),
                "step": lambda: model(x, times, context, guidance=guidance),
                "latents": lambda: vae(latents)}

    def chunks(self) -> int:
        return -(-((self.arguments.octree + 1) ** 3) // 8000)

    def dense_share(self, wanted: float) -> float:
        """The part of the dense field's chunks that will be timed."""
        return max(1, min(self.chunks(), round(wanted * self.chunks()))) / self.chunks()

    def dense(self, runs: int, share: float) -> float:
        """Milliseconds of the whole grid."""
        timed = round(share * self.chunks())
        tokens = self.vae(self.noise(self.vae) / self.vae.scale_factor)
        queries = ((torch.rand(1, 8000, 3, device=self.device) * 2 - 1) * 1.01).to(self.dtype)

        def part():
            for _ in range(timed):
                self.vae.geo_decoder(queries=queries, latents=tokens)
        return median_ms(part, runs, 1) * (self.arguments.octree + 1) ** 3 / (8000 * timed)

    def flashvdm(self, runs: int, result: dict) -> float:
        """Milliseconds; the field comes back in result["grid"]."""
        vae = self.fast_vae
        vae.enable_flashvdm_decoder(mc_algo="mc")
        tokens = vae(self.noise(vae) / vae.scale_factor)

        def run():
            result["grid"] = vae.volume_decoder(tokens, vae.geo_decoder, bounds=1.01, mc_level=0.0, num_chunks=8000,
                                                octree_resolution=self.arguments.octree, enable_pbar=False)
        milliseconds = median_ms(run, runs, 1)
        vae.enable_flashvdm_decoder(enabled=False)
        return milliseconds

    def marching_cubes(self, grid: torch.Tensor, runs: int) -> float:
        extract = self.vae.surface_extractor
        return median_ms(lambda: extract(grid, mc_level=0.0, bounds=1.01, octree_resolution=self.arguments.octree), runs, 0)


@torch.inference_mode()
def measure(arguments, variant: str, figures: dict) -> None:
    """Fills `figures`, stage -> milliseconds, and prints each as it comes."""
    peer = Peer(arguments, variant)

    def note(name: str, body: Callable) -> None:
        try:
            figures[name] = body()
            print(f"  {name:44} {figures[name]:9.2f}", flush=True)
        except Exception as error:  # noqa: BLE001: one stage that upstream cannot run must not hide the others
            figures[name] = None
            print(f"  {name:44} {type(error).__name__}: {str(error).splitlines()[0][:150]}", flush=True)

    few = max(1, arguments.runs // 3)
    for stage, body in peer.networks(False).items():
        note(f"{stage}, eager", lambda: median_ms(body, arguments.runs))
    share = peer.dense_share(arguments.dense_share)
    note(f"dense field {arguments.octree}, eager, {100 * share:.1f} % timed", lambda: peer.dense(few, share))
    field = {}
    note(f"FlashVDM {arguments.octree}, eager", lambda: peer.flashvdm(few, field))
    if field:
        note("marching cubes, scikit-image", lambda: peer.marching_cubes(field["grid"].nan_to_num(-1), 1))
    if arguments.compile:
        for stage, body in peer.networks(True).items():
            if stage in arguments.compile_stages:
                note(f"{stage}, compiled and graphed", lambda: median_ms(captured(body), arguments.runs))
    if arguments.device == "cuda":
        note("peak memory, MB", lambda: torch.cuda.max_memory_allocated() / 1e6)


def run_sinter(arguments, variant: str) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "figures.json"
        command = [str(arguments.sinter), "bench", "shape", "--random-weights", "--variant", variant, "--octree",
                   str(arguments.octree), "--runs", str(arguments.runs), "--json", str(file), "--quiet",
                   *(["--views", "4"] if variant.startswith("mv") else []), *shlex.split(arguments.sinter_arguments)]
        subprocess.run(command, check=True)
        return json.loads(file.read_text())


def print_ratios(theirs: dict, ours: dict) -> None:
    """sinter's stages beside the official code's fastest figure for the same work."""
    per_step = ours["stages"]["sample"]["median_ms"] / max(1, ours["steps_computed"])
    pairs = {"condition": ours["stages"]["condition"]["median_ms"], "step": per_step,
             "latents": ours["stages"]["latents"]["median_ms"]}
    for stage, mine in pairs.items():
        known = [value for name, value in theirs.items() if name.startswith(stage + ",") and value]
        if known:
            print(f"  {stage:24} sinter {mine:9.2f} ms, official at best {min(known):9.2f} ms, {min(known) / mine:5.2f}x")
    for stage in ("volume", "surface", "mesh", "image"):
        print(f"  {stage:24} sinter {ours['stages'][stage]['median_ms']:9.2f} ms")
    print(f"  {'whole run':24} sinter {ours['whole']['median_ms']:9.2f} ms, {ours['faces']} faces")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upstream", type=Path, required=True, help="checkout of Hunyuan3D-2, or Hunyuan3D-2.1 for 2.1")
    parser.add_argument("--variant", nargs="+", choices=official.VARIANTS, default=["base"])
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--compile", action="store_true", help="also torch.compile under a CUDA graph; minutes")
    parser.add_argument("--compile-stages", nargs="+", default=["step"],
                        help="of condition, step, latents; the image encoder of the official code cannot be captured")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--octree", type=int, default=384)
    parser.add_argument("--dense-share", type=float, default=0.05, help="part of the dense field's chunks to time")
    parser.add_argument("--reduced", action="store_true", help="small sizes, to try the program")
    parser.add_argument("--sinter", type=Path, help="the program, to be timed too")
    parser.add_argument("--sinter-arguments", default="", help="handed on to it")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    machine = torch.cuda.get_device_name() if arguments.device == "cuda" else "CPU"
    report = {"torch": torch.__version__, "device": machine, "octree": arguments.octree, "runs": arguments.runs,
              "ceilings": ceilings(arguments.device, arguments.runs), "official_ms": {}, "sinter": {}}
    print(f"{machine}, torch {torch.__version__}: ceilings {report['ceilings']['tflops']:.1f} TFLOP/s, "
          f"{report['ceilings']['gbs']:.0f} GB/s")
    for variant in arguments.variant:
        print(f"{variant}, official code, milliseconds:", flush=True)
        figures = report["official_ms"].setdefault(variant, {})
        measure(arguments, variant, figures)
        if arguments.json:
            arguments.json.write_text(json.dumps(report, indent=1) + "\n")
        if arguments.device == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        if arguments.sinter:
            report["sinter"][variant] = run_sinter(arguments, variant)
            print_ratios(figures, report["sinter"][variant])
        if arguments.json:
            arguments.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
