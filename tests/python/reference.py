"""The operators' formulas in float64 on NumPy arrays, written from docs/operators.md, and inputs for them."""

import math

import numpy as np


def random(rng, shape, dtype="float32", scale=1.0, offset=0.0):
    return (rng.standard_normal(shape) * scale + offset).astype(dtype)


def rows_of(v, x):
    """A modulating vector as an array that broadcasts with x [B, S, D] or [S, D]."""
    v = np.asarray(v, dtype=np.float64)
    if x.ndim == 3 and v.ndim == 2:
        return v[:, None, :]
    if v.ndim == x.ndim + 1:
        return np.repeat(v[..., 0, :], x.shape[-2] // v.shape[-3], axis=-2)
    return v


def norm_scale_shift(x, scale=None, shift=None, weight=None, bias=None, eps=1e-6, rms=False):
    x = x.astype(np.float64)
    centred = x if rms else x - x.mean(-1, keepdims=True)
    y = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + eps)
    if weight is not None:
        y = y * weight.astype(np.float64)
    if bias is not None:
        y = y + bias.astype(np.float64)
    if scale is not None:
        y = y * (1 + rows_of(scale, x)) + rows_of(shift, x)
    return y


def gated_add(x, residual, gate=None):
    x = x.astype(np.float64)
    return residual.astype(np.float64) + (x if gate is None else rows_of(gate, x) * x)


def group_norm(x, weight, bias, groups, eps, silu):
    n, c = x.shape[:2]
    g = x.astype(np.float64).reshape(n, groups, -1)
    g = (g - g.mean(-1, keepdims=True)) / np.sqrt(g.var(-1, keepdims=True) + eps)
    per_channel = (1, c) + (1,) * (x.ndim - 2)
    z = g.reshape(x.shape) * weight.astype(np.float64).reshape(per_channel)
    z = z + bias.astype(np.float64).reshape(per_channel)
    return z / (1 + np.exp(-z)) if silu else z


def activation(x, kind):
    x = x.astype(np.float64)
    if kind == "gelu":
        return x / 2 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))
    if kind == "gelu_tanh":
        return x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return x / (1 + np.exp(-(1.702 if kind == "fast_gelu" else 1.0) * x))


def rotary_table(grid, dims, theta, first, tokens):
    index = np.arange(first, first + tokens)
    f, h, w = grid
    angles = [
        position[:, None] * theta ** (-2.0 * np.arange(d // 2) / d)
        for position, d in zip((index // (h * w), index % (h * w) // w, index % w), dims)
    ]
    angles = np.concatenate(angles, axis=1)
    return np.concatenate([np.cos(angles), np.sin(angles)], axis=1)


def rotated(x, table, first=0, halves=False):
    """x [B, S, H, d] with the tokens from `first` on turned by the rows of table."""
    x = x.astype(np.float64).copy()
    r = table.shape[1]
    a, b = (slice(0, r // 2), slice(r // 2, r)) if halves else (slice(0, r, 2), slice(1, r, 2))
    cos, sin = (t[None, : x.shape[1] - first, None, :] for t in np.split(table.astype(np.float64), 2, axis=1))
    part = x[:, first:].copy()
    x[:, first:, :, a] = part[..., a] * cos - part[..., b] * sin
    x[:, first:, :, b] = part[..., b] * cos + part[..., a] * sin
    return x


def timestep_embedding(t, dim, max_period, scale, shift, cosine_first):
    half = dim // 2
    frequencies = np.exp(-math.log(max_period) * np.arange(half) / (half - shift))
    angles = scale * t.astype(np.float64)[:, None] * frequencies
    halves = (np.cos(angles), np.sin(angles))
    return np.concatenate(halves if cosine_first else halves[::-1], axis=1)


def causal_pad(x, cache, front, rows, columns):
    if cache is not None:
        x = np.concatenate([cache, x], axis=2)
        front -= cache.shape[2]
    return np.pad(x, ((0, 0), (0, 0), (front, 0), (rows, rows), (columns, columns)))


def close(result, expected, roundings=1, dtype=None):
    """Within `roundings` half units in the last place of the largest value that a chain of them went through.

    Sums of float32 add an error that is far below that for float16, and up to some units for float32: 16 covers
    rows of a few thousand elements in any order of summation.
    """
    dtype = np.dtype(dtype or result.dtype)
    unit = {2: 2.0**-10, 4: 2.0**-23}[dtype.itemsize]
    allowed = unit / 2 * roundings + (16 * 2.0**-23)
    scale = np.maximum(np.abs(expected), 1.0)
    worst = np.max(np.abs(result.astype(np.float64) - expected) / scale)
    assert worst <= allowed, f"{worst:.3g} off, {allowed:.3g} allowed"
