"""The learning-rate finder: the range test of `core.range_test` on the network and the features a run would begin with.

Nothing is written but features, where a run would keep them too: the network is one of its own, and forgotten.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import keras
import numpy as np

from dashboard.core import range_test
from dashboard.core.range_test import Suggestion
from dashboard.core.recipe import FEATURE_EXTRACTION, FINE_TUNING, Phase, Recipe
from dashboard.ml import classifier, material, rates, weights
from dashboard.ml.fit import compile_part, lowest_block, stage
from dashboard.ml.material import Data, Material
from dashboard.ml.train import FEATURES, SETTLING, check_pictures
from dashboard.runs import cache

HEAD_STEPS = 200  # at most; a head that has learned little tells the blocks below it little
SAY = 5  # steps between two reports

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Finding:
    """A range test: the rates that were tried, the loss of a mini-batch at each, and what they suggest."""

    learning_rates: np.ndarray
    losses: np.ndarray
    suggestion: Suggestion

    def as_record(self) -> dict[str, Any]:
        """JSON-safe: the columns of `range_test.curve`, a list each, and the suggestion."""
        curve = range_test.curve(self.learning_rates, self.losses)
        return {"curve": curve.to_dict("list"), "suggestion": asdict(self.suggestion)}


def find(recipe: Recipe, phase: str, progress: Progress) -> Finding:
    """The range test of one phase, as it would begin now. The same recipe gives the same curve.

    Args:
        recipe: of a run that need not exist.
        phase: name of a phase, whether or not the recipe has epochs for it.
        progress: called with done, total and what is done; what it raises ends the work.

    Raises:
        DatasetError: the dataset is unknown, has an empty split, or its pictures are gone.
        WeightsError: as of `weights.load`.
        BackboneError: `block-unknown`.
        RunError: `disk-full`.
    """
    keras.utils.clear_session(free_memory=False)  # the graphs of earlier findings
    own = material.of_recipe(recipe)
    check_pictures(own)
    progress(0, 0, "building the network")
    try:
        model = begin(own, progress)
        if phase == FINE_TUNING:
            _train_head(model, own, progress)
        data = _make_ready(model, own, phase, progress)
        tried = range_test.rates()
        losses = _range_test(data, tried, progress)
    finally:
        cache.give_back()  # this process stays, and whoever needs room may have it
    return Finding(tried[: len(losses)], losses, range_test.suggest(tried[: len(losses)], losses))


def begin(own: Material, progress: Progress) -> keras.Model:
    """The network as `train.begin` has it."""
    model = classifier.build(own.recipe, own.class_names)
    weights.load(model, own.recipe)
    if own.recipe.weights == "none":
        progress(0, 0, SETTLING)
        material.settle(own, model)
    return model


def _make_ready(model: keras.Model, own: Material, phase: str, progress: Progress) -> Data:
    """What the phase trains, frozen and compiled as at its first step."""
    recipe = own.recipe
    as_phase = _phase(recipe, phase)
    unfreeze_from = lowest_block(model, as_phase, recipe)
    if material.nothing_frozen(own, model, unfreeze_from):
        data = material.pictures(own, model)
    else:
        data = material.cached(own, model, unfreeze_from, lambda done, total: progress(done, total, FEATURES))
    stage(model, unfreeze_from, recipe, 0)
    compile_part(data.part, recipe, as_phase.learning_rate, rates.factors(model, recipe, as_phase))
    return data


def _phase(recipe: Recipe, name: str) -> Phase:
    if name == FEATURE_EXTRACTION:
        return Phase(name, recipe.epochs, recipe.learning_rate, recipe.patience)
    return Phase(name, recipe.fine_tune_epochs, recipe.fine_tune_learning_rate, recipe.patience)


def _train_head(model: keras.Model, own: Material, progress: Progress) -> None:
    """Give the model the head that fine-tuning begins with, or nearly; a random one if the recipe trains none before.

    A random head has a steep loss of its own, which would say nothing of the blocks below it.
    """
    if not own.recipe.epochs:
        return
    data = _make_ready(model, own, FEATURE_EXTRACTION, progress)
    steps = min(own.recipe.epochs * len(data.train), HEAD_STEPS)
    for step in range(steps):
        if step % SAY == 0:
            progress(step, steps, "training the classifier on top")
        _step(data, step)


def _range_test(data: Data, tried: np.ndarray, progress: Progress) -> np.ndarray:
    """The finite losses of mini-batches at rising learning rates, until they explode; shape (at most as many,)."""
    losses: list[float] = []
    for step, rate in enumerate(tried):
        if step % SAY == 0:
            progress(step, len(tried), "trying learning rates")
        data.part.optimizer.learning_rate = float(rate)
        losses.append(_step(data, step))
        if range_test.exploded(losses):
            break
    return np.array([loss for loss in losses if np.isfinite(loss)])


def _step(data: Data, step: int) -> float:
    """Train on one batch, in the order a run takes them from its first epoch on; its loss before the change."""
    epoch, index = divmod(step, len(data.train))
    data.train.start_at(epoch)
    inputs, labels = data.train[index]
    logs = data.part.train_on_batch(inputs, labels, class_weight=data.class_weight, return_dict=True)
    return float(logs["loss"])
