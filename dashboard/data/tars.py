"""Tar archives, plain or compressed, read as a stream: once for the directory, once for the contents."""

import bz2
import contextlib
import gzip
import lzma
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from dashboard.core.errors import UploadError
from dashboard.core.limits import LIMITS
from dashboard.data import entries
from dashboard.data.entries import Content, Entry

COMPRESSED: dict[bytes, Callable[..., Any]] = {b"\x1f\x8b": gzip.open, b"\xfd7zXZ\x00": lzma.open, b"BZh": bz2.open}


class _Bounded:
    """A stream that ends the reading of a bomb: counts what comes out of the decompressor."""

    def __init__(self, stream: BinaryIO, packed: int, *, compressed: bool) -> None:
        self.stream = stream
        self.most = LIMITS.archive_bytes
        self.most_by_ratio = max(LIMITS.ratio_from, packed * LIMITS.archive_ratio) if compressed else self.most
        self.count = 0

    def read(self, size: int) -> bytes:
        data = self.stream.read(size)
        self.count += len(data)
        if self.count > self.most_by_ratio:
            raise UploadError(
                "archive-ratio",
                f"The archive unpacks to more than {LIMITS.archive_ratio} times its size, which no pictures do.",
            )
        if self.count > self.most:
            raise UploadError("archive-too-large", f"The archive unpacks to more than {LIMITS.archive_bytes:,} bytes.")
        return data


class _Header(tarfile.TarInfo):
    """A header that is damaged or missing is an error, not, as `tarfile` has it, the end of the archive."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> "_Header":
        try:
            return super().fromtarfile(archive)
        except tarfile.EmptyHeaderError:  # type: ignore[attr-defined]
            if archive.fileobj is not None and archive.fileobj.tell() < archive.offset:
                raise tarfile.ReadError("truncated") from None
            raise
        except tarfile.TruncatedHeaderError:  # type: ignore[attr-defined]
            raise tarfile.ReadError("truncated") from None
        except tarfile.InvalidHeaderError:  # type: ignore[attr-defined]
            raise tarfile.ReadError("damaged header") from None


@contextlib.contextmanager
def _tar(path: Path) -> Iterator[Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]]:
    with path.open("rb") as file:
        head = file.read(6)
        file.seek(0)
        unpack = next((opener for magic, opener in COMPRESSED.items() if head.startswith(magic)), None)
        stream: Any = unpack(file) if unpack else file
        bounded: Any = _Bounded(stream, path.stat().st_size, compressed=unpack is not None)
        with tarfile.open(fileobj=bounded, mode="r|", tarinfo=_Header, encoding="utf-8") as archive:
            yield _members(archive)


def _members(archive: tarfile.TarFile) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    while (info := archive.next()) is not None:
        archive.members = []  # type: ignore[attr-defined]  # it would keep every header it has seen
        yield archive, info


def directory(path: Path) -> list[Entry]:
    """Every file of the archive, by its header; raises what `tarfile` raises where it is damaged."""
    found: list[Entry] = []
    total = 0
    with _tar(path) as members:
        for index, (_, info) in enumerate(members):
            total += info.size
            entries.check_totals(index + 1, total)
            entry = None if info.isdir() else entries.judged(info.name, index, info.size, _refusal(info))
            if entry is not None:
                found.append(entry)
    return found


def _refusal(info: tarfile.TarInfo) -> UploadError | None:
    if info.issym() or info.islnk():
        return entries.link()
    if not info.isreg() or info.issparse():
        return entries.special()
    return None


def contents(path: Path, wanted: dict[int, Entry]) -> Iterator[Content]:
    with _tar(path) as members:
        for index, (archive, info) in enumerate(members):
            if index in wanted:
                member = archive.extractfile(info)
                yield entries.measured(wanted[index], member.read(info.size + 1) if member else b"")
