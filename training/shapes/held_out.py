"""Kinds that training never sees: they measure what the model does with something new."""

import math

from training.shapes.builder import QUARTER, Builder


def church(b: Builder) -> None:
    width, half, depth, roof = b.uniform(0.3, 0.5), b.uniform(0.2, 0.35), b.uniform(0.3, 0.5), b.uniform(0.12, 0.3)
    c_wall, c_roof = b.colour(), b.colour()
    side, tower = b.sign(), b.uniform(0.12, 0.17)
    x = side * (width + tower * 0.6)
    b.box((0, 0, 0), (width, half, depth), bevel=0.0, colour=c_wall)
    b.wedge((0, half + roof, 0), width * 1.1, roof, depth * 1.05, colour=c_roof)
    b.box((x, half * 0.6, depth * 0.3), (tower, half * 1.7, tower), bevel=0.0, colour=c_wall)
    b.cone((x, half * 2.3 + 0.15, depth * 0.3), tower * 1.3, 0.02, 0.16, colour=c_roof)


def rocket(b: Builder) -> None:
    radius, half, nose = b.uniform(0.15, 0.28), b.uniform(0.35, 0.6), b.uniform(0.15, 0.3)
    c_body, c_fin = b.colour(), b.colour()
    fin, fin_half = b.uniform(0.12, 0.22), b.uniform(0.12, 0.24)
    b.cylinder((0, 0, 0), radius, half, colour=c_body)
    b.cone((0, half + nose, 0), radius, 0.02, nose, colour=c_fin)
    b.cone((0, -half - 0.06, 0), radius * 0.8, radius * 0.5, 0.08, colour=c_fin)
    for i in range(4):
        angle = i * QUARTER + QUARTER / 2
        reach = radius + fin * 0.6
        centre = (reach * math.cos(angle), -half + fin_half * 0.6, reach * math.sin(angle))
        b.box(centre, (fin, fin_half, 0.04), bevel=0.01, rot=b.rotation((1, -angle)), colour=c_fin)


def mushroom(b: Builder) -> None:
    stem, half, cap, rise = b.uniform(0.1, 0.2), b.uniform(0.2, 0.4), b.uniform(0.3, 0.55), b.uniform(0.18, 0.4)
    c_stem, c_cap = b.colour(), b.colour()
    b.ellipsoid((0, half, 0), (cap, rise, cap), colour=c_cap)
    b.cut_below(half - 0.02)
    b.cone((0, 0, 0), stem * 1.25, stem, half, colour=c_stem)


def sofa(b: Builder) -> None:
    width, depth, seat = b.uniform(0.5, 0.85), b.uniform(0.28, 0.42), b.uniform(0.12, 0.2)
    back, arm, arm_top = b.uniform(0.15, 0.32), b.uniform(0.08, 0.14), b.uniform(0.08, 0.2)
    c_body, c_arm = b.colour(), b.colour()
    b.box((0, 0, 0), (width, seat, depth), bevel=0.04, colour=c_body)
    b.box((0, seat + back - 0.05, -depth + 0.1), (width, back, 0.12), bevel=0.05, colour=c_body)
    for side in (-1, 1):
        b.box((side * width, arm_top * 0.6, 0), (arm, seat + arm_top * 0.6, depth), bevel=0.04, colour=c_arm)
        for z in (-1, 1):
            b.cylinder((side * width * 0.9, -seat - 0.05, z * depth * 0.8), 0.05, 0.08, colour=c_arm)


def trophy(b: Builder) -> None:
    radius, half, base = b.uniform(0.28, 0.38), b.uniform(0.26, 0.36), b.uniform(0.22, 0.32)
    c_cup, c_base = b.colour(), b.colour()
    stem = b.uniform(0.12, 0.2)
    b.cone((0, half, 0), radius * 0.5, radius, half, colour=c_cup)
    for side in (-1, 1):
        b.torus((side * radius * 1.0, half * 1.2, 0), half * 0.55, 0.05, rot=b.along_z(), colour=c_cup)
    b.cylinder((0, -stem + 0.02, 0), 0.08, stem, colour=c_cup)
    b.box((0, -2 * stem - 0.08, 0), (base, 0.14, base), colour=c_base)


def hydrant(b: Builder) -> None:
    radius, half = b.uniform(0.22, 0.3), b.uniform(0.38, 0.52)
    c_body, c_cap = b.colour(), b.colour()
    b.cylinder((0, 0, 0), radius, half, colour=c_body)
    b.ellipsoid((0, half, 0), (radius * 1.05, radius * 0.8, radius * 1.05), colour=c_cap)
    b.cylinder((0, half + radius * 0.85, 0), 0.08, 0.07, colour=c_cap)
    b.cylinder((0, -half, 0), radius * 1.35, 0.08, colour=c_body)
    for side in (-1, 1):
        b.cylinder((side * radius, half * 0.4, 0), 0.12, 0.14, rot=b.along_x(), colour=c_cap)
    b.cylinder((0, half * 0.25, radius), 0.15, 0.12, rot=b.along_z(), colour=c_cap)


def telescope(b: Builder) -> None:
    radius, length, leg = b.uniform(0.12, 0.18), b.uniform(0.4, 0.55), b.uniform(0.55, 0.7)
    c_tube, c_leg = b.colour(), b.colour()
    side, lean = b.sign(), b.uniform(0.2, 0.6)
    tube = b.rotation((2, side * (QUARTER - lean)))
    b.cylinder((0, 0, 0), radius, length, rot=tube, colour=c_tube)
    for i in range(3):
        angle = QUARTER + i * 2 * math.pi / 3
        b.rod((0, -radius, 0), (0.35 * math.cos(angle), -radius - leg, 0.35 * math.sin(angle)), 0.05, colour=c_leg)


def cupcake(b: Builder) -> None:
    radius, half = b.uniform(0.36, 0.46), b.uniform(0.2, 0.3)
    c_cup, c_cream, c_cherry = b.colour(), b.colour(), b.colour()
    b.cone((0, 0, 0), radius * 0.72, radius, half, colour=c_cup)
    b.ellipsoid((0, half, 0), (radius * 1.1, 0.16, radius * 1.1), colour=c_cream)
    b.ellipsoid((0, half + 0.16, 0), (radius * 0.8, 0.15, radius * 0.8), colour=c_cream)
    b.cone((0, half + 0.38, 0), radius * 0.5, 0.06, 0.14, colour=c_cream)
    b.sphere((0, half + 0.52, 0), 0.1, colour=c_cherry)


KINDS = (church, rocket, mushroom, sofa, trophy, hydrant, telescope, cupcake)
