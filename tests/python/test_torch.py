"""sinter.ops and sinter.torch on CPU tensors: bf16, gradients, compiled graphs, fallbacks, the cache, state dicts."""

import copy
import io

import numpy as np
import pytest

import reference as ref

torch = pytest.importorskip("torch", minversion="2.4")

from sinter import ops  # noqa: E402
from sinter.torch import (  # noqa: E402
    FP32LayerNorm,
    GroupNormSiLU,
    LayerNormScaleShift,
    QKNorm,
    RMSNorm,
    ScaleResidualLayerNormScaleShift,
    eager,
    functional,
)

DTYPES = [torch.float32, torch.float16, torch.bfloat16]
UNIT = {torch.float32: 2.0**-23, torch.float16: 2.0**-10, torch.bfloat16: 2.0**-7}


def tensors(*shapes, dtype=torch.float32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator).to(dtype) for shape in shapes]


def close(result, expected, units=1):
    """Within that many units in the last place of the larger of 1 and the value: one rounding that went the other way,
    because a statistic or an exponential differs in its last bit, moves a result by a unit in each later rounding. Of
    float32 the last bit itself is seen, and seen larger where a shift cancels what it was added to: four times that."""
    assert result.dtype == expected.dtype and result.shape == expected.shape
    wide = expected.double()
    off = ((result.double() - wide).abs() / wide.abs().clamp(min=1)).max().item()
    units *= 4 if expected.dtype == torch.float32 else 1
    assert off <= units * UNIT[expected.dtype], f"{off / UNIT[expected.dtype]:.2f} units off"


# ---------------------------------------------------------------------------------------------- against the eager chain


