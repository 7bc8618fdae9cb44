"""Tools and hand-held things, drawn in a plane and tilted by a random angle."""

from training.shapes.builder import Builder


def tilt(b: Builder, most: float = 0.6) -> None:
    """Turns everything that follows in the picture plane."""
    b.pose = b.rotation((2, b.uniform(-most, most)))


def hammer(b: Builder) -> None:
    length, grip = b.uniform(0.5, 0.75), b.uniform(0.055, 0.085)
    head, reach = b.uniform(0.1, 0.16), b.uniform(0.2, 0.34)
    c_grip, c_head = b.colour(), b.colour()
    boxy = b.chance(0.5)
    tilt(b)
    b.capsule((0, 0, 0), grip, length, colour=c_grip)
    b.box((0, length, 0), (reach, head, head), bevel=0.03, colour=c_head, where=boxy)
    b.cylinder((0, length, 0), head, reach, 0.02, rot=b.along_x(), colour=c_head, where=~boxy)
    b.cone((reach + 0.08, length, 0), head * 0.8, 0.03, 0.13, rot=b.along_x(), colour=c_head, where=b.chance(0.5))


def screwdriver(b: Builder) -> None:
    grip, grip_half, shaft, shaft_half = b.uniform(0.1, 0.16), b.uniform(0.25, 0.38), b.uniform(0.04, 0.06), b.uniform(0.3, 0.45)
    c_grip, c_shaft = b.colour(), b.colour()
    hexagonal = b.chance(0.4)
    tilt(b)
    b.capsule((0, -grip_half, 0), grip, grip_half * 0.8, colour=c_grip, where=~hexagonal)
    b.prism((0, -grip_half, 0), grip, grip_half, 6, colour=c_grip, where=hexagonal)
    b.cylinder((0, shaft_half, 0), shaft, shaft_half, colour=c_shaft)
    b.box((0, 2 * shaft_half + 0.03, 0), (shaft * 1.6, 0.1, 0.04), bevel=0.01, colour=c_shaft)
    b.cylinder((0, 0.02, 0), grip * 0.7, 0.06, colour=c_shaft)


def sword(b: Builder) -> None:
    length, width, thick = b.uniform(0.5, 0.72), b.uniform(0.07, 0.12), b.uniform(0.04, 0.06)
    guard, grip = b.uniform(0.17, 0.32), b.uniform(0.14, 0.23)
    c_blade, c_grip = b.colour(), b.colour()
    tilt(b)
    b.box((0, length, 0), (width, length, thick), bevel=0.01, colour=c_blade)
    b.wedge((0, 2 * length + width, 0), width, width, thick, colour=c_blade)
    b.box((0, 0, 0), (guard, 0.05, 0.07), colour=c_grip)
    b.capsule((0, -grip, 0), 0.055, grip, colour=c_grip)
    b.sphere((0, -2 * grip - 0.04, 0), 0.085, colour=c_grip, where=b.chance(0.6))


def key(b: Builder) -> None:
    ring, tube, length = b.uniform(0.2, 0.3), b.uniform(0.06, 0.09), b.uniform(0.32, 0.52)
    colour = b.colour()
    tilt(b, 1.5)
    b.torus((0, ring, 0), ring, tube, rot=b.along_z(), colour=colour)
    b.cylinder((0, -length, 0), tube, length, colour=colour)
    for i in range(3):
        bit = b.uniform(0.1, 0.17)
        where = None if i == 0 else b.chance(0.6)
        b.box((bit, -length * (1.88 - 0.4 * i), 0), (bit, 0.06, tube * 0.8), bevel=0.01, colour=colour, where=where)


def axe(b: Builder) -> None:
    length, grip, thick = b.uniform(0.6, 0.8), b.uniform(0.05, 0.075), b.uniform(0.05, 0.08)
    blade, height = b.uniform(0.2, 0.3), b.uniform(0.2, 0.32)
    c_grip, c_head = b.colour(), b.colour()
    twin = b.chance(0.3)
    tilt(b)
    b.capsule((0, 0, 0), grip, length, colour=c_grip)
    b.wedge((-blade, length * 0.75, 0), height, blade, thick, rot=b.rotation((2, -1.5708)), colour=c_head)
    b.wedge((blade, length * 0.75, 0), height, blade, thick, rot=b.rotation((2, 1.5708)), colour=c_head, where=twin)
    b.box((0, length * 0.75, 0), (0.1, height * 0.5, thick), colour=c_head)


def shovel(b: Builder) -> None:
    length, grip = b.uniform(0.45, 0.6), b.uniform(0.045, 0.065)
    blade, half = b.uniform(0.18, 0.28), b.uniform(0.22, 0.34)
    c_grip, c_blade = b.colour(), b.colour()
    tilt(b, 0.4)
    b.cylinder((0, length, 0), grip, length, colour=c_grip)
    b.capsule((0, 2 * length, 0), grip * 1.1, 0.14, rot=b.along_x(), colour=c_grip)
    b.box((0, -half * 0.5, 0), (blade, half * 0.6, 0.05), bevel=0.03, colour=c_blade)
    b.ellipsoid((0, -half, 0), (blade, half * 0.75, 0.06), colour=c_blade)


