"""Programs that draw one thing: what of the picture it covers, how high it rises, and a field to colour it by."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.ndimage import gaussian_filter

from pretraining.canvas import SIDE, Pose, drawn_lines, drawn_polygon, random_pose

PARTICLES = 900  # points followed at once through a fractal
STEPS_UNSEEN, STEPS_DRAWN = 10, 12
ANGLES = np.linspace(0, 2 * np.pi, 512, endpoint=False)


@dataclass(frozen=True)
class Thing:
    """One drawing of an outline; three fields, float32, shape (SIDE, SIDE), 0..1."""

    cover: np.ndarray
    height: np.ndarray | None  # None where it is flat
    field: np.ndarray  # which part, or how far inside


class Outline(Protocol):
    """The numbers of a class of things."""

    def draw(self, rng: np.random.Generator) -> Thing:
        """One drawing: the same numbers, jittered, in another pose."""


@dataclass(frozen=True)
class Fractal:
    """The attractor of iterated functions (Kataoka et al., "Pre-training without Natural Images", ACCV 2020)."""

    maps: np.ndarray  # shape (count, 2, 2), all of them contractions
    offsets: np.ndarray  # shape (count, 2)
    turn: float  # radians to either side
    grain: float  # pixels by which the points are blurred

    def draw(self, rng: np.random.Generator) -> Thing:
        maps = self.maps + rng.normal(0, 0.02, self.maps.shape)
        points, last = attractor(maps, self.offsets + rng.normal(0, 0.03, self.offsets.shape), rng)
        mirror = np.array([rng.choice([-1.0, 1.0]), 1.0])
        pose = random_pose(rng, self.turn, (0.6, 1.15))
        columns, rows = ((pose.place(points * mirror) + 1) * (SIDE / 2)).T.astype(int)
        inside = (columns >= 0) & (columns < SIDE) & (rows >= 0) & (rows < SIDE)
        places = rows[inside] * SIDE + columns[inside]
        hits = np.bincount(places, minlength=SIDE * SIDE).astype(np.float32)
        parts = np.bincount(places, weights=last[inside], minlength=SIDE * SIDE) / np.maximum(hits, 1)
        cover = 1 - np.exp(-hits.reshape(SIDE, SIDE) * rng.uniform(0.5, 1.6))
        if self.grain:
            cover = np.clip(gaussian_filter(cover, self.grain * rng.uniform(0.7, 1.3)) * 1.7, 0, 1)
        return Thing(cover, None, gaussian_filter(parts.reshape(SIDE, SIDE).astype(np.float32), 0.6))


def attractor(maps: np.ndarray, offsets: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Play the chaos game with many particles at once.

    Returns:
        Points, shape (count, 2), moved and scaled into -1..1, and which map led to each, as 0..1, shape (count,).
    """
    areas = np.abs(np.linalg.det(maps)) + 0.02
    steps = STEPS_UNSEEN + STEPS_DRAWN
    chosen = np.searchsorted(np.cumsum(areas / areas.sum())[:-1], rng.random((steps, PARTICLES)))
    (a, b), (c, d) = maps.transpose(1, 2, 0)
    x = y = np.zeros(PARTICLES)
    kept = []
    for step in range(steps):
        number = chosen[step]
        x, y = (
            a[number] * x + b[number] * y + offsets[number, 0],
            c[number] * x + d[number] * y + offsets[number, 1],
        )
        if step >= STEPS_UNSEEN:
            kept.append(np.stack([x, y], axis=1))
    points = np.concatenate(kept)
    low, high = np.percentile(points, [1, 99], axis=0)
    points = (points - (low + high) / 2) * (1.7 / max((high - low).max(), 1e-3))
    return points, chosen[STEPS_UNSEEN:].ravel() / max(len(maps) - 1, 1)


def invent_fractal(rng: np.random.Generator) -> Fractal:
    """Systems are drawn until one fills a fair share of its square: dust and lines teach little."""
    while True:
        count = int(rng.integers(2, 6))
        turns = rng.uniform(-np.pi, np.pi, (2, count))
        sizes = -np.sort(-rng.uniform(0.15, 0.92, (count, 2)), axis=1) * rng.choice([-1, 1], (count, 2))
        maps = _rotations(turns[0]) * sizes[:, None, :] @ _rotations(turns[1])
        offsets = rng.uniform(-1, 1, (count, 2))
        points, _ = attractor(maps, offsets, np.random.default_rng(0))
        cells = np.unique(((points + 1) * 16).astype(int), axis=0)
        if len(cells) > 0.16 * 32 * 32:
            turn = float(rng.choice([0.25, 0.6]))
            return Fractal(maps, offsets, turn, grain=rng.uniform(0.4, 1.3) * (rng.random() < 0.7))


