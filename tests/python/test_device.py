"""On a GPU: streams, graphs, other frameworks, modules and patched models bit for bit against PyTorch's eager chains."""

import copy
import time

import numpy as np
import pytest

import reference as ref

torch = pytest.importorskip("torch", minversion="2.4")
if not torch.cuda.is_available():
    pytest.skip("no GPU", allow_module_level=True)

from models import MODELS, hunyuan_video, hunyuan3d, result_of, wan  # noqa: E402
from sinter import _ops, ops  # noqa: E402
from sinter.torch import FP32LayerNorm, eager, functional, patch  # noqa: E402
from test_torch import DTYPES, MODULES, clones, flat, modules_and_inputs, prepared  # noqa: E402


def random(*shape, dtype=torch.float16, seed=0):
    generator = torch.Generator("cuda").manual_seed(seed)
    return torch.randn(shape, generator=generator, device="cuda").to(dtype)


def on_gpu(index, dtype):
    module, inputs = modules_and_inputs(dtype)[index]
    return prepared(module, dtype).cuda(), [None if t is None else t.cuda() for t in inputs]


@pytest.mark.parametrize("index", MODULES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_modules_equal_the_eager_chain(index, dtype):
    module, inputs = on_gpu(index, dtype)
    if getattr(module, "mode", None) == "fast":
        pytest.skip("exact mode only")
    with torch.enable_grad():
        for p in module.parameters():
            p.requires_grad_()
        inputs[0].requires_grad_()
        expected = flat(module(*inputs))
        inputs[0].requires_grad_(False)
    with torch.no_grad():
        for a, b in zip(flat(module(*clones(inputs))), expected):
            assert torch.equal(a, b)


@pytest.mark.parametrize("index", MODULES)
def test_a_captured_graph_is_replayed_on_new_data(index):
    module, inputs = on_gpu(index, torch.bfloat16)
    with torch.no_grad():
        static = clones(inputs)
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            module(*clones(static))
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            outputs = flat(module(*static))
        for seed in range(3):
            fresh = [None if t is None else random(*t.shape, dtype=t.dtype, seed=seed) for t in inputs]
            for place, t in zip(static, fresh):
                if t is not None:
                    place.copy_(t)
            graph.replay()
            for a, b in zip(outputs, flat(module(*clones(fresh)))):
                assert torch.equal(a, b)


def test_work_goes_to_the_current_stream():
    """Behind a long wait on one stream; the default stream would run it at once, on what stands there before."""
    x, residual, gate = random(4, 512, 1024), random(4, 512, 1024, seed=1), random(1024, seed=2)
    expected = eager.gated_add(x, residual, gate)
    # Once before, since the first launch of a kernel loads it, which waits for all streams.
    assert torch.equal(ops.gated_add(x, residual, gate), expected)
    late, y = torch.zeros_like(x), torch.full_like(x, float("nan"))
    assert torch.isnan(y).all()
    late.copy_(x.clone()).zero_()
    torch.cuda.synchronize()
    first, second = torch.cuda.Stream(), torch.cuda.Stream()
    with torch.cuda.stream(first):
        torch.cuda._sleep(1_000_000_000)
        late.copy_(x)
        ops.gated_add(late, residual, gate, out=y)
    with torch.cuda.stream(second):
        other = ops.gated_add(x, residual, gate)
    second.synchronize()
    assert torch.equal(other, expected)
    assert not first.query(), "the second stream waited for the first"
    assert torch.isnan(y).all()  # on the default stream, which waits for neither
    first.synchronize()
    assert torch.equal(y, expected)
    explicit = torch.full_like(x, float("nan"))
    with torch.cuda.stream(first):
        torch.cuda._sleep(1_000_000_000)
    ops.gated_add(x, residual, gate, out=explicit, stream=second.cuda_stream)
    second.synchronize()
    assert torch.equal(explicit, expected) and not first.query()


def stream_of(x):
    """The stream whose memory x lies in, for PyTorch's allocator."""
    for segment in torch.cuda.memory_snapshot():
        if segment["address"] <= x.data_ptr() < segment["address"] + segment["total_size"]:
            return segment["stream"]
    raise AssertionError("no memory of PyTorch's allocator")


def test_what_is_made_for_a_stream_belongs_to_it():
    """Memory of the current stream could be used again there while the other stream still writes to it."""
    x, residual, gate = random(2, 33, 64), random(2, 33, 64, seed=1), random(64, seed=2)
    frames = random(1, 64, 3, 40, 40, seed=3)
    expected, normed = eager.gated_add(x, residual, gate), ops.group_norm_silu(frames)
    side = torch.cuda.Stream()
    torch.cuda.synchronize()
    y = ops.gated_add(x, residual, gate, stream=side.cuda_stream)
    strided = ops.gated_add(residual.transpose(0, 1).contiguous().transpose(0, 1), x, gate, stream=side.cuda_stream)
    z = ops.group_norm_silu(frames, stream=side.cuda_stream)
    assert torch.cuda.current_stream() != side
    side.synchronize()
    assert torch.equal(y, expected) and torch.equal(z, normed) and strided.is_contiguous()
    assert {stream_of(t) for t in (y, z, strided)} == {side.cuda_stream}
    assert stream_of(ops.gated_add(x, residual, gate)) == stream_of(ops.gated_add(x, residual, gate, stream=0)) == 0


def test_questions_while_a_graph_is_captured():
    x, gate, y = random(2, 33, 64), random(64, seed=2), torch.zeros(2, 33, 64, dtype=torch.float16, device="cuda")
    ops.gated_add(x, x, gate, out=y)
    y.zero_()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        assert ops.why_not.gated_add(x, x, gate) == "" and "[63]" in ops.why_not.gated_add(x, x, gate[:63])
        with pytest.raises(ValueError, match="for gate"):
            ops.gated_add(x, x, gate[:63])
        ops.gated_add(x, x, gate, out=y)
    assert not y.any()
    graph.replay()
    assert torch.equal(y, eager.gated_add(x, x, gate))


def test_arrays_on_two_devices_are_refused():
    x = random(2, 3, 8)
    with pytest.raises(ValueError, match="on CUDA device 0"):
        ops.gated_add(x, x.cpu(), x[0, 0])
    with pytest.raises(ValueError, match="for gate"):
        ops.gated_add(x, x, x[0, 0].cpu())
    assert torch.equal(functional.gated_add(x, x, torch.tensor(2.0).half()), x + 2 * x)  # as PyTorch takes it


def test_cupy():
    cupy = pytest.importorskip("cupy")
    rng = np.random.default_rng(0)
    host = [ref.random(rng, (2, 5, 64)) for _ in range(2)] + [ref.random(rng, (64,))]
    x, residual, gate = (cupy.asarray(a) for a in host)
    with cupy.cuda.Stream(non_blocking=True) as stream:
        x2 = x * 2
        y = ops.gated_add(x2, residual, gate)
        z = y + 0
        stream.synchronize()
        w = ops.gated_add(x, residual, gate, stream=stream.ptr)
        stream.synchronize()
    assert isinstance(y, cupy.ndarray)
    ref.close(cupy.asnumpy(w), ref.gated_add(*host), 3)
    ref.close(cupy.asnumpy(z), ref.gated_add(host[0] * 2, host[1], host[2]), 3)
    with pytest.raises(ValueError, match="f64"):
        ops.gated_add(x.astype("f8"), residual, gate)


def test_jax():
    jax = pytest.importorskip("jax")
    jnp = jax.numpy
    rng = np.random.default_rng(1)
    host = [ref.random(rng, (2, 5, 64)) for _ in range(2)] + [ref.random(rng, (64,))]
    device = next((d for d in jax.devices() if d.platform == "gpu"), None)
    if device is None:
        pytest.skip("JAX sees no GPU")
    x, residual, gate = (jax.device_put(a, device) for a in host)
    y = ops.gated_add(x * 2, residual, gate)
    assert isinstance(y, jax.Array) and y.devices() == x.devices()
    ref.close(np.asarray(y), ref.gated_add(host[0] * 2, host[1], host[2]), 3)
    assert ops.activate(x.astype(jnp.bfloat16), "silu").dtype == jnp.bfloat16
    with pytest.raises(ValueError, match="JAX"):
        ops.gated_add(x, residual, gate, out=x)
    ref.close(np.asarray(jnp.sum(y + 1)), np.sum(ref.gated_add(host[0] * 2, host[1], host[2]) + 1), 64)


@pytest.mark.parametrize("make", list(MODELS), ids=lambda make: make.__name__)
@pytest.mark.parametrize("dtype", DTYPES)
def test_patched_models_are_the_same_bit_for_bit(make, dtype):
    torch.backends.cudnn.deterministic = True
    sizes = {hunyuan3d: dict(hidden=256, tokens=(200, 37)), wan: dict(heads=8, size=16), hunyuan_video: dict(heads=8, size=16)}
    model, arguments, options = make(dtype, "cuda", **sizes.get(make, {}))
    with torch.no_grad():
        expected = result_of(model, arguments, options)
        assert torch.equal(result_of(model, arguments, options), expected), "the model itself is not deterministic"
        patch(model, verbose=False)
        result = result_of(model, arguments, options)
    assert torch.isfinite(expected).all()
    off = (result.double() - expected.double()).abs().max().item()
    assert torch.equal(result, expected), f"{off:.3g} off"


def fifty_steps(model, arguments, options):
    x, t, context = arguments
    for step in range(50):
        x = x + result_of(model, (x, torch.full_like(t, step / 50), context), options) / 50
    return x


def test_fifty_steps_end_in_the_same_bits():
    """What one step rounds otherwise, the following ones carry on: exact mode must not differ after any number of them."""
    model, arguments, options = hunyuan3d(torch.float16, "cuda", hidden=256, tokens=(200, 37))
    with torch.no_grad():
        expected = fifty_steps(model, arguments, options)
        done = patch(model, verbose=False)
        assert torch.equal(fifty_steps(model, arguments, options), expected)
        done.undo()
        patch(model, "fast", verbose=False)
        fast = fifty_steps(model, arguments, options)
    assert torch.isfinite(expected).all() and not torch.equal(expected, arguments[0])
    # Fast mode rounds less often: far above the 25 dB that are asked of an approximation.
    noise = (fast.double() - expected.double()).square().mean()
    decibels = 10 * torch.log10(expected.double().abs().max() ** 2 / noise).item()
    assert decibels > 40, decibels


def test_a_compiled_patched_model():
    model, arguments, options = hunyuan3d(torch.float16, "cuda", hidden=256, tokens=(200, 37))
    with torch.no_grad():
        x, t, context = arguments
        true = result_of(copy.deepcopy(model).float(), (x.float(), t.float(), {"main": context["main"].float()}), options)
        patch(model, verbose=False)
        eager_result = result_of(model, arguments, options)
        torch.compiler.reset()
        compiled = torch.compile(model, fullgraph=True, mode="reduce-overhead")
        for _ in range(4):  # the last ones replay a graph
            torch.compiler.cudagraph_mark_step_begin()
            result = result_of(compiled, arguments, options).clone()
    # The compiler fuses what lies between the operators and rounds it less often: it is no further from float32.
    distance, allowed = ((r.float() - true).abs().max().item() for r in (result, eager_result))
    assert distance <= 1.5 * allowed, (distance, allowed)


def test_the_cache_survives_neither_device_nor_type():
    norm = prepared(FP32LayerNorm(64), torch.bfloat16)
    x = random(4, 64, dtype=torch.bfloat16)
    with torch.no_grad():
        norm.cuda()(x)
        first = norm.__dict__["_weight_fp32_cache"]
        norm(x)
        assert norm.__dict__["_weight_fp32_cache"][1] is first[1]
        norm.cpu()
        norm(x.cpu())
        assert norm.__dict__["_weight_fp32_cache"][0] != first[0]


def _microseconds(call, count=2000):
    best = float("inf")
    for _ in range(5):
        torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(count):
            call()
        queued = time.perf_counter() - start
        torch.cuda.synchronize()
        best = min(best, queued / count)
    return best * 1e6


def test_a_call_costs_little_on_the_host():
    """Time to queue a call on tiny tensors, beside PyTorch's own operators; printed with -s."""
    x, residual, gate = random(1, 4, 64), random(1, 4, 64), random(64)
    y = torch.empty_like(x)
    with torch.no_grad():
        times = {
            "torch.addcmul(out=)": _microseconds(lambda: torch.addcmul(residual, x, gate, out=y)),
            "torch.empty_like": _microseconds(lambda: torch.empty_like(x)),
            "_ops.activate": _microseconds(lambda: _ops.activate(x, out=y)),
            "_ops.gated_add": _microseconds(lambda: _ops.gated_add(x, residual, gate, out=y)),
            "ops.gated_add(out=)": _microseconds(lambda: ops.gated_add(x, residual, gate, out=y)),
            "ops.gated_add": _microseconds(lambda: ops.gated_add(x, residual, gate)),
            "functional.gated_add": _microseconds(lambda: functional.gated_add(x, residual, gate)),
            "residual + gate * x": _microseconds(lambda: residual + gate * x),
        }
    print()
    for name, us in times.items():
        print(f"{name:24s} {us:6.2f} us")
    assert times["_ops.gated_add"] < times["torch.addcmul(out=)"] + 4
    assert times["ops.gated_add(out=)"] < times["torch.addcmul(out=)"] + 6
