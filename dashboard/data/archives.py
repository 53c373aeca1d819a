"""Archives: what kind one is by its bytes, and which reader opens it. Nothing is ever extracted to disk."""

import contextlib
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from dashboard.core.errors import UploadError
from dashboard.data import tars, zips
from dashboard.data.entries import Content, Entry, without_duplicates

REFUSED_KINDS = {
    b"Rar!": "a RAR archive",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"\x28\xb5\x2f\xfd": "a Zstandard archive",
}
DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    ValueError,
    OverflowError,
)


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
    if head.startswith(b"PK") or zipfile.is_zipfile(path):
        return zips
    if head[257:262] == b"ustar" or any(head.startswith(magic) for magic in tars.COMPRESSED):
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


def contents(path: Path, entries: list[Entry]) -> Iterator[Content]:
    """The bytes of each entry that is not refused, one after the other, in order."""
    wanted = {entry.index: entry for entry in entries if entry.refusal is None}
    with _damage_is_refused():
        yield from reader(path).contents(path, wanted)


@contextlib.contextmanager
def _damage_is_refused() -> Iterator[None]:
    try:
        yield
    except NotImplementedError as error:
        raise UploadError(
            "archive-format", f"The archive needs something unknown here: {error}. Pack it again."
        ) from error
    except DAMAGE as error:
        if isinstance(error, EOFError) or "truncated" in str(error) or "unexpected end" in str(error):
            raise UploadError("archive-truncated", "The archive ends before it is complete. Send it again.") from error
        raise UploadError(
            "archive-damaged", "The archive is damaged or cut short, and cannot be read. Make it again, then send it."
        ) from error
