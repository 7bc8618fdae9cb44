"""Toys, games and household oddments."""

import math

from training.shapes.builder import Builder


def robot(b: Builder) -> None:
    width, half, depth, head = b.uniform(0.22, 0.4), b.uniform(0.25, 0.42), b.uniform(0.15, 0.3), b.uniform(0.15, 0.26)
    leg_half, leg, arm_half, arm = b.uniform(0.15, 0.32), b.uniform(0.08, 0.13), b.uniform(0.18, 0.34), b.uniform(0.06, 0.1)
    c_body, c_head, c_limb = b.colour(), b.colour(), b.colour()
    ball, raised = b.chance(0.5), b.uniform(0, 0.6)
    b.box((0, 0, 0), (width, half, depth), bevel=0.04, colour=c_body)
    b.box((0, half + head + 0.02, 0), (head, head, head * 0.9), bevel=0.03, colour=c_head, where=~ball)
    b.sphere((0, half + head, 0), head, colour=c_head, where=ball)
    for side in (-1, 1):
        b.box((side * (width - leg), -half - leg_half + 0.02, 0), (leg, leg_half, leg), colour=c_limb)
        b.box((side * (width - leg), -half - 2 * leg_half, 0.06), (leg * 1.1, 0.05, leg * 1.6), colour=c_head)
        shoulder = (side * (width + arm * 0.6), half * 0.8, 0)
        hand = (side * (width + arm * 0.6 + 2 * arm_half * raised.sin()), half * 0.8 - 2 * arm_half * raised.cos(), 0)
        b.rod(shoulder, hand, arm, colour=c_limb)
    b.cylinder((0, half + 2 * head + 0.08, 0), 0.04, 0.1, colour=c_limb, where=b.chance(0.4))


def snowman(b: Builder) -> None:
    radius, middle, top = b.uniform(0.32, 0.45), b.uniform(0.62, 0.85), b.uniform(0.55, 0.8)
    c_snow, c_trim = b.colour(), b.colour()
    y_middle = radius * (0.8 + middle * 0.8)
    y_top = y_middle + radius * middle * (0.8 + top * 0.8)
    head = radius * middle * top
    hat = b.chance(0.6)
    b.sphere((0, 0, 0), radius, colour=c_snow)
    b.sphere((0, y_middle, 0), radius * middle, smooth=0.05, colour=c_snow)
    b.sphere((0, y_top, 0), head, smooth=0.05, colour=c_snow)
    b.cylinder((0, y_top + head * 0.75, 0), head * 1.3, 0.04, colour=c_trim, where=hat)
    b.cylinder((0, y_top + head * 1.2, 0), head * 0.8, head * 0.5, colour=c_trim, where=hat)
    b.taper((0, y_top, head * 0.8), (0, y_top, head + 0.22), 0.07, 0.02, colour=c_trim, where=b.chance(0.7))
    arms = b.chance(0.6)
    for side in (-1, 1):
        reach = radius * middle
        b.rod((side * reach * 0.8, y_middle, 0), (side * (reach + radius * 0.7), y_middle + b.uniform(0, 0.3), 0), 0.05, colour=c_trim, where=arms)


def teddy(b: Builder) -> None:
    body, head, limb = b.uniform(0.3, 0.38), b.uniform(0.22, 0.3), b.uniform(0.1, 0.14)
    c_fur, c_trim = b.colour(), b.colour()
    y = body * 1.05 + head * 0.8
    b.ellipsoid((0, 0, 0), (body, body * 1.1, body * 0.85), colour=c_fur)
    b.sphere((0, y, 0), head, smooth=0.04, colour=c_fur)
    b.ellipsoid((0, y - head * 0.25, head * 0.9), (head * 0.45, head * 0.35, head * 0.35), colour=c_trim)
    for side in (-1, 1):
        b.sphere((side * head * 0.8, y + head * 0.75, 0), head * 0.38, colour=c_trim)
        b.rod((side * body * 0.8, body * 0.6, 0), (side * (body + 0.25), b.uniform(-0.15, 0.3), 0.1), limb, smooth=0.03, colour=c_fur)
        foot = (side * body * 0.85, -body * 1.05, b.uniform(0.3, 0.45))
        b.rod((side * body * 0.5, -body * 0.8, 0.05), foot, limb * 1.15, smooth=0.03, colour=c_fur)


