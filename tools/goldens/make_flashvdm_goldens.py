#!/usr/bin/env python3
"""FlashVDM decoding of the random bundles of make_goldens.py, from an independent PyTorch implementation of its rules.

    tools/goldens/make_flashvdm_goldens.py                     # writes tests/models/data/{base,distilled}/flashvdm.safetensors
    tools/goldens/make_flashvdm_goldens.py --check UPSTREAM    # compares with upstream's code in a checkout, writes nothing

Plain dense arrays and loops; every level holds all points, -10000 marks those not evaluated. A random network has no
surface in the usual cube, so the cube is a small one, in which the network is smooth, and logits are shifted and scaled:
value = (logit - offset) * gain. Both numbers are stored with the goldens.
"""

import argparse
import sys
import types
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).resolve().parent))

from make_goldens import BUNDLES, DATA, ROOT, randomise, tensor  # noqa: E402
from training.models import ShapeVAE  # noqa: E402
from training.models.vae import merge_heads, split_heads  # noqa: E402

ABSENT = -10000.0
OCTREE, SHORTEST, LATENTS = 24, 6, 48
# mode -> (levels, every n-th query of a bin); four runs between two bundles take every pair of mode and levels
RUNS = {"base": (("mean", "own"), ("merge", "upstream")), "distilled": (("mean", "upstream"), ("merge", "own"))}
BIN_SAMPLE = {"mean": 50, "merge": 30}
BOX = {"base": 0.04, "distilled": 0.008}
STORED = 3  # every how manieth evaluated value is stored


