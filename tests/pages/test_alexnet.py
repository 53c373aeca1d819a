"""AlexNet from nothing beside a pretrained network."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dashboard.core.recipe import Recipe
from dashboard.core.settings import settings
from dashboard.data.datasets import Dataset
from dashboard.runs import queue, status
from dashboard.ui import racing
from tests.pages.conftest import OpenPage, settle


@pytest.fixture
def shapes(take_shapes: Callable[..., Dataset]) -> Dataset:
    return take_shapes()


def test_without_pictures_it_says_what_it_will_show(workspace: Path, open_page: OpenPage) -> None:
    at = open_page("alexnet")
    assert not at.exception
    assert any("side by side" in each.value for each in at.markdown)
    assert "empty_dataset" in {each.key for each in at.button}


def test_without_pretrained_weights_it_leads_to_them(
    shapes: Dataset, open_page: OpenPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "nothing"))
    settings.cache_clear()
    at = open_page("alexnet")
    assert not at.exception
    assert any("Model page" in each.value for each in at.info)
    assert "alexnet_start" not in {each.key for each in at.button}


def test_alexnet_learns_from_nothing_and_the_other_as_the_draft_does(keras_home: Path, shapes: Dataset) -> None:
    draft = Recipe(dataset=shapes.id, backbone="MobileNetV2", alpha=0.35, epochs=7, augmentation=("flip",), seed=3)
    assert racing.pretrained(draft) == draft
    old = racing.old(draft, 96)
    assert (old.backbone, old.image_size, old.weights, old.augmentation, old.seed) == (
        "AlexNet",
        96,
        "none",
        ("flip",),
        3,
    )
    assert (old.epochs, old.optimizer, old.fine_tune_learning_rate) == (0, "Adam", 1e-4)
    there = racing.pretrained(draft.replace(alpha=1.0))
    assert there is not None and (there.alpha, there.epochs) == (0.35, 7)
    assert racing.pretrained(old) is not None and racing.pretrained(old).backbone == "MobileNetV2"


def test_both_curves_are_those_of_the_newest_pair_on_these_pictures(
    keras_home: Path, shapes: Dataset, open_page: OpenPage
) -> None:
    draft = Recipe(dataset=shapes.id, dataset_version=shapes.version, backbone="MobileNetV2", alpha=0.35)
    for recipe in (draft.replace(seed=1), draft.replace(weights="none"), racing.old(draft, 67), draft):
        run = queue.enqueue(recipe)
        queue.change(run.id, status.FINISHED, only_from=(status.QUEUED,))
        run.say("attempt", epoch=0, versions={})
        run.say("epoch", epoch=1, phase="fine-tuning", step=1, loss=1.0, accuracy=0.5, validation_loss=1.0,
                validation_accuracy=0.25, learning_rate=0.1, seconds=1.0)  # fmt: skip
    pair = racing.runs_of(shapes)
    assert list(pair) == ["AlexNet", "MobileNetV2 0.35"]
    assert [row["number"] for row in pair.values()] == [3, 4]
    at = open_page("alexnet")
    assert not at.exception
    captions = " ".join(each.value for each in at.caption)
    assert "**AlexNet**, run 3: finished, 1 epoch in" in captions and "run 4: finished" in captions


@pytest.mark.slow
def test_the_button_queues_both(keras_home: Path, shapes: Dataset, open_page: OpenPage) -> None:
    at = open_page("alexnet")
    at.segmented_control(key="alexnet_size").set_value(67).run()
    at.button(key="alexnet_start").click().run()
    settle(at, lambda _: len(queue.listing()) == 2, seconds=120)
    for run_id in queue.listing()["id"]:
        queue.request_stop(run_id)
