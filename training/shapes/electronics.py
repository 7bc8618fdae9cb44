"""Electronics and instruments."""

from training.shapes.builder import Builder


def monitor(b: Builder) -> None:
    width, height, half = b.uniform(0.5, 0.95), b.uniform(0.32, 0.6), b.uniform(0.05, 0.1)
    neck, base = b.uniform(0.06, 0.18), b.uniform(0.25, 0.5)
    c_frame, c_stand, c_screen = b.colour(), b.colour(), b.colour()
    b.box((0, 0, 0), (width, height, half), colour=c_frame)
    b.box((0, 0, half), (width * 0.9, height * 0.86, 0.015), bevel=0.0, colour=c_screen, where=b.chance(0.7))
    b.box((0, -height - neck + 0.04, -0.02), (b.uniform(0.06, 0.12), neck + 0.04, 0.05), colour=c_stand)
    b.box((0, -height - 2 * neck, 0), (width * base, 0.04, b.uniform(0.16, 0.3)), bevel=0.01, colour=c_stand)


def laptop(b: Builder) -> None:
    width, depth, height = b.uniform(0.55, 0.75), b.uniform(0.36, 0.5), b.uniform(0.34, 0.5)
    c_body, c_screen = b.colour(), b.colour()
    lean = b.uniform(0.05, 0.5)
    b.box((0, 0, 0), (width, 0.045, depth), bevel=0.02, colour=c_body)
    b.box((0, 0.045, -depth * 0.15), (width * 0.85, 0.015, depth * 0.5), bevel=0.0, colour=c_screen, where=b.chance(0.6))
    centre = (0, height * lean.cos(), -depth - height * lean.sin())
    b.box(centre, (width, height, 0.045), bevel=0.02, rot=b.rotation((0, -lean)), colour=c_body)
    front = (0, height * lean.cos() + 0.04 * lean.sin(), -depth - height * lean.sin() + 0.04 * lean.cos())
    b.box(front, (width * 0.9, height * 0.86, 0.012), bevel=0.0, rot=b.rotation((0, -lean)), colour=c_screen)


def camera(b: Builder) -> None:
    width, height, depth = b.uniform(0.5, 0.68), b.uniform(0.3, 0.42), b.uniform(0.15, 0.24)
    c_body, c_lens, c_trim = b.colour(), b.colour(), b.colour()
    lens, reach, x = b.uniform(0.2, 0.3), b.uniform(0.12, 0.3), b.uniform(-0.12, 0.12)
    b.box((0, 0, 0), (width, height, depth), bevel=0.04, colour=c_body)
    b.cylinder((x, -0.02, depth + reach * 0.5), lens, reach, 0.02, rot=b.along_z(), colour=c_lens)
    b.cylinder((x, -0.02, depth + reach * 1.5), lens * 0.7, 0.06, rot=b.along_z(), cut=True)
    b.box((x, height + 0.06, 0), (0.16, 0.09, depth * 0.8), bevel=0.03, colour=c_body, where=b.chance(0.7))
    b.cylinder((width * 0.7, height + 0.03, 0), 0.08, 0.06, 0.01, colour=c_trim)


def phone(b: Builder) -> None:
    width, height, half = b.uniform(0.3, 0.42), b.uniform(0.6, 0.85), b.uniform(0.06, 0.1)
    c_body, c_screen = b.colour(), b.colour()
    buttons = b.chance(0.4)
    b.pose = b.rotation((1, b.uniform(-0.3, 0.3)))
    b.box((0, 0, 0), (width, height, half), bevel=0.05, colour=c_body)
    top = b.pick(buttons, 0.4, 0.0)
    b.box((0, height * top, half), (width * 0.85, height * (0.86 - top), 0.015), bevel=0.0, colour=c_screen)
    for x in (-0.5, 0.0, 0.5):
        for y in (-0.3, -0.55, -0.8):
            b.box((width * x, height * y, half), (width * 0.16, height * 0.07, 0.03), bevel=0.01, colour=c_screen, where=buttons)
    b.cylinder((width * 0.7, height + 0.1, 0), 0.05, 0.14, colour=c_body, where=buttons)


