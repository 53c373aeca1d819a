"""What predictions are asked for, picture by picture, told before one is decoded. Inside the limited child."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from dashboard.core.errors import UploadError
from dashboard.core.limits import LIMITS
from dashboard.data import archives, delimited, folders, names
from dashboard.data.entries import Entry
from dashboard.data.picture_names import PictureNames, has_picture_suffix

Pairs = tuple[tuple[str, str], ...]
SAMPLE = 1_000  # rows of a list by which its column of paths is found


@dataclass(frozen=True)
class Given:
    """What a person handed over at once: files, folders and archives, and lists of pictures in CSV.

    `files` and `lists` are pairs: where it lies, and what it is called. A list that `chooses` names pictures among the
    files; otherwise it adds those it names, relative to its own folder.
    """

    files: Pairs = ()
    lists: Pairs = ()
    chooses: bool = True

    def as_record(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> "Given":
        pairs = {key: tuple((path, name) for path, name in record[key]) for key in ("files", "lists")}
        return cls(**pairs, chooses=bool(record["chooses"]))

    def moved(self, folder: str) -> "Given":
        """The same with every file in another folder."""
        return replace(self, files=_moved(self.files, folder), lists=_moved(self.lists, folder))

    def below(self, folder: Path) -> "Given":
        """The same with relative paths taken from a folder; absolute ones stay."""
        return replace(self, files=_below(self.files, folder), lists=_below(self.lists, folder))


def _moved(pairs: Pairs, folder: str) -> Pairs:
    return tuple((f"{folder}/{Path(path).name}", name) for path, name in pairs)


def _below(pairs: Pairs, folder: Path) -> Pairs:
    return tuple((str(folder / path), name) for path, name in pairs)


@dataclass(frozen=True)
class Asked:
    """One picture. `code` and `reason` are set where it is known beforehand that it cannot be read."""

    path: str  # as the user calls it
    file: int = -1  # which of the given files it is, or lies in; -1 for a file of its own at `below`
    index: int = 0  # of the member inside an archive
    size: int = 0  # bytes
    below: str = ""  # where it lies in the given folder
    true: str = ""  # the class of the run that its folder is named for
    code: str = ""
    reason: str = ""


def listed(given: Given, class_names: Sequence[str]) -> tuple[list[Asked], int]:
    """Every picture of what was given, in order, and how many other files were left aside.

    Raises:
        UploadError: `prediction-empty`; what makes the only archive, or a list, unreadable.
    """
    found: list[Asked] = []
    aside = 0
    for number, (path, name) in enumerate(given.files):
        asked = list(_of_file(number, Path(path), name, alone=len(given.files) == 1))
        # A file that was given by itself is meant to be a picture, whatever it is called.
        pictures = [each for each in asked if each.index < 0 or names.may_be_picture(each.path)]
        aside += len(asked) - len(pictures)
        found += pictures
    for path, name in given.lists:
        found = _chosen(found, path, name) if given.chooses else [*found, *_named(path, name)]
    if not found:
        raise UploadError(
            "prediction-empty", "No picture was found in what was given. Choose pictures, or a zip of them."
        )
    if len(found) > LIMITS.archive_members:
        raise UploadError("prediction-too-many", f"At most {LIMITS.archive_members:,} pictures are taken at once.")
    known = set(class_names)
    return [replace(each, true=_class_of(each.path, known)) for each in found], aside


def _class_of(path: str, class_names: set[str]) -> str:
    """The innermost folder of a path that is named for a class; empty where none is."""
    return next((part for part in reversed(path.split("/")[:-1]) if part in class_names), "")


def _of_file(number: int, path: Path, name: str, *, alone: bool) -> Iterator[Asked]:
    if path.is_dir():
        entries, paths = folders.directory(path)
        root = path.resolve()
        for entry in entries:
            below = str(paths[entry.index].relative_to(root))
            yield _asked(entry, number, f"{names.shown(name)}/{entry.path}" if name else entry.path, below)
    elif names.is_archive(name):
        try:
            for entry in archives.directory(path):
                yield _asked(entry, number, entry.path if alone else f"{names.shown(name)}/{entry.path}")
        except UploadError as error:
            if alone:
                raise
            yield Asked(names.shown(name), number, -1, code=error.code, reason=error.message)
    else:
        yield _itself(number, path, name)


def _asked(entry: Entry, number: int, path: str, below: str = "") -> Asked:
    refusal = entry.refusal
    code, reason = (refusal.code, refusal.message) if refusal else ("", "")
    return Asked(path, number, entry.index, entry.size, below, "", code, reason)


def _itself(number: int, path: Path, name: str, below: str = "") -> Asked:
    """A file that was named by itself."""
    shown = names.shown(name)
    try:
        size = path.stat().st_size
    except (OSError, ValueError) as error:
        refusal = folders.unreadable(error)
        return Asked(shown, number, -1, 0, below, "", refusal.code, refusal.message)
    return Asked(shown, number, -1, size, below)


def _chosen(found: list[Asked], path: str, name: str) -> list[Asked]:
    """Those of the pictures that a list names, in their own order, and what it names in vain."""
    pictures = PictureNames(each.path for each in found)
    cells = _cells(path, lambda cell: has_picture_suffix(cell) or len(_find(pictures, cell)) == 1)
    wanted: set[str] = set()
    missing = []
    for cell in cells:
        match = _find(pictures, cell)
        if len(match) == 1:
            wanted |= match
        else:
            what = "several pictures have" if match else "no picture has"
            reason = f"The list {names.shown(name)} names it, and {what} that name. Write the whole path."
            missing.append(Asked(names.shown(cell), code="list-unknown", reason=reason))
    return [*(each for each in found if each.path in wanted), *missing]


def _find(pictures: PictureNames, cell: str) -> set[str]:
    """The pictures a cell may mean; pictures of one path are meant together."""
    try:
        return set(pictures.find(cell, loosely=True))
    except UploadError:
        return set()


def _named(path: str, name: str) -> Iterator[Asked]:
    """The pictures a list names, relative to its own folder."""
    folder = Path(path).parent
    for cell in _cells(path, lambda cell: has_picture_suffix(cell) or "/" in cell):
        yield _itself(-1, folder / cell, cell, str(folder / cell))


def _cells(path: str, is_picture: Callable[[str], bool]) -> list[str]:
    """The column of a list that names pictures, from top to bottom without its header.

    Raises:
        UploadError: `label-file-...` when it cannot be read as a table; `list-no-pictures`.
    """
    with Path(path).open("rb") as file:
        data = file.read(LIMITS.label_file_bytes + 1)
    written = delimited.encoding(data)
    best: list[str] = []
    score = 0
    for separator in _separators(data, written):
        rows = [row.cells for row in islice(delimited.rows(data, written, separator), SAMPLE)]
        for column in range(max(map(len, rows))):
            count = sum(is_picture(row[column]) for row in rows if len(row) > column and row[column])
            if count > score:
                score = count
                best = [
                    row.cells[column] for row in delimited.rows(data, written, separator) if len(row.cells) > column
                ]
    if not best:
        raise UploadError(
            "list-no-pictures",
            "No column of the list names pictures. Expected one with file names such as roses/1.jpg.",
        )
    return [cell for cell in best[0 if is_picture(best[0]) else 1 :] if cell]


def _separators(data: bytes, written: str) -> list[str]:
    """As `delimited.separators`; a list of one column has none."""
    try:
        return delimited.separators(data, written)
    except UploadError as error:
        if error.code != "label-file-columns":
            raise
        return [","]
