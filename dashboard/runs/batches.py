"""A batch of predictions is a directory: what was asked, and what came of each picture so far.

predictions/<id>/
  request.json                 of which run, and with which of its weights
  given-000.json               what a person handed over; what is added later has the next number
  asked-000.jsonl              its pictures, a line each, fixed before the first is decoded
  listed-000.json              how many those are; written last
  rows-00000000.parquet        what came of the pictures from this number on; written aside and renamed
  rows-00000000.thumbnails     small JPEGs of them, one behind the other
  source-000/                  what a browser sent, until all of it is predicted
  stop                         somebody asked for an end
  lease                        whoever holds it is at work

The n-th row of the table (`runs.batch_rows`) is the n-th line of what was asked, so whoever follows a killed process
begins where the rows end. The pictures themselves are not kept: their names, digests and thumbnails are.
"""

import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict

from dashboard.core import files
from dashboard.core.database import database, pictures
from dashboard.core.errors import RunError
from dashboard.core.lease import Lease, is_held
from dashboard.core.settings import workspace
from dashboard.data.asking import Asked, Given
from dashboard.data.parent import STALE
from dashboard.runs import batch_rows
from dashboard.runs.run import Run, open_run

REQUEST = "request.json"


class Request(BaseModel):
    """Of which run, with which of its weights, and when. The `key` of batches asked for the same files is the same."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str
    weights: str
    class_names: tuple[str, ...]
    created_at: float  # seconds since 1970
    key: str = ""


@dataclass(frozen=True)
class Round:
    """What was handed over at once. `first` is the number of its first picture; `count` is None until it is listed."""

    number: int
    given: Given
    first: int
    count: int | None = None
    aside: int = 0  # files that are no pictures


@dataclass(frozen=True)
class Batch:
    """The directory of one batch."""

    path: Path

    @property
    def id(self) -> str:
        return self.path.name

    @cached_property
    def request(self) -> Request:
        """
        Raises:
            RunError: `batch-unknown`.
        """
        path = self.path / REQUEST
        if not path.exists():
            raise RunError("batch-unknown", "These predictions are not here any more. Ask for them again.")
        return Request.model_validate(files.read_json(path))

    @property
    def run(self) -> Run:
        return open_run(self.request.run)

    def rounds(self) -> list[Round]:
        """What was handed over, in order."""
        found: list[Round] = []
        first = 0
        for number, path in enumerate(sorted(self.path.glob("given-*.json"))):
            listed = self.path / f"listed-{number:03d}.json"
            known = files.read_json(listed) if listed.exists() else {}
            found.append(Round(number, Given.from_record(files.read_json(path)), first, **known))
            first += found[-1].count or 0
        return found

    def add(self, given: Given, staged: Path | None = None) -> None:
        """Hand over pictures, or more of them, as the next round.

        Args:
            given: with absolute paths.
            staged: the folder they lie in where a browser sent them; the batch takes it for its own.
        """
        number = len(list(self.path.glob("given-*.json")))
        if staged is not None:
            source = f"source-{number:03d}"
            files.remove_folder(self.path / source)  # of a process that was killed right here
            os.rename(staged, self.path / source)
            given = given.moved(source)
        files.write_json(self.path / f"given-{number:03d}.json", given.as_record())

    def asked_path(self, each: Round) -> Path:
        return self.path / f"asked-{each.number:03d}.jsonl"

    def fix(self, each: Round, asked: Iterator[Asked], aside: Sequence[int] = ()) -> None:
        """Write down which pictures a round asks for. From here on they are these, whatever becomes of the source.

        Args:
            each: the round.
            asked: its pictures.
            aside: numbers of files that are none; asked for when the pictures have come.
        """
        count = 0
        with files.replacing(self.asked_path(each)) as path, path.open("w", encoding="utf-8") as lines:
            for line in asked:
                count += 1
                lines.write(json.dumps(asdict(line)) + "\n")
        files.write_json(self.path / f"listed-{each.number:03d}.json", {"count": count, "aside": sum(aside)})

    def asked(self, each: Round, start: int = 0) -> Iterator[Asked]:
        """The pictures of a round from its `start`-th on, counted from 0."""
        with self.asked_path(each).open(encoding="utf-8") as lines:
            for line in islice(lines, start, None):
                yield Asked(**json.loads(line))

    @property
    def total(self) -> int | None:
        """How many pictures are asked for; None while that is not known."""
        counts = [each.count for each in self.rounds()]
        return None if None in counts else sum(count or 0 for count in counts)

    @property
    def done(self) -> int:
        """How many pictures have a row."""
        return batch_rows.count(self.path)

    @property
    def finished(self) -> bool:
        return self.total == self.done

    @property
    def under_way(self) -> bool:
        """Whether a process is at it."""
        return is_held(self.path / "lease")

    def request_stop(self) -> None:
        files.write_bytes(self.path / "stop", b"")

    @property
    def stop_requested(self) -> bool:
        return (self.path / "stop").exists()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Hold the batch, so that nobody else writes it. What a killed process had written aside goes.

        Raises:
            RunError: `batch-unknown`; `batch-under-way` while another process is at it; `batch-weights-changed` where
                the run has been trained further since.
        """
        self.refuse_other_weights()
        lease = Lease(self.path / "lease")
        if not lease.acquire():
            raise RunError("batch-under-way", "These pictures are being predicted already. Wait for that.")
        try:
            (self.path / "stop").unlink(missing_ok=True)
            for left in self.path.glob(".????????-*"):
                _remove(left)
            yield
            if self.finished:
                for source in self.path.glob("source-*"):
                    files.remove_folder(source)
        finally:
            lease.release()

    @property
    def can_grow(self) -> bool:
        """Whether it is there, and its run has the weights its rows come from."""
        return (self.path / REQUEST).exists() and self.request.weights == weights_of(self.run)

    def refuse_other_weights(self) -> None:
        """Rows of one table come from one network; raises as `at_work`."""
        if self.request.weights != weights_of(self.run):
            raise RunError(
                "batch-weights-changed",
                "The run has been trained further since these predictions were begun. Predict the pictures anew.",
            )


