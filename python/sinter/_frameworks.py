"""What the compiled module asks of an array's framework: how outputs are made, and who must hear that one was written.

An attribute that is None stands for nothing to do.
"""

from __future__ import annotations

from typing import Any, Callable, Optional, Sequence

from sinter import _ops

# The names that sinter gives element types, which are those of ElementType in sinter/ops.h.
_LONG_NAMES = {"f32": "float32", "f16": "float16", "bf16": "bfloat16"}
_SHORT_NAMES = {long: short for short, long in _LONG_NAMES.items()}
_DEFAULT_STREAM = 1  # as DLPack names it


def type_name(dtype: Any) -> str:
    """'f32' for numpy.float32, torch.float32, jnp.float32, 'f32' or 'float32'."""
    text = dtype if isinstance(dtype, str) else getattr(dtype, "name", None) or getattr(dtype, "__name__", str(dtype))
    text = text.removeprefix("torch.")
    text = _SHORT_NAMES.get(text, text)
    if text not in _LONG_NAMES:
        raise ValueError(f"[sinter.ops] expected float32, float16 or bfloat16 for dtype, got {dtype}")
    return text


class _NumPy:
    on_stream: Optional[Callable[[int, Any], Any]] = None  #: a context in which memory is made for that stream
    records_gradients: Optional[Callable[[], bool]] = None
    autocasts: Optional[Callable[[str], bool]] = None  #: whether for "cuda" or "cpu"
    written: Optional[Callable[[Any], None]] = None  #: told of an array whose elements have changed
    is_inference: Optional[Callable[[Any], bool]] = None  #: whether an array need not be told of
    give: Optional[Callable[[Any], Any]] = None  #: the array that a caller gets for one that was made here

    def __init__(self, module: Any) -> None:
        self._module = module
        self.empty_like = module.empty_like

    def empty(self, shape: Sequence[int], short: Optional[str], like: Any) -> Any:
        return self._module.empty(shape, like.dtype if short is None else _LONG_NAMES[short])

    def scratch(self, count: int, like: Any) -> Any:
        return self._module.empty(count, "uint8")


class _CuPy(_NumPy):
    def on_stream(self, stream: int, like: Any) -> Any:
        cuda = self._module.cuda
        return cuda.Stream.null if stream == _DEFAULT_STREAM else cuda.ExternalStream(stream, like.device.id)


class _Torch(_NumPy):
    def __init__(self, torch: Any) -> None:
        super().__init__(torch)
        self.records_gradients = torch.is_grad_enabled
        self.autocasts = torch.is_autocast_enabled
        self.is_inference = torch.Tensor.is_inference
        self.written = torch.autograd.graph.increment_version

    def empty(self, shape: Sequence[int], short: Optional[str], like: Any) -> Any:
        return like.new_empty(shape) if short is None else like.new_empty(shape, dtype=self._dtype(short))

    def _dtype(self, short: str) -> Any:
        return getattr(self._module, _LONG_NAMES[short])

    def scratch(self, count: int, like: Any) -> Any:
        return like.new_empty(count, dtype=self._module.uint8)

    def on_stream(self, stream: int, like: Any) -> Any:
        cuda = self._module.cuda
        if stream == _DEFAULT_STREAM:
            return cuda.stream(cuda.default_stream(like.device))
        return cuda.stream(cuda.ExternalStream(stream, like.device))


class _Jax(_NumPy):
    """JAX's arrays are immutable: results are made in memory of our own, which JAX then takes over."""

    def __init__(self, dlpack: Any) -> None:
        self.give = dlpack.from_dlpack

    def empty_like(self, x: Any) -> Any:
        return self.empty(x.shape, None, x)

    def empty(self, shape: Sequence[int], short: Optional[str], like: Any) -> Any:
        kind, number = like.__dlpack_device__()
        return _ops.empty(shape, type_name(like.dtype) if short is None else short, number if int(kind) == 2 else -1)

    def scratch(self, count: int, like: Any) -> Any:
        return self.empty(((count + 3) // 4,), "f32", like)


def framework_of(kind: type) -> Optional[_NumPy]:
    """Of the arrays of type `kind`; None for others."""
    for base in kind.__mro__:
        root = base.__module__.partition(".")[0]
        if root == "torch":
            import torch

            return _Torch(torch)
        if root in ("jax", "jaxlib"):
            import jax

            return _Jax(jax.dlpack)
        if root == "cupy":
            return _CuPy(__import__(root))
        if root == "numpy":
            return _NumPy(__import__(root))
    return None
