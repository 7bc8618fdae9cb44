"""Trains the autoencoder on random shapes for a given number of seconds.

    python -m training.train_vae --seconds 420 --out training/runs/vae
"""

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training import config
from training.data import Pool, field_targets, make_pool, query_points, surfaces
from training.evaluate import (
    EvaluationSet,
    evaluation_set,
    in_parts,
    reconstruct,
    summary,
)
from training.loop import (
    Average,
    Clock,
    GraphedStep,
    Log,
    learning_rate,
    prefixed,
    save_weights,
)
from training.models import ShapeVAE
from training.optim import Optimiser
from training.shapes import HELD_OUT, TRAINED

QUERIES = 1024
SIGN_WEIGHT, SIGN_SLOPE = 0.1, 8.0
POOL_SEED = 1


class VAELoss(nn.Module):
    """Distance error, sign error and KL term, one module so that it compiles as one graph.

    Returns the loss and [3] loss, distance error and KL term for the log.
    """

    def __init__(self, vae: ShapeVAE, kl_weight: float) -> None:
        super().__init__()
        self.vae, self.kl_weight = vae, kl_weight

    def forward(self, surface: Tensor, index: Tensor, points: Tensor, target: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.vae.encode(surface, index)
        latents = mean + (0.5 * log_variance).exp() * noise
        logits = self.vae.query(points, self.vae.decode(latents)).float()
        distance = F.l1_loss(logits, target)
        sign = F.binary_cross_entropy_with_logits(SIGN_SLOPE * logits, (target > 0).float())
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
        total = distance + SIGN_WEIGHT * sign + self.kl_weight * kl
        return total, torch.stack([total, distance, kl]).detach()


def latent_scale(vae: ShapeVAE, pool: Pool) -> float:
    """1 / standard deviation of sampled latents."""
    surface, index = surfaces(pool.pick(2048), 5)
    with torch.no_grad():
        mean, log_variance = vae.encode(surface, index)
    return 1 / float((mean + (0.5 * log_variance).exp() * torch.randn_like(mean)).std())


def validate(vae: ShapeVAE, average: Average, sets: dict[str, EvaluationSet]) -> dict[str, dict[str, float]]:
    average.swap()
    device = next(vae.parameters()).device
    with torch.autocast(device.type, torch.bfloat16):
        result = {name: summary(*in_parts(lambda e: reconstruct(vae, e), examples)) for name, examples in sets.items()}
    average.swap()
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--draws", type=int, default=8000, help="programs of each kind in the pool")
    parser.add_argument("--muon-lr", type=float, default=2e-3)
    parser.add_argument("--adam-lr", type=float, default=1e-3)
    parser.add_argument("--kl", type=float, default=1.5e-3)
    parser.add_argument("--validations", type=int, default=4)
    arguments = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.set_float32_matmul_precision("high")
    torch.manual_seed(POOL_SEED)
    arguments.out.mkdir(parents=True, exist_ok=True)
    log = Log(arguments.out / "log.jsonl")

    pool = make_pool(TRAINED, arguments.draws, device, POOL_SEED)
    sets = {"trained": evaluation_set(TRAINED, 2, device), "held_out": evaluation_set(HELD_OUT, 4, device)}
    vae = ShapeVAE(config.VAE).to(device)
    loss_module = VAELoss(vae, arguments.kl)
    if device.type == "cuda":
        loss_module.compile(dynamic=False)
    optimiser = Optimiser({config.VAE.width: vae}, arguments.muon_lr, arguments.adam_lr)
    average = Average(vae, 0.999)

    def update(*inputs: Tensor) -> Tensor:
        with torch.autocast(device.type, torch.bfloat16):
            loss, parts = loss_module(*inputs)
        loss.backward()
        optimiser.step()
        average.update()
        return parts

    def inputs(seed: int) -> tuple[Tensor, ...]:
        batch = pool.pick(arguments.batch)
        surface, index = surfaces(batch, seed)
        points = query_points(surface, QUERIES)
        noise = torch.randn(arguments.batch, config.VAE.num_latents, config.VAE.embed_dim, device=device)
        return surface, index, points, field_targets(batch.programs, points), noise

    step = GraphedStep(update, inputs(0))  # compiles at rate zero, outside the clock
    clock, done, count = Clock(arguments.seconds), 0, 0
    log.write(event="start", programs=len(pool.programs), batch=arguments.batch)
    while clock.progress() < 1:
        optimiser.set_factor(learning_rate(clock.progress(), count, hold=0.35))
        parts = step(*inputs(count + 1))
        count += 1
        if count % 500 == 0:
            total, distance, kl = parts.tolist()
            log.write(step=count, seconds=clock.elapsed(), loss=total, distance=distance, kl=kl)
        if clock.progress() * arguments.validations >= done + 1:
            done += 1
            with clock.pause():
                log.write(step=count, seconds=clock.elapsed(), **validate(vae, average, sets))
    average.swap()
    scale = latent_scale(vae, pool)
    save_weights(arguments.out, "weights", prefixed({"vae": vae}) | {"scale_factor": torch.tensor(scale)})
    log.write(event="end", step=count, scale_factor=scale)


if __name__ == "__main__":
    main()
