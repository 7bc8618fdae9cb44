"""Shapes without a name, put together at random but tidily: upright, mostly mirrored, no clutter.

They teach that parts combine freely, which named kinds alone do not. Unordered heaps of turned
primitives are left out: a picture does not tell enough about them.
"""

from torch import Tensor

from training.shapes.builder import Builder, Value


def any_part(b: Builder, centre: tuple[Value, Value, Value], half: tuple[Value, Value, Value], where: Tensor | None = None) -> None:
    """A box, cylinder, cone or ellipsoid of the given half sizes; four operations."""
    form, colour = b.integer(0, 3), b.colour()
    present = b.chance(1.0) if where is None else where
    x, y, z = half
    b.box(centre, (x, y, z), bevel=0.02, colour=colour, where=present & (form == 0))
    b.cylinder(centre, x, y, 0.02, colour=colour, where=present & (form == 1))
    b.cone(centre, x, b.value(x) * b.uniform(0.1, 1.2), y, colour=colour, where=present & (form == 2))
    b.ellipsoid(centre, (x, y, z), colour=colour, where=present & (form == 3))


def stack(b: Builder) -> None:
    """Two to four parts on top of each other, some off centre."""
    y, parts = b.value(0.0), b.integer(2, 4)
    for i in range(4):
        width, half = b.uniform(0.15, 0.5), b.uniform(0.08, 0.35)
        x = b.uniform(-0.2, 0.2) * b.chance(0.5) if i else b.value(0.0)
        any_part(b, (x, y + half, 0), (width, half, width * b.uniform(0.6, 1.0)), where=parts > i)
        y = y + 1.9 * half


def assembly(b: Builder) -> None:
    """A body with optional top, crown, mirrored sides, front piece, foot or legs."""
    width, half = b.uniform(0.18, 0.5), b.uniform(0.15, 0.45)
    depth = width * b.uniform(0.6, 1.0)
    any_part(b, (0, 0, 0), (width, half, depth))
    top, top_half = width * b.uniform(0.3, 1.15), b.uniform(0.08, 0.3)
    has_top = b.chance(0.7)
    any_part(b, (0, half + 0.9 * top_half, 0), (top, top_half, top * b.uniform(0.7, 1.0)), where=has_top)
    crown, c_crown = b.uniform(0.07, 0.16), b.colour()
    b.sphere((0, half + 1.9 * top_half + crown * 0.6, 0), crown, colour=c_crown, where=has_top & b.chance(0.4))
    sides, pick, c_side = b.chance(0.6), b.integer(0, 3), b.colour()
    size, y, reach = b.uniform(0.08, 0.2), b.uniform(-0.5, 0.6) * half, b.uniform(0.1, 0.4)
    lift = b.uniform(-0.3, 0.3)
    for side in (-1, 1):
        at = (side * (width + size * 0.5), y, 0)
        b.ellipsoid(at, (size * 1.3, size, size), colour=c_side, where=sides & (pick == 0))
        b.box(at, (size, size * 0.6, depth * 0.7), colour=c_side, where=sides & (pick == 1))
        b.torus(at, size, 0.05, rot=b.along_z(), colour=c_side, where=sides & (pick == 2))
        b.rod((side * width * 0.6, y, 0), (side * (width + reach), y + lift, 0), size * 0.5, colour=c_side, where=sides & (pick == 3))
    below, c_below = b.integer(0, 2), b.colour()
    b.cylinder((0, -half, 0), width * b.uniform(1.0, 1.5), 0.05, 0.01, colour=c_below, where=below == 1)
    leg = b.uniform(0.1, 0.4)
    for x in (-1, 1):
        for z in (-1, 1):
            foot = (x * width * 0.6, -half - leg, z * depth * 0.6)
            b.rod((x * width * 0.55, -half * 0.7, z * depth * 0.55), foot, 0.055, colour=c_below, where=below == 2)
    b.cylinder((0, b.uniform(-0.4, 0.4) * half, depth), b.uniform(0.08, 0.16), 0.1, rot=b.along_z(), colour=c_crown, where=b.chance(0.35))


KINDS = (stack, assembly)
