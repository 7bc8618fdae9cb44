"""How sinter.ops makes an output in the framework that an input came from."""

from __future__ import annotations

from typing import Any, Sequence

from sinter import _ops

# The names that sinter gives element types, which are those of ElementType in sinter/ops.h.
_LONG_NAMES = {"f32": "float32", "f16": "float16", "bf16": "bfloat16"}
_SHORT_NAMES = {long: short for short, long in _LONG_NAMES.items()}


def _long_name(dtype: Any) -> str:
    """'float32' for numpy.float32, torch.float32, jnp.float32, 'f32' or 'float32'."""
    text = dtype if isinstance(dtype, str) else getattr(dtype, "name", None) or getattr(dtype, "__name__", str(dtype))
    text = text.removeprefix("torch.")
    text = _LONG_NAMES.get(text, text)
    if text not in _SHORT_NAMES:
        raise ValueError(f"[sinter.ops] expected float32, float16 or bfloat16 for dtype, got {dtype}")
    return text


class _NumpyLike:
    """NumPy and CuPy."""

    def __init__(self, module: Any) -> None:
        self._module = module

    def empty_like(self, x: Any) -> Any:
        # Not the other module's empty_like, which would follow a transposed x.
        return self._module.empty(x.shape, x.dtype)

    def empty_in_layout_of(self, x: Any) -> Any:
        return self._module.empty_like(x, order="K")

    def empty(self, shape: Sequence[int], dtype: Any, like: Any) -> Any:
        return self._module.empty(tuple(shape), like.dtype if dtype is None else _long_name(dtype))

    def scratch(self, count: int, like: Any) -> Any:
        return self._module.empty(count, "uint8")

    def check(self, *inputs: Any) -> None:
        """Raises where a result could not be what its framework promises."""

    def written(self, *arrays: Any) -> None:
        """Tells the framework of elements that changed."""

    def give(self, made: Any) -> Any:
        """The array that the caller gets for one that empty*() made."""
        return made


class _Torch(_NumpyLike):
    def empty_like(self, x: Any) -> Any:
        return self._module.empty_like(x)

    def empty_in_layout_of(self, x: Any) -> Any:
        return self._module.empty_like(x)

    def empty(self, shape: Sequence[int], dtype: Any, like: Any) -> Any:
        dtype = like.dtype if dtype is None else getattr(self._module, _long_name(dtype))
        return self._module.empty(tuple(shape), dtype=dtype, device=like.device)

    def scratch(self, count: int, like: Any) -> Any:
        return self._module.empty(count, dtype=self._module.uint8, device=like.device)

    def check(self, *inputs: Any) -> None:
        if not self._module.is_grad_enabled():
            return
        if any(x is not None and x.requires_grad for x in inputs):
            raise ValueError(
                "[sinter.ops] expected tensors that need no gradient, or torch.no_grad(); sinter.torch has operators "
                "with gradients"
            )

    def written(self, *arrays: Any) -> None:
        for x in arrays:
            if x is not None and not x.is_inference():
                self._module.autograd.graph.increment_version(x)


class _Jax(_NumpyLike):
    """JAX's arrays are immutable: results are made in memory of our own, which JAX then takes over."""

    def empty_like(self, x: Any) -> Any:
        return self.empty(x.shape, None, x)

    empty_in_layout_of = empty_like

    def empty(self, shape: Sequence[int], dtype: Any, like: Any) -> Any:
        kind, number = like.__dlpack_device__()
        short = _SHORT_NAMES[_long_name(like.dtype if dtype is None else dtype)]
        return _ops.empty(tuple(shape), short, number if int(kind) == 2 else -1)

    def scratch(self, count: int, like: Any) -> Any:
        return self.empty(((count + 3) // 4,), "f32", like)

    def give(self, made: Any) -> Any:
        return self._module.from_dlpack(made)


_known: dict[type, _NumpyLike] = {}


def framework_of(x: Any) -> _NumpyLike:
    """Of the array `x`; raises ValueError for one of a framework that cannot be asked for outputs."""
    kind = type(x)
    found = _known.get(kind)
    if found is None:
        found = _known[kind] = _find(kind)
    return found


def _find(kind: type) -> _NumpyLike:
    for base in kind.__mro__:
        root = base.__module__.partition(".")[0]
        if root == "torch":
            import torch

            return _Torch(torch)
        if root in ("jax", "jaxlib"):
            import jax

            return _Jax(jax.dlpack)
        if root in ("numpy", "cupy"):
            return _NumpyLike(__import__(root))
    raise ValueError(
        f"[sinter.ops] expected an array of PyTorch, CuPy, JAX or NumPy, got {kind.__module__}.{kind.__qualname__} "
        "(for others give out=)"
    )
