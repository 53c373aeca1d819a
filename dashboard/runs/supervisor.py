"""The supervisor: a process of its own that starts a training process for the oldest queued run, never two at once.

`python -m dashboard.runs.supervisor`. Whoever adds a run calls `ensure`; the process survives them all and leaves by
itself when there has been nothing to do for a while.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import sqlalchemy as sa

from dashboard.core.database import database
from dashboard.core.database import runs as table
from dashboard.core.settings import ROOT, settings, workspace
from dashboard.runs import lease, queue, status
from dashboard.runs.run import Run

POLL = 0.25  # seconds
LEASE = "supervisor.lease"

# What this process started, by workspace: one on its way to the lease is enough, and the ended are to be reaped.
_started: dict[Path, subprocess.Popen[bytes]] = {}
_starting = threading.Lock()


def ensure() -> None:
    """Start a supervisor for this workspace if none lives. Cheap enough for every page that looks at the queue.

    It gets a session of its own: neither a closed terminal nor the end of the server reaches it.
    """
    with _starting:
        for place, child in list(_started.items()):
            if child.poll() is not None:
                del _started[place]
        here = settings().absolute_workspace
        if here not in _started and not lease.is_held(workspace(LEASE)):
            _started[here] = _start()


def _start() -> subprocess.Popen[bytes]:
    with workspace("supervisor.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "dashboard.runs.supervisor"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=ROOT,
            env={**os.environ, "THAW_WORKSPACE": str(settings().absolute_workspace)},
            start_new_session=True,
        )


def look_after() -> None:
    """Make the rows true and see that somebody takes what waits; for everyone who looks at runs.

    While a supervisor lives it judges its worker by the process it started, which may take seconds to reach its lease;
    only in its absence do the leases alone decide.
    """
    if lease.is_held(workspace(LEASE)):
        return
    queue.reconcile()
    if _waiting():
        ensure()


def start_worker(run: Run) -> subprocess.Popen[bytes]:
    """Start the training process of a run; all it says goes to the run's `log.txt`."""
    with run.log_path.open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "dashboard.ml.train", str(run.path)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=ROOT,
            start_new_session=True,
        )


def supervise(run: Run) -> None:
    """Stay with a run until its process ends, and write down an end that the process could not write itself."""
    worker = start_worker(run)
    stop_seen: float | None = None
    while worker.poll() is None:
        time.sleep(POLL)
        if run.stop_requested:
            stop_seen = stop_seen or time.monotonic()
            if time.monotonic() - stop_seen > settings().stop_grace:
                os.kill(
                    worker.pid, signal.SIGKILL
                )  # a frozen worker; a poll above has shown that the id is still its own
                worker.wait()
    if worker.returncode != 0:
        queue.change(
            run.id,
            status.FAILED if worker.returncode > 0 else status.INTERRUPTED,
            only_from=(status.RUNNING, status.STOPPING),
            ended_at=time.time(),
            message=describe_exit(worker.returncode, run.log_path),
        )


def describe_exit(code: int, log: Path) -> str:
    """One or two sentences on how a worker ended, from its exit code and the last line it wrote."""
    if code == -signal.SIGKILL:
        return (
            "The training process was killed (signal 9), most often because memory ran out. Resume goes on after its "
            "last saved epoch; a smaller batch size or image size needs less memory."
        )
    if code < 0:
        name = signal.strsignal(-code)
        return f"The training process ended by signal {-code} ({name}). Resume goes on after its last saved epoch."
    lines = (
        [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()] if log.exists() else []
    )
    return f"The training process failed: {lines[-1] if lines else 'it left no word'} (more in the run's log)."


def _work() -> None:
    """Take runs until none has waited for `supervisor_idle` seconds."""
    idle_since = time.monotonic()
    while time.monotonic() - idle_since < settings().supervisor_idle:
        queue.reconcile()
        if run := queue.claim():
            supervise(run)
            idle_since = time.monotonic()
        else:
            time.sleep(POLL)


def _waiting() -> bool:
    with database().connect() as connection:
        return connection.scalar(sa.select(table.c.id).where(table.c.status == status.QUEUED).limit(1)) is not None


def main() -> None:
    held = lease.Lease(workspace(LEASE))
    while held.acquire():
        _work()
        held.release()
        # A run added between the last look and the release found the lease held and started nobody: look again.
        if not _waiting():
            return


if __name__ == "__main__":
    main()
