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

from torch_timing import Library, distance, median_us

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


def report(name, megabytes, ceiling, ours, peer, arguments, ours_result, wanted):
    compiled = torch.compile(peer, dynamic=False)
    with torch.no_grad():
        theirs = compiled(*arguments)
        error_peer = distance(torch.cat([t.reshape(-1) for t in (theirs if isinstance(theirs, tuple) else (theirs,))]), wanted)
        ours()
        error = distance(ours_result(), wanted)
        mine = median_us(ours)
        eager, fused = median_us(lambda: peer(*arguments)), median_us(lambda: compiled(*arguments))
    rate = megabytes / mine * 1e3
    print(f"{name:44s} {mine:7.1f} us {rate:6.0f} GB/s {100 * rate / ceiling:4.0f} % | eager {eager:7.1f} us, compiled {fused:7.1f} us"
          f" | {min(eager, fused) / mine:5.2f}x | error {error:.1e}, peer {error_peer:.1e}", flush=True)


def flat(tensors):
    return torch.cat([t.reshape(-1).double() for t in tensors])


def main():
    lib = Library(sys.argv[1])
    torch.manual_seed(1)
    big = torch.randn(1 << 30, device="cuda", dtype=torch.float16)
    copy = torch.empty_like(big)
    ceiling = 2 * big.numel() * 2 / median_us(lambda: copy.copy_(big), 5) / 1e3
    del big, copy
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}; ceiling: copy {ceiling:.0f} GB/s", flush=True)
    for name, rows, columns in (("shape DiT, guided step", 7515, 1024), ("mini DiT, guided step", 2395, 1024),
                                ("2.1 DiT", 8194, 2048), ("4096 x 4096", 4096, 4096), ("video DiT", 27075, 3072)):
        x, residual = (torch.randn(rows, columns, device="cuda").half() for _ in range(2))
        shift, scale, gate = (torch.randn(columns, device="cuda").half() * 0.5 for _ in range(3))
        out, kept = torch.full_like(x, float("nan")), residual.clone()
        size = x.numel() * 2 / 1e6
        report(f"norm, modulate: {name} {rows} x {columns}", 2 * size, ceiling,
               lambda: lib.call("sinter_layer_norm_modulate", x, shift, scale, out, rows, columns), modulated, (x, shift, scale),
               lambda: out.reshape(-1), modulated(x.double(), shift.double(), scale.double()).reshape(-1))

        def both():
            residual.copy_(kept)
            lib.call("sinter_add_gated_layer_norm_modulate", residual, x, shift, scale, gate, out, rows, columns)
            return flat((residual, out))

        report(f"gated add, norm, modulate: {rows} x {columns}", 4 * size, ceiling,
               lambda: lib.call("sinter_add_gated_layer_norm_modulate", residual, x, shift, scale, gate, out, rows, columns), gated,
               (kept, x, shift, scale, gate), both, flat(gated(*(t.double() for t in (kept, x, shift, scale, gate)))))
    for name, rows, heads, dim in (("shape DiT, guided step", 7515, 16, 64), ("2.1 DiT", 8194, 16, 128), ("video DiT", 27075, 24, 128)):
        qkv = torch.randn(rows, 3, heads, dim, device="cuda").half()
        kept = qkv.clone()
        q_weight, k_weight = (torch.randn(dim, device="cuda").half() for _ in range(2))

        def heads_result():
            qkv.copy_(kept)
            lib.call("sinter_rms_norm_heads", qkv, q_weight, k_weight, rows, heads, dim)
            return flat((qkv[:, 0], qkv[:, 1]))

        report(f"query and key norm: {name} {rows} x {heads} x {dim}", 2 * 2 * rows * heads * dim * 2 / 1e6, ceiling,
               lambda: lib.call("sinter_rms_norm_heads", qkv, q_weight, k_weight, rows, heads, dim), head_norms,
               (kept, q_weight, k_weight), heads_result, flat(head_norms(kept.double(), q_weight.double(), k_weight.double())))


if __name__ == "__main__":
    main()
