"""Programs that fill a whole field: what grounds and the skins of things are made of.

Each family is a frozen dataclass of the numbers that make a class, a function that invents them, and a method that
draws one of its pictures: the same numbers, jittered, in another place. Sources are named with each family.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from PIL import Image, ImageDraw

from pretraining.canvas import SIDE, X, Y, pixels, random_pose, smooth_field

ROWS = np.fft.fftfreq(SIDE, 1 / SIDE)[:, None]
COLUMNS = np.fft.rfftfreq(SIDE, 1 / SIDE)[None, :]


class Surface(Protocol):
    """The numbers of a class of surfaces."""

    def field(self, rng: np.random.Generator) -> np.ndarray:
        """One drawing: float32, shape (SIDE, SIDE), 0..1."""


@dataclass(frozen=True)
class Plain:
    """A gradient between nearby values: a wall, a table, the sky."""

    level: float
    slope: float

    def field(self, rng: np.random.Generator) -> np.ndarray:
        angle = rng.uniform(0, 2 * np.pi)
        slope = self.slope * rng.uniform(0.3, 1)
        return np.clip(self.level + slope * (np.cos(angle) * X + np.sin(angle) * Y), 0, 1)


def invent_plain(rng: np.random.Generator) -> Plain:
    return Plain(rng.uniform(0.1, 0.9), rng.uniform(0, 0.4))


@dataclass(frozen=True)
class Noise:
    """Noise with a power law as its spectrum, stretched in one direction, then folded or cut into levels.

    Spectra and orientations as in the statistical image models of Baradad et al., "Learning to See by Looking at
    Noise", NeurIPS 2021.
    """

    exponent: float  # 0.6 is grainy, 3 is clouds
    stretch: float  # 1 is the same in all directions
    direction: float  # radians
    peak: float  # waves a picture where the power is highest; 0 for none
    fold: int  # 0 as it is, 1 ridges, 2 levels, 3 islands

    def field(self, rng: np.random.Generator) -> np.ndarray:
        angle = self.direction + rng.normal(0, 0.12)
        along = ROWS * np.sin(angle) + COLUMNS * np.cos(angle)
        across = ROWS * np.cos(angle) - COLUMNS * np.sin(angle)
        radius = np.sqrt((along / self.stretch) ** 2 + across**2)
        peak = self.peak * np.exp(rng.normal(0, 0.1))
        power = 1 / (0.7 + np.abs(radius - peak)) ** (self.exponent + rng.normal(0, 0.08))
        power[0, 0] = 0
        waves = power * (rng.normal(size=power.shape) + 1j * rng.normal(size=power.shape))
        values = np.fft.irfft2(waves, (SIDE, SIDE)).astype(np.float32)
        return _folded(values / values.std(), self.fold)


def _folded(values: np.ndarray, fold: int) -> np.ndarray:
    """Values of mean 0 and deviation 1 as a field in 0..1."""
    match fold:
        case 1:
            return np.clip(1 - np.abs(values) / 1.5, 0, 1)
        case 2:
            return np.clip(np.floor(values * 1.5 + 2) / 4, 0, 1)
        case 3:
            return 0.5 + 0.5 * np.tanh(4 * (values - 0.7))
        case _:
            return np.clip(0.5 + values / 5, 0, 1)


def invent_noise(rng: np.random.Generator) -> Noise:
    return Noise(
        exponent=rng.uniform(0.7, 3),
        stretch=np.exp(rng.uniform(0, np.log(8))) if rng.random() < 0.6 else 1.0,
        direction=rng.uniform(0, np.pi),
        peak=rng.uniform(3, 22) if rng.random() < 0.4 else 0.0,
        fold=int(rng.integers(4)),
    )


Wave = Callable[[np.ndarray, np.ndarray], np.ndarray]


def _bricks(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    shifted = a / 2 + np.pi / 2 * (np.floor(b / (2 * np.pi)) % 2)
    return np.minimum(np.abs(np.sin(shifted)), np.abs(np.sin(b / 2))) * 4 - 1


def _weave(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    over = (np.floor(a / np.pi) + np.floor(b / np.pi)) % 2
    return np.where(over > 0, np.sin(3 * a), np.sin(3 * b))


MOTIFS: tuple[Wave, ...] = (
    lambda a, b: np.sin(a),
    lambda a, b: 2 * np.sin(a) * np.sin(b),
    lambda a, b: np.cos(a) + np.cos(b) - 0.9,
    lambda a, b: (np.cos(a) + np.cos(0.5 * a + 0.866 * b) + np.cos(0.5 * a - 0.866 * b)) * 0.9 - 0.2,
    lambda a, b: np.sin(np.hypot(a, b)),
    _bricks,
    lambda a, b: np.sin(b + 2 * np.abs((a / np.pi) % 2 - 1) * 2),
    _weave,
    lambda a, b: np.sin(5 * np.arctan2(b, a) + 3 * np.log(np.hypot(a, b) + 0.1)),
    lambda a, b: np.maximum(np.sin(a), np.sin(b)) * 2 - 1,
    lambda a, b: np.sin(a + 1.5 * np.sin(b / 2)),
)


@dataclass(frozen=True)
class Lattice:
    """A motif repeated along two directions, seen in a pose, bent a little."""

    motif: int
    waves: float  # across the picture
    ratio: float  # waves along the other direction, relative
    direction: float  # radians
    skew: float
    sharpness: float  # 0.7 is a sine, 8 is an edge
    bend: float  # radians of phase

    def field(self, rng: np.random.Generator) -> np.ndarray:
        u, v = random_pose(rng, 0.2, (0.8, 1.25), shear=0.06).plane()
        cos, sin = np.cos(self.direction), np.sin(self.direction)
        along, across = u * cos + v * sin, v * cos - u * sin
        step = np.pi * self.waves
        phases = rng.uniform(-1, 1, 2) * np.pi
        bend = self.bend * smooth_field(rng)
        a, b = step * along + bend + phases[0], step * self.ratio * (across + self.skew * along) - bend + phases[1]
        return 0.5 + 0.5 * np.tanh(self.sharpness * MOTIFS[self.motif](a, b))


def invent_lattice(rng: np.random.Generator) -> Lattice:
    return Lattice(
        motif=int(rng.integers(len(MOTIFS))),
        waves=np.exp(rng.uniform(np.log(1.5), np.log(14))),
        ratio=np.exp(rng.uniform(-0.7, 0.7)),
        direction=rng.uniform(0, np.pi),
        skew=rng.normal(0, 0.2),
        sharpness=np.exp(rng.uniform(np.log(0.7), np.log(8))),
        bend=rng.uniform(0, 3) * (rng.random() < 0.6),
    )


@dataclass(frozen=True)
class Cells:
    """Distances to scattered points: cells, cracks, pebbles (Worley, "A cellular texture basis function", 1996)."""

    count: int
    kind: int  # 0 distance to the nearest, 1 cracks between, 2 flat cells, 3 flat cells with cracks
    stretch: float
    regular: float  # 0 is chance, 1 is a grid
    direction: float

    def field(self, rng: np.random.Generator) -> np.ndarray:
        u, v = self._turned(rng)
        points = self._points(rng)
        squares = (u.ravel()[None] - points[:, :1]) ** 2 + (v.ravel()[None] - points[:, 1:]) ** 2
        nearest = squares.argmin(axis=0)
        everywhere = np.arange(SIDE * SIDE)
        first = np.sqrt(squares[nearest, everywhere])
        squares[nearest, everywhere] = np.inf
        gap = (np.sqrt(squares.min(axis=0)) - first) * np.sqrt(self.count) / 2
        flat = rng.random(len(points)).astype(np.float32)[nearest]
        values = (
            1 - first * np.sqrt(self.count) / 1.6,
            np.clip(gap * 2, 0, 1),
            flat,
            np.where(gap < 0.12, 0, 0.25 + 0.75 * flat),
        )[self.kind]
        return np.clip(values, 0, 1).reshape(SIDE, SIDE)

    def _turned(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        angle = self.direction + rng.normal(0, 0.12)
        cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        return (X * cos + Y * sin) / np.float32(self.stretch), Y * cos - X * sin

    def _points(self, rng: np.random.Generator) -> np.ndarray:
        side = int(np.ceil(np.sqrt(self.count)))
        steps = (np.arange(side) + 0.5) * (3 / side) - 1.5
        grid = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
        apart = (1 - self.regular) * 3 / side
        return np.asarray(grid + rng.uniform(-apart, apart, grid.shape), dtype=np.float32)


def invent_cells(rng: np.random.Generator) -> Cells:
    return Cells(
        count=int(np.exp(rng.uniform(np.log(8), np.log(64)))),
        kind=int(rng.integers(4)),
        stretch=np.exp(rng.uniform(0, 1)) if rng.random() < 0.5 else 1.0,
        regular=rng.uniform(0.2, 0.95),
        direction=rng.uniform(0, np.pi),
    )


@dataclass(frozen=True)
class Leaves:
    """Shapes that cover each other, sizes by a power law (dead leaves: Lee, Mumford and Huang, IJCV 2001)."""

    outline: np.ndarray  # corners of one leaf, shape (corners, 2), within the unit circle
    count: int
    smallest: float
    turning: float  # radians to either side
    texture: float  # share of a leaf's value that is a grating
    waves: float

    def field(self, rng: np.random.Generator) -> np.ndarray:
        shares = rng.random(self.count)
        # Radii with density r^-3 between `smallest` and 0.7, the law under which the picture looks alike at any scale.
        radii = 1 / np.sqrt(shares / self.smallest**2 + (1 - shares) / 0.7**2)
        angles = rng.uniform(-self.turning, self.turning, self.count)
        turns = np.stack([np.cos(angles), -np.sin(angles), np.sin(angles), np.cos(angles)], axis=1).reshape(-1, 2, 2)
        corners = radii[:, None, None] * np.einsum("cj,nij->nci", self.outline, turns)
        corners += rng.uniform(-1.1, 1.1, (self.count, 1, 2))
        canvas = Image.new("L", (SIDE, SIDE))
        draw = ImageDraw.Draw(canvas)
        for number, leaf in enumerate(corners, start=1):
            draw.polygon(pixels(leaf, SIDE), fill=number)
        return self._valued(np.asarray(canvas), rng)

    def _valued(self, leaf: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A field from the number of the leaf at each pixel, uint8."""
        number = self.count + 1
        step = np.pi * self.waves * np.exp(rng.normal(0, 0.2, number))
        angle = rng.uniform(0, np.pi, number)
        across, down = (step * np.cos(angle)).astype(np.float32), (step * np.sin(angle)).astype(np.float32)
        grating = 0.5 + 0.5 * np.sin(across[leaf] * X + down[leaf] * Y)
        flat = rng.random(number).astype(np.float32)[leaf]
        return (1 - self.texture) * flat + self.texture * grating


