"""The operators on rows against PyTorch's eager chains on the device: equal bits, no tolerance, where mode is exact."""

import itertools
import math

import pytest

torch = pytest.importorskip("torch")
if not torch.cuda.is_available():
    pytest.skip("needs a GPU", allow_module_level=True)

import torch.nn.functional as F

from sinter import ops

FLOATS = [torch.float32, torch.float16, torch.bfloat16]
DEVICE = "cuda"


def normal(*shape, dtype=torch.float32, seed=0, scale=1.0):
    generator = torch.Generator(DEVICE).manual_seed(seed)
    return (torch.randn(*shape, device=DEVICE, generator=generator) * scale).to(dtype)


def assert_same_bits(y, expected):
    assert y.dtype == expected.dtype and y.shape == expected.shape
    same = (y == expected) | (y.isnan() & expected.isnan())
    zeros = (y == 0) & (expected == 0)
    same &= ~zeros | (torch.signbit(y) == torch.signbit(expected))
    wrong = (~same).nonzero()
    if len(wrong):
        at = tuple(wrong[0].tolist())
        raise AssertionError(f"{len(wrong)} of {y.numel()} differ, first {at}: {y[at].item()!r}, not {expected[at].item()!r}")


# --- gated add ---


def rows_of(v, x):
    """A modulating vector as a tensor that broadcasts with x."""
    if x.dim() == 3 and v.dim() == 2:
        return v[:, None]
    if v.dim() == x.dim() + 1:
        return v.squeeze(-2).repeat_interleave(x.shape[-2] // v.shape[-3], dim=-2)
    return v


@pytest.mark.parametrize("gate_type", FLOATS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_gated_add(dtype, gate_type):
    b, s = 3, 12
    for seed, d in enumerate([64, 1000, 1537, 8, 3]):
        x, residual = normal(b, s, d, dtype=dtype, seed=seed), normal(b, s, d, dtype=dtype, seed=seed + 50)
        forms = [(1,), (d,), (1, d), (b, d), (b, 1, d), (1, s, d), (b, s, d), (b, 4, 1, d), (1, 4, 1, d)]
        for form in forms:
            gate = normal(*form, dtype=gate_type, seed=seed + 99)
            expected = (residual + rows_of(gate, x) * x).to(dtype)
            assert_same_bits(ops.gated_add(x, residual, gate), expected)
        wide = normal(b, s, 3 * d, dtype=dtype, seed=seed)[..., d : 2 * d]
        expected = residual + gate.reshape(1, 4, d).repeat_interleave(3, 1) * wide
        assert_same_bits(ops.gated_add(wide, residual, gate), expected.to(dtype))


# --- activations ---

EAGER = {
    "gelu": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "fast_gelu": lambda x: x * torch.sigmoid(1.702 * x),
    "silu": F.silu,
}


def every_value(dtype):
    """All values of a 16-bit type; of f32 every 4099th pattern of bits."""
    if dtype == torch.float32:
        return torch.arange(-(2**31), 2**31, 4099, device=DEVICE).to(torch.int32).view(dtype)
    return torch.arange(-(2**15), 2**15, device=DEVICE).to(torch.int16).view(dtype)


@pytest.mark.parametrize("kind", EAGER)
@pytest.mark.parametrize("dtype", FLOATS)
def test_activations_of_every_value(dtype, kind):
    x = every_value(dtype)
    assert_same_bits(ops.activate(x, kind), EAGER[kind](x))
    multiplier = normal(x.numel(), dtype=dtype, seed=1)
    assert_same_bits(ops.activate(x, kind, multiplier=multiplier), EAGER[kind](x) * multiplier)


@pytest.mark.parametrize("dtype", FLOATS)
def test_activation_of_halves(dtype):
    for columns in (96, 13):
        h = normal(5, 7, 2 * columns, dtype=dtype, seed=columns, scale=3.0)
        a, b = h[..., :columns], h[..., columns:]
        assert_same_bits(ops.activate(a, "silu", multiplier=b), F.silu(a) * b)


# --- queries and keys ---


def written_out(x, weight, eps, dims):
    """Hunyuan3D's and HunyuanVideo's RMSNorm."""
    f = x.float()
    inverse = torch.rsqrt(torch.mean(f**2, dim=dims, keepdim=True) + eps)
    y = (f * inverse).to(x.dtype)
    return y if weight is None else (y * weight).to(x.dtype)


def in_f32(x, weight, eps):
    """torch.nn.RMSNorm."""
    if weight is None or weight.dtype == x.dtype:
        return F.rms_norm(x, x.shape[-1:], weight, eps)
    f = x.float()
    return (f * torch.rsqrt(torch.mean(f**2, dim=-1, keepdim=True) + eps) * weight).to(x.dtype)


def rotated(x, table, halves):
    """diffusers' apply_rotary_emb for x [B, S, H, d], partial where the table is narrower."""
    r = table.shape[1]
    cos, sin = table[: x.shape[1], None, : r // 2], table[: x.shape[1], None, r // 2 :]
    part = x[..., :r].float()
    if halves:
        a, b = part.chunk(2, dim=-1)
        turned, cos, sin = torch.cat([-b, a], -1), torch.cat([cos, cos], -1), torch.cat([sin, sin], -1)
    else:
        a, b = part.unflatten(-1, (-1, 2)).unbind(-1)
        turned = torch.stack([-b, a], -1).flatten(-2)
        cos, sin = cos.repeat_interleave(2, -1), sin.repeat_interleave(2, -1)
    return torch.cat([(part * cos + turned * sin).to(x.dtype), x[..., r:]], -1)


SHAPES = [
    (2, 300, 16, 64),
    (1, 517, 24, 128),
    (1, 3, 2, 64),
    (1, 1, 1, 128),
    (1, 1, 3, 1024),
    (1, 2, 2, 512),
    (1, 900, 3, 72),
    (1, 50, 5, 80),
    (1, 50, 5, 96),
    (1, 40, 5, 8),
    (1, 40, 5, 24),
    (1, 40, 5, 40),
    (1, 64, 3, 192),
    (1, 64, 3, 256),
    (1, 64, 2, 320),
    (1, 33, 2, 1024),
]


@pytest.mark.parametrize("weight_in_f32", [False, True])
@pytest.mark.parametrize("weights", [None, "same", torch.float32])
@pytest.mark.parametrize("dtype", FLOATS)
def test_norm_of_heads(dtype, weights, weight_in_f32):
    for seed, (b, s, h, d) in enumerate(SHAPES):
        q, k, _ = normal(b, s, 3, h, d, dtype=dtype, seed=seed, scale=2.0).unbind(2)
        w = [None, None]
        if weights is not None:
            w = [normal(d, dtype=dtype if weights == "same" else weights, seed=seed + i) for i in (1, 2)]
        eager = in_f32 if weight_in_f32 else lambda x, weight, eps: written_out(x, weight, eps, -1)
        expected = [eager(x.contiguous(), weight, 1e-6) for x, weight in zip((q, k), w)]
        ops.query_key_norm_(q, k, *w, weight_in_f32=weight_in_f32)
        for x, e in zip((q, k), expected):
            try:
                assert_same_bits(x.contiguous(), e)
            except AssertionError as error:
                raise AssertionError(f"{(b, s, h, d)}: {error}") from None


@pytest.mark.parametrize("weights", ["same", torch.float32])
@pytest.mark.parametrize("dtype", FLOATS)
def test_norm_of_whole_rows(dtype, weights):
    for seed, (b, s, h, d) in enumerate([(1, 300, 12, 128), (1, 200, 40, 128), (2, 1, 40, 128), (1, 20, 3, 80), (1, 5, 64, 128)]):
        q, k, _ = normal(b, s, 3, h, d, dtype=dtype, seed=seed).unbind(2)
        w = [normal(h * d, dtype=dtype if weights == "same" else weights, seed=seed + i) for i in (1, 2)]
        try:
            expected = [written_out(x.flatten(2), weight, 1e-6, -1).unflatten(2, (h, d)) for x, weight in zip((q, k), w)]
            ops.query_key_norm_(q, k, *w, whole_row=True)
            assert_same_bits(q.contiguous(), expected[0])
            assert_same_bits(k.contiguous(), expected[1])
        except AssertionError as error:
            raise AssertionError(f"{(b, s, h, d)}: {error}") from None


@pytest.mark.parametrize("pairs", ["interleaved", "halves"])
@pytest.mark.parametrize("dtype", FLOATS)
def test_rotation(dtype, pairs):
    for seed, ((b, s, h, d), r) in enumerate([((1, 130, 24, 128), 128), ((2, 77, 3, 64), 32), ((1, 19, 2, 80), 52), ((1, 9, 2, 512), 256)]):
        table = ops.rotary_table((1, 1, s), (0, 0, r), like=normal(1))
        for normalize, whole_row in [(True, False), (True, True), (False, False)]:
            q, k, _ = normal(b, s, 3, h, d, dtype=dtype, seed=seed).unbind(2)
            n = h * d if whole_row else d
            w = [normal(n, dtype=dtype, seed=seed + i) for i in (1, 2)] if normalize else [None, None]
            expected = []
            for x, weight in zip((q, k), w):
                if normalize:
                    x = written_out(x.flatten(2) if whole_row else x, weight, 1e-6, -1).reshape(x.shape)
                expected.append(rotated(x, table, pairs == "halves"))
            ops.query_key_norm_(q, k, *w, table=table, pairs=pairs, normalize=normalize, whole_row=whole_row)
            assert_same_bits(q.contiguous(), expected[0].contiguous())
            assert_same_bits(k.contiguous(), expected[1].contiguous())


# --- embeddings, padding, product ---


@pytest.mark.parametrize("dtype", FLOATS)
def test_timestep_embedding_is_diffusers(dtype):
    for dim, period, scale, shift, flip in itertools.product([256, 18], [10000, 1000], [1.0, 1000.0], [0.0, 1.0], [True, False]):
        t = (torch.rand(37, device=DEVICE) * (1000 if scale == 1 else 1)).to(dtype)
        half = dim // 2
        exponent = -math.log(period) * torch.arange(half, dtype=torch.float32, device=DEVICE) / (half - shift)
        angle = scale * (t[:, None].float() * torch.exp(exponent)[None, :])
        parts = [angle.cos(), angle.sin()] if flip else [angle.sin(), angle.cos()]
        y = ops.timestep_embedding(t, dim, max_period=period, scale=scale, shift=shift, cosine_first=flip)
        assert_same_bits(y, torch.cat(parts, -1).to(dtype))


@pytest.mark.parametrize("dtype", FLOATS)
def test_causal_pad(dtype):
    for width in (6, 104, 33):
        x, cache = normal(1, 5, 3, 7, width, dtype=dtype), normal(1, 5, 2, 7, width, dtype=dtype, seed=1)
        assert_same_bits(ops.causal_pad(x, cache), F.pad(torch.cat([cache, x], 2), (1, 1, 1, 1, 0, 0)))
        assert_same_bits(ops.causal_pad(x, cache[:, :, 1:].contiguous()), F.pad(torch.cat([cache[:, :, 1:], x], 2), (1, 1, 1, 1, 1, 0)))
        assert_same_bits(ops.causal_pad(x), F.pad(x, (1, 1, 1, 1, 2, 0)))


@pytest.mark.parametrize("dtype", FLOATS)
def test_linear_with_gelu(dtype):
    x, weight, bias = normal(300, 512, dtype=dtype), normal(1024, 512, dtype=dtype, scale=0.05, seed=1), normal(1024, dtype=dtype, seed=2)
    for b in (bias, None):
        exact = x.double() @ weight.double().T + (0 if b is None else b.double())
        y = ops.linear_activate(x, weight, b)
        unit = {torch.float32: 2e-5, torch.float16: 2e-3, torch.bfloat16: 1.6e-2}[dtype]
        assert ((y.double() - F.gelu(exact, approximate="tanh")).abs() <= unit * (1 + exact.abs())).all()


def test_in_a_graph_on_new_data():
    q = normal(1, 64, 3, 8, 128, dtype=torch.float16)
    w = normal(128, dtype=torch.float16, seed=1)
    stream = torch.cuda.Stream()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        ops.query_key_norm_(q[:, :, 0], q[:, :, 1], w, w)
    fresh = normal(1, 64, 3, 8, 128, dtype=torch.float16, seed=5)
    q.copy_(fresh)
    graph.replay()
    torch.cuda.synchronize()
    assert_same_bits(q[:, :, 0].contiguous(), written_out(fresh[:, :, 0], w, 1e-6, -1))
    assert_same_bits(q[:, :, 2].contiguous(), fresh[:, :, 2].contiguous())
