"""Draw an animal on a canvas measured in shoulder heights; outlines and colours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageChops, ImageDraw, ImageFilter

Point = tuple[float, float]
Colour = tuple[int, ...]  # red, green and blue


class AnimalCanvas:
    """Canvas in shoulder heights of `unit` pixels: x forward, times `turn`, from the animal's middle, y up."""

    def __init__(self, unit: float, turn: float) -> None:
        self.unit, self.turn = unit, turn
        size = (int(unit * 4.0), int(unit * 2.6))
        self.colour = Image.new("RGB", size)
        self.mask = Image.new("L", size)

    def to_pixels(self, point: Point) -> Point:
        return (2.0 + point[0] * self.turn) * self.unit, (2.45 - point[1]) * self.unit

    def fill(self, points: Sequence[Point], colour: Colour) -> None:
        pixels = [self.to_pixels(point) for point in points]
        ImageDraw.Draw(self.colour).polygon(pixels, fill=colour)
        ImageDraw.Draw(self.mask).polygon(pixels, fill=255)

    def tint(self, outlines: Sequence[Sequence[Point]], colour: Colour, edge_fade: float = 0.012) -> None:
        """Colour the parts of the animal within the outlines, with edges that fade over `edge_fade`."""
        stencil = Image.new("L", self.mask.size)
        pen = ImageDraw.Draw(stencil)
        for points in outlines:
            pen.polygon([self.to_pixels(point) for point in points], fill=255)
        stencil = ImageChops.darker(stencil, self.mask).filter(ImageFilter.BoxBlur(self.unit * edge_fade))
        self.colour.paste(colour, mask=stencil)

    def fill_limb(self, joints: Sequence[Point], widths: Sequence[float], colour: Colour) -> None:
        """Fill tapered segments with round joints."""
        for (a, wide), (b, thin) in pairwise(zip(joints, widths, strict=True)):
            length = math.dist(a, b) or 1.0
            nx, ny = (a[1] - b[1]) / length / 2, (b[0] - a[0]) / length / 2
            forth = [(a[0] + nx * wide, a[1] + ny * wide), (b[0] + nx * thin, b[1] + ny * thin)]
            back = [(b[0] - nx * thin, b[1] - ny * thin), (a[0] - nx * wide, a[1] - ny * wide)]
            self.fill(forth + back, colour)
            self.fill_disc(a, wide / 2, colour)
            self.fill_disc(b, thin / 2, colour)

    def fill_disc(self, centre: Point, radius: float, colour: Colour, height_ratio: float = 1.0) -> None:
        """Fill a circle, `height_ratio` times as high as wide."""
        self.fill(circle_outline(centre, radius, height_ratio), colour)


def circle_outline(centre: Point, radius: float, height_ratio: float = 1.0) -> list[Point]:
    """Return the outline of a circle, `height_ratio` times as high as wide."""
    angles = np.linspace(0, 2 * math.pi, 14, endpoint=False).tolist()
    return [(centre[0] + radius * math.cos(a), centre[1] + radius * height_ratio * math.sin(a)) for a in angles]


def smooth_outline(points: Sequence[Point], rounds: int = 3) -> list[Point]:
    """Return the closed outline with its corners cut `rounds` times (Chaikin 1974)."""
    outline = np.asarray(points)
    for _ in range(rounds):
        after = np.roll(outline, -1, axis=0)
        outline = np.stack([0.75 * outline + 0.25 * after, 0.25 * outline + 0.75 * after], axis=1).reshape(-1, 2)
    return [(float(x), float(y)) for x, y in outline]


def darken(colour: Colour, factor: float) -> Colour:
    """Return the colour times `factor`: darker below 1, lighter above."""
    return tuple(min(255, int(value * factor)) for value in colour)


def vary_brightness(colour: Colour, rng: Generator, scale: float) -> Colour:
    """Return the colour with a normally distributed brightness, of standard deviation `scale`, added."""
    light = float(rng.normal(0, scale))
    return tuple(int(min(255, max(0, value + light))) for value in colour)


def mix_colours(first: Colour, second: Colour, share: float) -> Colour:
    return tuple(int(a * (1 - share) + z * share) for a, z in zip(first, second, strict=True))
