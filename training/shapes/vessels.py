"""Vessels and kitchenware."""

from training.shapes.builder import Builder


def mug(b: Builder) -> None:
    radius, half, wall = b.uniform(0.3, 0.5), b.uniform(0.3, 0.6), b.uniform(0.045, 0.08)
    flare = b.uniform(0.9, 1.2)
    c_body, c_handle = b.colour(), b.colour()
    side = b.sign(0.8)
    handle = half * b.uniform(0.4, 0.6)
    x = side * (radius * (1 + flare) / 2 + handle * 0.25)
    b.torus((x, 0, 0), handle, b.uniform(0.05, 0.085), rot=b.along_z(), colour=c_handle, where=b.chance(0.9))
    b.cone((0, 0, 0), radius, radius * flare, half, colour=c_body)
    b.cone((0, wall * 1.5, 0), radius - wall, radius * flare - wall, half, cut=True)


def bottle(b: Builder) -> None:
    radius, half, neck, neck_half, shoulder = (
        b.uniform(0.2, 0.4), b.uniform(0.3, 0.6), b.uniform(0.07, 0.14), b.uniform(0.08, 0.22), b.uniform(0.08, 0.28),
    )
    c_body, c_cap = b.colour(), b.colour()
    square = b.chance(0.25)
    b.cylinder((0, 0, 0), radius, half, 0.03, colour=c_body, where=~square)
    b.box((0, 0, 0), (radius, half, radius * 0.8), bevel=0.05, colour=c_body, where=square)
    b.cone((0, half + shoulder - 0.02, 0), radius * b.pick(square, 0.75, 0.95), neck, shoulder, colour=c_body)
    top = half + 2 * shoulder + neck_half - 0.04
    b.cylinder((0, top, 0), neck, neck_half, colour=c_body)
    b.cylinder((0, top + neck_half, 0), neck * b.uniform(1.1, 1.5), 0.06, 0.01, colour=c_cap, where=b.chance(0.6))


def vase(b: Builder) -> None:
    radius, half = b.uniform(0.3, 0.55), b.uniform(0.35, 0.65)
    neck = radius * b.uniform(0.45, 0.8)
    colour = b.colour()
    b.ellipsoid((0, 0, 0), (radius, half, radius), colour=colour)
    b.cone((0, half * 0.9, 0), neck, neck * b.uniform(0.9, 1.5), half * b.uniform(0.2, 0.45), smooth=0.08, colour=colour)
    b.cylinder((0, -half * 0.92, 0), radius * 0.55, half * 0.12, colour=b.colour())
    b.cylinder((0, half, 0), neck * 0.68, half * 0.7, cut=True)
    b.ellipsoid((0, 0.05, 0), (radius * 0.8, half * 0.85, radius * 0.8), cut=True)


def goblet(b: Builder) -> None:
    radius, half, stem, base = b.uniform(0.25, 0.45), b.uniform(0.2, 0.38), b.uniform(0.15, 0.32), b.uniform(0.2, 0.36)
    c_cup, c_stem = b.colour(), b.colour()
    b.cone((0, half, 0), radius * b.uniform(0.3, 0.8), radius, half, colour=c_cup)
    b.cone((0, half + 0.08, 0), radius * 0.25, radius * 0.85, half, cut=True)
    b.cylinder((0, -stem + 0.03, 0), b.uniform(0.045, 0.08), stem, colour=c_stem)
    b.cone((0, -2 * stem, 0), base, base * 0.4, 0.06, colour=c_stem)


def teapot(b: Builder) -> None:
    radius, flat = b.uniform(0.35, 0.5), b.uniform(0.65, 1.0)
    c_body, c_trim = b.colour(), b.colour()
    side, lean = b.sign(0.7), b.uniform(0.5, 1.0)
    b.ellipsoid((0, 0, 0), (radius, radius * flat, radius), colour=c_body)
    b.cylinder((0, -radius * flat * 0.9, 0), radius * 0.6, 0.05, colour=c_body)
    spout = b.rotation((2, side * lean))
    b.cone((-side * radius * 1.15, radius * flat * 0.25, 0), 0.13, 0.065, radius * 0.5, rot=spout, smooth=0.05, colour=c_body)
    b.torus((side * radius * 1.05, 0.02, 0), radius * b.uniform(0.4, 0.55), 0.05, rot=b.along_z(), colour=c_trim)
    b.ellipsoid((0, radius * flat, 0), (radius * 0.45, 0.07, radius * 0.45), colour=c_trim)
    b.sphere((0, radius * flat + 0.11, 0), 0.07, colour=c_trim)


def pitcher(b: Builder) -> None:
    radius, half = b.uniform(0.24, 0.36), b.uniform(0.4, 0.6)
    c_body, c_handle = b.colour(), b.colour()
    side, neck = b.sign(), b.uniform(0.6, 0.85)
    handle = half * b.uniform(0.4, 0.5)
    b.torus((side * radius * 0.95, half * 0.2, 0), handle, 0.055, rot=b.along_z(), colour=c_handle)
    b.ellipsoid((0, -half * 0.35, 0), (radius, half * 0.65, radius), colour=c_body)
    b.cone((0, half * 0.4, 0), radius * 0.75, radius * neck, half * 0.5, smooth=0.1, colour=c_body)
    b.taper((-side * radius * 0.45, half * 0.62, 0), (-side * radius * 1.15, half * 0.92, 0), 0.15, 0.07, smooth=0.05, colour=c_body)
    b.cylinder((0, half * 0.75, 0), radius * neck * 0.7, half * 0.6, cut=True)
    b.cylinder((0, -half * 0.95, 0), radius * 0.65, 0.05, colour=c_handle)


