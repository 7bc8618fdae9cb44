"""The exact norms have PyTorch's bits on a GPU: the same eager chain, random inputs, no tolerance."""

import pytest

torch = pytest.importorskip("torch")
if not torch.cuda.is_available():
    pytest.skip("no CUDA device", allow_module_level=True)

import torch.nn.functional as F

from sinter import ops

DTYPES = [torch.float32, torch.float16, torch.bfloat16]
# Every kernel: warps and blocks, full and ragged rows, lengths that PyTorch splits otherwise.
SHAPES = [
    (2, 1030, 512), (1, 2050, 1024), (1, 2052, 1536), (1, 2049, 1000), (1, 4100, 128), (2, 20, 1024), (1, 37, 1536),
    (1, 33, 2048), (2, 11, 3072), (1, 64, 4096), (1, 19, 5120), (1, 18, 1004), (1, 17, 4100), (1, 20, 6144), (1, 17, 8188),
    (1, 33, 8192), (1, 18, 16384), (1, 3, 20000), (1, 6, 3072), (1, 1, 64), (1, 7, 130), (1, 21, 1001), (1, 2, 9999), (1, 1, 16384),
    (2, 1027, 2048), (1, 2051, 4096), (1, 2050, 3840),
]  # fmt: skip


def random(shape, dtype, seed, deviation=1.0, mean=0.0):
    generator = torch.Generator("cuda").manual_seed(seed)
    return (torch.randn(shape, generator=generator, device="cuda") * deviation + mean).to(dtype)


def same(actual, wanted, what):
    assert actual.dtype == wanted.dtype
    bits = {torch.float32: torch.int32}.get(actual.dtype, torch.int16)
    different = (actual.contiguous().view(bits) != wanted.contiguous().view(bits)).sum().item()
    assert different == 0, f"{what}: {different} of {actual.numel()} differ, at most by {(actual - wanted).abs().max()}"


def modulate(n, scale, shift):
    return n if scale is None else n * (1 + scale) + shift


def layer_chain(x, scale=None, shift=None, weight=None, bias=None, eps=1e-6, norm_in_f32=False):
    dtype = x.dtype
    if norm_in_f32 or (weight is not None and weight.dtype != dtype):
        n = F.layer_norm(x.float(), x.shape[-1:], None if weight is None else weight.float(),
                         None if bias is None else bias.float(), eps)  # fmt: skip
        n = n if norm_in_f32 else n.to(dtype)
    else:
        n = F.layer_norm(x, x.shape[-1:], weight, bias, eps)
    return modulate(n, scale, shift).to(dtype)


