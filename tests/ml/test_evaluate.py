"""Figures of a report, against Keras' own."""

import keras
import numpy as np
import pandas as pd
import pytest

from dashboard.core import metrics
from dashboard.ml import evaluate


def test_cross_entropy_is_the_loss_keras_computes_of_the_same_table() -> None:
    rng = np.random.default_rng(0)
    names = ["ash", "10", "=1+1"]
    probabilities = rng.dirichlet(np.ones(3), 40)
    probabilities[0] = [0.0, 1.0, 0.0]  # its true class got nothing: the loss stays finite
    true = rng.integers(0, 3, 40)
    true[0] = 0
    table = pd.DataFrame(probabilities, columns=[metrics.PROBABILITY + name for name in names])
    table["true"] = [names[index] for index in true]
    expected = float(keras.losses.CategoricalCrossentropy()(np.eye(3)[true], probabilities))
    assert evaluate.cross_entropy(table) == pytest.approx(expected, rel=1e-4)
