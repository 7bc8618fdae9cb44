#!/usr/bin/env python3
"""Compares sinter with the official Hunyuan3D code, stage by stage, on the same weights, noise and pictures.

    cmake --build build/dev --target parity_stages
    tools/parity/official_parity.py --upstream path/to/Hunyuan3D-2 --variant base mini mv turbo mini-turbo
    tools/parity/official_parity.py --upstream path/to/Hunyuan3D-2.1 --variant 2.1
    tools/parity/official_parity.py --upstream path/to/Hunyuan3D-2.1 --bundle models/sinter-small

The official classes get random weights of the size of trained ones (official.py says which), which are saved in the
official format and read by parity_stages; --bundle takes the weights of a model instead. The truth is the official code
in fp32. Each line is one stage with inputs of its own, taken from the truth, so that errors do not add up; "mesh" is the
whole chain. Columns: relative distance |x - truth| / |truth| of sinter in fp32 on the CPU, of the official code in
fp16, and, with --cuda, of sinter in fp16 on the GPU; with --fp8 too, of its steps with products of e4m3, to which no
limit applies.

Exit status 1 where sinter's fp32 step is further than 1e-5 from the truth, or its fp16 is further from it than the
official fp16 on any stage but flashvdm. The step of variants that embed the guidance scale is judged by the official code with correctly
rounded exponentials, see exact_exponentials(). That of 2.1 is judged without the tokens (one in a thousand at most) for which
two experts are tied to the last bits: each side may send them to another one, and both are right. --reduced takes small sizes, for a CPU. Needs torch, torchvision, transformers, diffusers,
einops, scikit-image, safetensors, PyYAML, for 2.1 timm; meshes are compared where SciPy is.
"""

import argparse
import contextlib
import copy
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import official
import torch
import yaml
from safetensors.torch import load_file, save_file

ROOT = Path(__file__).resolve().parents[2]
FP32_LIMIT = 1e-5
# Both distances are made of the same kind of roundings, some independent of the other side's: a percent apart is a tie.
FP16_TIE = 1.01
STAGES = {"condition": "condition", "step": "velocity", "steps": "latents", "tokens": "tokens", "logits": "logits",
          "flashvdm": "flashvdm", "mesh": "grid"}
# Which keys a part of space attends to hangs on scores that may be tied, so no limit holds for FlashVDM.
UNLIMITED = {"flashvdm"}
FP8_STAGES = "step,steps"  # the shape transformer's
GUIDANCE = 5.0


def distance(x: torch.Tensor, truth: torch.Tensor) -> float:
    """Over the elements that both sides have; NaN where they do not have 999 of 1000 in common."""
    x, truth = x.double().cpu().reshape(-1), truth.double().cpu().reshape(-1)
    both = x.isfinite() & truth.isfinite()
    if both.sum() < 0.999 * max(x.isfinite().sum(), truth.isfinite().sum()):
        return float("nan")
    x, truth = x[both], truth[both]
    return ((x - truth).norm() / truth.norm()).item()


