"""What an operator cannot do raises ValueError with a line that says what was expected and what came."""

import numpy as np
import pytest

from sinter import _ops, ops

F4 = np.float32


def ones(*shape, dtype=F4):
    return np.ones(shape, dtype)


def read_only(x):
    x.flags.writeable = False
    return x


# (what is wrong, the call, words that the line has)
GATED = [
    ("type of x", lambda: ops.gated_add(ones(2, 3, 8, dtype="f8"), ones(2, 3, 8), ones(8)), ["f64", "for x"]),
    ("bool", lambda: ops.gated_add(ones(2, 3, 8, dtype=bool), ones(2, 3, 8), ones(8)), ["for x"]),
    ("integers", lambda: ops.gated_add(ones(2, 3, 8, dtype="i4"), ones(2, 3, 8), ones(8)), ["i32", "for x"]),
    ("types differ", lambda: ops.gated_add(ones(2, 3, 8), ones(2, 3, 8, dtype="f2"), ones(8)), ["f16", "for residual"]),
    ("shapes differ", lambda: ops.gated_add(ones(2, 3, 8), ones(2, 4, 8), ones(8)), ["[2, 4, 8]", "for residual"]),
    ("gate's length", lambda: ops.gated_add(ones(2, 3, 8), ones(2, 3, 8), ones(7)), ["[7]", "for gate"]),
    ("gate's tokens", lambda: ops.gated_add(ones(2, 3, 8), ones(2, 3, 8), ones(2, 2, 8)), ["[2, 2, 8]", "for gate"]),
    ("frames that do not divide", lambda: ops.gated_add(ones(2, 3, 8), ones(2, 3, 8), ones(2, 2, 1, 8)), ["for gate"]),
    ("strided rows", lambda: ops.gated_add(ones(2, 3, 16)[..., ::2], ones(2, 3, 8), ones(8)), ["strides", "for x"]),
    ("empty", lambda: ops.gated_add(ones(2, 0, 8), ones(2, 0, 8), ones(8)), ["[2, 0, 8]", "for x"]),
    ("rank", lambda: ops.gated_add(ones(2, 2, 3, 8), ones(2, 2, 3, 8), ones(2, 8)), ["4 dimensions", "for gate"]),
    ("rows at two strides", lambda: ops.gated_add(ones(2, 2, 6, 8)[:, :, :3], ones(2, 2, 3, 8), ones(8)), ["strides", "for x"]),
    ("too many dimensions", lambda: ops.gated_add(ones(*[1] * 7), ones(*[1] * 7), ones(1)), ["7", "for x"]),
    ("no array", lambda: ops.gated_add([1.0], ones(2, 3, 8), ones(8)), ["list"]),
    ("no array inside", lambda: ops.gated_add(ones(2, 3, 8), 1.0, ones(8)), ["float", "for residual"]),
    ("read-only out", lambda: ops.gated_add(ones(2, 3, 8), ones(2, 3, 8), ones(8), out=read_only(ones(2, 3, 8))), ["for y"]),
    ("out's type", lambda: ops.gated_add(ones(2, 3, 8), ones(2, 3, 8), ones(8), out=ones(2, 3, 8, dtype="f2")), ["for y"]),
    ("mode", lambda: ops.gated_add(ones(2, 3, 8), ones(2, 3, 8), ones(8), mode="loose"), ["'loose'", "mode"]),
]
ACTIVATE = [
    ("kind", lambda: ops.activate(ones(2, 8), "relu"), ["'relu'", "kind"]),
    ("multiplier's shape", lambda: ops.activate(ones(2, 8), multiplier=ones(2, 4)), ["[2, 4]", "for multiplier"]),
    ("empty", lambda: ops.activate(ones(0, 8)), ["[0, 8]", "for x"]),
    ("byte order", lambda: ops.activate(ones(2, 8, dtype=">f4")), ["for x"]),
]
NORM = [
    ("shift alone", lambda: ops.norm_scale_shift(ones(2, 3, 8), None, ones(8)), ["scale"]),
    ("weight's length", lambda: ops.norm_scale_shift(ones(2, 3, 8), weight=ones(7), bias=ones(7)), ["for weight", "[7]"]),
    ("bias of rms", lambda: ops.norm_scale_shift(ones(2, 3, 8), norm="rms", weight=ones(8), bias=ones(8)), ["bias"]),
    ("norm", lambda: ops.norm_scale_shift(ones(2, 3, 8), norm="batch"), ["'batch'", "norm"]),
    ("out overlaps", lambda: ops.norm_scale_shift(ones(2, 3, 8), out=ones(2, 3, 8)[:1]), ["for y"]),
]
GROUP = [
    ("groups that do not divide", lambda: ops.group_norm_silu(ones(2, 6, 5), ones(6), ones(6), 4), ["4", "6"]),
    ("weight's length", lambda: ops.group_norm_silu(ones(2, 6, 5), ones(5), ones(6), 3), ["for weight", "[5]"]),
    ("rank", lambda: ops.group_norm_silu(ones(6), ones(6), ones(6), 3), ["for x", "[6]"]),
    ("strides", lambda: ops.group_norm_silu(ones(2, 6, 10)[..., ::2], ones(6), ones(6), 3), ["for x", "strides"]),
    ("empty", lambda: ops.group_norm_silu(ones(0, 6, 5), ones(6), ones(6), 3), ["for x", "[0, 6, 5]"]),
]
HEADS = [
    ("rank of q", lambda: ops.query_key_norm_(ones(2, 3, 8)), ["for q"]),
    ("weight's length", lambda: ops.query_key_norm_(ones(1, 2, 2, 8), None, ones(4)), ["for q_weight", "[4]"]),
    ("read-only q", lambda: ops.query_key_norm_(read_only(ones(1, 2, 2, 8))), ["for q"]),
    ("table's type", lambda: ops.query_key_norm_(ones(1, 2, 2, 8), table=ones(2, 8, dtype="f2")), ["for table", "f16"]),
    ("pairs", lambda: ops.query_key_norm_(ones(1, 2, 2, 8), pairs="thirds"), ["'thirds'", "pairs"]),
]
OTHERS = [
    ("grid", "rotary_table", lambda: ops.rotary_table((0, 2, 2), (4, 4, 4), like=ones(1), tokens=4), ["grid"]),
    ("odd dims", "rotary_table", lambda: ops.rotary_table((1, 2, 2), (3, 4, 4), like=ones(1)), ["3"]),
    ("no like", "rotary_table", lambda: ops.rotary_table((1, 2, 2), (4, 4, 4)), ["like"]),
    ("odd dim", "timestep_embedding", lambda: ops.timestep_embedding(ones(2), 7), ["7"]),
    ("dtype", "timestep_embedding", lambda: ops.timestep_embedding(ones(2), 8, dtype="float64"), ["float64"]),
    ("negative padding", "causal_pad", lambda: ops.causal_pad(ones(1, 1, 2, 3, 3), rows=-1), ["-1"]),
    ("no padding", "causal_pad", lambda: ops.causal_pad(ones(1, 1, 2, 3, 3), front=2**62), [str(2**62)]),
    ("rank", "causal_pad", lambda: ops.causal_pad(ones(2, 3, 3)), ["[2, 3, 3]", "for x"]),
    ("rank", "timestep_embedding", lambda: ops.timestep_embedding(ones(2, 1), 8), ["[2, 1]", "for t"]),
    ("negative dim", "timestep_embedding", lambda: ops.timestep_embedding(ones(2), -8), ["for y"]),
    ("weight's rank", "linear_activate", lambda: ops.linear_activate(ones(2, 8), ones(8)), ["[8]", "for weight"]),
    ("huge grid", "rotary_table", lambda: ops.rotary_table((2**40, 2**40, 2), (4, 4, 4), like=ones(1)), ["grid"]),
    ("first", "rotary_table", lambda: ops.rotary_table((1, 2, 2), (4, 4, 4), like=ones(1), first=-1), ["-1"]),
    ("cache's frames", "causal_pad", lambda: ops.causal_pad(ones(1, 1, 2, 3, 3), ones(1, 1, 3, 3, 3)), ["for cache"]),
    ("cache's shape", "causal_pad", lambda: ops.causal_pad(ones(1, 1, 2, 3, 3), ones(1, 1, 2, 3, 4)), ["for cache"]),
    ("weight's shape", "linear_activate", lambda: ops.linear_activate(ones(2, 8), ones(4, 7)), ["for weight", "[4, 7]"]),
]
CASES = [("gated_add", *case) for case in GATED]
CASES += [("activate", *case) for case in ACTIVATE]
CASES += [("norm_scale_shift", *case) for case in NORM]
CASES += [("group_norm_silu", *case) for case in GROUP]
CASES += [("query_key_norm", *case) for case in HEADS]
CASES += [(operator, what, call, words) for what, operator, call, words in OTHERS]
SAMPLES = {
    "gated_add": lambda: [ones(1, 2, 8), ones(1, 2, 8), ones(8)],
    "activate": lambda: [ones(2, 8)],
    "norm_scale_shift": lambda: [ones(1, 2, 8)],
    "residual_norm_scale_shift": lambda: [ones(1, 2, 8), ones(1, 2, 8), ones(8)],
    "group_norm_silu": lambda: [ones(1, 32, 8), ones(32), ones(32)],
    "query_key_norm": lambda: [ones(1, 2, 2, 8)],
    "rotary_table": lambda: [(1, 2, 2), (4, 4, 4)],
    "timestep_embedding": lambda: [ones(2), 8],
    "causal_pad": lambda: [ones(1, 1, 2, 3, 3)],
    "linear_activate": lambda: [ones(2, 8), ones(4, 8)],
}


