"""A finished run's classifier behind a service: processes that open what clients send, and a warm one that predicts.

Nothing that was sent is read here, and nothing of it is kept: a request is a folder that is gone with its answer.
"""

import contextlib
import json
import queue
import secrets
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dashboard.core import lease
from dashboard.core.errors import UploadError, WorkerError, from_record
from dashboard.core.limits import SERVING
from dashboard.core.settings import workspace
from dashboard.data.child import JOB, TOLD
from dashboard.data.parent import environment
from dashboard.data.picture_bytes import DAMAGED
from dashboard.runs.run import Run
from dashboard.runs.workers import Worker

OPENER = "dashboard.ml.opener"
OPENERS = 2  # requests whose pictures are opened at once; each may take the memory of a child
LEASE = "lease"
MOST_TOLD = 1 << 20  # bytes
SILENCE = 2.0 * SERVING.opening_seconds  # seconds after which a process is taken for dead
CRASHES = 3  # children a request may lose
TIMED_OUT = -signal.SIGALRM


@dataclass
class Item:
    """One picture of a request: its probabilities in the order of the run's classes, or why there are none."""

    name: str
    probabilities: list[float] | None = None
    refusal: UploadError | None = None


class Classifying:
    """What answers the requests of one server; `close` it. Calls may come from several threads."""

    def __init__(self, run: Run) -> None:
        run.require_model()
        self.run = run
        self.class_names = run.class_names
        self.folder, self._lease = _own_folder()
        self._worker = Worker()
        self._all = [Worker(OPENER, environment(self.folder)) for _ in range(OPENERS)]
        self._openers: queue.Queue[Worker] = queue.Queue()  # those that nobody asks just now
        for opener in self._all:
            self._openers.put(opener)

    def warm(self) -> None:
        """Have the classifier ready, and traced; raises as `Worker.call`."""
        for opener in self._all:
            opener.start()
        side = self.run.recipe.image_size
        with self.request() as folder:
            grey = folder / "grey.float32"
            np.full((side, side, 3), 127, "float32").tofile(grey)
            self._probabilities([grey])

    def close(self) -> None:
        for each in (self._worker, *self._all):
            each.close()
        self._lease.release()
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextlib.contextmanager
    def request(self) -> Iterator[Path]:
        """A folder for one request, whose body belongs into its file `BODY`; gone afterwards."""
        folder = self.folder / secrets.token_hex(8)
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def answer(self, folder: Path, content_type: str) -> list[Item]:
        """Open and classify the pictures of a request, in their order.

        Raises:
            UploadError: the request as a whole is refused: as `data.posted.read`, or `request-too-slow`.
            WorkerError: the classifier cannot answer.
        """
        items = self._open(folder, content_type)
        opened = [number for number, item in enumerate(items) if item.refusal is None]
        arrays = [folder / f"{number}.float32" for number in opened]
        found = self._probabilities(arrays) if arrays else []
        for number, probabilities in zip(opened, found, strict=True):
            items[number].probabilities = probabilities
        return items

    def _open(self, folder: Path, content_type: str) -> list[Item]:
        left_out: dict[int, UploadError] = {}
        opener = self._openers.get()
        try:
            for _ in range(CRASHES + 1):
                told = self._opened(opener, folder, content_type, list(left_out))
                if told.trying is None:
                    return [_item(number, each, left_out) for number, each in enumerate(told.pictures)]
                left_out[told.trying] = _ended_a_child(told.exit_code)
            raise _crashed()
        finally:
            self._openers.put(opener)

    def _opened(self, opener: Worker, folder: Path, content_type: str, left_out: list[int]) -> "Told":
        job = {"content_type": content_type, "image_size": self.run.recipe.image_size, "left_out": left_out}
        (folder / JOB).write_text(json.dumps(job))
        return Told.read(folder / TOLD, int(_ask(opener, "open", folder=str(folder))))

    def _probabilities(self, arrays: list[Path]) -> list[list[float]]:
        return list(_ask(self._worker, "classify", run=self.run.id, arrays=[str(path) for path in arrays]))


def _ask(worker: Worker, verb: str, **arguments: Any) -> Any:
    """Ask; once again where the process died of it, because it changes nothing and another is started."""
    try:
        return worker.call(verb, timeout=SILENCE, **arguments)
    except WorkerError as error:
        if error.code != "worker-died":
            raise
    return worker.call(verb, timeout=SILENCE, **arguments)


@dataclass
class Told:
    """What a child told of a request: of each picture its name and refusal; `trying`, the one it died of."""

    pictures: list[dict[str, Any]]
    trying: int | None
    exit_code: int

    @classmethod
    def read(cls, path: Path, exit_code: int) -> "Told":
        """
        Raises:
            UploadError: what the child refused as a whole, `request-too-slow`, or `request-crashed` where it died of
                no one picture.
        """
        if exit_code == TIMED_OUT:
            raise UploadError(
                "request-too-slow",
                f"Opening the pictures took longer than {SERVING.opening_seconds} seconds. Send fewer at once.",
            )
        pictures: list[dict[str, Any]] = []
        try:
            for message in _messages(path):
                if message["kind"] == "error":
                    raise from_record(message["error"])
                if message["kind"] == "done":
                    return cls(pictures, None, exit_code)
                if message["kind"] == "trying":
                    pictures.append({"name": str(message["name"])})
                else:
                    pictures[-1] |= message
        # A child that was taken over says anything.
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise _crashed() from error
        if not pictures:
            raise _crashed()
        return cls(pictures, len(pictures) - 1, exit_code)


def _messages(path: Path) -> Iterator[dict[str, Any]]:
    """Whole lines of what a child told; the last may have been cut off by its death."""
    with path.open("rb") as file:
        for line in file.read(MOST_TOLD).split(b"\n")[:-1]:
            yield json.loads(line)


def _item(number: int, told: dict[str, Any], left_out: dict[int, UploadError]) -> Item:
    refusal = left_out.get(number)
    if refusal is None and told.get("kind") != "opened":
        refusal = UploadError(str(told.get("code", "image-unreadable")), str(told.get("message", DAMAGED)))
    return Item(told["name"], refusal=refusal)


def _crashed() -> UploadError:
    return UploadError(
        "request-crashed",
        "The request ended the process that opens pictures. Send its pictures one by one to find why.",
    )


def _ended_a_child(exit_code: int) -> UploadError:
    return UploadError(
        "image-crash",
        f"Opening the picture ended the process that opens pictures (exit code {exit_code}). "
        "Open it in another program and save it again.",
    )


def _own_folder() -> tuple[Path, lease.Lease]:
    """A folder of this server alone, and the lease that says that it lives; what killed servers left is removed.

    Until the lease is held the folder has a name that nobody sweeps.
    """
    name = secrets.token_hex(8)
    unborn, folder = workspace("serving", f".{name}"), workspace("serving", name)
    own = lease.Lease(unborn / LEASE)
    own.acquire()
    unborn.rename(folder)
    for left in folder.parent.iterdir():
        if not left.name.startswith(".") and not lease.is_held(left / LEASE):
            shutil.rmtree(left, ignore_errors=True)
    return folder, own
