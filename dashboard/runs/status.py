"""The statuses of a run, and which may follow which. Nobody compares a status with a literal of their own."""

from typing import Literal

Status = Literal["queued", "running", "stopping", "paused", "stopped", "interrupted", "finished", "failed"]

QUEUED: Status = "queued"
RUNNING: Status = "running"
STOPPING: Status = "stopping"  # asked to stop; the worker ends after its batch
PAUSED: Status = "paused"  # gave processor and memory back; goes on after its last checkpoint
STOPPED: Status = "stopped"  # ended on request, with the best weights so far as a whole model
INTERRUPTED: Status = "interrupted"  # the worker is gone without a word; may be resumed
FINISHED: Status = "finished"
FAILED: Status = "failed"

UNDER_WAY: tuple[Status, ...] = (QUEUED, RUNNING, STOPPING)
RESUMABLE: tuple[Status, ...] = (PAUSED, STOPPED, INTERRUPTED, FAILED)
WITH_MODEL: tuple[Status, ...] = (FINISHED, STOPPED)
