"""What the short-lived child does: open an upload, really decode every picture, keep the bytes of those that are fine.

Runs as `python -m dashboard.data.opening`; `data.intake` starts it and reads what it says.
"""

import contextlib
import hashlib
import io
import itertools
import json
import secrets
import sys
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from dashboard.core import files
from dashboard.core.errors import UploadError
from dashboard.data import archives, child, folders, images, labels, looks, names, signatures, survey
from dashboard.data.child import AHEAD, TOGETHER
from dashboard.data.entries import Content, Entry, without_duplicates
from dashboard.data.looks import Looks
from dashboard.data.survey import Read

WORKERS = 3  # decoding shares two cores well enough; the others wait for the disk meanwhile
LARGE = 12_000_000  # pixels of a picture that is decoded alone, so that memory stays bounded
PROGRESS_EVERY = 10  # pictures

KnownAs = tuple[str, int, int]
NOT_REFUSALS = ("not-a-picture",)
_one_large_at_a_time = threading.Lock()


@dataclass(frozen=True)
class Opened:
    """An upload: every file of it in order, and the way to the bytes of some of them."""

    entries: list[Entry]
    read: Read


def work(job: dict[str, Any]) -> None:
    """Do one job: `kind` look, dataset (with classes) or pictures (without), see `data.intake`."""
    opened = _open(job)
    if job["kind"] == "look":
        survey.look(opened.entries, opened.read, job["label_path"])
        return
    done = _done(job)
    entries, found = _classes(job, opened, done)
    left = [entry for entry in entries if entry.known_as not in done]
    for entry in left:
        if entry.refusal is not None:
            _remark(entry, entry.refusal)
    wanted = [entry for entry in left if entry.refusal is None]
    _take_all(opened.read, wanted, Taking(Path(job["workspace"]), found, job), seen=len(entries) - len(left))


def _done(job: dict[str, Any]) -> set[KnownAs]:
    """Files that an earlier attempt at this import was done with."""
    journal = Path(job["journal"]) if "journal" in job else None
    if journal is None or not journal.exists():
        return set()
    with journal.open(encoding="utf-8") as file:
        return {tuple(json.loads(line)["known_as"]) for line in file}


def _classes(
    job: dict[str, Any], opened: Opened, done: set[KnownAs]
) -> tuple[list[Entry], dict[str, labels.Label] | None]:
    """What gives the pictures their classes: the chosen label file, or the folders; nothing where none are wanted."""
    if job["kind"] == "pictures":
        return opened.entries, None
    if not job["labels"]:
        return opened.entries, labels.by_folder(entry.path for entry in opened.entries)
    entries, found, remarks = survey.labelled(json.loads(job["labels"]), opened.entries, opened.read)
    for number, (path, code, reason, refused) in enumerate(remarks):
        known_as = ("", number, 0)
        if known_as not in done:
            child.say(kind="remark", path=path, code=code, reason=reason, refused=refused, known_as=known_as)
    return entries, found


def _open(job: dict[str, Any]) -> Opened:
    if job["kind"] == "pictures":
        paths = [Path(path) for path in job["paths"]]
        return _of_files(paths, job["names"])
    path = Path(job["path"])
    if job["staged"]:
        paths, given_names = folders.staged(path)
        if len(paths) == 1 and names.is_archive(given_names[0]):
            return _of_archive(paths[0])
        return _of_files(paths, given_names)
    if path.is_dir():
        entries, paths = folders.directory(path)
        return Opened(entries, partial(folders.contents, files=paths))
    return _of_archive(path)


def _of_files(paths: list[Path], given_names: list[str]) -> Opened:
    entries = without_duplicates(folders.named(paths, given_names))
    return Opened(entries, partial(folders.contents, files=paths))


def _of_archive(path: Path) -> Opened:
    return Opened(archives.directory(path), partial(archives.contents, path))


def _remark(entry: Entry, error: UploadError) -> None:
    child.say(kind="remark", known_as=entry.known_as, **_remarked(entry.path, error))


def _remarked(path: str, error: UploadError) -> dict[str, Any]:
    return {"path": path, "code": error.code, "reason": error.message, "refused": error.code not in NOT_REFUSALS}


LOOKS = ("brightness", "contrast", "sharpness", "phash")