def top(b: Builder) -> None:
    radius, up, down = b.uniform(0.42, 0.6), b.uniform(0.14, 0.28), b.uniform(0.25, 0.42)
    c_upper, c_lower, c_stem = b.colour(), b.colour(), b.colour()
    b.pose = b.rotation((2, b.uniform(-0.3, 0.3)))
    b.cone((0, up, 0), radius, 0.1, up, colour=c_upper)
    b.cone((0, -down, 0), 0.04, radius, down, colour=c_lower)
    b.cylinder((0, 2 * up + 0.1, 0), 0.055, 0.2, 0.02, colour=c_stem)


def blocks(b: Builder) -> None:
    size = b.uniform(0.2, 0.28)
    gap, lean = size * b.uniform(1.05, 1.3), b.uniform(-0.5, 0.5) * size
    roof, third = b.chance(0.5), b.chance(0.6)
    for side in (-1, 1):
        b.box((side * gap, 0, 0), (size, size, size), bevel=0.03, colour=b.colour())
    b.box((lean, 2 * size, 0), (size, size, size), bevel=0.03, colour=b.colour())
    c_top = b.colour()
    b.wedge((lean, 3.7 * size, 0), size, size * 0.7, size, colour=c_top, where=third & roof)
    b.cylinder((lean, 3.7 * size, 0), size * 0.8, size * 0.7, 0.02, colour=c_top, where=third & ~roof)


def pawn(b: Builder) -> None:
    base, half, head = b.uniform(0.3, 0.42), b.uniform(0.3, 0.5), b.uniform(0.17, 0.26)
    colour, c_trim = b.colour(), b.colour()
    rook = b.chance(0.4)
    b.cylinder((0, -half, 0), base, 0.09, 0.03, colour=colour)
    b.cone((0, 0, 0), base * 0.8, base * b.uniform(0.35, 0.5), half, colour=colour)
    b.cylinder((0, half, 0), base * 0.65, 0.05, 0.02, colour=c_trim)
    b.sphere((0, half + head * 0.9, 0), head, colour=colour, where=~rook)
    b.cylinder((0, half + 0.16, 0), head * 1.25, 0.16, colour=colour, where=rook)
    b.cylinder((0, half + 0.3, 0), head * 0.8, 0.14, cut=True, where=rook)


def hourglass(b: Builder) -> None:
    radius, half = b.uniform(0.3, 0.42), b.uniform(0.24, 0.34)
    c_frame, c_glass = b.colour(), b.colour()
    for side in (-1, 1):
        b.cylinder((0, side * 2 * half, 0), radius * 1.15, 0.06, 0.02, colour=c_frame)
    b.cone((0, half, 0), 0.06, radius * 0.85, half, colour=c_glass)
    b.cone((0, -half, 0), radius * 0.85, 0.06, half, colour=c_glass)
    for i in range(3):
        angle = math.pi / 2 + i * 2 * math.pi / 3
        b.cylinder((radius * math.cos(angle), 0, radius * math.sin(angle)), 0.05, 2 * half, colour=c_frame)


def barrel(b: Builder) -> None:
    radius, half, bulge = b.uniform(0.32, 0.45), b.uniform(0.42, 0.6), b.uniform(1.1, 1.3)
    c_wood, c_hoop = b.colour(), b.colour()
    lying = b.chance(0.25)
    b.pose = b.rotation((2, b.pick(lying, math.pi / 2, 0.0)))
    for side in (-1, 1):
        bottom, upper = (radius * bulge, radius) if side > 0 else (radius, radius * bulge)
        b.cone((0, side * half * 0.5, 0), bottom, upper, half * 0.5, colour=c_wood)
        for y in (0.3, 0.85):
            b.cylinder((0, side * half * y, 0), radius * (bulge + (1 - bulge) * y) + 0.03, 0.05, colour=c_hoop)


def gift(b: Builder) -> None:
    width, half, depth = b.uniform(0.4, 0.6), b.uniform(0.25, 0.5), b.uniform(0.4, 0.6)
    c_box, c_ribbon = b.colour(), b.colour()
    b.box((0, 0, 0), (width, half, depth), bevel=0.01, colour=c_box)
    b.box((0, half, 0), (width * 1.06, 0.08, depth * 1.06), bevel=0.01, colour=c_box)
    b.box((0, 0.05, 0), (0.07, half + 0.07, depth * 1.08), bevel=0.0, colour=c_ribbon)
    b.box((0, 0.05, 0), (width * 1.08, half + 0.07, 0.07), bevel=0.0, colour=c_ribbon)
    for side in (-1, 1):
        b.torus((side * 0.15, half + 0.16, 0), 0.12, 0.05, rot=b.rotation((2, side * 0.4), (0, math.pi / 2)), colour=c_ribbon)


