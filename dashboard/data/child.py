"""The inside of a short-lived child process: limits first, then one job, told line by line. `data.parent` starts it.

Light to import: a child starts for every upload.
"""

import json
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dashboard.core.errors import DashboardError, UploadError, as_record
from dashboard.core.limits import LIMITS

JOB = "job.json"  # in the folder the child starts in
BODY, TOLD = "body", "told.jsonl"  # of a request to the service, and what its child tells, in the same folder
OPEN_FILES = 256
AHEAD = 8  # files of an import that are worked on at once
TOGETHER = 256  # files that are forced to the disk, and told, in one go


def answer(
    work: Callable[[dict[str, Any]], None],
    *,
    memory: int = LIMITS.child_memory,
    seconds: int = LIMITS.child_seconds,
    file_bytes: int = 2 * LIMITS.image_bytes,
) -> int:
    """The child's side: limit this process, do the job, report a refusal as an answer. Returns the exit code.

    Args:
        work: does the job.
        memory: bytes of address space it may have.
        seconds: of processor.
        file_bytes: the largest file it may write.
    """
    _limit(memory, seconds, file_bytes)
    _answer(work, json.loads(Path(JOB).read_text()), memory)
    return 0


def serve(work: Callable[[dict[str, Any]], None]) -> int:
    """As `answer`, for one job a line of standard input until that ends: a child that is started before its job."""
    _limit(LIMITS.child_memory, LIMITS.child_seconds, 2 * LIMITS.image_bytes)
    for line in sys.stdin:
        _answer(work, json.loads(line), LIMITS.child_memory)
    return 0


def _answer(work: Callable[[dict[str, Any]], None], job: dict[str, Any], memory: int) -> None:
    try:
        work(job)
    except DashboardError as error:
        say(kind="error", error=as_record(error))
    except MemoryError:
        say(kind="error", error=as_record(_out_of_memory(memory)))
    else:
        say(kind="done")


def _out_of_memory(memory: int) -> UploadError:
    gigabytes = memory / 1024**3
    return UploadError(
        "upload-memory", f"Opening this needs more than the {gigabytes:g} GiB of memory that are allowed."
    )


def _limit(memory: int, seconds: int, file_bytes: int) -> None:
    for kind, value in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (allowed, allowed))


def say(**message: Any) -> None:
    """One JSON line to the parent."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()
