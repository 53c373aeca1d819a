"""The batches of a run as columns that grow, so that a table of a million rows costs no walk over them."""

from typing import Any

import numpy as np
import pandas as pd

# Of one row a training step, in the order of the table; a phase is kept as its place among the names.
TYPES = {
    "step": np.int64,
    "phase": np.int16,
    "epoch": np.int64,
    "loss": np.float64,
    "accuracy": np.float64,
    "learning_rate": np.float64,
    "pictures_per_second": np.float64,
    "time": np.float64,
}


class Columns:
    """What `batches` events said, one row a training step.

    A row that was written is never written again: a table handed out is a view of the columns, and goes on saying what
    it said however they grow.
    """

    def __init__(self) -> None:
        self._rows = 0
        self._columns = {name: np.empty(0, kind) for name, kind in TYPES.items()}
        self._phases: dict[str, int] = {}

    def take(self, event: dict[str, Any]) -> None:
        """Add the rows of one `batches` event."""
        count = len(event["loss"])
        said = {
            **event,
            "step": np.arange(event["first_step"], event["first_step"] + count),
            "phase": self._phases.setdefault(event["phase"], len(self._phases)),
        }
        self._make_room(count)
        for name, column in self._columns.items():
            column[self._rows : self._rows + count] = said[name]
        self._rows += count

    def void_after(self, epoch: int) -> None:
        """Forget the rows of later epochs."""
        counts = self._columns["epoch"][: self._rows] <= epoch
        # Copies, never written over: tables handed out before still show the rows that are void now.
        self._columns = {name: column[: self._rows][counts] for name, column in self._columns.items()}
        self._rows = int(counts.sum())

    def table(self) -> pd.DataFrame:
        """All rows, columns in the order of `TYPES`, phase as categories; read-only, and nothing is copied."""
        seen = {name: column[: self._rows] for name, column in self._columns.items()}
        for values in seen.values():
            values.flags.writeable = False
        phases = pd.Categorical.from_codes(seen["phase"], list(self._phases))
        return pd.DataFrame({**seen, "phase": phases}, copy=False)

    def _make_room(self, count: int) -> None:
        """Have room for so many more rows; at least twice the room, so that moving is rare however many come."""
        room = len(self._columns["step"])
        if self._rows + count > room:
            more = max(self._rows + count, 2 * room) - room
            self._columns = {
                name: np.concatenate([column, np.empty(more, column.dtype)]) for name, column in self._columns.items()
            }
