"""What an upload holds, told before a picture is decoded, and the labels that a file of it gives. Inside the child."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from dashboard.core.errors import UploadError
from dashboard.core.limits import LIMITS
from dashboard.data import child, label_files, label_rows, labels, names
from dashboard.data.entries import Content, Entry
from dashboard.data.label_files import Proposal
from dashboard.data.labels import Label
from dashboard.data.picture_names import PictureNames

MOST_LABEL_FILES = 20  # looked into; where every picture has a text file of its own, none of them is one
MOST_CLASSES = 1_000  # told, the largest first

Read = Callable[[list[Entry]], Iterator[Content]]


def look(entries: list[Entry], read: Read, label_path: str | None) -> None:
    """Say what the upload holds, and what each label file of it seems to mean.

    Args:
        entries: of the upload.
        read: gives the bytes of some of them.
        label_path: a label file that is no part of the upload; then only that one is looked into.
    """
    paths = _pictures(entries)
    pictures = PictureNames(paths)
    by_folder = labels.by_folder(entry.path for entry in entries)
    classes = Counter(by_folder[path].class_name for path in paths if path in by_folder)
    child.say(
        kind="look",
        files=len(entries),
        pictures=len(paths),
        refused=sum(entry.refusal is not None for entry in entries),
        class_count=len(classes),
        classes=classes.most_common(MOST_CLASSES),
    )
    contents = _outside(label_path) if label_path else read(_label_files(entries))
    for content in contents:
        if (found := _proposal(content, pictures)) is not None:
            child.say(kind="proposal", **found.as_record())


def _pictures(entries: Sequence[Entry]) -> list[str]:
    return list(dict.fromkeys(entry.path for entry in entries if names.may_be_picture(entry.path)))


def _label_files(entries: list[Entry]) -> list[Entry]:
    """Those nearest to the top, and of them tables before texts; in the order of the upload."""
    found = [entry for entry in entries if entry.refusal is None and label_files.is_label_file(entry.path)]
    nearest = sorted(found, key=lambda entry: (_is_text(entry.path), entry.path.count("/")))[:MOST_LABEL_FILES]
    return sorted(nearest, key=lambda entry: entry.index)


def _is_text(path: str) -> bool:
    return path.lower().endswith(".txt")


def _proposal(content: Content, pictures: PictureNames) -> Proposal | None:
    """A text that is no table is nothing; a table that cannot be used says why."""
    try:
        if content.refusal is not None:
            raise content.refusal
        found = label_files.propose(content.path, content.data, pictures)
    except UploadError as error:
        found = Proposal(content.path, doubt=error.message)
    return None if _is_text(content.path) and not found.picture_column else found


def _outside(path: str) -> Iterator[Content]:
    """A label file that lies elsewhere on this machine, under its own name."""
    try:
        with Path(path).open("rb") as file:
            yield Content(Path(path).name, file.read(LIMITS.label_file_bytes + 1))
    except OSError as error:
        raise UploadError(
            "label-file-unreadable",
            f"The label file '{names.shown(path)}' cannot be read: {error.strerror}. Check the path.",
        ) from error


def labelled(
    job: dict[str, Any], entries: list[Entry], read: Read
) -> tuple[list[Entry], dict[str, Label], list[tuple[str, str, str, bool]]]:
    """Follow the label file that was chosen, instead of the folders.

    Args:
        job: `proposal`, the record of one that was confirmed, and `label_path`, where its file lies when it is no part
            of the upload.
        entries: of the upload.
        read: gives the bytes of some of them.

    Returns:
        The entries without the label file, refused where it gives a picture no label; the labels by path; and remarks
        about its rows: path, code, reason, refused.
    """
    chosen = Proposal.from_record(job["proposal"])
    own = [entry for entry in entries if entry.path == chosen.file and entry.refusal is None]
    content = next(_outside(job["label_path"]) if job["label_path"] else read(own), None)
    if content is None or content.refusal is not None:
        raise UploadError("label-file-unreadable", f"The label file '{names.shown(chosen.file)}' is not in the upload.")
    result = label_rows.follow(chosen, content.data, PictureNames(_pictures(entries)))
    left = entries if job["label_path"] else [entry for entry in entries if entry not in own]
    judged = [replace(each, refusal=each.refusal or result.refusals.get(each.path)) for each in left]
    return judged, result.labels, list(result.remarks)
