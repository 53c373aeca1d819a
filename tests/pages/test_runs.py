"""Runs beside each other."""

from collections.abc import Callable

from dashboard.core.recipe import Recipe
from dashboard.data.datasets import Dataset
from dashboard.runs import queue
from tests.pages.conftest import OpenPage


def test_settings_that_differ_stand_apart_from_those_that_do_not(
    take_shapes: Callable[..., Dataset], open_page: OpenPage
) -> None:
    dataset = take_shapes()
    recipe = Recipe(dataset=dataset.id, dataset_version=dataset.version, weights="none", image_size=32)
    for rate in (1e-3, 1e-2):
        queue.request_stop(queue.enqueue(recipe.replace(learning_rate=rate)).id)
    at = open_page("runs")
    assert not at.exception
    differing, same = (each.value for each in at.dataframe[1:])
    assert differing.to_dict() == {"Run 2": {"learning rate": "0.01"}, "Run 1": {"learning rate": "0.001"}}
    assert same.loc["backbone"].to_list() == ["MobileNetV2"]
    assert "learning rate" not in same.index
    assert set(at.dataframe[0].value["status"]) == {"stopped"}
