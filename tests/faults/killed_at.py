"""Trains a run and is killed after its n-th batch: `python -m tests.faults.killed_at <run directory> <n>`.

The real training process in all but that: the signal comes from within, so that it comes at a batch and not at a time.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from dashboard.ml.importing import import_keras

if __name__ == "__main__":
    import_keras()

from dashboard.ml import callbacks, train
from dashboard.runs.run import Run


class Killer(callbacks.FiniteLoss):
    """Beside looking at the loss."""

    left = int(sys.argv[2])

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        super().on_train_batch_end(batch, logs)
        Killer.left -= 1
        if not Killer.left:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    callbacks.FiniteLoss = Killer  # type: ignore[misc]
    sys.exit(train.main(Run(Path(sys.argv[1]).resolve())))