def _rotations(angles: np.ndarray) -> np.ndarray:
    """Rotation matrices, shape (count, 2, 2)."""
    cos, sin = np.cos(angles), np.sin(angles)
    return np.stack([cos, -sin, sin, cos], axis=1).reshape(-1, 2, 2)


@dataclass(frozen=True)
class Radial:
    """Closed curves around a centre, one in another: petals, stars, rounded boxes, shells.

    The curves are superformulas (Gielis, "A generic geometric transformation that unifies a wide range of natural and
    abstract shapes", American Journal of Botany 2003), changed by a few slow harmonics.
    """

    curves: np.ndarray  # radius at each of ANGLES, shape (layers, len(ANGLES)), largest 1
    sizes: np.ndarray  # of each layer, falling, the first 1
    aspect: float
    turn: float  # radians to either side
    dome: float  # 0 is flat, 1 a half ball

    def draw(self, rng: np.random.Generator) -> Thing:
        pose = random_pose(rng, self.turn, (0.5, 1.05))
        squeezed = Pose(pose.matrix * np.array([1, self.aspect * np.exp(rng.normal(0, 0.08))]), pose.shift)
        u, v = squeezed.plane()
        radius = np.hypot(u, v)
        places = (np.arctan2(v, u) * (len(ANGLES) / (2 * np.pi))).astype(int) % len(ANGLES)
        cover, height, field = np.zeros_like(radius), np.zeros_like(radius), np.zeros_like(radius)
        for layer, (curve, size) in enumerate(zip(self.curves, self.sizes, strict=True)):
            shift = int(rng.normal(0, 6))
            inside = 1 - radius / (np.roll(curve, shift).astype(np.float32)[places] * size + 1e-3)
            mask = np.clip(inside * (size * SIDE / 3) + 0.5, 0, 1)
            depth = np.clip(inside, 0, 1)
            cover = np.maximum(cover, mask)
            height += (mask * np.sqrt(1 - (1 - depth) ** 2) - height * mask) * self.dome + 0.15 * mask
            field += (np.float32((layer + 0.5) / len(self.sizes)) + 0.25 * depth - field) * mask
        return Thing(cover, height, np.clip(field, 0, 1))


def invent_radial(rng: np.random.Generator) -> Radial:
    layers = int(rng.choice([1, 2, 3], p=[0.4, 0.35, 0.25]))
    symmetry = int(rng.choice([0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 13]))
    return Radial(
        curves=np.stack([superformula(symmetry, rng) for _ in range(layers)]),
        sizes=np.cumprod(np.concatenate([[1.0], rng.uniform(0.35, 0.8, layers - 1)])),
        aspect=rng.choice([1.0, rng.uniform(0.3, 1)]),
        turn=rng.choice([0.25, np.pi]),
        dome=rng.choice([0.0, 0.5, 1.0]),
    )


def superformula(symmetry: int, rng: np.random.Generator) -> np.ndarray:
    """Radii at ANGLES, the largest 1, of one random superformula with as many like parts."""
    first, second, third = np.exp(rng.uniform(np.log([0.4, 0.6, 0.6]), np.log([8, 9, 9])))
    quarter = symmetry * ANGLES / 4
    radii = (np.abs(np.cos(quarter)) ** second + np.abs(np.sin(quarter)) ** third + 1e-6) ** (-1 / first)
    radii = radii / radii.max()
    for wave in range(1, 5):
        radii = radii * (1 + rng.normal(0, 0.12 / wave) * np.cos(wave * ANGLES + rng.uniform(0, 2 * np.pi)))
    return np.asarray(np.maximum(radii, 0.12) / radii.max())


