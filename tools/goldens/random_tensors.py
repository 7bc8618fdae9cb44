"""Random tensors that Python and C++ make alike, so that golden tests need not store their weights.

Element i of the tensor called `name` comes from Philox4x32-10 with key FNV-1a-64(name) and counter i // 4: with u =
(word[i % 4] >> 8) / 2^24 it is offset + scale (2 u - 1), each operation in fp32; weights are then rounded to fp16.
tests/models/golden.cpp is the other side.
"""

from dataclasses import dataclass

import numpy as np

MASK = np.uint64(0xFFFFFFFF)


@dataclass(frozen=True)
class Distribution:
    """Uniform over offset +- scale."""

    offset: float
    scale: float


def fnv1a(text: str) -> int:
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def philox_words(key: int, blocks: int) -> np.ndarray:
    """[blocks, 4] words of Philox4x32-10 for the counters 0 .. blocks - 1."""
    index = np.arange(blocks, dtype=np.uint64)
    zero = np.zeros_like(index)
    c0, c1, c2, c3 = index & MASK, index >> np.uint64(32), zero, zero
    k0, k1 = key & 0xFFFFFFFF, key >> 32
    for _ in range(10):
        p0, p1 = c0 * np.uint64(0xD2511F53), c2 * np.uint64(0xCD9E8D57)
        c0, c1, c2, c3 = (
            (p1 >> np.uint64(32)) ^ c1 ^ np.uint64(k0),
            p1 & MASK,
            (p0 >> np.uint64(32)) ^ c3 ^ np.uint64(k1),
            p0 & MASK,
        )
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3], axis=1)


def random_tensor(name: str, shape: tuple[int, ...], distribution: Distribution = Distribution(0.0, 1.0)) -> np.ndarray:
    """fp32 values of the tensor called `name`."""
    count = int(np.prod(shape, dtype=np.int64))
    words = philox_words(fnv1a(name), (count + 3) // 4).reshape(-1)[:count]
    unit = (words >> np.uint64(8)).astype(np.float32) * np.float32(2.0**-24)
    centred = np.float32(2.0) * unit - np.float32(1.0)
    return (np.float32(distribution.offset) + np.float32(distribution.scale) * centred).reshape(shape)


# Layers that feed a norm, by a part of their names: with these made small the variances come near the norms' epsilons.
FAINT = ("latent_in.", "cond_in.", "query_proj.", "input_proj.", "post_kl.", "attn.qkv.", ".c_qkv.", ".c_q.", ".c_kv.",
         "x_embedder.", "skip_linear.", ".to_q.", ".to_k.", ".to_v.")


def is_faint(name: str) -> bool:
    in_normed_stream = ".c_proj." in name and ("geo_decoder" in name or "encoder" in name)
    return in_normed_stream or any(part in name for part in FAINT)


def weight_distribution(name: str, shape: tuple[int, ...], faint: bool) -> Distribution:
    """Scales as in trained networks: norms near one, variance kept by every product, modulations well off zero.

    With `faint` the inputs of norms are of the order 1e-3, so that a wrong epsilon (1e-5 for 1e-6) shows in the
    first digits.
    """
    if name.endswith("lambda1"):
        return Distribution(0.5, 0.25)
    if name.endswith("_norm.scale") or (("norm" in name or ".ln_" in name) and name.endswith("weight")):
        return Distribution(1.0, 0.25)
    if "cls_token" in name or "position_embeddings" in name or "mask_token" in name:
        return Distribution(0.0, 0.5)
    modulation = "_mod." in name or "modulation" in name
    factor = 2.0**-8 if faint and is_faint(name) else 1.0
    if faint and name.endswith(".out_proj.weight"):
        factor = 2.0**8  # the values are faint together with queries and keys
    if name.endswith("bias"):
        return Distribution(0.0, factor * (0.5 if modulation else 0.125))
    fan_in = int(np.prod(shape[1:], dtype=np.int64))
    gain = factor * (2.0 if modulation else 1.0)
    # a power of two keeps the text form exact
    return Distribution(0.0, gain * 2.0 ** round(np.log2(np.sqrt(3.0 / fan_in))))