def bowl(b: Builder) -> None:
    radius, deep = b.uniform(0.5, 0.8), b.uniform(0.4, 0.85)
    colour, c_foot = b.colour(), b.colour()
    wall = b.uniform(0.06, 0.1)
    b.ellipsoid((0, 0, 0), (radius, radius * deep, radius), colour=colour)
    b.cut_above(0.0)
    b.ellipsoid((0, 0.0, 0), (radius - wall, radius * deep - wall, radius - wall), cut=True)
    b.cylinder((0, -radius * deep, 0), radius * 0.45, 0.07, 0.01, colour=c_foot)


def pot(b: Builder) -> None:
    radius, half = b.uniform(0.4, 0.6), b.uniform(0.22, 0.42)
    c_body, c_trim = b.colour(), b.colour()
    lid, long_handle = b.chance(0.7), b.chance(0.4)
    b.cylinder((0, 0, 0), radius, half, 0.04, colour=c_body)
    b.cylinder((0, 0.1, 0), radius - 0.06, half, cut=True, where=~lid)
    b.ellipsoid((0, half, 0), (radius * 0.98, b.uniform(0.08, 0.2), radius * 0.98), colour=c_body, where=lid)
    b.cylinder((0, half + 0.2, 0), 0.09, 0.06, 0.02, colour=c_trim, where=lid)
    b.rod((radius, half * 0.6, 0), (radius + 0.6, half * 0.75, 0), 0.055, colour=c_trim, where=long_handle)
    for side in (-1, 1):
        b.box((side * (radius + 0.06), half * 0.5, 0), (0.11, 0.045, 0.14), bevel=0.03, colour=c_trim, where=~long_handle)


def jar(b: Builder) -> None:
    radius, half = b.uniform(0.28, 0.45), b.uniform(0.3, 0.5)
    c_body, c_lid, c_label = b.colour(), b.colour(), b.colour()
    b.cylinder((0, 0, 0), radius, half, b.uniform(0.04, 0.14), colour=c_body)
    b.cylinder((0, half + 0.04, 0), radius * 0.8, 0.08, colour=c_body)
    b.cylinder((0, half + 0.14, 0), radius * b.uniform(0.85, 1.02), b.uniform(0.07, 0.12), 0.02, colour=c_lid)
    b.cylinder((0, 0, 0), radius + 0.012, half * 0.5, 0.0, colour=c_label, where=b.chance(0.5))


def bucket(b: Builder) -> None:
    top, bottom, half = b.uniform(0.45, 0.6), b.uniform(0.65, 0.9), b.uniform(0.4, 0.6)
    c_body, c_handle = b.colour(), b.colour()
    lean = b.uniform(-0.3, 0.3)
    ring = b.rotation((0, b.value(1.5708) + lean))
    b.torus((0, half * 0.85, 0), top * 0.97, 0.04, rot=ring, colour=c_handle, where=b.chance(0.8))
    b.cone((0, 0, 0), top * bottom, top, half, colour=c_body)
    b.cone((0, 0.08, 0), top * bottom - 0.07, top - 0.07, half, cut=True)
    b.torus((0, half, 0), top - 0.02, 0.045, colour=c_body)


def watering_can(b: Builder) -> None:
    radius, half = b.uniform(0.3, 0.42), b.uniform(0.26, 0.4)
    c_body, c_trim = b.colour(), b.colour()
    side = b.sign()
    reach = b.uniform(0.42, 0.6)
    b.cylinder((0, 0, 0), radius, half, 0.04, colour=c_body)
    tip = (side * (radius + reach), half + 0.12, 0)
    b.taper((side * radius * 0.7, -half * 0.5, 0), tip, 0.1, 0.06, colour=c_body)
    b.sphere(tip, 0.12, colour=c_trim)
    b.torus((-side * radius * 0.9, half * 0.5, 0), half * b.uniform(0.8, 1.0), 0.05, rot=b.along_z(), colour=c_trim)
    b.cylinder((0, half + 0.02, 0), radius * 0.7, 0.05, colour=c_trim)


def candle(b: Builder) -> None:
    radius, half = b.uniform(0.14, 0.24), b.uniform(0.3, 0.55)
    c_wax, c_plate, c_flame = b.colour(), b.colour(), b.colour()
    plate = b.uniform(0.3, 0.48)
    b.cylinder((0, 0, 0), radius, half, 0.03, colour=c_wax)
    b.ellipsoid((0, half + 0.14, 0), (0.065, 0.15, 0.065), colour=c_flame)
    b.cylinder((0, -half, 0), plate, 0.05, 0.02, colour=c_plate)
    b.torus((plate + 0.07, -half + 0.04, 0), 0.1, 0.045, rot=b.along_z(), colour=c_plate, where=b.chance(0.6))


KINDS = (mug, bottle, vase, goblet, teapot, pitcher, bowl, pot, jar, bucket, watering_can, candle)
