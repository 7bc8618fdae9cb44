"""Optimisers: Muon for the hidden matrices, AdamW for everything else.

Muon (Keller Jordan, https://kellerjordan.github.io/posts/muon/) replaces a matrix's momentum by
the nearest orthogonal matrix. Here every matrix is cut into square blocks of one size, so that a
whole network's update is a few batched products instead of thousands of small ones.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)


def orthogonalise(blocks: Tensor, steps: int = 5) -> Tensor:
    """[N, w, w] -> the same with all singular values near one (Newton-Schulz iteration, bf16)."""
    a, b, c = NEWTON_SCHULZ
    x = blocks.bfloat16()
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + torch.baddbmm(gram, gram, gram, beta=b, alpha=c) @ x
    return x


def to_blocks(matrix: Tensor, width: int) -> Tensor:
    """[r w, c w] -> [r c, w, w]."""
    rows, columns = matrix.shape[0] // width, matrix.shape[1] // width
    return matrix.view(rows, width, columns, width).transpose(1, 2).reshape(-1, width, width)


def from_blocks(blocks: Tensor, shape: torch.Size, width: int) -> Tensor:
    """Inverse of :func:`to_blocks`."""
    rows, columns = shape[0] // width, shape[1] // width
    return blocks.view(rows, columns, width, width).transpose(1, 2).reshape(shape)


class Muon:
    """Block-wise Muon over matrices whose sides are multiples of ``width``.

    ``lr`` is on AdamW's scale: the update's root mean square is 0.2 lr.
    """

    def __init__(self, params: Iterable[nn.Parameter], width: int, lr: float, momentum: float = 0.95, weight_decay: float = 0.05) -> None:
        self.params = list(params)
        self.width, self.lr, self.momentum, self.weight_decay = width, lr, momentum, weight_decay
        self.buffers = [torch.zeros_like(p) for p in self.params]
        self.counts = [p.numel() // (width * width) for p in self.params]

    @torch.no_grad()
    def step(self, factor: Tensor) -> None:
        """One update at ``factor`` (a scalar tensor) times the base learning rate."""
        lr = self.lr * factor
        grads = [p.grad for p in self.params]
        torch._foreach_lerp_(self.buffers, grads, 1 - self.momentum)
        nesterov = torch._foreach_lerp(grads, self.buffers, self.momentum)
        update = orthogonalise(torch.cat([to_blocks(g, self.width) for g in nesterov])).float() * (-0.2 * self.width**0.5 * lr)
        parts = [from_blocks(u, p.shape, self.width) for u, p in zip(update.split(self.counts), self.params)]
        torch._foreach_mul_(self.params, 1 - lr * self.weight_decay)
        torch._foreach_add_(self.params, parts)


class Optimiser:
    """Muon and AdamW over the parameters of one training run.

    Rates live in tensors and nothing waits for the GPU, so a CUDA graph can hold the update.
    """

    def __init__(self, modules: dict[int, nn.Module], muon_lr: float, adam_lr: float) -> None:
        """``modules`` maps a block width to the module whose hidden matrices have that width."""
        self.all = [p for m in modules.values() for p in m.parameters() if p.requires_grad]
        self.muons = []
        hidden: set[int] = set()
        for width, module in modules.items():
            chosen = [p for name, p in module.named_parameters() if p.requires_grad and is_hidden(name, p, width)]
            hidden |= {id(p) for p in chosen}
            self.muons.append(Muon(chosen, width, muon_lr))
        rest = [p for p in self.all if id(p) not in hidden]
        self.adam_lr = adam_lr
        self.factor = torch.zeros((), device=rest[0].device)
        self.rate = torch.zeros((), device=rest[0].device)
        graphable = rest[0].is_cuda
        self.adam = torch.optim.AdamW(rest, lr=self.rate, betas=(0.9, 0.98), weight_decay=0.01, fused=graphable, capturable=graphable)

    def set_factor(self, factor: float) -> None:
        """Sets the multiple of the base rates that the next steps use."""
        self.factor.fill_(factor)
        self.rate.fill_(self.adam_lr * factor)

    def step(self) -> None:
        """Clips, updates and clears the gradients."""
        nn.utils.clip_grad_norm_(self.all, 1.0)
        self.adam.step()
        for muon in self.muons:
            muon.step(self.factor)
        for p in self.all:
            p.grad = None


def is_hidden(name: str, p: Tensor, width: int) -> bool:
    """Matrices between hidden activations. Modulations see the time alone: Muon would blow up the
    many directions that carry no signal there."""
    return p.ndim == 2 and all(s % width == 0 for s in p.shape) and "mod" not in name and "time_in" not in name
