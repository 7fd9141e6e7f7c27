"""The parts of a face, drawn one over the other."""

from __future__ import annotations

import numpy as np
from PIL import Image

from .expression import Expression, sample_expression
from .pen import SIZE, SUPER, Array, Pen, curve, head_line, oval, shade
from .person import HAIRLINES, Person, Pose, clamp, contrast, sample_person, sample_pose


def _draw_back_hair(pen: Pen, person: Person) -> None:
    dark, w = shade(person.hair, 0.78), person.width
    if person.back in ("bob", "long"):
        low = 0.72 if person.back == "bob" else 1.5
        top = head_line(person, 1.16, -1.8, 1.8)
        sides = np.array([[w * 1.2, low], [w * 0.5, low + 0.12], [-w * 0.5, low + 0.12], [-w * 1.2, low]])
        pen.fill(np.concatenate([top, sides]), dark, -0.15)
    elif person.back == "afro":
        for angle in np.linspace(-2.0, 2.0, 13):
            pen.fill(oval(1.02 * w * np.sin(angle), -0.15 - 0.85 * np.cos(angle), 0.36, 0.36), dark, -0.1)
    elif person.back == "bun":
        pen.fill(oval(0.0, -1.2, 0.34, 0.3), dark, -0.3)
        pen.fill(oval(-0.05, -1.24, 0.2, 0.16), person.hair, -0.3)
    elif person.back == "pigtails":
        for side in (-1, 1):
            pen.fill(oval(side * (w + 0.22), 0.12, 0.24, 0.46), dark, -0.15)
            pen.fill(oval(side * (w + 0.06), -0.28, 0.1, 0.1), person.shirt, -0.1)


def _draw_body(pen: Pen, person: Person) -> None:
    skin, shirt = person.skin, person.shirt
    half = np.array([[-1.25, 2.4], [-1.2, 1.5], [-0.85, 1.28], [-0.3, 1.16]])
    pen.fill(np.concatenate([half, half[::-1] * np.array([-1, 1])]), shirt, -0.1)
    pen.fill(np.array([[-0.34, 0.6], [0.34, 0.6], [0.36, 1.22], [0.0, 1.42], [-0.36, 1.22]]), skin, -0.05)
    pen.fill(oval(0, 0.92, 0.36, 0.24), shade(skin, 0.62), -0.05, 0.6)  # the chin's shadow
    if person.collar:
        for side in (-1, 1):
            flap = np.array([[0.36, 1.12], [0.02, 1.45], [0.42, 1.62], [0.62, 1.24]]) * np.array([side, 1])
            pen.fill(flap, shade(shirt, 1.35), -0.05)


def _draw_head(pen: Pen, person: Person) -> None:
    skin, edge = person.skin, shade(person.skin, 0.62)
    for side in (-1, 1):
        ear = oval(side * (person.width + 0.02), 0.06, 0.15, 0.21)
        pen.fill(ear, skin, -0.15)
        pen.line(np.concatenate([ear, ear[:1]]), 0.035, edge, -0.15)
        x = side * person.width
        shell = curve((x + side * 0.08, -0.02), (x, 0.06), (x + side * 0.06, 0.15))
        pen.line(shell, 0.035, edge, -0.15, 0.7)
        if person.earrings:
            pen.fill(oval(side * (person.width + 0.06), 0.3, 0.06, 0.06), (250, 214, 96), -0.1)
    outline = head_line(person)
    pen.fill(outline, skin, 0)
    pen.line(outline, 0.04, edge, 0)
    side = -np.sign(pen.pose.light)  # the side turned away from the light
    arc = head_line(person, 0.98, *((0.9, 2.9) if side > 0 else (-2.9, -0.9)))
    inner = arc[::-1] * np.array([0.8, 0.97])
    pen.fill(np.concatenate([arc, inner]), shade(skin, 0.7), 0, 0.35)
    pen.fill(oval(-side * 0.25, -0.6, 0.32, 0.14), shade(skin, 1.4), 0.3, 0.35)


