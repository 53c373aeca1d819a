"""Mini-batches on somebody's own pictures: the noise of their gradients, their speed, and trainings side by side.

The head alone, on what the frozen part makes of the pictures as they are: no augmentation, no mixup. Dropout is off
where gradients are compared, so that sampling is all that differs; trainings have it, as a run has.
"""

import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dashboard.core import gradient_noise
from dashboard.core.errors import DatasetError
from dashboard.ml.head import FULL, Head, Progress, head

DRAWS = 64  # batches of every size
WARM_BATCH, WARM_STEPS = 32, 50
TIMED = 0.15  # seconds a batch size is timed for
RACE = 2.0  # seconds each of the trainings side by side takes
LOOKS = 40  # points of its curve


def measure(of: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """The noise of gradients and the speed of training at every batch size that fits the pictures.

    Batches are drawn with replacement, for which the mean squared noise is exactly tr(Sigma) / B, also where a batch is
    as large as the training split.

    Args:
        of: as of `head`.
        progress: called with done, total and what is done.

    Returns:
        JSON-safe: `rows`, columns size, noise (root mean square of |g_B - g| / |g|), angle (mean, degrees) and
        pictures_per_second; pictures, those compared; train, those there are; classes; parameters (count); warm_steps;
        scale and scale_at_start, the noise scale after so many steps and before, in pictures.

    Raises:
        DatasetError: as of `head`; `mini-batches-no-gradient`.
        DashboardError: as of `head`.
    """
    own = head(of, progress)
    sizes = gradient_noise.sizes(own.pictures)
    own.begin()
    draws = np.random.default_rng(own.material.recipe.seed)
    at_start, _ = _noise(own, sizes[-1:], draws, lambda _done: None)
    steps = _warm(own, draws)
    total = 2 * len(sizes)
    noise, angles = _noise(own, sizes, draws, lambda done: progress(done, total, "comparing gradients"))
    speed = []
    for done, size in enumerate(sizes, start=len(sizes)):
        progress(done, total, "timing")
        speed.append(_speed(own, size, draws))
    rows = {"size": sizes, "noise": noise, "angle": angles, "pictures_per_second": speed}
    return {
        "rows": rows,
        "pictures": own.pictures,
        "train": len(own.material.train),
        "classes": len(own.material.class_names),
        "parameters": int(sum(weight.size for weight in own.start)),
        "warm_steps": steps,
        "scale": gradient_noise.scale(sizes, noise),
        "scale_at_start": gradient_noise.scale(sizes[-1:], at_start),
    }


def _warm(own: Head, draws: np.random.Generator) -> int:
    """Train a little, at most three passes: the very first gradient points where any batch would; steps taken."""
    size = min(WARM_BATCH, own.pictures)
    steps = min(WARM_STEPS, 3 * -(-own.pictures // size))
    for _ in range(steps):
        own.step(draws.integers(own.pictures, size=size))
    return steps


def _noise(
    own: Head, sizes: list[int], draws: np.random.Generator, tell: Callable[[int], None]
) -> tuple[list[float], list[float]]:
    """Relative noise and mean angle in degrees at every size; raises DatasetError `mini-batches-no-gradient`."""
    gradient = _gradient(own)
    full = _full(own, gradient)
    length = float(np.linalg.norm(full))
    if not np.isfinite(length) or length < 1e-12:
        raise DatasetError(
            "mini-batches-no-gradient",
            "The gradient over all training pictures is zero or not finite: nothing is left to learn from them, or the "
            "learning rate is far too high. Try a lower learning rate, or more pictures.",
        )
    noise, angles = [], []
    for done, size in enumerate(sizes):
        tell(done)
        squares, turned = [], []
        for _ in range(DRAWS):
            drawn = gradient(draws.integers(own.pictures, size=size))
            squares.append(float(((drawn - full) ** 2).sum()) / length**2)
            cosine = float(drawn @ full) / max(float(np.linalg.norm(drawn)) * length, 1e-30)
            turned.append(float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))))
        noise.append(float(np.sqrt(np.mean(squares))))
        angles.append(float(np.mean(turned)))
    return noise, angles


