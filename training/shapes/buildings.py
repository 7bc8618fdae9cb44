"""Buildings and things that stand in the street."""

import math

from training.shapes.builder import QUARTER, Builder


def castle_tower(b: Builder) -> None:
    radius, half, roof = b.uniform(0.25, 0.45), b.uniform(0.4, 0.7), b.uniform(0.2, 0.4)
    c_wall, c_roof = b.colour(), b.colour()
    roofed, square = b.chance(0.5), b.chance(0.4)
    b.cylinder((0, 0, 0), radius, half, colour=c_wall, where=~square)
    b.box((0, 0, 0), (radius, half, radius), bevel=0.0, colour=c_wall, where=square)
    b.cylinder((0, half, 0), radius * 1.18, 0.09, colour=c_wall, where=~square)
    b.box((0, half, 0), (radius * 1.15, 0.09, radius * 1.15), bevel=0.0, colour=c_wall, where=square)
    b.cone((0, half + 0.08 + roof, 0), radius * 1.15, 0.02, roof, colour=c_roof, where=roofed)
    reach = radius * b.pick(square, 1.2, 1.05)
    for i in range(8):
        angle = i * math.pi / 4 + math.pi / 8
        centre = (reach * math.cos(angle), half + 0.15, reach * math.sin(angle))
        b.box(centre, (0.075, 0.09, 0.075), bevel=0.0, rot=b.rotation((1, -angle)), colour=c_wall, where=~roofed)
    door = b.uniform(0.12, 0.22)
    b.box((0, -half + door, radius), (b.uniform(0.08, 0.14), door, 0.12), bevel=0.0, cut=True)


def house(b: Builder) -> None:
    width, half, depth, roof = b.uniform(0.35, 0.65), b.uniform(0.22, 0.42), b.uniform(0.3, 0.5), b.uniform(0.14, 0.3)
    c_wall, c_roof, c_door = b.colour(), b.colour(), b.colour()
    gable_front = b.chance(0.5)
    b.box((0, 0, 0), (width, half, depth), bevel=0.0, colour=c_wall)
    b.wedge((0, half + roof - 0.01, 0), width * 1.12, roof, depth * 1.08, colour=c_roof, where=gable_front)
    b.wedge((0, half + roof - 0.01, 0), depth * 1.12, roof, width * 1.08, rot=b.rotation((1, QUARTER)), colour=c_roof, where=~gable_front)
    b.box((b.uniform(-0.5, 0.5) * width, -half + 0.16, depth), (0.09, 0.16, 0.03), bevel=0.0, colour=c_door)
    side = b.sign()
    b.box((side * width * 0.5, half + roof * 1.2, -depth * 0.3), (0.07, roof * 0.9, 0.07), bevel=0.0, colour=c_door, where=b.chance(0.6))
    b.box((-side * width * 0.5, half * 0.25, depth), (0.09, 0.09, 0.03), bevel=0.0, colour=c_roof, where=b.chance(0.6))


def lighthouse(b: Builder) -> None:
    base, top, half = b.uniform(0.2, 0.32), b.uniform(0.55, 0.8), b.uniform(0.45, 0.65)
    c_tower, c_band, c_roof = b.colour(), b.colour(), b.colour()
    banded = b.chance(0.6)
    b.cone((0, 0, 0), base, base * top, half, colour=c_tower)
    for y in (-0.4, 0.4):
        radius = base * (1 + (top - 1) * (y + 1) / 2) + 0.012
        b.cylinder((0, half * y, 0), radius, half * 0.16, colour=c_band, where=banded)
    b.cylinder((0, half + 0.02, 0), base * top * 1.35, 0.045, colour=c_roof)
    b.cylinder((0, half + 0.15, 0), base * top * 0.75, 0.13, colour=c_band)
    b.cone((0, half + 0.36, 0), base * top * 1.05, 0.02, 0.11, colour=c_roof)
    b.cylinder((0, -half, 0), base * 1.3, 0.06, colour=c_tower, where=b.chance(0.5))


