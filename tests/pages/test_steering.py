"""A run is steered, paused, moved in the queue and lengthened from its pages."""

from collections.abc import Callable, Iterator

import pytest

from dashboard.core.lease import Lease
from dashboard.core.recipe import Recipe
from dashboard.core.settings import workspace as in_workspace
from dashboard.data.datasets import Dataset
from dashboard.runs import checkpoints, queue, status, steering, supervisor
from dashboard.runs.run import Run
from tests.pages.conftest import OpenPage


@pytest.fixture
def recipe(take_shapes: Callable[..., Dataset]) -> Recipe:
    dataset = take_shapes()
    return Recipe(dataset=dataset.id, dataset_version=dataset.version, weights="none", image_size=32)


@pytest.fixture(autouse=True)
def _nobody_takes_runs(workspace: object) -> Iterator[None]:
    """This process is the supervisor, and does nothing."""
    held = Lease(in_workspace(supervisor.LEASE))
    assert held.acquire()
    yield
    held.release()


@pytest.fixture
def running(recipe: Recipe) -> Iterator[Run]:
    """A run under way, as far as anybody can see: this process holds its lease."""
    queue.enqueue(recipe)
    run = queue.claim()
    assert run is not None
    held = Lease(run.lease_path)
    assert held.acquire()
    run.say("attempt", epoch=0, versions={})
    run.say("phase", phase="feature extraction", epoch=0, step=0)
    batch = {"loss": [2.0], "accuracy": [0.1], "learning_rate": [1e-3]}
    run.say("batches", phase="feature extraction", epoch=1, first_step=1, pictures_per_second=50.0, **batch)
    yield run
    held.release()


def test_what_is_asked_on_the_page_waits_for_the_next_batch_and_the_page_says_so(
    running: Run, open_page: OpenPage
) -> None:
    at = open_page("run")
    assert not at.exception
    at.number_input(key=f"steer_rate_{running.id}").set_value(3e-4).run()
    at.button(key="steer_rate_set").click().run()
    at.number_input(key=f"steer_patience_{running.id}").set_value(9).run()
    at.button(key="steer_patience_set").click().run()
    at.button(key="steer_last").click().run()
    at.button(key="steer_more").click().run()
    assert not at.exception
    asked = [(each.lever, each.value) for each in steering.waiting(running)]
    assert asked == [("learning rate", 3e-4), ("patience", 9), ("last epoch", None), ("more epochs", 5)]
    said = " ".join(element.value for element in at.run().markdown).replace("\\", "")
    assert "At the next batch: Learning rate set to 0.0003. Patience set to 9 epochs." in said


def test_without_epochs_of_fine_tuning_there_is_nothing_to_thaw(running: Run, open_page: OpenPage) -> None:
    assert open_page("run").button(key="steer_thaw").disabled


def test_pause_is_asked_once_and_said(running: Run, open_page: OpenPage) -> None:
    at = open_page("run")
    at.button(key="run_pause").click().run()
    assert running.pause_requested
    assert at.button(key="run_pause").disabled
    assert "Pausing after this batch" in " ".join(element.value for element in at.markdown)


def test_a_run_that_has_ended_is_lengthened_and_a_stopped_one_goes_on(recipe: Recipe, open_page: OpenPage) -> None:
    run = queue.enqueue(recipe)
    with checkpoints.writing(run.path, 3) as folder:
        (folder / "state.npz").write_bytes(b"weights")
    queue.change(run.id, status.STOPPED, only_from=(status.QUEUED,))
    at = open_page("run")
    assert at.button(key="run_resume").label == "Go on training"
    at.number_input(key="longer").set_value(7).run()
    at.button(key="longer_start").click().run()
    assert not at.exception
    assert [(each.lever, each.value) for each in steering.waiting(run)] == [("more epochs", 7)]
    assert queue.row(run.id)["status"] in status.UNDER_WAY


def test_the_queue_shows_who_trains_and_who_waits_and_lets_them_change_places(
    running: Run, recipe: Recipe, open_page: OpenPage
) -> None:
    second, third = (queue.enqueue(recipe.replace(seed=seed)).id for seed in (1, 2))
    at = open_page("runs")
    assert not at.exception
    lines = [element.value for element in at.markdown if "Run " in element.value]
    assert [line.split(": ")[1] for line in lines] == ["trains now", "waits, number 1", "waits, number 2"]
    assert at.button(key=f"queue_up_{second}").disabled
    at.button(key=f"queue_up_{third}").click().run()
    assert queue.waiting() == [third, second]
    at.button(key=f"queue_cancel_{second}").click().run()
    assert queue.waiting() == [third]
    assert queue.row(second)["status"] == status.STOPPED
