"""Archives: what kind one is by its bytes, and which reader opens it. Nothing is ever extracted to disk."""

import contextlib
import errno
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from dashboard.core.errors import UploadError
from dashboard.data import entries, tars, zips
from dashboard.data.entries import Content, Entry, without_duplicates

UNREADABLE = (errno.EACCES, errno.EPERM, errno.ENOENT, errno.EIO, errno.ESTALE)
REFUSED_KINDS = {
    b"Rar!": "a RAR archive",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"\x28\xb5\x2f\xfd": "a Zstandard archive",
}


def reader(path: Path) -> ModuleType:
    """The module that reads an archive, by its first bytes; its name does not matter.

    Raises:
        UploadError: `archive-empty`, `archive-format`.
    """
    with path.open("rb") as file:
        head = file.read(512)
    if not head:
        raise UploadError("archive-empty", "The file has no bytes. Make the archive again.")
    for magic, what in REFUSED_KINDS.items():
        if head.startswith(magic):
            raise UploadError(
                "archive-format", f"The file is {what}; expected a zip or a tar. Pack the folder again as zip."
            )
    if head.startswith((b"PK\3\4", b"PK\5\6")) or zipfile.is_zipfile(path):
        return zips
    if (head.strip(b"\0") and tars.begins(head)) or any(head.startswith(magic) for magic in tars.COMPRESSED):
        return tars
    raise UploadError(
        "archive-format", "The file is no archive of a known kind; expected a zip, tar, tar.gz, tar.xz or tar.bz2."
    )


def directory(path: Path) -> list[Entry]:
    """Every file of an archive in order, without folders and clutter; nothing is unpacked to disk.

    Raises:
        UploadError: `archive-...` when the archive as a whole cannot be taken.
    """
    with _damage_is_refused():
        return without_duplicates(reader(path).directory(path))


def contents(path: Path, found: list[Entry]) -> Iterator[Content]:
    """The bytes of each entry that is not refused, one after the other, in order."""
    wanted = {entry.index: entry for entry in found if entry.refusal is None}
    with _damage_is_refused():
        yield from reader(path).contents(path, wanted)


def zip_directory(path: Path, most: int) -> list[Entry]:
    """As `directory`, of a zip whose files may have up to `most` bytes each."""
    with _damage_is_refused():
        return without_duplicates(zips.directory(path, most))


def copy_from_zip(path: Path, entry: Entry, target: Path) -> None:
    """Write one member of a zip, as `zip_directory` found it, to a file.

    Raises:
        UploadError: `member-damaged`, `member-lying-size`, `archive-...`.
    """
    with _damage_is_refused():
        try:
            zips.copy(path, entry, target)
        except (zipfile.BadZipFile, EOFError) as error:
            raise entries.damaged() from error


@contextlib.contextmanager
def _damage_is_refused() -> Iterator[None]:
    """A reader fed with anything may raise anything; it is never more than an archive that cannot be read."""
    try:
        yield
    except (UploadError, MemoryError):
        raise
    except NotImplementedError as error:
        raise UploadError(
            "archive-format", f"The archive needs something unknown here: {error}. Pack it again."
        ) from error
    except OSError as error:
        raise _unreadable(error) if error.errno in UNREADABLE else _damaged(error) from error
    except Exception as error:
        raise _damaged(error) from error


def _unreadable(error: OSError) -> UploadError:
    return UploadError(
        "archive-unreadable", f"The archive cannot be read: {error.strerror}. Check the file, then try again."
    )


def _damaged(error: Exception) -> UploadError:
    if isinstance(error, EOFError) or "truncated" in str(error) or "unexpected end" in str(error):
        return entries.truncated()
    return UploadError(
        "archive-damaged", "The archive is damaged or cut short, and cannot be read. Make it again, then send it."
    )
