"""What there is to see in a picture, computed by formulas: what the network learns to tell from its pooled features.

Six descriptions, none of them learned from a photograph: which small patches a picture is made of, counted by
quarters and in whole (Coates, Lee and Ng, "An Analysis of Single-Layer Networks in Unsupervised Feature Learning",
AISTATS 2011; the dictionary is made from drawn pictures), gradients by direction and place (Dalal and Triggs,
"Histograms of Oriented Gradients", CVPR 2005), colours counted, colours by place, and what stays as it is
when a picture is turned: harmonics of its spectrum and of its gradients' directions. Principal components of each on
drawn pictures are the targets.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import tensorflow as tf
from sklearn.cluster import MiniBatchKMeans

from dashboard.core import files

SIDE = 64  # pixels at which a picture is described
PATCH, STRIDE, WORDS = 6, 3, 320
RADII, ANGLES, HARMONICS = 12, 24, 7  # of a spectrum in polar places
TURNS = 12  # harmonics of gradients' directions
CONTRAST = 100.0  # added to a patch's variance, in squared grey values: flat patches stay flat
DIRECTIONS, CELL = 8, 8
COMPONENTS = 160  # of each description, at most
WEIGHTS = {"quarters": 0.25, "patches": 0.2, "gradients": 0.2, "colours": 0.1, "places": 0.08, "turned": 0.17}
PATCHES = 60_000  # that the dictionary is made from
COLOURS = np.stack(np.meshgrid(*[np.linspace(0, 255, 5)] * 3), axis=-1).reshape(-1, 3).astype(np.float32)


@dataclass(frozen=True)
class Teacher:
    """A dictionary of patches, and what makes standardised components of descriptions.

    `filters` has shape (PATCH, PATCH, 3, WORDS), `offsets` (WORDS,); `mean` has shape (values,), `matrix`
    (values, targets); `importance` of the targets sums to 1.
    """

    filters: np.ndarray
    offsets: np.ndarray
    mean: np.ndarray
    matrix: np.ndarray
    importance: np.ndarray

    @classmethod
    def made(cls, pictures: np.ndarray, seed: int = 0) -> Self:
        """From drawn pictures, uint8, shape (pictures, side, side, 3); a few thousand are enough."""
        images = np.concatenate(
            [np.asarray(tf.image.resize(part, (SIDE, SIDE))) for part in np.array_split(pictures, 16)]
        )
        filters, offsets = dictionary(images, np.random.default_rng(seed))
        described = tf.function(lambda part: descriptions(part, filters, offsets))
        parts = [{k: np.asarray(v) for k, v in described(part).items()} for part in np.array_split(images, 16)]
        means, matrices, importances = [], [], []
        for name, weight in WEIGHTS.items():
            values = np.concatenate([part[name] for part in parts])
            mean, matrix, spread = components(values)
            means.append(mean)
            matrices.append(matrix)
            importances.append(weight * np.sqrt(spread) / np.sqrt(spread).sum())
        return cls(
            filters,
            offsets,
            np.concatenate(means).astype(np.float32),
            _diagonal(matrices).astype(np.float32),
            np.concatenate(importances).astype(np.float32),
        )

    @property
    def targets(self) -> int:
        return int(self.importance.size)

    def answers(self, images: tf.Tensor) -> tf.Tensor:
        """Standardised components, shape (batch, targets), of RGB 0..255, shape (batch, SIDE, SIDE, 3)."""
        found = descriptions(images, self.filters, self.offsets)
        values = tf.concat([found[name] for name in WEIGHTS], axis=1)
        return tf.clip_by_value((values - self.mean) @ self.matrix, -6.0, 6.0)

    def save(self, path: Path) -> None:
        with files.replacing(path) as aside, aside.open("wb") as file:
            np.savez(file, **vars(self))

    @classmethod
    def load(cls, path: Path) -> Self:
        with np.load(path, allow_pickle=False) as arrays:
            return cls(**{name: arrays[name] for name in arrays})


def resized(images: tf.Tensor, side: int) -> tf.Tensor:
    """Pictures at another size; as they are where they have it."""
    images = tf.cast(images, tf.float32)
    return images if images.shape[1] == side else tf.image.resize(images, (side, side), antialias=True)


def dictionary(images: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Filters that answer to the commonest whitened patches, and what each answers to a patch of mean contrast."""
    numbers = rng.integers(len(images), size=PATCHES)
    downs, acrosses = rng.integers(0, SIDE - PATCH, (2, PATCHES))
    cut = [images[n, y : y + PATCH, x : x + PATCH] for n, y, x in zip(numbers, downs, acrosses, strict=True)]
    patches = np.stack(cut).reshape(PATCHES, -1)
    patches = patches - patches.mean(axis=1, keepdims=True)
    patches /= np.sqrt(patches.var(axis=1, keepdims=True) + CONTRAST)
    mean = patches.mean(axis=0)
    spread, axes = np.linalg.eigh(np.cov(patches - mean, rowvar=False))
    whitening = axes / np.sqrt(spread + 0.05) @ axes.T
    white = (patches - mean) @ whitening
    white /= np.linalg.norm(white, axis=1, keepdims=True)
    words = MiniBatchKMeans(WORDS, batch_size=4096, max_iter=12, n_init=1, random_state=0).fit(white).cluster_centers_
    filters = whitening @ (words / np.linalg.norm(words, axis=1, keepdims=True)).T
    return filters.reshape(PATCH, PATCH, 3, WORDS).astype(np.float32), (mean @ filters).astype(np.float32)