def windmill(b: Builder) -> None:
    base, half = b.uniform(0.26, 0.36), b.uniform(0.4, 0.55)
    c_tower, c_cap, c_blade = b.colour(), b.colour(), b.colour()
    blade, turn = b.uniform(0.4, 0.55), b.uniform(0, QUARTER)
    b.cone((0, 0, 0), base, base * 0.65, half, colour=c_tower)
    b.ellipsoid((0, half, 0), (base * 0.72, b.uniform(0.12, 0.24), base * 0.72), colour=c_cap)
    hub = base * 0.75
    b.cylinder((0, half, hub), 0.07, 0.09, rot=b.along_z(), colour=c_cap)
    for i in range(4):
        angle = turn + i * QUARTER
        centre = (-angle.sin() * blade * 0.6, half + angle.cos() * blade * 0.6, hub + 0.05)
        b.box(centre, (0.1, blade * 0.55, 0.035), bevel=0.01, rot=b.rotation((2, angle)), colour=c_blade)


def bridge(b: Builder) -> None:
    length, depth, deck = b.uniform(0.85, 0.95), b.uniform(0.16, 0.28), b.uniform(0.06, 0.1)
    pier = b.uniform(0.2, 0.36)
    c_deck, c_pier = b.colour(), b.colour()
    arched, rails = b.chance(0.5), b.chance(0.7)
    b.box((0, -pier, 0), (length, pier, depth), bevel=0.0, colour=c_pier, where=arched)
    b.cylinder((0, -2 * pier, 0), b.pick(arched, 1.5, 1.0) * pier, 2.0, rot=b.along_z(), cut=True, where=arched)
    b.box((0, deck, 0), (length, deck, depth * 1.05), bevel=0.01, colour=c_deck)
    for x in (-0.6, 0.6):
        b.box((x * length, -pier, 0), (0.09, pier, depth * 0.9), bevel=0.01, colour=c_pier, where=~arched)
    for z in (-1, 1):
        b.box((0, 2 * deck + 0.07, z * depth), (length, 0.08, 0.035), bevel=0.01, colour=c_pier, where=rails)


def temple(b: Builder) -> None:
    width, column, depth = b.uniform(0.55, 0.8), b.uniform(0.25, 0.4), b.uniform(0.28, 0.45)
    c_stone, c_roof = b.colour(), b.colour()
    columns = b.integer(3, 5)
    radius = b.uniform(0.055, 0.08)
    b.box((0, -column - 0.05, 0), (width * 1.08, 0.06, depth * 1.1), bevel=0.0, colour=c_stone)
    b.box((0, column + 0.04, 0), (width * 1.02, 0.06, depth * 1.02), bevel=0.0, colour=c_stone)
    roof = b.uniform(0.1, 0.18)
    b.wedge((0, column + 0.09 + roof, 0), width * 1.05, roof, depth * 1.05, colour=c_roof)
    b.box((0, 0, -depth * 0.35), (width * 0.75, column, depth * 0.5), bevel=0.0, colour=c_roof)
    for i in range(5):
        x = width * 0.9 * (2 * i / (columns - 1) - 1)
        b.cylinder((x, 0, depth * 0.85), radius, column, colour=c_stone, where=columns > i)


def skyscraper(b: Builder) -> None:
    width, half = b.uniform(0.22, 0.34), b.uniform(0.35, 0.5)
    c_low, c_high, c_top = b.colour(), b.colour(), b.colour()
    second, third = b.uniform(0.6, 0.9), b.uniform(0.4, 0.8)
    rise = b.uniform(0.15, 0.32)
    depth = width * b.uniform(0.7, 1.1)
    b.box((0, 0, 0), (width, half, depth), bevel=0.0, colour=c_low)
    b.box((0, half + rise, 0), (width * second, rise, depth * second), bevel=0.0, colour=c_high)
    top = half + 2 * rise
    b.box((0, top + rise * 0.5, 0), (width * second * third, rise * 0.5, depth * second * third), bevel=0.0, colour=c_top, where=b.chance(0.7))
    b.cylinder((0, top + rise, 0), 0.035, rise * b.uniform(0.6, 1.2), colour=c_top, where=b.chance(0.5))
    b.box((0, -half, 0), (width * 1.3, 0.06, depth * 1.3), bevel=0.0, colour=c_top, where=b.chance(0.4))