def radio(b: Builder) -> None:
    width, height, depth = b.uniform(0.55, 0.75), b.uniform(0.3, 0.42), b.uniform(0.16, 0.26)
    c_body, c_trim, c_grill = b.colour(), b.colour(), b.colour()
    side, twin = b.sign(), b.chance(0.5)
    b.box((0, 0, 0), (width, height, depth), bevel=0.05, colour=c_body)
    b.cylinder((side * width * 0.5, 0, depth), height * 0.65, 0.04, rot=b.along_z(), colour=c_grill)
    b.cylinder((-side * width * 0.5, 0, depth), height * 0.65, 0.04, rot=b.along_z(), colour=c_grill, where=twin)
    b.cylinder((-side * width * 0.5, -height * 0.3, depth + 0.03), 0.09, 0.06, rot=b.along_z(), colour=c_trim, where=~twin)
    b.box((-side * width * 0.5, height * 0.4, depth), (0.2, 0.08, 0.03), bevel=0.0, colour=c_trim, where=~twin)
    for x in (-1, 1):
        b.box((x * width * 0.6, height + 0.08, 0), (0.04, 0.1, 0.05), bevel=0.01, colour=c_trim)
    b.box((0, height + 0.18, 0), (width * 0.66, 0.04, 0.05), colour=c_trim)


def speaker(b: Builder) -> None:
    width, height, depth = b.uniform(0.3, 0.45), b.uniform(0.5, 0.8), b.uniform(0.26, 0.4)
    c_body, c_cone = b.colour(), b.colour()
    woofer, tweeter = width * b.uniform(0.65, 0.85), width * b.uniform(0.3, 0.5)
    b.box((0, 0, 0), (width, height, depth), bevel=0.02, colour=c_body)
    b.torus((0, -height * 0.35, depth), woofer, 0.06, rot=b.along_z(), colour=c_cone)
    b.sphere((0, -height * 0.35, depth), woofer * 0.45, colour=c_cone)
    b.torus((0, height * 0.5, depth), tweeter, 0.05, rot=b.along_z(), colour=c_cone)


def microphone(b: Builder) -> None:
    head, grip, half = b.uniform(0.18, 0.26), b.uniform(0.09, 0.13), b.uniform(0.35, 0.5)
    c_head, c_grip, c_stand = b.colour(), b.colour(), b.colour()
    stand = b.chance(0.4)
    b.pose = b.rotation((2, b.pick(stand, 0.0, b.uniform(-0.6, 0.6))))
    b.ellipsoid((0, half + head * 0.6, 0), (head, head * 1.15, head), colour=c_head)
    b.torus((0, half + head * 0.5, 0), head, 0.045, colour=c_grip)
    b.cone((0, 0, 0), grip * 0.75, grip * 1.3, half, colour=c_grip)
    b.cone((0, -half - 0.03, 0), 0.34, 0.2, 0.06, colour=c_stand, where=stand)


def game_pad(b: Builder) -> None:
    width, height, depth = b.uniform(0.48, 0.6), b.uniform(0.2, 0.28), b.uniform(0.1, 0.15)
    c_body, c_stick, c_button = b.colour(), b.colour(), b.colour()
    drop = b.uniform(0.3, 0.5)
    b.box((0, 0, 0), (width, height, depth), bevel=0.1, colour=c_body)
    for side in (-1, 1):
        b.rod((side * width * 0.85, 0, 0), (side * (width + 0.12), -drop, 0.0), 0.15, smooth=0.08, colour=c_body)
        b.cylinder((side * width * 0.35, -0.06, depth + 0.05), 0.09, 0.06, 0.02, rot=b.along_z(), colour=c_stick)
    for x, y in ((-1, 0), (1, 0), (0, 1)):
        b.sphere((width * 0.68 + x * 0.08, 0.08 + y * 0.08, depth), 0.045, colour=c_button)
        b.box((-width * 0.68, 0.1, depth), (0.11, 0.04, 0.04), bevel=0.01, colour=c_button)
    b.box((-width * 0.68, 0.1, depth), (0.04, 0.11, 0.04), bevel=0.01, colour=c_button)


