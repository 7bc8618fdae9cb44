"""Vehicles. Road vehicles stand sideways to the viewer, planes and ships may face it."""

from torch import Tensor

from training.shapes.builder import QUARTER, Builder, Value

CORNERS = [(x, z) for x in (-1, 1) for z in (-1, 1)]


def wheels(b: Builder, x: Value, y: Value, z: Value, radius: Value, colour: Tensor, half: Value = 0.07) -> None:
    """Four wheels at (+-x, y, +-z)."""
    for side_x, side_z in CORNERS:
        b.cylinder((side_x * x, y, side_z * z), radius, half, 0.02, rot=b.along_z(), colour=colour)


def car(b: Builder) -> None:
    length, height, width = b.uniform(0.6, 0.95), b.uniform(0.12, 0.22), b.uniform(0.3, 0.45)
    c_body, c_cabin, c_wheel = b.colour(), b.colour(), b.colour()
    b.box((0, 0, 0), (length, height, width), bevel=0.06, colour=c_body)
    b.box((b.uniform(-0.25, 0.1), height + 0.1, 0), (length * b.uniform(0.4, 0.62), b.uniform(0.14, 0.24), width * 0.88), bevel=0.08, colour=c_cabin)
    wheels(b, length * 0.62, -height, width, b.uniform(0.13, 0.2), c_wheel)
    b.box((length * 0.95, -height * 0.3, 0), (0.07, 0.05, width * 0.9), colour=c_wheel, where=b.chance(0.4))


def truck(b: Builder) -> None:
    length, width = b.uniform(0.45, 0.65), b.uniform(0.25, 0.34)
    load, cab = b.uniform(0.22, 0.4), b.uniform(0.2, 0.3)
    c_load, c_cab, c_wheel = b.colour(), b.colour(), b.colour()
    side, open_bed = b.sign(), b.chance(0.35)
    b.box((0, -0.12, 0), (length + cab, 0.07, width * 0.9), colour=c_wheel)
    b.box((-side * cab, load - 0.08, 0), (length, load, width), bevel=0.02, colour=c_load)
    b.box((-side * cab, load + 0.04, 0), (length - 0.07, load, width - 0.07), bevel=0.0, cut=True, where=open_bed)
    b.box((side * (length + 0.03), cab - 0.08, 0), (cab * 0.85, cab * b.uniform(0.9, 1.3), width * 0.95), bevel=0.05, colour=c_cab)
    for x, z in CORNERS:
        b.cylinder((x * (length + cab) * 0.68, -0.2, z * width), b.value(0.15), 0.07, 0.02, rot=b.along_z(), colour=c_wheel)


def bus(b: Builder) -> None:
    length, height, width = b.uniform(0.8, 0.95), b.uniform(0.26, 0.42), b.uniform(0.24, 0.32)
    c_body, c_window, c_wheel = b.colour(), b.colour(), b.colour()
    windows = b.integer(3, 5)
    b.box((0, 0, 0), (length, height, width), bevel=0.07, colour=c_body)
    for i in range(5):
        x = length * (2 * (i + 0.5) / windows - 1)
        b.box((x, height * 0.3, 0), (length / windows * 0.75, height * 0.32, width + 0.02), bevel=0.01, colour=c_window, where=windows > i)
    wheels(b, length * 0.62, -height, width * 0.95, b.uniform(0.12, 0.17), c_wheel)


def van(b: Builder) -> None:
    length, height, width = b.uniform(0.55, 0.75), b.uniform(0.26, 0.36), b.uniform(0.26, 0.34)
    c_body, c_nose, c_wheel = b.colour(), b.colour(), b.colour()
    side = b.sign()
    b.box((0, 0, 0), (length, height, width), bevel=0.07, colour=c_body)
    b.box((side * length, -height * 0.45, 0), (b.uniform(0.18, 0.3), height * 0.5, width * 0.97), bevel=0.06, colour=c_nose)
    b.box((side * length * 0.55, height * 0.4, 0), (length * 0.3, height * 0.3, width + 0.015), bevel=0.01, colour=c_wheel)
    wheels(b, length * 0.68, -height, width, b.uniform(0.13, 0.18), c_wheel)


