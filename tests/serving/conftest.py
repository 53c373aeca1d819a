"""One trained run for all tests of a test run, and the service as a person starts it."""

import base64
import http.client
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.sharing import once
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
STARTS_WITHIN = 120.0  # seconds
TOKEN = "opens-for-the-tests"

Answer = tuple[int, Any]


def form(*pictures: tuple[str, bytes], field: str = "pictures") -> tuple[str, bytes]:
    """Content type and body of a form, made by hand."""
    boundary = secrets.token_hex(12)
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n\r\n'.encode()
        + data
        + b"\r\n"
        for name, data in pictures
    ]
    return f"multipart/form-data; boundary={boundary}", b"".join(parts) + f"--{boundary}--\r\n".encode()


def encoded(*pictures: tuple[str, bytes]) -> tuple[str, bytes]:
    """The same as JSON."""
    items = [{"name": name, "data": base64.b64encode(data).decode()} for name, data in pictures]
    return "application/json", json.dumps({"pictures": items}).encode()


class Client:
    """Somebody who speaks HTTP and may say whatever they like."""

    def __init__(self, port: int, token: str = "") -> None:
        self.port = port
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def ask(self, method: str, path: str, body: Any = None, **headers: str | None) -> Answer:
        """Status and value of one request; headers by name with `_` for `-`, None leaves one out."""
        status, _, text = self.whole(method, path, body, **headers)
        return status, json.loads(text) if text else None

    def whole(
        self, method: str, path: str, body: Any = None, **headers: str | None
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        said = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        sent = {name: value for name, value in said.items() if value is not None}
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request(method, path, body=body, headers=sent)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    def predict(self, posted: tuple[str, bytes], query: str = "", **headers: str | None) -> Answer:
        return self.ask("POST", f"/predict{query}", posted[1], Content_Type=posted[0], **headers)

    def send(self, text: bytes) -> socket.socket:
        """Begin to say something that need not be HTTP."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        connection.sendall(text)
        return connection

    def said(self, text: bytes) -> bytes:
        """All that comes back for it."""
        with closing(self.send(text)) as connection:
            return heard(connection)


def heard(connection: socket.socket) -> bytes:
    parts = []
    while part := connection.recv(65_536):
        parts.append(part)
    return b"".join(parts)


class Service:
    """One `python -m dashboard serve` on a free port."""

    def __init__(self, workspace: Path, *options: str, **environment: str) -> None:
        self.workspace = workspace
        self.log = workspace.parent / f"served-{secrets.token_hex(4)}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "dashboard", "serve", "1", "--port", "0", *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env={**os.environ, "THAW_WORKSPACE": str(workspace), **environment},
            )
        wait_until(self._is_ready, seconds=STARTS_WITHIN, step=0.1)
        address = next(line for line in self.told.splitlines() if line.startswith("Serving run "))
        self.port = int(address.split(" (POST")[0].rsplit(":", 1)[1])

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, self.told
        return "Serving run " in self.told

    @property
    def told(self) -> str:
        return self.log.read_text()

    @property
    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    @property
    def worker(self) -> psutil.Process:
        return next(each for each in self.children if "dashboard.ml.worker" in each.cmdline())

    @property
    def memory(self) -> int:
        """What the process that speaks HTTP holds of memory now, in bytes (resident)."""
        return int(psutil.Process(self.process.pid).memory_info().rss)

    def kept(self) -> list[str]:
        """Files in the workspace that only the service writes, beside what tells that it lives."""
        files = [path for path in (self.workspace / "serving").rglob("*") if path.is_file()]
        return [path.name for path in files if path.name != "lease"]

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(timeout=60)


@contextmanager
def serving(workspace: Path, *options: str, **environment: str) -> Iterator[Service]:
    service = Service(workspace, *options, **environment)
    try:
        yield service
    finally:
        if service.process.poll() is None:
            service.process.kill()
        service.process.wait()


@pytest.fixture(scope="session")
def trained_workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with one finished run; nobody may change it."""

    def train(path: Path) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "tests.serving.trained"],
            cwd=ROOT,
            env={**os.environ, "THAW_WORKSPACE": str(path)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr

    return once(tmp_path_factory, "trained-workspace", train)


@pytest.fixture(scope="module")
def served(trained_workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service on loopback, with a token."""
    workspace = tmp_path_factory.mktemp("served") / "workspace"
    shutil.copytree(trained_workspace, workspace)
    with serving(workspace, THAW_SERVE_TOKEN=TOKEN) as service:
        yield service


@pytest.fixture
def client(served: Service) -> Client:
    return Client(served.port, TOKEN)
