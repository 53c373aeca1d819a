"""Label files: tables that say which picture has which class. What one means is proposed, and used once confirmed.

A pure module for the limited child: bytes and names in, proposals and labels out.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import PurePosixPath
from typing import Any

from dashboard.core.errors import UploadError
from dashboard.data import delimited, label_columns, names
from dashboard.data.label_columns import Values
from dashboard.data.picture_names import PictureNames, has_picture_suffix

SUFFIXES = (".csv", ".tsv", ".tab", ".txt")
SAMPLE = 1_000  # rows, spread over the file, by which the column of pictures is found
SHOWN_ROWS = 5
SHOWN_LETTERS = 80
ENOUGH = 0.5  # of the rows name a picture, or of the pictures are named, in the column that names pictures


@dataclass(frozen=True)
class Column:
    """`could_be`: of picture, class, split and group. `different` values are counted up to a few thousand."""

    name: str
    could_be: tuple[str, ...]
    different: int


@dataclass(frozen=True)
class Proposal:
    """What a label file seems to say. Empty names stand for columns that are not there or were not found.

    `class_columns` is one column, or those of which each stands for a class and has a 1 in its rows. `doubt` says why
    it cannot be used as it is, and is empty when it can. `unusable` files have no columns at all.
    """

    file: str
    encoding: str = ""
    separator: str = ""
    has_header: bool = False
    columns: tuple[Column, ...] = ()
    picture_column: str = ""
    class_columns: tuple[str, ...] = ()
    split_column: str = ""
    group_column: str = ""
    classes: int = 0
    rows: int = 0
    matched: int = 0  # pictures of the upload that a row names
    sample: tuple[tuple[str, ...], ...] = ()
    doubt: str = ""

    @property
    def unusable(self) -> bool:
        return not self.columns

    @property
    def column_names(self) -> list[str]:
        return [column.name for column in self.columns]

    def as_record(self) -> dict[str, Any]:
        """JSON-safe values, for one line between two processes."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Proposal":
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in record.items()
        }
        values["columns"] = tuple(
            Column(each["name"], tuple(each["could_be"]), each["different"]) for each in record["columns"]
        )
        values["sample"] = tuple(tuple(row) for row in record["sample"])
        return cls(**values)


def is_label_file(path: str) -> bool:
    """Whether the name promises a table; what does not turn out to be one is no label file all the same."""
    return PurePosixPath(path).suffix.lower() in SUFFIXES


def propose(file: str, data: bytes, pictures: PictureNames) -> Proposal:
    """Find by content what the columns of a label file are.

    Args:
        file: its path inside the upload, which tells what its paths are relative to.
        data: its bytes.
        pictures: of the same upload.

    Raises:
        UploadError: `label-file-...` when it cannot be read as a table.
    """
    encoding = delimited.encoding(data)
    folder = folder_of(file)
    separator, picture = _picture_column(data, encoding, folder, pictures)
    width = _width(data, encoding, separator)
    first = next(delimited.rows(data, encoding, separator)).cells
    has_header = _is_header(first, _rows(data, encoding, separator, width), picture, pictures, folder)
    column_names = label_columns.named(first if has_header else None, width)
    found = Proposal(file, encoding, separator, has_header, tuple(Column(name, (), 0) for name in column_names))
    return _filled_in(found, data, picture, pictures)


def _filled_in(found: Proposal, data: bytes, picture: int | None, pictures: PictureNames) -> Proposal:
    """The proposal with every column judged."""
    values = label_columns.gather(found.column_names)
    named: set[str] = set()
    sample: list[tuple[str, ...]] = []
    count = 0
    for row in body(found, data):
        count += 1
        for column, cell in zip(values, row.cells, strict=True):
            column.add(cell)
        if picture is not None:
            named.update(_named(row.cells[picture], folder_of(found.file), pictures))
        if len(sample) < SAMPLE:
            sample.append(row.cells)
    chosen, doubt = _chosen(values, picture, sample)
    enough = picture is not None and len(named) >= ENOUGH * min(count, len(pictures) or 1)
    if not enough:
        doubt = f"No column names the pictures of the upload: {len(named):,} of {len(pictures):,} are named. {doubt}"
    marked = label_columns.one_hot(values, sample)
    columns = tuple(
        Column(
            column.name,
            label_columns.could_be(index, values, picture if enough else None, marked),
            len(column.different),
        )
        for index, column in enumerate(values)
    )
    return replace(
        found,
        **chosen,
        columns=columns,
        picture_column=values[picture].name if enough and picture is not None else "",
        rows=count,
        matched=len(named),
        sample=tuple(tuple(_shown(cell) for cell in row) for row in sample[:SHOWN_ROWS]),
        doubt=doubt.strip(),
    )


def _chosen(values: list[Values], picture: int | None, sample: list[tuple[str, ...]]) -> tuple[dict[str, Any], str]:
    """Names of the class, split and group columns with the number of classes, and what is doubtful about them."""
    split = label_columns.split_column([_unless(column, index == picture) for index, column in enumerate(values)])
    left = [_unless(column, index in (picture, split)) for index, column in enumerate(values)]
    chosen, doubt = label_columns.class_column(left)
    marked = label_columns.one_hot(left, sample)
    classes: tuple[int, ...] = () if chosen is None else (chosen,)
    if marked and (chosen is None or chosen in marked):
        classes, doubt = marked, ""
    count = len(classes) if len(classes) > 1 else sum(len(values[index].different) for index in classes)
    group = label_columns.group_column([_unless(column, index in classes) for index, column in enumerate(left)], count)
    return {
        "class_columns": tuple(values[index].name for index in classes),
        "split_column": "" if split is None else values[split].name,
        "group_column": "" if group is None else values[group].name,
        "classes": count,
    }, doubt


