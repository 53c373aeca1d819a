"""The learning-rate finder on the Train page."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.core.recipe import Recipe
from dashboard.core.settings import settings
from dashboard.data import datasets
from dashboard.data.datasets import Dataset
from dashboard.runs import queue, status
from tests.pages.conftest import OpenPage, plain, settle


@pytest.fixture
def shapes(take_shapes: Callable[..., Dataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dataset, and no weights of any backbone."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    settings.cache_clear()
    take_shapes(images_a_class=10)


def said(at: AppTest) -> str:
    return " ".join(caption.value for caption in at.caption)


def keys(at: AppTest) -> set[str]:
    return {button.key for button in at.button}


def test_without_weights_the_button_is_off_and_says_why(shapes: None, open_page: OpenPage) -> None:
    at = open_page("train")
    assert at.button(key="train_find").disabled
    assert "Needs the weights of MobileNetV2 1.0" in said(at)


def test_a_phase_without_epochs_has_nothing_to_find(shapes: None, open_page: OpenPage) -> None:
    at = open_page("model")
    at.segmented_control(key="model_weights").set_value("none").run()
    at.switch_page("../../pages/train.py").run()
    assert not at.button(key="train_find").disabled
    at.number_input(key="train_fine_tune_epochs").set_value(0).run()
    at.segmented_control(key="train_find_phase").set_value("fine-tuning").run()
    assert at.button(key="train_find").disabled
    assert "This phase has 0 epochs" in said(at)


@pytest.mark.slow
def test_a_learning_rate_is_found_taken_and_outdated_by_another_recipe(shapes: None, open_page: OpenPage) -> None:
    dataset = datasets.listing()["id"].iloc[0]
    earlier = Recipe(dataset=dataset, backbone="MobileNet", alpha=0.25, weights="none", image_size=32)
    queue.change(queue.enqueue(earlier).id, status.INTERRUPTED, only_from=(status.QUEUED,))
    at = open_page("train")  # a session begins with the recipe of the newest run
    at.button(key="train_find").click().run()
    assert "train_find" not in keys(at), "one search at a time"
    next(button for button in at.button if button.label == "Cancel").click().run()
    settle(at, lambda at: any("was cancelled" in plain(error.value) for error in at.error), seconds=120)

    at.button(key="train_find").click().run()
    settle(at, lambda at: "train_find_use" in keys(at), seconds=120)
    assert [chart.key for chart in at.get("plotly_chart")] == ["train_learning_rate_curve"]
    found = float(at.button(key="train_find_use").label.removeprefix("Use "))
    assert found != 1e-3

    at.button(key="train_find_use").click().run()
    assert at.number_input(key="train_learning_rate").value == found
    assert f"{found:.2g} is the learning rate of this phase" in said(at)
    assert "has changed since" not in said(at), "its own rate is no part of a curve"
    at.number_input(key="train_batch_size").set_value(16).run()
    assert "has changed since" in said(at)
    at.number_input(key="train_batch_size").set_value(32).run()
    assert "has changed since" not in said(at)
    at.segmented_control(key="train_find_phase").set_value("fine-tuning").run()
    assert not at.get("plotly_chart"), "a curve is of one phase"
    at.segmented_control(key="train_find_phase").set_value("feature extraction").run()
    assert at.get("plotly_chart")
    assert list(queue.listing()["status"]) == [status.INTERRUPTED], "no run comes of it"
