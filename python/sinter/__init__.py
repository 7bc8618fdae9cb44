"""Fused operators of diffusion models on the arrays of PyTorch, CuPy, JAX and NumPy.

`sinter.ops` has the operators, `sinter.torch` modules and `patch(model)` for PyTorch.
"""

from sinter._ops import __version__

__all__ = ["__version__"]
