#!/usr/bin/env python3
"""The fused operators beside PyTorch and SGLang: same inputs, one run, one table.

    bench/ops/fused_torch.py [--sglang path/to/sglang] [--dtype f16 bf16 f32] [--only norm ...] [--json figures.json]

Each line is one operator at one shape: microseconds of sinter's exact and fast form, of PyTorch's eager chain, of the same chain under
torch.compile, and of SGLang's kernel where it has one and --sglang names a checkout; GB/s (each input read once, each output written once) and
the share of the ceiling, both of sinter's faster form; the ratio of the best peer to it. Times are medians of CUDA graphs in
which every launch takes the next of several sets of inputs, together larger than three times the L2 cache, so that no launch finds its inputs
there; outputs go to one place, for us as for the peers, whose results the allocator puts where the last one was. The
ceiling, a large elementwise kernel, and the floor, a kernel of one element in such a graph, are measured first. The last line is what a call
from Python costs (call_overhead.py). Inputs are normal random numbers. Results are not looked at here: tests/python compares them with the eager chain.

Needs the wheel (`pip install .`), torch, and a CUDA device.
"""

import argparse
import functools
import json
import statistics
import sys
from dataclasses import dataclass, field
from typing import Callable

import call_overhead
import torch
import torch.nn.functional as F

from sinter import ops

DTYPES = {"f16": torch.float16, "bf16": torch.bfloat16, "f32": torch.float32}
ROTATED_BYTES = 192 << 20  # three times the L2 of an H200 and more
LAUNCHES = 24  # in a graph, at least


def median_us(launches: list[Callable], rounds: int = 15) -> float:
    """Median time of one launch, from replays of a graph that holds all of `launches` at least once."""
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        for launch in launches:
            launch()
        launches[0]()
    torch.cuda.synchronize()
    repeats = -(-LAUNCHES // len(launches))
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(repeats):
            for launch in launches:
                launch()
    times = []
    for _ in range(rounds + 2):
        start, stop = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        graph.replay()
        stop.record()
        torch.cuda.synchronize()
        times.append(start.elapsed_time(stop) * 1e3 / (repeats * len(launches)))
    return statistics.median(times[2:])


@dataclass
class Case:
    """One operator at one shape. `make` gives fresh tensors by name; `ours(t, mode)` launches sinter's kernel on them, `eager(**t)`
    is the unfused chain without outputs, `peers` are SGLang's kernels. `reads` and `writes` name the tensors that must move."""

    name: str
    shape: str
    dtype: str
    make: Callable[[], dict]
    ours: Callable
    eager: Callable
    reads: tuple
    writes: tuple
    arguments: tuple
    peers: dict = field(default_factory=dict)
    exact: bool = True


def rand(*shape, dtype, scale=1.0):
    return torch.randn(*shape, device="cuda", dtype=torch.float32).mul_(scale).to(dtype)


# ---- the unfused chains, as the models have them ----


def layer_norm_modulate(x, scale, shift):
    return F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale) + shift


def residual_layer_norm_modulate(x, residual, gate, scale, shift):
    total = residual + gate * x
    return layer_norm_modulate(total, scale, shift), total


def rms_norm_modulate(x, weight, scale, shift):
    return F.rms_norm(x, x.shape[-1:], weight, 1e-6) * (1 + scale) + shift


def fp32_layer_norm(x, weight, bias):
    """`weight` and `bias` are converted already: what PyTorch has left to do with cached parameters."""
    return F.layer_norm(x.float(), x.shape[-1:], weight, bias, 1e-6).to(x.dtype)


def rms(x, weight):
    wide = x.float()
    return (wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + 1e-6)).to(x.dtype) * weight


def query_key_norm(qkv, q_weight, k_weight):
    q, k, _ = qkv.unbind(2)
    return rms(q, q_weight), rms(k, k_weight)


def query_key_norm_row(qkv, q_weight, k_weight):
    q, k, _ = qkv.unbind(2)
    return rms(q.flatten(-2), q_weight), rms(k.flatten(-2), k_weight)


