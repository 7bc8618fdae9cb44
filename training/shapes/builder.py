"""Writes signed distance programs: many random draws of one kind at a time.

A kind is a function that takes a :class:`Builder` and places primitives. Every size may be a
number or a tensor with one value a draw, so one call of the function makes the whole batch.
The layout of an operation is that of sdf.cu.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from training.sdf import MAX_OPS, OP_FLOATS

Value = float | Tensor
Kind = Callable[["Builder"], None]

BOX, CYLINDER, CONE, ELLIPSOID, TORUS, CAPSULE, WEDGE, PRISM = range(8)
END, SKIP = -2.0, -1.0
UNION, SUBTRACT, SMOOTH_UNION, INTERSECT = range(4)
FAR = 9.0
QUARTER = math.pi / 2
LONGEST_HALF_SIDE = 0.95


class Builder:
    """Collects the operations of ``count`` draws of one kind."""

    def __init__(self, count: int, device: torch.device | str, seed: int) -> None:
        self.count, self.device = count, torch.device(device)
        self.generator = torch.Generator(device=self.device).manual_seed(seed)
        self.operations: list[Tensor] = []
        self.bounds: list[tuple[Tensor, Tensor]] = []
        self.pose = self.rotation()
        self.single_colour = self.chance(0.5)
        self.base_colour = self._random_colour()

    # Random parameters, one a draw.

    def _rand(self, *shape: int) -> Tensor:
        return torch.rand(self.count, *shape, device=self.device, generator=self.generator)

    def value(self, v: Value) -> Tensor:
        return v.to(torch.float32) if isinstance(v, Tensor) else torch.full((self.count,), float(v), device=self.device)

    def uniform(self, low: Value, high: Value) -> Tensor:
        low, high = self.value(low), self.value(high)
        return low + (high - low) * self._rand()

    def chance(self, probability: float) -> Tensor:
        return self._rand() < probability

    def integer(self, low: int, high: int) -> Tensor:
        """Uniform integers of [low, high], as floats."""
        return torch.floor(self._rand() * (high - low + 1)) + low

    def sign(self, positive: float = 0.5) -> Tensor:
        return torch.where(self.chance(positive), 1.0, -1.0)

    def pick(self, mask: Tensor, yes: Value, no: Value) -> Tensor:
        return torch.where(mask, self.value(yes), self.value(no))

    def _random_colour(self) -> Tensor:
        grey = self._rand(1) * 0.8
        return 0.08 + 0.84 * (self._rand(3) * (1 - grey) + grey * self._rand(1))

    def colour(self) -> Tensor:
        """[count, 3]; the same for every part in half of the draws."""
        return torch.where(self.single_colour[:, None], self.base_colour, self._random_colour())

    # Orientation.

    def rotation(self, *turns: tuple[int, Value]) -> Tensor:
        """[count, 3, 3] product of turns (axis, angle); the last one acts first."""
        result = torch.eye(3, device=self.device).expand(self.count, 3, 3)
        for axis, angle in turns:
            angle = self.value(angle)
            i, j = [(1, 2), (2, 0), (0, 1)][axis]
            turn = torch.zeros(self.count, 3, 3, device=self.device)
            turn[:, axis, axis] = 1
            turn[:, i, i] = turn[:, j, j] = torch.cos(angle)
            turn[:, j, i] = torch.sin(angle)
            turn[:, i, j] = -turn[:, j, i]
            result = result @ turn
        return result

    def along_x(self) -> Tensor:
        """Lays the y axis of a primitive along x."""
        return self.rotation((2, -QUARTER))

    def along_z(self) -> Tensor:
        """Lays the y axis of a primitive along z."""
        return self.rotation((0, QUARTER))

    def _point(self, p: Sequence[Value]) -> Tensor:
        return torch.stack([self.value(v) for v in p], dim=-1)

    def _towards(self, direction: Tensor) -> Tensor:
        """[count, 3, 3] rotation that takes the y axis to ``direction``."""
        y = torch.nn.functional.normalize(direction, dim=-1)
        steep = y[:, 2].abs() > 0.9
        helper = torch.where(steep[:, None], torch.tensor([1.0, 0, 0], device=self.device), torch.tensor([0, 0, 1.0], device=self.device))
        x = torch.nn.functional.normalize(torch.cross(y, helper, dim=-1), dim=-1)
        return torch.stack([x, y, torch.cross(x, y, dim=-1)], dim=-1)

    # Primitives. Keywords: rot, colour, where, smooth, cut, keep (see _add).

    def box(self, centre: Sequence[Value], half: Sequence[Value], bevel: Value = 0.02, **kw: object) -> None:
        extent = self._point(half)
        self._add(BOX, centre, [*half, bevel], lambda r: (r.abs() @ extent[..., None])[..., 0], **kw)

    def cylinder(self, centre: Sequence[Value], radius: Value, half: Value, bevel: Value = 0.0, **kw: object) -> None:
        self._add(CYLINDER, centre, [radius, half, bevel], lambda r: self._disc_extent(r, radius, half), **kw)

    def cone(self, centre: Sequence[Value], bottom: Value, top: Value, half: Value, **kw: object) -> None:
        """Radius ``bottom`` at -y, ``top`` at +y."""

        def extent(r: Tensor) -> tuple[Tensor, Tensor]:
            axis, across = self._axis(r)
            reach, low, high = self.value(half)[:, None] * axis, self.value(bottom)[:, None], self.value(top)[:, None]
            return (
                torch.minimum(reach - high * across, -reach - low * across),
                torch.maximum(reach + high * across, -reach + low * across),
            )

        self._add(CONE, centre, [bottom, top, half], extent, **kw)

    def ellipsoid(self, centre: Sequence[Value], radii: Sequence[Value], **kw: object) -> None:
        squared = self._point(radii) ** 2
        self._add(ELLIPSOID, centre, radii, lambda r: ((r**2) @ squared[..., None])[..., 0].sqrt(), **kw)

    def sphere(self, centre: Sequence[Value], radius: Value, **kw: object) -> None:
        self.ellipsoid(centre, (radius, radius, radius), **kw)

    def torus(self, centre: Sequence[Value], ring: Value, tube: Value, **kw: object) -> None:
        """Around the y axis."""
        self._add(TORUS, centre, [ring, tube], lambda r: self._disc_extent(r, ring, 0.0) + self.value(tube)[:, None], **kw)

    def capsule(self, centre: Sequence[Value], radius: Value, half: Value, **kw: object) -> None:
        """``half`` is the half length of the core, without the round ends."""
        self._add(CAPSULE, centre, [radius, half], lambda r: self._disc_extent(r, 0.0, half) + self.value(radius)[:, None], **kw)

    def wedge(self, centre: Sequence[Value], width: Value, height: Value, depth: Value, **kw: object) -> None:
        """Isosceles triangle in xy, apex up, half sizes given."""
        zero = self.value(0.0)
        w, h, d = self.value(width), self.value(height), self.value(depth)
        corners = torch.stack(
            [torch.stack([x, y, z], -1) for x, y in ((-w, -h), (w, -h), (zero, h)) for z in (-d, d)], dim=1
        )

        def extent(r: Tensor) -> tuple[Tensor, Tensor]:
            turned = corners @ r.transpose(1, 2)
            return turned.amin(1), turned.amax(1)

        self._add(WEDGE, centre, [width, height, depth], extent, **kw)

    def prism(self, centre: Sequence[Value], inradius: Value, half: Value, sides: Value, **kw: object) -> None:
        """Regular prism around the y axis."""
        radius = self.value(inradius) / torch.cos(math.pi / self.value(sides))
        self._add(PRISM, centre, [inradius, half, sides], lambda r: self._disc_extent(r, radius, half), **kw)

    def rod(self, start: Sequence[Value], end: Sequence[Value], radius: Value, **kw: object) -> None:
        """A capsule from point to point."""
        a, b = self._point(start), self._point(end)
        self.capsule(((a + b) / 2).unbind(-1), radius, (b - a).norm(dim=-1) / 2, rot=self._towards(b - a), **kw)

    def taper(self, start: Sequence[Value], end: Sequence[Value], bottom: Value, top: Value, **kw: object) -> None:
        """A capped cone from point to point."""
        a, b = self._point(start), self._point(end)
        self.cone(((a + b) / 2).unbind(-1), bottom, top, (b - a).norm(dim=-1) / 2, rot=self._towards(b - a), **kw)

    # Slices: half-spaces removed from everything placed so far.

    def cut_above(self, y: Value, where: Tensor | None = None) -> None:
        self._slice(y, upper=True, where=where)

    def cut_below(self, y: Value, where: Tensor | None = None) -> None:
        self._slice(y, upper=False, where=where)

    def _slice(self, y: Value, upper: bool, where: Tensor | None) -> None:
        y = self.value(y)
        side = 1.0 if upper else -1.0
        mask = torch.ones_like(y, dtype=torch.bool) if where is None else where
        for low, high in self.bounds:
            bound = high if upper else low
            clipped = torch.minimum(bound[:, 1], y) if upper else torch.maximum(bound[:, 1], y)
            bound[:, 1] = torch.where(mask, clipped, bound[:, 1])
        self.box((0.0, y + side * 3.0, 0.0), (3.0, 3.0, 3.0), bevel=0.0, cut=True, where=where)

    # Internals.

    @staticmethod
    def _axis(r: Tensor) -> tuple[Tensor, Tensor]:
        """The turned y axis and, per world axis, how far a unit disc across it reaches."""
        axis = r[:, :, 1]
        return axis, (1 - axis * axis).clamp(min=0).sqrt()

    def _disc_extent(self, r: Tensor, radius: Value, half: Value) -> Tensor:
        axis, across = self._axis(r)
        return self.value(half)[:, None] * axis.abs() + self.value(radius)[:, None] * across

    def _add(
        self,
        kind: int,
        centre: Sequence[Value],
        sizes: Sequence[Value],
        extent: Callable[[Tensor], Tensor | tuple[Tensor, Tensor]],
        rot: Tensor | None = None,
        colour: Tensor | None = None,
        where: Tensor | None = None,
        smooth: Value = 0.0,
        cut: bool = False,
        keep: bool = False,
    ) -> None:
        """Appends an operation.

        rot: [count, 3, 3]; where: mask of the draws that have the part; smooth: width of a smooth
        union; cut: subtract; keep: intersect.
        """
        rot = self.pose if rot is None else self.pose @ rot
        position = (self.pose @ self._point(centre)[..., None])[..., 0]
        smoothed = isinstance(smooth, Tensor) or smooth > 0
        op = torch.zeros(self.count, OP_FLOATS, device=self.device)
        op[:, 0] = kind
        op[:, 1] = SUBTRACT if cut else INTERSECT if keep else SMOOTH_UNION if smoothed else UNION
        op[:, 2] = self.value(smooth)
        op[:, 3:6] = position
        op[:, 6:15] = rot.transpose(1, 2).reshape(self.count, 9)
        for i, size in enumerate(sizes):
            op[:, 15 + i] = self.value(size)
        op[:, 21:24] = self.colour() if colour is None else colour
        reach = extent(rot)
        low, high = reach if isinstance(reach, tuple) else (-reach, reach)
        low, high = low + position, high + position
        if cut or keep:
            low, high = torch.full_like(low, FAR), torch.full_like(high, -FAR)
        if where is not None:
            op[~where, 0] = SKIP
            low = torch.where(where[:, None], low, FAR)
            high = torch.where(where[:, None], high, -FAR)
        self.operations.append(op)
        self.bounds.append((low, high))

    def finish(self) -> tuple[Tensor, Tensor]:
        """Centres every draw and scales its longest half side to 0.95.

        Returns programs [count, MAX_OPS, OP_FLOATS] and half extents [count, 3].
        """
        if len(self.operations) > MAX_OPS:
            raise ValueError(f"{len(self.operations)} operations, at most {MAX_OPS} fit")
        ops = torch.stack(self.operations, dim=1)
        low = torch.stack([b[0] for b in self.bounds], 1).amin(1)
        high = torch.stack([b[1] for b in self.bounds], 1).amax(1)
        half = (high - low) / 2
        scale = LONGEST_HALF_SIDE / half.amax(1)
        ops[:, :, 3:6] = (ops[:, :, 3:6] - ((low + high) / 2)[:, None]) * scale[:, None, None]
        sides = ops[:, :, 17].clone()
        ops[:, :, 2] *= scale[:, None]
        ops[:, :, 15:21] *= scale[:, None, None]
        ops[:, :, 17] = torch.where(ops[:, :, 0] == PRISM, sides, ops[:, :, 17])
        programs = torch.full((self.count, MAX_OPS, OP_FLOATS), END, device=self.device)
        programs[:, : ops.shape[1]] = ops
        return programs.contiguous(), (half * scale[:, None]).contiguous()


def draw(kind: Kind, count: int, device: torch.device | str, seed: int) -> tuple[Tensor, Tensor]:
    """``count`` random shapes of one kind: programs and half extents."""
    builder = Builder(count, device, seed)
    kind(builder)
    return builder.finish()
