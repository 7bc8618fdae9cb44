"""What the tests share."""

import numpy as np
import pytest

from sinter import _ops


def needs(operator, *operands, **options):
    """Skips where the library does not have the operator yet."""
    if getattr(_ops.why_not, operator)(*operands, **options) == "not implemented yet":
        pytest.skip(f"{operator} is not implemented yet")


def seeded(*key):
    return np.random.default_rng(abs(hash(key)) % 2**32 if not all(isinstance(k, int) for k in key) else list(key))
