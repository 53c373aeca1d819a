"""What is kept of computed features, how much of the disk it may take, and what goes first.

    cache/features/<key>/in-use    locked, shared, by every process that reads or writes the folder

Which folder was used last is told by the time of `in-use`. A folder that anybody has locked is never removed, so that a
run never loses what it trains on to another one.
"""

import fcntl
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from dashboard.core import files
from dashboard.core.settings import settings, workspace

IN_USE = "in-use"
_held: dict[Path, int] = {}  # descriptors with our locks; they end with the process


@dataclass(frozen=True)
class Kept:
    """One prefix' features on the disk."""

    folder: Path
    bytes: int
    used: float  # seconds since 1970, UTC
    key: dict[str, object]  # what they were computed by; empty where it was never written


def root() -> Path:
    return workspace("cache", "features", IN_USE).parent


def limit() -> int:
    """Bytes that features may take."""
    return int(settings().features_gigabytes * 1e9)


def take(name: str) -> Path:
    """The folder of a key, made if need be and safe from removal until this process ends or calls `give_back`."""
    folder = root() / name
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / IN_USE, os.O_RDWR | os.O_CREAT, 0o644)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        if (folder / IN_USE).exists():  # else it was removed between the two
            break
        os.close(descriptor)
    os.utime(folder / IN_USE)
    if earlier := _held.pop(folder, None):
        os.close(earlier)
    _held[folder] = descriptor
    return folder


def give_back() -> None:
    """Let others remove what this process has taken."""
    for descriptor in _held.values():
        os.close(descriptor)
    _held.clear()


def kept() -> list[Kept]:
    """All features on the disk, those used last first."""
    found = []
    for folder in root().iterdir():
        try:
            size = sum(each.stat().st_size for each in folder.iterdir())
            used = (folder / IN_USE).stat().st_mtime
            key = files.read_json(folder / "key.json") if (folder / "key.json").exists() else {}
        except OSError:  # removed meanwhile
            continue
        found.append(Kept(folder, size, used, key))
    return sorted(found, key=lambda each: -each.used)


def make_room(needed: int = 0) -> int:
    """Remove what was not used for longest until what is kept and `needed` bytes are within the limit.

    What is in use stays, even if the limit is passed then.

    Returns:
        Bytes freed.
    """
    folders = kept()
    over = sum(each.bytes for each in folders) + needed - limit()
    freed = 0
    for each in reversed(folders):
        if over - freed <= 0:
            break
        if remove(each.folder):
            freed += each.bytes
    return freed


def remove(folder: Path) -> bool:
    """Remove a folder of features; False where it is in use."""
    try:
        descriptor = os.open(folder / IN_USE, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        aside = folder.with_name(f".{folder.name}")
        os.replace(folder, aside)  # at once, and out of the way of whoever comes now
        shutil.rmtree(aside)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True
