"""Ghosts: how a phase of a run would have gone on without early stopping, kept beside the run.

ghost/<phase>.json     {"epochs": columns of `events.epochs`, a list each, "text": how it ended}
ghost/unfinished/      what the engine writes while it goes on; of no use afterwards
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from dashboard.core import files
from dashboard.runs.run import Run
from dashboard.runs.workers import Progress, Worker

LONGER = 2  # times the phase's own epochs that a ghost goes on for
LEAST, MOST = 10, 200  # epochs more


@dataclass(frozen=True)
class Ghost:
    """The epochs of a phase from its first to beyond its stop, columns `EPOCH_COLUMNS`, and how it ended."""

    epochs: pd.DataFrame
    text: str


def path(run: Run, phase: str) -> Path:
    """Where the ghost of a phase is kept, whether it is there or not."""
    return run.path / "ghost" / f"{phase.replace(' ', '-')}.json"


def unfinished(run: Run) -> Path:
    """Where the engine works; whoever begins removes what a killed one left."""
    return run.path / "ghost" / "unfinished"


def more(epochs: int) -> int:
    """For how many epochs beyond its end a phase of so many epochs goes on."""
    return min(MOST, max(LEAST, LONGER * epochs))


def read(run: Run, phase: str) -> Ghost | None:
    """The ghost of a phase, if there is one with an epoch whose losses are numbers."""
    kept = path(run, phase)
    if not kept.exists():
        return None
    record = files.read_json(kept)
    epochs = pd.DataFrame(record["epochs"]).dropna(subset=["loss", "validation_loss"])
    return Ghost(epochs, str(record["text"])) if len(epochs) else None


def make(
    worker: Worker,
    run: Run,
    phase: str,
    *,
    on_progress: Progress | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> None:
    """Let a phase go on and keep how it went; raises as `ml.ghost.go_on` and `Worker.call`."""
    worker.call("ghost", run=run.id, phase=phase, timeout=900.0, on_progress=on_progress, cancelled=cancelled)