def _unless(column: Values, taken: bool) -> Values:
    return Values("", False) if taken else column


def body(found: Proposal, data: bytes) -> Iterator[delimited.Row]:
    """The rows below the header that have as many cells as there are columns."""
    return (row for row in below_header(found, data) if len(row.cells) == len(found.columns))


def below_header(found: Proposal, data: bytes) -> Iterator[delimited.Row]:
    """Every row below the header; empty cells too many at its end are cut off."""
    width = len(found.columns)
    rows = delimited.rows(data, found.encoding, found.separator)
    for row in islice(rows, 1 if found.has_header else 0, None):
        yield row if any(row.cells[width:]) else replace(row, cells=row.cells[:width])


def _rows(data: bytes, encoding: str, separator: str, width: int) -> list[tuple[str, ...]]:
    """Some rows below the first, spread over the file, that have so many cells."""
    step = max(1, data.count(b"\n") // SAMPLE)
    found = islice(delimited.rows(data, encoding, separator), 1, None, step)
    return [row.cells[:width] for row in found if len(row.cells) >= width]


def _width(data: bytes, encoding: str, separator: str) -> int:
    """The number of cells that most rows have."""
    found = Counter(len(row.cells) for row in islice(delimited.rows(data, encoding, separator), SAMPLE))
    return max(found.items(), key=lambda item: (item[1], item[0]))[0]


def _picture_column(data: bytes, encoding: str, folder: str, pictures: PictureNames) -> tuple[str, int | None]:
    """The separator and, with it, the column whose cells name the most pictures; None when no cell names one."""
    likeliest = delimited.separators(data, encoding)
    best: tuple[int, str, int | None] = (0, likeliest[0], None)
    for separator in likeliest:
        width = _width(data, encoding, separator)
        first = next(delimited.rows(data, encoding, separator)).cells
        rows = [first, *_rows(data, encoding, separator, width)]
        for index in range(width):
            cells = {row[index] for row in rows if len(row) > index}
            named = {path for cell in cells for path in _named(cell, folder, pictures)}
            if len(named) > best[0]:
                best = (len(named), separator, index)
    return best[1:]


def _named(cell: str, folder: str, pictures: PictureNames) -> Sequence[str]:
    """The one picture a cell names, or none."""
    try:
        found = pictures.find(cell, folder, loosely=True)
    except UploadError:
        return ()
    return found if len(found) == 1 else ()


def _is_header(
    first: Sequence[str], others: list[tuple[str, ...]], picture: int | None, pictures: PictureNames, folder: str
) -> bool:
    """Whether the first row names the columns, by what it would be as a row like the others."""
    if picture is not None and picture < len(first):
        cell = first[picture]
        if has_picture_suffix(cell) or _named(cell, folder, pictures):
            return False
    if any(label_columns.words(cell) & label_columns.HEADER_WORDS for cell in first):
        return True
    again = any(cell and any(row[index : index + 1] == (cell,) for row in others) for index, cell in enumerate(first))
    return bool(others) and not again


def folder_of(file: str) -> str:
    return file.rpartition("/")[0]


def _shown(cell: str) -> str:
    return names.shown(cell[:SHOWN_LETTERS]) if cell else ""


def choose(
    found: Proposal,
    *,
    picture_column: str = "",
    class_columns: Sequence[str] = (),
    split_column: str = "",
    group_column: str = "",
) -> Proposal:
    """The proposal with these columns; those left empty stay as they were found.

    Raises:
        UploadError: `label-column-unknown`, `label-column-twice`, `label-column-missing`, or why the file is unusable.
    """
    if found.unusable:
        raise UploadError("label-file-unusable", f"{found.file} cannot be used: {found.doubt}")
    chosen = replace(
        found,
        picture_column=picture_column or found.picture_column,
        class_columns=tuple(class_columns) or found.class_columns,
        split_column=split_column or found.split_column,
        group_column=group_column or found.group_column,
        doubt="",
    )
    required(chosen, found.doubt)
    return chosen


def required(chosen: Proposal, doubt: str = "") -> None:
    """Refuse a choice that cannot be followed; see `choose`."""
    used = [chosen.picture_column, *chosen.class_columns, chosen.split_column, chosen.group_column]
    used = [name for name in used if name]
    listed = ", ".join(f"'{name}'" for name in chosen.column_names)
    for name in used:
        if name not in chosen.column_names:
            raise UploadError("label-column-unknown", f"{chosen.file} has no column '{name}'; it has {listed}.")
        if used.count(name) > 1:
            raise UploadError("label-column-twice", f"Column '{name}' cannot be two things at once. Choose another.")
    if not chosen.picture_column or not chosen.class_columns:
        what = "the pictures" if not chosen.picture_column else "the classes"
        raise UploadError(
            "label-column-missing",
            f"Which column of {chosen.file} names {what} is not clear. {doubt} Name it; the columns are {listed}.",
        )
