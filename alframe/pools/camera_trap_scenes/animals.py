"""Draw animals seen from the side, each from a handful of measures."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageFilter

from alframe.pools.camera_trap_scenes.canvas import AnimalCanvas, Colour, Point, circle_outline, darken, smooth_outline

HORN: Colour = (122, 96, 70)
WHITE: Colour = (238, 234, 226)
BLACK: Colour = (34, 29, 28)
SCALE = 2  # drawn this much larger, then reduced, for smooth edges


@dataclass(frozen=True)
class Animal:
    """Measures of an animal: lengths in shoulder heights, angles in degrees above the horizontal."""

    height: float  # at the shoulder, in metres
    length: float  # from hip to shoulder
    rump: float  # height at the hip
    depth: float  # of the chest
    tuck: float  # how far the belly rises towards the groin
    neck: float
    neck_angle: float
    head: float  # length
    muzzle: float  # thickness, 1 = as thick as the skull
    snout: float  # length, 1 = a dog's
    leg: float  # width
    back: Colour
    belly: Colour
    feet: Colour
    ears: str  # pointed, tufted, round, leaf or long
    tail: str  # brush, flag, tassel, puff or stub
    marks: tuple[str, ...] = ()  # antlers, spots, rosettes, mask, bib, ruff, mane, tusks


_MEASURES: dict[str, tuple[Any, ...]] = {
    "red_fox": (0.42, 1.10, 0.96, 0.42, 0.12, 0.30, 32, 0.54, 0.42, 1.0, 0.13,
        (196, 98, 40), (232, 205, 178), (52, 38, 34), "pointed", "brush", ("bib",)),
    "fallow_deer": (0.90, 0.92, 1.02, 0.44, 0.13, 0.50, 52, 0.42, 0.56, 1.0, 0.115,
        (160, 104, 62), (226, 204, 176), (168, 128, 92), "leaf", "flag", ("spots", "antlers")),
    "wild_boar": (0.78, 0.94, 0.86, 0.64, 0.07, 0.22, -10, 0.70, 0.66, 1.05, 0.15,
        (78, 64, 54), (96, 82, 70), (40, 34, 32), "leaf", "tassel", ("mane", "tusks")),
    "badger": (0.36, 1.42, 0.98, 0.74, -0.02, 0.22, -4, 0.66, 0.50, 0.95, 0.26,
        (150, 150, 148), (62, 58, 56), (34, 32, 32), "round", "stub", ("mask",)),
    "brown_hare": (0.38, 0.72, 1.12, 0.66, -0.04, 0.18, 62, 0.52, 0.85, 0.72, 0.16,
        (158, 126, 86), (234, 224, 206), (176, 144, 104), "long", "puff"),
    "lynx": (0.60, 0.98, 1.04, 0.46, 0.11, 0.20, 34, 0.46, 1.05, 0.55, 0.17,
        (184, 152, 112), (232, 222, 206), (190, 162, 128), "tufted", "stub", ("rosettes", "bib", "ruff")),
}  # fmt: skip
ANIMALS = {species: Animal(*measures) for species, measures in _MEASURES.items()}


@dataclass(frozen=True)
class Pose:
    """A pose: `gait` is the phase of the legs in radians, `stride` their reach, and `head_up` the neck in degrees."""

    gait: float
    stride: float
    head_up: float
    turn: float = 1.0  # 1 = exactly from the side; less is seen at an angle and so shorter
    facing: int = 1  # 1 = right, -1 = left


def draw_animal_cutout(animal: Animal, pose: Pose, height: float, rng: Generator) -> tuple[Image.Image, Point, Point]:
    """Return the animal, `height` pixels at the shoulder, as RGBA, and the places of the ground and of its eye."""
    canvas = AnimalCanvas(height * SCALE, pose.turn)
    eye = _draw_parts_and_find_eye(canvas, animal, pose, rng)
    left, top, right, bottom = canvas.mask.getbbox() or (0, 0, *canvas.mask.size)
    margin = 2 * SCALE
    frame = (left - margin, top - margin, right + margin, bottom + margin)
    picture = _shade_body(canvas.colour.crop(frame), canvas.mask.crop(frame), canvas.unit, rng)
    picture = picture.resize((picture.width // SCALE, picture.height // SCALE), Image.Resampling.BOX)
    pixels = map(canvas.to_pixels, ((0, 0), eye))
    ground, eye = (((x - frame[0]) / SCALE, (y - frame[1]) / SCALE) for x, y in pixels)
    if pose.facing > 0:
        return picture, ground, eye
    picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return picture, (picture.width - ground[0], ground[1]), (picture.width - eye[0], eye[1])


def _shade_body(colour: Image.Image, mask: Image.Image, unit: float, rng: Generator) -> Image.Image:
    """Add light from above, a rounded body, and fur."""
    solid = np.asarray(mask.filter(ImageFilter.GaussianBlur(unit * 0.07)), dtype=np.float32) / 255
    slope = np.gradient(solid, axis=0) * unit * 0.09
    coat = 1 + rng.normal(0, 0.09) + rng.normal(0, 0.015, 3)  # no two of a kind are quite the same colour
    # Drawn from a child: the pose decides how many numbers it takes, and the burst's later ones must not shift.
    hairs = rng.spawn(1)[0].normal(size=(mask.height // 3 + 1, mask.width // 9 + 1)).astype(np.float32)
    fur = np.asarray(Image.fromarray(hairs).resize(mask.size, Image.Resampling.BICUBIC))
    light = (0.62 + 0.42 * solid) * (1 + np.clip(slope, -0.35, 0.3)) * (1 + 0.09 * fur)
    picture = Image.fromarray(np.clip(np.asarray(colour) * light[..., None] * coat, 0, 255).astype(np.uint8))
    picture.putalpha(mask.filter(ImageFilter.GaussianBlur(SCALE * 0.5)))
    return picture


def _draw_parts_and_find_eye(canvas: AnimalCanvas, animal: Animal, pose: Pose, rng: Generator) -> Point:
    """Draw all parts from the far side to the near side. Return the place of the eye."""
    half = animal.length / 2
    _draw_legs(canvas, animal, pose, half, far=True)
    _draw_tail(canvas, animal, half, rng)
    rump, depth = animal.rump, animal.depth
    back = [(-half - 0.17, rump * 0.72), (-half - 0.08, rump * 0.97), (-half + 0.15, rump * 1.01)]
    back += [(0.0, (1 + rump) / 2 - 0.05), (half - 0.1, 1.0), (half + 0.12, 0.92), (half + 0.2, 1 - depth * 0.55)]
    belly = [(half + 0.05, 1 - depth), (0.0, 1 - depth * 1.02), (-half + 0.2, 1 - depth + animal.tuck)]
    body = smooth_outline([*back, *belly, (-half - 0.05, rump * 0.52)])
    angle = math.radians(animal.neck_angle + pose.head_up)
    root = (half + 0.02, 0.96 - animal.depth * 0.36)
    reach = animal.neck + 0.08
    crown = (root[0] + 0.1 + reach * math.cos(angle), root[1] + 0.06 + reach * math.sin(angle))
    canvas.fill(body, animal.back)
    thick = animal.head * (0.42 + 0.3 * animal.muzzle)
    canvas.fill_limb([root, crown], [animal.depth * 0.86, thick], animal.back)
    under = [(x, y - 0.02) for x, y in body if y < 1 - animal.depth * 0.62]
    if len(under) > 2:
        canvas.tint([smooth_outline(sorted(under))], animal.belly, edge_fade=0.05)
    _draw_coat(canvas, animal, half, rng)
    _draw_legs(canvas, animal, pose, half, far=False)
    if "bib" in animal.marks:
        throat = ((root[0] + crown[0]) / 2 + 0.05, (root[1] + crown[1]) / 2 - animal.depth * 0.25)
        canvas.tint([circle_outline(throat, animal.depth * 0.28)], animal.belly, edge_fade=0.04)
    return _draw_head_and_find_eye(canvas, animal, pose, crown)


def _draw_legs(canvas: AnimalCanvas, animal: Animal, pose: Pose, half: float, far: bool) -> None:
    light = 0.62 if far else 0.95
    upper, lower = darken(animal.back, light), darken(animal.feet, light)
    phase = pose.gait + (math.pi if far else 0.0)
    shift = 0.07 if far else 0.0
    hind = (-half + 0.02, animal.rump * 0.68, 0.0, -0.11)
    fore = (half + 0.02, 1 - animal.depth * 0.75, 1.6, 0.04)
    for hip, top, lag, bend in (hind, fore):
        swing = math.sin(phase + lag) * pose.stride
        foot = (hip + shift + swing, max(0.0, math.cos(phase + lag)) * pose.stride * 0.3 + 0.02)
        knee = (hip + shift + swing * 0.55 + bend, top * 0.48 + foot[1] * 0.5)
        width = animal.leg
        thigh = width * (2.0 if bend < 0 else 1.5)
        canvas.fill_limb([(hip + shift, top), knee], [thigh, width * 0.82], upper)
        canvas.fill_limb([knee, foot], [width * 0.8, width * 0.5], lower)
        canvas.fill_limb([foot, (foot[0] + width * 0.45, foot[1])], [width * 0.5, width * 0.42], darken(lower, 0.8))


def _draw_tail(canvas: AnimalCanvas, animal: Animal, half: float, rng: Generator) -> None:
    base = (-half - 0.1, animal.rump * 0.9)
    lift = float(rng.uniform(-0.12, 0.12))
    if animal.tail == "brush":
        tip = (base[0] - 0.78, base[1] - 0.42 + lift)
        middle = (base[0] - 0.42, base[1] - 0.30 + lift / 2)
        canvas.fill_limb([base, middle, tip], [0.12, 0.27, 0.16], animal.back)
        canvas.fill_limb([(tip[0] + 0.1, tip[1] + 0.04), tip], [0.2, 0.12], WHITE)
    elif animal.tail == "flag":
        canvas.fill_disc((base[0] + 0.02, base[1] - 0.14), 0.12, WHITE, height_ratio=1.5)
        canvas.fill_limb([base, (base[0] - 0.06, base[1] - 0.24)], [0.07, 0.05], BLACK)
    elif animal.tail == "tassel":
        tip = (base[0] - 0.12, base[1] - 0.34 + lift)
        canvas.fill_limb([base, tip], [0.05, 0.03], animal.back)
        canvas.fill_disc(tip, 0.05, darken(animal.back, 0.6), height_ratio=1.6)
    elif animal.tail == "puff":
        canvas.fill_disc((base[0], base[1] - 0.02), 0.13, WHITE)
    else:
        tip = (base[0] - 0.2, base[1] - 0.12 + lift)
        canvas.fill_limb([base, tip], [0.14, 0.1], animal.back)
        canvas.fill_disc(tip, 0.06, BLACK)


def _draw_coat(canvas: AnimalCanvas, animal: Animal, half: float, rng: Generator) -> None:
    top, bottom = 0.96, 1 - animal.depth * 0.75
    if "spots" in animal.marks:
        spots = rng.uniform((-half, bottom, 0.02), (half, top, 0.034), (46, 3)).tolist()
        canvas.tint([circle_outline((x, y), radius) for x, y, radius in spots], (240, 228, 206))
    if "rosettes" in animal.marks:
        spots = rng.uniform((-half - 0.1, bottom - 0.25, 0.016), (half + 0.3, top + 0.1, 0.034), (90, 3)).tolist()
        canvas.tint([circle_outline((x, y), radius, 0.8) for x, y, radius in spots], (70, 50, 38))
    if "mane" in animal.marks:
        for x in map(float, np.linspace(-half * 0.7, half + 0.22, 44)):
            tall = 0.02 + 0.13 * math.sin(math.pi * (x + half) / (2 * half + 0.4)) * float(rng.uniform(0.5, 1.1))
            root = animal.rump * 0.88 + (0.9 - animal.rump * 0.88) * (x + half) / (2 * half)
            canvas.fill([(x - 0.05, root), (x - 0.08, root + 0.06 + tall), (x + 0.05, root)], darken(animal.back, 0.8))


def _draw_head_and_find_eye(canvas: AnimalCanvas, animal: Animal, pose: Pose, crown: Point) -> Point:
    """Draw the head at `crown`, a little less tilted than the neck. Return the place of the eye."""
    pitch = math.radians(pose.head_up * 0.55 - 16)
    size, thick, long = animal.head, animal.muzzle, animal.snout
    on_head = _head_to_canvas(crown, pitch, size)
    on_far_side = _head_to_canvas(on_head((0.14, 0.0))[0], pitch, size)
    if "antlers" in animal.marks:
        _draw_antler(canvas, on_far_side)
        _draw_antler(canvas, on_head)
    _draw_ear(canvas, animal, on_far_side, 0.7)
    if "ruff" in animal.marks:
        ruff = on_head((-0.4, 0.0), (0.0, -0.1), (0.12, -0.42), (-0.18, -0.5), (-0.42, -0.35))
        canvas.fill(smooth_outline(ruff), animal.belly)
    tip = 0.2 + 0.65 * long
    skull = [(-0.28, -0.26), (-0.38, 0.02), (-0.16, 0.34), (0.16, 0.30)]
    bridge = [(0.2 + 0.32 * long, 0.06 + 0.16 * thick), (tip, -0.04 + 0.12 * thick)]
    jaw = [(tip, -0.04 - 0.12 * thick), (0.2 + 0.3 * long, -0.08 - 0.2 * thick), (0.1, -0.30)]
    canvas.fill(smooth_outline(on_head(*skull, *bridge, *jaw)), WHITE if "mask" in animal.marks else animal.back)
    if "mask" in animal.marks:
        canvas.tint([on_head((-0.42, 0.22), (tip, 0.07), (tip, -0.04), (-0.42, -0.08))], BLACK)
    elif "bib" in animal.marks:
        canvas.tint([on_head((0.05, -0.08), (tip, -0.04), (tip, -0.4), (-0.2, -0.42))], animal.belly, edge_fade=0.025)
    if "tusks" in animal.marks:
        canvas.fill(on_head((0.5, -0.14), (0.62, 0.06), (0.6, -0.16)), WHITE)
    nose, eye = on_head((tip, -0.02), (0.18, 0.11))
    canvas.fill_disc(nose, size * (0.04 + 0.06 * thick), BLACK)
    _draw_ear(canvas, animal, on_head, 0.9)
    canvas.fill_disc(eye, size * 0.052, darken(BLACK, 0.6))
    return eye


def _head_to_canvas(crown: Point, pitch: float, size: float) -> Callable[..., list[Point]]:
    """Return a function from points in head lengths, forward and up from `crown`, to points on the canvas."""
    cos, sin = size * math.cos(pitch), size * math.sin(pitch)

    def on_head(*points: Point) -> list[Point]:
        return [(crown[0] + x * cos - y * sin, crown[1] + x * sin + y * cos) for x, y in points]

    return on_head


def _draw_antler(canvas: AnimalCanvas, on_head: Callable[..., list[Point]]) -> None:
    canvas.fill_limb(on_head((-0.1, 0.3), (-0.55, 0.9), (-0.42, 1.5), (-0.62, 1.95)), [0.05, 0.045, 0.07, 0.02], HORN)
    forks = ((-0.3, 0.55), (-0.5, 1.1), (-0.42, 1.5), (-0.42, 1.4))
    tips = ((0.2, 0.8), (-0.1, 1.45), (-0.15, 1.95), (-0.85, 1.6))
    for fork, tip in zip(forks, tips, strict=True):
        canvas.fill_limb(on_head(fork, tip), [0.04, 0.018], HORN)


def _draw_ear(canvas: AnimalCanvas, animal: Animal, on_head: Callable[..., list[Point]], light: float) -> None:
    colour = darken(animal.back, light)
    if animal.ears in ("pointed", "tufted"):
        canvas.fill(on_head((-0.36, 0.18), (-0.2, 0.8), (0.06, 0.3)), colour)
        canvas.fill(on_head((-0.27, 0.58), (-0.2, 0.8), (-0.1, 0.58)), BLACK)
        if animal.ears == "tufted":
            canvas.fill_limb(on_head((-0.2, 0.8), (-0.24, 1.05)), [0.03, 0.012], BLACK)
    elif animal.ears == "long":
        canvas.fill_limb(on_head((-0.15, 0.2), (-0.42, 0.65), (-0.62, 1.15)), [0.1, 0.14, 0.05], colour)
        canvas.fill_disc(on_head((-0.61, 1.12))[0], 0.04, BLACK)
    elif animal.ears == "leaf":
        canvas.fill(smooth_outline(on_head((-0.2, 0.2), (-0.62, 0.42), (-0.56, 0.62), (-0.05, 0.34))), colour)
    else:
        canvas.fill_disc(on_head((-0.22, 0.3))[0], animal.head * 0.12, darken(WHITE, light))
