"""The only module that writes files which must last: written aside, fsynced, renamed, the folder fsynced."""

import hashlib
import json
import os
import secrets
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHUNK = 1024 * 1024


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to; on success it takes the place of `path` at once, or not at all.

    The temporary name keeps the suffix, because Keras chooses the format by it. An error from fsync is raised, never
    retried: after one, the kernel may have dropped the data.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{secrets.token_hex(4)}-{path.name}")
    try:
        yield aside
        fsync(aside)
        os.replace(aside, path)
        fsync(path.parent)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Yield a new folder beside `path` to write files into; on success it takes the place of `path`, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{secrets.token_hex(4)}-{path.name}")
    aside.mkdir()
    try:
        yield aside
        for file in aside.iterdir():
            fsync(file)
        fsync(aside)
        remove_folder(path)  # a folder cannot be renamed over one that holds files
        os.replace(aside, path)
        fsync(path.parent)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def place_folder(source: Path, path: Path) -> None:
    """Move a whole folder of files to its place, where there is none yet, after everything in it is on the disk."""
    for file in source.iterdir():
        fsync(file)
    fsync(source)
    path.parent.mkdir(parents=True, exist_ok=True)
    os.rename(source, path)
    fsync(path.parent)


def remove_folder(path: Path) -> None:
    """Remove a folder, if it is there, so that it is never there by half under its name."""
    if not path.exists():
        return
    gone = path.with_name(f".{secrets.token_hex(4)}-{path.name}")
    os.replace(path, gone)
    shutil.rmtree(gone)


def fsync(path: Path) -> None:
    """Force a file or a folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_bytes(path: Path, data: bytes) -> None:
    with replacing(path) as aside:
        aside.write_bytes(data)


class Together:
    """Small files that are written aside one after the other, by any thread, and appear in one go.

    Each fsync of its own waits for the disk, and thousands of small files would wait thousands of times. Here the whole
    system is told to write once, after which an fsync of each file costs nothing and still tells of an error.

    Args:
        aside: a folder for what waits, on the same disk as the files' own folders; whoever made it removes it.
    """

    def __init__(self, aside: Path) -> None:
        self._aside = aside
        self._waiting: list[tuple[Path, Path]] = []
        self._lock = threading.Lock()

    def add(self, path: Path, data: bytes) -> None:
        """Write a file aside; it takes the place of `path` with the next `commit`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = self._aside / secrets.token_hex(8)
        aside.write_bytes(data)
        with self._lock:
            self._waiting.append((aside, path))

    def commit(self) -> None:
        """Force what waits to the disk, then give each file its name; what is added meanwhile waits for the next."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        os.sync()
        for aside, _ in waiting:
            fsync(aside)
        for aside, path in waiting:
            os.replace(aside, path)
        os.sync()  # the folders that hold the names


def write_text(path: Path, text: str) -> None:
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def sha256(path: Path) -> str:
    """Hex digest of a file's bytes, read in chunks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
