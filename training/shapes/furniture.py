"""Furniture."""

from training.shapes.builder import Builder

CORNERS = [(x, z) for x in (-1, 1) for z in (-1, 1)]


def chair(b: Builder) -> None:
    width, depth, seat = b.uniform(0.32, 0.55), b.uniform(0.32, 0.5), b.uniform(0.04, 0.09)
    leg_half, leg, back, back_half = b.uniform(0.25, 0.45), b.uniform(0.04, 0.07), b.uniform(0.25, 0.5), b.uniform(0.04, 0.08)
    c_seat, c_back, c_leg = b.colour(), b.colour(), b.colour()
    slats, round_legs, arms = b.chance(0.3), b.chance(0.5), b.chance(0.3)
    b.box((0, 0, 0), (width, seat, depth), colour=c_seat)
    b.box((0, seat + back, -depth + back_half), (width, back, back_half), colour=c_back, where=~slats)
    for side in (-1, 1):
        b.box((side * (width - 0.05), seat + back, -depth + back_half), (0.05, back, back_half), colour=c_back, where=slats)
        b.box((side * width, seat + 0.25, 0), (0.05, 0.04, depth), colour=c_leg, where=arms)
        b.box((side * width, seat + 0.11, depth - 0.08), (0.04, 0.14, 0.04), colour=c_leg, where=arms)
    for height in (0.9, 1.65):
        b.box((0, seat + back * height, -depth + back_half), (width, 0.1, back_half * 0.8), colour=c_back, where=slats)
    for x, z in CORNERS:
        foot = (x * (width - leg), -seat - leg_half + 0.01, z * (depth - leg))
        b.cylinder(foot, leg, leg_half, colour=c_leg, where=round_legs)
        b.box(foot, (leg, leg_half, leg), bevel=0.005, colour=c_leg, where=~round_legs)


def armchair(b: Builder) -> None:
    width, depth, seat = b.uniform(0.3, 0.42), b.uniform(0.35, 0.45), b.uniform(0.14, 0.22)
    arm, arm_top, back = b.uniform(0.08, 0.14), b.uniform(0.1, 0.22), b.uniform(0.28, 0.5)
    c_body, c_cushion, c_leg = b.colour(), b.colour(), b.colour()
    b.box((0, 0, 0), (width, seat, depth), bevel=0.05, colour=c_cushion)
    b.box((0, back, -depth), (width + arm, seat + back, 0.12), bevel=0.06, colour=c_body)
    for side in (-1, 1):
        b.box((side * (width + arm * 0.9), arm_top / 2, 0), (arm, seat + arm_top / 2, depth), bevel=0.06, colour=c_body)
    for x, z in CORNERS:
        b.cylinder((x * width, -seat - 0.06, z * depth * 0.8), 0.05, 0.1, colour=c_leg)


def table(b: Builder) -> None:
    width, depth, top = b.uniform(0.45, 0.95), b.uniform(0.35, 0.6), b.uniform(0.04, 0.08)
    height, leg = b.uniform(0.22, 0.5), b.uniform(0.045, 0.08)
    c_top, c_leg = b.colour(), b.colour()
    round_top, square, shelf = b.chance(0.3), b.chance(0.5), b.chance(0.3)
    b.cylinder((0, 0, 0), width * 0.8, top, 0.02, colour=c_top, where=round_top)
    b.box((0, 0, 0), (width, top, depth), colour=c_top, where=~round_top)
    x_leg = b.pick(round_top, width * 0.5, width) - leg * 1.5
    z_leg = b.pick(round_top, width * 0.5, depth) - leg * 1.5
    for x, z in CORNERS:
        b.cylinder((x * x_leg, -height, z * z_leg), leg, height, colour=c_leg, where=~square)
        b.box((x * x_leg, -height, z * z_leg), (leg, height, leg), bevel=0.01, colour=c_leg, where=square)
    b.box((0, -height * 1.4, 0), (x_leg, 0.035, z_leg), bevel=0.01, colour=c_leg, where=shelf)


