"""Food and plants."""

import math

from training.shapes.builder import Builder


def apple(b: Builder) -> None:
    radius, squash = b.uniform(0.45, 0.6), b.uniform(0.8, 1.05)
    c_skin, c_stem, c_leaf = b.colour(), b.colour(), b.colour()
    half = radius * squash
    b.ellipsoid((0, 0, 0), (radius, half, radius), colour=c_skin)
    b.sphere((0, half * 1.12, 0), radius * 0.3, cut=True)
    side = b.sign()
    b.rod((0, half * 0.7, 0), (side * 0.06, half + b.uniform(0.1, 0.22), 0), 0.05, colour=c_stem)
    b.ellipsoid((side * 0.2, half + 0.1, 0), (0.17, 0.05, 0.1), rot=b.rotation((2, side * 0.4)), colour=c_leaf, where=b.chance(0.6))


def pear(b: Builder) -> None:
    radius, rise, neck = b.uniform(0.38, 0.5), b.uniform(0.4, 0.6), b.uniform(0.45, 0.65)
    c_skin, c_stem = b.colour(), b.colour()
    b.sphere((0, 0, 0), radius, colour=c_skin)
    b.sphere((0, rise, 0), radius * neck, smooth=0.3, colour=c_skin)
    top = rise + radius * neck
    b.rod((0, top - 0.05, 0), (b.uniform(-0.1, 0.1), top + b.uniform(0.08, 0.2), 0), 0.05, colour=c_stem)


def carrot(b: Builder) -> None:
    radius, half = b.uniform(0.16, 0.26), b.uniform(0.45, 0.65)
    c_root, c_leaf = b.colour(), b.colour()
    b.pose = b.rotation((2, b.uniform(-0.6, 0.6)))
    b.cone((0, 0, 0), 0.03, radius, half, colour=c_root)
    b.ellipsoid((0, half, 0), (radius, radius * 0.5, radius), smooth=0.03, colour=c_root)
    for x, z in ((-0.14, 0.02), (0.0, -0.06), (0.14, 0.04)):
        b.rod((0, half, 0), (x, half + b.uniform(0.25, 0.42), z), 0.055, colour=c_leaf)


def ice_cream(b: Builder) -> None:
    radius, half = b.uniform(0.26, 0.36), b.uniform(0.36, 0.55)
    c_cone, c_first, c_second = b.colour(), b.colour(), b.colour()
    scoops = b.integer(1, 3)
    b.cone((0, 0, 0), 0.04, radius, half, colour=c_cone)
    b.sphere((0, half + radius * 0.4, 0), radius * 1.08, colour=c_first)
    b.sphere((0, half + radius * 1.5, 0), radius * 0.92, colour=c_second, where=scoops > 1)
    b.sphere((0, half + radius * 2.5, 0), radius * 0.76, colour=c_first, where=scoops > 2)


def cake(b: Builder) -> None:
    radius, half, ratio = b.uniform(0.5, 0.7), b.uniform(0.16, 0.28), b.uniform(0.55, 0.8)
    c_base, c_top, c_decor = b.colour(), b.colour(), b.colour()
    tiers = b.integer(1, 3)
    b.cylinder((0, -half, 0), radius * 1.15, 0.035, colour=c_decor)
    b.cylinder((0, 0, 0), radius, half, 0.03, colour=c_base)
    b.cylinder((0, 2 * half, 0), radius * ratio, half, 0.03, colour=c_top, where=tiers > 1)
    b.cylinder((0, 4 * half, 0), radius * ratio * ratio, half, 0.03, colour=c_base, where=tiers > 2)
    top = half * (2 * tiers - 1)
    b.sphere((0, top + 0.08, 0), 0.12, colour=c_decor)
    for i in range(4):
        angle = i * math.pi / 2 + 0.7
        b.cylinder((radius * 0.6 * math.cos(angle), half + 0.14, radius * 0.6 * math.sin(angle)), 0.045, 0.16, colour=c_decor, where=tiers < 2)


def burger(b: Builder) -> None:
    radius, bun = b.uniform(0.5, 0.65), b.uniform(0.22, 0.36)
    c_bun, c_meat, c_salad = b.colour(), b.colour(), b.colour()
    layer, extra = b.uniform(0.07, 0.12), b.chance(0.5)
    b.ellipsoid((0, 0, 0), (radius, bun, radius), colour=c_bun)
    b.cut_below(0.0)
    b.cylinder((0, -0.04, 0), radius * 1.06, 0.05, 0.03, colour=c_salad)
    b.cylinder((0, -0.06 - layer, 0), radius * b.uniform(0.92, 1.02), layer, 0.04, colour=c_meat)
    b.box((0, -0.1 - 2 * layer, 0), (radius * 0.8, 0.035, radius * 0.8), bevel=0.01, colour=c_salad, where=extra)
    b.cylinder((0, -0.2 - 2 * layer, 0), radius, b.uniform(0.09, 0.14), 0.06, colour=c_bun)


