"""The page of bias and variance: what it says with nothing there, and the setting of a kept measurement."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dashboard.core import files
from dashboard.core.recipe import Recipe
from dashboard.core.settings import settings
from dashboard.data import datasets
from dashboard.data.datasets import Dataset
from dashboard.runs import queue, status, variances
from tests.pages.conftest import OpenPage


@pytest.fixture
def recipe(take_shapes: Callable[..., Dataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """A dataset, no weights of any backbone, and a run whose recipe is the draft."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    settings.cache_clear()
    dataset = take_shapes()
    recipe = Recipe(dataset=dataset.id, backbone="MobileNet", alpha=0.25, weights="none", image_size=32)
    queue.change(queue.enqueue(recipe).id, status.INTERRUPTED, only_from=(status.QUEUED,))
    return recipe


def row(axis: str, value: float | str, error: float) -> dict[str, object]:
    parts = {"error": error, "bias": error / 4, "variance": error * 3 / 4, "training_error": 0.0}
    return {
        "axis": axis,
        "value": value,
        **parts,
        "low": 0.0,
        "high": 1.0,
        "losses": [1.0, 0.1],
        "by_class": [error] * 8,
    }


def test_without_a_measurement_there_is_the_button_that_makes_one(recipe: Recipe, open_page: OpenPage) -> None:
    at = open_page("bias_and_variance")
    assert not at.button(key="bias_variance_start").disabled
    assert not at.get("plotly_chart") and not at.exception


def test_a_kept_measurement_has_its_verdict_and_its_setting_is_one_click_away(
    recipe: Recipe, open_page: OpenPage
) -> None:
    members = datasets.members(datasets.get(recipe.dataset))
    rows = [row("own", 0, 0.3), row("width", 32, 0.3), row("depth", "conv_3", 0.4)]
    rows += [row("data", count, 0.1 + 1 / count) for count in (4, 8, 16, 24)]
    rows += [row("rate", 0.1, 0.3), row("longer", 4, 0.3)]
    shas = [[sha, 1] for sha in members["sha256"].head(2)]
    record = {"rows": rows, "against": 0.0, "sure_against": None, "sure_else": 0.5, "counts": [4] * 8}
    record |= {"classes": sorted(members["class_name"].unique()), "pictures": {"against": [], "unsteady": shas}}
    files.write_json(variances.path_of(recipe), record)
    at = open_page("bias_and_variance")
    assert not at.exception
    assert any("High variance" in each.value for each in at.subheader)
    assert any("more pictures of *checkerboard* would be worth about" in each.value for each in at.markdown)
    for axis in ("width", "depth", "data"):
        at.segmented_control(key="bias_variance_axis").set_value(axis).run()
        assert [chart.key for chart in at.get("plotly_chart")] == [f"bias_variance_{axis}_chart"]
    at.button(key="bias_variance_use").click().run()
    assert not at.exception
    assert any("dropout of 0.5" in each.value for each in at.markdown), "augmentation is in the recipe now"


def test_what_a_frozen_phase_does_not_use_is_no_other_measurement(workspace: Path) -> None:
    one = Recipe(dataset="-")
    assert variances.path_of(one) == variances.path_of(one.replace(fine_tune_epochs=9, augmentation=("flip",)))
    assert variances.path_of(one) != variances.path_of(one.replace(head_width=9))
