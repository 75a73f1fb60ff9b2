"""Paint the place of a camera (sky, trees and ground), with the nearness of each pixel."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.random import Generator
from PIL import Image, ImageDraw, ImageFilter

from alframe.pools.camera_trap_scenes.canvas import Colour, Point, darken, mix_colours, vary_brightness
from alframe.types import Floats


@dataclass(frozen=True)
class Habitat:
    """Colours and plants of a kind of landscape."""

    sky: Colour
    far: Colour  # the distant edge of the wood
    soil: Colour
    litter: Colour
    bark: Colour
    leaves: Colour
    trunks: int
    canopy: int  # dabs of leaves overhead
    grass: int  # tufts
    conifer: bool = False


# Beech wood, pine wood, steppe, birches in autumn, jungle, meadow, snow, stony hillside.
_MEASURES: tuple[tuple[Any, ...], ...] = (
    ((206, 220, 214), (118, 140, 104), (116, 92, 62), (158, 108, 58), (112, 104, 92), (104, 140, 58), 11, 900, 60),
    ((196, 206, 212), (86, 108, 98), (104, 84, 60), (124, 92, 58), (104, 74, 56), (52, 84, 56), 16, 700, 40, True),
    ((214, 222, 228), (150, 146, 96), (150, 132, 84), (186, 166, 104), (92, 80, 66), (136, 132, 66), 3, 160, 420),
    ((222, 216, 196), (176, 142, 84), (138, 96, 54), (204, 132, 48), (214, 208, 198), (206, 146, 44), 13, 800, 50),
    ((180, 204, 176), (72, 108, 66), (84, 72, 48), (96, 92, 48), (84, 78, 62), (56, 112, 48), 9, 1500, 160),
    ((208, 216, 224), (112, 128, 96), (92, 116, 62), (112, 140, 70), (88, 76, 62), (84, 124, 56), 2, 200, 520),
    ((216, 222, 230), (140, 152, 160), (214, 218, 224), (190, 194, 200), (82, 70, 62), (74, 92, 84), 12, 420, 24, True),
    ((200, 214, 222), (128, 132, 116), (132, 122, 108), (158, 148, 134), (96, 86, 74), (110, 122, 76), 5, 300, 130),
)
HABITATS = tuple(Habitat(*measures) for measures in _MEASURES)


@dataclass(frozen=True)
class Scenery:
    """A site without animals. `nearness` is 1 at the camera and 0 at infinity. `foreground` covers all behind it."""

    picture: npt.NDArray[np.uint8]  # (H, W, 3)
    nearness: Floats  # (H, W)
    foreground: Image.Image  # RGBA
    horizon: float  # in pixels from the top
    habitat: Habitat


def paint_scenery(habitat: Habitat, size: tuple[int, int], rng: Generator) -> Scenery:
    """Paint one site of `size` (width, height), from the far end to the near one."""
    width, height = size
    horizon = height * float(rng.uniform(0.34, 0.46))
    ground, nearness = _make_ground(habitat, size, horizon, rng)
    canvas = Image.fromarray(np.clip(ground, 0, 255).astype(np.uint8))
    depth = Image.fromarray((nearness * 255).astype(np.uint8))
    painter = _DepthPainter(habitat, width, height, horizon, ImageDraw.Draw(canvas), ImageDraw.Draw(depth))
    _paint_treeline(painter, rng)
    _paint_litter(painter, rng)
    for distance in sorted(rng.uniform(0.03, 0.42, habitat.trunks).tolist()):
        _paint_trunk(painter, distance, rng)
    _paint_canopy(painter, rng)
    for distance in sorted(rng.uniform(0.04, 0.95, habitat.grass).tolist()):
        foot = float(rng.uniform(0, width)), horizon + (height - horizon) * distance
        draw_grass(painter.pen, habitat, foot, height * (0.02 + 0.09 * distance), rng)
    picture = np.asarray(canvas.filter(ImageFilter.GaussianBlur(width / 1100)))
    nearness = np.asarray(depth, dtype=np.float32) / np.float32(255)
    return Scenery(picture, nearness, _make_blurred_foreground(habitat, size, rng), horizon, habitat)


@dataclass(frozen=True)
class _DepthPainter:
    """A picture being painted, and its depth."""

    habitat: Habitat
    width: int
    height: int
    horizon: float
    pen: ImageDraw.ImageDraw
    depth_pen: ImageDraw.ImageDraw  # takes the nearness, 0..255, of what the pen paints

    def fill_ellipse(
        self, x: float, y: float, rx: float, ry: float, colour: Colour, nearness: int | None = None
    ) -> None:
        """Fill an ellipse with these half-axes. `nearness` is its nearness, 0..255; None keeps the nearness."""
        self.pen.ellipse([x - rx, y - ry, x + rx, y + ry], colour)
        if nearness is not None:
            self.depth_pen.ellipse([x - rx, y - ry, x + rx, y + ry], nearness)


def fractal_noise(rng: Generator, size: tuple[int, int], cells: float, octaves: int = 4) -> Floats:
    """Return (H, W) fractal noise of about zero mean and unit variance, with about `cells` lumps across."""
    width, height = size
    total = np.zeros((height, width), dtype=np.float32)
    for octave in range(octaves):
        across = max(2, round(cells * 2**octave))
        lumps = rng.normal(size=(max(2, across * height // width), across)).astype(np.float32)
        total += np.asarray(Image.fromarray(lumps).resize(size, Image.Resampling.BICUBIC)) / 2**octave
    return total / 1.1


def draw_grass(pen: ImageDraw.ImageDraw, habitat: Habitat, foot_at: Point, tall: float, rng: Generator) -> None:
    """Draw a tuft of grass, `tall` pixels high."""
    x, y = foot_at
    for _ in range(9):
        lean, rise = float(rng.normal(0, 0.45)), tall * float(rng.uniform(0.5, 1.1))
        foot = x + float(rng.normal(0, tall * 0.25))
        colour = vary_brightness(mix_colours(habitat.leaves, habitat.litter, float(rng.uniform(0, 0.6))), rng, 16)
        half = max(0.6, tall * 0.035)
        tip = (foot + lean * rise, y - rise)
        bend = (foot + lean * rise * 0.3, y - rise * 0.6)
        left, right = [(foot - half, y), (bend[0] - half, bend[1])], [(bend[0] + half, bend[1]), (foot + half, y)]
        pen.polygon([*left, tip, *right], colour)


def _make_ground(habitat: Habitat, size: tuple[int, int], horizon: float, rng: Generator) -> tuple[Floats, Floats]:
    width, height = size
    rows = np.arange(height, dtype=np.float32)
    down = np.clip((rows - horizon) / (height - horizon), 0, 1)
    nearness = np.broadcast_to(down[:, None] ** 0.8, (height, width)).copy()
    colours = (habitat.sky, habitat.far, habitat.soil, habitat.litter)
    sky, far, soil, litter = (np.asarray(colour, dtype=np.float32) for colour in colours)
    sky = sky * (1.05 - 0.15 * rows / horizon)[:, None]
    # Texture is looked up in perspective, so that lumps grow towards the camera.
    texture = fractal_noise(rng, (width, 2 * height), 10, 5)
    distance = 1 / (down[:, None] + 0.12)
    across = (np.arange(width)[None, :] - width / 2) * (0.25 + 0.12 * distance) + width / 2
    along = (distance * height * 0.22) % (2 * height - 1)
    lumps = texture[along.astype(int), np.clip(across, 0, width - 1).astype(int)]
    patches = fractal_noise(rng, size, 3, 3)
    mixed = np.clip(0.5 + 0.28 * patches + 0.18 * lumps, 0, 1)[..., None]
    soil = soil * (1 - mixed) + litter * mixed
    soil *= (1 + 0.13 * lumps + rng.normal(0, 0.05, (height, width)).astype(np.float32) * nearness)[..., None]
    middle = width * (float(rng.uniform(0.3, 0.7)) + 0.1 * np.sin(3 * down + float(rng.uniform(0, 6))))
    trail = np.exp(-(((np.arange(width)[None, :] - middle[:, None]) / (width * (0.02 + 0.16 * down))[:, None]) ** 2))
    soil *= (1 + 0.18 * trail)[..., None]
    haze = np.clip(1 - down * 4, 0, 1)[:, None, None] * 0.5
    soil = soil * (1 - haze) + far * haze
    ground = np.where((rows >= horizon)[:, None, None], soil, sky[:, None, :])
    return ground.astype(np.float32), nearness.astype(np.float32)


def _paint_treeline(painter: _DepthPainter, rng: Generator) -> None:
    habitat, width, height, horizon = painter.habitat, painter.width, painter.height, painter.horizon
    for layer in range(3):
        rise = height * (0.24 - 0.06 * layer) * (1 + 0.3 * fractal_noise(rng, (width, 2), 6, 6)[0])
        colour = vary_brightness(mix_colours(habitat.sky, habitat.far, 0.45 + 0.25 * layer), rng, 5)
        edge = [(float(x), horizon - float(up)) for x, up in enumerate(rise)]
        outline = [(0.0, horizon + 2), *edge, (float(width), horizon + 2)]
        painter.pen.polygon(outline, colour)
        painter.depth_pen.polygon(outline, 4 + 6 * layer)
    for _ in range(700):
        radius = height * float(rng.uniform(0.003, 0.013))
        y = horizon + 4 - height * float(rng.uniform(0, 0.2))
        colour = vary_brightness(mix_colours(habitat.far, habitat.leaves, 0.4), rng, 14)
        painter.fill_ellipse(float(rng.uniform(0, width)), y, radius, radius * 0.7, colour)


def _paint_litter(painter: _DepthPainter, rng: Generator) -> None:
    """Paint fallen leaves and pebbles, larger towards the camera."""
    habitat = painter.habitat
    for distance in (rng.random(700) ** 1.5).tolist():
        radius = painter.height * (0.001 + 0.006 * distance) * float(rng.uniform(0.6, 1.4))
        y = painter.horizon + (painter.height - painter.horizon) * distance
        colour = vary_brightness(mix_colours(habitat.soil, habitat.litter, float(rng.uniform(0, 1.2))), rng, 20)
        painter.fill_ellipse(float(rng.uniform(0, painter.width)), y, radius * 1.4, radius * 0.6, colour)


def _paint_trunk(painter: _DepthPainter, distance: float, rng: Generator) -> None:
    """Paint a tree whose foot is `distance` of the way from the horizon to the lower edge."""
    habitat, pen = painter.habitat, painter.pen
    x = float(rng.uniform(0, painter.width))
    foot = painter.horizon + (painter.height - painter.horizon) * distance
    half = painter.width * (0.008 + 0.075 * distance) * float(rng.uniform(0.6, 1.2))
    lean = float(rng.normal(0, 0.03)) * painter.height
    bark = mix_colours(habitat.far, habitat.bark, min(1.0, 0.4 + 1.6 * distance))
    for strip in range(14):  # upright strips, lighter on one side, make it round
        left = x - half + 2 * half * strip / 14
        right, top, flare = left + half / 5, x + (left - x) * 0.8 + lean, (left - x) * 0.35
        colour = vary_brightness(darken(bark, 0.72 + 0.5 * math.sin(math.pi * (strip + 1) / 18)), rng, 9)
        root = [(right, foot - half), (right + flare, foot), (left + flare, foot), (left, foot - half)]
        pen.polygon([(top, -5), (top + half / 5, -5), *root], colour)
    outline = [(x - half * 0.8 + lean, 0), (x + half * 0.9 + lean, 0), (x + half * 1.1, foot), (x - half, foot)]
    painter.depth_pen.polygon(outline, int(255 * distance**0.8))
    for mark in rng.uniform(0, foot - half, 50).tolist():
        mark_start = x + lean * (1 - mark / foot) + float(rng.uniform(-0.8, 0.5)) * half
        end = mark_start + half * float(rng.uniform(0.1, 0.5)), mark + float(rng.normal(0, 1))
        pen.line([(mark_start, mark), end], darken(bark, float(rng.uniform(0.5, 0.75))), max(1, int(half * 0.07)))
    for _ in range(5):
        draw_grass(pen, habitat, (x + float(rng.uniform(-1.6, 1.6)) * half, foot + half * 0.12), half * 0.9 + 3, rng)


def _paint_canopy(painter: _DepthPainter, rng: Generator) -> None:
    """Paint leaves overhead and bushes along the edge of the wood, in clumps."""
    habitat, height, horizon = painter.habitat, painter.height, painter.horizon
    stretch = 2.4 if habitat.conifer else 1.3
    for clump in range(max(3, habitat.canopy // 45)):
        bush = clump % 4 == 0
        x = float(rng.uniform(0, painter.width))
        y = horizon * (float(rng.uniform(0.85, 1.08)) if bush else abs(float(rng.normal(0, 0.30))))
        clump_size = height * float(rng.uniform(0.03, 0.09))
        base = mix_colours(habitat.far, habitat.leaves, float(rng.uniform(0.35, 1.0)))
        nearness = int(rng.integers(25, 70))
        for dx, dy in rng.normal(0, (clump_size * 1.4, clump_size * 0.7), (75, 2)).tolist():
            radius = height * float(rng.uniform(0.003, 0.010))
            lit = min(1.3, max(0.6, 1.12 - 0.35 * dy / clump_size))
            colour = vary_brightness(darken(base, lit), rng, 12)
            painter.fill_ellipse(x + dx, y + dy, radius * stretch, radius, colour, nearness)


def _make_blurred_foreground(habitat: Habitat, size: tuple[int, int], rng: Generator) -> Image.Image:
    """Return blurred blades of grass before the lens, in the lower corners."""
    width, height = size
    layer = Image.new("RGBA", size, (*habitat.leaves, 0))
    pen = ImageDraw.Draw(layer)
    for _ in range(int(rng.integers(5, 26))):
        side = 0 if rng.random() < 0.5 else width
        x = side + float(rng.normal(0, width * 0.09))
        tall, lean = height * float(rng.uniform(0.1, 0.38)), float(rng.normal(0, width * 0.06))
        half = width * float(rng.uniform(0.003, 0.009))
        colour = (*vary_brightness(darken(habitat.leaves, 0.8), rng, 14), 255)
        pen.polygon([(x - half, height), (x + lean, height - tall), (x + half, height)], colour)
    return layer.filter(ImageFilter.GaussianBlur(width / 320))