def plane(b: Builder) -> None:
    length, radius = b.uniform(0.6, 0.95), b.uniform(0.1, 0.17)
    span, chord, sweep, x = b.uniform(0.55, 0.95), b.uniform(0.13, 0.22), b.uniform(0, 0.5), b.uniform(-0.1, 0.2)
    c_body, c_wing = b.colour(), b.colour()
    engines = b.chance(0.5)
    b.capsule((0, 0, 0), radius, length - radius, rot=b.along_z(), colour=c_body)
    for side in (-1, 1):
        b.box((side * span * 0.5, -0.03, x - span * 0.5 * sweep.sin()), (span * 0.52, 0.045, chord), rot=b.rotation((1, side * sweep)), colour=c_wing)
        b.capsule((side * span * 0.5, -0.1, x), 0.07, 0.14, rot=b.along_z(), colour=c_body, where=engines)
    b.box((0, radius + 0.14, -length * 0.85), (0.04, 0.2, 0.12), bevel=0.01, colour=c_wing)
    b.box((0, radius * 0.6, -length * 0.85), (span * 0.38, 0.04, 0.11), bevel=0.01, colour=c_wing)


def helicopter(b: Builder) -> None:
    radius, tail = b.uniform(0.26, 0.38), b.uniform(0.45, 0.65)
    c_body, c_rotor, c_skid = b.colour(), b.colour(), b.colour()
    side, turn = b.sign(), b.uniform(-0.6, 0.6)
    blade = radius * b.uniform(1.8, 2.3)
    b.ellipsoid((0, 0, 0), (radius * 1.3, radius, radius * 0.9), colour=c_body)
    b.taper((side * radius * 0.8, radius * 0.1, 0), (side * (radius + tail), radius * 0.35, 0), 0.13, 0.06, colour=c_body)
    b.box((side * (radius + tail), radius * 0.5, 0), (0.08, 0.2, 0.045), colour=c_rotor)
    b.cylinder((0, radius + 0.06, 0), 0.06, 0.12, colour=c_rotor)
    for angle in (0.0, QUARTER):
        b.box((0, radius + 0.17, 0), (blade, 0.035, 0.06), bevel=0.01, rot=b.rotation((1, turn + angle)), colour=c_rotor)
    for z in (-1, 1):
        b.capsule((0, -radius - 0.12, z * radius * 0.65), 0.045, radius * 1.1, rot=b.along_x(), colour=c_skid)
        for x in (-1, 1):
            b.rod((x * radius * 0.5, -radius * 0.7, z * radius * 0.5), (x * radius * 0.5, -radius - 0.12, z * radius * 0.65), 0.035, colour=c_skid)


def boat(b: Builder) -> None:
    length, height, width = b.uniform(0.6, 0.95), b.uniform(0.3, 0.45), b.uniform(0.24, 0.4)
    c_hull, c_mast, c_sail = b.colour(), b.colour(), b.colour()
    sail, mast, reach = b.chance(0.65), b.uniform(0.3, 0.5), b.uniform(0.18, 0.35)
    b.ellipsoid((0, 0, 0), (length, height, width), colour=c_hull)
    b.cut_above(0.02)
    b.ellipsoid((0, 0.08, 0), (length * 0.86, height * 0.75, width * 0.78), cut=True, where=b.chance(0.5))
    b.cylinder((0, mast - height * 0.7, 0), 0.045, mast + 0.1, colour=c_mast, where=sail)
    b.wedge((reach * 0.55, mast * 0.9, 0), reach, mast * 0.72, 0.04, colour=c_sail, where=sail)
    b.box((-length * 0.25, 0.02, 0), (length * 0.3, 0.17, width * 0.5), bevel=0.03, colour=c_sail, where=~sail)
    b.cylinder((-length * 0.25, 0.24, 0), 0.08, 0.12, colour=c_mast, where=~sail)


