"""Trains image encoder and generator together on a frozen autoencoder, for a number of seconds.

    python -m training.train_dit --vae training/runs/vae --seconds 540 --begin 0 --end 0.25 --out training/runs/dit
    python -m training.train_dit --vae training/runs/vae --resume training/runs/dit --seconds 540 --begin 0.25 ...

``--begin`` and ``--end`` place a run in the learning rate schedule of the whole training.
"""

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training import config
from training.data import ExampleStore, make_pool
from training.evaluate import (
    EvaluationSet,
    evaluation_set,
    from_pictures,
    in_parts,
    summary,
)
from training.loop import (
    Average,
    Clock,
    GraphedStep,
    Log,
    learning_rate,
    load_prefixed,
    load_weights,
    prefixed,
    save_weights,
)
from training.models import Dinov2, Hunyuan3DDiT, ShapeVAE, VAEConfig
from training.models.dino import normalize_pixels
from training.models.vae import FourierEmbedder, GeometryDecoder
from training.optim import Optimiser
from training.shapes import HELD_OUT, TRAINED

DROP_CONDITION = 0.1
UNIFORM_TIMES, TIME_MEAN = 0.1, -0.2
PIXEL_NOISE_SHARE, PIXEL_NOISE = 0.3, 0.02
FIELD_POINTS = 128
ADD_EVERY = 8  # steps between additions to the example store, to launch fewer, larger kernels
HOLD = 0.5  # share of the schedule at the full learning rate


