"""What a browser sent, on the disk where the child can open it: names are data, bytes lie under numbers."""

import json
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from dashboard.core.errors import UploadError
from dashboard.core.files import CHUNK
from dashboard.core.limits import LIMITS
from dashboard.core.settings import workspace
from dashboard.data import folders, labels, names, parent


@dataclass(frozen=True)
class Source:
    """What is to be opened: a zip, a tar or a folder on this machine, or what `stage_upload` returned."""

    path: Path
    name: str  # as the user calls it


def stage_upload(files: list[tuple[str, BinaryIO]]) -> Path:
    """Write what a browser sent where the child can open it: one archive, or pictures with names such as roses/1.jpg.

    Names are kept in a manifest and used for nothing else. `discard` the folder when done.

    Raises:
        UploadError: `upload-empty`, `upload-several-archives`, `upload-too-many-files`, `upload-too-large`,
            `disk-full`.
    """
    _refuse_upload([name for name, _ in files])
    folder = workspace("uploads", secrets.token_hex(8))
    parent.sweep(folder.parent)
    folder.mkdir(mode=0o700)
    try:
        left = LIMITS.archive_bytes
        for number, (_, stream) in enumerate(files):
            left -= _copy(stream, folder / f"{number:06d}", left)
        (folder / folders.MANIFEST).write_text(json.dumps([name for name, _ in files]), encoding="utf-8")
    except OSError as error:
        discard(folder)
        raise UploadError(
            "disk-full",
            f"The upload could not be written: {error.strerror}. Free space on the server, then send it again.",
        ) from error
    except UploadError:
        discard(folder)
        raise
    return folder


def staged_files(path: Path) -> tuple[list[Path], list[str]]:
    """What `stage_upload` wrote, for `take_pictures`: where each file lies, and the name it was sent under."""
    return folders.staged(path)


def _refuse_upload(given_names: list[str]) -> None:
    if not given_names:
        raise UploadError("upload-empty", f"Nothing was sent. {labels.LAYOUT}, or a zip of that.")
    if len(given_names) > LIMITS.archive_members:
        raise UploadError("upload-too-many-files", f"At most {LIMITS.archive_members:,} files are taken at once.")
    archives = [name for name in given_names if names.is_archive(name)]
    if len(given_names) > 1 and len(archives) == len(given_names):
        raise UploadError(
            "upload-several-archives", "One archive is taken at a time. Put all class folders into one zip."
        )


def _copy(stream: BinaryIO, path: Path, most: int) -> int:
    """Copy at most so many bytes; returns how many."""
    count = 0
    if stream.seekable():
        stream.seek(0)  # a page may have shown it already
    with path.open("wb") as file:
        while chunk := stream.read(CHUNK):
            count += len(chunk)
            if count > most:
                raise UploadError("upload-too-large", f"At most {LIMITS.archive_bytes:,} bytes are taken at once.")
            file.write(chunk)
    return count


def is_staged(path: Path) -> bool:
    """Whether `stage_upload` made this folder."""
    return path.absolute().parent == workspace("uploads")


def discard(path: Path) -> None:
    """Remove a staged upload; anything else is left alone."""
    if is_staged(path):
        shutil.rmtree(path, ignore_errors=True)
