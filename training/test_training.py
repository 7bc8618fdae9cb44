"""Checks that need no GPU: `python -m training.test_training`."""

import torch

from training import config, sdf
from training.export import build_modules
from training.models.dit import sinusoidal_embedding
from training.models.vae import FourierEmbedder
from training.optim import from_blocks, orthogonalise, to_blocks
from training.shapes import HELD_OUT, TRAINED, draw
from training.shapes.builder import Builder, Kind


def test_time_embedding_has_the_released_values() -> None:
    embedded = sinusoidal_embedding(torch.tensor([0.5, 1.0]), config.DIT.time_factor)
    expected = {0: -0.883849, 1: -0.796846, 64: -0.994657, 127: 0.863955, 128: -0.467772, 129: 0.604183}
    for index, value in expected.items():
        assert abs(embedded[0, index].item() - value) < 1e-4
    assert abs(embedded[1, 0].item() - 0.562379) < 1e-4


def test_fourier_embedding_has_the_released_values() -> None:
    embedded = FourierEmbedder(8, include_pi=False)(torch.tensor([0.1, -0.5, 1.01]))
    expected = {3: 0.099833, 4: 0.198669, 10: 0.231510, 11: -0.479426, 19: 0.846832, 27: 0.995004, 50: -0.889430}
    for index, value in expected.items():
        assert abs(embedded[index].item() - value) < 1e-4


def test_bundle_stays_within_its_size() -> None:
    count = sum(p.numel() for module in build_modules().values() for p in module.parameters())
    assert 2 * count < 28_000_000


def test_blocks_round_trip_and_orthogonalise() -> None:
    matrix = torch.randn(384, 192)
    assert torch.equal(from_blocks(to_blocks(matrix, 192), matrix.shape, 192), matrix)
    identity, _ = torch.linalg.qr(torch.randn(64, 64))
    values = torch.linalg.svdvals(orthogonalise(identity[None]).float())
    assert values.min() > 0.6 and values.max() < 1.3


def one_primitive(place: Kind, points: list[list[float]]) -> list[float]:
    """Distances to a single primitive, scaled back from the builder's normalised size."""
    builder = Builder(1, "cpu", 0)
    place(builder)
    programs, half_extents = builder.finish()
    scale = half_extents.max() / 0.5
    return (sdf.distance(programs, torch.tensor([points]) * scale) / scale)[0].tolist()


def test_distances_of_simple_primitives() -> None:
    sphere = one_primitive(lambda b: b.sphere((0, 0, 0), 0.5), [[0.0, 0.9, 0.0], [0.3, 0.0, 0.0]])
    assert abs(sphere[0] - 0.4) < 1e-4 and abs(sphere[1] + 0.2) < 1e-4
    box = one_primitive(lambda b: b.box((0, 0, 0), (0.5, 0.5, 0.5)), [[0.7, 0.0, 0.0], [0.0, 0.4, 0.0]])
    assert abs(box[0] - 0.2) < 1e-4 and abs(box[1] + 0.1) < 1e-4
    cone = one_primitive(lambda b: b.cone((0, 0, 0), 0.5, 0.5, 0.5), [[0.8, 0.0, 0.0], [0.0, 0.4, 0.0], [0.4, 0.0, 0.0]])
    assert abs(cone[0] - 0.3) < 1e-4 and abs(cone[1] + 0.1) < 1e-4 and abs(cone[2] + 0.1) < 1e-4


def test_every_kind_is_centred_solid_and_repeatable() -> None:
    for kind in TRAINED + HELD_OUT:
        programs, half_extents = draw(kind, 4, "cpu", 3)
        again, _ = draw(kind, 4, "cpu", 3)
        assert torch.equal(programs, again)
        samples = sdf.surface(programs, half_extents, 512, 1)[..., :3]
        assert samples.abs().amax() < 0.97, kind.__name__
        assert (samples.abs().amax(dim=(1, 2)) > 0.85).all(), kind.__name__
        assert sdf.distance(programs, samples.contiguous()).abs().amax() < 4e-3, kind.__name__


def test_kinds_are_many_and_disjoint() -> None:
    assert len(TRAINED) >= 60 and len(HELD_OUT) >= 6
    assert not {k.__name__ for k in TRAINED} & {k.__name__ for k in HELD_OUT}


if __name__ == "__main__":
    for name, check in list(globals().items()):
        if name.startswith("test_"):
            check()
            print("ok", name)
