#!/usr/bin/env python3
"""Fused norms on the GPU: sinter beside PyTorch eager and torch.compile, f16, same inputs, one run.

    python3 bench/ops/cuda/norm_torch.py build/dev/bin/libbench_ops_cuda.so

Prints, per shape: microseconds (median of captured graphs), GB/s of the bytes that must move (inputs read once, outputs written once),
the share of the ceiling (a large copy in the same run; tensors below some 50 MB can beat it, they stay in the cache), the ratio to the
better peer, and the distance of either result from float64.
"""

import sys

import torch
import torch.nn.functional as F

from torch_timing import Library, copy_ceiling, flat, report_bandwidth

EPS = 1e-6


def modulated(x, shift, scale):
    return (1 + scale) * F.layer_norm(x, x.shape[-1:], eps=EPS) + shift


def gated(residual, x, shift, scale, gate):
    total = residual + gate * x
    return total, modulated(total, shift, scale)


def head_norms(qkv, q_weight, k_weight):
    def norm(x, weight):
        return (x.to(torch.promote_types(x.dtype, torch.float32)) * torch.rsqrt(x.to(torch.promote_types(x.dtype, torch.float32)).square().mean(-1, keepdim=True) + EPS)).to(x.dtype) * weight

    return norm(qkv[:, 0], q_weight), norm(qkv[:, 1], k_weight)


def main():
    lib = Library(sys.argv[1])
    torch.manual_seed(1)
    ceiling = copy_ceiling()
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}; ceiling: copy {ceiling:.0f} GB/s", flush=True)
    for name, rows, columns in (("shape DiT, guided step", 7515, 1024), ("mini DiT, guided step", 2395, 1024),
                                ("2.1 DiT", 8194, 2048), ("4096 x 4096", 4096, 4096), ("video DiT", 27075, 3072)):
        x, residual = (torch.randn(rows, columns, device="cuda").half() for _ in range(2))
        shift, scale, gate = (torch.randn(columns, device="cuda").half() * 0.5 for _ in range(3))
        out, kept = torch.full_like(x, float("nan")), residual.clone()
        size = x.numel() * 2

        def plain():
            lib.call("sinter_layer_norm_modulate", x, shift, scale, out, rows, columns)
            return out

        report_bandwidth(f"norm, modulate: {name} {rows} x {columns}", 2 * size, ceiling, plain, modulated, (x, shift, scale), plain)

        def add():
            lib.call("sinter_add_gated_layer_norm_modulate", residual, x, shift, scale, gate, out, rows, columns)

        def both():
            residual.copy_(kept)
            add()
            return residual, out

        report_bandwidth(f"gated add, norm, modulate: {rows} x {columns}", 4 * size, ceiling, add, gated,
                         (kept, x, shift, scale, gate), both)
    for name, rows, heads, dim in (("shape DiT, guided step", 7515, 16, 64), ("2.1 DiT", 8194, 16, 128), ("video DiT", 27075, 24, 128)):
        qkv = torch.randn(rows, 3, heads, dim, device="cuda").half()
        kept = qkv.clone()
        q_weight, k_weight = (torch.randn(dim, device="cuda").half() for _ in range(2))

        def norm():
            lib.call("sinter_rms_norm_heads", qkv, q_weight, k_weight, rows, heads, dim)

        def heads_result():
            qkv.copy_(kept)
            norm()
            return qkv[:, 0], qkv[:, 1]

        report_bandwidth(f"query and key norm: {name} {rows} x {heads} x {dim}", 2 * 2 * rows * heads * dim * 2, ceiling, norm,
                         head_norms, (kept, q_weight, k_weight), heads_result)


if __name__ == "__main__":
    main()