def pedestal_table(b: Builder) -> None:
    radius, top, height = b.uniform(0.4, 0.7), b.uniform(0.04, 0.08), b.uniform(0.25, 0.5)
    c_top, c_leg = b.colour(), b.colour()
    b.cylinder((0, 0, 0), radius, top, 0.02, colour=c_top)
    b.cylinder((0, -height, 0), b.uniform(0.06, 0.12), height, colour=c_leg)
    b.cone((0, -2 * height, 0), radius * b.uniform(0.5, 0.8), 0.12, b.uniform(0.04, 0.09), colour=c_leg)


def stool(b: Builder) -> None:
    width, seat, height = b.uniform(0.3, 0.5), b.uniform(0.05, 0.12), b.uniform(0.3, 0.65)
    leg, spread = b.uniform(0.04, 0.065), b.uniform(0, 0.12)
    c_seat, c_leg = b.colour(), b.colour()
    round_seat = b.chance(0.6)
    b.cylinder((0, seat, 0), width, seat, 0.03, colour=c_seat, where=round_seat)
    b.box((0, seat, 0), (width, seat, width * 0.8), bevel=0.03, colour=c_seat, where=~round_seat)
    near = width * 0.58
    for x, z in CORNERS:
        b.rod((x * near, 0, z * near), (x * (near + spread), -2 * height, z * (near + spread)), leg, colour=c_leg)
    b.torus((0, -height * b.uniform(0.9, 1.4), 0), width * 0.85 + spread * 0.6, 0.035, colour=c_leg, where=b.chance(0.4))


def bench(b: Builder) -> None:
    width, depth, seat, leg_half = b.uniform(0.7, 0.95), b.uniform(0.2, 0.32), b.uniform(0.04, 0.08), b.uniform(0.14, 0.24)
    back = b.uniform(0.14, 0.26)
    c_seat, c_leg = b.colour(), b.colour()
    has_back, block_legs = b.chance(0.6), b.chance(0.5)
    b.box((0, 0, 0), (width, seat, depth), colour=c_seat)
    b.box((0, seat + back, -depth + 0.04), (width, back, 0.045), colour=c_seat, where=has_back)
    for side in (-1, 1):
        b.box((side * width * 0.75, -leg_half, 0), (0.07, leg_half, depth * 0.9), colour=c_leg, where=block_legs)
        for z in (-1, 1):
            b.cylinder((side * width * 0.85, -leg_half, z * depth * 0.75), 0.05, leg_half, colour=c_leg, where=~block_legs)


def shelf(b: Builder) -> None:
    width, height, depth, board = b.uniform(0.35, 0.7), b.uniform(0.5, 0.9), b.uniform(0.18, 0.3), b.uniform(0.035, 0.055)
    c_frame, c_board = b.colour(), b.colour()
    boards = b.integer(1, 3)
    for side in (-1, 1):
        b.box((side * width, 0, 0), (board, height, depth), bevel=0.005, colour=c_frame)
        b.box((0, side * (height - board), 0), (width, board, depth), bevel=0.005, colour=c_frame)
    b.box((0, 0, -depth + board * 0.8), (width, height, board * 0.8), bevel=0.003, colour=c_frame)
    for i in range(3):
        y = height * (2.0 * (i + 1) / (boards + 1) - 1)
        b.box((0, y, 0), (width, board, depth * 0.95), bevel=0.003, colour=c_board, where=boards > i)
    b.box((0, 0, 0), (board, height, depth * 0.95), bevel=0.003, colour=c_board, where=b.chance(0.3))


def cabinet(b: Builder) -> None:
    width, height, depth = b.uniform(0.3, 0.7), b.uniform(0.35, 0.8), b.uniform(0.22, 0.4)
    c_body, c_front, c_knob = b.colour(), b.colour(), b.colour()
    rows = b.integer(2, 4)
    feet = b.chance(0.6)
    b.box((0, 0, 0), (width, height, depth), bevel=0.01, colour=c_body)
    b.box((0, height, 0), (width * 1.06, 0.035, depth * 1.06), bevel=0.01, colour=c_body, where=b.chance(0.5))
    for i in range(4):
        y = height * (2.0 * (i + 0.5) / rows - 1)
        b.box((0, y, depth), (width * 0.88, height / rows * 0.8, 0.035), bevel=0.01, colour=c_front, where=rows > i)
        b.sphere((0, y, depth + 0.06), 0.045, colour=c_knob, where=rows > i)
    for x, z in CORNERS:
        b.cylinder((x * width * 0.85, -height - 0.07, z * depth * 0.8), 0.05, 0.09, colour=c_knob, where=feet)