def components(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, the matrix to standardised principal components, and their variances, largest first."""
    mean = values.mean(axis=0)
    spread, axes = np.linalg.eigh(np.cov(values - mean, rowvar=False))
    kept = np.argsort(spread)[::-1][:COMPONENTS]
    kept = kept[spread[kept] > spread.max() * 1e-5]
    return mean, axes[:, kept] / np.sqrt(spread[kept]), spread[kept]


def _diagonal(matrices: list[np.ndarray]) -> np.ndarray:
    """One matrix of all, none of which sees what belongs to another."""
    whole = np.zeros(np.sum([matrix.shape for matrix in matrices], axis=0))
    down, across = 0, 0
    for matrix in matrices:
        whole[down : down + matrix.shape[0], across : across + matrix.shape[1]] = matrix
        down, across = down + matrix.shape[0], across + matrix.shape[1]
    return whole


def descriptions(images: tf.Tensor, filters: np.ndarray, offsets: np.ndarray) -> dict[str, tf.Tensor]:
    """Every description, each of shape (batch, its values), of RGB 0..255, shape (batch, SIDE, SIDE, 3)."""
    images = tf.cast(images, tf.float32)
    small = tf.nn.avg_pool2d(images, 4, 4, "VALID")
    found = dict(_counted(images, small, filters, offsets))
    found["turned"] = tf.concat([spectrum(tf.reduce_mean(images, axis=-1)), found.pop("directions")], axis=1)
    found["places"] = tf.reshape(tf.image.resize(small, (6, 6), antialias=True) / 255, (-1, 108))
    return found


@tf.function(jit_compile=True)  # type: ignore[untyped-decorator]  # a third of the time that operation by operation takes
def _counted(images: tf.Tensor, small: tf.Tensor, filters: np.ndarray, offsets: np.ndarray) -> dict[str, tf.Tensor]:
    found = patch_counts(images, filters, offsets)
    return {
        **found,
        "gradients": gradients(tf.reduce_mean(images, axis=-1)),
        "colours": colours(small),
        "directions": tf.concat([directions(tf.nn.avg_pool2d(images, side, side // 2, "VALID")) for side in (4, 8)], 1),
    }


def patch_counts(images: tf.Tensor, filters: np.ndarray, offsets: np.ndarray) -> dict[str, tf.Tensor]:
    """How strongly each word of the dictionary is there, in each quarter and in whole; square roots."""

    def local(values: tf.Tensor) -> tf.Tensor:
        return tf.nn.avg_pool2d(tf.reduce_mean(values, axis=-1, keepdims=True), PATCH, STRIDE, "VALID")

    mean = local(images)
    deviation = tf.sqrt(tf.maximum(local(images**2) - mean**2, 0) + CONTRAST)
    answers = tf.nn.conv2d(images, filters, STRIDE, "VALID")
    answers = tf.nn.relu((answers - mean * tf.reduce_sum(filters, axis=(0, 1, 2))) / deviation - offsets - 1)
    half = answers.shape[1] // 2
    quarters = [answers[:, y : y + half, x : x + half] for y in (0, half) for x in (0, half)]
    counts = tf.stack([tf.reduce_mean(quarter, axis=(1, 2)) for quarter in quarters], axis=1)
    return {
        "quarters": tf.sqrt(tf.reshape(counts, (-1, 4 * WORDS)) + 1e-3),
        "patches": tf.sqrt(tf.reduce_mean(counts, axis=1) + 1e-3),
    }


def gradients(grey: tf.Tensor) -> tf.Tensor:
    """Strength of edges by direction in cells of CELL pixels, relative to the edges around the cell; square roots."""
    across = grey[:, 1:-1, 2:] - grey[:, 1:-1, :-2]
    down = grey[:, 2:, 1:-1] - grey[:, :-2, 1:-1]
    squared = across**2 + down**2 + 1e-3
    twice = (across**2 - down**2) / squared, 2 * across * down / squared  # cosine and sine of twice the angle
    angles = 2 * np.pi * np.arange(DIRECTIONS) / DIRECTIONS
    strengths = [tf.nn.relu(twice[0] * float(np.cos(a)) + twice[1] * float(np.sin(a))) ** 4 for a in angles]
    edges = tf.stack(strengths, axis=-1) * tf.sqrt(squared)[..., None]
    cells = tf.nn.avg_pool2d(tf.pad(edges, [[0, 0], [1, 1], [1, 1], [0, 0]]), CELL, CELL, "VALID")
    around = tf.nn.avg_pool2d(tf.reduce_sum(cells, axis=-1, keepdims=True), 3, 1, "SAME")
    return tf.reshape(tf.sqrt(cells / (around + 4) + 1e-3), (-1, (SIDE // CELL) ** 2 * DIRECTIONS))


def colours(small: tf.Tensor) -> tf.Tensor:
    """How much there is near each of 125 colours, in whole and in the middle; square roots."""
    distances = tf.reduce_sum((small[..., None, :] - COLOURS) ** 2, axis=-1)
    nearness = tf.nn.softmax(-distances / (2 * 30.0**2), axis=-1)
    side = small.shape[1]
    middle = nearness[:, side // 4 : -side // 4, side // 4 : -side // 4]
    counts = [tf.reduce_mean(part, axis=(1, 2)) for part in (nearness, middle)]
    return tf.sqrt(tf.concat(counts, axis=1) + 1e-4)


def _polar() -> np.ndarray:
    """Which place of a real spectrum, row by row, belongs to which radius and angle; shape (places, RADII * ANGLES)."""
    down = np.fft.fftfreq(SIDE, 1 / SIDE)[:, None]
    across = np.fft.rfftfreq(SIDE, 1 / SIDE)[None, :]
    radius = np.log2(np.maximum(np.hypot(down, across), 1)) / np.log2(SIDE / 2) * (RADII - 1)
    angle = np.mod(np.arctan2(down, across), np.pi) / np.pi * ANGLES
    places = np.zeros((radius.size, RADII, ANGLES), np.float32)
    for place, (r, a) in enumerate(zip(radius.ravel(), angle.ravel(), strict=True)):
        if r == 0 or r >= RADII - 1:
            continue
        for dr in (0, 1):
            for da in (0, 1):
                weight = abs(1 - dr - r % 1) * abs(1 - da - a % 1)
                places[place, int(r) + dr, (int(a) + da) % ANGLES] += weight
    return places.reshape(radius.size, -1)


POLAR = _polar()
WINDOW = np.outer(np.hanning(SIDE), np.hanning(SIDE)).astype(np.float32)
WAVES = np.exp(-2j * np.pi * np.outer(np.arange(ANGLES), np.arange(HARMONICS)) / ANGLES)


def spectrum(grey: tf.Tensor) -> tf.Tensor:
    """Magnitudes of the harmonics over the angle, for each radius of the spectrum: a turned picture has the same."""
    grey = grey - tf.reduce_mean(grey, axis=(1, 2), keepdims=True)
    power = tf.reshape(tf.abs(tf.signal.rfft2d(grey * WINDOW)) ** 2, (-1, SIDE * (SIDE // 2 + 1)))
    power = power / (tf.reduce_sum(power, axis=1, keepdims=True) + 1e4)
    polar = tf.reshape(tf.sqrt(power @ POLAR + 1e-6), (-1, ANGLES))
    real, imaginary = (polar @ part.astype(np.float32) for part in (WAVES.real, WAVES.imag))
    return tf.reshape(tf.sqrt(real**2 + imaginary**2 + 1e-6), (-1, RADII * HARMONICS))


def directions(images: tf.Tensor) -> tf.Tensor:
    """Magnitudes of the harmonics of the directions of gradients, all channels together: three corners or four."""
    across = images[:, 1:-1, 2:] - images[:, 1:-1, :-2]
    down = images[:, 2:, 1:-1] - images[:, :-2, 1:-1]
    squared = across**2 + down**2 + 4.0
    size = tf.sqrt(squared)
    cosine, sine = across / size, down / size
    total = tf.reduce_sum(squared, axis=(1, 2)) + 300.0
    real, imaginary, found = tf.ones_like(cosine), tf.zeros_like(cosine), []
    for _ in range(TURNS):
        real, imaginary = real * cosine - imaginary * sine, real * sine + imaginary * cosine
        sums = [tf.reduce_sum(squared * part, axis=(1, 2)) for part in (real, imaginary)]
        found.append(tf.reduce_sum(tf.sqrt(sums[0] ** 2 + sums[1] ** 2 + 1.0), axis=1) / tf.reduce_sum(total, axis=1))
    return tf.sqrt(tf.stack([*found, tf.reduce_sum(total, axis=1) / 1e7], axis=1))
