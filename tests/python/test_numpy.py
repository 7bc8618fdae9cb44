"""Every operator on NumPy arrays against float64."""

import numpy as np
import pytest

import reference as ref
from sinter import ops

DTYPES = ["float32", "float16"]
MODES = ["exact", "fast"]
# (B, S, D): ragged widths, one token, one sample, rows of two
SHAPES = [(2, 5, 64), (1, 1, 8), (3, 7, 72), (1, 6, 1000), (2, 4, 2)]


def forms(rng, b, s, d, dtype):
    """Every shape that a modulating vector may have for x [b, s, d]."""
    shapes = [(1,), (d,), (1, d), (1, 1, d), (b, d), (b, 1, d), (1, s, d), (b, s, d)]
    shapes += [(samples, f, 1, d) for f in range(1, s + 1) if s % f == 0 for samples in (1, b)]
    return [ref.random(rng, shape, dtype, 0.3, 0.2) for shape in dict.fromkeys(shapes)]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_gated_add(shape, dtype, mode):
    rng = np.random.default_rng(1)
    x, residual = (ref.random(rng, shape, dtype) for _ in range(2))
    for other in DTYPES:
        for gate in forms(rng, *shape, other):
            y = ops.gated_add(x, residual, gate, mode=mode)
            assert y.dtype == x.dtype and y.shape == x.shape
            ref.close(y, ref.gated_add(x, residual, gate), 3 if mode == "exact" else 1)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("norm", ["layer", "rms"])
def test_norm_scale_shift(shape, dtype, mode, norm):
    rng = np.random.default_rng(2)
    x = ref.random(rng, shape, dtype, 2.0, 0.5)
    rms = norm == "rms"
    # Of two elements one may be anything: their norm is +-1, or as uncertain as the difference is small.
    eps = 1e-6 if shape[-1] > 2 else 1e-2
    weight = ref.random(rng, shape[-1:], dtype, 0.3, 1.0)
    bias = None if rms else ref.random(rng, shape[-1:], dtype)
    for affine in ((None, None), (weight, bias), (weight.astype("f4"), None if rms else bias.astype("f4"))):
        y = ops.norm_scale_shift(x, norm=norm, weight=affine[0], bias=affine[1], eps=eps, mode=mode)
        ref.close(y, ref.norm_scale_shift(x, None, None, *affine, eps, rms), 3)
    for scale in forms(rng, *shape, dtype):
        shift = ref.random(rng, scale.shape, dtype)
        y = ops.norm_scale_shift(x, scale, shift, norm=norm, eps=eps, mode=mode)
        ref.close(y, ref.norm_scale_shift(x, scale, shift, None, None, eps, rms), 10 if mode == "exact" else 2)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES[:4])
def test_residual_norm_scale_shift(shape, dtype, mode):
    rng = np.random.default_rng(3)
    x, residual = (ref.random(rng, shape, dtype) for _ in range(2))
    scale, shift = (ref.random(rng, shape[-1:], dtype, 0.3) for _ in range(2))
    for gate in (None, *forms(rng, *shape, dtype)):
        y, total = ops.residual_norm_scale_shift(x, residual, gate, scale, shift, mode=mode)
        ref.close(total, ref.gated_add(x, residual, gate), 3 if mode == "exact" else 1)
        # Of the sum as it is stored.
        ref.close(y, ref.norm_scale_shift(total, scale, shift), 12 if mode == "exact" else 3)
    into = residual.copy()
    y, total = ops.residual_norm_scale_shift(x, into, None, scale, shift, mode=mode, sum_out=into)
    assert total is into
    ref.close(into, ref.gated_add(x, residual), 1)


@pytest.mark.parametrize("shape", [(72,), (2, 3, 4, 72), (2, 1, 3, 2, 72), (1, 2, 1, 3, 1, 72)])
def test_rows_of_other_ranks(shape):
    """The leading dimensions count as one, for vectors that are the same for all rows."""
    rng = np.random.default_rng(11)
    x, residual = (ref.random(rng, shape) for _ in range(2))
    for v in ref.random(rng, (1,)), ref.random(rng, (72,)):
        ref.close(ops.gated_add(x, residual, v), ref.gated_add(x, residual, v), 3)
        ref.close(ops.norm_scale_shift(x, v, v), ref.norm_scale_shift(x, v, v), 10)
        y, total = ops.residual_norm_scale_shift(x, residual, v, v, v)
        ref.close(total, ref.gated_add(x, residual, v), 3)
        ref.close(y, ref.norm_scale_shift(total, v, v), 12)
    every_second = ref.random(rng, (*shape[:-1], 144))[..., :72]
    ref.close(ops.norm_scale_shift(every_second, norm="rms"), ref.norm_scale_shift(every_second, rms=True), 3)