class Taking:
    """Decodes files, keeps the bytes of those that are pictures, and tells of each once it is safe on the disk."""

    def __init__(self, store: Path, found: dict[str, labels.Label] | None, job: dict[str, Any]) -> None:
        self.store = store
        self.found = found
        self.signatures = Path(job["signatures"]) if "signatures" in job else None
        self.careful = int(job.get("careful", 0))  # so many files are announced first: one of them ended a child
        self._files = files.Together(Path.cwd())  # its scratch folder, which goes when it ends
        self._untold: list[dict[str, Any]] = []
        self._signed: list[tuple[str, np.ndarray]] = []

    def take(self, content: Content) -> dict[str, Any] | UploadError:
        """Decode one file and keep its bytes and thumbnail; what is said about it, or why it is refused."""
        if content.refusal is not None:
            return content.refusal
        try:
            picture, small, looks = _decoded(content.data)
            label = _label(content.path, self.found)
        except UploadError as error:
            return _told_apart(content.path, error)
        sha256 = hashlib.sha256(content.data).hexdigest()
        self._keep(self.store / "objects" / sha256[:2] / sha256, content.data)
        self._keep(self.store / "thumbnails" / sha256[:2] / f"{sha256}.jpg", small)
        return {
            "sha256": sha256,
            "format": picture.format,
            "mode": picture.mode,
            "width": picture.width,
            "height": picture.height,
            "size": len(content.data),
            "animated": picture.animated,
            "class_name": label.class_name,
            "given_split": label.given_split,
            "group_name": label.group_name,
            "looks": looks,
        }

    def _keep(self, path: Path, data: bytes) -> None:
        """Write once: the name says the content."""
        if not path.exists():
            self._files.add(path, data)

    def done(self, entry: Entry, result: dict[str, Any] | UploadError) -> None:
        """Tell of a file, after those before it."""
        if isinstance(result, UploadError):
            self._untold.append({"kind": "remark", **_remarked(entry.path, result), "known_as": entry.known_as})
        else:
            looks = result.pop("looks")
            self._signed.append((result["sha256"], looks.signature))
            measured = {name: getattr(looks, name) for name in LOOKS}
            self._untold.append(
                {"kind": "picture", "path": entry.path, **result, **measured, "known_as": entry.known_as}
            )

    @property
    def full(self) -> bool:
        """Whether it is time to tell."""
        return len(self._untold) >= TOGETHER

    def tell(self) -> None:
        """Nothing is told before it would outlast a power cut."""
        if self.signatures is not None and self._signed:
            rows = signatures.rows(self._signed)
            self._files.add(self.signatures / secrets.token_hex(8), rows.tobytes())
        self._files.commit()
        for message in self._untold:
            child.say(**message)
        self._untold, self._signed = [], []


def _take_all(read: Read, wanted: list[Entry], taking: Taking, seen: int) -> None:
    """Take files in their order, a few of them worked on at once; `seen` files of the upload were done before."""
    total = seen + len(wanted)
    with ThreadPoolExecutor(WORKERS) as pool:
        results = _results(pool, zip(wanted, read(wanted), strict=True), taking)
        for done, (entry, result) in enumerate(results, seen + 1):
            taking.done(entry, result)
            if taking.full:
                taking.tell()
            if done % PROGRESS_EVERY == 0 or done == total:
                child.say(kind="progress", done=done, total=total)
    taking.tell()


def _results(
    pool: ThreadPoolExecutor, pairs: Iterator[tuple[Entry, Content]], taking: Taking
) -> Iterator[tuple[Entry, dict[str, Any] | UploadError]]:
    """Results in the order of the files; those to be careful with one by one."""
    for entry, content in itertools.islice(pairs, taking.careful):
        child.say(kind="trying", path=entry.path, known_as=entry.known_as)
        result = taking.take(content)
        child.say(kind="tried")
        yield entry, result
    waiting: deque[tuple[Entry, Future[dict[str, Any] | UploadError]]] = deque()
    for entry, content in pairs:
        waiting.append((entry, pool.submit(taking.take, content)))
        if len(waiting) >= AHEAD:
            first, future = waiting.popleft()
            yield first, future.result()
    for entry, future in waiting:
        yield entry, future.result()


def _decoded(data: bytes) -> tuple[images.Picture, bytes, Looks]:
    large = images.measure(io.BytesIO(data)) > LARGE
    with _one_large_at_a_time if large else contextlib.nullcontext():
        picture = images.read(io.BytesIO(data), longest=images.ENOUGH)
        small = images.shrunk(picture.pixels)  # looks are measured on it too: that costs half, and they are the same
        return picture, images.encoded(small), looks.measure(small)


def _label(path: str, found: dict[str, labels.Label] | None) -> labels.Label:
    if found is None:
        return labels.Label("")
    if path not in found:
        raise UploadError("no-class-folder", f"The picture lies in no class folder. {labels.LAYOUT}.")
    return found[path]


def _told_apart(path: str, error: UploadError) -> UploadError:
    """A file that never claimed to be a picture is no bad picture."""
    if error.code not in ("image-format", "image-empty") or names.may_be_picture(path):
        return error
    if names.is_archive(path):
        return UploadError("archive-in-archive", "An archive inside an upload is not opened. Unpack it first.")
    return UploadError("not-a-picture", "The file is no picture; it was left aside.")


if __name__ == "__main__":
    sys.exit(child.answer(work))
