"""One member of an upload, as its directory declares it and as it turns out to be."""

from dataclasses import dataclass, replace

from dashboard.core.errors import UploadError
from dashboard.core.limits import LIMITS
from dashboard.data import names


@dataclass(frozen=True)
class Entry:
    """One member as the directory declares it. `refusal` is set where it is not to be read."""

    path: str
    index: int
    size: int  # bytes, unpacked
    refusal: UploadError | None = None
    stamp: int = 0  # when a file was last written, nanoseconds since 1970; 0 inside an archive

    @property
    def known_as(self) -> tuple[str, int, int]:
        """What tells an interrupted import that it has seen this very file."""
        return self.path, self.size, self.stamp


@dataclass(frozen=True)
class Content:
    """One member's bytes, or why there are none."""

    path: str
    data: bytes
    refusal: UploadError | None = None


def judged(
    name: str,
    index: int,
    size: int,
    refusal: UploadError | None,
    *,
    backslash_separates: bool = False,
    most: int = LIMITS.image_bytes,
) -> Entry | None:
    """None for clutter. Refusals by name come before refusals by kind; `most` bytes are taken."""
    if names.is_clutter(name.replace("\\", "/")):
        return None
    try:
        path = names.tidy(name, backslash_separates=backslash_separates)
    except UploadError as error:
        return Entry(names.shown(name), index, size, error)
    if refusal is None and size > most:
        refusal = too_large(size, most)
    return Entry(path, index, size, refusal)


def check_totals(members: int, size: int) -> None:
    if members > LIMITS.archive_members:
        raise UploadError("archive-too-many-members", f"The archive has more than {LIMITS.archive_members:,} members.")
    if size > LIMITS.archive_bytes:
        raise UploadError("archive-too-large", f"The archive unpacks to more than {LIMITS.archive_bytes:,} bytes.")


def measured(entry: Entry, data: bytes) -> Content:
    """The content, if it is as long as the directory promised."""
    if len(data) != entry.size:
        reason = f"The archive promised {entry.size:,} bytes for the file and holds another number."
        return Content(entry.path, b"", UploadError("member-lying-size", reason))
    return Content(entry.path, data)


def without_duplicates(entries: list[Entry]) -> list[Entry]:
    """The first of several members with one name stays; programs disagree on which of them counts."""
    seen: set[str] = set()
    result = []
    for entry in entries:
        refusal = entry.refusal
        if refusal is None and entry.path in seen:
            refusal = UploadError("member-duplicate", "There is an earlier file of the same name; that one was taken.")
        seen.add(entry.path)
        result.append(replace(entry, refusal=refusal))
    return result


def link() -> UploadError:
    return UploadError("member-link", "The file is a link; only files themselves are taken.")


def special() -> UploadError:
    return UploadError("member-special", "This is a device or something else that is no file.")


def damaged() -> UploadError:
    return UploadError(
        "member-damaged", "The file is damaged inside the archive. Make the archive again, then send it."
    )


def truncated() -> UploadError:
    return UploadError("archive-truncated", "The archive ends before it is complete. Send it again.")


def too_large(size: int, most: int = LIMITS.image_bytes) -> UploadError:
    return UploadError("member-too-large", f"The file has {size:,} bytes; at most {most:,} are taken.")


def lying() -> UploadError:
    return UploadError(
        "member-lying-size", "The archive promised a number of bytes for the file and holds another number."
    )