def rotate(x, table):
    cosine, sine = table[:, None].float().chunk(2, -1)
    even, odd = x.float().unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack((even * cosine - odd * sine, odd * cosine + even * sine), -1).flatten(-2).to(x.dtype)


def query_key_norm_rotary(qkv, q_weight, k_weight, table):
    q, k = query_key_norm(qkv, q_weight, k_weight)
    return rotate(q, table), rotate(k, table)


def gated_add(x, residual, gate):
    return residual + x * gate


def group_norm_silu(x, weight, bias):
    return F.silu(F.group_norm(x, 32, weight, bias, 1e-6))


def linear_gelu(x, weight, bias):
    return F.gelu(F.linear(x, weight, bias), approximate="tanh")


def timestep_embedding(t, dim=512):
    half = dim // 2
    frequencies = torch.exp(-torch.log(torch.tensor(10000.0)) * torch.arange(half, device=t.device, dtype=torch.float32) / half)
    angles = t[:, None].float() * frequencies
    return torch.cat((angles.cos(), angles.sin()), -1)


def causal_pad(x, cache):
    return F.pad(torch.cat((cache, x), 2), (1, 1, 1, 1, 0, 0))


# ---- cases ----


def norm_cases(dtype_name):
    dtype = DTYPES[dtype_name]
    for label, shape in (("Hunyuan3D latent", (2, 3072, 1024)), ("Hunyuan3D joint", (2, 4442, 1024)), ("Qwen-Image text", (1, 6, 3072)),
                         ("4096 x 4096", (1, 4096, 4096)), ("HunyuanVideo 480p", (1, 27075, 3072)), ("Wan 1.3B 480p", (1, 32760, 1536)),
                         ("Wan 14B 480p", (1, 32760, 5120)), ("HunyuanVideo test", (1, 115200, 3072))):
        batch, _, width = shape

        def make(shape=shape, batch=batch, width=width):
            return {"x": rand(*shape, dtype=dtype), "y": torch.empty(shape, device="cuda", dtype=dtype),
                    "scale": rand(batch, 1, width, dtype=dtype, scale=0.3), "shift": rand(batch, 1, width, dtype=dtype, scale=0.3)}

        yield Case("layer norm, scale, shift", f"{label} {shape}", dtype_name, make,
                   lambda t, mode: ops.norm_scale_shift(t["x"], t["scale"], t["shift"], mode=mode, out=t["y"]), layer_norm_modulate,
                   ("x",), ("y",), ("x", "scale", "shift"), sglang_norm(dtype, width))
    for label, shape in (("Hunyuan3D latent", (2, 3072, 1024)), ("HunyuanVideo 480p", (1, 27075, 3072)), ("Wan 1.3B 480p", (1, 32760, 1536)),
                         ("Wan 14B 480p", (1, 32760, 5120))):
        batch, _, width = shape

        def make(shape=shape, batch=batch, width=width):
            return {"x": rand(*shape, dtype=dtype), "residual": rand(*shape, dtype=dtype), "y": torch.empty(shape, device="cuda", dtype=dtype),
                    "sum": torch.empty(shape, device="cuda", dtype=dtype), "gate": rand(batch, 1, width, dtype=dtype, scale=0.3),
                    "scale": rand(batch, 1, width, dtype=dtype, scale=0.3), "shift": rand(batch, 1, width, dtype=dtype, scale=0.3)}

        yield Case("gated residual, layer norm, scale, shift", f"{label} {shape}", dtype_name, make,
                   lambda t, mode: ops.residual_norm_scale_shift(t["x"], t["residual"], t["gate"], t["scale"], t["shift"], mode=mode, out=t["y"],
                                                                 sum_out=t["sum"]), residual_layer_norm_modulate,
                   ("x", "residual"), ("y", "sum"), ("x", "residual", "gate", "scale", "shift"), sglang_residual_norm(dtype, width))
    for label, shape in (("Z-Image", (1, 4128, 3840)),):
        width = shape[-1]

        def make(shape=shape, width=width):
            return {"x": rand(*shape, dtype=dtype), "y": torch.empty(shape, device="cuda", dtype=dtype), "weight": rand(width, dtype=dtype),
                    "scale": rand(width, dtype=dtype, scale=0.3), "shift": rand(width, dtype=dtype, scale=0.3)}

        yield Case("RMS norm, scale, shift", f"{label} {shape}", dtype_name, make,
                   lambda t, mode: ops.norm_scale_shift(t["x"], t["scale"], t["shift"], norm="rms", weight=t["weight"], weight_in_f32=True, mode=mode,
                                                        out=t["y"]), rms_norm_modulate, ("x",), ("y",), ("x", "weight", "scale", "shift"))
    shape = (1, 32760, 5120)
    if dtype_name != "f32":

        def make():
            return {"x": rand(*shape, dtype=dtype), "y": torch.empty(shape, device="cuda", dtype=dtype),
                    "weight": rand(5120, dtype=torch.float32), "bias": rand(5120, dtype=torch.float32)}

        yield Case("fp32 layer norm, cached parameters", f"Wan 14B 480p {shape}", dtype_name, make,
                   lambda t, mode: ops.norm_scale_shift(t["x"], weight=t["weight"], bias=t["bias"], norm_in_f32=True, mode=mode, out=t["y"]),
                   fp32_layer_norm, ("x",), ("y",), ("x", "weight", "bias"))