def _draw_front_hair(pen: Pen, person: Person) -> None:
    hair, w = person.hair, person.width
    if person.hairline == "none":
        pen.fill(oval(pen.pose.light * 0.3, -0.72, 0.2, 0.09), shade(person.skin, 1.6), 0.3, 0.6)
        return
    outer = head_line(person, 1.1, -1.72, 1.72, 32)
    if person.texture == "spiky":
        outer = outer * (1 + 0.11 * (np.arange(len(outer)) % 3 == 1)[:, None])
    line = np.concatenate([curve(*part) for part in HAIRLINES[person.hairline]]) * np.array([w, 1.0])
    pen.fill(np.concatenate([outer, line + np.array([0, 0.05])]), shade(person.skin, 0.7), 0.12, 0.5)
    pen.fill(np.concatenate([outer, line]), hair, 0.1)
    if person.texture == "curly":
        for index in range(0, len(outer), 2):
            x, y = outer[index] * 0.97
            pen.fill(oval(x, y, 0.17, 0.17, 16), shade(hair, 0.9 if index % 4 else 1.08), 0.1)
    for offset in (0.0, 0.12):
        start = pen.pose.light * (0.5 + offset)
        gloss = head_line(person, 0.97 - offset * 0.5, start - 0.28, start + 0.28, 10)
        pen.line(gloss, 0.045, shade(hair, 1.35), 0.1, 0.55)


def _lids(actions: Expression, person: Person, x: Array) -> tuple[Array, Array]:
    """Upper and lower lid heights (y, same shape as ``x``) over ``x`` in -1 (inner) .. 1 (outer)."""
    round_up = np.maximum(1 - np.abs(x) ** 2.3, 0)
    opening = clamp(0.17 + 0.10 * actions.eye_open, 0.035, 0.31)
    slant = 0.05 * (actions.brow_out - actions.brow_in)  # sad lids fall outwards, angry ones inwards
    upper = -opening * person.eye_size * round_up - slant * x * round_up
    lower = clamp(0.13 - 0.09 * actions.lower_lid, 0.02, 0.2) * person.eye_size * round_up
    return np.minimum(upper, lower - 0.015), lower


def _draw_eye(pen: Pen, actions: Expression, person: Person, side: int) -> None:
    centre = np.array([side * person.eye_gap, -0.06])
    half = 0.215 * person.eye_size
    flip = np.array([side * half, 1.0])

    def inside(points: Array) -> Array:
        """Clip points (x in -1..1) to the opening: what lies under a lid is hidden by it."""
        x = np.clip(points[:, 0], -1, 1)
        upper, lower = _lids(actions, person, x)
        clipped: Array = np.stack([x, np.clip(points[:, 1], upper, lower)], axis=1) * flip + centre
        return clipped

    x = np.linspace(-1, 1, 17)
    upper, lower = _lids(actions, person, x)
    top = np.stack([x, upper], axis=1) * flip + centre
    bottom = np.stack([x, lower], axis=1) * flip + centre
    pen.fill(np.concatenate([top, bottom[::-1]]), (252, 252, 250))
    radius = 0.135 * person.eye_size * clamp(1 + 0.3 * actions.pupil, 0.65, 1.2)
    gaze = side * 0.22 * pen.pose.gaze
    pen.fill(inside(oval(gaze, -0.02, radius / half, radius)), person.iris)
    pen.fill(inside(oval(gaze, -0.02, 0.55 * radius / half, 0.55 * radius)), (18, 14, 18))
    pen.fill(inside(oval(gaze + side * 0.16 * pen.pose.light, -0.08, 0.2, 0.045, 12)), (255, 255, 255))
    pen.line(top, 0.06, (44, 30, 32))
    pen.line(bottom, 0.028, shade(person.skin, 0.5), alpha=0.8)
    crease = top + np.array([0, -0.07])
    pen.line(crease[3:-3], 0.03, shade(person.skin, 0.6), alpha=0.7)
    if actions.cheek > 0.2:
        fold = bottom[3:-2] + np.array([0, 0.09])
        pen.line(fold, 0.03, shade(person.skin, 0.6), alpha=0.7 * actions.cheek)


