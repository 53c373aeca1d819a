"""Pictures that a network takes for the same: beside what signatures find, mirrored ones above all."""

from collections.abc import Callable

import keras
import numpy as np
import pandas as pd

from dashboard.core.recipe import Recipe
from dashboard.data import likeness
from dashboard.data import weights as weights_files
from dashboard.data.labels import TRAIN
from dashboard.ml import classifier, material, weights
from dashboard.ml.material import Material
from dashboard.runs import cache

Progress = Callable[[int, int, str], None]


def look_alikes(recipe: Recipe, on_progress: Progress) -> pd.DataFrame:
    """Compare the pooled features of every picture of the recipe's dataset version, whatever its split.

    The features are those a run uses, from the same store: what is computed here is not computed again there.

    Args:
        recipe: names dataset, backbone, image size, precision and starting weights; the rest is left alone.
        on_progress: called with done, total and what is done.

    Returns:
        Columns sha256_a, sha256_b, similarity, as of `likeness.pairs_of_features`.

    Raises:
        DatasetError: the dataset does not exist.
        WeightsError: as of `weights.load`.
        RunError: `disk-full`.
    """
    weights_files.require(recipe)  # before anything is built
    given = material.of_recipe(recipe.replace(augmentation=()))
    everything = Material(given.recipe, given.manifest.assign(split=TRAIN))
    keras.utils.clear_session(free_memory=False)
    model = classifier.build(everything.recipe, everything.class_names)
    weights.load(model, everything.recipe)
    try:
        data = material.cached(
            everything, model, None, lambda done, total: on_progress(done, total, "Looking at every picture")
        )
        features = data.train.inputs(np.arange(len(data.train.shas)), 0)[0]
    finally:
        cache.give_back()
    return likeness.pairs_of_features(list(data.train.shas), features)
