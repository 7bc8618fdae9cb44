#!/usr/bin/env python3
"""Attention on the GPU: sinter beside PyTorch's cuDNN and FlashAttention kernels, same inputs, one run.

    python3 bench/ops/cuda/attention_torch.py build/dev/bin/libbench_ops_cuda.so

Prints, per shape: microseconds (median of captured graphs), TFLOP/s, the ratio to the better peer, the share of the ceiling (the rate
of a large f16 matrix product measured in the same run), and the distance of either result from float64.
"""

import math
import sys

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from torch_timing import Library, distance, median_us

PEERS = {"cuDNN": SDPBackend.CUDNN_ATTENTION, "Flash": SDPBackend.FLASH_ATTENTION}


def exact(q, k, v, bias=0.0):
    """float64 attention of [tokens, heads, dim]; `bias` is added to the logit of key 0."""
    out = []
    for h in range(q.shape[1]):
        logits = q[:, h].double() @ k[:, h].double().T / math.sqrt(q.shape[2])
        logits[:, 0] += bias
        out.append(torch.softmax(logits, -1) @ v[:, h].double())
    return torch.stack(out, 1)


class Case:
    """One shape: our run, the peer's runs (each a list of calls, one a sequence), the work."""

    def __init__(self, name, flop, ours, result, sequences, wanted, same_function=True):
        self.name, self.flop, self.ours, self.result, self.sequences, self.wanted = name, flop, ours, result, sequences, wanted
        self.same_function = same_function  # false: the peer leaves something out, and its distance means nothing

    def report(self, ceiling):
        self.ours()
        torch.cuda.synchronize()
        mine, error = median_us(self.ours), distance(self.result(), self.wanted)
        peers = {}
        for name, backend in PEERS.items():
            with sdpa_kernel(backend):
                calls = [[x.transpose(0, 1).unsqueeze(0).contiguous() for x in s] for s in self.sequences]
                peers[name] = median_us(lambda: [F.scaled_dot_product_attention(*c) for c in calls])
                theirs = torch.cat([F.scaled_dot_product_attention(*c)[0].transpose(0, 1) for c in calls])
        rate = self.flop / mine / 1e6
        print(f"{self.name:44s} {mine:8.1f} us {rate:5.0f} TFLOP/s {100 * rate / ceiling:3.0f} % | "
              + " ".join(f"{n} {t:8.1f} us" for n, t in peers.items())
              + f" | {min(peers.values()) / mine:4.2f}x | error {error:.1e}"
              + (f", peer {distance(theirs, self.wanted):.1e}" if self.same_function else ""), flush=True)


def self_case(lib, name, tokens, heads, dim, dtype=torch.float16):
    qkv = torch.randn(tokens, 3, heads, dim, device="cuda").to(dtype)
    out = torch.full((tokens, heads, dim), float("nan"), device="cuda", dtype=dtype)
    kind = 0 if dtype == torch.float16 else 1
    call = lambda: lib.call("sinter_self_attention", qkv, out, tokens, heads, dim, kind)
    q, k, v = qkv.unbind(1)
    return Case(name, 4 * tokens * tokens * heads * dim, call, lambda: out, [(q, k, v)], exact(q, k, v))


def cross_case(lib, name, tokens, keys, heads, dim):
    q = torch.randn(tokens, heads, dim, device="cuda").half()
    kv = torch.randn(keys, 2, heads, dim, device="cuda").half()
    out = torch.full_like(q, float("nan"))
    call = lambda: lib.call("sinter_cross_attention", q, kv, out, tokens, keys, heads, dim)
    k, v = kv.unbind(1)
    return Case(name, 4 * tokens * keys * heads * dim, call, lambda: out, [(q, k, v)], exact(q, k, v))


def guided_case(lib, name, condition, latents, heads, dim):
    rows = condition + 1 + 2 * latents
    qkv = torch.randn(rows, 3, heads, dim, device="cuda").half()
    out = torch.full((rows, heads, dim), float("nan"), device="cuda", dtype=torch.float16)
    bias = math.log(condition)
    call = lambda: lib.call("sinter_guided_attention", qkv, out, condition, latents, heads, dim, bias)
    at = torch.arange(rows, device="cuda")
    split = condition + 1 + latents
    parts = [torch.cat([at[:condition], at[condition + 1:split]]), torch.cat([at[condition:condition + 1], at[split:]])]
    sequences = [tuple(x[i] for x in qkv.unbind(1)) for i in parts]
    wanted = torch.cat([exact(*s, bias=b) for s, b in zip(sequences, (0.0, bias))])
    flop = 4 * heads * dim * sum(len(i) ** 2 for i in parts)
    # The peer has no bias on one key short of a whole bias matrix: it runs the same sequences without, which costs it nothing.
    return Case(name, flop, call, lambda: torch.cat([out[i] for i in parts]), sequences, wanted,
                same_function=False)


def main():
    lib = Library(sys.argv[1])
    torch.manual_seed(1)
    a, b = (torch.randn(8192, 8192, device="cuda").half() for _ in range(2))
    ceiling = 2 * 8192**3 / median_us(lambda: a @ b) / 1e6
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, cuDNN {torch.backends.cudnn.version()}; "
          f"ceiling: 8192^3 f16 product {ceiling:.0f} TFLOP/s", flush=True)
    for case in (
        lambda: guided_case(lib, "shape DiT, guided step: 1370 + 3072, 1 + 3072", 1370, 3072, 16, 64),
        lambda: guided_case(lib, "mini DiT, guided step: 1370 + 512, 1 + 512", 1370, 512, 16, 64),
        lambda: guided_case(lib, "4 views, guided step: 5480 + 3072, 1 + 3072", 5480, 3072, 16, 64),
        lambda: self_case(lib, "shape DiT, one branch: 4442", 4442, 16, 64),
        lambda: self_case(lib, "shape VAE: 3072", 3072, 16, 64),
        lambda: self_case(lib, "DINOv2 giant: 1370, 24 heads", 1370, 24, 64),
        lambda: cross_case(lib, "geometry decoder: 65536 points, 3072 keys", 65536, 3072, 16, 64),
        lambda: cross_case(lib, "geometry decoder: 65536 points, 512 keys", 65536, 512, 16, 64),
        lambda: self_case(lib, "2.1 DiT: 4097, heads of 128", 4097, 16, 128),
        lambda: self_case(lib, "2.1 DiT: 4097, heads of 128, bf16", 4097, 16, 128, torch.bfloat16),
    ):
        case().report(ceiling)


if __name__ == "__main__":
    main()
