"""The head of a network by itself, on kept features of the training pictures: for lessons that train it anew."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import keras
import numpy as np

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
        """Make it ready to learn, as if it had never learned anything."""
        compile_part(self.part, self.material.recipe, self.material.recipe.learning_rate)
        self.forget()

    def warm(self, size: int) -> None:
        """Have a step of so many pictures traced, so that the next takes what every one takes; nothing is learned."""
        fresh = [keras.ops.convert_to_numpy(each) for each in self.part.optimizer.variables]
        self.step(np.arange(size))
        for variable, value in zip(self.part.optimizer.variables, fresh, strict=True):
            variable.assign(value)
        self.forget()

    def forget(self) -> None:
        """The weights of the start again, and dropout that draws the same again; the optimizer stays as it is."""
        self.part.set_weights(self.start)
        for layer in self.part.layers:
            if hasattr(layer, "seed_generator"):
                state = layer.seed_generator.state
                state.assign(np.array([self.material.recipe.seed, 0]).astype(state.dtype))

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
