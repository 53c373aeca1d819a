"""Pictures as they come from the limited child, one after the other: nothing here looks at a byte a user sent.

The child waits while nobody takes what it has decoded, so memory does not grow with the number of pictures. A picture
that ends the child costs itself only.
"""

import contextlib
import fcntl
import json
import os
import select
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from dashboard.core.limits import LIMITS
from dashboard.data import parent
from dashboard.data.asking import Asked
from dashboard.data.parent import Crashed
from dashboard.ml import decoding
from dashboard.runs.batches import Batch, Round

DECODING = "dashboard.ml.decoding"
PART = 4_000  # pictures for one child, whose time is limited
CRASHES = 10  # children one round may lose
AT_ONCE = 1 << 20  # bytes in the pipe: a picture or two instead of a tenth of one
PATIENCE = 60.0  # seconds for the pixels of a picture that was announced


@dataclass(frozen=True)
class Seen:
    """What came of one picture: `pixels` float32 RGB 0..255, (image_size, image_size, 3), or None with the reason."""

    asked: Asked
    pixels: np.ndarray | None = None
    thumbnail: bytes = b""
    sha256: str = ""
    code: str = ""
    reason: str = ""


class Child:
    """One limited child, started before it is needed: half of what one picture takes is its beginning."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        folder = self._stack.enter_context(parent.scratch())
        reading, self._writing = os.pipe()
        with contextlib.suppress(OSError, AttributeError):  # no such thing, or not for everybody
            fcntl.fcntl(self._writing, fcntl.F_SETPIPE_SZ, AT_ONCE)
        self._pipe = self._stack.enter_context(os.fdopen(reading, "rb", buffering=0))
        with os.fdopen(self._writing, "wb"):  # afterwards only the child has it: its death is the end of the pipe
            self._process = self._stack.enter_context(
                parent.started(DECODING, folder, stdin=subprocess.PIPE, pass_fds=(self._writing,))
            )

    def ask(self, **job: Any) -> Iterator[dict[str, Any]]:
        """What it tells of one job; see `ml.decoding`. Raises as `parent.messages`."""
        line = json.dumps({**job, "pipe": self._writing}).encode() + b"\n"
        with contextlib.suppress(BrokenPipeError):  # it is dead, which is what the conversation finds too
            if self._process.stdin is not None:
                self._process.stdin.write(line)
                self._process.stdin.flush()
        yield from parent.conversation(self._process, seconds=LIMITS.child_seconds)

    def read(self, view: memoryview) -> None:
        """Fill a buffer with what stands next in its pipe.

        Raises:
            Crashed: it ended, or gave nothing for a long time.
        """
        while view:
            ready, _, _ = select.select([self._pipe], [], [], PATIENCE)
            count = self._pipe.readinto(view) if ready else 0
            if not count:
                raise Crashed("no answer", "The process that decodes pictures ended in the middle of one. Try again.")
            view = view[count:]

    def close(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        self._stack.close()


_spare: list[Child] = []


def prepare() -> None:
    """Have a child ready for whoever comes next."""
    if not _spare:
        _spare.append(Child())


def _child() -> Child:
    return _spare.pop() if _spare else Child()


class Stream:
    """The pictures of a batch, and the children that list and decode them."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.image_size = 0
        self._now: Child | None = None
        self._trying = False  # the picture that comes next was announced

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        child, self._now = self._now, None
        if child is not None:
            child.close()

    def _ask(self, **job: Any) -> Iterator[dict[str, Any]]:
        self._now = self._now or _child()
        return self._now.ask(**job)

    def settle(self) -> None:
        """Have every round listed that is not listed yet.

        Raises:
            UploadError: as of `asking.listed` and `parent.messages`.
        """
        for each in self.batch.rounds():
            if each.count is None:
                aside: list[int] = []
                self.batch.fix(each, self._listed(each, aside), aside)

    def _listed(self, each: Round, aside: list[int]) -> Iterator[Asked]:
        given, names = each.given.below(self.batch.path).as_record(), list(self.batch.request.class_names)
        for message in self._ask(kind="list", given=given, class_names=names):
            if message.pop("kind") == "asked":
                yield Asked(**message)
            else:
                aside.append(message["aside"])

    def pictures(self, start: int, image_size: int) -> Iterator[Seen]:
        """What came of every picture from the `start`-th on, counted from 0 over all rounds, in order.

        Args:
            start: number of the first.
            image_size: side of the square the network sees, in pixels.

        Raises:
            UploadError: as of `parent.messages`; `upload-crashed` where children died whatever was left out.
        """
        self.image_size = image_size
        for each in self.batch.rounds():
            begin = max(0, start - each.first)
            if begin < (each.count or 0):
                yield from self._round(each, begin)

    def _round(self, each: Round, at: int) -> Iterator[Seen]:
        asked = self.batch.asked(each, at)
        lost, careful = 0, 0
        while at < (each.count or 0):
            before = at
            try:
                for seen in self._part(each, asked, at, careful):
                    at += 1
                    yield seen
                careful = 0
            except Crashed as error:
                lost += 1
                if lost > CRASHES or (careful and at == before and not self._trying):
                    raise
                if self._trying:
                    at += 1
                    yield _blamed(next(asked), error)
                careful = decoding.AHEAD + decoding.WORKERS
            finally:
                self._end()

    def _part(self, each: Round, asked: Iterator[Asked], start: int, careful: int) -> Iterator[Seen]:
        """What one child makes of its part of a round; the first `careful` pictures are announced."""
        self._trying = False
        messages = self._ask(
            kind="decode",
            given=each.given.below(self.batch.path).as_record(),
            asked=str(self.batch.asked_path(each)),
            start=start,
            end=min(start + PART, each.count or 0),
            careful=careful,
            image_size=self.image_size,
        )
        for message in messages:
            if message["kind"] == "trying":
                self._trying = True
                continue
            seen = self._read(message)
            self._trying = False
            yield Seen(next(asked), **seen)

    def _read(self, message: dict[str, Any]) -> dict[str, Any]:
        if message["kind"] == "refused" or self._now is None:
            return {"code": message["code"], "reason": message["reason"]}
        pixels = np.empty((self.image_size, self.image_size, 3), "float32")
        thumbnail = bytearray(message["thumbnail"])
        self._now.read(pixels.data.cast("B"))
        self._now.read(memoryview(thumbnail))
        return {"pixels": pixels, "thumbnail": bytes(thumbnail), "sha256": message["sha256"]}


def _blamed(asked: Asked, error: Crashed) -> Seen:
    reason = (
        f"Opening the file ended the process that opens pictures ({error.how}); it was left out. "
        "Open it in another program and save it again."
    )
    return Seen(asked, code="image-crash", reason=reason)
