#!/usr/bin/env python3
"""Kernels over rows, points and experts on the GPU: sinter beside PyTorch eager and torch.compile, f16, same inputs, one run.

    python3 bench/ops/cuda/rows_torch.py build/dev/bin/libbench_ops_cuda.so

Columns as in norm_torch.py.
"""

import sys

import torch
import torch.nn.functional as F

from torch_timing import Library, copy_ceiling, report_bandwidth

EPS = 1e-6


def normal(*shape, dtype=torch.float16):
    return torch.randn(*shape, device="cuda", dtype=torch.float32).to(dtype)


def nan(*shape, dtype=torch.float16):
    return torch.full(shape, float("nan"), device="cuda", dtype=dtype)


class Comparison:
    """Calls into the library, beside what PyTorch does for the same."""

    def __init__(self, library):
        self.library, self.ceiling = Library(library), copy_ceiling()

    def fresh(self, name, size, function, call, out, peer, peer_arguments):
        """A function that writes `out` anew at each call."""

        def run():
            self.library.call(function, *call)
            return out

        report_bandwidth(name, size, self.ceiling, run, peer, peer_arguments, run)

    def in_place(self, name, size, function, x, call, peer, peer_arguments):
        """A function that changes x, its first argument; the peer gets a copy of what it was."""
        kept = x.clone()

        def run():
            self.library.call(function, x, *call)

        def result():
            x.copy_(kept)
            run()
            return x

        report_bandwidth(name, size, self.ceiling, run, peer, (kept, *peer_arguments), result)

    def elementwise(self, rows, columns, name):
        x, y, gate, single = normal(rows, columns), normal(rows, columns), normal(columns), normal(rows, columns, dtype=torch.float32)
        size, where = x.numel() * 2, f"{name} {rows} x {columns}"
        out = nan(rows, columns)
        self.fresh(f"copy f32 to f16: {where}", 3 * size, "sinter_copy_to_half", (out, single, rows, columns), out,
                   lambda s: s.to(torch.float16) if s.dtype == torch.float32 else s, (single,))
        self.in_place(f"add: {where}", 3 * size, "sinter_add", x, (y, rows, columns), torch.add, (y,))
        self.in_place(f"add gated: {where}", 3 * size, "sinter_add_gated", x, (gate, y, rows, columns), lambda a, g, b: a + g * b, (gate, y))

    def gelu(self, rows, columns, name):
        x, bias = normal(rows, columns), normal(columns)
        self.in_place(f"bias, GELU (erf): {name} {rows} x {columns}", 4 * x.numel(), "sinter_add_bias_gelu", x, (bias, rows, columns),
                      lambda a, b: F.gelu(a + b), (bias,))

    def silu_mul(self, rows, columns, name):
        x, out = normal(rows, 2 * columns), nan(rows, columns)

        def peer(a):
            gate, value = a.chunk(2, -1)
            return F.silu(gate) * value

        self.fresh(f"SiLU, product: {name} {rows} x {columns}", 6 * out.numel(), "sinter_silu_mul", (out, x, rows, columns), out, peer, (x,))

    def layer_norm(self, rows, columns, name):
        x, weight, bias, out = normal(rows, columns), normal(columns), normal(columns), nan(rows, columns)
        self.fresh(f"layer norm: {name} {rows} x {columns}", 4 * x.numel(), "sinter_layer_norm", (out, x, weight, bias, rows, columns), out,
                   lambda a, w, b: F.layer_norm(a, (columns,), w, b, EPS), (x, weight, bias))

    def head_norm(self, rows, heads, dim, name):
        x, weight, bias = normal(rows, heads, dim), normal(dim), normal(dim)
        self.in_place(f"head layer norm: {name} {rows} x {heads} x {dim}", 4 * x.numel(), "sinter_layer_norm_heads", x,
                      (weight, bias, rows, heads, dim), lambda a, w, b: F.layer_norm(a, (dim,), w, b, EPS), (weight, bias))

    def output_layer(self, rows, columns, name):
        x, out = normal(rows, columns), nan(rows, dtype=torch.float32)
        norm_weight, norm_bias, weight = normal(columns), normal(columns), normal(columns)
        bias = normal(1, dtype=torch.float32)

        def peer(a, w, b):
            return (a @ w).to(b.dtype) + b

        def norm_peer(a, nw, nb, w, b):
            return peer(F.layer_norm(a, (columns,), nw, nb, EPS), w, b)

        self.fresh(f"one output channel: {name} {rows} x {columns}", 2 * x.numel(), "sinter_dot_rows",
                   (out, x, weight, bias, rows, columns), out, peer, (x, weight, bias))
        self.fresh(f"layer norm, one output channel: {rows} x {columns}", 2 * x.numel(), "sinter_layer_norm_dot_rows",
                   (out, x, norm_weight, norm_bias, weight, bias, rows, columns), out, norm_peer, (x, norm_weight, norm_bias, weight, bias))

    def points(self, count, frequencies, columns):
        p, out = torch.rand(count, 3, device="cuda") * 2.02 - 1.01, nan(count, columns)
        powers = 2.0 ** torch.arange(frequencies, device="cuda")

        def peer(a, f):
            angles = (a[:, :, None] * f).flatten(1)
            features = torch.cat([a, angles.sin(), angles.cos()], -1)
            features = features.half() if a.dtype == torch.float32 else features
            return F.pad(features, (0, columns - features.shape[1]))

        self.fresh(f"Fourier features: {count} points, {columns} columns", count * (12 + 2 * columns), "sinter_fourier_embed",
                   (out, p, count, columns, frequencies), out, peer, (p, powers))
        per_axis = 385
        grid, first = nan(count, 3, dtype=torch.float32), 20_000_000
        axis = torch.linspace(-1.01, 1.01, per_axis, device="cuda", dtype=torch.float64)

        def coordinates(a):
            index = torch.arange(first, first + count, device=a.device)
            return torch.stack([a[index // per_axis**2], a[index // per_axis % per_axis], a[index % per_axis]], -1).float()

        self.fresh(f"grid coordinates: {count} of {per_axis}^3", count * 12, "sinter_grid_points", (grid, first, count, per_axis), grid,
                   coordinates, (axis,))

    def patches(self, size, patch, columns):
        image, tokens = normal(3, size, size, dtype=torch.float32), (size // patch) ** 2
        out = nan(tokens, columns)

        def peer(a):
            unfolded = a.unfold(1, patch, patch).unfold(2, patch, patch).permute(1, 2, 0, 3, 4).reshape(tokens, -1)
            unfolded = unfolded.half() if a.dtype == torch.float32 else unfolded
            return F.pad(unfolded, (0, columns - unfolded.shape[1]))

        self.fresh(f"patches: {size}^2, {tokens} x {columns}", image.numel() * 4 + out.numel() * 2, "sinter_patches",
                   (out, image, size, patch, columns), out, peer, (image,))

    def guided_step(self, rows, columns):
        latents, velocities, dt = normal(rows, columns, dtype=torch.float32), normal(2, rows, columns), normal(1, dtype=torch.float32)
        before = velocities.clone()

        def peer(x, v, d):
            return x + d * (v[1] + 5 * (v[0] - v[1])).to(x.dtype)

        kept = latents.clone()

        def run():
            self.library.call("sinter_guided_step", latents, velocities, dt, rows, columns)

        def result():
            latents.copy_(kept)
            velocities.copy_(before)
            run()
            return latents

        report_bandwidth(f"guidance, Euler step (two launches): {rows} x {columns}", 14 * latents.numel(), self.ceiling, run, peer,
                         (kept, before, dt), result)

    def experts(self, rows, experts, top_k, columns):
        # No ties, which PyTorch breaks as it likes.
        logits = torch.rand(rows, experts, device="cuda").argsort(-1).half() * 0.4
        x, y = normal(rows, columns), normal(rows * top_k, columns)
        memory = torch.zeros(rows * top_k * 3 + 2 * experts + 1 + rows // 16 + 16, device="cuda", dtype=torch.int32)
        places = rows * top_k
        order, chosen = memory[:places], memory[places:2 * places]
        weights = memory[2 * places:3 * places].view(torch.float32)
        shape = (rows, experts, top_k)

        def route(a):
            picked = torch.topk(a.softmax(-1), top_k)[1]
            return torch.argsort(picked.flatten(), stable=True) // top_k

        self.fresh(f"routes: {rows} rows, {top_k} of {experts}", logits.numel() * 2 + places * 12, "sinter_route_experts",
                   (memory, logits, *shape), order, route, (logits,))
        out = nan(places, columns)
        self.fresh(f"gather by expert: {rows} x {columns}", 4 * places * columns, "sinter_gather_rows", (memory, out, x, *shape, columns),
                   out, lambda a, i: a[i], (x, order.long()))
        picked, factors = chosen.view(rows, top_k).long(), weights[chosen.long()].view(rows, top_k, 1)
        kept = x.clone()

        def scatter():
            self.library.call("sinter_scatter_add_rows", memory, x, y, *shape, columns)

        def result():
            x.copy_(kept)
            scatter()
            return x

        report_bandwidth(f"weighted sum of experts: {rows} x {columns}", 2 * columns * (2 * rows + places), self.ceiling, scatter,
                         lambda a, b, i, w: a + (b[i] * w).sum(1).to(a.dtype), (kept, y, picked, factors), result)


def main():
    torch.manual_seed(1)
    c = Comparison(sys.argv[1])
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}; ceiling: copy {c.ceiling:.0f} GB/s", flush=True)
    c.layer_norm(65536, 1024, "geometry decoder")
    c.layer_norm(3072, 1024, "shape VAE")
    c.layer_norm(1370, 1536, "DINOv2 giant")
    c.layer_norm(8194, 2048, "2.1 DiT")
    c.head_norm(65536, 16, 64, "decoder queries")
    c.head_norm(3072, 16, 64, "shape VAE")
    c.output_layer(65536, 1024, "geometry decoder")
    c.output_layer(65536, 512, "turbo decoder")
    c.gelu(65536, 4096, "geometry decoder")
    c.gelu(8194, 8192, "2.1 DiT")
    c.silu_mul(1370, 4096, "DINOv2 giant")
    c.elementwise(65536, 1024, "decoder")
    c.points(65536, 8, 56)
    c.patches(518, 14, 592)
    c.guided_step(3072, 64)
    c.experts(8194, 8, 2, 2048)


if __name__ == "__main__":
    main()