def modulations(b, s, d, dtype):
    return tensors((1,), (d,), (1, d), (b, d), (b, 1, d), (1, s, d), (b, s, d), (b, 3, 1, d), (1, 1, 1, d), dtype=dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("other", DTYPES)
def test_gated_add_in_every_form(dtype, other):
    x, residual = tensors((2, 6, 40), (2, 6, 40), dtype=dtype)
    for gate in modulations(2, 6, 40, other):
        result = ops.gated_add(x, residual, gate)
        # No statistics: not even the last bit differs.
        assert torch.equal(result, eager.gated_add(x, residual, gate)), gate.shape


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("other", DTYPES)
@pytest.mark.parametrize("rms", [False, True])
@pytest.mark.parametrize("norm_in_f32", [False, True])
def test_norm_in_every_form(dtype, other, rms, norm_in_f32):
    x, residual = tensors((2, 6, 72), (2, 6, 72), dtype=dtype, seed=1)
    options = dict(eps=1e-6, rms=rms, norm_in_f32=norm_in_f32, weight_in_f32=False)
    names = dict(eps=1e-6, norm="rms" if rms else "layer", norm_in_f32=norm_in_f32)
    for scale, shift in zip(modulations(2, 6, 72, other), modulations(2, 6, 72, other)):
        expected = eager.norm_scale_shift(x, scale, shift, None, None, **options)
        close(ops.norm_scale_shift(x, scale, shift, **names), expected, 4)
        total = eager.gated_add(x, residual, scale)
        y, got = ops.residual_norm_scale_shift(x, residual, scale, scale, shift, **names)
        assert torch.equal(got, total)
        close(y, eager.norm_scale_shift(total, scale, shift, None, None, **options), 4)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", ["gelu", "gelu_tanh", "silu", "fast_gelu"])
def test_activate(dtype, kind):
    (h,) = tensors((3, 5, 64), dtype=dtype)
    a, b = h.chunk(2, dim=-1)
    close(ops.activate(a, kind), eager.activate(a, kind, None), 2)
    close(ops.activate(a, kind, multiplier=b), eager.activate(a, kind, b), 8)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("whole_row", [False, True])
def test_query_key_norm_on_views_of_a_projection(dtype, whole_row):
    qkv, q_weight, k_weight = tensors((2, 5, 3, 4, 16), (64 if whole_row else 16,), (64 if whole_row else 16,), dtype=dtype)
    table = ops.rotary_table((1, 1, 5), (4, 4, 8), like=qkv)
    before = qkv.clone()
    options = dict(whole_row=whole_row, weight_in_f32=whole_row)
    version = qkv._version
    ops.query_key_norm_(qkv[:, :, 0], qkv[:, :, 1], q_weight, k_weight, table=table, first_token=1, tokens=3, **options)
    assert qkv._version > version
    for part, weight in enumerate((q_weight, k_weight)):
        expected = eager.query_key_norm(before[:, :, part], weight, table, 1, 3, 1e-6, False, whole_row, whole_row)
        close(qkv[:, :, part], expected, 3)
    assert torch.equal(qkv[:, :, 2], before[:, :, 2])


@pytest.mark.parametrize("dtype", DTYPES)
def test_group_norm_silu_in_every_layout(dtype):
    for shape, layout in [
        ((2, 8, 5), torch.contiguous_format),
        ((2, 8, 3, 5), torch.channels_last),
        ((1, 8, 2, 3, 5), torch.channels_last_3d),
    ]:
        x, weight, bias = tensors(shape, (8,), (8,), dtype=dtype)
        x = x.contiguous(memory_format=layout)
        result = functional.group_norm_silu(x, weight, bias, 4)
        assert result.stride() == x.stride()
        close(result, eager.group_norm_silu(x, weight, bias, 4, 1e-5, True), 4)


def test_timestep_embedding_like_diffusers():
    (t,) = tensors((3,))
    got = ops.timestep_embedding(t * 1000, 32, dtype=torch.float32)
    expected = ref.timestep_embedding((t * 1000).numpy(), 32, 10000.0, 1.0, 0.0, True)
    np.testing.assert_allclose(got.numpy(), expected, atol=2.0**-13)


# ------------------------------------------------------------------------------------------------------------ refusals


def test_refusals_name_what_came():
    x = torch.randn(2, 3, 8)
    for wrong, words in [
        (x.double(), "f64"),
        (x.to(torch.complex64), "complex"),
        (torch.empty(2, 3, 8, device="meta"), "meta"),
        (x.to_sparse(), "for x"),
        (x[:, :, ::2].expand(2, 3, 4), "strides"),
    ]:
        with pytest.raises(ValueError, match=words):
            ops.gated_add(wrong, x, x[0, 0], out=torch.empty(2, 3, 8))
    with pytest.raises(ValueError, match="no gradient"):
        ops.gated_add(x.clone().requires_grad_(), x, x[0, 0])


def test_a_refusal_takes_the_unfused_path():
    """Strides that the kernels do not take: equal results all the same."""
    x, residual, gate, scale, shift = tensors((2, 8, 6), (2, 6, 8), (8,), (8,), (8,))
    x = x.transpose(1, 2)
    assert "strides" in ops.why_not.gated_add(x, residual, gate, out=residual)
    assert torch.equal(functional.gated_add(x, residual, gate), eager.gated_add(x, residual, gate))
    with torch.no_grad():
        y = LayerNormScaleShift(8)(x, shift, scale)
        assert torch.equal(y, eager.norm_scale_shift(x, scale, shift, None, None, 1e-6, False, False, False))
    doubles = [t.double() for t in (x, residual, gate)]
    assert torch.equal(functional.gated_add(*doubles), eager.gated_add(*doubles))
    q = torch.randn(1, 2, 3, 8).transpose(-1, -2)  # heads that are not contiguous
    expected = eager.query_key_norm(q, None, None, 0, -1, 1e-6, False, False, False)
    assert torch.equal(functional.query_key_norm(q)[0], expected)


# ------------------------------------------------------------------------------------------------------------- modules


def modules_and_inputs(dtype=torch.float32):
    x, residual, gate, shift, scale = tensors((2, 6, 32), (2, 6, 32), (2, 1, 32), (2, 1, 32), (2, 1, 32), dtype=dtype)
    q, k = (t.unflatten(-1, (4, 8)).transpose(1, 2) for t in tensors((2, 6, 32), (2, 6, 32), dtype=dtype, seed=3))
    (image,) = tensors((2, 8, 3, 4), dtype=dtype, seed=4)
    return [
        (LayerNormScaleShift(32, elementwise_affine=True), (x, shift, scale)),
        (LayerNormScaleShift(32, norm_in_f32=True, mode="fast"), (x, shift.float(), scale.float())),
        (ScaleResidualLayerNormScaleShift(32), (residual, x, gate, shift, scale)),
        (ScaleResidualLayerNormScaleShift(32, norm="rms"), (residual, x, None, shift, scale)),
        (RMSNorm(32), (x,)),
        (QKNorm(8), (q, k)),
        (GroupNormSiLU(4, 8), (image,)),
        (FP32LayerNorm(32), (x,)),
    ]


def prepared(module, dtype=torch.float32):
    generator = torch.Generator().manual_seed(5)
    for p in module.parameters():
        p.data = 1 + 0.3 * torch.randn(p.shape, generator=generator)
    return module.to(dtype)


def flat(outputs):
    return list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]


