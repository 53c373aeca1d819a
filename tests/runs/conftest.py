"""Runs without a network: a workspace with a dataset of generated pictures."""

from collections.abc import Callable

import pytest

from dashboard.core.recipe import Recipe
from dashboard.data.datasets import Dataset


@pytest.fixture
def dataset(take_shapes: Callable[..., Dataset]) -> Dataset:
    """A small demo set, taken in by the real intake."""
    return take_shapes()


@pytest.fixture
def recipe(dataset: Dataset) -> Recipe:
    return Recipe(dataset=dataset.id, dataset_version=dataset.version, weights="none", image_size=32, epochs=1)
