"""Writes checkpoints until the n-th file operation of the last one, which fails or is the process' last.

    python -m tests.faults.every_operation <run directory> <n> <fail|kill>

Prints how many operations the last checkpoint had and exits with 0 where it had fewer than n. Operations are what the
interpreter reports to audit hooks below the run directory (open, mkdir, rename, remove, rmdir, listing a folder), and
fsync, which it does not report.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from dashboard.runs import checkpoints

REPORTED = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.listdir", "os.scandir"}
EARLIER, LAST = 3, 4  # epochs
SIZE = 50_000  # bytes


def write(root: Path, epoch: int) -> None:
    """A checkpoint of three files, then only it, the one before and the best are kept: as `ml.standing.save` does."""
    with checkpoints.writing(root, epoch) as folder:
        for name in ("state.npz", "optimizer.npz", "trainer.json"):
            (folder / name).write_bytes(bytes([epoch]) * SIZE)
    checkpoints.keep(root, {0, epoch, epoch - 1, 1})


def main() -> None:
    root, stop_at, how = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    for epoch in range(1, EARLIER + 1):
        write(root, epoch)
    done, counting = 0, True

    def operation() -> None:
        nonlocal done
        done += 1
        if done == stop_at:
            if how == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            raise OSError(28, "No space left on device")

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        if counting and event in REPORTED and str(root) in str(arguments[0]):
            operation()

    fsync = os.fsync

    def counted(descriptor: int) -> None:
        operation()
        fsync(descriptor)

    os.fsync = counted
    sys.addaudithook(hear)
    write(root, LAST)
    counting = False
    print(done)


if __name__ == "__main__":
    main()
