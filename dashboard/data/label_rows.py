"""The rows of a label file, followed: a label for each picture they name, and a reason for each they do not."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from dashboard.core.errors import UploadError
from dashboard.data import label_files, names
from dashboard.data.label_columns import MARKS
from dashboard.data.label_files import Proposal
from dashboard.data.labels import Label, given_splits
from dashboard.data.picture_names import PictureNames

SEVERAL = ("|", ";")  # what stands between the classes of a picture that has several
NOT_THERE = ("label-file-missing", "it names no picture of the upload. Add the picture, or correct the row")


@dataclass(frozen=True)
class Said:
    """What one row says: cells as they are, several classes where several columns of a class each have a 1."""

    line: int
    picture: str
    classes: tuple[str, ...]
    split: str
    group: str


@dataclass
class Labelled:
    """The labels by path of picture; why pictures get none; rows that label nothing (path, code, reason, refused)."""

    labels: dict[str, Label] = field(default_factory=dict)
    refusals: dict[str, UploadError] = field(default_factory=dict)
    remarks: list[tuple[str, str, str, bool]] = field(default_factory=list)


def follow(chosen: Proposal, data: bytes, pictures: PictureNames) -> Labelled:
    """Give every picture of the upload the label its row has.

    A picture that several rows name with one class is taken once, with the split and the group of the first of them.

    Args:
        chosen: a proposal whose columns were confirmed; see `label_files.choose`.
        data: the bytes of the file it was made of.
        pictures: of the same upload.

    Raises:
        UploadError: the file cannot be read, or a column is not there.
    """
    label_files.required(chosen)
    result = Labelled()
    said = list(_said(chosen, data, result))
    loosely = _loosely(said, chosen, pictures)
    splits = given_splits({row.split for row in said if row.split}, strictly=False)
    several = _several(said, chosen.separator)
    lines: dict[str, int] = {}
    for row in said:
        path = _picture(row, chosen, pictures, result, loosely=loosely)
        if path is not None:
            label = _label(row, splits, several)
            _give(path, label, row.line, lines, result)
            if row.split and row.split not in splits:
                split = names.shown(row.split)
                reason = f"Line {row.line} gives it the split '{split}'; expected train, validation or test."
                result.remarks.append((path, "label-split", reason, False))
    for path in pictures.paths:
        if path not in result.labels and path not in result.refusals:
            result.refusals[path] = UploadError("label-missing", f"No row of {chosen.file} gives this picture a class.")
    return result


def _said(chosen: Proposal, data: bytes, result: Labelled) -> "list[Said]":
    place = {name: index for index, name in enumerate(chosen.column_names)}
    picture = place[chosen.picture_column]
    classes = [(name, place[name]) for name in chosen.class_columns]
    split, group = place.get(chosen.split_column), place.get(chosen.group_column)
    found = []
    for row in label_files.below_header(chosen, data):
        if len(row.cells) != len(place):
            reason = f"The row has {len(row.cells)} cells; expected {len(place)}, as most rows have."
            result.remarks.append((f"{chosen.file}, line {row.line}", "label-row", reason, False))
            continue
        if len(classes) == 1:
            marked: tuple[str, ...] = (row.cells[classes[0][1]],)
        else:
            marked = tuple(name for name, index in classes if MARKS.get(row.cells[index].lower()) == 1) or ("",)
        found.append(
            Said(
                row.line,
                row.cells[picture],
                marked,
                "" if split is None else row.cells[split],
                "" if group is None else row.cells[group],
            )
        )
    return found


def _loosely(said: list[Said], chosen: Proposal, pictures: PictureNames) -> bool:
    """Whether only the last part of the paths fits: then the folders before it are of another machine, in every row.

    Were single rows taken so, `test/1.jpg` of a file that names more than was sent would label `train/1.jpg`.
    """
    folder = label_files.folder_of(chosen.file)
    fit = Counter(_way(row.picture, folder, pictures) for row in said)
    return fit["end"] > fit["path"]


def _way(cell: str, folder: str, pictures: PictureNames) -> str:
    """Whether a cell names one picture by its path, or by the path's end alone, or does not."""
    for loosely, way in ((False, "path"), (True, "end")):
        found = _found(cell, folder, pictures, loosely=loosely)
        if found:
            return way if len(found) == 1 else ""
    return ""


def _found(cell: str, folder: str, pictures: PictureNames, *, loosely: bool) -> Sequence[str]:
    try:
        return pictures.find(cell, folder, loosely=loosely)
    except UploadError:
        return ()


def _picture(row: Said, chosen: Proposal, pictures: PictureNames, result: Labelled, *, loosely: bool) -> str | None:
    """The one picture a row names; else why there is none goes into the remarks."""
    try:
        found = pictures.find(row.picture, label_files.folder_of(chosen.file), loosely=loosely)
        code, reason = NOT_THERE
        if len(found) > 1:
            code = "label-ambiguous"
            reason = f"it fits several pictures, '{found[0]}' and '{found[1]}' among them. Write the whole path"
    except UploadError as error:
        found, code, reason = (), error.code, error.message
    if len(found) == 1:
        return found[0]
    result.remarks.append(
        (names.shown(row.picture), code, f"Line {row.line} of {chosen.file} labels nothing: {reason}.", False)
    )
    return None


def _several(said: list[Said], separator: str) -> set[str]:
    """Cells that hold several classes, `cat|dog`: a part of theirs is a class of other rows."""
    cells = {cell for row in said for cell in row.classes if cell}
    parts = {cell: _apart(cell, separator) for cell in cells}
    count = Counter(part for own in parts.values() for part in set(own))
    return {cell for cell, own in parts.items() if len(own) > 1 and any(count[part] > 1 for part in own)}


def _apart(cell: str, separator: str) -> list[str]:
    marks = "".join(mark for mark in SEVERAL if mark != separator)
    return [part.strip() for part in re.split(f"[{re.escape(marks)}]", cell) if part.strip()]


def _label(row: Said, splits: dict[str, str], several: set[str]) -> Label | UploadError:
    text = "', '".join(names.shown(cell) for cell in row.classes)
    if len(row.classes) > 1 or row.classes[0] in several:
        return UploadError(
            "label-several", f"Line {row.line} gives it several classes, '{text}'; it can have one only."
        )
    name = unicodedata.normalize("NFC", row.classes[0])
    if not name:
        return UploadError("label-empty", f"Line {row.line} gives it no class. Fill in the cell, or remove the row.")
    if names.misleads(name) or len(name) > names.LONGEST_PART:
        return UploadError(
            "label-name",
            f"Line {row.line} gives it a class whose name has control characters or more than {names.LONGEST_PART} "
            "letters.",
        )
    group = names.shown(unicodedata.normalize("NFC", row.group)) if row.group else ""
    return Label(name, splits.get(row.split, ""), group)


def _give(path: str, label: Label | UploadError, line: int, lines: dict[str, int], result: Labelled) -> None:
    """Keep a label, unless an earlier row gave the picture another class: then neither counts."""
    if path in result.refusals:
        return
    before = result.labels.get(path)
    if isinstance(label, UploadError):
        result.labels.pop(path, None)
        result.refusals[path] = label
    elif before is None:
        result.labels[path], lines[path] = label, line
    elif before.class_name != label.class_name:
        del result.labels[path]
        result.refusals[path] = UploadError(
            "label-two-classes",
            f"Lines {lines[path]} and {line} give it two classes, '{before.class_name}' and '{label.class_name}'.",
        )