@pytest.mark.parametrize("halves", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
def test_query_key_norm(dtype, halves):
    rng = np.random.default_rng(4)
    b, s, h, d = 2, 6, 3, 16
    qkv = ref.random(rng, (b, s, 3, h, d), dtype, 1.5)
    before = qkv.copy()
    weights = [ref.random(rng, (d,), dtype, 0.2, 1.0) for _ in range(2)]
    table = ops.rotary_table((1, 2, 3), (4, 2, 6), like=qkv, theta=256.0)
    ops.query_key_norm_(
        qkv[:, :, 0], qkv[:, :, 1], *weights, table=table, pairs="halves" if halves else "interleaved"
    )
    for part, weight in enumerate(weights):
        normed = ref.norm_scale_shift(before[:, :, part], weight=weight, rms=True)
        ref.close(qkv[:, :, part], ref.rotated(normed, table, 0, halves), 6)
    np.testing.assert_array_equal(qkv[:, :, 2], before[:, :, 2])


def test_query_key_norm_of_whole_rows_and_some_tokens():
    rng = np.random.default_rng(5)
    q = ref.random(rng, (1, 5, 2, 8), scale=1.5)
    before, weight = q.copy(), ref.random(rng, (16,), scale=0.2, offset=1.0)
    table = ref.rotary_table((1, 1, 4), (4, 2, 2), 100.0, 0, 4).astype("f4")  # the last token has no row
    ops.query_key_norm_(q, None, weight, table=table, first_token=1, whole_row=True, weight_in_f32=True, mode="fast")
    normed = ref.norm_scale_shift(before.reshape(1, 5, 16), weight=weight, rms=True).reshape(q.shape)
    normed[:, 1:4] = ref.rotated(normed[:, :4], table[1:], 1)[:, 1:]
    ref.close(q, normed, 4)


@pytest.mark.parametrize("first,tokens", [(0, 60), (7, 20)])
def test_rotary_table(first, tokens):
    grid, dims = (3, 4, 5), (16, 56, 56)
    like = np.zeros(1, "f4")
    table = ops.rotary_table(grid, dims, like=like, theta=256.0, first=first, tokens=tokens)
    assert table.shape == (tokens, 128) and table.dtype == np.float32
    np.testing.assert_allclose(table, ref.rotary_table(grid, dims, 256.0, first, tokens), atol=2.0**-24)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(2, 6), (3, 12, 7), (1, 6, 5, 3), (2, 12, 3, 1, 5)])
@pytest.mark.parametrize("last", [False, True])
def test_group_norm_silu(shape, dtype, mode, last):
    rng = np.random.default_rng(6)
    x = ref.random(rng, shape, dtype, 2.0, 0.5)
    if last:
        x = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)
    weight, bias = ref.random(rng, shape[1:2], dtype, 0.3, 1.0), ref.random(rng, shape[1:2], dtype)
    for silu in (True, False):
        # Groups of two elements: eps keeps their norm from being all rounding.
        y = ops.group_norm_silu(x, weight, bias, 3, eps=1e-2, silu=silu, mode=mode)
        assert y.strides == x.strides
        # PyTorch rounds mean and 1 / deviation to x's type, and the latter is up to 10 here.
        ref.close(y, ref.group_norm(x, weight, bias, 3, 1e-2, silu), 16 if mode == "exact" else 6)
        plain = ref.group_norm(x, np.ones_like(weight), np.zeros_like(bias), 3, 1e-2, silu)
        ref.close(ops.group_norm_silu(x, groups=3, eps=1e-2, silu=silu, mode=mode), plain, 16 if mode == "exact" else 6)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", ["gelu", "gelu_tanh", "fast_gelu", "silu"])
def test_activate(kind, dtype, mode):
    rng = np.random.default_rng(7)
    h = ref.random(rng, (5, 2 * 24), dtype, 3.0)
    x, multiplier = h[:, :24], h[:, 24:]
    ref.close(ops.activate(x, kind, mode=mode), ref.activation(x, kind), 8)
    expected = ref.activation(x, kind) * multiplier.astype(np.float64)
    ref.close(ops.activate(x, kind, multiplier=multiplier, mode=mode), expected, 24)


@pytest.mark.parametrize("dtype", DTYPES)
def test_linear_activate(dtype):
    rng = np.random.default_rng(8)
    x, weight = ref.random(rng, (2, 3, 40), dtype), ref.random(rng, (24, 40), dtype, 0.2)
    bias, y = ref.random(rng, (24,), dtype), np.empty((2, 3, 24), dtype)
    for b in (bias, None):
        y = ops.linear_activate(x, weight, b, "gelu_tanh")
        product = x.astype("f8") @ weight.astype("f8").T + (0 if b is None else b.astype("f8"))
        ref.close(y, ref.activation(product, "gelu_tanh"), 4)


@pytest.mark.parametrize("cosine_first", [True, False])
@pytest.mark.parametrize("dtype", DTYPES)
def test_timestep_embedding(dtype, cosine_first):
    t = np.array([0.0, 0.125, 0.5, 0.75], dtype)
    options = dict(max_period=1000.0, scale=1000.0, shift=1.0, cosine_first=cosine_first)
    y = ops.timestep_embedding(t, 32, **options)
    # An angle of 1000 is known to 2^-14 in float32.
    np.testing.assert_allclose(y, ref.timestep_embedding(t, 32, **options), atol=2.0**-11 if dtype == "float16" else 2.0**-13)
    assert ops.timestep_embedding(t, 32, dtype="float32", **options).dtype == np.float32


@pytest.mark.parametrize("frames", [0, 1, 2])
def test_causal_pad(frames):
    rng = np.random.default_rng(9)
    x = ref.random(rng, (2, 3, 4, 5, 6), "float16")
    cache = ref.random(rng, (2, 3, frames, 5, 6), "float16") if frames else None
    y = ops.causal_pad(x, cache, front=2, rows=1, columns=2)
    np.testing.assert_array_equal(y, ref.causal_pad(x, cache, 2, 1, 2))


def test_results_do_not_depend_on_threads_and_out_is_returned():
    from sinter import _ops

    rng = np.random.default_rng(10)
    x, residual, gate = (ref.random(rng, (2, 33, 40)) for _ in range(3))
    results = []
    for threads in (1, 2, 5):
        y = np.full_like(x, np.nan)
        _ops.gated_add(x, residual, gate, out=y, threads=threads)
        results.append(y)
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])
    out = np.full_like(x, np.nan)
    assert ops.gated_add(x, residual, gate, out=out) is out
    np.testing.assert_array_equal(out, results[0])
