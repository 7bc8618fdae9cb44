"""What PyTorch's machinery sees of the operators: versions, inference tensors, gradients, fake tensors, compiled graphs."""

import pytest

torch = pytest.importorskip("torch", minversion="2.4")

from sinter import ops  # noqa: E402
from sinter.torch import eager, functional  # noqa: E402
from test_torch import close, tensors  # noqa: E402

NORM = (None, None, 1e-6, False, False, False)  # of eager.norm_scale_shift, after scale and shift


def operands():
    x, residual, gate, scale, shift = tensors((2, 6, 32), (2, 6, 32), (32,), (32,), (32,))
    return dict(x=x, residual=residual, gate=gate, scale=scale, shift=shift)


# name -> (operator of sinter.ops on named operands with out, shape of out)
WITH_OUT = {
    "gated_add": lambda t, out: ops.gated_add(t["x"], t["residual"], t["gate"], out=out),
    "norm_scale_shift": lambda t, out: ops.norm_scale_shift(t["x"], t["scale"], t["shift"], out=out),
    "residual_norm_scale_shift": lambda t, out: ops.residual_norm_scale_shift(
        t["x"], t["residual"], t["gate"], t["scale"], t["shift"], out=out
    )[0],
    "activate": lambda t, out: ops.activate(t["x"], out=out),
    "group_norm_silu": lambda t, out: ops.group_norm_silu(t["x"], groups=3, out=out),
    "query_key_norm_": lambda t, out: out.copy_(t["x"]) is None
    or ops.query_key_norm_(out.view(2, 6, 4, 8), None, t["gate"][:8])
    or out,
}


@pytest.mark.parametrize("name", WITH_OUT)
def test_a_write_is_counted(name):
    t, out = operands(), torch.empty(2, 6, 32)
    before = out._version
    assert WITH_OUT[name](t, out) is out
    assert out._version > before + (name == "query_key_norm_")  # which is copied into first
    # So that autograd notices what it can no longer compute with.
    leaf = torch.randn(2, 6, 32, requires_grad=True)
    saved = out.clone()
    product = (leaf * saved).sum()
    WITH_OUT[name](t, saved)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        product.backward()


@pytest.mark.parametrize("name", WITH_OUT)
def test_inference_tensors(name):
    with torch.inference_mode():
        t, out = operands(), torch.empty(2, 6, 32)
        assert torch.equal(WITH_OUT[name](t, out), out)
        assert functional.gated_add(t["x"], t["residual"], t["gate"]).is_inference()


@pytest.mark.parametrize("needing", ["x", "residual", "gate", "scale", "shift"])
def test_sinter_ops_refuses_to_lose_a_gradient(needing):
    t = operands()
    t[needing].requires_grad_()
    call = lambda: WITH_OUT["residual_norm_scale_shift"](t, None)  # noqa: E731
    with pytest.raises(ValueError, match=f"no gradient for {needing},"):
        call()
    assert "no gradient" in ops.why_not.residual_norm_scale_shift(
        t["x"], t["residual"], t["gate"], t["scale"], t["shift"]
    )
    with torch.no_grad():
        assert not call().requires_grad
    assert functional.residual_norm_scale_shift(**t)[0].requires_grad


def test_an_out_that_needs_a_gradient_is_refused():
    t = operands()
    with pytest.raises(ValueError, match="no gradient for y"):
        ops.activate(t["x"], out=torch.empty(2, 6, 32, requires_grad=True))


def test_gradients_are_those_of_the_formula():
    """Of every operand, against the chain written out here."""
    t = {k: v.double().requires_grad_() for k, v in operands().items()}
    y, total = functional.residual_norm_scale_shift(**t)
    weights = torch.randn(2, 2, 6, 32, dtype=torch.float64)
    got = torch.autograd.grad((y * weights[0] + total * weights[1]).sum(), list(t.values()))
    total = t["residual"] + t["gate"] * t["x"]
    centred = total - total.mean(-1, keepdim=True)
    normed = centred / torch.sqrt(centred.square().mean(-1, keepdim=True) + 1e-6)
    y = normed * (1 + t["scale"]) + t["shift"]
    wanted = torch.autograd.grad((y * weights[0] + total * weights[1]).sum(), list(t.values()))
    for a, b in zip(got, wanted):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


