"""A run that is killed and resumed ends with the same bytes as one that was left alone."""

import contextlib
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from dashboard.core import database
from dashboard.core.recipe import Recipe
from dashboard.runs import checkpoints, events, queue, status, steering
from dashboard.runs.run import Run, open_run
from tests.faults.conftest import Start, digest, prepared
from tests.pages.conftest import OpenPage, open_page
from tests.sharing import once

__all__ = ["open_page"]  # a fixture

pytestmark = pytest.mark.slow

Train = Callable[[Run], Run]

AN_EPOCH = 4  # batches
KILLS = 30


def same_as(run: Run, reference: Run) -> None:
    assert digest(run) == digest(reference)
    epochs = reference.history()
    assert list(run.history()["epoch"]) == list(epochs["epoch"]) == list(range(1, len(epochs) + 1))
    assert list(run.history()["loss"]) == list(epochs["loss"])
    steps = events.batches(events.read(run.events_path))["step"].tolist()
    assert steps == list(range(1, AN_EPOCH * len(epochs) + 1)), "every batch once"


def attempts(run: Run) -> list[int]:
    """After which epoch each of them began."""
    return [event["epoch"] for event in events.read(run.events_path) if event["kind"] == "attempt"]


def test_a_run_killed_in_both_phases_and_paused_between_ends_with_the_bytes_of_one_left_alone(
    recipe: Recipe, start: Start, train_to_end: Train
) -> None:
    reference, run = train_to_end(prepared(recipe, "reference")), prepared(recipe, "run")
    assert start(run, killed_at=AN_EPOCH + 2).wait(timeout=120) == -9, run.log_path.read_text()
    run.request_pause()
    assert start(run).wait(timeout=120) == 0, "paused before its first batch was over"
    end = events.read(run.events_path)[-1]
    assert (end["kind"], end["status"]) == ("end", "paused")
    assert end["text"] == "Paused; its processor and memory are free. It goes on after epoch 1."
    assert not run.has_model and not run.pause_requested
    assert start(run, killed_at=2 * AN_EPOCH + 2).wait(timeout=120) == -9, run.log_path.read_text()  # second phase
    train_to_end(run)
    same_as(run, reference)
    assert attempts(run) == [0, 1, 1, 3]


@pytest.mark.soak
def test_thirty_kills_at_random_batches_end_thirty_times_with_the_same_bytes(
    recipe: Recipe, start: Start, train_to_end: Train
) -> None:
    reference = train_to_end(prepared(recipe, "reference"))
    batches = len(events.batches(events.read(reference.events_path)))
    rng = np.random.default_rng(0)
    for number in range(KILLS):
        run = prepared(recipe, f"run-{number}")
        batch = int(rng.integers(1, batches + 1))
        assert start(run, killed_at=batch).wait(timeout=120) == -9, run.log_path.read_text()
        train_to_end(run)
        same_as(run, reference)


@pytest.mark.soak
def test_what_was_changed_on_the_way_is_changed_again_by_a_resumed_run_and_by_one_that_repeats_the_recipe(
    recipe: Recipe, start: Start, train_to_end: Train
) -> None:
    """The learning rate, the patience, the next block, and epochs that are added when all is over."""
    run = prepared(recipe, "steered")
    steering.ask(run, "learning rate", 5e-4)
    steering.ask(run, "patience", 500)
    assert start(run, killed_at=AN_EPOCH + 1).wait(timeout=120) == -9, run.log_path.read_text()
    steering.ask(run, "thaw")  # granted in the second epoch: the first phase ends with it
    train_to_end(run)
    history = run.history()
    assert list(history["phase"]) == ["feature extraction"] * 2 + ["fine-tuning"] * 3
    assert history["learning_rate"].iloc[0] == pytest.approx(5e-4)
    steering.ask(run, "thaw")
    steering.ask(run, "more epochs", 2)
    ended = digest(run)
    train_to_end(run)
    assert digest(run) != ended and len(run.history()) == 7
    steps = {each.lever: each.step for each in Run(run.path).recipe.steering}
    assert steps == {
        "learning rate": 0,
        "patience": 0,
        "thaw": 5 * AN_EPOCH,
        "more epochs": 5 * AN_EPOCH,
    }, "of two the later one"
    marks = events.marks(events.read(run.events_path))
    assert list(marks[marks["kind"] == "thaw"]["epoch"]) == [6], "conv_12 below conv_13"
    again = train_to_end(prepared(Run(run.path).recipe, "again"))
    same_as(again, run)


