"""Zip archives, judged by their central directory before a byte of a member is read."""

import lzma
import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from dashboard.core.errors import UploadError
from dashboard.core.limits import LIMITS
from dashboard.data import entries
from dashboard.data.entries import Content, Entry

LOCAL_HEADER = 30  # bytes in front of the name of each member
DAMAGE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError)


def directory(path: Path) -> list[Entry]:
    """Every file of the archive, by the central directory; raises what `zipfile` raises where it is damaged."""
    with zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
        entries.check_totals(len(infos), sum(info.file_size for info in infos))
        _check_overlap(infos, archive.start_dir)
        found = (
            entries.judged(_name(info), index, info.file_size, _refusal(info), backslash_separates=True)
            for index, info in enumerate(infos)
            if not info.is_dir()
        )
        return [entry for entry in found if entry is not None]


def _check_overlap(infos: list[zipfile.ZipInfo], end: int) -> None:
    """Members that share packed bytes are how a few kilobytes become petabytes."""
    ordered = sorted(infos, key=lambda info: info.header_offset)
    for info, following in zip(ordered, [*(other.header_offset for other in ordered[1:]), end], strict=False):
        if info.header_offset + LOCAL_HEADER + info.compress_size > following:
            raise UploadError("archive-overlap", "Members of the archive overlap, which no honest program makes.")


def _name(info: zipfile.ZipInfo) -> str:
    """Some programs write UTF-8 without saying so, and `zipfile` then reads it as the code page of the first PC."""
    if info.flag_bits & 0x800:
        return info.orig_filename
    try:
        return info.orig_filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.orig_filename


def _refusal(info: zipfile.ZipInfo) -> UploadError | None:
    mode = info.external_attr >> 16
    if stat.S_ISLNK(mode):
        return entries.link()
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return entries.special()
    if info.flag_bits & 0x1:
        return UploadError("member-encrypted", "The file is encrypted. Make the archive again without a password.")
    if info.file_size > LIMITS.ratio_from and info.file_size > LIMITS.archive_ratio * max(1, info.compress_size):
        return _bomb()
    return None


def _bomb() -> UploadError:
    return UploadError(
        "member-ratio",
        f"The file unpacks to more than {LIMITS.archive_ratio} times its packed size, which no picture does.",
    )


def contents(path: Path, wanted: dict[int, Entry]) -> Iterator[Content]:
    with zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
        for index, entry in wanted.items():
            yield _content(archive, infos[index], entry)


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo, entry: Entry) -> Content:
    try:
        with archive.open(info) as member:
            data = member.read(entry.size + 1)
    except (NotImplementedError, RuntimeError) as error:
        return Content(entry.path, b"", UploadError("member-compression", f"The file cannot be unpacked: {error}."))
    except DAMAGE as error:
        return Content(
            entry.path, b"", UploadError("member-damaged", f"The file is damaged inside the archive ({error}).")
        )
    return entries.measured(entry, data)
