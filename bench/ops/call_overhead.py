#!/usr/bin/env python3
"""What a call of a fused operator costs on the host, beside PyTorch's own operators.

    bench/ops/call_overhead.py [--device cuda|cpu] [--rounds 300] [--json figures.json]

Tensors are so small that nothing but the call is seen. On a GPU calls are queued in short runs with a wait between them, so that the queue is
never full, and the floor is `torch.cuda._sleep(0)`: one kernel, launched by the shortest way through PyTorch. On a CPU the floor is an empty
function, and times include the work on some sixty elements. Every round times all calls one after the other, and a figure is the lower
quartile over the rounds: what else runs on the machine then falls on all calls alike, and mostly out.

Needs the wheel (`pip install .`) and torch.
"""

import argparse
import json
import time

import torch
import torch.nn.functional as F

from sinter import _ops, ops
from sinter.torch import functional

CALLS = 50  # in a round, of each


def calls(device):
    """Name -> call. Of each pair of ours and PyTorch's, the latter is the nearest thing that it has in one operator."""
    dtype = torch.float16 if device == "cuda" else torch.float32
    x, residual, y, total = (torch.randn(1, 1, 64, device=device, dtype=dtype) for _ in range(4))
    gate, scale, shift, weight, bias = (torch.randn(64, device=device, dtype=dtype) for _ in range(5))
    image = torch.randn(1, 64, device=device, dtype=dtype)
    q, k, _ = torch.randn(1, 1, 3, 1, 64, device=device, dtype=dtype).unbind(2)
    ones = torch.ones_like(weight)  # in place again and again: other weights make zeros
    empty = (lambda: torch.cuda._sleep(0)) if device == "cuda" else (lambda: None)
    return {
        "floor": empty,
        "torch.empty_like": lambda: torch.empty_like(x),
        "torch.addcmul(out=)": lambda: torch.addcmul(residual, x, gate, out=y),
        "torch.addcmul": lambda: torch.addcmul(residual, x, gate),
        "residual + gate * x": lambda: residual + gate * x,
        "_ops.gated_add(out=)": lambda: _ops.gated_add(x, residual, gate, False, y),
        "ops.gated_add(out=)": lambda: ops.gated_add(x, residual, gate, out=y),
        "ops.gated_add": lambda: ops.gated_add(x, residual, gate),
        "functional.gated_add": lambda: functional.gated_add(x, residual, gate),
        "F.layer_norm": lambda: F.layer_norm(x, (64,), weight, bias),
        "F.layer_norm, scale, shift": lambda: F.layer_norm(x, (64,), weight, bias) * (1 + scale) + shift,
        "ops.norm_scale_shift(out=)": lambda: ops.norm_scale_shift(x, scale, shift, weight=weight, bias=bias, out=y),
        "ops.norm_scale_shift": lambda: ops.norm_scale_shift(x, scale, shift, weight=weight, bias=bias),
        "functional.norm_scale_shift": lambda: functional.norm_scale_shift(x, scale, shift, weight, bias),
        "ops.residual_norm_scale_shift(out=)": lambda: ops.residual_norm_scale_shift(
            x, residual, gate, scale, shift, out=y, sum_out=total
        ),
        "functional.residual_norm_scale_shift": lambda: functional.residual_norm_scale_shift(x, residual, gate, scale, shift),
        "ops.query_key_norm_": lambda: ops.query_key_norm_(q, k, ones, ones),
        "F.silu(F.group_norm)": lambda: F.silu(F.group_norm(image, 32, weight, bias)),
        "ops.group_norm_silu": lambda: ops.group_norm_silu(image, weight, bias),
        "F.gelu": lambda: F.gelu(x, approximate="tanh"),
        "ops.activate": lambda: ops.activate(x),
    }


def measure(device, rounds=300):
    """Name -> microseconds of the host."""
    wait = torch.cuda.synchronize if device == "cuda" else (lambda: None)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    timed = calls(device)
    times = {name: [] for name in timed}
    with torch.no_grad():
        for _ in range(rounds + 1):
            for name, call in timed.items():
                wait()
                start = time.perf_counter()
                for _ in range(CALLS):
                    call()
                times[name].append((time.perf_counter() - start) / CALLS * 1e6)
    wait()
    torch.set_num_threads(threads)
    return {name: sorted(found[1:])[rounds // 4] for name, found in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--json", help="also write every figure here")
    options = parser.parse_args()
    figures = measure(options.device, options.rounds)
    print(f"{torch.cuda.get_device_name() if options.device == 'cuda' else 'CPU'}, torch {torch.__version__}; microseconds of the host")
    print(f"{'':40s}{'call':>8s}{'over the floor':>16s}")
    for name, us in figures.items():
        print(f"{name:40s}{us:8.2f}{us - figures['floor']:16.2f}")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(figures, file, indent=1)


if __name__ == "__main__":
    main()