def _draw_brow(pen: Pen, actions: Expression, person: Person, side: int) -> None:
    skew = side * pen.pose.brow_skew
    y_in = -0.42 - 0.15 * actions.brow_in - 0.03 * skew
    y_out = -0.42 - 0.13 * actions.brow_out - 0.1 * skew
    x_in = person.eye_gap - 0.19 - 0.05 * actions.brow_pinch
    x_out = person.eye_gap + 0.24
    y_arch = (y_in + y_out) / 2 - 0.08 - 0.05 * min(actions.brow_in, 1.0)
    arch = (side * (x_in * 0.45 + x_out * 0.55), y_arch)
    path = curve((side * x_in, y_in), arch, (side * x_out, y_out))
    taper = person.brow_width * np.linspace(1.1, 0.45, len(path))[:, None] * np.array([0, 1])
    colour = shade(person.hair, 0.72)
    if contrast(colour, person.skin) < 90:
        colour = shade(person.skin, 0.4)  # a brow that nobody sees expresses nothing
    pen.fill(np.concatenate([path - taper, (path + taper)[::-1]]), colour)


def _draw_nose(pen: Pen, actions: Expression, person: Person) -> None:
    size, edge = person.nose_size, shade(person.skin, 0.58)
    wrinkle = max(actions.nose, 0.0)
    y = 0.26 - 0.06 * wrinkle
    flare = 0.11 * size * (1 + 0.35 * wrinkle)
    shadow = -np.sign(pen.pose.light)
    dark_side = np.array([(0.0, -0.08), (shadow * 0.04, y - 0.05), (shadow * flare, y), (0.0, y + 0.03)])
    pen.fill(dark_side, edge, 0.8, 0.35)
    sides, low = 0.7 * flare, y + 0.06
    tip = curve((-flare, y - 0.03), (-sides, low), (0, y + 0.05), (sides, low), (flare, y - 0.03))
    pen.line(tip, 0.042, edge, 0.85)
    pen.fill(oval(-shadow * 0.03, y - 0.06, 0.045, 0.05), shade(person.skin, 1.5), 0.9, 0.6)
    for side in (-1, 1):
        for step in range(3):  # wrinkles across the bridge
            level = 0.02 + 0.075 * step
            points = ((side * 0.03, level - 0.02), (side * 0.1, level - 0.05), (side * 0.15, level + 0.02))
            crease = curve(*points)
            pen.line(crease, 0.034, edge, 0.75, 0.9 * wrinkle - 0.15)
        fold = curve((side * (flare + 0.05), y - 0.02), (side * 0.3, y + 0.08), (side * 0.36, y + 0.26))
        pen.line(fold, 0.035, edge, 0.6, 0.7 * max(wrinkle, 0.8 * actions.cheek) - 0.15)


def _mouth_shape(actions: Expression, person: Person, x: Array) -> tuple[Array, Array]:
    """Upper and lower edge of the mouth (y) over ``x`` in -1 .. 1."""
    bow = 1 - np.abs(x) ** (2 + 4 * clamp(actions.square, 0, 1))
    middle = person.mouth_y - 0.17 * actions.corner * (x**2 - 0.45) - 0.05 * max(actions.pout, 0.0)
    lift = max(actions.upper_lip, 0.0) * (0.09 * bow * (1 + 0.5 * x))
    gape = max(actions.mouth_open, 0.0)
    return middle - 0.09 * gape * bow - lift, middle + 0.33 * gape * bow


