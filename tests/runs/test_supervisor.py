"""The supervisor as the process it is."""

import os
import signal
from pathlib import Path

import pytest

from dashboard.core import lease
from dashboard.core.recipe import Recipe
from dashboard.core.settings import settings
from dashboard.core.settings import workspace as in_workspace
from dashboard.runs import checkpoints, events, queue, status, supervisor
from tests.waiting import wait_until


def held() -> bool:
    return lease.is_held(in_workspace(supervisor.LEASE))


def test_many_calls_start_one_supervisor_which_leaves_when_idle(workspace: Path) -> None:
    supervisor.ensure()
    first = supervisor._started[workspace]
    for _ in range(10):
        supervisor.ensure()
    assert supervisor._started[workspace] is first
    wait_until(held, seconds=30)
    wait_until(lambda: not held(), seconds=30)
    first.wait(10)
    supervisor.ensure()
    assert supervisor._started[workspace] is not first, "the ended one was reaped, and a new one started"
    wait_until(held, seconds=30)
    wait_until(lambda: not held(), seconds=30)


def test_each_workspace_has_a_supervisor_of_its_own(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor.ensure()
    monkeypatch.setenv("THAW_WORKSPACE", str(tmp_path / "another"))
    settings.cache_clear()
    supervisor.ensure()
    assert supervisor._started[tmp_path / "another"].pid != supervisor._started[workspace].pid
    wait_until(held, seconds=30)


@pytest.mark.slow
@pytest.mark.parametrize("each_database", ["postgresql", pytest.param("sqlite", marks=pytest.mark.soak)], indirect=True)
@pytest.mark.usefixtures("each_database")
def test_a_run_whose_pictures_are_gone_fails_with_its_reason(workspace: Path, recipe: Recipe) -> None:
    run = queue.enqueue(recipe)
    first = next((workspace / "objects").rglob("*" + run.manifest["sha256"].iloc[0]))
    first.unlink()
    supervisor.ensure()
    wait_until(lambda: queue.row(run.id)["status"] == status.FAILED, seconds=120)
    assert "1 of 48 pictures of this run are no longer in the workspace" in queue.row(run.id)["message"]
    end = events.read(run.events_path)[-1]
    assert end["status"] == "failed"
    assert end["text"].startswith("1 of 48 pictures of this run are no longer in the workspace")


@pytest.mark.soak  # `tests/faults` kills a worker, and resumes, in every run
@pytest.mark.slow
def test_a_killed_worker_leaves_an_interrupted_run_that_resumes_to_its_end(workspace: Path, recipe: Recipe) -> None:
    run = queue.enqueue(recipe.replace(backbone="MobileNet", alpha=0.25, epochs=3, patience=3))
    supervisor.ensure()
    wait_until(lambda: len(run.history()) >= 1, seconds=240)
    worker = next(
        int(path.name)
        for path in Path("/proc").iterdir()
        if path.name.isdigit() and run.id in _command_of(path) and "dashboard.ml.train" in _command_of(path)
    )
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: queue.row(run.id)["status"] == status.INTERRUPTED, seconds=10)
    assert "killed (signal 9)" in queue.row(run.id)["message"]
    queue.resume(run.id)
    supervisor.ensure()
    wait_until(lambda: queue.row(run.id)["status"] == status.FINISHED, seconds=240)
    assert list(run.history()["epoch"]) == [1, 2, 3]
    assert run.has_model


def _command_of(path: Path) -> str:
    try:
        return (path / "cmdline").read_text()
    except OSError:
        return ""


@pytest.mark.parametrize(
    ("code", "words"),
    [(-9, "killed (signal 9)"), (-11, "signal 11"), (-6, "signal 6"), (1, "failed: ValueError: no such thing")],
)
def test_an_exit_is_told_in_words(recipe: Recipe, code: int, words: str) -> None:
    run = queue.enqueue(recipe)
    run.log_path.write_text("Traceback ...\nValueError: no such thing\n\n")
    assert words in supervisor.describe_exit(code, run)


def test_where_memory_ran_out_what_was_tried_is_said_and_what_needs_less(recipe: Recipe) -> None:
    run = queue.enqueue(recipe.replace(batch_size=64, image_size=224))
    for epoch in (0, 3):
        run.say("attempt", epoch=epoch, versions={})
    with checkpoints.writing(run.path, 3) as folder:
        (folder / "state.npz").write_bytes(b"weights")
    assert supervisor.describe_exit(-9, run) == (
        "The training process was killed (signal 9), most often because memory ran out. Last saved: epoch 3; it can go "
        "on from there. This was attempt 2. A batch size of 32 or an image size of 160 would need less memory."
    )


@pytest.mark.slow
def test_a_process_kept_ready_is_the_one_that_trains_and_leaves_with_its_supervisor(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THAW_KEEP_READY", "1")
    settings.cache_clear()
    supervisor.ensure()
    wait_until(lambda: waiting_processes() != [], seconds=30)
    (ready,) = waiting_processes()
    run = queue.enqueue(recipe.replace(backbone="MobileNet", alpha=0.25, epochs=30))
    wait_until(lambda: lease.holder(run.lease_path) is not None, seconds=60)
    assert lease.holder(run.lease_path) == ready
    queue.request_stop(run.id)
    wait_until(lambda: queue.row(run.id)["status"] == status.STOPPED, seconds=120)
    assert "No such file" not in run.log_path.read_text()
    wait_until(lambda: not held() and waiting_processes() == [], seconds=60)


def waiting_processes() -> list[int]:
    """Training processes of this test's workspace that wait for a run."""
    here = f"THAW_WORKSPACE={settings().absolute_workspace}"
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdigit() and "--wait" in _command_of(path) and here in _environment_of(path):
            found.append(int(path.name))
    return found


def _environment_of(path: Path) -> str:
    try:
        return (path / "environ").read_text(errors="replace")
    except OSError:
        return ""