def hat(b: Builder) -> None:
    radius, half, brim = b.uniform(0.32, 0.45), b.uniform(0.2, 0.45), b.uniform(1.3, 1.8)
    c_hat, c_band = b.colour(), b.colour()
    rounded, pointed = b.chance(0.4), b.chance(0.3)
    b.cylinder((0, 0, 0), radius * brim, 0.045, 0.02, colour=c_hat)
    b.ellipsoid((0, 0, 0), (radius, half * 1.6, radius), colour=c_hat, where=rounded)
    b.cone((0, half, 0), radius, b.pick(pointed, 0.05, b.uniform(0.75, 1.1) * radius), half, colour=c_hat, where=~rounded)
    b.cut_below(-0.05, where=rounded)
    b.cone((0, 0.12, 0), radius * 1.05, radius * 0.98, 0.07, colour=c_band, where=~pointed)


def globe(b: Builder) -> None:
    radius, base = b.uniform(0.38, 0.5), b.uniform(0.24, 0.36)
    c_globe, c_stand = b.colour(), b.colour()
    ring = b.chance(0.6)
    b.sphere((0, 0, 0), radius, colour=c_globe)
    b.torus((0, 0, 0), radius * 1.12, 0.05, rot=b.rotation((2, 0.4), (0, math.pi / 2)), colour=c_stand, where=ring)
    b.cylinder((0, -radius - 0.14, 0), 0.065, 0.2, colour=c_stand)
    b.cone((0, -radius - 0.32, 0), base, base * 0.6, 0.06, colour=c_stand)


def umbrella(b: Builder) -> None:
    radius, rise, length = b.uniform(0.6, 0.8), b.uniform(0.25, 0.42), b.uniform(0.4, 0.55)
    c_cloth, c_handle = b.colour(), b.colour()
    b.ellipsoid((0, 0, 0), (radius, rise, radius), colour=c_cloth)
    b.ellipsoid((0, -0.09, 0), (radius * 0.97, rise, radius * 0.97), cut=True)
    b.cut_below(0.0)
    b.cylinder((0, -length + rise, 0), 0.045, length, colour=c_handle)
    b.capsule((0, rise - 2 * length, 0), 0.065, 0.1, colour=c_handle)


def books(b: Builder) -> None:
    y = b.value(0.0)
    count = b.integer(2, 5)
    for i in range(5):
        half = b.uniform(0.06, 0.13)
        size = (b.uniform(0.42, 0.6), half, b.uniform(0.32, 0.45))
        turn = b.rotation((1, b.uniform(-0.25, 0.25)))
        b.box((b.uniform(-0.06, 0.06), y + half, 0), size, bevel=0.01, rot=turn, colour=b.colour(), where=count > i)
        y = y + 2 * half - 0.002


def clock(b: Builder) -> None:
    radius, half = b.uniform(0.45, 0.6), b.uniform(0.1, 0.18)
    c_case, c_face, c_trim = b.colour(), b.colour(), b.colour()
    alarm = b.chance(0.6)
    b.cylinder((0, 0, 0), radius, half, 0.03, rot=b.along_z(), colour=c_case)
    b.torus((0, 0, half), radius * 0.95, 0.055, rot=b.along_z(), colour=c_case)
    b.cylinder((0, 0, half), radius * 0.85, 0.02, rot=b.along_z(), colour=c_face)
    for length in (0.6, 0.4):
        angle = b.uniform(-3.1, 3.1)
        tip = (angle.sin() * radius * length, angle.cos() * radius * length, half + 0.03)
        b.rod((0, 0, half + 0.03), tip, 0.035, colour=c_trim)
    for side in (-1, 1):
        b.sphere((side * radius * 0.6, radius * 0.95, 0), 0.17, colour=c_trim, where=alarm)
        b.rod((side * radius * 0.5, -radius * 0.75, 0), (side * radius * 0.7, -radius * 1.15, 0), 0.06, colour=c_trim, where=alarm)
    b.box((0, -radius, 0), (radius * 0.8, 0.08, half * 1.3), colour=c_trim, where=~alarm)


KINDS = (robot, snowman, teddy, top, blocks, pawn, hourglass, barrel, gift, hat, globe, umbrella, books, clock)