def query_key_cases(dtype_name):
    dtype = DTYPES[dtype_name]
    for label, batch, tokens, heads, dim, rotary, row in (
            ("Hunyuan3D latent", 2, 3072, 16, 64, False, False), ("FLUX, Qwen 1024^2", 1, 4096, 24, 128, False, False),
            ("HunyuanVideo 480p", 1, 27075, 24, 128, False, False), ("FLUX 1024^2, RoPE", 1, 4096, 24, 128, True, False),
            ("HunyuanVideo 480p, RoPE", 1, 27030, 24, 128, True, False), ("Wan 14B 480p, whole row", 1, 32760, 40, 128, False, True)):

        def make(batch=batch, tokens=tokens, heads=heads, dim=dim, row=row):
            weights = (heads * dim,) if row else (dim,)
            angles = torch.rand(tokens, dim // 2, device="cuda") * 6.28
            qkv = rand(batch, tokens, 3, heads, dim, dtype=dtype)
            return {"qkv": qkv, "q": qkv[:, :, 0], "k": qkv[:, :, 1], "q_weight": rand(*weights, dtype=dtype).add_(1),
                    "k_weight": rand(*weights, dtype=dtype).add_(1), "table": torch.cat((angles.cos(), angles.sin()), -1)}

        def ours(t, mode, rotary=rotary, row=row):
            ops.query_key_norm_(t["q"], t["k"], t["q_weight"], t["k_weight"], table=t["table"] if rotary else None, whole_row=row, mode=mode)

        eager = query_key_norm_row if row else query_key_norm_rotary if rotary else query_key_norm
        arguments = ("qkv", "q_weight", "k_weight") + (("table",) if rotary else ())
        yield Case("query and key RMS norm" + (", RoPE" if rotary else ""), f"{label} ({batch}, {tokens}, {heads}, {dim})", dtype_name, make, ours,
                   eager, ("q", "k") + (("table",) if rotary else ()), ("q", "k"), arguments,
                   {} if rotary else sglang_query_key(dtype, dim, row))


def row_cases(dtype_name):
    dtype = DTYPES[dtype_name]
    for label, shape in (("Hunyuan3D latent", (2, 3072, 1024)), ("LTX", (1, 8160, 4096)), ("LTX", (1, 32640, 4096))):

        def make(shape=shape):
            return {"x": rand(*shape, dtype=dtype), "residual": rand(*shape, dtype=dtype), "y": torch.empty(shape, device="cuda", dtype=dtype),
                    "gate": rand(shape[0], 1, shape[-1], dtype=dtype)}

        yield Case("gated add", f"{label} {shape}", dtype_name, make,
                   lambda t, mode: ops.gated_add(t["x"], t["residual"], t["gate"], mode=mode, out=t["y"]), gated_add, ("x", "residual"), ("y",),
                   ("x", "residual", "gate"))
    for kind, label, shape, multiplied in (("gelu_tanh", "Hunyuan3D MLP", (6144, 4096), False), ("gelu_tanh", "Wan 14B 480p", (32760, 13824), False),
                                           ("gelu", "Hunyuan3D decoder", (32768, 4096), False), ("fast_gelu", "CLIP", (4096, 5120), False),
                                           ("silu", "DINOv2 giant", (2740, 4096), True), ("gelu_tanh", "T5", (512, 10240), True)):

        def make(shape=shape, multiplied=multiplied):
            wide = rand(shape[0], 2 * shape[1], dtype=dtype)
            return {"x": wide[:, :shape[1]] if multiplied else rand(*shape, dtype=dtype), "multiplier": wide[:, shape[1]:],
                    "y": torch.empty(shape, device="cuda", dtype=dtype)}

        function = {"gelu_tanh": functools.partial(F.gelu, approximate="tanh"), "gelu": F.gelu, "silu": F.silu,
                    "fast_gelu": lambda x: x * torch.sigmoid(1.702 * x)}[kind]
        yield Case(kind + (", product" if multiplied else ""), f"{label} {shape}", dtype_name, make,
                   lambda t, mode, kind=kind, multiplied=multiplied: ops.activate(t["x"], kind, multiplier=t["multiplier"] if multiplied else None,
                                                                                  mode=mode, out=t["y"]),
                   (lambda x, multiplier, function=function: function(x) * multiplier) if multiplied else (lambda x, function=function: function(x)),
                   ("x", "multiplier") if multiplied else ("x",), ("y",), ("x", "multiplier") if multiplied else ("x",))

    def make_times():
        return {"t": torch.rand(16384, device="cuda").mul_(1000).to(dtype), "y": torch.empty(16384, 512, device="cuda")}

    yield Case("timestep embedding", "16384 x 512", dtype_name, make_times, lambda t, mode: ops.timestep_embedding(t["t"], 512, out=t["y"]),
               timestep_embedding, ("t",), ("y",), ("t",), exact=False)

    def make_frames():
        return {"x": rand(1, 96, 4, 480, 832, dtype=dtype), "cache": rand(1, 96, 2, 480, 832, dtype=dtype),
                "y": torch.empty(1, 96, 6, 482, 834, device="cuda", dtype=dtype)}

    yield Case("causal cat and pad", "Wan VAE (1, 96, 2+4, 480, 832)", dtype_name, make_frames,
               lambda t, mode: ops.causal_pad(t["x"], t["cache"], out=t["y"]), causal_pad, ("x", "cache"), ("y",), ("x", "cache"), exact=False)


def group_norm_cases(dtype_name):
    dtype = DTYPES[dtype_name]
    for label, shape in (("token_2d", (4, 128)), ("image_2d", (2, 64, 32, 32)), ("video_3d_small", (1, 64, 4, 16, 16)),
                         ("threshold_3d", (1, 128, 1, 256, 256)), ("hunyuan_video_large", (1, 128, 20, 256, 256)),
                         ("FLUX.2 VAE, channels last", (1, 256, 1024, 1024))):
        last = "channels last" in label

        def make(shape=shape, last=last):
            x = rand(*shape, dtype=dtype)
            x = x.to(memory_format=torch.channels_last) if last else x
            return {"x": x, "y": torch.empty_like(x), "weight": rand(shape[1], dtype=dtype), "bias": rand(shape[1], dtype=dtype)}

        yield Case("group norm, SiLU", f"{label} {shape}", dtype_name, make,
                   lambda t, mode: ops.group_norm_silu(t["x"], t["weight"], t["bias"], eps=1e-6, mode=mode, out=t["y"]),
                   group_norm_silu, ("x",), ("y",), ("x", "weight", "bias"), {} if last else sglang_group_norm())


def linear_cases(dtype_name):
    dtype = DTYPES[dtype_name]
    for label, rows, inner, outer in (("Qwen-Image", 4096, 3072, 12288), ("GLM-Image", 4096, 4096, 16384), ("Wan 1.3B", 32760, 1536, 8960),
                                      ("Wan 14B", 32760, 5120, 13824)):

        def make(rows=rows, inner=inner, outer=outer):
            return {"x": rand(rows, inner, dtype=dtype), "weight": rand(outer, inner, dtype=dtype, scale=inner**-0.5),
                    "bias": rand(outer, dtype=dtype), "y": torch.empty(rows, outer, device="cuda", dtype=dtype)}

        yield Case("linear, tanh GELU", f"{label} {rows} x {inner} -> {outer}", dtype_name, make,
                   lambda t, mode: ops.linear_activate(t["x"], t["weight"], t["bias"], out=t["y"]), linear_gelu,
                   ("x", "weight"), ("y",), ("x", "weight", "bias"), exact=False)


# ---- SGLang's kernels, from a checkout ----

SGLANG = False  # whether a checkout is on the path


def sglang_group_norm():
    if not SGLANG:
        return {}
    from sglang.jit_kernel.diffusion.triton.group_norm_silu import triton_group_norm_silu

    return {"Triton": lambda t: triton_group_norm_silu(t["x"], t["weight"], t["bias"], 32, 1e-6)}


def sglang_query_key(dtype, dim, row):
    if not SGLANG or dtype == torch.float32:
        return {}
    from sglang.jit_kernel.diffusion.triton.norm import norm_infer
    from sglang.jit_kernel.diffusion.triton.rmsnorm_onepass import triton_one_pass_rms_norm

    def one(x, weight):
        # Both take contiguous rows alone: the copy of a part of a fused projection is theirs to make.
        flat = x.flatten(2) if row else x
        flat = flat.reshape(-1, flat.shape[-1])
        return norm_infer(flat, weight, None, 1e-6, is_rms_norm=True) if row else triton_one_pass_rms_norm(flat, weight, 1e-6)

    return {"Triton": lambda t: (one(t["q"], t["q_weight"]), one(t["k"], t["k_weight"]))}


def sglang_norm(dtype, width):
    if not SGLANG or width % 256 != 0 or not cute():
        return {}
    from sglang.jit_kernel.diffusion.cutedsl.scale_residual_norm_scale_shift import fused_norm_scale_shift

    return {"CuTe": lambda t: fused_norm_scale_shift(t["x"], None, None, t["scale"], t["shift"], "layer", 1e-6)}


def sglang_residual_norm(dtype, width):
    if not SGLANG or width % 256 != 0 or not cute():
        return {}
    from sglang.jit_kernel.diffusion.cutedsl.scale_residual_norm_scale_shift import fused_scale_residual_norm_scale_shift

    return {"CuTe": lambda t: fused_scale_residual_norm_scale_shift(t["residual"], t["x"], t["gate"], None, None, t["scale"], t["shift"],
                                                                   "layer", 1e-6)}


@functools.cache
def cute():
    try:
        import cutlass.cute  # noqa: F401

        return True
    except ImportError:
        print("SGLang's CuTe kernels: not timed, the package nvidia-cutlass-dsl is missing", flush=True)
        return False


# ---- measuring ----


def moved_bytes(tensors, case):
    return sum(tensors[name].numel() * tensors[name].element_size() for name in case.reads + case.writes)


def timed(launches):
    """Microseconds, or why there are none."""
    try:
        return median_us(launches)
    except Exception as error:  # a peer that cannot run here must not end the table
        torch.cuda.synchronize()
        return f"{type(error).__name__}: {str(error).splitlines()[0][:120] if str(error) else ''}"


def measure(case, compiled):
    first = case.make()
    size = moved_bytes(first, case)
    outputs = {name: first[name] for name in case.writes if name not in case.reads}
    held = sum({t.data_ptr(): t.numel() * t.element_size() for name, t in first.items() if name not in outputs}.values())
    sets = [first] + [{**case.make(), **outputs} for _ in range(min(63, ROTATED_BYTES // max(held, 1)))]
    result = {"name": case.name, "shape": case.shape, "dtype": case.dtype, "bytes": size, "sets": len(sets)}
    with torch.no_grad():
        for mode in ("exact", "fast"):
            if mode == "fast" or case.exact:
                result[mode] = timed([functools.partial(case.ours, t, mode) for t in sets])
        arguments = [tuple(t[name] for name in case.arguments) for t in sets]
        result["eager"] = timed([functools.partial(case.eager, *a) for a in arguments])
        if compiled:
            torch._dynamo.reset()
            chain = torch.compile(case.eager, dynamic=False)
            result["compiled"] = timed([functools.partial(chain, *a) for a in arguments])
        for label, peer in case.peers.items():
            result[label] = timed([functools.partial(peer, t) for t in sets])
    return result


COLUMNS = ("exact", "fast", "eager", "compiled", "Triton", "CuTe")


def microseconds(value):
    return f"{value:8.1f}" if isinstance(value, float) else f"{'failed' if value else '-':>8s}"


def report(result, ceiling):
    peers = {k: v for k, v in result.items() if k in COLUMNS[2:] and isinstance(v, float)}
    ours = [result[k] for k in COLUMNS[:2] if isinstance(result.get(k), float)]
    line = f"{result['name'] + ' ' + result['shape'] + ' ' + result['dtype']:86s}"
    line += "".join(microseconds(result.get(k)) for k in COLUMNS)
    if ours:
        speed = result["bytes"] / min(ours) / 1e3
        line += f"{speed:7.0f} {100 * speed / ceiling:5.0f} %"
        if peers:
            line += f"{min(peers.values()) / min(ours):7.2f}x"
    print(line, flush=True)
    for key, value in result.items():
        if isinstance(value, str) and key in COLUMNS:
            print(f"    {key}: {value}", flush=True)


def main():
    global SGLANG
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sglang", help="a checkout of SGLang; its Triton and CuTe kernels are timed beside")
    parser.add_argument("--dtype", nargs="+", choices=DTYPES, default=["f16", "bf16", "f32"])
    parser.add_argument("--only", nargs="+", default=[""], help="operators whose name contains one of these")
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out")
    parser.add_argument("--json", help="also write every figure here")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit("needs a CUDA device; torch sees none")
    if options.sglang:
        SGLANG = True
        sys.path.insert(0, f"{options.sglang}/python")
    torch.manual_seed(1)
    torch.backends.cuda.matmul.allow_tf32 = False

    big = torch.randn(1 << 29, device="cuda").half().repeat(2)
    copy = torch.empty_like(big)
    ceiling = 2 * big.numel() * 2 / median_us([lambda: torch.neg(big, out=copy)], 5) / 1e3
    del big, copy
    one = torch.ones(1, device="cuda")
    empty = median_us([lambda: torch.neg(one, out=one)])
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}; ceiling: copy {ceiling:.0f} GB/s; one-element kernel in a graph {empty:.2f} us")
    print(f"{'':86s}{''.join(f'{c:>8s}' for c in COLUMNS)}{'GB/s':>7s}{'share':>7s}{'ratio':>8s}")
    results = []
    for dtype in options.dtype:
        for cases in (norm_cases, query_key_cases, row_cases, group_norm_cases, linear_cases):
            for case in cases(dtype):
                if any(text in case.name for text in options.only):
                    results.append(measure(case, not options.no_compile))
                    report(results[-1], ceiling)
    overhead = call_overhead.measure("cuda")
    print("a call from Python, microseconds of the host: " + ", ".join(f"{k} {v:.2f}" for k, v in overhead.items()))
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"device": torch.cuda.get_device_name(), "torch": torch.__version__, "copy_gb_s": ceiling, "empty_us": empty,
                       "results": results, "call_us": overhead}, file, indent=1)


if __name__ == "__main__":
    main()
