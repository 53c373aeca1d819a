"""The outside of a short-lived child process that opens what strangers sent. Whatever it does, this side survives.

The parent leaves one JSON job in the child's scratch folder and reads JSON lines from its standard output until one of
kind `done` or `error`. Any other end of the child is an `UploadError` too.
"""

import contextlib
import json
import os
import secrets
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from dashboard.core.errors import UploadError, from_record
from dashboard.core.settings import ROOT, workspace
from dashboard.data.child import JOB

POLL = 0.2  # seconds between two looks at the clock and the Cancel button
STALE = 24 * 3600  # seconds after which nobody comes back for a scratch folder


class Crashed(UploadError):  # noqa: N818 - it is the child that did
    """A child ended without an answer: `how` is its signal or its exit code."""

    def __init__(self, how: str, message: str) -> None:
        super().__init__("upload-crashed", message)
        self.how = how

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.how, self.message)


def messages(
    module: str, job: dict[str, Any], *, seconds: float, cancelled: Callable[[], bool] | None = None
) -> Iterator[dict[str, Any]]:
    """Run `python -m module` over one job and yield what it reports, line by line, up to and without the last.

    Raises:
        UploadError: `upload-timeout`, `upload-cancelled`, `upload-crashed`, or what the child itself refused.
    """
    with scratch() as folder:
        (folder / JOB).write_text(json.dumps(job))
        with started(module, folder) as process:
            yield from conversation(process, seconds=seconds, cancelled=cancelled)


@contextlib.contextmanager
def started(
    module: str, folder: Path, *, stdin: int = subprocess.DEVNULL, pass_fds: tuple[int, ...] = ()
) -> Iterator["subprocess.Popen[bytes]"]:
    """A child that runs `python -m module`; it is ended afterwards, and whatever it started with it.

    Args:
        module: what it runs.
        folder: it starts in; its own.
        stdin: as of `subprocess`.
        pass_fds: open files it gets under the same numbers.
    """
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=folder,
            env=environment(folder),
            start_new_session=True,
            pass_fds=pass_fds,
        )
    try:
        yield process
    finally:
        _end(process)


def environment(folder: Path) -> dict[str, str]:
    """Nothing of the server's own: no tokens, no proxies, no credentials."""
    return {
        "PATH": os.defpath,
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "LANG": "C.UTF-8",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "OPENBLAS_NUM_THREADS": "1",  # the memory limit counts what threads reserve
        "MALLOC_ARENA_MAX": "2",
    }


def conversation(
    process: subprocess.Popen[bytes], *, seconds: float, cancelled: Callable[[], bool] | None = None
) -> Iterator[dict[str, Any]]:
    """What a child reports of one job; raises as `messages`."""
    for line in _lines(process, time.monotonic() + seconds, cancelled):
        try:
            message = json.loads(line)
        except ValueError:
            break  # cut off by its death
        if message.get("kind") == "done":
            return
        if message.get("kind") == "error":
            raise from_record(message["error"])
        yield message
    raise _crashed(process)


def _lines(process: subprocess.Popen[bytes], deadline: float, cancelled: Callable[[], bool] | None) -> Iterator[bytes]:
    """Whole lines as they come, until the child closes its output."""
    if process.stdout is None:
        return
    buffer = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            if cancelled is not None and cancelled():
                raise UploadError("upload-cancelled", "Cancelled. Nothing was added.")
            if time.monotonic() > deadline:
                raise UploadError(
                    "upload-timeout", "Opening the files took too long and was ended. Send fewer at once."
                )
            if not selector.select(POLL):
                continue
            chunk = os.read(process.stdout.fileno(), 1 << 16)
            if not chunk:
                return
            *lines, buffer = (buffer + chunk).split(b"\n")
            yield from lines


def _crashed(process: subprocess.Popen[bytes]) -> Crashed:
    try:
        code = process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        return Crashed("no answer", "The process that opens uploads stopped answering. Try again.")
    if code >= 0:
        how = f"exit code {code}"
        return Crashed(how, f"The process that opens uploads ended unexpectedly ({how}). Try again.")
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    return Crashed(
        name,
        f"The process that opens uploads was ended by {name}: a file needed more memory or time than is allowed, or "
        "was made to break the decoder. Nothing was added. Send the files in smaller parts to find it.",
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # the group: whatever it started goes with it
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A folder of one's own inside the workspace, gone afterwards."""
    folder = workspace("scratch", secrets.token_hex(8))
    sweep(folder.parent)
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(parent: Path) -> None:
    """Remove what a killed server left behind."""
    for left in parent.iterdir():
        with contextlib.suppress(FileNotFoundError):
            if time.time() - left.stat().st_mtime > STALE:
                shutil.rmtree(left, ignore_errors=True)
