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
EXTENDED = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
MOST_EXTENDED = 16  # headers in front of one member
LONGEST_EXTENDED = 4 * 1024**2  # bytes; some hold what systems remember of a file beside its contents
VOLUME_NAME = b"V"  # what `tar --label` writes


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
    """A header, with less trust in it than `tarfile` has.

    One that is damaged or missing is an error, not the end of the archive. Extended headers are short, few in a row and
    well-formed; only the name and the size are taken from them, and for one member. The map of a sparse file, which is
    refused anyhow, is skipped.
    """

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> "_Header":
        try:
            return super().fromtarfile(archive)
        except (tarfile.EmptyHeaderError, tarfile.TruncatedHeaderError):  # type: ignore[attr-defined]
            raise tarfile.ReadError("truncated") from None
        except tarfile.InvalidHeaderError:  # type: ignore[attr-defined]
            raise tarfile.ReadError("damaged header") from None

    def _proc_member(self, archive: Any) -> tarfile.TarInfo:
        if self.type in EXTENDED:
            archive.extended = getattr(archive, "extended", 0) + 1
            if archive.extended > MOST_EXTENDED or not 0 <= self.size <= LONGEST_EXTENDED:
                raise tarfile.ReadError("extended headers without end")
        member: tarfile.TarInfo = super()._proc_member(archive)  # type: ignore[misc]
        return member

    def _proc_pax(self, archive: Any) -> Any:
        records = _records(archive.fileobj.read(self._block(self.size))[: self.size])  # type: ignore[attr-defined]
        try:
            following: Any = self.fromtarfile(archive)
        except tarfile.HeaderError:
            raise tarfile.ReadError("an extended header of no member") from None
        if self.type == tarfile.XGLTYPE:
            return following
        following._apply_pax_info(records, archive.encoding, archive.errors)
        following.offset = self.offset
        if "GNU.sparse" in records:
            following.sparse = []
        if "size" in records and (following.isreg() or following.type not in tarfile.SUPPORTED_TYPES):
            archive.offset = following.offset_data + following._block(following.size)
        return following

    def _proc_sparse(self, archive: Any) -> tarfile.TarInfo:
        more = self._sparse_structs[1]  # type: ignore[attr-defined]
        while more:
            block = archive.fileobj.read(tarfile.BLOCKSIZE)
            if len(block) < tarfile.BLOCKSIZE:
                raise tarfile.ReadError("truncated")
            more = bool(block[504])
        self.sparse = []  # type: ignore[assignment]
        self.offset_data = archive.fileobj.tell()
        archive.offset = self.offset_data + self._block(self.size)  # type: ignore[attr-defined]
        return self


def _records(data: bytes) -> dict[str, str]:
    """What matters of an extended header, whose records are `LENGTH KEY=VALUE` and a line feed: path, size, sparse."""
    found = {}
    at = 0
    while at < len(data):
        digits = data[at : at + 20].partition(b" ")[0]
        end = at + int(digits if digits.isdigit() else 0)
        if end <= at + len(digits) or data[end - 1 : end] != b"\n":
            raise tarfile.ReadError("damaged extended header")
        key, _, value = data[at + len(digits) + 1 : end - 1].partition(b"=")
        if key in (b"path", b"GNU.sparse.name"):
            found["path"] = value.decode("utf-8", "surrogateescape")
        elif key == b"size":
            found["size"] = value.decode("ascii")
        if key.startswith(b"GNU.sparse."):
            found["GNU.sparse"] = ""
        at = end
    return found


def begins(head: bytes) -> bool:
    """Whether 512 bytes are the header of a tar of any kind, or the end of an empty one."""
    try:
        tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
    except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
        return True
    except (tarfile.HeaderError, ValueError):
        return False
    return True


@contextlib.contextmanager
def _tar(path: Path) -> Iterator[Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]]:
    with path.open("rb") as file:
        head = file.read(6)
        file.seek(0)
        unpack = next((opener for magic, opener in COMPRESSED.items() if head.startswith(magic)), None)
        stream: Any = unpack(file) if unpack else file
        if unpack and not begins(stream.read(tarfile.BLOCKSIZE)):
            stream.read(4 * 1024**2)  # where it is damaged, this says so
            raise UploadError(
                "archive-format", "The file is compressed, and what it holds is no tar. Pack the folder again as zip."
            )
        stream.seek(0)
        bounded: Any = _Bounded(stream, path.stat().st_size, compressed=unpack is not None)
        with tarfile.open(fileobj=bounded, mode="r|", tarinfo=_Header, encoding="utf-8") as archive:
            yield _members(archive)


def _members(archive: tarfile.TarFile) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    while (info := archive.next()) is not None:
        archive.members = []  # type: ignore[attr-defined]  # it would keep every header it has seen
        archive.extended = 0  # type: ignore[attr-defined]
        yield archive, info


def directory(path: Path) -> list[Entry]:
    """Every file of the archive, by its header; raises what `tarfile` raises where it is damaged."""
    found: list[Entry] = []
    total = 0
    with _tar(path) as members:
        for index, (_, info) in enumerate(members):
            total += info.size
            entries.check_totals(index + 1, total)
            entry = (
                None
                if info.isdir() or info.type == VOLUME_NAME
                else entries.judged(info.name, index, info.size, _refusal(info))
            )
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
