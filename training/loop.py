"""What both trainers share: time-driven schedules, weight averages, logs, weight files."""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

SHARD_BYTES = 15_000_000


class Clock:
    """Training time: a budget in seconds from which pauses (evaluation, saving) are excluded."""

    def __init__(self, budget: float) -> None:
        self.budget = budget
        self.start = time.monotonic()
        self.paused = 0.0

    def elapsed(self) -> float:
        return time.monotonic() - self.start - self.paused

    def progress(self) -> float:
        """Share of the budget that is used, in [0, 1]."""
        return min(self.elapsed() / self.budget, 1.0)

    def pause(self) -> "Pause":
        return Pause(self)


class Pause:
    """Context in which a clock stands still."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def __enter__(self) -> None:
        torch.cuda.synchronize() if torch.cuda.is_available() else None
        self.began = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self.clock.paused += time.monotonic() - self.began


def learning_rate(progress: float, step: int, hold: float, warm_up: int = 300) -> float:
    """Factor on the base rate: linear warm-up in steps, flat until ``hold``, then linear to 1 %."""
    decay = 1.0 if progress < hold else max(0.01, (1 - progress) / (1 - hold))
    return min(1.0, (step + 1) / warm_up) * decay


class Average:
    """Exponential moving average of a module's weights, with a shorter memory at the start."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.live = [p for p in module.parameters() if p.requires_grad]
        self.shadow = [p.detach().clone() for p in self.live]
        self.steps = torch.zeros((), device=self.live[0].device)

    @torch.no_grad()
    def update(self) -> None:
        self.steps += 1
        share = (9 / (10 + self.steps)).clamp(min=1 - self.decay)
        change = torch._foreach_sub(self.live, self.shadow)
        torch._foreach_mul_(change, share)
        torch._foreach_add_(self.shadow, change)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchanges live and average weights; call it twice to look at the average."""
        for live, shadow in zip(self.live, self.shadow):
            held = live.data.clone()
            live.data.copy_(shadow)
            shadow.copy_(held)


class GraphedStep:
    """Records a training step as a CUDA graph and replays it on new inputs.

    A step launches about a thousand small kernels; launching them one by one from Python takes
    longer than running them. Without a GPU the step is simply called.
    """

    WARM_UP = 3

    def __init__(self, body: Callable[..., Tensor], inputs: Sequence[Tensor]) -> None:
        self.body, self.graph = body, None
        if not inputs[0].is_cuda:
            return
        self.inputs = [x.clone() for x in inputs]
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(self.WARM_UP):
                body(*self.inputs)
        torch.cuda.current_stream().wait_stream(stream)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.output = body(*self.inputs)

    def __call__(self, *inputs: Tensor) -> Tensor:
        if self.graph is None:
            return self.body(*inputs)
        torch._foreach_copy_(self.inputs, list(inputs))
        self.graph.replay()
        return self.output


class Log:
    """One JSON object a line, on the screen and in a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, **values: object) -> None:
        line = json.dumps({k: round(v, 5) if isinstance(v, float) else v for k, v in values.items()})
        print(line, flush=True)
        with self.path.open("a") as file:
            file.write(line + "\n")


def shards(tensors: dict[str, Tensor]) -> Iterator[dict[str, Tensor]]:
    """Splits a state dict into parts of at most SHARD_BYTES."""
    part: dict[str, Tensor] = {}
    size = 0
    for name, tensor in tensors.items():
        nbytes = tensor.numel() * tensor.element_size()
        if part and size + nbytes > SHARD_BYTES:
            yield part
            part, size = {}, 0
        part[name] = tensor
        size += nbytes
    yield part


def save_weights(folder: Path, stem: str, tensors: dict[str, Tensor]) -> None:
    """Writes ``stem-<i>.safetensors`` files in fp16."""
    folder.mkdir(parents=True, exist_ok=True)
    halves = {k: v.detach().to("cpu", torch.float16).contiguous() for k, v in tensors.items()}
    for i, part in enumerate(shards(halves)):
        save_file(part, folder / f"{stem}-{i}.safetensors")


def load_weights(folder: Path, stem: str) -> dict[str, Tensor]:
    """Reads what :func:`save_weights` wrote, as fp32; empty when there is nothing."""
    merged: dict[str, Tensor] = {}
    for path in sorted(folder.glob(f"{stem}-*.safetensors")):
        merged |= load_file(path)
    return {k: v.float() for k, v in merged.items()}


def prefixed(modules: dict[str, nn.Module]) -> dict[str, Tensor]:
    """State dicts of several modules under ``<name>.``."""
    return {f"{name}.{k}": v for name, module in modules.items() for k, v in module.state_dict().items()}


def load_prefixed(modules: dict[str, nn.Module], tensors: dict[str, Tensor], names: Iterable[str]) -> None:
    """Loads the named modules from a merged dict, strictly."""
    for name in names:
        own = {k.removeprefix(name + "."): v for k, v in tensors.items() if k.startswith(name + ".")}
        modules[name].load_state_dict(own)
