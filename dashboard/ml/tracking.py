"""A run's numbers for TensorBoard and MLflow too, where a setting asks for it.

A thread of the worker follows the run's own events, as every page does, and hands on the numbers in them. Training does
not know of it: another program's pauses, errors and end are none of a run's, which keeps all its numbers itself.
"""

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import pandas as pd

from dashboard.core.settings import settings
from dashboard.core.steering import Steer
from dashboard.runs import events
from dashboard.runs.run import Run

EVERY = 0.5  # seconds between two looks at the events
PATIENCE = 30.0  # seconds that the end of a run waits for what is not handed on yet
BATCH = ("loss", "accuracy", "learning_rate")
EPOCH = ("loss", "accuracy", "validation_loss", "validation_accuracy", "learning_rate")


@dataclass(frozen=True)
class Point:
    """One number of a run.

    `batch/...` are of one mini-batch, `epoch/...` of an epoch, `whole/<split>_accuracy` of the whole finished network
    on the picture files. The step counts mini-batches or epochs, from 1; with `whole/...` it is the best epoch.
    """

    name: str
    step: int
    time: float  # seconds since 1970, UTC
    value: float


class Tracker(Protocol):
    """Another program's record of one run. Made once an attempt; any method may raise anything."""

    def write(self, points: list[Point]) -> None:
        """Add these; the first call of an attempt brings all that the earlier attempts have left."""

    def close(self, ended: str) -> None:
        """The attempt is over, by the status that the run's `end` has; empty when it ended without a word."""


@dataclass(frozen=True)
class Program:
    """Who else may keep a record, and how it is begun; its package is imported by `begin` and not before."""

    name: str
    is_on: Callable[[], bool]
    begin: Callable[[Run], Tracker]


def _tensorboard(run: Run) -> Tracker:
    from dashboard.ml.tracking_tensorboard import TensorBoard

    return TensorBoard(run)


def _mlflow(run: Run) -> Tracker:
    from dashboard.ml.tracking_mlflow import MLflow

    return MLflow(run)


PROGRAMS = (
    Program("TensorBoard", lambda: settings().tensorboard not in ("", "0"), _tensorboard),
    Program("MLflow", lambda: bool(settings().mlflow_tracking_uri), _mlflow),
)


@contextmanager
def following(run: Run, programs: Sequence[Program] = PROGRAMS, patience: float = PATIENCE) -> Iterator[None]:
    """Hand on what the run says from its next `attempt` on, and what is left of earlier ones.

    Whatever goes wrong is one `warning` of the run, and the end of it for that program.

    Args:
        run: is followed, and warned.
        programs: those that are not switched on are left alone.
        patience: seconds that the end waits for the numbers still on their way.
    """
    wanted = [program for program in programs if program.is_on()]
    earlier = _attempts(events.read(run.events_path)) if wanted else 0
    over = threading.Event()
    threads = {
        program.name: threading.Thread(target=_follow, args=(run, program, earlier, over), daemon=True)
        for program in wanted
    }
    for thread in threads.values():
        thread.start()
    try:
        yield
    finally:
        over.set()
        for name, thread in threads.items():
            thread.join(patience)
            if thread.is_alive():
                text = (
                    f"{name} did not take the run's last numbers within {patience:g} s; only the run itself has them."
                )
                run.say("warning", text=text)


def _follow(run: Run, program: Program, earlier: int, over: threading.Event) -> None:
    try:
        _hand_on(run, program, earlier, over)
    except ImportError as error:
        run.say(
            "warning",
            text=f"{program.name} is switched on but not installed ({error}); the run goes on without it. "
            "Install what requirements-extras.txt names.",
        )
    except Exception as error:  # another program's, of any kind; the run must not end with it
        run.say(
            "warning",
            text=f"{program.name} took no more numbers: {_described(error)}. The run goes on and keeps them itself. "
            "See that it can be reached and written to.",
        )


def _hand_on(run: Run, program: Program, earlier: int, over: threading.Event) -> None:
    reader = events.Reader(run.events_path)
    tracker: Tracker | None = None
    status, told = "", 0
    while True:
        last = over.wait(EVERY)
        said = reader.read()
        if tracker is None and _attempts(said) > earlier:  # until then it is not known what of the earlier ones stays
            tracker = program.begin(run)
        if tracker is not None:
            reader.events.clear()  # handed on is forgotten, before the next look finds more
            batches = reader.batches()  # and not before the attempt was read, which makes some of them void
            fresh = list(of_batches(batches.iloc[told:]))
            tracker.write([*fresh, *(point for event in said for point in points(run, event))])
            told = len(batches)
            status = next((event["status"] for event in said if event["kind"] == "end"), status)
        if last:
            break
    if tracker is not None:
        tracker.close(status)


def of_batches(rows: pd.DataFrame) -> Iterator[Point]:
    """The numbers of some batches, columns as of `events.batches`."""
    for name in BATCH:
        for step, when, value in zip(rows["step"], rows["time"], rows[name], strict=True):
            yield Point(f"batch/{name}", int(step), float(when), float(value))


def points(run: Run, event: events.Event) -> Iterator[Point]:
    """The numbers in one event but those of batches; none in most kinds."""
    if event["kind"] == "epoch":
        for name in EPOCH:
            yield Point(f"epoch/{name}", event["epoch"], event["time"], event[name])
    elif event["kind"] == "end":
        report = run.report()
        for split, accuracy in report.get("accuracy", {}).items():
            yield Point(f"whole/{split}_accuracy", report["best_epoch"], event["time"], accuracy["value"])


def parameters(run: Run) -> dict[str, str | int | float | bool]:
    """The recipe as names and plain values; a list becomes its members, nothing becomes an empty text."""

    def plain(value: Any) -> str | int | float | bool:
        if isinstance(value, (list, tuple)):
            return ", ".join(str(plain(each)) for each in value)
        if isinstance(value, dict):  # a lever that was pulled
            return f"{Steer(**value).words.rstrip('.')} at step {value['step']}"
        return "" if value is None else value

    return {name: plain(value) for name, value in run.recipe.model_dump(mode="json").items()}


def _attempts(said: list[events.Event]) -> int:
    return sum(event["kind"] == "attempt" for event in said)


def _described(error: Exception) -> str:
    """An error in one line of bearable length, without the password that a URL in it may hold."""
    text = re.sub(r"//[^/@\s]*@", "//", " ".join(str(error).split()))
    return f"{type(error).__name__}: {text[:300]}"
