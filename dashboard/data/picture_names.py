"""Which picture of an upload a cell of a label file names. Paths are compared as text; nothing is opened."""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from functools import cached_property

from dashboard.core.errors import UploadError
from dashboard.data.names import LONGEST, SUFFIXES

ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:/|file:|data:", re.IGNORECASE)  # of the web, or a drive's
NARROWED = 50  # pictures that end alike among which those below the label file's folder are looked for
DEEPEST = 64  # folders of a path


class PictureNames:
    """The pictures of an upload, found by what a label file calls them.

    Args:
        paths: of the pictures, as `names.tidy` leaves them.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        self.paths = list(paths)

    def __len__(self) -> int:
        return len(self.paths)

    def find(self, cell: str, folder: str = "", *, loosely: bool = False) -> Sequence[str]:
        """The pictures a cell may mean: one, none, or several where it does not say which (a few of them are given).

        Tried in this order: the whole path, the path below the label file's folder, the end of a path, the whole path
        behind folders the upload does not have; then the same without the picture's suffix, then in any case.

        Args:
            cell: as the label file has it; backslashes separate as well.
            folder: that the label file lies in, empty at the top.
            loosely: let the last part alone decide when nothing else does.

        Raises:
            UploadError: `label-path` for addresses and for what leads out of the upload.
        """
        if not cell or len(cell) > LONGEST:
            return ()
        below = folder.split("/") if folder else []
        parts = _parts(cell, below)
        for kind in ("_whole", "_stems", "_whole_in_any_case", "_stems_in_any_case"):
            endings: _Endings = getattr(self, kind)
            if found := endings.find(parts, below, loosely=loosely):
                return found
        return ()

    @cached_property
    def _whole(self) -> "_Endings":
        return _Endings((path, path) for path in self.paths)

    @cached_property
    def _stems(self) -> "_Endings":
        return _Endings((without_suffix(path), path) for path in self.paths)

    @cached_property
    def _whole_in_any_case(self) -> "_Endings":
        return _Endings(((path, path) for path in self.paths), any_case=True)

    @cached_property
    def _stems_in_any_case(self) -> "_Endings":
        return _Endings(((without_suffix(path), path) for path in self.paths), any_case=True)


def without_suffix(path: str) -> str:
    """The path without the suffix of a picture, if it has one."""
    stem, dot, suffix = path.rpartition(".")
    return stem if dot and f".{suffix.lower()}" in SUFFIXES and stem and not stem.endswith("/") else path


def has_picture_suffix(cell: str) -> bool:
    return without_suffix(cell) != cell


def _parts(cell: str, below: list[str]) -> list[str]:
    """The parts of a path inside the upload."""
    text = unicodedata.normalize("NFC", cell).replace("\\", "/")
    if text.startswith("/") or ADDRESS.match(text):
        raise outside()
    parts = text.split("/")
    if ".." not in parts:
        return [part for part in parts if part not in ("", ".")][-DEEPEST:]
    inside = list(below)
    for part in parts:
        if part == ".." and not inside:
            raise outside()
        if part == "..":
            inside.pop()
        elif part not in ("", "."):
            inside.append(part)
    return inside


def outside() -> UploadError:
    return UploadError("label-path", "it leads out of the upload, where nothing is opened; expected a path inside it")


class _Endings:
    """Paths by how they end; a bisection finds them, however many end alike."""

    def __init__(self, named: Iterable[tuple[str, str]], *, any_case: bool = False) -> None:
        self._any_case = any_case
        pairs = sorted((self._key(name.split("/")), path) for name, path in named)
        self._keys = [key for key, _ in pairs]
        self._paths = [path for _, path in pairs]

    def _key(self, parts: list[str]) -> str:
        key = "/".join(reversed(parts)) + "/"
        return key.casefold() if self._any_case else key

    def find(self, parts: list[str], below: list[str], *, loosely: bool) -> Sequence[str]:
        if not parts:
            return ()
        found = self._exactly(parts) or self._exactly(below + parts) or self._ending(parts, below)
        for start in range(1, len(parts)):
            found = found or self._exactly(parts[start:])
        return found or (self._ending(parts[-1:], below) if loosely else ())

    def _exactly(self, parts: list[str]) -> Sequence[str]:
        key = self._key(parts)
        first = bisect_left(self._keys, key)
        if first < len(self._keys) and self._keys[first] == key:
            return (
                self._paths[first : first + 2] if self._keys[first + 1 : first + 2] == [key] else [self._paths[first]]
            )
        return ()

    def _ending(self, parts: list[str], below: list[str]) -> Sequence[str]:
        key = self._key(parts)
        first, last = bisect_left(self._keys, key), bisect_left(self._keys, key[:-1] + "0")  # "0" comes after "/"
        found = self._paths[first : min(last, first + NARROWED)]
        if below and 1 < last - first <= NARROWED:
            return [path for path in found if path.startswith("/".join(below) + "/")] or found
        return found
