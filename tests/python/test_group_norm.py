"""sinter's group norm beside PyTorch's: the same bits where it is exact, and nearer to float64 where it is fast.

Needs torch, a GPU and the module sinter._ops on the path; skips itself elsewhere.
"""

import pytest

torch = pytest.importorskip("torch")
ops = pytest.importorskip("sinter._ops")
F = torch.nn.functional

if not torch.cuda.is_available():
    pytest.skip("no CUDA device", allow_module_level=True)

TYPES = [torch.float32, torch.float16, torch.bfloat16]


def group_norm_silu(x, weight, bias, groups, eps=1e-5, silu=True, fast=False, y=None):
    y = torch.full_like(x, float("nan")) if y is None else y
    args = (x, weight, bias, groups, eps, silu, fast, y)
    bytes_needed = ops.scratch_bytes.group_norm_silu(*args)
    scratch = torch.full((bytes_needed,), 255, dtype=torch.uint8, device=x.device) if bytes_needed else None
    ops.group_norm_silu(*args, scratch=scratch)
    return y


def operands(shape, dtype, seed, center=0.0, deviation=1.0, offset=0):
    """x `offset` elements behind an aligned address."""
    generator = torch.Generator(device="cuda").manual_seed(seed)

    def normal(*extents):
        return torch.randn(*extents, device="cuda", generator=generator)

    count = torch.Size(shape).numel()
    x = torch.empty(count + offset, dtype=dtype, device="cuda")[offset:].view(shape)
    x.copy_(normal(*shape) * deviation + center)
    return x, normal(shape[1]).to(dtype), normal(shape[1]).to(dtype)


def eager(x, weight, bias, groups, eps=1e-5, silu=True):
    z = F.group_norm(x, groups, weight, bias, eps)
    return F.silu(z) if silu else z


def bits(x):
    return x.contiguous().view(torch.int32 if x.dtype == torch.float32 else torch.int16)


def assert_same_bits(actual, wanted):
    different = bits(actual) != bits(wanted)
    assert not different.any(), (
        f"{int(different.sum())} of {actual.numel()} differ, first {actual[different][:3].tolist()} "
        f"instead of {wanted[different][:3].tolist()}"
    )


SHAPES = [
    ((4, 128), 32),
    ((3, 96), 1),
    ((2, 64, 32, 32), 32),
    ((1, 64, 4, 16, 16), 32),
    ((2, 6, 35), 2),
    ((5, 6, 5, 7), 3),
    ((2, 8, 511), 4),
    ((2, 4, 513), 4),
    ((1, 8, 97, 101), 2),
    ((1, 32, 64, 64), 8),
    ((1, 128, 1, 256, 256), 32),
    ((2, 6, 211, 501), 2),
    ((1, 4, 601, 1003), 1),
    ((1, 3, 20, 333, 264), 3),
    ((3, 512, 48, 48), 32),
]


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape,groups", SHAPES)
def test_exact_is_eager(shape, groups, dtype):
    for seed, (center, deviation, eps, silu, offset) in enumerate(
        [(0, 1, 1e-5, True, 0), (5, 0.3, 1e-6, True, 0), (-0.2, 30, 1e-5, False, 3), (0, 1e-3, 1e-6, True, 1)]
    ):
        x, weight, bias = operands(shape, dtype, seed, center, deviation, offset)
        actual = group_norm_silu(x, weight, bias, groups, eps, silu)
        assert_same_bits(actual, eager(x, weight, bias, groups, eps, silu))


@pytest.mark.parametrize("dtype", TYPES)
def test_exact_is_eager_for_odd_values(dtype):
    """Zeros, tiny and huge ones, steps: where the fast division must give way to the slow one."""
    x, weight, bias = operands((2, 4, 300, 300), dtype, 1)
    x[0, 0] = 0
    x[0, 1] *= 1e-7 if dtype == torch.float16 else 1e-37
    x[0, 2, 100:] = 1.5
    x[1, 0] *= 1e4 if dtype == torch.float16 else 1e36
    x[1, 1, ::3] = 0
    x[1, 2] = 3.25
    x[1, 3, 7, 7] = float("inf")
    for groups in (4, 2, 1):
        actual, wanted = group_norm_silu(x, weight, bias, groups), eager(x, weight, bias, groups)
        assert torch.equal(actual.isnan(), wanted.isnan())
        assert_same_bits(actual.nan_to_num(), wanted.nan_to_num())


@pytest.mark.parametrize("dtype", TYPES)
def test_exact_is_eager_at_the_large_shape(dtype):
    x, weight, bias = operands((1, 128, 20, 256, 256), dtype, 3, center=0.5)
    assert_same_bits(group_norm_silu(x, weight, bias, 32, 1e-6), eager(x, weight, bias, 32, 1e-6))


