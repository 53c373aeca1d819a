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
from collections.abc import Callable
from pathlib import Path

import psutil

from dashboard.core import lease
from dashboard.core.recipe import Recipe
from dashboard.core.settings import ROOT, settings, workspace
from dashboard.runs import events, queue, status
from dashboard.runs.run import Run

POLL = 0.25  # seconds
FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)  # nothing the process itself did
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
    if queue.waiting() or queue.active():
        ensure()


class Spare:
    """A training process that has imported everything and waits to be told its run: three seconds of a start."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def prepare(self) -> None:
        """Start it, unless it is there already."""
        if settings().keep_ready and (self._process is None or self._process.poll() is not None):
            self._process = _train("--wait", log=workspace("supervisor.log"), stdin=subprocess.PIPE)

    def take(self, run: Run) -> subprocess.Popen[bytes] | None:
        """The process, at work on a run; None where there is none."""
        process, self._process = self._process, None
        if process is None or process.stdin is None or process.poll() is not None:
            return None
        try:
            with process.stdin as pipe:
                pipe.write(f"{run.path}\n".encode())
        except BrokenPipeError:
            process.wait()
            return None
        return process

    def dismiss(self) -> None:
        """Let it go, and wait until it has."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            self._process.wait()


def start_worker(run: Run) -> subprocess.Popen[bytes]:
    """Start the training process of a run; all it says goes to the run's `log.txt`."""
    return _train(str(run.path), log=run.log_path, stdin=subprocess.DEVNULL)


def _train(argument: str, *, log: Path, stdin: int) -> subprocess.Popen[bytes]:
    with log.open("ab") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "dashboard.ml.train", argument],
            stdin=stdin,
            stdout=file,
            stderr=file,
            cwd=ROOT,
            start_new_session=True,
        )


def supervise(run: Run, worker: subprocess.Popen[bytes]) -> None:
    """Stay with a run until its process ends, and write down an end that the process could not write itself."""
    ended = _stay(run, worker.pid, lambda: worker.poll() is None)
    if not ended:  # what the last checkpoint has becomes the model that was asked for
        worker.wait()
        worker = start_worker(run)
        ended = _stay(run, worker.pid, lambda: worker.poll() is None)
    code = worker.wait()
    if code:
        queue.change(
            run.id,
            status.INTERRUPTED if ended and -code in FROM_OUTSIDE else status.FAILED,
            only_from=(status.RUNNING, status.STOPPING),
            ended_at=time.time(),
            message=describe_exit(code, run) if ended else FROZEN,
        )


def watch(run: Run) -> None:
    """Stay with a run whose process an earlier supervisor started; `queue.reconcile` judges its end."""
    holder = lease.holder(run.lease_path)
    time.sleep(POLL)
    if holder is not None and holder == lease.holder(run.lease_path):
        _stay(run, holder, lambda: lease.is_held(run.lease_path))


def _stay(run: Run, pid: int, alive: Callable[[], bool]) -> bool:
    """Wait for a process; whether it ended by itself, and not because it was deaf to a stop.

    Deaf is who computes nothing for `stop_grace` seconds: a large batch may take longer than that before it ends.
    """
    computed, since = _computed(pid), time.monotonic()
    while alive():
        time.sleep(POLL)
        now = _computed(pid)
        if not run.stop_requested or now != computed:
            computed, since = now, time.monotonic()
        elif time.monotonic() - since > settings().stop_grace and alive():
            os.kill(pid, signal.SIGKILL)
            return False
    return True


FROZEN = (
    "The training process was deaf to the stop, and so was its successor; both were ended. The last saved epoch is "
    "still there, and the run can go on from it."
)


def _computed(pid: int) -> float:
    """Seconds of processor a process has had; 0 once it is gone."""
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


def describe_exit(code: int, run: Run) -> str:
    """How a worker ended, in sentences: from its exit code, the last line it wrote, and what was tried."""
    attempts = sum(event["kind"] == "attempt" for event in events.read(run.events_path))
    tried = f" This was attempt {attempts}." if attempts > 1 else ""
    saved = f"{queue.last_saved(run)}{tried}"
    if code == -signal.SIGKILL:
        return (
            "The training process was killed (signal 9), most often because memory ran out. "
            f"{saved} {_smaller(run.recipe)} would need less memory."
        )
    if code < 0:
        smaller = "" if -code in FROM_OUTSIDE else f" {_smaller(run.recipe)} would ask less of this machine."
        return f"The training process ended by signal {-code} ({signal.strsignal(-code)}). {saved}{smaller}"
    log = run.log_path.read_text(errors="replace") if run.log_path.exists() else ""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return f"The training process failed: {lines[-1] if lines else 'it left no word'} (more in the run's log).{tried}"


def _smaller(recipe: Recipe) -> str:
    """What to change where memory is short, with its values."""
    size = max(recipe.backbone_row.smallest_image_size, recipe.image_size * 3 // 4 // 16 * 16)
    smaller = [f"a batch size of {recipe.batch_size // 2}"] if recipe.batch_size > 1 else []
    smaller += [f"an image size of {size}"] if size < recipe.image_size else []
    return " or ".join(smaller or ["a smaller backbone"]).capitalize()


def _work() -> None:
    """Take runs until none has waited for `supervisor_idle` seconds."""
    idle_since = time.monotonic()
    spare = Spare()
    while time.monotonic() - idle_since < settings().supervisor_idle:
        queue.reconcile()
        if orphan := queue.active():
            watch(orphan)
        elif run := queue.claim():
            supervise(run, spare.take(run) or start_worker(run))
            idle_since = time.monotonic()
        else:
            spare.prepare()
            time.sleep(POLL)
    spare.dismiss()


def main() -> None:
    held = lease.Lease(workspace(LEASE))
    while held.acquire():
        _work()
        held.release()
        # A run added between the last look and the release found the lease held and started nobody: look again.
        if not queue.waiting():
            return


if __name__ == "__main__":
    main()
