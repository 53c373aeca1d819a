"""Mini-batches on somebody's own pictures: the noise of their gradients, their speed, and trainings side by side.

The head alone, on what the frozen part makes of the pictures as they are: no augmentation, no mixup. Dropout is off
where gradients are compared, so that sampling is all that differs; trainings have it, as a run has.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dashboard.core import gradient_noise
from dashboard.core.errors import DatasetError
from dashboard.core.recipe import recipe_from
from dashboard.ml import material
from dashboard.ml.finder import begin
from dashboard.ml.fit import compile_part, stage
from dashboard.ml.material import Material
from dashboard.ml.train import FEATURES, check_pictures
from dashboard.runs import cache
from dashboard.runs.run import open_run

MOST = 4096  # pictures whose features are held in memory; of more, these many are drawn
DRAWS = 64  # batches of every size
WARM_BATCH, WARM_STEPS = 32, 50
TIMED = 0.15  # seconds a batch size is timed for
RACE = 2.0  # seconds each of the trainings side by side takes
LOOKS = 40  # points of its curve
FULL = 1024  # pictures at a time where all are wanted

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Head:
    """What learns, as it begins, and the training pictures as it sees them.

    Features have shape (pictures, width), labels (pictures, classes), and weights, how much each picture counts,
    (pictures,).
    """

    part: keras.Model
    start: list[np.ndarray]
    features: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    material: Material

    @property
    def pictures(self) -> int:
        return len(self.labels)

    def begin(self) -> None:
        """Forget all that was learned."""
        recipe = self.material.recipe
        compile_part(self.part, recipe, recipe.learning_rate)
        self.part.set_weights(self.start)
        for layer in self.part.layers:
            if hasattr(layer, "seed_generator"):  # dropout draws the same again
                state = layer.seed_generator.state
                state.assign(np.array([recipe.seed, 0]).astype(state.dtype))

    def step(self, chosen: np.ndarray) -> float:
        """Learn from the pictures of these indices; their loss before it."""
        batch = self.features[chosen], self.labels[chosen], self.weights[chosen]
        logs = self.part.train_on_batch(*batch, return_dict=True)
        self.part.reset_metrics()
        return float(logs["loss"])

    def loss(self) -> float:
        """Over all pictures, without dropout."""
        logs = self.part.evaluate(
            self.features, self.labels, sample_weight=self.weights, batch_size=FULL, verbose=0, return_dict=True
        )
        return float(logs["loss"])


def head(of: dict[str, Any], progress: Progress) -> Head:
    """The head of a recipe, or of a run's recipe, with the features of its training pictures; kept for the next call.

    Args:
        of: {"recipe": fields} or {"run": id}.
        progress: told of features that are computed.

    Raises:
        DatasetError: as of `train.check_pictures`; `mini-batches-one-class`; `mini-batches-too-few`.
        DashboardError: as of `material.cached` and `finder.begin`.
    """
    return _head(json.dumps(of, sort_keys=True), _Told(progress))


class _Told:
    """A way to tell of progress that makes no difference to what is kept."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Told)

    def __hash__(self) -> int:
        return 0


@lru_cache(maxsize=1)
def _head(of: str, told: _Told) -> Head:
    own = _material(json.loads(of))
    check_pictures(own)
    _check(own)
    told.progress(0, 0, "building the network")
    keras.utils.clear_session(free_memory=False)
    try:
        model = begin(own, told.progress)
        data = material.cached(own, model, None, lambda done, total: told.progress(done, total, FEATURES))
        chosen = _sample(len(own.train), own.recipe.seed)
        features = np.concatenate(
            [data.train.inputs(chosen[at : at + FULL], 0)[0] for at in range(0, len(chosen), FULL)]
        )
    finally:
        cache.give_back()
    stage(model, None, own.recipe, 0)
    labels, weight = data.train.labels[chosen], data.class_weight or {}
    weights = np.array([weight.get(index, 1.0) for index in labels.argmax(axis=1)], dtype="float32")
    return Head(data.part, data.part.get_weights(), features, labels, weights, own)


def _material(of: dict[str, Any]) -> Material:
    """Of a recipe or a run, the pictures as they are."""
    own = material.of_run(open_run(of["run"])) if "run" in of else material.of_recipe(recipe_from(of["recipe"]))
    return Material(own.recipe.replace(augmentation=(), mixup=0.0, steering=()), own.manifest)


def _check(own: Material) -> None:
    if len(own.class_names) < 2:
        raise DatasetError(
            "mini-batches-one-class",
            "There is only one class, so every picture is right and no gradient is left to compare. Add another class.",
        )
    if len(own.train) < 2:
        raise DatasetError(
            "mini-batches-too-few",
            f"The training split has {len(own.train)} picture; a batch is compared with all of them, so at least 2 are "
            "needed. Add pictures or split anew.",
        )


def _sample(pictures: int, seed: int) -> np.ndarray:
    """Indices of at most `MOST` pictures, in order."""
    if pictures <= MOST:
        return np.arange(pictures)
    return np.sort(np.random.default_rng(seed).choice(pictures, MOST, replace=False))


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
    own.step(np.arange(size))  # traced before it is timed, and forgotten
    own.begin()
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