def _draw_mouth(pen: Pen, actions: Expression, person: Person) -> None:
    half = clamp(0.31 + 0.12 * actions.mouth_width, 0.16, 0.46)
    x = np.linspace(-1, 1, 25)
    upper, lower = _mouth_shape(actions, person, x)
    stretch = np.array([half, 1.0])
    top, bottom = np.stack([x, upper], axis=1) * stretch, np.stack([x, lower], axis=1) * stretch
    dark, lip = (84, 26, 34), (196, 66, 82) if person.lipstick else shade(person.skin, 0.72)
    rim = np.concatenate([top, bottom[::-1], top[:1]])
    pen.line(rim, 0.10 if person.lipstick else 0.085, lip, alpha=0.9)
    pen.fill(rim, dark)
    gap = lower - upper
    tongue = np.maximum(lower - 0.45 * gap * (1 - x**2), upper)
    pen.fill(np.concatenate([np.stack([x * half, tongue], axis=1), bottom[::-1]]), (212, 92, 98))
    show = clamp(actions.teeth, 0, 1)
    if show > 0.12:
        edge = np.minimum(upper + 0.02 + gap * (0.25 + 0.75 * show**2) * (1 - 0.2 * x**2), lower)
        inner = slice(2, -2)
        teeth = np.concatenate([top[inner], (np.stack([x * half, edge], axis=1)[inner])[::-1]])
        pen.fill(teeth, (250, 248, 240))
        if actions.square > 0.4:  # clenched: the two rows meet
            centre = np.stack([x * half, (upper + lower) / 2], axis=1)[inner]
            pen.line(centre, 0.03, (120, 96, 96), alpha=actions.square)
    if actions.tongue > 0.3:
        length = 0.05 + 0.09 * actions.tongue
        out = oval(0.1 * half, person.mouth_y + 0.05 + 0.06 * actions.tongue, 0.13, length)
        pen.fill(out, (222, 102, 108))
        pen.line(out[[4, 8, 12, 14, 17, 20, 24]], 0.025, (160, 56, 66))
    pen.line(rim, 0.036, shade(dark, 0.8))
    under = float(lower[12]) + 0.11
    chin = curve((-0.13, under), (0, under + 0.04 - 0.08 * actions.pout), (0.13, under))
    pen.line(chin, 0.04, shade(person.skin, 0.62), alpha=0.35 + 0.5 * actions.pout)


def _draw_marks(pen: Pen, actions: Expression, person: Person) -> None:
    """Blush, freckles and the lines that a moving forehead makes."""
    edge = shade(person.skin, 0.62)
    for side in (-1, 1):
        y = 0.27 - 0.05 * actions.cheek
        for grow in (1.0, 0.7):
            blush = oval(side * 0.5, y, 0.19 * grow, 0.13 * grow)
            pen.fill(blush, (236, 96, 92), 0.4, 0.12 + 0.1 * actions.cheek)
        if person.freckles:
            for dx, dy in ((-0.1, 0.0), (0.0, 0.05), (0.1, -0.01), (0.02, -0.05)):
                pen.fill(oval(side * (0.46 + dx), 0.25 + dy, 0.025, 0.025, 8), shade(person.skin, 0.66))
        frown = curve((side * 0.07, -0.46), (side * 0.05, -0.36), (side * 0.08, -0.27))
        pen.line(frown, 0.035, edge, 0.6, 0.9 * actions.brow_pinch - 0.25)
    for level in (0.0, 0.09):
        crease = curve((-0.34, -0.68 - level), (0, -0.73 - level), (0.34, -0.68 - level))
        pen.line(crease, 0.03, edge, 0.5, 0.6 * (actions.brow_in + 0.5 * actions.brow_out) - 0.3)