def clones(inputs):
    return [None if t is None else t.clone() for t in inputs]


MODULES = range(len(modules_and_inputs()))


@pytest.mark.parametrize("index", MODULES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_module_with_and_without_gradients(index, dtype):
    """The path with gradients is the eager formula; the fused one agrees with it."""
    module, inputs = modules_and_inputs(dtype)[index]
    prepared(module, dtype)
    with torch.enable_grad():
        expected = flat(module(*clones(inputs)))
    with torch.no_grad():
        results = flat(module(*clones(inputs)))
    for result, wanted in zip(results, expected):
        assert wanted.requires_grad or not list(module.parameters())
        close(result, wanted.detach(), 5)


@pytest.mark.parametrize("index", MODULES)
def test_gradients(index):
    module, inputs = modules_and_inputs(torch.float64)[index]
    prepared(module, torch.float64)
    # The float32 inside of some formulas leaves no digits for differences: checked against the formula in float64.
    inputs = [None if t is None else t.double().requires_grad_() for t in inputs]
    outputs = flat(module(*inputs))
    wanted = [p for p in (*inputs, *module.parameters()) if p is not None]
    generator = torch.Generator().manual_seed(6)
    weights = [torch.randn(o.shape, generator=generator, dtype=torch.float64) for o in outputs]
    grads = torch.autograd.grad(sum((o * w).sum() for o, w in zip(outputs, weights)), wanted)
    assert all(g is not None and torch.isfinite(g).all() and g.abs().max() > 0 for g in grads)
    step, direction = 1e-3, [torch.randn(p.shape, generator=generator, dtype=torch.float64) for p in wanted]

    def value(sign):
        with torch.no_grad():
            for p, d in zip(wanted, direction):
                p += sign * step * d
        with torch.enable_grad():  # the same formula
            result = sum((o * w).sum() for o, w in zip(flat(module(*inputs)), weights)).item()
        with torch.no_grad():
            for p, d in zip(wanted, direction):
                p -= sign * step * d
        return result

    slope = (value(1) - value(-1)) / (2 * step)
    expected = sum((g * d).sum() for g, d in zip(grads, direction)).item()
    size = sum((g * d).abs().sum() for g, d in zip(grads, direction)).item()
    # A central difference is off by step^2; where the formula is in float32, by 2^-23 / step of the values.
    assert abs(slope - expected) < 2e-3 * size


@pytest.mark.parametrize("index", MODULES)
@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
def test_compiled_without_a_graph_break(index, backend):
    if backend == "inductor" and index != 5:
        pytest.skip("one module, which writes in place, is enough for the slow back end")
    module, inputs = modules_and_inputs()[index]
    prepared(module)
    torch.compiler.reset()
    compiled = torch.compile(module, fullgraph=True, backend=backend)
    with torch.no_grad():
        for a, b in zip(flat(compiled(*clones(inputs))), flat(module(*clones(inputs)))):
            assert torch.equal(a, b)
    outputs = flat(compiled(*[None if t is None else t.clone().requires_grad_() for t in inputs]))
    assert all(o.requires_grad for o in outputs)


def test_the_custom_operators_are_registered_as_they_behave():
    x, residual, gate, weight, bias = tensors((2, 6, 32), (2, 6, 32), (32,), (32,), (32,))
    image = torch.randn(1, 32, 3, 5)
    q, k, table = torch.randn(1, 4, 2, 8), torch.randn(1, 4, 2, 8), torch.randn(4, 8)
    norm = (gate, gate, weight, bias, 1e-6, False, False, False, False)
    for name, arguments in {
        "norm_scale_shift": (x, *norm),
        "residual_norm_scale_shift": (x, residual, gate, *norm),
        "gated_add": (x, residual, gate, False),
        "group_norm_silu": (image, weight, bias, 4, 1e-5, True, False),
        "activate": (x, "silu", residual, True),
        "query_key_norm_": (q, k, weight[:8], bias[:8], table, 0, -1, 1e-6, False, False, False, False),
        "causal_pad": (torch.randn(1, 2, 3, 4, 5), torch.randn(1, 2, 1, 4, 5), 2, 1, 1),
    }.items():
        tests = ("test_schema", "test_faketensor", "test_aot_dispatch_static", "test_aot_dispatch_dynamic")
        torch.library.opcheck(getattr(torch.ops.sinter, name).default, arguments, test_utils=tests)


def test_under_autocast_and_vmap_the_unfused_chain_runs():
    x, residual, gate = tensors((2, 6, 32), (2, 6, 32), (2, 32))
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(functional.gated_add(x, residual, gate), eager.gated_add(x, residual, gate))
    mapped = torch.vmap(functional.gated_add)(x, residual, gate)
    assert torch.equal(mapped, eager.gated_add(x, residual, gate[:, None]))


def test_the_norm_of_queries_and_keys_turns_them_too():
    module = prepared(QKNorm(8))
    q, k = (t.unflatten(-1, (4, 8)).transpose(1, 2) for t in tensors((2, 6, 32), (2, 6, 32), seed=3))
    table = ops.rotary_table((1, 2, 3), (0, 4, 4), like=q)
    with torch.no_grad():
        expected = [eager.rotated(t.transpose(1, 2), table, 0, -1, False).transpose(1, 2) for t in module(q.clone(), k.clone())]
        for result, wanted in zip(module(q, k, None, table), expected):
            close(result, wanted, 2)
    with torch.enable_grad():
        for result, wanted in zip(module(*clones((q, k)), None, table), module(*clones((q, k)))):
            assert result.requires_grad and not torch.equal(result, wanted)


# ---------------------------------------------------------------------------------------------- state dicts, the cache


def test_state_dicts_have_the_names_of_what_the_modules_stand_for():
    assert list(RMSNorm(4).state_dict()) == ["scale"]
    assert RMSNorm(4).weight is not None and list(RMSNorm(4).named_parameters())[0][0] == "scale"
    assert list(QKNorm(4).state_dict()) == ["query_norm.scale", "key_norm.scale"]
    assert list(GroupNormSiLU(2, 4).state_dict()) == list(torch.nn.GroupNorm(2, 4).state_dict())
    assert list(FP32LayerNorm(4).state_dict()) == list(torch.nn.LayerNorm(4).state_dict())
    assert list(LayerNormScaleShift(4).state_dict()) == []
    assert list(LayerNormScaleShift(4, elementwise_affine=True).state_dict()) == ["weight", "bias"]


def cached(norm):
    return norm.__dict__.get("_weight_fp32_cache"), norm.__dict__.get("_bias_fp32_cache")


def cached_norm():
    norm = prepared(FP32LayerNorm(16), torch.bfloat16)
    (x,) = tensors((4, 16), dtype=torch.bfloat16)
    with torch.no_grad():
        y = norm(x)
    return norm, x, y


def test_the_cache_is_used_again_and_changes_nothing():
    norm, x, y = cached_norm()
    before = cached(norm)
    with torch.no_grad():
        assert torch.equal(norm(x), y)
    assert all(a[1] is b[1] for a, b in zip(cached(norm), before))
    assert list(norm.state_dict()) == ["weight", "bias"]
    fresh = FP32LayerNorm(16).to(torch.bfloat16)
    fresh.load_state_dict(norm.state_dict())
    with torch.no_grad():
        assert torch.equal(fresh(x), y)
    wanted = torch.nn.functional.layer_norm(x.float(), (16,), norm.weight.float(), norm.bias.float(), 1e-5)
    close(y, wanted.detach().to(torch.bfloat16), 1)


@pytest.mark.parametrize(
    "change",
    [
        lambda n: n.weight.add_(1),
        lambda n: n.weight.copy_(n.weight + 1),
        lambda n: setattr(n, "weight", torch.nn.Parameter(n.weight + 1)),
        lambda n: n.load_state_dict({"weight": n.weight + 1, "bias": n.bias}),
        lambda n: setattr(n.weight, "data", n.weight.data + 1),
    ],
    ids=["in place", "copy_", "new parameter", "reload", "new data"],
)
def test_a_changed_parameter_is_converted_anew(change):
    norm, x, y = cached_norm()
    before = cached(norm)[0][1]
    with torch.no_grad():
        change(norm)
        changed = norm(x)
    assert cached(norm)[0][1] is not before
    assert not torch.equal(changed, y)
    wanted = torch.nn.functional.layer_norm(x.float(), (16,), norm.weight.float(), norm.bias.float(), 1e-5)
    close(changed, wanted.detach().to(torch.bfloat16), 1)


def test_another_type_is_another_key():
    norm, x, _ = cached_norm()
    before = cached(norm)[0]
    with torch.no_grad():
        norm.to(torch.float16)(x.half())
    assert cached(norm)[0][0] != before[0]


def test_an_address_that_is_used_again_is_no_hit():
    """Many parameters in turn, each freed before the next: one of them gets the address of another."""
    norm, x, _ = cached_norm()
    with torch.no_grad():
        for value in range(50):
            norm.weight = None
            norm.weight = torch.nn.Parameter(torch.full((16,), float(value), dtype=torch.bfloat16))
            norm(x)
            assert cached(norm)[0][1][0].item() == value


def test_what_needs_no_conversion_is_not_cached():
    norm = prepared(FP32LayerNorm(16))
    with torch.no_grad():
        norm(torch.randn(4, 16, dtype=torch.bfloat16))
        assert cached(norm) == (None, None)
        # Converted before and then made float32: what stands in the cache is not looked at.
        half, x, y = cached_norm()
        half.float()
        half.weight.zero_()
        assert torch.equal(half(x), half.bias.to(x.dtype).expand(4, 16))


def test_nothing_is_cached_while_gradients_are_recorded():
    norm = FP32LayerNorm(16).to(torch.bfloat16)
    x = torch.randn(4, 16, dtype=torch.bfloat16, requires_grad=True)
    norm(x).float().sum().backward()
    assert x.grad is not None and norm.weight.grad is not None
    assert cached(norm) == (None, None)


def test_a_module_with_a_cache_can_be_copied_and_saved():
    norm, x, y = cached_norm()
    twin = copy.deepcopy(norm)
    with torch.no_grad():
        twin.weight.zero_()
        assert torch.equal(twin(x), twin.bias.expand(4, 16))
        assert torch.equal(norm(x), y)
    file = io.BytesIO()
    torch.save(norm, file)
    file.seek(0)
    with torch.no_grad():
        assert torch.equal(torch.load(file, weights_only=False)(x), y)