def token_distances(x: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Of each row, in units of the root mean square row of the truth."""
    x, truth = (y.double().cpu().reshape(-1, y.shape[-1]) for y in (x, truth))
    return (x - truth).norm(dim=1) / truth.norm(dim=1).pow(2).mean().sqrt()


@contextlib.contextmanager
def exact_exponentials():
    """torch.exp rounds its results to within a unit in the last place, which one depends on the machine. In the guidance
    embedding that moves angles of up to 5000 by 3e-4, more than all other rounding of a step together. Inside, every
    result is the nearest number."""
    kept = torch.exp
    torch.exp = lambda x: kept(x.double()).to(x.dtype)
    try:
        yield
    finally:
        torch.exp = kept


class Official:
    """The official networks in one type, called as the official pipeline calls them."""

    def __init__(self, module, config: dict, networks: dict, device: str, dtype: torch.dtype) -> None:
        self.device, self.dtype = device, dtype
        self.scheduler = config["scheduler"]
        self.module = module
        self.pipeline = module.Hunyuan3DDiTFlowMatchingPipeline(
            **networks, scheduler=official.build(module, self.scheduler, "cpu"), image_processor=None, device=device,
            dtype=dtype)
        self.embedded = getattr(networks["model"], "guidance_embed", False) is True

    def cast(self, x: torch.Tensor) -> torch.Tensor:
        return x.to(self.device, self.dtype)

    def condition(self, image: torch.Tensor) -> torch.Tensor:
        """image [V, 3, s, s] -> [1, T, W]"""
        multi_view = hasattr(self.pipeline.conditioner.main_image_encoder, "view_embed")
        if multi_view:
            views = {"view_idxs": [tuple(range(image.shape[0]))]}
            return self.pipeline.conditioner(image=image[None].to(self.device), **views)["main"]
        return self.pipeline.conditioner(image=image.to(self.device))["main"]

    def contexts(self, condition: torch.Tensor) -> dict:
        condition = self.cast(condition)
        if not self.embedded:
            condition = torch.cat([condition, torch.zeros_like(condition)])
        return {"main": condition}

    def velocity(self, condition: torch.Tensor, noise: torch.Tensor, when: float) -> torch.Tensor:
        """One call of the transformer, as the sampling loop makes it."""
        copies = 1 if self.embedded else 2
        times = torch.full((copies,), when, device=self.device, dtype=self.dtype)
        guidance = torch.full((1,), GUIDANCE, device=self.device, dtype=self.dtype) if self.embedded else None
        x = torch.cat([self.cast(noise)[None]] * copies)
        return self.pipeline.model(x, times, self.contexts(condition), guidance=guidance)

    def latents(self, condition: torch.Tensor, noise: torch.Tensor, steps: int) -> torch.Tensor:
        """The pipeline's own loop, from given noise and condition."""
        pipeline = self.pipeline
        pipeline.scheduler = official.build(self.module, self.scheduler, "cpu")
        pipeline.prepare_image = lambda image, *_: {"image": torch.zeros(1)}
        pipeline.encode_cond = lambda **_: self.contexts(condition)
        pipeline.prepare_latents = lambda *_, **__: self.cast(noise)[None]
        return pipeline(image=0, num_inference_steps=steps, guidance_scale=GUIDANCE, output_type="latent",
                        enable_pbar=False)

    def tokens(self, latents: torch.Tensor) -> torch.Tensor:
        vae = self.pipeline.vae
        return vae(1.0 / vae.scale_factor * self.cast(latents))

    def logits(self, tokens: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
        parts = [self.pipeline.vae.geo_decoder(queries=part[None], latents=tokens)
                 for part in self.cast(points).split(8000)]
        return torch.cat(parts, dim=1)

    def grid(self, tokens: torch.Tensor, octree: int) -> torch.Tensor:
        vae = self.pipeline.vae
        return vae.volume_decoder(tokens, vae.geo_decoder, bounds=1.01, num_chunks=8000, octree_resolution=octree,
                                  mc_level=0.0, enable_pbar=False)[0]

    def flashvdm(self, tokens: torch.Tensor, octree: int) -> torch.Tensor:
        self.pipeline.vae.enable_flashvdm_decoder(mc_algo="mc")
        grid = self.grid(tokens, octree)
        self.pipeline.vae.enable_flashvdm_decoder(enabled=False)
        return grid

    def vertices(self, grid: torch.Tensor, octree: int) -> np.ndarray:
        """On the grid's own points: upstream's coordinates shrink by octree / (octree + 1)."""
        mesh = self.pipeline.vae.surface_extractor(grid[None], mc_level=0.0, bounds=1.01, octree_resolution=octree)[0]
        return (mesh.mesh_v + 1.01) * (octree + 1) / octree - 1.01


def run_official(side: Official, inputs: dict, arguments) -> dict[str, torch.Tensor]:
    """All stages. Inputs that are not there yet become those of this side: the truth runs first."""
    results = {"condition": side.condition(inputs["image"])}
    given = inputs.setdefault("given_condition", results["condition"].float())
    results["velocity"] = side.velocity(given, inputs["noise"], arguments.time)
    results["latents"] = side.latents(given, inputs["noise"], arguments.steps)
    # fp16 numbers, so that no side rounds them
    latents = inputs.setdefault("given_latents", results["latents"].half().float())
    results["tokens"] = side.tokens(latents)
    results["logits"] = side.logits(results["tokens"], inputs["points"])
    results["flashvdm"] = side.flashvdm(results["tokens"], arguments.octree)
    chain = side.latents(results["condition"], inputs["noise"], arguments.steps)
    results["grid"] = side.grid(side.tokens(chain), arguments.octree)
    return results


def run_sinter(arguments, bundle: Path, inputs: Path, folder: Path, stages: str, extra: list[str]) -> dict:
    outputs = folder / "outputs.safetensors"
    command = [str(arguments.program), str(bundle), str(inputs), str(outputs), "--stages", stages,
               "--threads", str(arguments.threads), "--steps", str(arguments.steps), "--time", str(arguments.time),
               "--octree", str(arguments.octree), "--guidance", str(GUIDANCE), *extra]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return load_file(outputs)


def surface_distance(ours: np.ndarray, theirs: np.ndarray, octree: int) -> str:
    """Largest and mean distance from a vertex to the nearest of the other mesh, in cells, both ways."""
    from scipy.spatial import cKDTree
    cell = 2.02 / octree
    there, back = cKDTree(theirs).query(ours)[0], cKDTree(ours).query(theirs)[0]
    return f"largest {max(there.max(), back.max()) / cell:.4f}, mean {(there.mean() + back.mean()) / 2 / cell:.6f} cells"


def load_bundle(module, folder: Path, device: str) -> tuple[dict, dict]:
    config = yaml.safe_load((folder / "config.yaml").read_text())
    tensors = load_file(folder / "model.fp16.safetensors")
    networks = {}
    for component in official.COMPONENTS:
        networks[component] = official.build(module, config[component], device)
        prefix = component + "."
        official.load_published(networks[component], {
            name[len(prefix):]: x for name, x in tensors.items() if name.startswith(prefix)})
    return config, networks


def compare(arguments, module, name: str, folder: Path) -> bool:
    """Prints one model's table; true where it is within the limits."""
    device = arguments.device
    start = time.time()
    if arguments.bundle:
        bundle = arguments.bundle
        config, networks = load_bundle(module, bundle, device)
    else:
        bundle = folder / "bundle"
        config = official.config_of(name, arguments.reduced)
        networks = official.build_random(module, config, device)
        official.save_bundle(bundle, config, networks)
    generator = torch.Generator().manual_seed(5)
    vae, multi_view = config["vae"]["params"], name.startswith("mv")
    size = config["image_processor"]["params"]["size"]
    inputs = {"image": official.made_up_images(4 if multi_view else 1, size),
              "noise": torch.randn(vae["num_latents"], vae["embed_dim"], generator=generator).half().float(),
              "points": ((torch.rand(arguments.points, 3, generator=generator) * 2 - 1) * 1.01).half().float()}
    with torch.inference_mode():
        truth_side = Official(module, config, networks, device, torch.float32)
        truth = {key: x.float().cpu() for key, x in run_official(truth_side, inputs, arguments).items()}
        exact = truth["velocity"]
        if truth_side.embedded:
            with exact_exponentials():
                exact = truth_side.velocity(inputs["given_condition"], inputs["noise"], arguments.time).cpu()
        truth_mesh = truth_side.vertices(truth["grid"], arguments.octree)
        half = {key: copy.deepcopy(network).half() for key, network in networks.items()}
        half_side = Official(module, config, half, device, torch.float16)
        official_half = {key: x.float().cpu() for key, x in run_official(half_side, inputs, arguments).items()}
        half_mesh = half_side.vertices(official_half["grid"], arguments.octree)
    del half, networks, truth_side, half_side
    file = folder / "inputs.safetensors"
    flat = {key: (x[0] if key.startswith("given_") else x).float().cpu().contiguous() for key, x in inputs.items()}
    save_file(flat, file)
    official_seconds = time.time() - start
    ours = run_sinter(arguments, bundle, file, folder, arguments.cpu_stages, [])
    cuda = run_sinter(arguments, bundle, file, folder, arguments.cuda_stages,
                      ["--device", "cuda", "--dtype", "fp16"]) if arguments.cuda else {}
    fp8 = run_sinter(arguments, bundle, file, folder, FP8_STAGES,
                     ["--device", "cuda", "--dtype", "fp16", "--fp8", "1"]) if arguments.fp8 else {}

    print(f"\n{name}: {sum(x.numel() for x in truth.values()):,} values compared, official side {official_seconds:.0f} s")
    print(f"  {'stage':10} {'size of truth':>13} {'sinter fp32':>12} {'official fp16':>13} {'sinter fp16':>12} {'sinter fp8':>12}")
    good, rows = True, {}
    for stage, key in STAGES.items():
        row = {"rms": truth[key].double().nan_to_num(0).pow(2).mean().sqrt().item(), "official_fp16": distance(official_half[key], truth[key])}
        if key in ours:
            row["sinter_fp32"] = distance(ours[key], truth[key])
        if key in cuda:
            row["sinter_fp16"] = distance(cuda[key], truth[key])
            good &= stage in UNLIMITED or row["sinter_fp16"] <= FP16_TIE * row["official_fp16"]
        if key in fp8:
            row["sinter_fp8"] = distance(fp8[key], truth[key])
        rows[stage] = row
        cell = lambda column: f"{row[column]:.2e}" if column in row else "-"  # noqa: E731
        print(f"  {stage:10} {row['rms']:13.3f} {cell('sinter_fp32'):>12} {cell('official_fp16'):>13} {cell('sinter_fp16'):>12} "
              f"{cell('sinter_fp8'):>12}")
    if "velocity" in ours:
        judged = rows["step"]["sinter_fp32_exact_exp"] = distance(ours["velocity"], exact)
        if "num_experts" in config["model"]["params"]:
            each = token_distances(ours["velocity"], exact)
            tied = each > 100 * each.median()
            judged = rows["step"]["sinter_fp32_without_ties"] = each[~tied].pow(2).mean().sqrt().item()
            rows["step"]["tied_tokens"] = int(tied.sum())
            print(f"  step, without {int(tied.sum())} of {len(each)} tokens, which went to other experts: {judged:.2e}; "
                  f"median token {each.median():.2e}, largest {each.max():.2e}")
            good &= int(tied.sum()) <= len(each) / 1000
        good &= judged < FP32_LIMIT
        if exact is not truth["velocity"]:
            print(f"  step, exponentials rounded correctly: sinter fp32 {rows['step']['sinter_fp32_exact_exp']:.2e}, "
                  f"official fp32 {distance(truth['velocity'], exact):.2e}")
    try:
        print(f"  surface of the official fp16: {surface_distance(half_mesh, truth_mesh, arguments.octree)}")
        for label, side in (("fp32", ours), ("fp16", cuda)):
            if "vertices" in side:
                measured = surface_distance(side["vertices"].numpy(), truth_mesh, arguments.octree)
                print(f"  surface of sinter's {label}: {measured}")
    except ImportError:
        print("  surfaces not compared: no SciPy")
    print(f"  {'within the limits' if good else 'OUTSIDE THE LIMITS'}", flush=True)
    arguments.report[name] = {"stages": rows, "good": good}
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upstream", type=Path, required=True, help="checkout of Hunyuan3D-2 or Hunyuan3D-2.1")
    parser.add_argument("--variant", nargs="+", choices=official.VARIANTS, default=["mini"])
    parser.add_argument("--bundle", type=Path, help="a model with config.yaml and model.fp16.safetensors instead")
    parser.add_argument("--reduced", action="store_true", help="small sizes")
    parser.add_argument("--program", type=Path, default=ROOT / "build/dev/bin/parity_stages")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="of the official code")
    parser.add_argument("--cuda", action="store_true", help="also sinter in fp16 on the GPU")
    parser.add_argument("--fp8", action="store_true", help="also sinter's steps with products of e4m3 on the GPU")
    parser.add_argument("--cpu-stages", default=",".join(STAGES), help="stages of sinter's fp32 on the CPU")
    parser.add_argument("--cuda-stages", default=",".join(STAGES))
    parser.add_argument("--threads", type=int, default=2, help="of sinter on the CPU")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--time", type=float, default=0.5, help="flow time of the single step")
    parser.add_argument("--octree", type=int, default=64)
    parser.add_argument("--points", type=int, default=20000)
    parser.add_argument("--work", type=Path, help="folder for the models, which is removed; default a temporary one")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    arguments.report = {}
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    names = [arguments.bundle.name] if arguments.bundle else arguments.variant
    new = (arguments.upstream / "hy3dshape").exists()
    module = official.import_upstream(arguments.upstream, "2.1" if new else names[0])
    print(f"torch {torch.__version__}, {arguments.device}; {arguments.steps} steps, octree {arguments.octree}")
    good = True
    for name in names:
        folder = Path(tempfile.mkdtemp(prefix="sinter-parity-", dir=arguments.work))
        try:
            good &= compare(arguments, module, name, folder)
        finally:
            shutil.rmtree(folder)
        if arguments.device == "cuda":
            torch.cuda.empty_cache()
        if arguments.json:
            arguments.json.write_text(json.dumps(arguments.report, indent=1) + "\n")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
