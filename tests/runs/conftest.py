"""Runs without a network: a workspace with a dataset of generated pictures."""

from pathlib import Path

import pytest

from dashboard.core.recipe import Recipe
from dashboard.data import samples
from dashboard.data.datasets import Dataset


@pytest.fixture
def dataset(workspace: Path) -> Dataset:
    """A small demo set, taken in by the real intake."""
    return samples.import_sample("shapes", settings=samples.ShapesSettings(images_a_class=6, side=32))


@pytest.fixture
def recipe(dataset: Dataset) -> Recipe:
    return Recipe(dataset=dataset.id, dataset_version=dataset.version, weights="none", image_size=32, epochs=1)