def levels_of(octree: int, rule: str, shortest: int) -> list[int]:
    levels = [octree]
    while levels[0] // 2 >= shortest:
        levels.insert(0, levels[0] // 2)
    if rule == "upstream":
        first = 4 * round(levels[0] / 4) - 1
        return [first * 2**i for i in range(len(levels))]
    strides = [2 ** (len(levels) - 1 - i) for i in range(len(levels))]
    return [-(-octree // stride) for stride in strides]


class RegionalDecoder:
    """The geometry decoder of one shape, answering groups of points from keys of their own."""

    def __init__(self, vae: ShapeVAE, tokens: torch.Tensor) -> None:
        self.vae, self.decoder, self.block = vae, vae.geo_decoder, vae.geo_decoder.cross_attn_decoder
        if hasattr(self.decoder, "latents_proj"):
            tokens = self.decoder.latents_proj(tokens)
        k, v = split_heads(self.block.attn.c_kv(self.block.ln_2(tokens)), 2)
        self.k, self.v = self.block.attn.attention.k_norm(k)[0], v[0]  # [heads, L, 64]
        count = self.k.shape[1]
        self.kept = {3072: 1024, 512: 256}.get(count, count // 3)
        self.offset, self.gain = torch.tensor(0.0), torch.tensor(1.0)

    def queries(self, points: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.decoder.query_proj(self.vae.fourier(points))[None]
        (q,) = split_heads(self.block.attn.c_q(self.block.ln_1(x)), 1)
        return x, self.block.attn.attention.q_norm(q)[0]

    def choose(self, q: torch.Tensor, rule: str) -> torch.Tensor:
        """Key indices [heads, kept] for the sampled queries [heads, n, 64]."""
        products = q @ self.k.transpose(-1, -2)
        if rule == "mean":
            return products.mean(dim=1).topk(self.kept, dim=-1).indices
        weight = products.softmax(dim=-1).mean(dim=0)
        chosen = (weight > 1e-6).any(dim=0).nonzero().squeeze(-1)
        return chosen.expand(q.shape[0], -1)

    def answer(self, points: torch.Tensor, rule: str | None, every: int = 1) -> torch.Tensor:
        """Values of one group; rule None attends to every key."""
        x, q = self.queries(points)
        k, v = self.k, self.v
        if rule is not None:
            index = self.choose(q[:, ::every], rule)[..., None].expand(-1, -1, k.shape[-1])
            k, v = k.gather(1, index), v.gather(1, index)
        x = x + self.block.attn.c_proj(merge_heads(F.scaled_dot_product_attention(q[None], k[None], v[None])))
        x = x + self.block.mlp(self.block.ln_3(x))
        if hasattr(self.decoder, "ln_post"):
            x = self.decoder.ln_post(x)
        return (self.decoder.output_proj(x)[0, :, 0] - self.offset) * self.gain


def dilate(mask: np.ndarray) -> np.ndarray:
    padded = np.pad(mask, 1)
    size = mask.shape[0]
    result = np.zeros_like(mask)
    for i in range(3):
        for j in range(3):
            for k in range(3):
                result |= padded[i:i + size, j:j + size, k:k + size]
    return result


def near_surface(values: np.ndarray) -> np.ndarray:
    known = values > -9000
    differs = np.zeros_like(known)
    padded = np.pad(values, 1, mode="edge")
    size = values.shape[0]
    for axis in range(3):
        for start in (0, 2):
            at = [slice(1, size + 1)] * 3
            at[axis] = slice(start, start + size)
            beside = padded[tuple(at)]
            beside = np.where(beside > -9000, beside, values)
            differs |= np.sign(beside) != np.sign(values)
    return known & differs | (np.abs(values) < 0.95)


class Volume:
    """Runs the levels and remembers what it evaluated."""

    def __init__(self, decode: RegionalDecoder, mode: str, rule: str, box: float) -> None:
        self.decode, self.mode = decode, mode
        self.levels = levels_of(OCTREE, rule, SHORTEST)
        last, depth = self.levels[-1], len(self.levels)
        axis = (np.arange(last + 1) * (2 * box / last) - box).astype(np.float32)
        axis[-1] = np.float32(box)
        self.axes, self.onto = [], []
        for i, cells in enumerate(self.levels):
            index = np.minimum(np.arange(cells + 1) * 2 ** (depth - 1 - i), last)
            self.axes.append(axis[index])
            self.onto.append(np.minimum(2 * np.arange(cells + 1), self.levels[min(i + 1, depth - 1)]))
        self.counts: list[int] = []
        self.margin = np.inf  # distance of any value from one that decides something

    def points(self, level: int, index: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(self.axes[level][index])

    def note(self, values: np.ndarray) -> None:
        self.counts.append(len(values))
        self.margin = min(self.margin, np.abs(values).min(), np.abs(np.abs(values) - 0.95).min())

    def bricks(self) -> np.ndarray:
        size = self.levels[0] + 1
        values = np.full((size,) * 3, ABSENT, np.float32)
        cut = [size * n // 4 for n in range(5)]
        for a in range(4):
            for b in range(4):
                for c in range(4):
                    box = tuple(slice(cut[n], cut[n + 1]) for n in (a, b, c))
                    index = np.stack(np.mgrid[box], axis=-1)
                    group = self.decode.answer(self.points(0, index.reshape(-1, 3)), "mean", 100)
                    values[box] = group.numpy().reshape(index.shape[:3])
        self.note(values.reshape(-1))
        return values

    def refine(self, level: int, values: np.ndarray) -> np.ndarray:
        last = level + 1 == len(self.levels)
        near = near_surface(values)
        if not last:
            near = dilate(near)
        size = self.levels[level] + 1
        wanted = np.zeros((size,) * 3, bool)
        wanted[tuple(self.onto[level - 1][axis] for axis in near.nonzero())] = True
        wanted = dilate(dilate(wanted) if last else wanted)
        index = np.stack(wanted.nonzero(), axis=-1)
        points = self.points(level, index)
        low, high = points.min(dim=0).values, points.max(dim=0).values
        bins = torch.floor((points - low) / (high - low) * 5.999).long()
        bins = (36 * bins[:, 0] + 6 * bins[:, 1] + bins[:, 2]).numpy()
        answers = np.empty(len(index), np.float32)
        for number in np.unique(bins):
            here = bins == number
            answers[here] = self.decode.answer(points[torch.from_numpy(here)], self.mode, BIN_SAMPLE[self.mode]).numpy()
        self.note(answers)
        finer = np.full((size,) * 3, ABSENT, np.float32)
        finer[wanted] = answers
        return finer

    def run(self) -> np.ndarray:
        values = self.bricks()
        for level in range(1, len(self.levels)):
            values = self.refine(level, values)
        return values


def make_decoder(name: str) -> RegionalDecoder:
    vae = ShapeVAE(BUNDLES[name]["vae"])
    randomise(vae, "vae.", "vae." in BUNDLES[name]["faint"], {}, [])
    latents = tensor("input.region_latents", 1, LATENTS, vae.config.embed_dim, scale=2.0)
    decode = RegionalDecoder(vae, vae.decode(latents / vae.config.scale_factor))
    decode.tokens = vae.decode(latents / vae.config.scale_factor)
    # Half of the cube inside, and a band of values below 0.95 about a fifth of the points wide.
    grid = np.stack(np.meshgrid(*[np.linspace(-BOX[name], BOX[name], 12, dtype=np.float32)] * 3, indexing="ij"), -1)
    raw = decode.answer(torch.from_numpy(grid.reshape(-1, 3)), None)
    decode.offset = raw.median()
    decode.gain = 0.95 / (raw - decode.offset).abs().quantile(0.15)
    return decode


def check_upstream(checkout: Path) -> None:
    """The same volumes by upstream's code, which knows only its own levels."""
    # Upstream sorts points into bins without asking for a stable order, which every 50th point then depends on.
    sort = torch.Tensor.sort
    torch.Tensor.sort = lambda self: sort(self, stable=True)
    # Its packages import everything they have; empty ones in their places import only what is used here.
    for package in ("hy3dgen", "hy3dgen.shapegen", "hy3dgen.shapegen.models", "hy3dgen.shapegen.models.autoencoders"):
        sys.modules[package] = types.ModuleType(package)
        sys.modules[package].__path__ = [str(checkout / package.replace(".", "/"))]
    from hy3dgen.shapegen.models.autoencoders.attention_blocks import CrossAttentionDecoder, FourierEmbedder
    from hy3dgen.shapegen.models.autoencoders.volume_decoders import FlashVDMVolumeDecoding

    for name in RUNS:
        ours = make_decoder(name)
        config = ours.vae.config
        fourier = FourierEmbedder(num_freqs=config.num_freqs, include_pi=config.include_pi)
        theirs = CrossAttentionDecoder(
            num_latents=LATENTS, out_channels=1, fourier_embedder=fourier, width=config.width, heads=config.heads,
            mlp_expand_ratio=config.geo_decoder_mlp_expand_ratio, downsample_ratio=config.geo_decoder_downsample_ratio,
            enable_ln_post=config.geo_decoder_ln_post, qkv_bias=config.qkv_bias, qk_norm=config.qk_norm, label_type="binary")
        theirs.load_state_dict(ours.decoder.state_dict())
        theirs.eval()

        class Scaled:
            set_cross_attention_processor = theirs.set_cross_attention_processor

            def __call__(self, queries, latents):
                return (theirs(queries=queries, latents=latents) - ours.offset) * ours.gain

        for mode in ("mean", "merge"):
            volume = Volume(ours, mode, "upstream", BOX[name])
            expected = volume.run()
            got = FlashVDMVolumeDecoding(mode)(ours.tokens, Scaled(), bounds=BOX[name], num_chunks=700,
                                               octree_resolution=OCTREE, min_resolution=SHORTEST, enable_pbar=False)[0].numpy()
            known = expected != ABSENT
            same = (known == ~np.isnan(got)).all()
            difference = np.abs(expected[known] - got[known]).max() if same else np.inf
            print(f"{name} {mode}: levels {volume.levels}, evaluated {volume.counts}, margin {volume.margin:.1e}: "
                  f"same points {same}, largest difference {difference:.1e}, std {expected[known].std():.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", type=Path, help="a checkout of upstream's repository to compare with")
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    with torch.inference_mode():
        if arguments.check is not None:
            check_upstream(arguments.check)
            return
        for name, runs in RUNS.items():
            decode = make_decoder(name)
            goldens = {"offset": decode.offset[None], "gain": decode.gain[None]}
            for mode, rule in runs:
                volume = Volume(decode, mode, rule, BOX[name])
                values = volume.run()
                known = torch.from_numpy(values[values != ABSENT])
                goldens[f"{mode}.counts"] = torch.tensor(volume.counts, dtype=torch.float32)
                goldens[f"{mode}.values"] = known[::STORED].clone()
                print(f"{name} {mode}: levels {volume.levels}, evaluated {volume.counts} of {values.size}, "
                      f"kept keys {decode.kept}, margin {volume.margin:.1e}, std {known.std():.2f}")
                # Rounding must not decide where to refine.
                assert volume.margin > 1e-5
            path = DATA / name / "flashvdm.safetensors"
            save_file({key: value.contiguous() for key, value in goldens.items()}, path)
            print(f"{path.relative_to(ROOT)}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
