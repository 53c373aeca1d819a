"""What the short-lived child does: open an upload, really decode every picture, keep the bytes of those that are fine.

Runs as `python -m dashboard.data.opening`; `data.intake` starts it and reads what it says.
"""

import contextlib
import hashlib
import io
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from dashboard.core import files
from dashboard.core.errors import UploadError
from dashboard.data import archives, child, folders, images, labels, names, survey
from dashboard.data.entries import Content, Entry, without_duplicates
from dashboard.data.survey import Read

WORKERS = 4  # decoding shares two cores well enough; the others wait for the disk meanwhile
AHEAD = 2 * WORKERS  # contents in memory at once
LARGE = 12_000_000  # pixels of a picture that is decoded alone, so that memory stays bounded
PROGRESS_EVERY = 10  # pictures

Opened = tuple[list[Entry], Read]
NOT_REFUSALS = ("not-a-picture",)
_one_large_at_a_time = threading.Lock()


def work(job: dict[str, Any]) -> None:
    """Do one job: `kind` look, dataset (with classes) or pictures (without), see `data.intake`."""
    entries, read = _open(job)
    if job["kind"] == "look":
        survey.look(entries, read, job["label_path"])
        return
    entries, found = _classes(job, entries, read)
    contents = read(entries)
    for entry in entries:
        if entry.refusal is not None:
            _remark(entry.path, entry.refusal)
    total = sum(entry.refusal is None for entry in entries)
    store = Path(job["workspace"])
    for done, (path, result) in enumerate(_take_all(contents, store, found), start=1):
        if isinstance(result, UploadError):
            _remark(path, result)
        else:
            child.say(kind="picture", path=path, **result)
        if done % PROGRESS_EVERY == 0 or done == total:
            child.say(kind="progress", done=done, total=total)


def _classes(
    job: dict[str, Any], entries: list[Entry], read: Read
) -> tuple[list[Entry], dict[str, labels.Label] | None]:
    """What gives the pictures their classes: the chosen label file, or the folders; nothing where none are wanted."""
    if job["kind"] == "pictures":
        return entries, None
    if job.get("labels") is not None:
        return survey.labelled(job["labels"], entries, read)
    return entries, labels.by_folder(entry.path for entry in entries)


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
        return entries, partial(folders.contents, files=paths)
    return _of_archive(path)


def _of_files(paths: list[Path], given_names: list[str]) -> Opened:
    entries = without_duplicates(folders.named(paths, given_names))
    return entries, partial(folders.contents, files=paths)


def _of_archive(path: Path) -> Opened:
    entries = archives.directory(path)
    return entries, partial(archives.contents, path)


def _remark(path: str, error: UploadError) -> None:
    child.say(kind="remark", path=path, code=error.code, reason=error.message, refused=error.code not in NOT_REFUSALS)


def _take_all(
    contents: Iterable[Content], store: Path, found: dict[str, labels.Label] | None
) -> Iterator[tuple[str, dict[str, Any] | UploadError]]:
    """Results in the order of the contents, a few of them worked on at once."""
    waiting: deque[tuple[str, Future[dict[str, Any] | UploadError]]] = deque()
    with ThreadPoolExecutor(WORKERS) as pool:
        for content in contents:
            waiting.append((content.path, pool.submit(_take, content, store, found)))
            if len(waiting) >= AHEAD:
                path, future = waiting.popleft()
                yield path, future.result()
        for path, future in waiting:
            yield path, future.result()


def _take(content: Content, store: Path, found: dict[str, labels.Label] | None) -> dict[str, Any] | UploadError:
    """Decode one file and keep its bytes and thumbnail; what is said about it, or why it is refused."""
    if content.refusal is not None:
        return content.refusal
    try:
        picture, small = _decoded(content.data)
        label = _label(content.path, found)
    except UploadError as error:
        return _told_apart(content.path, error)
    sha256 = hashlib.sha256(content.data).hexdigest()
    _keep(store / "objects" / sha256[:2] / sha256, content.data)
    _keep(store / "thumbnails" / sha256[:2] / f"{sha256}.webp", small)
    height, width = picture.pixels.shape[:2]
    return {
        "sha256": sha256,
        "format": picture.format,
        "mode": picture.mode,
        "width": width,
        "height": height,
        "size": len(content.data),
        "animated": picture.animated,
        "class_name": label.class_name,
        "given_split": label.given_split,
        "group_name": label.group_name,
    }


def _decoded(data: bytes) -> tuple[images.Picture, bytes]:
    large = images.measure(io.BytesIO(data)) > LARGE
    with _one_large_at_a_time if large else contextlib.nullcontext():
        picture = images.read(io.BytesIO(data))
        return picture, images.thumbnail(picture.pixels)


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


def _keep(path: Path, data: bytes) -> None:
    """Write once; the name says the content, and it appears whole or not at all."""
    if not path.exists():
        files.write_bytes(path, data)


if __name__ == "__main__":
    sys.exit(child.answer(work))
