"""Binding of sdf.cu: builds it for the device at hand and calls it on torch tensors."""

import ctypes
import functools
import hashlib
import subprocess
from pathlib import Path

import torch
from torch import Tensor

MAX_OPS = 24
OP_FLOATS = 24
CAMERA_FLOATS = 24

SOURCE = Path(__file__).with_name("sdf.cu")
BUILD_DIR = Path(__file__).with_name("build")
CUDA_FLAGS = ["-O3", "--use_fast_math", "-gencode=arch=compute_90a,code=sm_90a", "-shared", "-Xcompiler", "-fPIC"]
CPU_FLAGS = ["-O3", "-ffast-math", "-march=native", "-fopenmp", "-shared", "-fPIC", "-x", "c++"]


@functools.cache
def library(device_type: str) -> ctypes.CDLL:
    """The compiled interpreter for "cuda" or "cpu", rebuilt when the source changed."""
    digest = hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:12]
    target = BUILD_DIR / f"sdf-{device_type}-{digest}.so"
    if not target.exists():
        BUILD_DIR.mkdir(exist_ok=True)
        compiler = ["nvcc", *CUDA_FLAGS] if device_type == "cuda" else ["g++", *CPU_FLAGS]
        subprocess.run([*compiler, "-o", str(target), str(SOURCE)], check=True)
    return ctypes.CDLL(str(target))


def _call(name: str, *arguments: Tensor | int) -> None:
    device = next(a.device for a in arguments if isinstance(a, Tensor))
    stream = torch.cuda.current_stream().cuda_stream if device.type == "cuda" else 0
    converted = []
    for argument in arguments:
        if isinstance(argument, Tensor):
            assert argument.is_contiguous() and argument.device == device
            converted.append(ctypes.c_void_p(argument.data_ptr()))
        else:
            converted.append(ctypes.c_int(argument))
    status = getattr(library(device.type), name)(*converted, ctypes.c_void_p(stream))
    if status != 0:
        raise RuntimeError(f"{name} failed with CUDA error {status}")


def distance(programs: Tensor, points: Tensor) -> Tensor:
    """[B, ops, floats] programs at [B, N, 3] points -> [B, N] signed distances (< 0 inside)."""
    out = torch.empty(points.shape[:2], device=points.device)
    _call("sdf_distance", programs, points, out, points.shape[0], points.shape[1])
    return out


def surface(programs: Tensor, half_extents: Tensor, count: int, seed: int) -> Tensor:
    """``count`` random surface points of each program -> [B, count, 6], point and normal."""
    out = torch.empty(programs.shape[0], count, 6, device=programs.device)
    _call("sdf_surface", programs, half_extents, seed & 0x7FFFFFFF, out, programs.shape[0], count)
    return out


def render(programs: Tensor, cameras: Tensor, size: int, samples: int) -> Tensor:
    """[B, 4, size, size] straight colour and coverage, ``samples``^2 rays a pixel."""
    out = torch.empty(programs.shape[0], 4, size, size, device=programs.device)
    _call("sdf_render", programs, cameras, out, programs.shape[0], size, samples)
    return out


def farthest_points(points: Tensor, count: int) -> Tensor:
    """[B, N, 3] clouds -> [B, count] indices of a farthest point sample that starts at row 0."""
    out = torch.empty(points.shape[0], count, dtype=torch.int64, device=points.device)
    _call("sdf_farthest", points, out, points.shape[0], points.shape[1], count)
    return out
