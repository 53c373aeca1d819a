"""Learning rates by depth: the head, the thawed blocks, and how they differ."""

from typing import Any

import keras

from dashboard.core.optimizers import OPTIMIZERS
from dashboard.core.recipe import FINE_TUNING, Phase, Recipe
from dashboard.ml import classifier, cut


def optimizer(name: str, learning_rate: float, factors: dict[str, float]) -> keras.optimizers.Optimizer:
    """An optimizer of a row, in which some variables learn at their own rate.

    One optimizer with a factor a variable, rather than Keras' `MultiOptimizer` with an optimizer a rate: its state has
    the same shape whatever the rates are, and a schedule sets one number.

    Args:
        name: of a row of `OPTIMIZERS`.
        learning_rate: what a variable without a factor learns at.
        factors: by variable path, what its learning rate is multiplied with.
    """
    row = OPTIMIZERS[name]
    builder = getattr(keras.optimizers, row.builder)
    if not factors:
        return builder(learning_rate=learning_rate, **row.arguments)

    class ByDepth(builder):  # type: ignore[misc, valid-type]
        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            # The backend hands over its own variable, which does not know its path.
            path = self._trainable_variables[self._get_variable_index(variable)].path
            super().update_step(gradient, variable, learning_rate * factors.get(path, 1.0))

    return ByDepth(learning_rate=learning_rate, **row.arguments)


def factors(model: keras.Model, recipe: Recipe, phase: Phase) -> dict[str, float]:
    """What the learning rates of a phase are multiplied with, by variable path; empty where all learn at one rate.

    The block that is thawed highest learns at the phase's own rate, each one below at `rate_decay` of the one above,
    the head at `head_rate_factor` times the rate. (Howard and Ruder, "ULMFiT", 2018, take 1 / 2.6 for the decay.)
    """
    if phase.name != FINE_TUNING or (recipe.head_rate_factor == recipe.rate_decay == 1.0):
        return {}
    blocks = cut.blocks(classifier.backbone_of(model))
    depth = {name: below for below, block in enumerate(reversed(blocks)) for name in block.layers}
    found = {}
    for layer in model.layers:
        factor = recipe.rate_decay ** depth[layer.name] if layer.name in depth else recipe.head_rate_factor
        found.update({variable.path: factor for variable in layer.trainable_variables})
    return found