def _remove(left: Path) -> None:
    """Remove what a killed process had written aside, or half removed."""
    if left.is_dir():
        shutil.rmtree(left)
    else:
        left.unlink()


def weights_of(run: Run) -> str:
    """What tells the weights of a run from those it had before it trained longer.

    Raises:
        RunError: `run-unfinished`.
    """
    run.require_model()
    status = run.weights_path.stat()
    return f"{status.st_size}-{status.st_mtime_ns}"


def begin(run: Run, given: Given, staged: Path | None = None) -> Batch:
    """Make the directory of a new batch; see `Batch.add` for the arguments.

    Raises:
        RunError: `run-unfinished`.
    """
    request = Request(
        run=run.id,
        weights=weights_of(run),
        class_names=tuple(run.class_names),
        created_at=time.time(),
        key=_key(run, given),
    )
    _sweep()
    moment = time.strftime("%Y%m%d-%H%M%S", time.gmtime(request.created_at))
    batch = Batch(workspace("predictions", f"{moment}-{secrets.token_hex(4)}"))
    batch.path.mkdir(mode=0o700)
    batch.add(given, staged)
    files.write_json(batch.path / REQUEST, request.model_dump())  # last: without it there is no batch
    return batch


def _sweep() -> None:
    """Remove what was never begun, because its process was killed on the way; nobody comes back for it."""
    for left in workspace("predictions", "_").parent.iterdir():
        if not (left / REQUEST).exists() and time.time() - left.stat().st_mtime > STALE:
            shutil.rmtree(left, ignore_errors=True)


def _key(run: Run, given: Given) -> str:
    """The same for the same files of the same run, as they are now."""
    stamps = [Path(path).stat().st_mtime_ns for path, _ in given.lists if Path(path).exists()]
    asked = json.dumps([run.id, weights_of(run), given.as_record(), stamps])
    return hashlib.sha256(asked.encode()).hexdigest()


def interrupted(run: Run, given: Given) -> Batch | None:
    """The newest batch that was asked for the same and is not finished."""
    key = _key(run, given)
    return next((each for each in of_run(run) if each.request.key == key and not each.finished), None)


def of_run(run: Run) -> list[Batch]:
    """All batches of a run, the newest first."""
    found = [Batch(path.parent) for path in workspace("predictions", "_").parent.glob("*/" + REQUEST)]
    own = [batch for batch in found if batch.request.run == run.id]
    return sorted(own, key=lambda batch: batch.request.created_at, reverse=True)


def forget_erased() -> None:
    """Blank the thumbnails of pictures that were deleted for good, in every batch."""
    erased = sa.select(pictures.c.sha256).where(pictures.c.erased_at.is_not(None))
    with database().connect() as connection:
        shas = set(connection.scalars(erased))
    for path in workspace("predictions", "_").parent.glob("*/" + REQUEST) if shas else ():
        batch_rows.forget(path.parent, shas)


def open_batch(batch_id: str) -> Batch:
    """The batch of this id in this workspace; its `request` says whether there is one."""
    return Batch(workspace("predictions", batch_id))


def discard(batch: Batch) -> None:
    """Remove a batch nobody is at, for good: table, thumbnails and what is left of the pictures.

    Raises:
        RunError: `batch-under-way`.
    """
    if batch.under_way:
        raise RunError("batch-under-way", "These pictures are being predicted. Cancel that first.")
    files.remove_folder(batch.path)
