"""Machine parts."""

import math

from training.shapes.builder import QUARTER, Builder


def facing(b: Builder) -> None:
    """Turns the y axis of everything that follows towards the viewer, a little off."""
    b.pose = b.rotation((1, b.uniform(-0.5, 0.5)), (0, QUARTER + b.uniform(-0.3, 0.3)))


def gear(b: Builder) -> None:
    radius, half, hole = b.uniform(0.45, 0.6), b.uniform(0.1, 0.22), b.uniform(0.12, 0.25)
    teeth = b.integer(6, 10)
    width, reach = b.uniform(0.35, 0.5) * radius * 3.1416 / teeth, b.uniform(0.1, 0.16)
    colour = b.colour()
    facing(b)
    b.cylinder((0, 0, 0), radius, half, colour=colour)
    for i in range(10):
        angle = 2 * math.pi * i / teeth
        centre = (angle.cos() * radius, 0, -angle.sin() * radius)
        b.box(centre, (reach, half, width), bevel=0.01, rot=b.rotation((1, angle)), colour=colour, where=teeth > i)
    b.cylinder((0, 0, 0), hole, 1.0, cut=True)


def bolt(b: Builder) -> None:
    head, head_half, shaft, shaft_half = b.uniform(0.26, 0.36), b.uniform(0.09, 0.15), b.uniform(0.11, 0.18), b.uniform(0.3, 0.5)
    c_head, c_nut = b.colour(), b.colour()
    dome = b.chance(0.3)
    nut = -b.uniform(0.6, 1.8) * shaft_half
    b.pose = b.rotation((2, b.uniform(-0.4, 0.4)))
    b.prism((0, 0, 0), head, head_half, 6, colour=c_head, where=~dome)
    b.ellipsoid((0, 0, 0), (head, head_half * 1.4, head), colour=c_head, where=dome)
    b.cylinder((0, -shaft_half, 0), shaft, shaft_half, 0.02, colour=c_head)
    b.prism((0, nut, 0), head * 0.95, head_half, 6, colour=c_nut, where=b.chance(0.5))


def valve(b: Builder) -> None:
    pipe, length, wheel = b.uniform(0.14, 0.2), b.uniform(0.5, 0.7), b.uniform(0.24, 0.36)
    c_pipe, c_wheel = b.colour(), b.colour()
    stem = b.uniform(0.3, 0.45)
    b.cylinder((0, 0, 0), pipe, length, rot=b.along_x(), colour=c_pipe)
    for side in (-1, 1):
        b.cylinder((side * length, 0, 0), pipe * 1.5, 0.07, rot=b.along_x(), colour=c_pipe)
    b.sphere((0, 0, 0), pipe * 1.4, colour=c_pipe)
    b.cylinder((0, stem * 0.6, 0), 0.06, stem * 0.7, colour=c_wheel)
    b.torus((0, stem + 0.15, 0), wheel, 0.06, colour=c_wheel)
    for angle in (0.0, QUARTER):
        b.capsule((0, stem + 0.15, 0), 0.045, wheel, rot=b.rotation((1, angle), (2, QUARTER)), colour=c_wheel)


def pulley(b: Builder) -> None:
    radius, half = b.uniform(0.45, 0.6), b.uniform(0.14, 0.24)
    c_wheel, c_axle = b.colour(), b.colour()
    facing(b)
    b.cylinder((0, 0, 0), radius * 0.8, half, colour=c_wheel)
    for side in (-1, 1):
        b.cylinder((0, side * half, 0), radius, 0.06, 0.01, colour=c_wheel)
    b.cylinder((0, 0, 0), b.uniform(0.1, 0.16), half + b.uniform(0.12, 0.3), 0.02, colour=c_axle)


def pipe_bend(b: Builder) -> None:
    radius, first, second = b.uniform(0.15, 0.24), b.uniform(0.35, 0.6), b.uniform(0.35, 0.6)
    c_pipe, c_flange = b.colour(), b.colour()
    side, tee = b.sign(), b.chance(0.4)
    b.cylinder((0, first, 0), radius, first, colour=c_pipe)
    b.sphere((0, 0, 0), radius, colour=c_pipe)
    b.cylinder((side * second, 0, 0), radius, second, rot=b.along_x(), colour=c_pipe)
    b.cylinder((0, -first * 0.6, 0), radius, first * 0.6, colour=c_pipe, where=tee)
    b.cylinder((0, 2 * first, 0), radius * 1.4, 0.07, 0.01, colour=c_flange)
    b.cylinder((side * 2 * second, 0, 0), radius * 1.4, 0.07, 0.01, rot=b.along_x(), colour=c_flange)
    b.cylinder((0, first * 1.6, 0), radius * 0.65, first, cut=True)
    b.cylinder((side * second * 1.6, 0, 0), radius * 0.65, second, rot=b.along_x(), cut=True)


def bracket(b: Builder) -> None:
    width, plate, height, depth = b.uniform(0.28, 0.5), b.uniform(0.06, 0.1), b.uniform(0.4, 0.6), b.uniform(0.35, 0.55)
    colour = b.colour()
    b.box((0, height, -depth), (width, height, plate), colour=colour)
    b.box((0, 0, 0), (width, plate, depth), colour=colour)
    for side in (-1, 1):
        b.cylinder((side * width * 0.5, height * 1.35, -depth), 0.09, 0.5, rot=b.along_z(), cut=True)
        b.cylinder((side * width * 0.5, 0, depth * 0.4), 0.09, 0.5, cut=True)


def spool(b: Builder) -> None:
    radius, half, core = b.uniform(0.36, 0.55), b.uniform(0.35, 0.55), b.uniform(0.5, 0.8)
    c_flange, c_thread = b.colour(), b.colour()
    b.cylinder((0, 0, 0), radius * core, half, colour=c_thread)
    for side in (-1, 1):
        b.cylinder((0, side * half, 0), radius, 0.07, 0.01, colour=c_flange)
    b.cylinder((0, 0, 0), radius * 0.22, 2.0, cut=True)


KINDS = (gear, bolt, valve, pulley, pipe_bend, bracket, spool)
