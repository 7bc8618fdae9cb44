"""What patching knows of a class: the forward that it gets, and when not."""

from __future__ import annotations

import dataclasses
import sys
from typing import Any, Callable, Optional

from torch import nn


@dataclasses.dataclass(frozen=True)
class Rule:
    """For modules whose class has the name `kind` and comes from the package `package`."""

    package: str
    kind: str
    forward: Callable[..., Any]
    now: str  #: what the forward runs, for people
    refuse: Callable[[Any], Optional[str]] = lambda module: None  #: why a module is left as it is
    method: str = "forward"

    def matches(self, thing: Any) -> bool:
        kind = type(thing)
        return kind.__name__ == self.kind and kind.__module__.partition(".")[0] == self.package


def source_of(thing: Any) -> Any:
    """The Python module that the class of `thing` was written in."""
    return sys.modules[type(thing).__module__]


def unfused(thing: Any) -> Callable[..., Any]:
    """The method that a patched forward stands for, bound."""
    return getattr(super(type(thing), thing), type(thing)._sinter_method)


def no_affine_layer_norm(*names: str) -> Callable[[nn.Module], Optional[str]]:
    """Refuses where one of those children is anything but a plain LayerNorm without parameters."""

    def refuse(module: nn.Module) -> Optional[str]:
        for name in names:
            norm = getattr(module, name)
            if not isinstance(norm, nn.LayerNorm) or norm.weight is not None or norm.bias is not None:
                return f"{name} is not a LayerNorm without parameters"
            if len(norm.normalized_shape) != 1:
                return f"{name} normalises more than one dimension"
        return None

    return refuse