@dataclass(frozen=True)
class Limbs:
    """A body of rounded limbs that hang on each other and bend a little: bottles, animals, hands, tools."""

    parents: np.ndarray  # the limb each one grows from, shape (limbs,); the first one's is itself
    angles: np.ndarray  # radians, relative to nothing but the body, shape (limbs,)
    lengths: np.ndarray
    radii: np.ndarray  # at both ends, shape (limbs, 2)
    turn: float  # radians to either side

    def draw(self, rng: np.random.Generator) -> Thing:
        starts, ends = self._bent(rng)
        middle = (np.minimum(starts, ends).min(axis=0) + np.maximum(starts, ends).max(axis=0)) / 2
        extent = np.abs(np.concatenate([starts, ends]) - middle).max() + self.radii.max()
        pose = random_pose(rng, self.turn, (0.55, 1.05))
        mirror = np.diag([rng.choice([-1.0, 1.0]), 1.0])
        u, v = Pose(pose.matrix @ mirror / extent, pose.shift).plane()
        u, v = u + np.float32(middle[0]), v + np.float32(middle[1])
        depth = np.full_like(u, -np.inf)
        field = np.zeros_like(u)
        for number, (start, end, radii) in enumerate(zip(starts, ends, self.radii, strict=True)):
            inside, along = capsule(u, v, start, end, radii)
            nearer = inside > depth
            field = np.where(nearer, (number + along) / len(starts), field)
            depth = np.where(nearer, inside, depth)
        height = np.sqrt(np.clip(depth / self.radii.mean(), 0, 1))
        return Thing(np.clip(depth * (SIDE / 3) + 0.5, 0, 1), height, np.clip(field, 0, 1).astype(np.float32))

    def _bent(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Both ends of every limb, shapes (limbs, 2)."""
        angles = self.angles + rng.normal(0, 0.1, len(self.angles))
        lengths = self.lengths * np.exp(rng.normal(0, 0.08, len(self.lengths)))
        starts, ends = np.zeros((2, len(angles), 2))
        for limb, parent in enumerate(self.parents):
            starts[limb] = ends[parent] if limb else 0.0
            ends[limb] = starts[limb] + lengths[limb] * np.array([np.cos(angles[limb]), np.sin(angles[limb])])
        return starts, ends


def capsule(
    u: np.ndarray, v: np.ndarray, start: np.ndarray, end: np.ndarray, radii: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How deep each point lies in a limb (negative outside), and how far along it, 0..1."""
    (x, y), (across, down) = start.astype(np.float32), (end - start).astype(np.float32)
    along = np.clip(((u - x) * across + (v - y) * down) / (across**2 + down**2 + np.float32(1e-6)), 0, 1)
    distance = np.hypot(u - x - along * across, v - y - along * down)
    return np.float32(radii[0]) + np.float32(radii[1] - radii[0]) * along - distance, along


def invent_limbs(rng: np.random.Generator) -> Limbs:
    count = int(rng.integers(2, 8))
    parents = np.array([rng.integers(max(limb, 1)) if rng.random() < 0.6 else 0 for limb in range(count)])
    return Limbs(
        parents=parents,
        angles=rng.uniform(-np.pi, np.pi, count),
        lengths=rng.uniform(0.3, 1.1, count),
        radii=np.exp(rng.uniform(np.log(0.06), np.log(0.35), (count, 2))),
        turn=rng.choice([0.3, np.pi]),
    )


@dataclass(frozen=True)
class Glyph:
    """A sign of a few strokes, as of a script nobody writes."""

    strokes: tuple[np.ndarray, ...]  # four points of a Bezier curve each, shape (4, 2), within -1..1
    width: float  # of the pen, in units of the grid
    filled: bool  # the first stroke bounds an area

    def draw(self, rng: np.random.Generator) -> Thing:
        pose = random_pose(rng, 0.25, (0.5, 1.0), shear=0.16)
        wobble = rng.normal(0, 0.05, 2)
        lines = [pose.place(bezier(stroke + rng.normal(0, 0.07, (4, 2)) + wobble)) for stroke in self.strokes]
        cover = drawn_lines(lines, self.width * rng.uniform(0.6, 1.6))
        if self.filled:
            cover = np.maximum(cover, drawn_polygon(lines[0]))
        return Thing(cover, None, cover)


def bezier(points: np.ndarray) -> np.ndarray:
    """Sixteen points along the cubic curve of four control points, shape (16, 2)."""
    t = np.linspace(0, 1, 16)[:, None]
    weights = np.concatenate([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3], axis=1)
    return np.asarray(weights @ points)


def invent_glyph(rng: np.random.Generator) -> Glyph:
    strokes: list[np.ndarray] = []
    for _ in range(int(rng.integers(1, 5))):
        points = rng.uniform(-0.95, 0.95, (4, 2))
        if strokes and rng.random() < 0.6:
            points[0] = strokes[-1][rng.choice([0, 3])]
        if rng.random() < 0.35:
            points[1:3] = points[0] + (points[3] - points[0]) * np.array([[1 / 3], [2 / 3]])  # a straight one
        strokes.append(points)
    everything = np.concatenate(strokes)
    middle = (everything.min(axis=0) + everything.max(axis=0)) / 2
    size = np.abs(everything - middle).max()  # a sign fills its square, or it would be a speck
    return Glyph(
        tuple((stroke - middle) * (0.95 / size) for stroke in strokes), rng.uniform(0.05, 0.22), rng.random() < 0.15
    )


# How many of a hundred things are of each family.
FAMILIES: dict[str, tuple[Callable[[np.random.Generator], Outline], int]] = {
    "fractal": (invent_fractal, 28),
    "radial": (invent_radial, 24),
    "limbs": (invent_limbs, 20),
    "glyph": (invent_glyph, 28),
}
