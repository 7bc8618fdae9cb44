"""Animals. Walkers stand sideways, sitting animals face the viewer."""

from training.shapes.builder import Builder


def quadruped(b: Builder) -> None:
    length, radius, leg_half, leg = b.uniform(0.3, 0.55), b.uniform(0.15, 0.25), b.uniform(0.15, 0.35), b.uniform(0.055, 0.09)
    c_coat, c_trim = b.colour(), b.colour()
    side, neck, head, boxy = b.sign(), b.uniform(0, 0.45), b.uniform(0.11, 0.19), b.chance(0.25)
    b.capsule((0, 0, 0), radius, length, rot=b.along_x(), colour=c_coat, where=~boxy)
    b.box((0, 0, 0), (length + radius * 0.7, radius, radius * 0.9), bevel=0.04, colour=c_coat, where=boxy)
    for x in (-1, 1):
        for z in (-1, 1):
            b.capsule((x * length * 0.9, -radius * 0.6 - leg_half, z * radius * 0.6), leg, leg_half, colour=c_coat)
    x, y = length + 0.12 + neck * 0.35, radius * 0.6 + 0.1 + neck
    b.rod((side * length, radius * 0.4, 0), (side * (x - 0.03), y, 0), 0.08, smooth=0.06, colour=c_coat)
    b.ellipsoid((side * x, y, 0), (head * 1.3, head, head), smooth=0.05, colour=c_coat)
    for z in (-1, 1):
        b.cone((side * (x - 0.05), y + head, z * head * 0.6), 0.055, 0.02, b.uniform(0.06, 0.14), colour=c_trim)
    tail = b.uniform(0.1, 0.3)
    tip = (-side * (length + radius + 0.15), radius * 0.4 + tail, 0)
    b.rod((-side * (length + radius * 0.6), radius * 0.4, 0), tip, 0.045, colour=c_trim, where=b.chance(0.7))


def elephant(b: Builder) -> None:
    length, radius, leg = b.uniform(0.3, 0.42), b.uniform(0.28, 0.36), b.uniform(0.09, 0.13)
    colour, c_tusk = b.colour(), b.colour()
    side, head, leg_half = b.sign(), b.uniform(0.18, 0.25), b.uniform(0.16, 0.24)
    b.ellipsoid((0, 0, 0), (length + radius * 0.6, radius, radius * 0.9), colour=colour)
    for x in (-1, 1):
        for z in (-1, 1):
            b.cylinder((x * length * 0.75, -radius * 0.6 - leg_half, z * radius * 0.5), leg, leg_half, 0.02, colour=colour)
    x, y = length + radius * 0.7, radius * 0.4
    b.sphere((side * x, y, 0), head, smooth=0.06, colour=colour)
    b.rod((side * (x + head * 0.8), y, 0), (side * (x + head * 1.4), y - 0.45, 0), 0.065, smooth=0.04, colour=colour)
    for z in (-1, 1):
        b.ellipsoid((side * (x - 0.05), y + 0.03, z * head * 1.0), (head * 0.75, head * 0.95, 0.06), colour=colour)
        b.rod((side * (x + head * 0.7), y - 0.12, z * 0.12), (side * (x + head * 1.4), y - 0.1, z * 0.14), 0.04, colour=c_tusk)


def bird(b: Builder) -> None:
    radius, length = b.uniform(0.24, 0.34), b.uniform(1.2, 1.6)
    c_body, c_wing, c_beak = b.colour(), b.colour(), b.colour()
    side, head = b.sign(), b.uniform(0.15, 0.22)
    x, y = radius * 0.95, radius * 0.95
    b.ellipsoid((0, 0, 0), (radius * length, radius, radius * 0.85), rot=b.rotation((2, side * b.uniform(0.1, 0.5))), colour=c_body)
    b.sphere((side * x, y, 0), head, smooth=0.06, colour=c_body)
    b.taper((side * (x + head * 0.7), y, 0), (side * (x + head + 0.2), y - 0.03, 0), 0.075, 0.02, colour=c_beak)
    for z in (-1, 1):
        b.ellipsoid((-side * 0.05, 0.03, z * radius * 0.8), (radius, radius * 0.55, 0.07), colour=c_wing)
        b.cylinder((0, -radius - 0.08, z * 0.1), 0.04, 0.14, colour=c_beak)
        b.box((side * 0.04, -radius - 0.2, z * 0.1), (0.1, 0.035, 0.06), colour=c_beak)
    b.box((-side * radius * (length + 0.2), -radius * 0.1, 0), (radius * 0.6, 0.05, radius * 0.4), rot=b.rotation((2, side * 0.3)), colour=c_wing)


def duck(b: Builder) -> None:
    length, height, head = b.uniform(0.42, 0.58), b.uniform(0.24, 0.34), b.uniform(0.17, 0.25)
    c_body, c_beak = b.colour(), b.colour()
    side, neck = b.sign(), b.uniform(0.25, 0.42)
    x = length * 0.55
    b.ellipsoid((0, 0, 0), (length, height, height * 1.05), colour=c_body)
    b.taper((-side * length * 0.6, height * 0.2, 0), (-side * (length + 0.1), height * 0.95, 0), height * 0.55, 0.04, smooth=0.1, colour=c_body)
    b.rod((side * x, height * 0.3, 0), (side * x, height + neck * 0.6, 0), head * 0.6, smooth=0.08, colour=c_body)
    b.sphere((side * x, height + neck, 0), head, smooth=0.04, colour=c_body)
    b.ellipsoid((side * (x + head * 1.1), height + neck - 0.04, 0), (0.15, 0.05, 0.1), colour=c_beak)


