"""A large archive as it comes in: chunk by chunk, straight to disk, and resumed wherever it stopped.

An upload is a folder `uploads/<32 hex digits>/` of the workspace. What has come is the file's length and nothing else:
a chunk is written only after its digest was found right, so whatever dies, all bytes that are there are right ones.
When all have come, the folder gets the manifest that `data.intake` looks for.
"""

import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from dashboard.core import files
from dashboard.core.errors import UploadError
from dashboard.core.limits import GIB, LIMITS
from dashboard.core.settings import workspace
from dashboard.data import folders, names, parent
from dashboard.data.intake import Source

ID = re.compile(r"[0-9a-f]{32}")
SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz")
CONTENT = "000000"  # where `folders.staged` looks for the first file
DECLARED = "upload.json"


@dataclass(frozen=True)
class Upload:
    """How far one upload is, in bytes."""

    id: str
    name: str  # as the browser gave it, safe to show, used for nothing else
    size: int
    received: int
    finished: bool


def begin(name: str, size: int) -> Upload:
    """Make room for an archive of `size` bytes.

    Raises:
        UploadError: `upload-not-archive`, `upload-empty`, `upload-too-large`, `disk-full`. Nothing was written then.
    """
    name = names.shown(name.replace("\\", "/").rpartition("/")[2])
    _refuse(name, size)
    folder = workspace("uploads", secrets.token_hex(16))
    folder.parent.mkdir(exist_ok=True)
    parent.sweep(folder.parent)
    try:
        folder.mkdir(mode=0o700)
        (folder / CONTENT).touch(mode=0o600)
        files.write_json(folder / DECLARED, {"name": name, "size": size, "created": time.time()})
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise _unwritten(error) from error
    return Upload(folder.name, name, size, 0, False)


def find(upload_id: str) -> Upload:
    """How far an upload is.

    Raises:
        UploadError: `upload-unknown`.
    """
    folder = _folder(upload_id)
    try:
        return _read(folder, (folder / CONTENT).stat().st_size)
    except FileNotFoundError as error:
        raise _unknown() from error


def append(upload_id: str, offset: int, chunk: bytes, sha256: str) -> int:
    """Add a chunk at the end; it counts whole or not at all. Of two that come at once, one is told to wait its turn.

    Args:
        offset: the place of the chunk's first byte, which must be how many bytes there are.
        sha256: hex digest of the chunk.

    Returns:
        How many bytes there are now; they are on the disk.

    Raises:
        UploadError: `upload-chunk`, `upload-digest`, `upload-unknown`, `upload-finished`, `upload-offset`,
            `upload-longer`, `disk-full`. The bytes there are the same as before.
    """
    if not 0 < len(chunk) <= LIMITS.chunk_bytes:
        raise UploadError("upload-chunk", f"A part has 1 to {LIMITS.chunk_bytes:,} bytes, not {len(chunk):,}.")
    if hashlib.sha256(chunk).hexdigest() != sha256.lower():
        raise UploadError("upload-digest", "A part arrived changed. It was not taken; send it again.")
    with _alone(upload_id) as (file, upload):
        if upload.finished:
            raise UploadError("upload-finished", "Everything had come already. Add it on the Data page.")
        if offset != upload.received:
            raise UploadError(
                "upload-offset", f"Byte {upload.received:,} is the next one; the part begins at byte {offset:,}."
            )
        if offset + len(chunk) > upload.size:
            raise UploadError("upload-longer", f"The part goes beyond the {upload.size:,} bytes that were announced.")
        _refuse_full_disk(len(chunk))
        _write(file, offset, chunk)
        os.utime(_folder(upload_id))  # `parent.sweep` takes what nobody came back to for a day
    return offset + len(chunk)