def _gradient(own: Head) -> Callable[[np.ndarray], np.ndarray]:
    """Of the mean loss of the pictures of some indices, over all that learns, as one float64 vector."""
    part = own.part
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=own.material.recipe.label_smoothing)
    variables = [variable.value for variable in part.trainable_variables]

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def flat(features: tf.Tensor, labels: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            value = loss(labels, part(features, training=False), sample_weight=weights)
        return tf.concat([tf.reshape(each, [-1]) for each in tape.gradient(value, variables)], 0)

    def of(chosen: np.ndarray) -> np.ndarray:
        batch = (tf.constant(each[chosen]) for each in (own.features, own.labels, own.weights))
        found: np.ndarray = flat(*batch).numpy().astype("float64")
        return found

    return of


def _full(own: Head, gradient: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Over all pictures, each once, in parts that fit the memory of any head."""
    everything = np.arange(own.pictures)
    parts = [everything[at : at + FULL] for at in range(0, own.pictures, FULL)]
    return np.asarray(sum(gradient(part) * len(part) for part in parts) / own.pictures)


def _speed(own: Head, size: int, draws: np.random.Generator) -> float:
    """Pictures a second that the head trains on in batches of a size: the median step on this machine now."""
    batches = [draws.integers(own.pictures, size=size) for _ in range(4)]
    for chosen in batches[:2]:
        own.step(chosen)  # traced and warm
    took: list[float] = []
    began = time.perf_counter()
    while len(took) < 5 or time.perf_counter() - began < TIMED:
        before = time.perf_counter()
        own.step(batches[len(took) % len(batches)])
        took.append(time.perf_counter() - before)
    return round(size / float(np.median(took)), 1)


def race(of: dict[str, Any], sizes: list[int], progress: Progress, seconds: float = RACE) -> list[dict[str, Any]]:
    """Train the same head, from the same start and at the recipe's learning rate, with batches of several sizes.

    Each gets as many seconds of training; what its curve costs is not counted. An epoch shows every picture once.

    Returns:
        One JSON-safe record a size: size, and lists of equal length: step, seconds, pictures (seen so far) and loss
        (over all training pictures, without dropout). Sizes beyond the training split are its own size. A training
        whose loss is no number any more ends there.

    Raises:
        DashboardError: as of `head`.
    """
    own = head(of, progress)
    found = []
    chosen = sorted({min(max(1, size), own.pictures) for size in sizes})
    for at, size in enumerate(chosen):
        tell = lambda done, at=at, size=size: progress(  # noqa: E731
            round(100 * (at + min(1.0, done / seconds))), 100 * len(chosen), f"training with batches of {size}"
        )
        found.append({"size": size, **_train(own, size, seconds, tell)})
    return found


def _train(own: Head, size: int, seconds: float, tell: Callable[[float], None]) -> dict[str, list[float]]:
    own.begin()
    own.warm(size)
    order = np.random.default_rng(own.material.recipe.seed)
    rows, spent, step = [(0, 0.0, 0, own.loss())], 0.0, 0
    waiting = np.empty(0, dtype=int)
    while spent < seconds and np.isfinite(rows[-1][-1]):
        look = spent + seconds / LOOKS
        while spent < look:
            before = time.perf_counter()
            if len(waiting) < size:
                waiting = order.permutation(own.pictures)
            own.step(waiting[:size])
            waiting, step = waiting[size:], step + 1
            spent += time.perf_counter() - before
        rows.append((step, spent, step * size, own.loss()))
        tell(spent)
    kept = [row for row in rows if np.isfinite(row[-1])]
    return {
        name: list(column)
        for name, column in zip(("step", "seconds", "pictures", "loss"), zip(*kept, strict=True), strict=True)
    }
