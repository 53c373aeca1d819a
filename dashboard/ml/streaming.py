"""Pictures as they come from the limited child, one after the other: nothing here looks at a byte a user sent.

The child waits while nobody takes what it has decoded, so memory does not grow with the number of pictures. A picture
that ends the child costs itself only.
"""

import contextlib
import os
import select
from collections.abc import Generator, Iterator
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


def settle(batch: Batch) -> None:
    """Have a child list every round that is not listed yet.

    Raises:
        UploadError: as of `asking.listed` and `parent.messages`.
    """
    for each in batch.rounds():
        if each.count is None:
            given, names = each.given.below(batch.path).as_record(), list(batch.request.class_names)
            job = {"kind": "list", "given": given, "class_names": names}
            aside: list[int] = []
            batch.fix(each, _listed(job, aside), aside)


def _listed(job: dict[str, Any], aside: list[int]) -> Iterator[Asked]:
    for message in parent.messages(DECODING, job, seconds=LIMITS.child_seconds):
        kind = message.pop("kind")
        if kind == "asked":
            yield Asked(**message)
        else:
            aside.append(message["aside"])


def pictures(batch: Batch, start: int, image_size: int) -> Generator[Seen, None, None]:
    """What came of every picture from the `start`-th on, in order.

    Args:
        batch: with all rounds listed.
        start: counted from 0 over all rounds.
        image_size: side of the square the network sees, in pixels.

    Raises:
        UploadError: as of `parent.messages`; `upload-crashed` where children died whatever was left out.
    """
    for each in batch.rounds():
        begin = max(0, start - each.first)
        if begin < (each.count or 0):
            yield from _Stream(batch, each, image_size).pictures(begin)


class _Stream:
    """The children that decode one round."""

    def __init__(self, batch: Batch, each: Round, image_size: int) -> None:
        self.batch = batch
        self.round = each
        self.image_size = image_size
        self.trying = False  # the picture that comes next was announced

    def pictures(self, start: int) -> Iterator[Seen]:
        asked = self.batch.asked(self.round, start)
        at, lost, careful = start, 0, 0
        while at < (self.round.count or 0):
            before = at
            try:
                for seen in self._child(asked, at, min(at + PART, self.round.count or 0), careful):
                    at += 1
                    yield seen
                careful = 0
            except Crashed as error:
                lost += 1
                if lost > CRASHES or (careful and at == before and not self.trying):
                    raise
                if self.trying:
                    at += 1
                    yield _blamed(next(asked), error)
                careful = decoding.AHEAD + decoding.WORKERS

    def _child(self, asked: Iterator[Asked], start: int, end: int, careful: int) -> Iterator[Seen]:
        given = self.round.given.below(self.batch.path).as_record()
        self.trying = False
        with _pipe() as (reading, writing):
            job = {
                "kind": "decode",
                "given": given,
                "asked": str(self.batch.asked_path(self.round)),
                "start": start,
                "end": end,
                "careful": careful,
                "image_size": self.image_size,
                "pipe": writing.fileno(),
            }
            messages = parent.messages(DECODING, job, seconds=LIMITS.child_seconds, pass_fds=(writing.fileno(),))
            for message in messages:
                writing.close()  # only the child has it now, so that its death is the end of what can be read
                if message["kind"] == "trying":
                    self.trying = True
                    continue
                seen = self._seen(message, reading)
                self.trying = False
                yield Seen(next(asked), **seen)

    def _seen(self, message: dict[str, Any], pipe: Any) -> dict[str, Any]:
        if message["kind"] == "refused":
            return {"code": message["code"], "reason": message["reason"]}
        pixels = np.empty((self.image_size, self.image_size, 3), "float32")
        thumbnail = bytearray(message["thumbnail"])
        _fill(pipe, pixels.data.cast("B"))
        _fill(pipe, memoryview(thumbnail))
        return {"pixels": pixels, "thumbnail": bytes(thumbnail), "sha256": message["sha256"]}


@contextlib.contextmanager
def _pipe() -> Iterator[tuple[Any, Any]]:
    """The two ends of a pipe, the first for reading; both are closed afterwards."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", buffering=0) as out, os.fdopen(writing, "wb", buffering=0) as into:
        yield out, into


def _fill(pipe: Any, view: memoryview) -> None:
    while view:
        ready, _, _ = select.select([pipe], [], [], PATIENCE)
        count = pipe.readinto(view) if ready else 0
        if not count:
            raise Crashed("no answer", "The process that decodes pictures ended in the middle of one. Try again.")
        view = view[count:]


def _blamed(asked: Asked, error: Crashed) -> Seen:
    reason = (
        f"Opening the file ended the process that opens pictures ({error.how}); it was left out. "
        "Open it in another program and save it again."
    )
    return Seen(asked, code="image-crash", reason=reason)