def locomotive(b: Builder) -> None:
    length, radius = b.uniform(0.45, 0.6), b.uniform(0.18, 0.26)
    c_boiler, c_cab, c_wheel = b.colour(), b.colour(), b.colour()
    side, cab = b.sign(), b.uniform(0.2, 0.3)
    b.cylinder((side * cab * 0.5, 0, 0), radius, length, 0.02, rot=b.along_x(), colour=c_boiler)
    b.box((-side * (length - cab * 0.2), 0.1, 0), (cab, radius + 0.14, radius * 1.1), bevel=0.02, colour=c_cab)
    b.box((-side * (length - cab * 0.2), radius + 0.27, 0), (cab * 1.15, 0.04, radius * 1.3), bevel=0.01, colour=c_wheel)
    b.box((0, -radius, 0), (length + cab * 0.6, 0.07, radius), colour=c_cab)
    b.cone((side * length * 0.75, radius + 0.12, 0), 0.07, b.uniform(0.08, 0.14), 0.16, colour=c_wheel)
    b.sphere((side * length * 0.1, radius, 0), 0.1, colour=c_wheel, where=b.chance(0.6))
    for x in (-0.75, 0.0, 0.75):
        for z in (-1, 1):
            b.cylinder((x * length, -radius - 0.1, z * radius), 0.14, 0.055, 0.01, rot=b.along_z(), colour=c_wheel)


def tank(b: Builder) -> None:
    length, width, turret = b.uniform(0.5, 0.7), b.uniform(0.28, 0.38), b.uniform(0.2, 0.3)
    c_hull, c_track, c_turret = b.colour(), b.colour(), b.colour()
    side = b.sign()
    b.box((0, 0, 0), (length, 0.13, width * 0.9), bevel=0.03, colour=c_hull)
    for z in (-1, 1):
        b.box((0, -0.12, z * width * 0.85), (length * 1.08, 0.14, 0.11), bevel=0.13, colour=c_track)
    b.cone((0, 0.2, 0), turret * 1.1, turret * 0.8, 0.11, colour=c_turret)
    b.rod((side * turret * 0.5, 0.22, 0), (side * (length + b.uniform(0.1, 0.35)), 0.24, 0), 0.05, colour=c_turret)
    b.cylinder((0, 0.33, 0), 0.1, 0.05, colour=c_track, where=b.chance(0.6))


def submarine(b: Builder) -> None:
    length, radius = b.uniform(0.5, 0.72), b.uniform(0.2, 0.3)
    c_hull, c_tower = b.colour(), b.colour()
    side = b.sign()
    b.capsule((0, 0, 0), radius, length - radius * 0.5, rot=b.along_x(), colour=c_hull)
    b.box((side * b.uniform(0, 0.15), radius + 0.06, 0), (b.uniform(0.12, 0.2), 0.15, 0.1), bevel=0.06, colour=c_tower)
    b.cylinder((side * 0.05, radius + 0.28, 0), 0.045, 0.12, colour=c_tower, where=b.chance(0.7))
    tail = -side * (length + radius * 0.5)
    b.box((tail, 0, 0), (0.08, radius * 1.1, 0.04), bevel=0.01, colour=c_tower)
    b.box((tail, 0, 0), (0.08, 0.04, radius * 1.1), bevel=0.01, colour=c_tower)


def tractor(b: Builder) -> None:
    length, width = b.uniform(0.4, 0.55), b.uniform(0.16, 0.24)
    rear, front = b.uniform(0.28, 0.38), b.uniform(0.14, 0.2)
    c_body, c_wheel, c_cab = b.colour(), b.colour(), b.colour()
    side = b.sign()
    b.box((side * length * 0.4, 0, 0), (length * 0.8, 0.15, width), bevel=0.04, colour=c_body)
    b.box((-side * length * 0.5, 0.26, 0), (0.22, b.uniform(0.22, 0.32), width * 1.1), bevel=0.04, colour=c_cab)
    b.cylinder((side * length * 0.7, 0.26, 0), 0.045, 0.14, colour=c_wheel, where=b.chance(0.7))
    for z in (-1, 1):
        b.cylinder((-side * length * 0.5, -0.22 + rear * 0.4, z * (width + 0.1)), rear, 0.09, 0.02, rot=b.along_z(), colour=c_wheel)
        b.cylinder((side * length * 0.8, -0.22 - rear * 0.6 + front, z * (width + 0.06)), front, 0.07, 0.02, rot=b.along_z(), colour=c_wheel)


KINDS = (car, truck, bus, van, plane, helicopter, boat, locomotive, tank, submarine, tractor)