def doughnut(b: Builder) -> None:
    ring, tube = b.uniform(0.4, 0.55), b.uniform(0.18, 0.28)
    c_dough, c_icing = b.colour(), b.colour()
    b.pose = b.rotation((0, b.uniform(0.0, 1.57)), (2, b.uniform(-0.2, 0.2)))
    b.torus((0, 0, 0), ring, tube, colour=c_dough)
    b.torus((0, tube * 0.3, 0), ring, tube * 0.85, colour=c_icing)


def hot_dog(b: Builder) -> None:
    length, radius = b.uniform(0.5, 0.7), b.uniform(0.13, 0.19)
    c_bun, c_sausage = b.colour(), b.colour()
    b.pose = b.rotation((1, b.uniform(-0.4, 0.4)))
    for z in (-1, 1):
        b.capsule((0, 0, z * radius * 0.95), radius, length * 0.85, rot=b.along_x(), colour=c_bun)
    b.capsule((0, radius * 0.75, 0), radius * 0.75, length, rot=b.along_x(), colour=c_sausage)


def pumpkin(b: Builder) -> None:
    radius, squash = b.uniform(0.3, 0.4), b.uniform(0.9, 1.25)
    c_skin, c_stem = b.colour(), b.colour()
    for i in range(8):
        angle = i * math.pi / 4
        centre = (radius * 0.75 * math.cos(angle), 0, radius * 0.75 * math.sin(angle))
        b.ellipsoid(centre, (radius * 0.72, radius * squash, radius * 0.72), colour=c_skin)
    b.taper((0, radius * squash * 0.7, 0), (b.uniform(-0.12, 0.12), radius * squash + 0.22, 0), 0.1, 0.06, colour=c_stem)


def cactus(b: Builder) -> None:
    radius, half, pot = b.uniform(0.13, 0.19), b.uniform(0.38, 0.55), b.uniform(0.24, 0.34)
    c_plant, c_pot = b.colour(), b.colour()
    b.capsule((0, 0, 0), radius, half, colour=c_plant)
    for side in (-1, 1):
        low, high, reach = b.uniform(-0.2, 0.15), b.uniform(0.3, 0.5), radius + b.uniform(0.16, 0.25)
        where = None if side < 0 else b.chance(0.7)
        b.rod((0, low, 0), (side * reach, low, 0), radius * 0.6, colour=c_plant, where=where)
        b.rod((side * reach, low, 0), (side * reach, high, 0), radius * 0.6, colour=c_plant, where=where)
    b.cone((0, -half - 0.1, 0), pot * 0.7, pot, 0.18, colour=c_pot)


def tree(b: Builder) -> None:
    trunk, half = b.uniform(0.07, 0.13), b.uniform(0.2, 0.36)
    c_trunk, c_leaf = b.colour(), b.colour()
    conifer, parts = b.chance(0.5), b.integer(1, 3)
    radius, rise = b.uniform(0.32, 0.5), b.uniform(0.15, 0.28)
    b.cylinder((0, 0, 0), trunk, half, colour=c_trunk)
    for i in range(3):
        b.cone((0, half + rise * (0.7 + 1.1 * i), 0), radius * (1 - 0.22 * i), radius * 0.12, rise, colour=c_leaf, where=conifer & (parts > i))
    for i in range(2):
        x, crown = (b.uniform(-0.2, 0.2), b.uniform(0.25, 0.38)) if i else (b.value(0.0), b.uniform(0.34, 0.45))
        b.ellipsoid((x, half + 0.22 + 0.25 * i, 0), (crown, crown * 0.9, crown), smooth=0.06, colour=c_leaf, where=~conifer & (parts > i))


def potted_plant(b: Builder) -> None:
    pot, half, leaf = b.uniform(0.26, 0.36), b.uniform(0.18, 0.28), b.uniform(0.3, 0.45)
    c_pot, c_leaf = b.colour(), b.colour()
    bush = b.chance(0.4)
    spread = b.uniform(0.35, 0.6)
    b.cone((0, 0, 0), pot * 0.7, pot, half, colour=c_pot)
    b.cylinder((0, half, 0), pot * 1.12, 0.06, 0.01, colour=c_pot)
    b.sphere((0, half + leaf * 0.8, 0), leaf, colour=c_leaf, where=bush)
    for i in range(6):
        angle = i * math.pi / 3 + 0.3
        tip = (math.cos(angle) * spread, half + leaf * 1.5, math.sin(angle) * spread)
        b.rod((0, half, 0), tip, 0.075, colour=c_leaf, where=~bush)


KINDS = (apple, pear, carrot, ice_cream, cake, burger, doughnut, hot_dog, pumpkin, cactus, tree, potted_plant)