def bed(b: Builder) -> None:
    width, length, mattress = b.uniform(0.4, 0.62), b.uniform(0.75, 0.95), b.uniform(0.08, 0.15)
    head = b.uniform(0.2, 0.4)
    c_frame, c_mattress, c_pillow = b.colour(), b.colour(), b.colour()
    double = b.chance(0.5)
    b.box((0, 0, 0), (width, 0.07, length), colour=c_frame)
    b.box((0, 0.06 + mattress, 0.03), (width * 0.95, mattress, length * 0.95), bevel=0.05, colour=c_mattress)
    b.box((0, head, -length), (width, 0.12 + head, 0.05), bevel=0.03, colour=c_frame)
    b.box((0, 0.05, length), (width, b.uniform(0.1, 0.22), 0.05), bevel=0.03, colour=c_frame, where=b.chance(0.5))
    y, z = 2 * mattress + 0.1, -length * 0.7
    b.box((0, y, z), (width * 0.5, 0.06, 0.14), bevel=0.05, colour=c_pillow, where=~double)
    for side in (-1, 1):
        b.box((side * width * 0.47, y, z), (width * 0.4, 0.06, 0.14), bevel=0.05, colour=c_pillow, where=double)
    for x, z_leg in CORNERS:
        b.box((x * width * 0.9, -0.12, z_leg * length * 0.93), (0.05, 0.09, 0.05), colour=c_frame)


def desk(b: Builder) -> None:
    width, depth, height = b.uniform(0.7, 0.95), b.uniform(0.32, 0.45), b.uniform(0.28, 0.42)
    c_top, c_body, c_knob = b.colour(), b.colour(), b.colour()
    side = b.sign()
    b.box((0, 0, 0), (width, 0.045, depth), bevel=0.01, colour=c_top)
    b.box((side * width * 0.66, -height, 0), (width * 0.28, height, depth * 0.92), bevel=0.01, colour=c_body)
    b.box((-side * width * 0.9, -height, 0), (0.05, height, depth * 0.9), bevel=0.01, colour=c_body)
    for i in range(3):
        b.box((side * width * 0.66, -height * (0.35 + 0.62 * i), depth * 0.95), (width * 0.22, height * 0.24, 0.03), bevel=0.01, colour=c_knob)
    b.box((0, -height * 0.7, -depth * 0.85), (width * 0.9, height * 0.6, 0.035), bevel=0.01, colour=c_body, where=b.chance(0.5))


def lamp(b: Builder) -> None:
    base, pole_half, pole = b.uniform(0.2, 0.4), b.uniform(0.3, 0.6), b.uniform(0.035, 0.07)
    shade, shade_half = b.uniform(0.25, 0.5), b.uniform(0.15, 0.32)
    c_base, c_shade = b.colour(), b.colour()
    conical = b.chance(0.7)
    b.cylinder((0, -pole_half, 0), base, b.uniform(0.04, 0.08), 0.01, colour=c_base)
    b.cylinder((0, 0, 0), pole, pole_half, colour=c_base)
    b.cone((0, pole_half + shade_half * 0.6, 0), shade, shade * b.uniform(0.4, 0.95), shade_half, colour=c_shade, where=conical)
    b.sphere((0, pole_half + shade_half * 0.8, 0), shade * 0.8, colour=c_shade, where=~conical)
    b.ellipsoid((0, -pole_half * b.uniform(0.1, 0.7), 0), (pole * 2.5, pole * 3, pole * 2.5), colour=c_base, where=b.chance(0.4))


KINDS = (chair, armchair, table, pedestal_table, stool, bench, shelf, cabinet, bed, desk, lamp)