def _draw_beard(pen: Pen, person: Person) -> None:
    colour = shade(person.hair, 0.92)
    if person.beard == 1:
        jaw = head_line(person, 1.03, 1.75, 2 * np.pi - 1.75, 30)
        ear = 0.86 * person.width
        inner = curve((-ear, 0.2), (-0.6, 0.62), (0, 0.0), (0.6, 0.62), (ear, 0.2))
        pen.fill(np.concatenate([jaw, inner]), colour, 0.1)
    elif person.beard == 2:
        for side in (-1, 1):
            upper = curve((0, 0.33), (side * 0.2, 0.31), (side * 0.31, 0.46))
            lower = curve((side * 0.31, 0.46), (side * 0.15, 0.44), (0, 0.41))
            pen.fill(np.concatenate([upper, lower]), colour, 0.7)


def _draw_extras(pen: Pen, actions: Expression, person: Person) -> None:
    """Glasses, and a tear when the sadness is strong."""
    if actions.tear > 0.62:
        left = curve((0.4, 0.14), (0.32, 0.3), (0.41, 0.34))
        right = curve((0.41, 0.34), (0.5, 0.3), (0.4, 0.14))
        pen.fill(np.concatenate([left, right]), (150, 208, 246), 0.5, 0.95)
    if person.glasses:
        frame = shade(person.shirt, 0.45)
        for side in (-1, 1):
            ring = oval(side * person.eye_gap, -0.05, 0.3, 0.29)
            if person.glasses == 2:
                ring = np.array([[-0.28, -0.28], [0.28, -0.28], [0.26, 0.19], [-0.26, 0.19]])
                ring = ring + np.array([side * person.eye_gap, 0.0])
            pen.fill(ring, (235, 245, 255), 0.6, 0.14)
            pen.line(np.concatenate([ring, ring[:2]]), 0.045, frame, 0.6)
        pen.line(curve((-0.09, -0.08), (0, -0.13), (0.09, -0.08)), 0.045, frame, 0.75)


def _backdrop(pose: Pose) -> Image.Image:
    """A smooth gradient between two colours, lighter on the side of the light."""
    first, second = (np.array(colour, dtype=float) for colour in pose.backdrop)
    glow = 18 * pose.light
    corners = np.array([[first - glow, first + glow], [second - glow, second + glow]])
    small = Image.fromarray(np.clip(corners, 0, 255).astype(np.uint8))
    return small.resize((SIZE * SUPER, SIZE * SUPER), Image.Resampling.BICUBIC)


def _lit(image: Image.Image, pose: Pose) -> Image.Image:
    """Shade the reduced picture as a ball lit from the upper left or right."""
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(float)
    x, y = (x - pose.x) / pose.unit, (y - pose.y) / pose.unit
    near = np.exp(-((np.hypot(x, y) / 1.25) ** 6))  # the head only: the backdrop is far behind it
    light = 1 + near * np.clip(0.16 * pose.light * x - 0.12 * y, -0.22, 0.16)
    lit = np.clip(np.asarray(image, dtype=float) * light[:, :, None], 0, 255)
    return Image.fromarray(lit.astype(np.uint8))


def draw_face(actions: Expression, person: Person, pose: Pose) -> Image.Image:
    """The face as a 64x64 RGB picture; the same arguments always give the same pixels."""
    image = _backdrop(pose)
    pen = Pen(image, pose)
    _draw_back_hair(pen, person)
    _draw_body(pen, person)
    _draw_head(pen, person)
    _draw_beard(pen, person)
    _draw_front_hair(pen, person)
    _draw_marks(pen, actions, person)
    _draw_mouth(pen, actions, person)
    _draw_nose(pen, actions, person)
    for side in (-1, 1):
        _draw_eye(pen, actions, person, side)
    _draw_extras(pen, actions, person)
    for side in (-1, 1):
        _draw_brow(pen, actions, person, side)
    return _lit(image.reduce(SUPER), pose)


def random_face(name: str, rng: np.random.Generator) -> Image.Image:
    """A random person in a random pose who shows expression ``name``."""
    person, pose = sample_person(rng), sample_pose(rng)
    return draw_face(sample_expression(name, rng), person, pose)
