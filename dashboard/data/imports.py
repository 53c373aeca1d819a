"""An import is a directory: what was asked, and what came of each file so far. A killed one goes on where it was.

imports/<id>/
  request.json   what is imported, as what
  journal.jsonl  one line a file that is over and done with, as the child told it
  signatures/    of those pictures, for what looks alike
  lease          whoever holds it is at work
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from pydantic import BaseModel, ConfigDict

from dashboard.core import files
from dashboard.core.errors import UploadError
from dashboard.core.lease import Lease, is_held
from dashboard.core.settings import workspace

REQUEST, JOURNAL, SIGNATURES, LEASE = "request.json", "journal.jsonl", "signatures", "lease"


class Request(BaseModel):
    """What is imported. Two imports are the same one if their requests are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str  # absolute
    name: str  # of the dataset, as the user calls it
    stamp: int  # when the archive was last written, nanoseconds since 1970; 0 for a folder, whose files have their own
    size: int  # bytes of the archive; 0 for a folder
    into: str  # id of the dataset that gets the pictures; empty for a new one
    labels: str = ""  # how a label file decides the classes, as JSON; empty where folders do

    @property
    def id(self) -> str:
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:24]


@dataclass(frozen=True)
class Import:
    """The directory of one import."""

    path: Path
    request: Request

    @property
    def journal(self) -> Path:
        return self.path / JOURNAL

    def job(self) -> dict[str, str]:
        """What a child has to know of it."""
        paths = {"journal": str(self.journal), "signatures": str(self.path / SIGNATURES)}
        return {**paths, "path": self.request.path, "labels": self.request.labels}

    @contextmanager
    def writing(self) -> Iterator[Callable[[dict[str, Any]], None]]:
        """Gives what adds a line to the journal. Each is one write, so that only the last one can be cut."""
        with self.journal.open("ab", buffering=0) as file:
            yield lambda message: _write(file, message)

    @property
    def signed(self) -> Path:
        """All signatures in one file, once they have been joined."""
        return self.path / "signatures.npy"

    def signature_parts(self) -> list[Path]:
        """What children kept of how the pictures look: files of rows of `data.signatures`."""
        folder = self.path / SIGNATURES
        return sorted(folder.iterdir()) if folder.exists() else []

    @property
    def finished(self) -> int:
        """How many files are over and done with."""
        return self.journal.read_bytes().count(b"\n") if self.journal.exists() else 0

    def lines(self) -> Iterator[dict[str, Any]]:
        """What is known of each file so far; the last line of a killed import may be cut and is left out."""
        if not self.journal.exists():
            return
        with self.journal.open("rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    yield json.loads(line)


def _write(file: IO[bytes], message: dict[str, Any]) -> None:
    file.write(json.dumps(message).encode() + b"\n")


@contextmanager
def at_work(request: Request) -> Iterator[Import]:
    """Hold the directory of a request, new or left by a killed process.

    It goes when the work ends, with or without success; it stays when the process ends, by Ctrl-C for instance.

    Raises:
        UploadError: `import-under-way` while another process does the same import.
    """
    under_way = Import(workspace("imports", request.id), request)
    lease = Lease(under_way.path / LEASE)
    if not lease.acquire():
        raise UploadError(
            "import-under-way", f"'{request.name}' is being imported already. Wait for it, or cancel it there."
        )
    try:
        files.write_json(under_way.path / REQUEST, request.model_dump())
        _mend(under_way.journal)
        yield under_way
    except Exception:
        shutil.rmtree(under_way.path, ignore_errors=True)
        raise
    else:
        shutil.rmtree(under_way.path, ignore_errors=True)
    finally:
        lease.release()


def _mend(journal: Path) -> None:
    """Cut off a line that was half written, or the next one would be glued to it."""
    if journal.exists():
        data = journal.read_bytes()
        with journal.open("r+b") as file:
            file.truncate(data.rfind(b"\n") + 1)


def unfinished() -> list[Import]:
    """Imports whose process was killed and whose source is still there, the newest first; the others are forgotten."""
    found = []
    folder = workspace("imports", "_").parent
    for path in sorted(folder.iterdir(), key=lambda each: each.stat().st_mtime, reverse=True):
        if (path / REQUEST).exists() and not is_held(path / LEASE):
            left = Import(path, Request.model_validate(files.read_json(path / REQUEST)))
            if Path(left.request.path).exists():
                found.append(left)
            else:
                discard(left)
    return found


def discard(unwanted: Import) -> None:
    """Forget an unfinished import; the pictures it kept stay until they are needed or nobody refers to them."""
    lease = Lease(unwanted.path / LEASE)
    if lease.acquire():
        shutil.rmtree(unwanted.path, ignore_errors=True)
        lease.release()
