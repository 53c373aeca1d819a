"""What happens to runs when processes are killed, frozen or doubled, and what a person sees of it."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboard.core import lease
from dashboard.core.recipe import Recipe
from dashboard.core.settings import settings
from dashboard.core.settings import workspace as in_workspace
from dashboard.runs import events, queue, status, supervisor
from dashboard.runs.run import Run
from dashboard.ui import launching
from tests.at_once import at_once, press_train
from tests.faults.conftest import kill, status_of, worker_of
from tests.pages.conftest import OpenPage, open_page, settle
from tests.waiting import wait_until

__all__ = ["open_page"]  # a fixture

pytestmark = pytest.mark.slow


@pytest.fixture
def endless(recipe: Recipe) -> Recipe:
    return recipe.replace(epochs=1000, fine_tune_epochs=0)


@pytest.fixture(autouse=True)
def _nobody_stays(workspace: Path) -> Iterator[None]:
    """Whatever a test leaves under way is ended, and the supervisor of its workspace leaves."""
    yield
    for folder in in_workspace("runs", "any").parent.iterdir():
        if (pid := lease.holder(folder / "lease")) is not None:
            kill(pid)
    if (pid := lease.holder(in_workspace(supervisor.LEASE))) is not None:
        kill(pid)


def started(recipe: Recipe) -> Run:
    """A run that has written its first checkpoint."""
    run = queue.enqueue(recipe)
    supervisor.ensure()
    wait_until(lambda: len(run.history()) >= 2, seconds=120)
    return run


def page_of(open_page: OpenPage, run: Run) -> str:
    """Everything the run's page says in words."""
    at = open_page("run")
    assert not at.exception
    said = "\n".join(str(element.value) for element in (*at.markdown, *at.warning, *at.error, *at.caption))
    return said.replace("\\", "")


def test_a_killed_worker_is_told_with_what_was_saved_and_what_would_need_less(
    endless: Recipe, open_page: OpenPage
) -> None:
    run = started(endless)
    kill(worker_of(run))
    wait_until(lambda: status_of(run) == status.INTERRUPTED, seconds=10)
    said = page_of(open_page, run)
    assert "Interrupted" in said and "killed (signal 9)" in said and "Last saved: epoch" in said
    assert "A batch size of 4 or an image size of" not in said, "32 is the smallest this network takes"
    assert "A batch size of 4 would need less memory." in said


def test_a_worker_that_crashes_by_itself_has_failed_and_is_not_started_again(
    endless: Recipe, open_page: OpenPage
) -> None:
    run = started(endless)
    os.kill(worker_of(run), signal.SIGSEGV)
    wait_until(lambda: status_of(run) == status.FAILED, seconds=10)
    assert "signal 11 (Segmentation fault)" in page_of(open_page, run)
    attempts = [event for event in events.read(run.events_path) if event["kind"] == "attempt"]
    assert len(attempts) == 1 and not lease.is_held(run.lease_path)


def test_when_everything_is_killed_the_page_says_interrupted_and_resume_goes_on(
    endless: Recipe, open_page: OpenPage
) -> None:
    run = started(endless.replace(epochs=400))
    holder = lease.holder(in_workspace(supervisor.LEASE))
    assert holder is not None
    kill(holder)
    kill(worker_of(run))
    wait_until(lambda: not lease.is_held(run.lease_path), seconds=10)
    said = page_of(open_page, run)
    assert "Interrupted" in said and "ended without a word. Last saved: epoch" in said
    done = len(run.history())
    queue.resume(run.id)
    supervisor.ensure()
    wait_until(lambda: len(run.history()) > done, seconds=120)
    assert status_of(run) == status.RUNNING


def test_a_run_whose_supervisor_was_killed_goes_on_and_the_next_supervisor_starts_no_second_one(
    endless: Recipe,
) -> None:
    run = started(endless)
    worker = worker_of(run)
    holder = lease.holder(in_workspace(supervisor.LEASE))
    assert holder is not None
    kill(holder)
    second = queue.enqueue(endless.replace(seed=1))
    supervisor.ensure()
    wait_until(lambda: lease.holder(in_workspace(supervisor.LEASE)) not in (None, holder), seconds=30)
    done = len(run.history())
    wait_until(lambda: len(run.history()) > done + 2, seconds=60)
    assert worker_of(run) == worker and status_of(run) == status.RUNNING
    assert status_of(second) == status.QUEUED and not lease.is_held(second.lease_path)
    queue.request_stop(run.id)
    wait_until(lambda: status_of(run) == status.STOPPED, seconds=60)
    wait_until(lambda: len(second.history()) >= 1, seconds=120)


def test_a_frozen_worker_that_shall_stop_is_killed_and_its_best_weights_become_the_model(
    endless: Recipe, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THAW_STOP_GRACE", "2")
    settings.cache_clear()
    run = started(endless)
    frozen = worker_of(run)
    os.kill(frozen, signal.SIGSTOP)
    queue.request_stop(run.id)
    assert "Stopping after this batch" in page_of(open_page, run)
    wait_until(lambda: status_of(run) == status.STOPPED, seconds=60)
    assert run.has_model and run.report()["best_epoch"] >= 1
    assert "Stopped" in page_of(open_page, run)


@pytest.mark.soak
def test_an_orphan_that_is_frozen_is_killed_too(endless: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THAW_STOP_GRACE", "2")
    settings.cache_clear()
    run = started(endless)
    holder = lease.holder(in_workspace(supervisor.LEASE))
    assert holder is not None
    kill(holder)
    os.kill(worker_of(run), signal.SIGSTOP)
    queue.request_stop(run.id)

    def looked() -> bool:
        supervisor.look_after()  # as every page does that shows runs
        return status_of(run) == status.INTERRUPTED

    wait_until(looked, seconds=40)


def test_twelve_processes_that_press_train_at_once_start_one_run(recipe: Recipe) -> None:
    pressed = at_once(12, press_train, [recipe.model_dump_json()] * 24)
    assert len(set(pressed)) == 1
    assert list(queue.listing()["id"]) == pressed[:1]
    assert len(list(in_workspace("runs", "any").parent.iterdir())) == 1, "no directory without a row"


def test_two_tabs_that_press_train_at_once_come_to_one_run(recipe: Recipe, open_page: OpenPage) -> None:
    tabs = [open_page("train") for _ in range(2)]
    for tab in tabs:
        tab.session_state["draft"] = recipe
        tab.run().button(key="train_start").click().run()
    for tab in tabs:
        settle(tab, lambda at: "run_id" in at.session_state and bool(at.session_state["run_id"]), seconds=120)
    (run_id,) = queue.listing()["id"]
    assert [tab.session_state["run_id"] for tab in tabs] == [run_id, run_id]


def test_a_second_tab_that_presses_train_is_told_and_led_to_the_run_of_the_first(recipe: Recipe) -> None:
    first, told = launching.enqueue(recipe)
    assert told == ""
    second, told = launching.enqueue(recipe)
    assert second == first
    assert told.startswith("Run 1 trains the very same recipe already")
    queue.request_stop(first)
    assert launching.enqueue(recipe)[0] != first, "once it is over, it may be trained again"
