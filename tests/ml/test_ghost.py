"""A ghost goes the run's own way up to the run's end, and on from there."""

import shutil
from collections.abc import Callable
from typing import Any

import pytest

from dashboard.core import overfitting
from dashboard.core.errors import DatasetError, RunError
from dashboard.core.recipe import FEATURE_EXTRACTION, FINE_TUNING
from dashboard.core.steering import LEARNING_RATE, PATIENCE, Steer
from dashboard.data.datasets import picture_path
from dashboard.ml import ghost
from dashboard.runs import ghosts
from dashboard.runs.run import Run
from tests.ml.test_fit import trained

pytestmark = pytest.mark.slow


def silent(_done: int, _total: int, _text: str) -> None:
    pass


def test_it_coincides_with_the_run_to_its_early_stop_and_goes_on(
    make_run: Callable[..., Run], train_to_end: Callable[[Run], Run]
) -> None:
    """The run in a process of its own, from random weights, with dropout and both phases."""
    fields = {"patience": 1, "learning_rate": 0.5, "unfreeze_from": "conv_13", "precision": "float32"}
    run = train_to_end(make_run(epochs=12, fine_tune_epochs=1, **fields))
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    history = run.history()
    own = history[history["phase"] == FEATURE_EXTRACTION]
    assert len(own) < 12, "it stopped early"
    steps: list[tuple[int, int, str]] = []
    ghost.go_on(run, FEATURE_EXTRACTION, lambda *step: steps.append(step))
    found = ghosts.read(run, FEATURE_EXTRACTION)
    assert found is not None
    last = len(own) + ghosts.more(len(own))
    assert found.epochs["epoch"].tolist() == list(range(1, last + 1))
    assert overfitting.coincide(history, found.epochs) == (len(own), 0.0)
    assert [step for step in steps if step[2] == ghost.GOING_ON][-1][:2] == (last, last)

    ghost.go_on(run, FINE_TUNING, silent)
    tuned = ghosts.read(run, FINE_TUNING)
    assert tuned is not None
    count, gap = overfitting.coincide(history, tuned.epochs)
    assert count == (history["phase"] == FINE_TUNING).sum() and gap == pytest.approx(0, abs=1e-5)
    assert len(tuned.epochs) == count + ghosts.more(count)
    assert not ghosts.unfinished(run).exists()
    assert {path: path.read_bytes() for path in before} == before, "the run is not changed"


@pytest.mark.soak
def test_a_rate_set_on_the_way_is_part_of_the_course_and_patience_is_not(
    make_run: Callable[..., Run], lively: dict[str, Any]
) -> None:
    steering = (Steer(lever=LEARNING_RATE, value=0.01, step=4), Steer(lever=PATIENCE, value=1, step=2))
    run = make_run(**lively, epochs=3, fine_tune_epochs=0, steering=[each.model_dump() for each in steering])
    trained(run)
    ghost.go_on(run, FEATURE_EXTRACTION, silent)
    found = ghosts.read(run, FEATURE_EXTRACTION)
    assert found is not None and len(found.epochs) == len(run.history()) + ghosts.LEAST
    assert overfitting.coincide(run.history(), found.epochs) == (len(run.history()), 0.0)


def test_what_cannot_go_on_is_refused_and_leaves_nothing(make_run: Callable[..., Run], lively: dict[str, Any]) -> None:
    run = make_run(**lively, epochs=1, fine_tune_epochs=0)
    with pytest.raises(RunError, match="no finished epoch of feature extraction"):
        ghost.go_on(run, FEATURE_EXTRACTION, silent)
    trained(run)
    picture_path(run.manifest["sha256"].iloc[0]).unlink()
    with pytest.raises(DatasetError) as refusal:
        ghost.go_on(run, FEATURE_EXTRACTION, silent)
    assert refusal.value.code == "pictures-missing"
    assert not ghosts.unfinished(run).exists() and ghosts.read(run, FEATURE_EXTRACTION) is None


@pytest.mark.soak
def test_what_a_killed_one_left_does_not_stand_in_the_way(make_run: Callable[..., Run], lively: dict[str, Any]) -> None:
    run = make_run(**lively, epochs=1, fine_tune_epochs=0)
    trained(run)
    shutil.copytree(run.path / "checkpoints", ghosts.unfinished(run) / "checkpoints")
    ghost.go_on(run, FEATURE_EXTRACTION, silent)
    assert not ghosts.unfinished(run).exists() and ghosts.read(run, FEATURE_EXTRACTION) is not None
