"""patch(model): the fused operators in a module tree that exists.

A module keeps its place, its parameters, its hooks and its keys in the state dict; only its class becomes a subclass of
the same name whose forward runs the fused operators. Modules are recognised by the names of their classes and
packages, so that nothing of diffusers or Hunyuan3D is imported here.
"""

from __future__ import annotations

import collections
import dataclasses
from typing import Any

from torch import nn

from sinter.torch import diffusers, functional, hunyuan3d
from sinter.torch.modules import Mode
from sinter.torch.rules import Rule


@dataclasses.dataclass(frozen=True)
class Replacement:
    name: str  #: of the module in the tree
    was: str  #: its class
    now: str  #: what it runs, or why it was left as it is
    done: bool

    def __str__(self) -> str:
        return f"{self.was}: {self.now if self.done else 'left as it is: ' + self.now}"


class Patch(list[Replacement]):
    """What patch() did, an entry a module; str() sums it up, undo() takes it back."""

    def __init__(self, mode: Mode) -> None:
        super().__init__()
        self._fast = functional.is_fast(mode)
        self._tables = diffusers.RotaryTables()
        self._classes: list[tuple[Any, type]] = []
        self._activations: list[tuple[nn.Module, str, nn.Module]] = []

    def __str__(self) -> str:
        counts = collections.Counter(str(replacement) for replacement in self)
        return "\n".join(f"sinter: {n:4d} x {what}" for what, n in counts.items()) or "sinter: nothing to replace"

    def undo(self) -> None:
        for thing, before in self._classes:
            thing.__class__ = before
            for slot in ("_sinter_fast", "_sinter_tables", "_weight_fp32_cache", "_bias_fp32_cache"):
                thing.__dict__.pop(slot, None)
        for parent, name, before in self._activations:
            setattr(parent, name, before)
        self._classes.clear()
        self._activations.clear()
        self.clear()

    def _apply(self, name: str, thing: Any, rule: Rule, asked: Any) -> None:
        refused = rule.refuse(asked)
        if refused is None and rule.method in thing.__dict__:
            refused = f"its {rule.method} has been replaced by another library"
        if refused is None:
            self._swap(thing, rule)
        self.append(Replacement(name, rule.kind, refused or rule.now, refused is None))

    def _swap(self, thing: Any, rule: Rule) -> None:
        before = type(thing)
        # The name stays: libraries look blocks up by it.
        members = {
            rule.method: rule.forward,
            "_sinter_method": rule.method,
            "__module__": before.__module__,
            "__qualname__": before.__qualname__,
            "__doc__": before.__doc__,
        }
        self._classes.append((thing, before))
        thing.__class__ = type(before.__name__, (before,), members)
        thing.__dict__["_sinter_fast"] = self._fast
        thing.__dict__["_sinter_tables"] = self._tables


def patch(model: nn.Module, mode: Mode = "exact", verbose: bool = True) -> Patch:
    """Swaps fused forwards into `model`, prints what it replaced unless verbose=False, and returns it.

    Known: Hunyuan3D-2's transformer (hy3dgen), and diffusers' HunyuanVideo and Wan transformers and VAEs. In exact mode
    the patched model gives the same results on a GPU, and on a CPU the same up to the last bit of a norm. What is
    patched stays as it is. Patch after .to(dtype), and before torch.compile.
    """
    done = Patch(mode)
    for name, module in list(model.named_modules()):
        if hasattr(type(module), "_sinter_method"):
            continue
        for rule in (*hunyuan3d.RULES, *diffusers.RULES):
            if rule.matches(module):
                done._apply(name, module, rule, module)
        processor = getattr(module, "processor", None)
        for rule in diffusers.PROCESSOR_RULES:
            if processor is not None and rule.matches(processor) and not hasattr(type(processor), "_sinter_method"):
                done._apply(f"{name}.processor", processor, rule, module)
        for kind, norms, activation in diffusers.GROUP_NORM_PAIRS:
            if type(module).__name__ == kind:
                _fuse_group_norms(done, name, module, norms, activation)
    if verbose:
        print(done)
    return done


def _fuse_group_norms(done: Patch, name: str, parent: nn.Module, norms: tuple[str, ...], activation: str) -> None:
    """Each norm takes the activation that follows it in, which then does nothing of its own."""
    follows = getattr(parent, activation)
    if type(follows) is not nn.SiLU:
        return
    refused = None
    for norm in norms:
        child = getattr(parent, norm)
        if type(child) is not nn.GroupNorm or child.weight is None:
            refused = f"{norm} is not a GroupNorm with parameters"
    rule = Rule("torch", "GroupNorm", diffusers.group_norm_silu, "GroupNorm + SiLU", lambda module: refused)
    for norm in norms:
        done._apply(f"{name}.{norm}", getattr(parent, norm), rule, parent)
    if refused is None:
        done._activations.append((parent, activation, follows))
        setattr(parent, activation, nn.Identity())