def well(b: Builder) -> None:
    radius, half, roof = b.uniform(0.35, 0.48), b.uniform(0.18, 0.28), b.uniform(0.12, 0.22)
    c_stone, c_wood, c_roof = b.colour(), b.colour(), b.colour()
    post = b.uniform(0.3, 0.42)
    b.cylinder((0, 0, 0), radius, half, colour=c_stone)
    b.cylinder((0, 0.1, 0), radius - 0.09, half, cut=True)
    for side in (-1, 1):
        b.box((side * radius * 0.92, half + post, 0), (0.05, post + 0.1, 0.05), bevel=0.01, colour=c_wood)
    b.cylinder((0, half + post, 0), 0.06, radius, rot=b.along_x(), colour=c_wood)
    b.wedge((0, half + 2 * post + roof, 0), radius * 1.25, roof, radius * 0.95, colour=c_roof)


def tent(b: Builder) -> None:
    width, height, depth = b.uniform(0.5, 0.75), b.uniform(0.35, 0.55), b.uniform(0.5, 0.8)
    c_cloth, c_floor = b.colour(), b.colour()
    conical = b.chance(0.4)
    door = b.uniform(0.3, 0.5)
    b.wedge((0, 0, 0), width, height, depth, colour=c_cloth, where=~conical)
    b.cone((0, 0, 0), width, 0.04, height * 1.2, colour=c_cloth, where=conical)
    b.wedge((0, -height * (1 - door), depth), width * door * 0.8, height * door, 0.4, cut=True, where=~conical)
    b.box((0, -height, 0), (width * 1.05, 0.04, depth), bevel=0.01, colour=c_floor, where=~conical)


def mailbox(b: Builder) -> None:
    width, half, post = b.uniform(0.16, 0.26), b.uniform(0.1, 0.16), b.uniform(0.3, 0.45)
    c_box, c_post, c_flag = b.colour(), b.colour(), b.colour()
    length = b.uniform(0.26, 0.4)
    b.box((0, 0, 0), (width, half, length), bevel=0.0, colour=c_box)
    b.cylinder((0, half, 0), width, length, rot=b.along_z(), colour=c_box)
    b.box((0, -half - post, 0), (0.06, post, 0.06), bevel=0.01, colour=c_post)
    b.box((b.sign() * (width + 0.04), half + 0.1, 0.05), (0.035, 0.16, 0.06), bevel=0.01, colour=c_flag, where=b.chance(0.6))
    b.cylinder((0, -half - 2 * post, 0), b.uniform(0.15, 0.25), 0.04, colour=c_post, where=b.chance(0.5))


def traffic_cone(b: Builder) -> None:
    radius, half = b.uniform(0.28, 0.4), b.uniform(0.45, 0.65)
    c_cone, c_band = b.colour(), b.colour()
    square = b.chance(0.6)
    tip = b.uniform(0.05, 0.1)
    b.cone((0, 0, 0), radius, tip, half, colour=c_cone)
    for y in (-0.25, 0.3):
        middle = radius + (tip - radius) * (y + 1) / 2
        slope = (radius - tip) * 0.12
        b.cone((0, half * y, 0), middle + slope + 0.012, middle - slope + 0.012, half * 0.12, colour=c_band, where=b.chance(0.7))
    b.box((0, -half, 0), (radius * 1.3, 0.05, radius * 1.3), colour=c_band, where=square)
    b.cylinder((0, -half, 0), radius * 1.35, 0.05, 0.02, colour=c_band, where=~square)


KINDS = (castle_tower, house, lighthouse, windmill, bridge, temple, skyscraper, well, tent, mailbox, traffic_cone)