def rms_chain(x, scale=None, shift=None, weight=None, eps=1e-6, norm_in_f32=False, weight_in_f32=False):
    dtype = x.dtype
    if weight_in_f32:
        n = F.rms_norm(x.float() if norm_in_f32 else x, x.shape[-1:], weight, eps)
    else:
        f = x.float()
        n = f * torch.rsqrt(f.pow(2).mean(-1, keepdim=True) + eps)
        n = n if norm_in_f32 else n.to(dtype)
        n = n if weight is None else n * weight
    return modulate(n, scale, shift).to(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_layer_norm(shape, dtype):
    b, s, d = shape
    for seed, vectors in enumerate([dtype, torch.float32]):
        x = random(shape, dtype, seed, 2.0, 0.5)
        scale, shift = random((b, 1, d), vectors, 10), random((b, 1, d), vectors, 11)
        weight, bias = random((d,), vectors, 12), random((d,), vectors, 13)
        for norm_in_f32 in (False, True):
            for w, c in ((None, None), (weight, bias)):
                for m, n in ((None, None), (scale, shift)):
                    got = ops.norm_scale_shift(x, m, n, weight=w, bias=c, norm_in_f32=norm_in_f32)
                    same(got, layer_chain(x, m, n, w, c, norm_in_f32=norm_in_f32),
                         f"{shape} {dtype} vectors {vectors} f32 {norm_in_f32} affine {w is not None} {m is not None}")  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_rms_norm(shape, dtype):
    b, s, d = shape
    for seed, vectors in enumerate([dtype, torch.float32]):
        x = random(shape, dtype, seed, 2.0, 0.5)
        scale, shift = random((1, s, d), vectors, 10), random((1, s, d), vectors, 11)
        weight = random((d,), vectors, 12)
        for norm_in_f32 in (False, True):
            for weight_in_f32 in (False, True):
                for w in (None, weight):
                    for m, n in ((None, None), (scale, shift)):
                        options = dict(weight=w, norm_in_f32=norm_in_f32, weight_in_f32=weight_in_f32)
                        got = ops.norm_scale_shift(x, m, n, norm="rms", **options)
                        same(got, rms_chain(x, m, n, **options), f"{shape} {dtype} {vectors} {norm_in_f32} "
                             f"in f32 {weight_in_f32} weight {w is not None} modulated {m is not None}")  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_residual(shape, dtype):
    b, s, d = shape
    for seed, vectors in enumerate([dtype, torch.float32]):
        x, residual = random(shape, dtype, seed, 2.0), random(shape, dtype, seed + 2)
        gate, scale, shift = (random((b, 1, d), vectors, 10 + i) for i in range(3))
        for g in (None, gate):
            total = (residual + (x if g is None else x * g)).to(dtype)
            for norm_in_f32 in (False, True):
                got, got_total = ops.residual_norm_scale_shift(x, residual, g, scale, shift, norm_in_f32=norm_in_f32)
                same(got_total, total, f"{shape} {dtype} {vectors} sum")
                same(got, layer_chain(total, scale, shift, norm_in_f32=norm_in_f32), f"{shape} {dtype} {vectors}")
                got, _ = ops.residual_norm_scale_shift(x, residual, g, scale, shift, norm="rms", norm_in_f32=norm_in_f32)
                same(got, rms_chain(total, scale, shift, norm_in_f32=norm_in_f32), f"{shape} {dtype} {vectors} rms")


@pytest.mark.parametrize("dtype", DTYPES)
def test_views(dtype):
    """PyTorch copies what is not contiguous, and takes another kernel for what is not aligned."""
    flat = random((40 * 1024 + 8,), dtype, 1)
    weight, bias = random((1030,), dtype, 2), random((1030,), dtype, 3)
    for offset in range(5):
        for d in (1024, 640):
            x = flat[offset : offset + 40 * d].view(1, 40, d)
            w, c = weight[offset : offset + d], bias[offset : offset + d]
            same(ops.norm_scale_shift(x), layer_chain(x), f"offset {offset}")
            same(ops.norm_scale_shift(x, weight=w, bias=c), layer_chain(x, weight=w, bias=c), f"offset {offset} affine")
            same(ops.norm_scale_shift(x, norm="rms", weight=w, weight_in_f32=True),
                 rms_chain(x, weight=w, weight_in_f32=True), f"offset {offset} rms")  # fmt: skip
            part = flat[: 40 * d].view(2, 20, d)[:, :, offset : d - 4]
            out = torch.empty_like(part, memory_format=torch.contiguous_format)
            ops.norm_scale_shift(part, out=out)
            same(out, layer_chain(part), f"columns from {offset}")


def test_types_that_mix():
    for dtype, other in ((torch.float16, torch.bfloat16), (torch.bfloat16, torch.float16), (torch.float32, torch.bfloat16)):
        x = random((1, 40, 1024), dtype, 1)
        scale, shift = random((1024,), other, 2), random((1, 1, 1024), torch.float32, 3)
        for a, b in ((scale, shift), (shift, scale), (scale, scale)):
            same(ops.norm_scale_shift(x, a, b), layer_chain(x, a, b), f"{dtype} {a.dtype} {b.dtype}")
            same(ops.norm_scale_shift(x, a, b, norm="rms"), rms_chain(x, a, b), f"{dtype} {a.dtype} {b.dtype}")
        zero = torch.zeros(1, dtype=dtype, device="cuda")
        same(ops.norm_scale_shift(x, zero, zero), layer_chain(x, zero, zero), "numbers")


def test_frames_and_special_values():
    x = random((2, 24, 1024), torch.float16, 1)
    scale, shift = random((2, 6, 1, 1024), torch.float16, 2), random((2, 6, 1, 1024), torch.float16, 3)
    wide = [v.expand(2, 6, 4, 1024).reshape(2, 24, 1024) for v in (scale, shift)]
    same(ops.norm_scale_shift(x, scale, shift), layer_chain(x, *wide), "frames")
    x[0, 0] = 0.0
    x[0, 1] = -0.0
    x[0, 2] = 60000.0
    x[0, 3] = 6e-8
    for norm, chain in (("layer", layer_chain), ("rms", rms_chain)):
        same(ops.norm_scale_shift(x, norm=norm), chain(x), norm)
        same(ops.norm_scale_shift(x, scale, shift, norm=norm), chain(x, *wide), norm)
