"""What is kept of computed features, how much of the disk it may take, and what goes first.

    cache/features/<key>/in-use    locked, shared, by every process that reads or writes the folder
    cache/features/.<key>-<more>   on its way out: renamed first, so that nobody finds half of it

Which folder was used last is told by the time of `in-use`. A folder that anybody has locked is never removed, so that a
run never loses what it trains on to another one. Folders that have neither `in-use` nor `key.json` are not ours: they
are neither counted nor touched.
"""

import contextlib
import fcntl
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from dashboard.core import files
from dashboard.core.augmentations import AUGMENTATIONS
from dashboard.core.settings import settings, workspace

IN_USE = "in-use"
KEY = "key.json"
ASIDE = re.compile(r"\.[0-9a-f]{8}-.+")  # what `files.replacing` writes to before it renames
FORGOTTEN = 3600.0  # seconds after which nobody writes to such a file any more
SPARE = 500_000_000  # bytes of disk that features leave to everything else
COLUMNS = ["backbone", "cut", "image_size", "precision", "view", "bytes", "used", "in_use"]
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
    descriptor = None
    while descriptor is None:
        with contextlib.suppress(FileExistsError):  # `exist_ok` would raise it still when the folder goes in between
            folder.mkdir()
        descriptor = _lock(folder, fcntl.LOCK_SH)
    os.utime(folder / IN_USE)
    if earlier := _held.pop(folder, None):
        os.close(earlier)
    _held[folder] = descriptor
    return folder


def _lock(folder: Path, how: int) -> int | None:
    """A descriptor that holds the lock of a folder; None where the folder is gone, or another one took its place.

    Raises:
        BlockingIOError: somebody holds it, and `how` says not to wait.
    """
    try:
        descriptor = os.open(folder / IN_USE, os.O_RDWR | os.O_CREAT, 0o644)
    except FileNotFoundError:
        return None
    same = False
    try:
        fcntl.flock(descriptor, how)
        # While this waited the folder may have been removed and made anew: then this is the lock of nothing.
        same = os.path.samestat(os.fstat(descriptor), os.stat(folder / IN_USE))
    except FileNotFoundError:
        return None
    finally:
        if not same:
            os.close(descriptor)
    return descriptor if same else None


def give_back() -> None:
    """Let others remove what this process has taken."""
    for descriptor in _held.values():
        os.close(descriptor)
    _held.clear()


def in_use(folder: Path) -> bool:
    """Whether any process, this one included, works with a folder now."""
    try:
        descriptor = _lock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    if descriptor is not None:
        os.close(descriptor)
    return False


def kept() -> list[Kept]:
    """All features on the disk, those used last first."""
    found = (_kept(folder) for folder in root().iterdir() if folder.is_dir() and not folder.name.startswith("."))
    return sorted((each for each in found if each is not None), key=lambda each: -each.used)


def _kept(folder: Path) -> Kept | None:
    used = _time(folder / IN_USE) or _time(folder / KEY)
    return None if used is None else Kept(folder, _bytes(folder), used, _key(folder / KEY))


def _time(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except OSError:
        return None


def _bytes(folder: Path) -> int:
    total = 0
    with contextlib.suppress(OSError):  # removed meanwhile
        for each in folder.iterdir():
            with contextlib.suppress(FileNotFoundError):  # written aside and renamed meanwhile
                total += each.lstat().st_size
    return total


def _key(path: Path) -> dict[str, object]:
    try:
        key = files.read_json(path)
    except (OSError, ValueError):  # never written, or damaged
        return {}
    return key if isinstance(key, dict) else {}


def table() -> pd.DataFrame:
    """What is kept in words, one row a folder, those used last first; the columns are `COLUMNS`.

    `bytes` on the disk, `used` in seconds since 1970, `view` as people say it; a dash where a key does not tell.
    """
    rows = [
        {
            **{name: _plain(each.key.get(name)) for name in ("backbone", "cut", "image_size", "precision")},
            "view": view_in_words(each.key.get("view", "–")),
            "bytes": each.bytes,
            "used": each.used,
            "in_use": in_use(each.folder),
        }
        for each in kept()
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _plain(value: object) -> str | int:
    return value if isinstance(value, (str, int)) else "–"


def view_in_words(view: Any) -> str:
    """`as it is`, or `3: flip, zoom` for the third changed view."""
    if view == 0:
        return "as it is"
    try:
        names = {row.layer: name for name, row in AUGMENTATIONS.items()}
        return f"{view['number']}: {', '.join(names.get(layer, layer) for layer, _ in view['changes'])}"
    except (TypeError, KeyError, ValueError):  # of a version that wrote other keys
        return str(view)


def make_room(needed: int = 0) -> int:
    """Remove what was not used for longest until what is kept and `needed` bytes are within the limit.

    What is in use stays, even if the limit is passed then. What killed processes left half done goes first.

    Returns:
        Bytes freed of whole features.
    """
    _sweep()
    folders = kept()
    over = sum(each.bytes for each in folders) + needed - limit()
    freed = 0
    for each in reversed(folders):
        if over - freed <= 0:
            break
        if remove(each.folder):
            freed += each.bytes
    return freed


def clear(
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> int:
    """Remove everything that nobody works with now; returns the bytes freed.

    Args:
        on_progress: called with folders done and folders in all.
        cancelled: ends it after the folder it is at.
    """
    _sweep()
    folders = kept()
    freed = 0
    for done, each in enumerate(folders, start=1):
        if cancelled():
            break
        if remove(each.folder):
            freed += each.bytes
        on_progress(done, len(folders))
    return freed


def _sweep() -> None:
    """Remove what killed processes left: folders on their way out, and files that were never renamed."""
    for folder in root().iterdir():
        if not folder.is_dir():
            continue
        if folder.name.startswith("."):
            shutil.rmtree(folder, ignore_errors=True)
        elif (folder / IN_USE).exists():
            _sweep_half_written(folder)


def _sweep_half_written(folder: Path) -> None:
    with contextlib.suppress(FileNotFoundError):  # removed meanwhile
        for each in folder.iterdir():
            written = _time(each) if ASIDE.fullmatch(each.name) else None
            if written is not None and time.time() - written > FORGOTTEN:
                each.unlink(missing_ok=True)


def remove(folder: Path) -> bool:
    """Remove a folder of features; False where it is in use, or gone."""
    try:
        descriptor = _lock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    if descriptor is None:
        return False
    aside = folder.with_name(f".{folder.name}-{secrets.token_hex(4)}")
    try:
        os.replace(folder, aside)  # at once, and out of the way of whoever comes now
    finally:
        os.close(descriptor)
    shutil.rmtree(aside, ignore_errors=True)  # another process may be sweeping it already
    return True
