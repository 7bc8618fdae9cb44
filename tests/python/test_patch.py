"""patch(model) on small models of hy3dgen and diffusers, on the CPU."""

import copy

import pytest

torch = pytest.importorskip("torch", minversion="2.4")

from models import MODELS, hunyuan3d, result_of  # noqa: E402
from sinter.torch import functional, patch  # noqa: E402

CASES = list(MODELS)
UNIT = {torch.float32: 2.0**-23, torch.bfloat16: 2.0**-7}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
def test_patched_and_unpatched_agree(make, dtype, capsys):
    if make.__name__.endswith("vae") and dtype != torch.float32:
        pytest.skip("its convolutions are slow in bfloat16 on a CPU")
    model, arguments, options = make(dtype, "cpu")
    keys, classes = list(model.state_dict()), [type(m) for m in model.modules()]
    with torch.no_grad():
        expected = result_of(model, arguments, options)
        done = patch(model)
        result = result_of(model, arguments, options)
    assert {r.was for r in done if r.done} >= MODELS[make]
    assert str(done) in capsys.readouterr().out and "sinter:" in str(done)
    assert list(model.state_dict()) == keys
    # On the CPU a statistic may differ in its last bit, which layers carry on: a few units, or as far as the unpatched
    # model itself is from float64.
    size = expected.double().abs().max()
    off = (result.double() - expected.double()).abs().max() / size
    allowed = 8 * UNIT[dtype]
    if make.__name__.endswith("vae"):
        true = result_of(copy.deepcopy(model).double(), [x.double() for x in arguments], options)
        allowed = 2 * (expected.double() - true).abs().max() / size
        assert allowed < 1e-4
    assert off <= allowed, off

    # With gradients it is the eager formula, and the same formula as before the patch.
    with torch.enable_grad():
        again = result_of(model, arguments, options)
    assert again.requires_grad and torch.equal(again.detach(), expected)

    assert not patch(model, verbose=False), "patched twice"
    done.undo()
    assert [type(m) for m in model.modules()] == classes
    with torch.no_grad():
        assert torch.equal(result_of(model, arguments, options), expected)


def test_gradients_of_a_patched_model():
    model, arguments, options = hunyuan3d(torch.float32, "cpu")
    twin = copy.deepcopy(model)
    patch(twin, verbose=False)
    for m in (model, twin):
        result_of(m, arguments, options).square().sum().backward()
    for (name, a), (_, b) in zip(model.named_parameters(), twin.named_parameters()):
        # A gate multiplies from the other side: the same value, summed in another order.
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-4, atol=1e-4 * a.grad.abs().max().item(), msg=name)


def test_fused_operators_are_what_runs(monkeypatch):
    model, arguments, options = hunyuan3d(torch.float32, "cpu")
    patch(model, verbose=False)
    ran = []
    for name in ("norm_scale_shift", "residual_norm_scale_shift", "gated_add", "query_key_norm", "activate"):
        real = getattr(functional, name)
        monkeypatch.setattr(functional, name, lambda *a, _real=real, _name=name, **o: (ran.append(_name), _real(*a, **o))[1])
    with torch.no_grad():
        result_of(model, arguments, options)
    # Two double blocks of two streams, two single blocks, the last layer.
    assert {name: ran.count(name) for name in sorted(set(ran))} == {
        "activate": 6,
        "gated_add": 6,
        "norm_scale_shift": 7,
        "query_key_norm": 6,
        "residual_norm_scale_shift": 4,
    }


def test_a_patched_model_compiles_as_one_graph():
    model, arguments, options = hunyuan3d(torch.float32, "cpu")
    patch(model, verbose=False)
    torch.compiler.reset()
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    with torch.no_grad():
        assert torch.equal(result_of(compiled, arguments, options), result_of(model, arguments, options))


def test_what_another_library_replaced_stays():
    model, _, _ = hunyuan3d(torch.float32, "cpu")
    model.final_layer.forward = lambda *a: None
    done = patch(model, verbose=False)
    left = [r for r in done if not r.done]
    assert [r.name for r in left] == ["final_layer"] and "another library" in left[0].now
    assert "left as it is" in str(done)


def test_a_model_without_anything_known():
    done = patch(torch.nn.Sequential(torch.nn.LayerNorm(4), torch.nn.SiLU()), verbose=False)
    assert not done and str(done) == "sinter: nothing to replace"