def reference(x, weight, bias, groups, eps, silu):
    z = F.group_norm(x.double(), groups, weight.double(), bias.double(), eps)
    return F.silu(z) if silu else z


def assert_nearest(actual, x, weight, bias, groups, eps=1e-5, silu=True):
    """One rounding away from float64, but for what f32 arithmetic leaves where scale and shift cancel."""
    for n in range(x.shape[0]):  # float64 takes memory
        wanted = reference(x[n : n + 1], weight, bias, groups, eps, silu)
        unit = {torch.float32: 2**-24, torch.float16: 2**-11, torch.bfloat16: 2**-8}[x.dtype]
        spread = float(x[n].float().std())
        noise = 4e-6 * (1 + float(weight.abs().max()) * (1 + 2 * float(x[n].float().abs().max()) / spread))
        error = (actual[n : n + 1].double() - wanted).abs() - unit * 1.001 * wanted.abs()
        worst = float(error.max())
        assert worst <= noise, f"{worst} above one rounding, {noise} allowed"


LARGE = [
    ((1, 128, 20, 256, 256), 32),  # in all shared memory
    ((2, 96, 9, 250, 248), 4),
    ((1, 6, 33, 480, 848), 2),  # a group is larger than all shared memory
    ((1, 30, 10, 255, 253), 3),  # not aligned
    ((40, 64, 16, 64, 64), 8),
    ((24, 512, 64, 64), 32),
]


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape,groups", SHAPES + LARGE)
def test_fast_is_one_rounding(shape, groups, dtype):
    x, weight, bias = operands(shape, dtype, 5, center=3.0)
    assert_nearest(group_norm_silu(x, weight, bias, groups, fast=True), x, weight, bias, groups)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(
    "shape,groups", [((2, 320, 33, 47), 32), ((1, 128, 5, 128, 128), 32), ((2, 12, 35, 3), 3), ((1, 2560, 9, 9), 32)]
)
def test_fast_channels_last(shape, groups, dtype):
    layout = torch.channels_last if len(shape) == 4 else torch.channels_last_3d
    x, weight, bias = operands(shape, dtype, 7, center=3.0)
    x = x.to(memory_format=layout)
    y = group_norm_silu(x, weight, bias, groups, fast=True)
    assert y.is_contiguous(memory_format=layout)
    assert_nearest(y, x, weight, bias, groups)
    with pytest.raises(ValueError, match="exact on a device"):
        group_norm_silu(x, weight, bias, groups)


@pytest.mark.parametrize("fast", [False, True])
def test_weights_in_f32(fast):
    x, weight, bias = operands((2, 64, 33, 40), torch.bfloat16, 9)
    y = group_norm_silu(x, weight.float(), bias.float(), 32, fast=fast)
    assert_same_bits(y, group_norm_silu(x, weight, bias, 32, fast=fast))


@pytest.mark.parametrize("fast", [False, True])
def test_beyond_2_to_the_31_elements(fast):
    shape, groups = (3, 32, 46, 704, 704), 32
    x = torch.empty(shape, dtype=torch.float16, device="cuda")
    for channel in range(shape[1]):
        x[:, channel].normal_(mean=channel / 8, std=1.0)
    _, weight, bias = operands((1, shape[1]), torch.float16, 11)
    y = group_norm_silu(x, weight, bias, groups, fast=fast)
    for n, c in ((0, 0), (2, 17), (2, 31)):
        part, w, b = x[n : n + 1, c : c + 1].contiguous(), weight[c : c + 1], bias[c : c + 1]
        if fast:
            assert_nearest(y[n : n + 1, c : c + 1], part, w, b, 1)
        else:
            assert_same_bits(y[n : n + 1, c : c + 1], eager(part, w, b, 1))


@pytest.mark.parametrize("fast", [False, True])
def test_graph_and_streams(fast):
    shape, groups = (1, 64, 12, 128, 128), 16
    x, weight, bias = operands(shape, torch.float16, 13)
    y = torch.empty_like(x)
    scratch = torch.empty(
        ops.scratch_bytes.group_norm_silu(x, weight, bias, groups), dtype=torch.uint8, device="cuda"
    )

    def queue():
        ops.group_norm_silu(
            x, weight, bias, groups, fast=fast, out=y, scratch=scratch, stream=torch.cuda.current_stream().cuda_stream
        )

    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        queue()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        queue()
    for seed in (14, 15):
        x.copy_(operands(shape, torch.float16, seed)[0])
        y.fill_(float("nan"))
        graph.replay()
        torch.cuda.synchronize()
        assert_same_bits(y, group_norm_silu(x, weight, bias, groups, fast=fast))