class FieldHead(nn.Module):
    """Reads the signed field straight from the image tokens.

    Only a teacher: its dense targets train the image encoder long before the generator can. It
    is not part of the bundle.
    """

    def __init__(self) -> None:
        super().__init__()
        width = config.DINO.hidden_size
        self.fourier = FourierEmbedder(config.VAE.num_freqs, config.VAE.include_pi)
        sizes = VAEConfig(width=width, heads=width // 64, geo_decoder_mlp_expand_ratio=4)
        self.decoder = GeometryDecoder(sizes, self.fourier.out_dim)

    def forward(self, points: Tensor, tokens: Tensor) -> Tensor:
        return self.decoder(self.fourier(points), tokens)


class FlowLoss(nn.Module):
    """Velocity error of a rectified flow plus the field head's error, and [2] the two apart."""

    def __init__(self, dit: Hunyuan3DDiT, dino: Dinov2, head: FieldHead, field_weight: float) -> None:
        super().__init__()
        self.dit, self.dino, self.head, self.field_weight = dit, dino, head, field_weight

    def forward(self, images: Tensor, latents: Tensor, noise: Tensor, t: Tensor, keep: Tensor, field: Tensor) -> tuple[Tensor, Tensor]:
        tokens = self.dino(normalize_pixels(images))
        fraction = t[:, None, None]
        mixed = torch.lerp(noise, latents, fraction)
        velocity = self.dit(mixed, t, tokens * keep[:, None, None]).float()
        flow = F.mse_loss(velocity, latents - noise)
        guess = self.head(field[..., :3], tokens).float()
        teacher = F.l1_loss(guess, field[..., 3])
        return flow + self.field_weight * teacher, torch.stack([flow, teacher]).detach()


def random_times(count: int, device: torch.device) -> Tensor:
    """Logistic-normal times, leaning towards noise where the shape is decided, some uniform."""
    normal = torch.sigmoid(torch.randn(count, device=device) + TIME_MEAN)
    uniform = torch.rand(count, device=device)
    return torch.where(torch.rand(count, device=device) < UNIFORM_TIMES, uniform, normal)


def with_pixel_noise(images: Tensor) -> Tensor:
    chosen = (torch.rand(images.shape[0], 1, 1, 1, device=images.device) < PIXEL_NOISE_SHARE) * PIXEL_NOISE
    return (images + chosen * torch.randn_like(images)).clamp(0, 1)


def initialise(dit: Hunyuan3DDiT, dino: Dinov2) -> None:
    """Every block starts as the identity, the velocity at zero; positions start distinct."""
    for name, p in dit.named_parameters():
        if "mod" in name or "final_layer.linear" in name:
            nn.init.zeros_(p)
    nn.init.normal_(dino.embeddings.position_embeddings, std=0.1)


def validate(modules: dict[str, nn.Module], average: Average, scale: float, sets: dict[str, EvaluationSet]) -> dict[str, object]:
    average.swap()
    device = next(modules["vae"].parameters()).device
    networks = modules["vae"], modules["dit"], modules["dino"], scale
    with torch.autocast(device.type, torch.bfloat16):
        result = {k: summary(*in_parts(lambda e: from_pictures(*networks, e, 30, 3.0, (1,)), s)) for k, s in sets.items()}
    average.swap()
    return result


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vae", type=Path, required=True)
    parser.add_argument("--resume", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--begin", type=float, default=0.0)
    parser.add_argument("--end", type=float, default=1.0)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--fresh", type=int, default=64, help="new examples a step, on average")
    parser.add_argument("--capacity", type=int, default=1 << 17, help="examples kept")
    parser.add_argument("--draws", type=int, default=8000, help="programs of each kind in the pool")
    parser.add_argument("--muon-lr", type=float, default=2e-3)
    parser.add_argument("--adam-lr", type=float, default=1e-3)
    parser.add_argument("--field-weight", type=float, default=0.3)
    parser.add_argument("--average", type=float, default=0.9993)
    parser.add_argument("--validations", type=int, default=2)
    parser.add_argument("--eager", action="store_true", help="no CUDA graph")
    parser.add_argument("--seed", type=int, default=2, help="another seed, another pool")
    return parser.parse_args()


def main() -> None:
    arguments = parse()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.set_float32_matmul_precision("high")
    torch.manual_seed(arguments.seed)
    arguments.out.mkdir(parents=True, exist_ok=True)
    log = Log(arguments.out / "log.jsonl")

    modules = {"vae": ShapeVAE(config.VAE), "dit": Hunyuan3DDiT(config.DIT), "dino": Dinov2(config.DINO), "head": FieldHead()}
    initialise(modules["dit"], modules["dino"])
    frozen = load_weights(arguments.vae, "weights")
    load_prefixed(modules, frozen, ["vae"])
    scale = float(frozen["scale_factor"])
    if arguments.resume:
        load_prefixed(modules, load_weights(arguments.resume, "weights"), ["dit", "dino", "head"])
    for module in modules.values():
        module.to(device)
    modules["vae"].requires_grad_(False)

    pool = make_pool(TRAINED, arguments.draws, device, arguments.seed)
    sets = {"trained": evaluation_set(TRAINED, 2, device), "held_out": evaluation_set(HELD_OUT, 8, device)}
    store = ExampleStore(pool, modules["vae"], arguments.capacity, FIELD_POINTS, arguments.seed << 20)
    for _ in range(max(1, arguments.capacity // 8192)):
        store.add(min(1024, arguments.capacity))

    loss_module = FlowLoss(modules["dit"], modules["dino"], modules["head"], arguments.field_weight)
    if device.type == "cuda":
        loss_module.compile(dynamic=False)
    optimiser = Optimiser({256: modules["dit"], 192: nn.ModuleList([modules["dino"], modules["head"]])}, arguments.muon_lr, arguments.adam_lr)
    average = Average(loss_module, arguments.average)

    def update(*inputs: Tensor) -> Tensor:
        with torch.autocast(device.type, torch.bfloat16):
            loss, parts = loss_module(*inputs)
        loss.backward()
        optimiser.step()
        average.update()
        return parts

    def inputs() -> tuple[Tensor, ...]:
        images, latents, field = store.batch(arguments.batch)
        latents = latents * scale
        keep = (torch.rand(arguments.batch, device=device) >= DROP_CONDITION).float()
        times = random_times(arguments.batch, device)
        return with_pixel_noise(images), latents, torch.randn_like(latents), times, keep, field

    def save() -> None:
        average.swap()
        save_weights(arguments.out, "weights", prefixed(modules) | {"scale_factor": torch.tensor(scale)})
        average.swap()

    step = update if arguments.eager else GraphedStep(update, inputs())  # compiles at rate zero, outside the clock
    clock, done, count = Clock(arguments.seconds), 0, 0
    log.write(event="start", programs=len(pool.programs), batch=arguments.batch, begin=arguments.begin, end=arguments.end)
    running = torch.zeros(2, device=device)
    while clock.progress() < 1:
        overall = arguments.begin + (arguments.end - arguments.begin) * clock.progress()
        optimiser.set_factor(learning_rate(overall, count, HOLD))
        if count % ADD_EVERY == 0:
            store.add(arguments.fresh * ADD_EVERY)
        running += step(*inputs())
        count += 1
        if count % 500 == 0:
            flow, teacher = (running / 500).tolist()
            running.zero_()
            log.write(step=count, seconds=clock.elapsed(), flow=flow, field=teacher)
        if clock.progress() * arguments.validations >= done + 1:
            done += 1
            with clock.pause():
                log.write(step=count, seconds=clock.elapsed(), **validate(modules, average, scale, sets))
                save()
    log.write(event="end", step=count)


if __name__ == "__main__":
    main()
