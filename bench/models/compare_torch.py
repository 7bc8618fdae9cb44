#!/usr/bin/env python3
"""Times sinter's networks against PyTorch on the CPU: same weights, same inputs, same threads, turn by turn.

    bench/models/compare_torch.py --program build/dev/bin/bench_models --model models/sinter-small

Prints for the guided transformer step and for a stream of field queries the median of each side, their ratio, the
rate in GFLOP/s and its share of the larger of both sides' rates on a square product measured in the same run. The
PyTorch side is training/models, eager in inference mode and, with --compile, through torch.compile. Both sides' outputs
are compared, so that both have done the same work. Needs torch, safetensors and PyYAML.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Callable

import torch
import yaml
from safetensors.torch import load_file, save_file

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "tools/goldens"))

from make_goldens import DIT_KEYS, VAE_KEYS, load_component, pick  # noqa: E402
from training.models import DiTConfig, Hunyuan3DDiT, ShapeVAE, VAEConfig  # noqa: E402

GEMM = 1024


class Program:
    """bench_models, which times one job a line."""

    def __init__(self, path: Path, model: Path, inputs: Path, threads: int) -> None:
        command = [str(path), str(model), str(inputs), str(threads)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, line: str) -> str:
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if not answer:
            raise SystemExit(f"bench_models stopped at '{line}'")
        return answer

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def timed(body: Callable[[], torch.Tensor]) -> float:
    start = time.perf_counter()
    body()
    return time.perf_counter() - start


def dit_flops(config: DiTConfig, rows: int, pairs: int, latents: int) -> float:
    """Products of one step over `rows` token rows in all and `pairs` (query, key) pairs summed over the sequences."""
    width, inner = config.hidden_size, int(config.hidden_size * config.mlp_ratio)
    blocks = config.depth + config.depth_single_blocks
    per_row = 4 * width * width + 2 * width * inner
    return 2.0 * blocks * (rows * per_row + 2 * pairs * width) + 4.0 * latents * config.in_channels * width


def query_flops(config: VAEConfig, points: int) -> float:
    """Products for all points, keys and values at hand."""
    width = config.width // config.geo_decoder_downsample_ratio
    channels = 3 + 6 * config.num_freqs
    mlp = 2 * config.geo_decoder_mlp_expand_ratio * width * width
    return 2.0 * points * (channels * width + 2 * width * width + 2 * config.num_latents * width + mlp + width)


def relative_error(a: torch.Tensor, b: torch.Tensor) -> float:
    return ((a.double() - b.double()).norm() / b.double().norm()).item()


def line(name: str, seconds: float, flops: float, ceiling: float, reference: float | None = None) -> None:
    rate = flops / seconds / 1e9
    ratio = f"{reference / seconds:6.2f}x" if reference else " " * 7
    share = 100 * rate / ceiling
    print(f"  {name:34} {seconds * 1e3:10.2f} ms {ratio} {rate:8.1f} GFLOP/s {share:5.1f} % of the ceiling")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, required=True)
    parser.add_argument("--model", type=Path, default=ROOT / "models/sinter-small")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=9)
    parser.add_argument("--points", type=int, default=200_000)
    parser.add_argument("--chunk", type=int, default=8000, help="points of one PyTorch call (upstream: 8000)")
    parser.add_argument("--compile", action="store_true", help="also time torch.compile")
    arguments = parser.parse_args()

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    config = yaml.safe_load((arguments.model / "config.yaml").read_text())
    weights = load_file(arguments.model / "model.fp16.safetensors")
    dit = load_component(Hunyuan3DDiT(pick(DiTConfig, config["model"]["params"], DIT_KEYS)), weights, "model.")
    vae = load_component(ShapeVAE(pick(VAEConfig, config["vae"]["params"], VAE_KEYS)), weights, "vae.")
    encoder = config["conditioner"]["params"]["main_image_encoder"]["kwargs"]
    count = (encoder["image_size"] // encoder["config"]["patch_size"]) ** 2 + 1
    latents = torch.randn(vae.config.num_latents, vae.config.embed_dim)
    context = torch.randn(count, dit.config.context_in_dim)
    points = torch.rand(arguments.points, 3) * 2.02 - 1.01

    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        inputs, outputs = Path(folder) / "inputs.safetensors", Path(folder) / "outputs.safetensors"
        save_file({"latents": latents, "context": context, "points": points}, inputs)
        program = Program(arguments.program, arguments.model, inputs, arguments.threads)
        pair = latents.repeat(2, 1, 1)
        halves = torch.stack([context, torch.zeros_like(context)])
        times, guidance = torch.tensor([0.375] * 2), torch.tensor([5.0] * 2)
        tokens = vae.decode(latents[None] / vae.config.scale_factor)
        square = torch.randn(GEMM, GEMM)

        def step(network) -> torch.Tensor:
            return network(pair, times, halves, guidance)

        def field(query) -> torch.Tensor:
            return torch.cat([query(part[None], tokens)[0] for part in points.split(arguments.chunk)])

        jobs: dict[str, Callable[[], float]] = {
            "gemm": lambda: float(program.ask("gemm")),
            "gemm, torch": lambda: timed(lambda: square @ square),
            "dit": lambda: float(program.ask("dit")),
            "dit_plain": lambda: float(program.ask("dit_plain")),
            "dit, torch": lambda: timed(lambda: step(dit)),
            "query": lambda: float(program.ask("query")),
            "query, torch": lambda: timed(lambda: field(vae.query)),
        }
        if arguments.compile:
            compiled_dit, compiled_query = torch.compile(dit), torch.compile(vae.query, dynamic=False)
            jobs["dit, compiled"] = lambda: timed(lambda: step(compiled_dit))
            jobs["query, compiled"] = lambda: timed(lambda: field(compiled_query))
        for job in jobs.values():
            job()  # the first run of each side allocates, packs or compiles
        seconds = {name: [] for name in jobs}
        for _ in range(arguments.repeat):
            for name, job in jobs.items():
                seconds[name].append(job())
        program.ask("dit")
        program.ask("query")
        program.ask(f"save {outputs}")
        program.close()
        ours = load_file(outputs)
        errors = relative_error(ours["velocity"], step(dit)), relative_error(ours["logits"], field(vae.query))

    median = {name: statistics.median(values) for name, values in seconds.items()}
    ceiling = 2.0 * GEMM**3 / min(median["gemm"], median["gemm, torch"]) / 1e9
    length, total = vae.config.num_latents, vae.config.num_latents + count
    plain = dit_flops(dit.config, 2 * total, 2 * total**2, length)
    collapsed = dit_flops(dit.config, total + length + 1, total**2 + (length + 1) ** 2, length)
    field_flops = query_flops(vae.config, arguments.points)
    setting = f"{arguments.threads} threads, median of {arguments.repeat}"
    print(f"{arguments.model.name}, {setting}, torch {torch.__version__}")
    print(f"product of {GEMM}^3: ceiling {ceiling:.1f} GFLOP/s")
    line("sinter", median["gemm"], 2.0 * GEMM**3, ceiling, median["gemm, torch"])
    line("torch", median["gemm, torch"], 2.0 * GEMM**3, ceiling)
    print(f"transformer, one guided step ({total} + {total} tokens); outputs agree to {errors[0]:.1e}")
    line("sinter, exact shortcuts", median["dit"], collapsed, ceiling, median["dit, torch"])
    line("sinter, plain", median["dit_plain"], plain, ceiling, median["dit, torch"])
    line("torch, eager", median["dit, torch"], plain, ceiling)
    if arguments.compile:
        line("torch, compiled", median["dit, compiled"], plain, ceiling)
    print(f"field, {arguments.points} queries; outputs agree to {errors[1]:.1e}")
    line("sinter", median["query"], field_flops, ceiling, median["query, torch"])
    line(f"torch, eager, {arguments.chunk} a call", median["query, torch"], field_flops, ceiling)
    if arguments.compile:
        line("torch, compiled", median["query, compiled"], field_flops, ceiling)


if __name__ == "__main__":
    main()