@pytest.mark.parametrize("operator,what,call,words", CASES, ids=[f"{c[0]}-{c[1]}" for c in CASES])
def test_refusal(operator, what, call, words):
    with pytest.raises(ValueError) as error:
        call()
    line = str(error.value)
    assert line.startswith("[") and "\n" not in line
    for word in words:
        assert word in line, line


def test_unaligned_data_is_refused():
    raw = np.ones(4 * 16 + 1, np.uint8)
    x = np.frombuffer(raw.data, F4, 16, offset=1).reshape(2, 8)
    with pytest.raises(ValueError, match="multiple of 4 bytes"):
        _ops.activate(x)


@pytest.mark.parametrize("operator", sorted(SAMPLES))
def test_why_not_runs_nothing_and_agrees(operator):
    operands, options = SAMPLES[operator](), {}
    if operator == "rotary_table":
        options["like"] = ones(1)
    before = [np.array(o, copy=True) for o in operands if isinstance(o, np.ndarray)]
    ask = getattr(ops.why_not, operator)
    assert ask(*operands, **options) == ""
    for x, copy in zip((o for o in operands if isinstance(o, np.ndarray)), before):
        np.testing.assert_array_equal(x, copy)
    if operator == "query_key_norm":
        assert "f64" in ask(operands[0].astype("f8"))
        return
    # The array that the operator would make itself is one that it takes as out=.
    made = getattr(_ops, operator)(*operands, **options)
    if operator == "residual_norm_scale_shift":
        made, options["sum_out"] = made
    assert ask(*operands, **options, out=made) == ""
    assert "f64" in ask(*operands, **options, out=made.astype("f8"))


def test_errors_leak_nothing():
    """Refused operands are given back: their reference counts do not grow."""
    import sys

    x, wrong = ones(2, 3, 8), ones(2, 4, 8)
    counts = sys.getrefcount(x), sys.getrefcount(wrong)
    for _ in range(50):
        with pytest.raises(ValueError):
            _ops.gated_add(x, wrong, ones(8), out=x)
    assert (sys.getrefcount(x), sys.getrefcount(wrong)) == counts
