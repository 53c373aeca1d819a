"""The real server as a person starts it, in a workspace of its own, and its end by its own process id."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from dashboard.core import lease
from dashboard.runs import status
from dashboard.runs.supervisor import LEASE

ROOT = Path(__file__).resolve().parents[2]
STARTS_WITHIN = 60.0  # seconds
LEAVES_WITHIN = 60.0


class Server:
    """One `streamlit run streamlit_app.py` on a free port. `stop` and `kill` end this process and no other."""

    def __init__(self, workspace: Path, keras_home: Path, port: int | None = None) -> None:
        self.workspace = workspace
        self.port = port or free_port()
        self.url = f"http://localhost:{self.port}"
        self.environment = {
            **os.environ,
            "THAW_WORKSPACE": str(workspace),
            "THAW_SUPERVISOR_IDLE": "2",
            "KERAS_HOME": str(keras_home),
            "TF_CPP_MIN_LOG_LEVEL": "2",
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Server":
        self.workspace.mkdir(parents=True, exist_ok=True)
        with (self.workspace / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.port", str(self.port)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env=self.environment,
            )
        wait_until(self._answers, STARTS_WITHIN, "the server to answer")
        return self

    def _answers(self) -> bool:
        assert self._process is not None and self._process.poll() is None, self.log()
        try:
            with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def log(self) -> str:
        return (self.workspace / "server.log").read_text(errors="replace")

    def memory(self) -> int:
        """What the process holds of memory now, in bytes (resident)."""
        assert self._process is not None
        return int(psutil.Process(self._process.pid).memory_info().rss)

    def kill(self) -> None:
        """End it as a power cut would: SIGKILL, no goodbye."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def close(self) -> None:
        """End the server, stop what still trains, and wait until the supervisor has left by itself."""
        self.stop()
        if lease.is_held(self.workspace / LEASE):
            for row in self.runs():
                if row["status"] in status.UNDER_WAY:
                    self.command("stop", row["id"], check=False)
        wait_until(lambda: not lease.is_held(self.workspace / LEASE), LEAVES_WITHIN, "the supervisor to leave")

    def command(self, *words: str, check: bool = True) -> str:
        """What `python -m dashboard ...` prints in this server's workspace."""
        done = subprocess.run(
            [sys.executable, "-m", "dashboard", *words],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env=self.environment,
            timeout=300,
        )
        assert not check or done.returncode == 0, done.stderr
        return done.stdout

    def runs(self) -> list[dict[str, Any]]:
        return list(json.loads(self.command("runs", "--json")))

    def status(self, run_id: str) -> str:
        """Read where the pages read it; a command would take seconds to start."""
        with sqlite3.connect(f"file:{self.workspace / 'thaw.sqlite'}?mode=ro", uri=True) as connection:
            return str(connection.execute("SELECT status FROM runs WHERE id = ?", (run_id,)).fetchone()[0])

    def folder(self, run_id: str) -> Path:
        return self.workspace / "runs" / run_id


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(is_true: Callable[[], bool], seconds: float, what: str) -> None:
    """Look ten times a second; raises TimeoutError that says what never came."""
    deadline = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.1)


@contextmanager
def serving(workspace: Path, keras_home: Path, environment: dict[str, str] | None = None) -> Iterator[Server]:
    server = Server(workspace, keras_home)
    server.environment |= environment or {}
    try:
        yield server.start()
    finally:
        server.close()
