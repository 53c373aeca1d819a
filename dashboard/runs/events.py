"""`events.jsonl`: what a run says while it runs. The worker appends, everyone else reads from where they left off.

One JSON object a line, each with `kind` and `time` (seconds since 1970, UTC):

    batches   phase, epoch, first_step, and lists of equal length: loss, accuracy, learning_rate; pictures_per_second
    epoch     epoch, phase, step, loss, accuracy, validation_loss, validation_accuracy, learning_rate, seconds
    phase     phase, epoch, step: a phase begins after this epoch and step
    mark      mark ("best", "early stopping", "stop", "thaw", "learning rate", "asked: <lever>"), epoch, step, text
    progress  stage, done, total: work that is no batch, e.g. evaluating; pictures_per_second, remaining where known
    whole     epoch, validation_accuracy (of the whole network on the files), said (of its parts, while training)
    patience  used, allowed
    warning   text
    attempt   a worker begins; after a resume, everything later than its `epoch` is void
    end       status, text
"""

import json
import os
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

Event = dict[str, Any]

BATCH_COLUMNS = ["step", "phase", "epoch", "loss", "accuracy", "learning_rate", "pictures_per_second", "time"]
EPOCH_COLUMNS = [
    "epoch",
    "phase",
    "step",
    "loss",
    "accuracy",
    "validation_loss",
    "validation_accuracy",
    "learning_rate",
    "seconds",
]
MARK_COLUMNS = ["kind", "step", "epoch", "text"]


def append(path: Path, kind: str, **values: Any) -> None:
    """Add one event as one line, in one write, so that a reader never sees the middle of one twice.

    Not fsynced: an event lost with the power is not worth a pause in every batch; checkpoints are.
    """
    line = json.dumps({"kind": kind, "time": time.time(), **values}, allow_nan=True) + "\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


@dataclass
class Reader:
    """Reads a growing events file for any number of threads; each `read` parses only what is new."""

    path: Path
    offset: int = 0  # bytes already parsed
    events: list[Event] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def read(self) -> list[Event]:
        """All events so far. A half-written last line waits for the next call; a line cut by a kill is skipped."""
        with self._lock:
            if self.path.exists():
                self._take_in()
            return list(self.events)

    def _take_in(self) -> None:
        with self.path.open("rb") as file:
            file.seek(self.offset)
            fresh = file.read()
        whole = fresh[: fresh.rfind(b"\n") + 1]
        self.offset += len(whole)
        for line in whole.splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if event["kind"] == "attempt":
                self.events = [old for old in self.events if _survives(old, event["epoch"])]
            self.events.append(event)


def _survives(event: Event, epoch: int) -> bool:
    """Whether an event of an earlier attempt still counts when the next one goes on after `epoch`."""
    if event["kind"] == "phase":
        return bool(event["epoch"] < epoch or epoch == event["epoch"] == 0)
    return event["kind"] in ("attempt", "warning") or ("epoch" in event and event["epoch"] <= epoch)


def read(path: Path) -> list[Event]:
    return Reader(path).read()


def batches(events: Iterable[Event]) -> pd.DataFrame:
    """One row per training step, columns `BATCH_COLUMNS`; loss and accuracy of that mini-batch alone."""
    columns: dict[str, list[Any]] = {name: [] for name in BATCH_COLUMNS}
    for event in events:
        if event["kind"] != "batches":
            continue
        count = len(event["loss"])
        columns["step"].extend(range(event["first_step"], event["first_step"] + count))
        for name in ("loss", "accuracy", "learning_rate"):
            columns[name].extend(event[name])
        for name in ("phase", "epoch", "pictures_per_second", "time"):
            columns[name].extend([event[name]] * count)
    return pd.DataFrame(columns, columns=BATCH_COLUMNS)


def epochs(events: Iterable[Event]) -> pd.DataFrame:
    """One row per finished epoch, columns `EPOCH_COLUMNS`; empty before the first one ends."""
    rows = [{name: event[name] for name in EPOCH_COLUMNS} for event in events if event["kind"] == "epoch"]
    return pd.DataFrame(rows, columns=EPOCH_COLUMNS)


def marks(events: Iterable[Event]) -> pd.DataFrame:
    """What a chart marks, columns `MARK_COLUMNS`: phases, the best epoch (the last one said), stops."""
    rows: list[Event] = []
    for event in events:
        if event["kind"] == "phase":
            rows.append({"kind": "phase", "step": event["step"], "epoch": event["epoch"], "text": event["phase"]})
        elif event["kind"] == "mark":
            if event["mark"] == "best":
                rows = [row for row in rows if row["kind"] != "best"]
            rows.append({"kind": event["mark"], **{name: event[name] for name in ("step", "epoch", "text")}})
    return pd.DataFrame(rows, columns=MARK_COLUMNS)


def last(events: Iterable[Event], kind: str) -> Event | None:
    """The newest event of a kind."""
    found = None
    for event in events:
        if event["kind"] == kind:
            found = event
    return found