def test_fake_and_meta_tensors_take_the_unfused_chain():
    t = operands()
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode() as mode:
        fake = {k: mode.from_tensor(v) for k, v in t.items()}
        y, total = functional.residual_norm_scale_shift(**fake)
        assert y.shape == total.shape == (2, 6, 32)
    meta = {k: v.to("meta") for k, v in t.items()}
    assert functional.residual_norm_scale_shift(**meta)[0].device.type == "meta"


def transposed(x):
    return x.transpose(1, 2).contiguous().transpose(1, 2)


# What the operators refuse, whose registered forms must have the layout that the compiler was told of all the same.
REFUSED = {
    "gated_add": lambda t: functional.gated_add(transposed(t["x"]), t["residual"], t["gate"]),
    "norm_scale_shift": lambda t: functional.norm_scale_shift(transposed(t["x"]), t["scale"], t["shift"]),
    "residual_norm_scale_shift": lambda t: functional.residual_norm_scale_shift(transposed(t["x"]), transposed(t["residual"])),
    "activate": lambda t: functional.activate(transposed(t["x"]), "silu"),
    "group_norm_silu": lambda t: functional.group_norm_silu(transposed(t["x"])[:, :, ::2], t["gate"][:6], t["scale"][:6], 3),
    "query_key_norm": lambda t: functional.query_key_norm(t["x"].view(2, 6, 8, 4).transpose(-1, -2).clone(memory_format=torch.preserve_format))[0],
    "causal_pad": lambda t: functional.causal_pad(transposed(t["x"]).view(2, 6, 2, 4, 4).transpose(3, 4)),
    "float64": lambda t: functional.gated_add(t["x"].double(), t["residual"].double(), t["gate"].double()),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_inside_a_compiled_graph(name):
    t = operands()
    torch.compiler.reset()
    with torch.no_grad():
        expected = REFUSED[name](t)
        result = torch.compile(REFUSED[name], fullgraph=True, backend="aot_eager")(operands())
    for a, b in zip(*(r if isinstance(r, tuple) else (r,) for r in (result, expected))):
        assert torch.equal(a, b) and a.dtype == b.dtype


def test_compiled_under_autocast_and_for_any_length():
    def chain(x, residual, gate, scale, shift):
        y, total = functional.residual_norm_scale_shift(x, residual, gate, scale, shift)
        return functional.gated_add(y, total, gate)

    torch.compiler.reset()
    compiled = torch.compile(chain, fullgraph=True, backend="aot_eager", dynamic=True)
    with torch.no_grad():
        for tokens in (6, 7, 12):
            x, residual, gate, scale, shift = tensors((2, tokens, 32), (2, tokens, 32), (32,), (32,), (32,), seed=tokens)
            assert torch.equal(compiled(x, residual, gate, scale, shift), chain(x, residual, gate, scale, shift))
        t = operands()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            total = eager.gated_add(t["x"], t["residual"], t["gate"])
            y = eager.norm_scale_shift(total, t["scale"], t["shift"], *NORM)
            expected = eager.gated_add(y, total, t["gate"])
            assert torch.equal(chain(**t), expected)
            assert torch.equal(compiled(**t), expected)


def test_a_strided_input_gives_a_contiguous_result():
    t = operands()
    wide = torch.randn(6, 2, 32).transpose(0, 1)
    y = ops.norm_scale_shift(wide, t["scale"], t["shift"])
    assert y.is_contiguous()
    close(y, eager.norm_scale_shift(wide, t["scale"], t["shift"], *NORM), 4)