def fish(b: Builder) -> None:
    length, height, width = b.uniform(0.45, 0.65), b.uniform(0.2, 0.38), b.uniform(0.12, 0.2)
    c_body, c_fin = b.colour(), b.colour()
    side, tail = b.sign(), b.uniform(0.2, 0.34)
    b.ellipsoid((0, 0, 0), (length, height, width), colour=c_body)
    b.wedge((-side * (length + tail * 0.5), 0, 0), tail, tail * 0.8, 0.045, rot=b.rotation((2, -side * 1.5708)), colour=c_fin)
    b.wedge((-side * 0.05, height * 0.95, 0), length * 0.4, b.uniform(0.1, 0.18), 0.04, colour=c_fin)
    b.wedge((side * 0.05, -height * 0.95, 0), length * 0.25, 0.12, 0.04, rot=b.rotation((2, 3.1416)), colour=c_fin)
    for z in (-1, 1):
        b.sphere((side * length * 0.65, height * 0.25, z * width * 0.65), 0.06, colour=c_fin)


def rabbit(b: Builder) -> None:
    body, head, ear = b.uniform(0.28, 0.38), b.uniform(0.18, 0.25), b.uniform(0.16, 0.34)
    c_coat, c_trim = b.colour(), b.colour()
    lean = b.uniform(0.0, 0.3)
    y = body * 1.15 + head * 0.7
    b.ellipsoid((0, 0, 0), (body * 0.9, body * 1.15, body * 0.9), colour=c_coat)
    b.sphere((0, y, 0.04), head, smooth=0.05, colour=c_coat)
    b.sphere((0, y - head * 0.2, head * 0.95), head * 0.35, smooth=0.03, colour=c_trim)
    for side in (-1, 1):
        top = head * 0.5 + ear * 2 * lean
        b.rod((side * head * 0.45, y + head * 0.6, 0), (side * top, y + head + ear * 1.6, -0.02), 0.065, colour=c_coat)
        b.ellipsoid((side * body * 0.6, -body * 0.95, body * 0.55), (0.12, 0.1, 0.2), colour=c_trim)
        b.ellipsoid((side * body * 0.55, body * 0.3, body * 0.6), (0.09, 0.16, 0.1), colour=c_coat)
    b.sphere((0, -body * 0.6, -body), 0.13, colour=c_trim)


def cat(b: Builder) -> None:
    body, height, head = b.uniform(0.24, 0.34), b.uniform(0.34, 0.46), b.uniform(0.19, 0.26)
    c_coat, c_trim = b.colour(), b.colour()
    y = height + head * 0.6
    side = b.sign()
    b.cone((0, 0, 0), body * 1.1, body * 0.7, height, colour=c_coat)
    b.ellipsoid((0, -height * 0.65, -0.05), (body * 1.3, height * 0.5, body * 1.25), smooth=0.06, colour=c_coat)
    b.ellipsoid((0, y, 0.03), (head * 1.15, head, head), smooth=0.04, colour=c_coat)
    for x in (-1, 1):
        b.cone((x * head * 0.7, y + head * 0.95, 0), 0.1, 0.02, b.uniform(0.1, 0.15), colour=c_trim)
        b.capsule((x * body * 0.4, -height * 0.6, body * 0.85), 0.08, height * 0.35, colour=c_coat)
    b.sphere((0, y - head * 0.3, head * 0.9), head * 0.3, smooth=0.03, colour=c_trim)
    b.rod((side * body, -height * 0.85, -body * 0.6), (side * (body + 0.3), -height * b.uniform(0.1, 0.8), -body * 0.4), 0.06, colour=c_trim)


def turtle(b: Builder) -> None:
    radius, dome = b.uniform(0.4, 0.55), b.uniform(0.24, 0.42)
    c_shell, c_skin = b.colour(), b.colour()
    side = b.sign()
    b.ellipsoid((0, 0, 0), (radius, dome, radius * 0.85), colour=c_shell)
    b.cut_below(-0.04)
    b.cylinder((0, -0.04, 0), radius * 0.85, 0.06, 0.03, colour=c_skin)
    b.rod((side * radius * 0.8, 0.0, 0), (side * (radius + 0.12), 0.1, 0), 0.09, colour=c_skin)
    b.ellipsoid((side * (radius + 0.2), 0.14, 0), (0.15, 0.12, 0.12), colour=c_skin)
    for x in (-1, 1):
        for z in (-1, 1):
            b.capsule((x * radius * 0.6, -0.12, z * radius * 0.62), 0.1, 0.08, colour=c_skin)
    b.cone((-side * (radius + 0.05), -0.03, 0), 0.07, 0.02, 0.12, rot=b.rotation((2, side * 1.5708)), colour=c_skin)


def snail(b: Builder) -> None:
    shell, thick, length = b.uniform(0.3, 0.42), b.uniform(0.12, 0.2), b.uniform(0.45, 0.6)
    c_shell, c_skin = b.colour(), b.colour()
    side = b.sign()
    b.torus((-side * 0.1, shell * 0.85, 0), shell * 0.6, thick, rot=b.along_z(), colour=c_shell)
    b.sphere((-side * 0.1, shell * 0.85, 0), shell * 0.55, colour=c_shell)
    b.capsule((0, -0.1, 0), 0.12, length, rot=b.along_x(), colour=c_skin)
    b.rod((side * length * 0.9, -0.05, 0), (side * (length + 0.12), 0.22, 0), 0.11, smooth=0.06, colour=c_skin)
    for z in (-1, 1):
        b.rod((side * (length + 0.1), 0.25, z * 0.05), (side * (length + 0.16), b.uniform(0.42, 0.52), z * 0.1), 0.04, colour=c_skin)


KINDS = (quadruped, elephant, bird, duck, fish, rabbit, cat, turtle, snail)