def guitar(b: Builder) -> None:
    lower, upper, depth = b.uniform(0.3, 0.38), b.uniform(0.2, 0.28), b.uniform(0.08, 0.13)
    c_body, c_neck = b.colour(), b.colour()
    waist, neck = b.uniform(0.36, 0.46), b.uniform(0.3, 0.4)
    b.pose = b.rotation((2, b.uniform(-0.5, 0.5)))
    b.cylinder((0, 0, 0), lower, depth, 0.02, rot=b.along_z(), colour=c_body)
    b.cylinder((0, waist, 0), upper, depth, 0.02, rot=b.along_z(), smooth=0.06, colour=c_body)
    b.cylinder((0, waist * 0.75, depth), 0.1, 0.05, rot=b.along_z(), cut=True)
    b.box((0, waist + upper + neck - 0.1, depth * 0.7), (0.06, neck + 0.1, 0.05), bevel=0.01, colour=c_neck)
    b.box((0, waist + upper + 2 * neck, depth * 0.7), (0.1, 0.13, 0.05), bevel=0.01, colour=c_neck)
    b.box((0, -lower * 0.4, depth), (0.14, 0.04, 0.04), bevel=0.01, colour=c_neck)


def drum(b: Builder) -> None:
    radius, half = b.uniform(0.45, 0.65), b.uniform(0.2, 0.5)
    c_shell, c_rim, c_skin = b.colour(), b.colour(), b.colour()
    legs = b.chance(0.4)
    b.cylinder((0, 0, 0), radius, half, colour=c_shell)
    b.cylinder((0, half, 0), radius * 0.95, 0.02, colour=c_skin)
    for side in (-1, 1):
        b.torus((0, side * half, 0), radius, 0.05, colour=c_rim)
    for x, z in ((-0.8, 0.5), (0.8, 0.5), (0.0, -0.95)):
        b.rod((radius * x, 0, radius * z), (radius * x * 1.25, -half - 0.25, radius * z * 1.25), 0.05, colour=c_rim, where=legs)


def bell(b: Builder) -> None:
    radius, half = b.uniform(0.4, 0.55), b.uniform(0.35, 0.5)
    c_bell, c_trim = b.colour(), b.colour()
    top = b.uniform(0.4, 0.6)
    b.cone((0, 0, 0), radius, radius * top, half, colour=c_bell)
    b.ellipsoid((0, half, 0), (radius * top, radius * top * 0.7, radius * top), colour=c_bell)
    b.torus((0, -half, 0), radius, 0.07, colour=c_bell)
    b.torus((0, half + radius * top * 0.7 + 0.06, 0), 0.11, 0.045, rot=b.along_z(), colour=c_trim)
    b.sphere((0, -half - 0.06, 0), b.uniform(0.1, 0.15), colour=c_trim)


def piano(b: Builder) -> None:
    width, height, depth = b.uniform(0.6, 0.8), b.uniform(0.45, 0.6), b.uniform(0.2, 0.28)
    c_body, c_keys = b.colour(), b.colour()
    y = b.uniform(-0.15, 0.05)
    b.box((0, 0, -depth), (width, height, depth), bevel=0.02, colour=c_body)
    b.box((0, y, depth * 0.6), (width, 0.07, depth * 0.8), bevel=0.02, colour=c_body)
    b.box((0, y + 0.07, depth * 0.6), (width * 0.88, 0.03, depth * 0.6), bevel=0.0, colour=c_keys)
    for side in (-1, 1):
        b.box((side * width * 0.93, (y - height) / 2, depth * 1.1), (0.06, (y + height) / 2, 0.07), bevel=0.01, colour=c_body)
    b.box((0, height, -depth), (width * 1.04, 0.04, depth * 1.1), bevel=0.01, colour=c_body)


KINDS = (monitor, laptop, camera, phone, radio, speaker, microphone, game_pad, guitar, drum, bell, piano)