def mallet(b: Builder) -> None:
    radius, half, length, grip = b.uniform(0.2, 0.32), b.uniform(0.28, 0.42), b.uniform(0.35, 0.55), b.uniform(0.06, 0.1)
    c_head, c_grip = b.colour(), b.colour()
    boxy = b.chance(0.4)
    tilt(b, 0.4)
    b.cylinder((0, length, 0), radius, half, 0.03, rot=b.along_x(), colour=c_head, where=~boxy)
    b.box((0, length, 0), (half, radius, radius), bevel=0.04, colour=c_head, where=boxy)
    b.cylinder((0, 0, 0), grip, length, 0.02, colour=c_grip)


def wrench(b: Builder) -> None:
    length, width, thick = b.uniform(0.45, 0.65), b.uniform(0.07, 0.11), b.uniform(0.05, 0.08)
    head = b.uniform(0.17, 0.24)
    colour = b.colour()
    tilt(b, 1.0)
    b.box((0, 0, 0), (width, length, thick), bevel=0.02, colour=colour)
    for end in (-1, 1):
        b.cylinder((0, end * length, 0), head, thick * 1.2, 0.01, rot=b.along_z(), colour=colour)
    b.box((0, length + head * 0.7, 0), (head * 0.45, head * 0.7, 1.0), bevel=0.0, cut=True)
    b.prism((0, -length, 0), head * 0.5, 1.0, 6, rot=b.along_z(), cut=True)


def brush(b: Builder) -> None:
    grip, length, ferrule, hair = b.uniform(0.06, 0.1), b.uniform(0.3, 0.5), b.uniform(0.14, 0.28), b.uniform(0.14, 0.28)
    c_grip, c_ferrule, c_hair = b.colour(), b.colour(), b.colour()
    thick = b.uniform(0.07, 0.11)
    tilt(b)
    b.capsule((0, -length, 0), grip, length, colour=c_grip)
    b.box((0, 0.1, 0), (ferrule, 0.12, thick), colour=c_ferrule)
    b.box((0, 0.2 + hair, 0), (ferrule * 0.95, hair, thick * 0.85), bevel=0.03, colour=c_hair)


def dumbbell(b: Builder) -> None:
    length, radius, width, bar = b.uniform(0.35, 0.55), b.uniform(0.22, 0.4), b.uniform(0.1, 0.22), b.uniform(0.06, 0.1)
    c_weight, c_bar = b.colour(), b.colour()
    ball, hexagonal = b.chance(0.4), b.chance(0.4)
    tilt(b, 0.5)
    b.cylinder((0, 0, 0), bar, length, rot=b.along_x(), colour=c_bar)
    for side in (-1, 1):
        centre = (side * length, 0, 0)
        b.sphere(centre, radius, colour=c_weight, where=ball)
        b.cylinder(centre, radius, width, 0.03, rot=b.along_x(), colour=c_weight, where=~ball & ~hexagonal)
        b.prism(centre, radius * 0.9, width, 6, rot=b.along_x(), colour=c_weight, where=~ball & hexagonal)


def anvil(b: Builder) -> None:
    length, depth, top = b.uniform(0.35, 0.5), b.uniform(0.16, 0.26), b.uniform(0.1, 0.16)
    colour, c_base = b.colour(), b.colour()
    side, waist, base = b.sign(), b.uniform(0.12, 0.2), b.uniform(0.1, 0.18)
    b.box((0, 0, 0), (length, top, depth), colour=colour)
    b.cone((side * (length + 0.2), 0.0, 0), top * 0.95, 0.02, 0.24, rot=b.rotation((2, -side * 1.5708)), colour=colour)
    b.box((0, -top - waist * 0.8, 0), (length * 0.45, waist, depth * 0.7), colour=colour)
    b.box((0, -top - 1.6 * waist - base * 0.5, 0), (length * b.uniform(0.7, 1.0), base, depth * 1.15), bevel=0.03, colour=c_base)


def magnifier(b: Builder) -> None:
    ring, tube, length = b.uniform(0.28, 0.42), b.uniform(0.06, 0.09), b.uniform(0.26, 0.42)
    c_rim, c_glass, c_grip = b.colour(), b.colour(), b.colour()
    tilt(b, 0.9)
    b.torus((0, ring, 0), ring, tube, rot=b.along_z(), colour=c_rim)
    b.cylinder((0, ring, 0), ring, 0.035, rot=b.along_z(), colour=c_glass, where=b.chance(0.5))
    b.capsule((0, -tube - length, 0), b.uniform(0.06, 0.09), length, colour=c_grip)


KINDS = (hammer, screwdriver, sword, key, axe, shovel, mallet, wrench, brush, dumbbell, anvil, magnifier)
