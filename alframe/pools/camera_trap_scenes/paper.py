"""A canvas measured in shoulder heights, and a few ways with outlines and colours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

Point = tuple[float, float]
Colour = tuple[int, int, int]


class Paper:
    """A canvas in shoulder heights: x forward from the animal's middle, y up from the ground."""

    def __init__(self, unit: float, turn: float) -> None:
        self.unit, self.turn = unit, turn
        size = (int(unit * 4.0), int(unit * 2.6))
        self.colour = Image.new("RGB", size)
        self.mask = Image.new("L", size)

    def at(self, point: Point) -> Point:
        return (2.0 + point[0] * self.turn) * self.unit, (2.45 - point[1]) * self.unit

    def shape(self, points: Sequence[Point], colour: Colour) -> None:
        """A filled outline, part of the animal from now on."""
        pixels = [self.at(point) for point in points]
        ImageDraw.Draw(self.colour).polygon(pixels, fill=colour)
        ImageDraw.Draw(self.mask).polygon(pixels, fill=255)

    def dye(self, outlines: Sequence[Sequence[Point]], colour: Colour, soft: float = 0.012) -> None:
        """Colour these places where the animal is already, with edges that fade over `soft`."""
        stencil = Image.new("L", self.mask.size)
        pen = ImageDraw.Draw(stencil)
        for points in outlines:
            pen.polygon([self.at(point) for point in points], fill=255)
        stencil = ImageChops.darker(stencil, self.mask).filter(ImageFilter.BoxBlur(self.unit * soft))
        self.colour.paste(colour, mask=stencil)

    def limb(self, joints: Sequence[Point], widths: Sequence[float], colour: Colour) -> None:
        """Tapered segments with round joints."""
        for (a, wide), (b, thin) in pairwise(zip(joints, widths, strict=True)):
            length = math.dist(a, b) or 1.0
            nx, ny = (a[1] - b[1]) / length / 2, (b[0] - a[0]) / length / 2
            there = [(a[0] + nx * wide, a[1] + ny * wide), (b[0] + nx * thin, b[1] + ny * thin)]
            back = [(b[0] - nx * thin, b[1] - ny * thin), (a[0] - nx * wide, a[1] - ny * wide)]
            self.shape(there + back, colour)
            self.disc(a, wide / 2, colour)
            self.disc(b, thin / 2, colour)

    def disc(self, centre: Point, radius: float, colour: Colour, flat: float = 1.0) -> None:
        self.shape(ring(centre, radius, flat), colour)


def ring(centre: Point, radius: float, flat: float = 1.0) -> list[Point]:
    """The outline of a circle, `flat` times as high as wide."""
    angles = np.linspace(0, 2 * math.pi, 14, endpoint=False).tolist()
    return [(centre[0] + radius * math.cos(a), centre[1] + radius * flat * math.sin(a)) for a in angles]


def smooth(points: Sequence[Point], rounds: int = 3) -> list[Point]:
    """The closed outline with its corners cut (Chaikin 1974)."""
    outline = np.asarray(points)
    for _ in range(rounds):
        after = np.roll(outline, -1, axis=0)
        outline = np.stack([0.75 * outline + 0.25 * after, 0.25 * outline + 0.75 * after], axis=1).reshape(-1, 2)
    return [(float(x), float(y)) for x, y in outline]


def shade(colour: Colour, factor: float) -> Colour:
    """`colour`, darker or, above 1, lighter."""
    r, g, b = (min(255, int(value * factor)) for value in colour)
    return r, g, b


def vary(colour: Colour, rng: np.random.Generator, spread: float) -> Colour:
    """`colour`, lighter or darker by chance."""
    light = float(rng.normal(0, spread))
    r, g, b = (int(min(255, max(0, value + light))) for value in colour)
    return r, g, b


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """`share` of the other colour in the one."""
    r, g, b = (int(a * (1 - share) + z * share) for a, z in zip(one, other, strict=True))
    return r, g, b
