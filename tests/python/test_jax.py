"""JAX on the CPU: immutable inputs, results in memory that JAX takes over."""

import numpy as np
import pytest

import reference as ref

jax = pytest.importorskip("jax")
jnp = jax.numpy

from sinter import ops  # noqa: E402


def arrays(*shapes):
    rng = np.random.default_rng(0)
    cpu = jax.devices("cpu")[0]
    host = [ref.random(rng, shape) for shape in shapes]
    return host, [jax.device_put(a, cpu) for a in host]


def test_a_result_is_an_array_of_jax():
    host, (x, residual, gate) = arrays((2, 5, 64), (2, 5, 64), (64,))
    y = ops.gated_add(x * 2, residual, gate)
    assert isinstance(y, jax.Array) and y.dtype == x.dtype
    ref.close(np.asarray(y), ref.gated_add(host[0] * 2, host[1], host[2]), 3)
    z = jax.jit(lambda a: a + 1)(y)
    np.testing.assert_array_equal(np.asarray(z), np.asarray(y) + 1)


def test_bfloat16_and_two_results():
    host, (x, residual) = arrays((2, 5, 64), (2, 5, 64))
    assert ops.activate(x.astype(jnp.bfloat16), "silu").dtype == jnp.bfloat16
    y, total = ops.residual_norm_scale_shift(x, residual)
    np.testing.assert_array_equal(np.asarray(total), host[0] + host[1])
    ref.close(np.asarray(y), ref.norm_scale_shift(host[0] + host[1]), 2)


def test_jax_arrays_are_not_written_to():
    _, (x, residual, gate, q) = arrays((2, 5, 64), (2, 5, 64), (64,), (1, 2, 2, 8))
    with pytest.raises(ValueError, match="JAX"):
        ops.gated_add(x, residual, gate, out=x)
    with pytest.raises(ValueError, match="JAX"):
        ops.query_key_norm_(q)
    assert ops.why_not.gated_add(x, residual, gate) == ""
