"""What every drawing shares: the grid of pixels, a pose on it, a coverage drawn by points, and colours.

Coordinates run from -1 (left, top) to 1 (right, bottom). Fields are float32, shape (SIDE, SIDE), 0..1 unless they say
otherwise. Pictures are float32, shape (SIDE, SIDE, 3), RGB, 0..1.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

SIDE = 96  # pixels
STEPS = (np.arange(SIDE, dtype=np.float32) + 0.5) * (2 / SIDE) - 1
Y, X = np.meshgrid(STEPS, STEPS, indexing="ij")
# Cosines of 0 to 3 half waves across the picture: any smooth field is a 4 x 4 table of their products.
SMOOTH = np.cos(np.pi * np.arange(4)[None, :] * (STEPS[:, None] + 1) / 2).astype(np.float32)
POSITIONS = np.linspace(0, 1, 256)


@dataclass(frozen=True)
class Pose:
    """An affine map from the plane of a thing to the picture: `matrix`, shape (2, 2), then `shift`, shape (2,)."""

    matrix: np.ndarray
    shift: np.ndarray

    def place(self, points: np.ndarray) -> np.ndarray:
        """Points of the thing, shape (..., 2), as they lie in the picture."""
        return points @ self.matrix.T + self.shift

    def plane(self) -> tuple[np.ndarray, np.ndarray]:
        """For each pixel, the point of the thing that lies there; two fields, not limited to -1..1."""
        inverse = np.linalg.inv(self.matrix).astype(np.float32)
        across, down = X - np.float32(self.shift[0]), Y - np.float32(self.shift[1])
        return inverse[0, 0] * across + inverse[0, 1] * down, inverse[1, 0] * across + inverse[1, 1] * down


def random_pose(
    rng: np.random.Generator,
    turn: float,
    scale: tuple[float, float] = (0.5, 1.0),
    room: float = 0.9,
    shear: float = 0.12,
) -> Pose:
    """A pose that keeps most of the unit circle in the picture.

    Args:
        rng: where chance comes from.
        turn: largest rotation to either side, radians.
        scale: smallest and largest size; 1 fills the picture.
        room: share of the free room around the thing that shifting may use.
        shear: standard deviation of what is added to each entry of the matrix, relative to its scale.
    """
    angle, size = rng.uniform(-turn, turn), rng.uniform(*scale)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = size * (rotation + rng.normal(0, shear, (2, 2)))
    free = max(1 - size, 0.08) * room
    return Pose(matrix, rng.uniform(-free, free, 2))


def smooth_field(rng: np.random.Generator) -> np.ndarray:
    """A field without detail, mean 0, mostly within -1..1."""
    table = rng.normal(0, 0.35, (4, 4)).astype(np.float32)
    table[0, 0] = 0
    return np.asarray(SMOOTH @ table @ SMOOTH.T)


def drawn_polygon(points: np.ndarray) -> np.ndarray:
    """Coverage of a filled polygon with these corners, shape (corners, 2)."""
    canvas = Image.new("L", (2 * SIDE, 2 * SIDE))
    ImageDraw.Draw(canvas).polygon(pixels(points, 2 * SIDE), fill=255)
    return averaged(canvas)


def drawn_lines(lines: list[np.ndarray], width: float) -> np.ndarray:
    """Coverage of open lines through the given points, each of shape (points, 2); `width` in units of the grid."""
    canvas = Image.new("L", (2 * SIDE, 2 * SIDE))
    draw = ImageDraw.Draw(canvas)
    thickness = max(2, round(width * SIDE))
    for line in lines:
        corners = pixels(line, 2 * SIDE)
        draw.line(corners, fill=255, width=thickness, joint="curve")
        for x, y in (corners[0], corners[-1]):
            radius = thickness / 2
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return averaged(canvas)


def pixels(points: np.ndarray, side: int) -> list[tuple[float, float]]:
    """Points of the grid as pixels of a canvas, for Pillow."""
    return [(x, y) for x, y in ((points + 1) * (side / 2)).tolist()]


def averaged(canvas: Image.Image) -> np.ndarray:
    """A canvas of twice the side as coverage: the mean of each two by two pixels."""
    large = np.asarray(canvas, dtype=np.float32).reshape(SIDE, 2, SIDE, 2)
    return np.asarray(large.mean(axis=(1, 3)) / 255)


@dataclass(frozen=True)
class Palette:
    """Four colours as hue, saturation and value, shape (4, 3), 0..1; `free` ones are other colours in every picture."""

    colours: np.ndarray
    free: bool

    def mixed(self, rng: np.random.Generator) -> np.ndarray:
        """The colours of one picture, RGB, float32, shape (4, 3)."""
        if self.free:
            return invented_palette(rng, free=False).mixed(rng)
        hue, saturation, value = (self.colours + rng.normal(0, 1, (4, 3)) * (0.02, 0.07, 0.07)).T
        return rgb(hue, np.clip(saturation, 0, 1), np.clip(value, 0, 1))


def invented_palette(rng: np.random.Generator, free: bool) -> Palette:
    """Neighbouring hues, opposite ones, any, or hardly any colour at all; light and dark in any order."""
    spread = rng.choice([0.03, 0.1, 0.5])
    hue = rng.uniform() + rng.uniform(-spread, spread, 4) + rng.choice([0, 0.5], 4) * (rng.random() < 0.3)
    saturation = rng.uniform(0, 1, 4) * rng.choice([0.15, 0.6, 1.0])
    value = np.clip(rng.uniform(0.05, 1) + rng.uniform(-0.6, 0.6, 4), 0.05, 1)
    return Palette(np.stack([hue, saturation, value], axis=1), free)


def rgb(hue: np.ndarray, saturation: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Red, green and blue of colours given in HSV; shape of the inputs and one axis of 3 more, float32, 0..1."""
    sector = (np.array([5.0, 3.0, 1.0]) + 6 * hue[..., None]) % 6
    depth = np.clip(np.minimum(sector, 4 - sector), 0, 1)
    return np.asarray(value[..., None] * (1 - saturation[..., None] * depth), dtype=np.float32)


def coloured(field: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """A picture: each value of the field looked up between evenly spaced colours, shape (count, 3)."""
    places = np.linspace(0, 1, len(colours))
    table = np.stack([np.interp(POSITIONS, places, channel) for channel in colours.T], axis=1).astype(np.float32)
    return np.asarray(table[np.clip(field * 255, 0, 255).astype(np.uint8)])
