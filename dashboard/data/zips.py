"""Zip archives, judged by their central directory before a byte of a member is read."""

import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path

from dashboard.core.errors import UploadError
from dashboard.core.files import CHUNK
from dashboard.core.limits import LIMITS
from dashboard.data import entries
from dashboard.data.entries import Content, Entry

LOCAL_HEADER = 30  # bytes in front of the name of each member
DOS_FOLDER = 0x10  # of the external attributes


def directory(path: Path, most: int = LIMITS.image_bytes) -> list[Entry]:
    """Every file of the archive, by the central directory; raises what `zipfile` raises where it is damaged.

    Args:
        path: the archive.
        most: bytes that one file may have, unpacked.
    """
    if not zipfile.is_zipfile(path):
        raise entries.truncated()  # the directory stands at the end
    with zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
        entries.check_totals(len(infos), sum(info.file_size for info in infos))
        _check_places(infos, archive.start_dir)
        found = (
            entries.judged(_name(info), index, info.file_size, _refusal(info), backslash_separates=True, most=most)
            for index, info in enumerate(infos)
            if not _is_folder(info)
        )
        return [entry for entry in found if entry is not None]


def _is_folder(info: zipfile.ZipInfo) -> bool:
    """Some programs end the name of a folder with a backslash, or say by its attributes alone that it is one."""
    named_so = info.orig_filename.endswith(("/", "\\")) or bool(info.external_attr & DOS_FOLDER)
    return named_so and info.file_size == 0


def _check_places(infos: list[zipfile.ZipInfo], end: int) -> None:
    """Members that share packed bytes are how a few kilobytes become petabytes."""
    ordered = sorted(infos, key=lambda info: info.header_offset)
    if ordered and ordered[0].header_offset < 0:
        raise UploadError(
            "archive-damaged",
            "The beginning of the archive is missing. If it is the last of several parts, join them first.",
        )
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


def copy(path: Path, entry: Entry, target: Path) -> None:
    """Write one member to a file, piece by piece, and no more of it than its directory promised.

    Raises:
        UploadError: `member-lying-size`; and what `zipfile` raises where it is damaged.
    """
    count = 0
    with (
        zipfile.ZipFile(path) as archive,
        archive.open(archive.infolist()[entry.index]) as member,
        target.open("wb") as file,
    ):
        while chunk := member.read(CHUNK):
            count += len(chunk)
            if count > entry.size:
                raise entries.lying()
            file.write(chunk)
    if count != entry.size:
        raise entries.lying()


def contents(path: Path, wanted: dict[int, Entry]) -> Iterator[Content]:
    with zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
        for index, entry in wanted.items():
            yield _content(archive, infos[index], entry)


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo, entry: Entry) -> Content:
    try:
        with archive.open(info) as member:
            data = member.read(entry.size + 1)
    except NotImplementedError:
        return Content(entry.path, b"", _unknown_compression(info))
    except MemoryError:
        return Content(entry.path, b"", _hungry())
    except Exception:  # an unpacker fed with anything may raise anything; it is never more than one damaged member
        return Content(entry.path, b"", entries.damaged())
    return entries.measured(entry, data)


def _unknown_compression(info: zipfile.ZipInfo) -> UploadError:
    known = zipfile.compressor_names.get(info.compress_type, "")  # type: ignore[attr-defined]
    method = f"method {info.compress_type}" + (f" ({known})" if known else "")
    return UploadError(
        "member-compression",
        f"The file is packed by {method}, which is not known here. Make the archive again as an ordinary zip.",
    )


def _hungry() -> UploadError:
    return UploadError(
        "member-compression",
        "Unpacking the file needs more memory than is allowed. Make the archive again as an ordinary zip.",
    )