def invent_leaves(rng: np.random.Generator) -> Leaves:
    corners = int(rng.choice([3, 4, 5, 6, 20]))
    angles = np.arange(corners) * 2 * np.pi / corners + rng.normal(0, 0.15, corners) * (corners < 20)
    aspect = np.array([1, rng.uniform(0.25, 1)])
    return Leaves(
        outline=np.stack([np.cos(angles), np.sin(angles)], axis=1) * aspect,
        count=int(rng.integers(60, 220)),
        smallest=rng.uniform(0.06, 0.25),
        turning=rng.choice([0.1, np.pi]),
        texture=rng.uniform(0, 0.6) * (rng.random() < 0.6),
        waves=rng.uniform(3, 16),
    )


@dataclass(frozen=True)
class Shader:
    """A tiny network of sines over the plane, its weights drawn once for the class.

    In the spirit of the short programs of Baradad et al., "Procedural Image Programs for Representation Learning",
    NeurIPS 2022; ours are compositions of sines, not their programs.
    """

    first: np.ndarray  # shape (4, 8)
    second: np.ndarray  # shape (8, 8)
    last: np.ndarray  # shape (8,)

    def field(self, rng: np.random.Generator) -> np.ndarray:
        u, v = random_pose(rng, 0.25, (0.7, 1.3)).plane()
        inputs = np.stack([u, v, np.hypot(u, v), np.ones_like(u)], axis=-1).reshape(-1, 4).astype(np.float32)
        layer = np.sin(inputs @ self._near(rng, self.first))
        layer = np.sin(layer @ self._near(rng, self.second))
        return np.asarray(0.5 + 0.5 * np.tanh(layer @ self._near(rng, self.last))).reshape(SIDE, SIDE)

    def _near(self, rng: np.random.Generator, weights: np.ndarray) -> np.ndarray:
        return np.asarray(weights + rng.normal(0, 0.06, weights.shape), dtype=np.float32)


def invent_shader(rng: np.random.Generator) -> Shader:
    waves = rng.uniform(2, 7)
    return Shader(
        first=rng.normal(0, 1, (4, 8)) * np.array([waves, waves, waves * rng.integers(2), 2])[:, None],
        second=rng.normal(0, rng.uniform(0.6, 1.5), (8, 8)),
        last=rng.normal(0, 1, 8),
    )


# How many of a hundred grounds are of each family.
FAMILIES: dict[str, tuple[Callable[[np.random.Generator], Surface], int]] = {
    "plain": (invent_plain, 22),
    "noise": (invent_noise, 19),
    "lattice": (invent_lattice, 22),
    "cells": (invent_cells, 12),
    "leaves": (invent_leaves, 13),
    "shader": (invent_shader, 12),
}
