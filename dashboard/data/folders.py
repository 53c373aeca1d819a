"""A folder on this machine, or one staged from a browser, as the same entries and contents an archive gives."""

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from dashboard.core.errors import UploadError
from dashboard.core.limits import LIMITS
from dashboard.data import names
from dashboard.data.entries import Content, Entry, special, too_large

MANIFEST = "manifest.json"  # of a staged folder: the names the browser gave, by number of file


def directory(folder: Path) -> tuple[list[Entry], list[Path]]:
    """Every file below a folder in sorted order, without clutter, and where each lies.

    Links are followed only to files inside the folder itself; folders behind links are not entered.

    Raises:
        UploadError: `folder-too-many-files`.
    """
    root = folder.resolve()
    entries: list[Entry] = []
    files: list[Path] = []
    for path in _walk(root):
        name = str(path.relative_to(root))
        if names.is_clutter(name):
            continue
        entries.append(_entry(name, len(files), path, root))
        files.append(path)
        if len(files) > LIMITS.archive_members:
            raise UploadError("folder-too-many-files", f"The folder has more than {LIMITS.archive_members:,} files.")
    return entries, files


def _walk(folder: Path) -> Iterator[Path]:
    """Files below a folder, each folder's own in order of name; a folder that may not be read stands for itself."""
    waiting = [folder]
    while waiting:
        current = waiting.pop()
        try:
            with os.scandir(current) as found:
                inside = sorted(found, key=lambda item: item.name)
        except OSError:
            yield current
            continue
        folders = [Path(item.path) for item in inside if item.is_dir(follow_symlinks=False)]
        waiting += reversed(folders)
        yield from (Path(item.path) for item in inside if not item.is_dir(follow_symlinks=False))


def _entry(name: str, index: int, path: Path, root: Path) -> Entry:
    try:
        tidied = names.tidy(name)
    except UploadError as error:
        return Entry(names.shown(name), index, 0, error)
    try:
        if path.is_symlink() and (path.is_dir() or not path.resolve().is_relative_to(root)):
            reason = "The file is a link that leads out of the folder, or to another folder. Copy what it leads to."
            return Entry(tidied, index, 0, UploadError("member-link", reason))
        return _judged(tidied, index, path.stat())
    except (OSError, RuntimeError) as error:
        if path.is_symlink():
            return Entry(tidied, index, 0, UploadError("member-link", "The file is a link that leads nowhere."))
        return Entry(tidied, index, 0, unreadable(error))  # gone since its folder was listed


def _judged(name: str, index: int, status: os.stat_result) -> Entry:
    refusal = None
    if stat.S_ISDIR(status.st_mode):
        refusal = UploadError("member-unreadable", "The folder may not be read. Change its permissions.")
    elif not stat.S_ISREG(status.st_mode):
        refusal = special()
    elif status.st_size > LIMITS.image_bytes:
        refusal = too_large(status.st_size)
    return Entry(name, index, status.st_size, refusal, status.st_mtime_ns)


def named(files: list[Path], given_names: list[str]) -> list[Entry]:
    """Entries of files that are known by other names than those they lie under."""
    entries = []
    for index, (path, name) in enumerate(zip(files, given_names, strict=True)):
        if names.is_clutter(name.replace("\\", "/")):
            continue
        try:
            entries.append(_judged(names.tidy(name), index, path.stat()))
        except UploadError as error:
            entries.append(Entry(names.shown(name), index, 0, error))
        except OSError as error:
            entries.append(Entry(names.shown(name), index, 0, unreadable(error)))
    return entries


def staged(folder: Path) -> tuple[list[Path], list[str]]:
    """The files of a staged folder and the names they were sent under."""
    given_names = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    return [folder / f"{index:06d}" for index in range(len(given_names))], given_names


def contents(entries: list[Entry], files: list[Path]) -> Iterator[Content]:
    """The bytes of each entry that is not refused, in order."""
    for entry in entries:
        if entry.refusal is not None:
            continue
        try:
            yield _content(entry, files[entry.index])
        except OSError as error:
            yield Content(entry.path, b"", unreadable(error))


def _content(entry: Entry, path: Path) -> Content:
    """What lies there now, which may be another thing than when the folder was listed; a pipe would be waited for."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return Content(entry.path, b"", special())
        with open(descriptor, "rb", closefd=False) as file:
            data = file.read(LIMITS.image_bytes + 1)
    finally:
        os.close(descriptor)
    if len(data) > LIMITS.image_bytes:
        return Content(entry.path, b"", too_large(max(len(data), status.st_size)))
    return Content(entry.path, data)


def unreadable(error: Exception) -> UploadError:
    reason = getattr(error, "strerror", None) or "unknown reason"
    return UploadError("member-unreadable", f"The file cannot be read: {reason}. Check it, then send it again.")
