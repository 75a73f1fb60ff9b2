"""Render one frame: the scenery, the animal that walks through, the light, and the camera's info strip."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
from numpy.random import Generator
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from alframe.pools.camera_trap_scenes.animals import ANIMALS, Pose, draw_animal_cutout
from alframe.pools.camera_trap_scenes.canvas import Point, mix_colours
from alframe.pools.camera_trap_scenes.scenery import Scenery, draw_grass, fractal_noise
from alframe.types import Box, Floats

CAMERA_HEIGHT = 0.75  # metres above the ground
MIN_OPAQUE_ALPHA = 127  # of 255: an edge's half
MIN_VISIBLE_SHARE = 0.2  # with less of the animal than this in view, people call the frame empty


@dataclass(frozen=True)
class Visitor:
    """An animal in one frame: `x` is a fraction of the width, `below_horizon` is from 0 (horizon) to 1 (lower edge)."""

    species: str
    pose: Pose
    x: float
    below_horizon: float


@dataclass(frozen=True)
class FrameInfo:
    """The text in the strip of the camera, and whether the infrared flash was used."""

    camera: str
    taken: datetime
    number: str  # e.g. 2/4
    celsius: int
    night: bool


def position_for_height(species: str, pixels: float, scenery: Scenery) -> float:
    """Return `Visitor.below_horizon` of an animal with a shoulder height of about `pixels`."""
    rows: int = scenery.nearness.shape[0]
    return min(0.95, max(0.15, pixels * CAMERA_HEIGHT / (ANIMALS[species].height * (rows - scenery.horizon))))


def render_frame(
    scenery: Scenery, visitor: Visitor | None, info: FrameInfo, burst: Generator, frame: Generator
) -> tuple[Image.Image, Box | None]:
    """Return the picture and the visible animal's box. `burst` gives the random numbers of the whole burst."""
    coat, light = burst.spawn(2)
    canvas, nearness, box, eye = Image.fromarray(scenery.picture), scenery.nearness, None, None
    if visitor is not None:
        nearness, box, eye = _paint_visitor(canvas, scenery, visitor, info.night, coat, frame)
    canvas.paste(scenery.foreground, mask=scenery.foreground)
    if info.night:
        lit = _light_by_flash(canvas, nearness, eye if box else None, light, frame)
    else:
        lit = _light_by_day(canvas, info.taken.hour, light, frame)
    image = Image.fromarray(np.clip(lit, 0, 255).astype(np.uint8)).convert("RGB")
    _draw_info_strip(image, info)
    return image, box