def damage(run: Run, epoch: int, how: str) -> None:
    folder = checkpoints.path(run.path, epoch)
    file = folder / "state.npz"
    if how == "cut":
        file.write_bytes(file.read_bytes()[:-100])
    elif how == "flipped bit":
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1
        file.write_bytes(bytes(data))
    elif how == "file missing":
        (folder / "optimizer.npz").unlink()
    else:
        (folder / "SHA256SUMS").write_text("")


@pytest.fixture
def killed(recipe: Recipe, start: Start, workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of three epochs, killed in the third; with its workspace a copy of one for all tests."""

    def make(folder: Path) -> None:
        run = queue.enqueue(recipe.replace(fine_tune_epochs=0))
        assert start(run, killed_at=2 * AN_EPOCH + 1).wait(timeout=120) == -9
        database.database().dispose()
        shutil.move(workspace, folder)

    made = once(tmp_path_factory, "workspace-of-a-killed-run", make)
    database.database().dispose()
    shutil.rmtree(workspace, ignore_errors=True)
    shutil.copytree(made, workspace)
    return open_run(queue.listing()["id"].item())


@pytest.fixture
def left_alone(killed: Run, train_to_end: Train, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """What that run would have been; trained once for all tests."""

    def make(folder: Path) -> None:
        shutil.move(train_to_end(prepared(killed.recipe, "reference")).path, folder)

    return Run(once(tmp_path_factory, "run-left-alone", make))


@pytest.mark.parametrize(
    "ways",
    [("flipped bit",), pytest.param(("cut", "file missing", "sums empty"), marks=pytest.mark.soak)],
    ids=", ".join,
)
def test_a_damaged_checkpoint_falls_back_one_says_so_and_ends_with_the_same_bytes(
    ways: tuple[str, ...], killed: Run, left_alone: Run, train_to_end: Train, open_page: OpenPage
) -> None:
    """The first way is that of the run whose page is looked at."""
    twins = [killed, *(Run(shutil.copytree(killed.path, killed.path.with_name(how))) for how in ways[1:])]
    for run, how in zip(twins, ways, strict=True):
        damage(run, 2, how)
        train_to_end(run)
        same_as(run, left_alone)
        said = [event["text"] for event in events.read(run.events_path) if event["kind"] == "warning"]
        assert said == ["The checkpoint of epoch 2 is damaged; training goes on after epoch 1."], how
    (warning,) = open_page("run").warning
    assert "The checkpoint of epoch 2 is damaged; training goes on after epoch 1." in warning.value.replace("\\", "")


def test_when_every_checkpoint_is_damaged_the_run_has_failed_and_a_new_start_is_offered(
    killed: Run, start: Start, open_page: OpenPage
) -> None:
    for epoch, how in ((1, "cut"), (2, "flipped bit")):
        damage(killed, epoch, how)
    assert start(killed).wait(timeout=120) == 1
    at = open_page("run")
    (error,) = at.error
    assert "All checkpoints of run" in error.value and "Start a new run" in error.value
    at.button(key="run_repeat").click().run()
    assert not at.exception
    assert len(queue.listing()) == 2 and queue.listing()["status"].iloc[0] == status.QUEUED


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 3 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)], capture_output=True)
    if made.returncode:
        pytest.skip("may not mount a tmpfs here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_ends_the_run_with_the_last_checkpoint_intact_and_it_goes_on_after_space_is_freed(
    killed: Run, left_alone: Run, small_disk: Path, start: Start, train_to_end: Train, open_page: OpenPage
) -> None:
    run = killed
    shutil.copytree(run.path / "checkpoints", small_disk, dirs_exist_ok=True)
    shutil.rmtree(run.path / "checkpoints")
    (run.path / "checkpoints").symlink_to(small_disk)
    ballast = small_disk / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb") as file:
        while True:
            file.write(bytes(10_000))
            file.flush()
    assert start(run).wait(timeout=120) == 1
    queue.reconcile()
    (error,) = open_page("run").error
    said = error.value.replace("\\", "")
    assert "The checkpoint of epoch 3 could not be written: No space left on device." in said
    assert "free some disk space and resume the run" in said
    assert [checkpoints.is_whole(checkpoints.path(run.path, epoch)) for epoch in (1, 2)] == [True, True]
    ballast.unlink()
    queue.resume(run.id)
    train_to_end(run)
    same_as(run, left_alone)
