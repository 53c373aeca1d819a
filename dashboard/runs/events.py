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
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from dashboard.runs.columns import TYPES, Columns

Event = dict[str, Any]

BATCH_COLUMNS = list(TYPES)
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
    """Reads a growing events file for any number of threads; each look parses only what is new.

    Batches are kept as columns. Among the events, a `batches` event that goes on telling of the same epoch takes the
    place of the one before, so that walking over them is as cheap after a million batches as after a few.
    """

    path: Path
    offset: int = 0  # bytes already parsed
    events: list[Event] = field(default_factory=list)
    _columns: Columns = field(default_factory=Columns, repr=False, compare=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def read(self) -> list[Event]:
        """The events so far. A half-written last line waits for the next call; a line cut by a kill is skipped."""
        with self._lock:
            self._take_in()
            return list(self.events)

    def batches(self) -> pd.DataFrame:
        """Every batch so far, as of the function `batches`; read-only, without a copy of any."""
        with self._lock:
            self._take_in()
            return self._columns.table()

    def _take_in(self) -> None:
        for line in _lines(self.path, self.offset):
            self.offset += len(line)
            event = _parsed(line)
            if event is None:
                continue
            if event["kind"] == "attempt":
                self._columns.void_after(event["epoch"])
            if event["kind"] == "batches":
                self._columns.take(event)
                if self.events and _goes_on(self.events[-1], event):
                    self.events.pop()
            self.events = _told(self.events, event)


def read(path: Path) -> list[Event]:
    """All events of a file, each `batches` event with all it said."""
    events: list[Event] = []
    for event in map(_parsed, _lines(path)):
        if event is not None:
            events = _told(events, event)
    return events


def _lines(path: Path, offset: int = 0) -> Iterator[bytes]:
    """The whole lines of a file from a byte on; none where there is no file."""
    if not path.exists():
        return
    with path.open("rb") as file:
        file.seek(offset)
        for line in file:
            if not line.endswith(b"\n"):
                return  # its rest may come while this reads on, and is no line of its own
            yield line


def _parsed(line: bytes) -> Event | None:
    """The event of a line; None for a line that was cut."""
    try:
        event: Event = json.loads(line)
    except ValueError:
        return None
    return event


def _told(events: list[Event], event: Event) -> list[Event]:
    """The events and one more; an attempt makes void what is later than its epoch."""
    if event["kind"] == "attempt":
        events = [old for old in events if _survives(old, event["epoch"])]
    events.append(event)
    return events


def _survives(event: Event, epoch: int) -> bool:
    """Whether an event of an earlier attempt still counts when the next one goes on after `epoch`."""
    if event["kind"] == "phase":
        return bool(event["epoch"] < epoch or epoch == event["epoch"] == 0)
    return event["kind"] in ("attempt", "warning") or ("epoch" in event and event["epoch"] <= epoch)


def _goes_on(before: Event, event: Event) -> bool:
    """Whether a `batches` event tells more of the epoch that the one before it was telling of."""
    return bool(before["kind"] == "batches" and before["epoch"] == event["epoch"])


def batches(events: Iterable[Event]) -> pd.DataFrame:
    """One row per training step, columns `BATCH_COLUMNS`; loss and accuracy of that mini-batch alone."""
    rows = Columns()
    for event in events:
        if event["kind"] == "batches":
            rows.take(event)
    return rows.table()


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


def last(events: Sequence[Event], kind: str) -> Event | None:
    """The newest event of a kind."""
    return next((event for event in reversed(events) if event["kind"] == kind), None)