def _paint_visitor(
    canvas: Image.Image, scenery: Scenery, visitor: Visitor, night: bool, coat: Generator, frame: Generator
) -> tuple[Floats, Box | None, Point | None]:
    """Paint the animal. Return the nearness of each pixel, the animal's box, and its eye if it is visible."""
    width, height = canvas.size
    tall = ANIMALS[visitor.species].height * (height - scenery.horizon) / CAMERA_HEIGHT * visitor.below_horizon
    animal, ground, eye = draw_animal_cutout(ANIMALS[visitor.species], visitor.pose, tall, coat)
    animal = animal.filter(ImageFilter.GaussianBlur(float(frame.uniform(0.2, 0.9)) * width / 640))
    x, y = visitor.x * width, scenery.horizon + (height - scenery.horizon) * visitor.below_horizon
    if not night:  # the flash sits beside the lens, and its shadows fall out of sight
        shade = Image.new("L", (round(tall * 2), round(tall * 0.4)))
        ImageDraw.Draw(shade).ellipse([tall * 0.25, tall * 0.12, tall * 1.75, tall * 0.27], fill=110)
        shade = shade.filter(ImageFilter.GaussianBlur(tall * 0.04))
        canvas.paste((28, 26, 20), (round(x - tall), round(y - tall * 0.2)), shade)
    corner = round(x - ground[0]), round(y - ground[1])
    layer = Image.new("RGBA", canvas.size)
    layer.paste(animal, corner)
    alpha = np.asarray(layer.getchannel("A"))
    visitor_nearness = np.float32(visitor.below_horizon**0.8)
    alpha = np.where(scenery.nearness > visitor_nearness + 0.06, 0, alpha).astype(np.uint8)  # behind a nearer tree
    canvas.paste(layer, mask=Image.fromarray(alpha))
    pen = ImageDraw.Draw(canvas)
    for _ in range(4 + scenery.habitat.grass // 40):  # the feet stand in the grass, not on top of it
        foot = x + float(coat.normal(0, tall * 0.7)), y + float(coat.uniform(0.02, 0.08)) * tall
        draw_grass(pen, scenery.habitat, foot, tall * float(coat.uniform(0.1, 0.3)), coat)
    nearness = np.maximum(scenery.nearness, (alpha > MIN_OPAQUE_ALPHA) * visitor_nearness)
    box = _visible_box(alpha > MIN_OPAQUE_ALPHA, int((np.asarray(animal.getchannel("A")) > MIN_OPAQUE_ALPHA).sum()))
    eye_pixel = corner[0] + eye[0], corner[1] + eye[1]
    column, row = int(eye_pixel[0]), int(eye_pixel[1])
    is_visible = 0 <= eye_pixel[0] < width and 0 <= eye_pixel[1] < height and alpha[row, column] > MIN_OPAQUE_ALPHA
    return nearness, box, eye_pixel if is_visible else None


def _visible_box(visible: npt.NDArray[np.bool_], whole: int) -> Box | None:
    if visible.sum() < max(1, MIN_VISIBLE_SHARE * whole):
        return None
    height, width = visible.shape
    rows, columns = np.flatnonzero(visible.any(axis=1)), np.flatnonzero(visible.any(axis=0))
    x, y = columns[0] / width, rows[0] / height
    w, h = (columns[-1] + 1) / width - x, (rows[-1] + 1) / height - y
    # Rounded down to stay inside the picture.
    x, y, w, h = (int(value * 10_000) / 10_000 for value in (x, y, w, h))
    return Box(x, y, w, h)


def _light_by_day(canvas: Image.Image, hour: int, light: Generator, frame: Generator) -> Floats:
    """Return (H, W, 3) pixels: warm and dim early and late, with the leaves' shadows at midday."""
    width, height = canvas.size
    low = min(1.0, abs(hour - 13) / 6)  # 0 at one o'clock, 1 at seven in the morning and in the evening
    tint = np.array(mix_colours((255, 255, 255), (255, 226, 190), low), dtype=np.float32) / 255
    brightness = (1.08 - 0.3 * low) * float(light.uniform(0.88, 1.12))
    dapples = 1 + 0.13 * (1 - low) * np.tanh(2 * fractal_noise(light, (width, height), 7, 3))
    grain = frame.standard_normal((height, width, 1), dtype=np.float32) * 3.5
    lit: Floats = np.asarray(canvas) * (tint * np.float32(brightness)) * dapples[..., None] + grain
    return lit


def _light_by_flash(
    canvas: Image.Image, nearness: Floats, eye: Point | None, light: Generator, frame: Generator
) -> Floats:
    """Return (H, W) grey pixels: the flash fades with distance and towards the corners; leaves and eyes shine."""
    width, height = canvas.size
    y, x = np.ogrid[0:height, 0:width]
    grey = np.asarray(canvas) @ np.array([0.4, 0.62, 0.08], dtype=np.float32)
    radius = np.hypot((x - width / 2) / width, (y - height * 0.55) / height).astype(np.float32)
    flash = (0.03 + 1.15 * nearness**1.1) * np.exp(-((radius / 0.5) ** 2)) * np.float32(light.uniform(0.85, 1.2))
    lit: Floats = 240 * (1 - np.exp(grey * flash / -105))  # the sensor saturates softly
    if eye is not None:
        distance = np.hypot(x - eye[0], y - eye[1]).astype(np.float32) / (width / 640)
        lit = np.maximum(lit, 255 * np.exp(-((distance / 2.4) ** 2)) + 60 * np.exp(distance / -4))
    lit += 6 + frame.standard_normal((height, width), dtype=np.float32) * 6
    return lit


def _draw_info_strip(image: Image.Image, info: FrameInfo) -> None:
    width, height = image.size
    tall = round(height * 0.05)
    pen = ImageDraw.Draw(image)
    pen.rectangle([0, height - tall, width, height], fill=(0, 0, 0))
    font, middle = ImageFont.load_default(tall * 0.62), height - tall / 2
    fahrenheit = round(info.celsius * 9 / 5 + 32)
    for x, anchor, text in (
        (0.015, "lm", f"{info.camera}   {info.celsius}°C  {fahrenheit}°F"),
        (0.56, "mm", f"{info.taken:%Y-%m-%d   %H:%M:%S}"),
        (0.985, "rm", f"{'IR' if info.night else 'M'}  {info.number}"),
    ):
        pen.text((width * x, middle), text, fill=(240, 240, 240), font=font, anchor=anchor)