def finish(upload_id: str) -> Upload:
    """All has come: from now on it can be taken, and no more can be added. Twice is the same as once.

    Raises:
        UploadError: `upload-unknown`, `upload-incomplete`, `disk-full`.
    """
    with _alone(upload_id) as (file, upload):
        if upload.received != upload.size:
            raise UploadError(
                "upload-incomplete", f"{upload.received:,} of {upload.size:,} bytes have come. Send the rest."
            )
        try:
            os.fsync(file.fileno())
            files.write_text(_folder(upload_id) / folders.MANIFEST, json.dumps([upload.name]))
        except OSError as error:
            raise _unwritten(error) from error
    return find(upload_id)


def take(upload_id: str) -> Source:
    """A finished upload as `intake.import_pictures` wants it, handed out once; `staging.discard` its path when done.

    Raises:
        UploadError: `upload-unknown`, also when somebody took it before; `upload-incomplete`.
    """
    upload = find(upload_id)
    if not upload.finished:
        raise UploadError("upload-incomplete", "The upload has not come whole. Choose the same file again to go on.")
    ours = workspace("uploads", secrets.token_hex(8))  # no id has this shape: nobody can reach it any more
    try:
        os.rename(_folder(upload_id), ours)
    except FileNotFoundError as error:
        raise _unknown() from error
    os.utime(ours)
    return Source(ours, upload.name)


def discard(upload_id: str) -> None:
    """Forget an upload and its bytes.

    Raises:
        UploadError: `upload-unknown`.
    """
    with _alone(upload_id):
        files.remove_folder(_folder(upload_id))


def _refuse(name: str, size: int) -> None:
    if not name.lower().endswith(SUFFIXES):
        raise UploadError("upload-not-archive", f"'{name}' is none of {', '.join(SUFFIXES)}. Pack the folder as a zip.")
    if size <= 0:
        raise UploadError("upload-empty", "The file has no bytes. Make the archive again.")
    if size > LIMITS.archive_bytes:
        raise UploadError(
            "upload-too-large",
            f"The file has {size:,} bytes; at most {LIMITS.archive_bytes:,} are taken at once. Send it in parts.",
        )
    _refuse_full_disk(2 * size)  # the pictures are kept beside the archive before it goes


def _refuse_full_disk(wanted: int) -> None:
    """Leave `LIMITS.disk_reserve` for what else is written: the database, checkpoints, other people's uploads."""
    free = shutil.disk_usage(workspace("uploads").parent).free
    if free < wanted + LIMITS.disk_reserve:
        raise UploadError(
            "disk-full",
            f"The server has {free / GIB:.1f} GB free; this needs {(wanted + LIMITS.disk_reserve) / GIB:.1f} GB. "
            "Free space on the server, then go on.",
        )


@contextmanager
def _alone(upload_id: str) -> Iterator[tuple[FileIO, Upload]]:
    """The upload and its open file, which nobody else changes meanwhile, in this process or another."""
    folder = _folder(upload_id)
    try:
        with FileIO(folder / CONTENT, "r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            upload = _read(folder, os.fstat(file.fileno()).st_size)  # gone by now, if another took or removed it
            yield file, upload
    except FileNotFoundError as error:
        raise _unknown() from error


def _write(file: FileIO, offset: int, chunk: bytes) -> None:
    """Write and bring to the disk, or leave the file as long as it was."""
    left = memoryview(chunk)
    try:
        file.seek(offset)
        while left:
            left = left[file.write(left) :]
        os.fdatasync(file.fileno())
    except OSError as error:
        file.truncate(offset)
        raise _unwritten(error) from error


def _read(folder: Path, received: int) -> Upload:
    declared = files.read_json(folder / DECLARED)
    finished = (folder / folders.MANIFEST).exists()
    return Upload(folder.name, declared["name"], declared["size"], received, finished)


def _folder(upload_id: str) -> Path:
    """Where an upload lies; its id becomes part of a path only if it has the shape of one."""
    if not ID.fullmatch(upload_id):
        raise _unknown()
    return workspace("uploads", upload_id)


def _unknown() -> UploadError:
    return UploadError("upload-unknown", "The upload is not here: it was added, removed or left for a day. Begin anew.")


def _unwritten(error: OSError) -> UploadError:
    return UploadError(
        "disk-full", f"The upload could not be written: {error.strerror}. Free space on the server, then go on."
    )
