"""The lessons on mini-batches and on overfitting, as a person goes through them."""

import json
import time
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.core.recipe import Recipe
from dashboard.data.datasets import Dataset
from dashboard.runs import queue, status
from dashboard.runs.run import Run
from tests.pages.conftest import OpenPage, plain, settle

NETWORK = {"backbone": "MobileNet", "alpha": 0.25, "weights": "none", "image_size": 32}


@pytest.fixture
def run(take_shapes: Callable[..., Dataset]) -> Run:
    """A run on 8 classes of 6 pictures that has ended without a word."""
    dataset = take_shapes().id
    run = queue.enqueue(Recipe(dataset=dataset, **NETWORK))
    queue.change(run.id, status.INTERRUPTED, only_from=(status.QUEUED,))
    return run


def keys(at: AppTest) -> set[str]:
    return {button.key for button in at.button}


def said(at: AppTest) -> str:
    return plain(" ".join(each.value for each in (*at.markdown, *at.caption, *at.info, *at.subheader)))


def tell(run: Run, *losses: tuple[float, float], mark: str = "") -> None:
    """Write a course into a run: training and validation loss of each epoch, and how it ended."""
    for epoch, (loss, validation) in enumerate(losses, start=1):
        row = {"epoch": epoch, "phase": "feature extraction", "step": epoch, "loss": loss, "accuracy": 0.5}
        row |= {"validation_loss": validation, "validation_accuracy": 0.5, "learning_rate": 0.001, "seconds": 0.5}
        run.say("epoch", **row)
    if mark:
        run.say("mark", mark="early stopping", epoch=len(losses), step=len(losses), text=mark)


def test_a_run_that_failed_at_once_says_that_there_is_nothing_to_look_at(run: Run, open_page: OpenPage) -> None:
    at = open_page("overfitting")
    assert not at.exception and "no finished epoch" in said(at) and "overfitting_ghost" not in keys(at)


def test_the_story_of_a_run_is_told_in_words_and_a_chart(run: Run, open_page: OpenPage) -> None:
    tell(run, (0.9, 0.8), (0.5, 0.6), (0.2, 0.7), mark="Training stopped at epoch 3: [a](http://evil.example).")
    at = open_page("overfitting")
    assert "turned after epoch 2" in said(at) and "[a](http://evil.example)" in said(at)
    assert len(at.get("plotly_chart")) == 1 and not at.exception
    assert "10 epochs further: about 6 s" in said(at)


def test_a_run_without_an_early_stop_says_that_it_came_to_its_end(run: Run, open_page: OpenPage) -> None:
    tell(run, (0.9, 0.8), (0.5, 0.6))
    assert "early stopping did not come to it" in said(open_page("overfitting"))


def test_losses_that_are_no_numbers_break_nothing(run: Run, open_page: OpenPage) -> None:
    tell(run, (0.9, 0.8), (float("nan"), float("nan")))
    at = open_page("overfitting")
    assert not at.exception and len(at.get("plotly_chart")) == 1


def test_a_size_is_advised_from_what_was_measured_and_one_click_takes_it(run: Run, open_page: OpenPage) -> None:
    at = open_page("mini_batches")
    assert "mini_batches_measure" in keys(at) and not at.get("plotly_chart")
    from dashboard.runs import mini_batches

    rows = {"size": [1, 2, 4], "noise": [4.0, 2.8, 2.0], "angle": [80, 70, 60], "pictures_per_second": [90, 170, 300]}
    found = {"rows": rows, "pictures": 32, "train": 320, "classes": 8, "parameters": 9, "warm_steps": 3}
    path = mini_batches._path({"recipe": at.session_state.draft.model_dump(mode="json")})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"measured": found | {"scale": 16.0, "scale_at_start": 2.0}}))
    began = time.monotonic()
    at.run()
    assert time.monotonic() - began < 3
    assert "Batches of 16 for these pictures" in said(at) and len(at.get("plotly_chart")) == 3
    at.button(key="mini_batches_use").click().run()
    assert at.session_state.draft.batch_size == 16
    assert "Batches of 16" in said(at) and "mini_batches_use" not in keys(at), "what was measured still holds"
    at.pills(key="mini_batches_sizes").set_value([1, 2, 4, 8]).run()
    assert at.button(key="mini_batches_race").disabled


@pytest.mark.slow
def test_measuring_training_and_a_ghost_go_through_the_worker_and_stay(run: Run, open_page: OpenPage) -> None:
    at = open_page("mini_batches")
    at.button(key="mini_batches_measure").click().run()
    settle(at, lambda at: len(at.get("plotly_chart")) == 3, seconds=120)
    at.pills(key="mini_batches_sizes").set_value([1, 16]).run()
    at.button(key="mini_batches_race").click().run()
    settle(at, lambda at: len(at.get("plotly_chart")) == 4, seconds=120)
    tell(run, (0.9, 0.8), (0.5, 0.6))
    at.switch_page("../../pages/overfitting.py").run()
    at.button(key="overfitting_ghost").click().run()
    settle(at, lambda at: "In the first 2 epochs it differs from the run" in said(at), seconds=120)
    assert not at.exception
    again = open_page("overfitting")
    assert "In the first 2 epochs" in said(again) and "Go on again" in {button.label for button in again.button}
