"""From an upload to a dataset. The child (`data.opening`) opens it; this side only ever reads what the child says."""

import json
import secrets
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd

from dashboard.core.errors import DatasetError, UploadError
from dashboard.core.files import CHUNK
from dashboard.core.limits import LIMITS
from dashboard.core.settings import workspace
from dashboard.data import (
    attempts,
    datasets,
    folders,
    imports,
    label_files,
    labels,
    likeness,
    names,
    parent,
    signatures,
)
from dashboard.data.attempts import Cancelled, Progress
from dashboard.data.datasets import Dataset
from dashboard.data.label_files import Proposal
from dashboard.data.splits import SplitSettings

RECORDED = ["path", "sha256", "class_name", "given_split", "group_name", *datasets.PICTURES[1:]]


@dataclass(frozen=True)
class Source:
    """What is to be opened: a zip, a tar or a folder on this machine, or what `stage_upload` returned."""

    path: Path
    name: str  # as the user calls it


@dataclass(frozen=True)
class Look:
    """What a source holds, before a picture was decoded.

    `classes` are those its folders give, with their numbers of pictures, at most 1,000 of `class_count`. Of the
    proposals, the first is the one that labels the most pictures.
    """

    files: int
    pictures: int
    refused: int
    class_count: int
    classes: tuple[tuple[str, int], ...]
    proposals: tuple[Proposal, ...]

    @property
    def folders_decide(self) -> bool:
        """Whether the folders give classes; `train` and `test` alone divide pictures, and name nothing they show."""
        return self.class_count > 1 and not labels.given_splits({name for name, _ in self.classes})

    @property
    def usable(self) -> tuple[Proposal, ...]:
        """Label files that can be used as they were found."""
        return tuple(found for found in self.proposals if not found.doubt)


def look(source: Source, *, label_path: Path | None = None, cancelled: Cancelled | None = None) -> Look:
    """Look into a source in the limited child: its files, its class folders, and what its label files seem to mean.

    Args:
        source: as for `import_pictures`.
        label_path: a label file on this machine that is no part of the source; it alone is looked into then.
        cancelled: asked again and again; true ends it.

    Raises:
        UploadError: the source as a whole, or the file at `label_path`, cannot be opened.
    """
    outside = None if label_path is None else str(label_path.absolute())
    job = {**_job("look", source), "label_path": outside}
    first, *others = attempts.messages(job, cancelled)
    fields = {name: value for name, value in first.items() if name not in ("kind", "classes")}
    proposals = [Proposal.from_record(_without_kind(other)) for other in others]
    proposals.sort(key=lambda found: (bool(found.doubt), -found.matched))
    classes = tuple((name, count) for name, count in first["classes"])
    return Look(**fields, classes=classes, proposals=tuple(proposals))


def _without_kind(message: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in message.items() if name != "kind"}


def _job(kind: str, source: Source) -> dict[str, Any]:
    path = source.path
    if not path.is_file() and not path.is_dir():
        raise UploadError("source-missing", f"There is no file or folder '{names.shown(str(path))}'. Check the path.")
    return {"kind": kind, "path": str(path.absolute()), "staged": is_staged(path)}


def import_pictures(
    source: Source,
    *,
    name: str,
    into: str = "",
    label_file: Proposal | None = None,
    label_path: Path | None = None,
    on_progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> Dataset:
    """Open a source and make a dataset of it: version 1, divided by the advised shares.

    Args:
        source: what is opened.
        name: of the dataset.
        into: id of a dataset that gets the pictures, as a new version; what was there keeps its split.
        label_file: what `look` proposed and a person confirmed; it gives the classes instead of the folders.
        label_path: where that file lies when it is no part of the source.
        on_progress: told how many files of how many are done, and of what.
        cancelled: asked now and then; true ends the import.

    Raises:
        UploadError: the source as a whole cannot be opened.
        DatasetError: `dataset-empty`, `dataset-no-classes`, `dataset-one-class`, `dataset-class-too-small`. Nothing is
            in the database then.
    """
    return _carry_out(request(source, name, into, _labels(label_file, label_path)), on_progress, cancelled)


def go_on(left: imports.Import, on_progress: Progress | None = None, cancelled: Cancelled | None = None) -> Dataset:
    """Finish an import whose process was killed, from the start if its archive has changed; see `import_pictures`."""
    asked, path = left.request, Path(left.request.path)
    again = request(Source(path, asked.name), asked.name, asked.into, asked.labels)
    if again != asked:
        imports.discard(left)
    try:
        return _carry_out(again, on_progress, cancelled)
    finally:
        discard(path)


def _carry_out(asked: imports.Request, on_progress: Progress | None, cancelled: Cancelled | None) -> Dataset:
    with imports.at_work(asked) as under_way:
        attempts.read_all(under_way, is_staged(Path(asked.path)), on_progress, cancelled)
        pictures, remarks = _tables(under_way.lines())
        there = datasets.members(datasets.get(asked.into)) if asked.into else pd.DataFrame(columns=RECORDED)
        kept, duplicates = _apart(pictures, there)
        remarks = pd.concat([remarks, duplicates], ignore_index=True).astype({"refused": bool})
        if not asked.into:
            _refuse_untrainable(kept, remarks)
        signed = under_way.signature_rows()
        alike = _look_alikes(under_way, signed, on_progress, cancelled)
        if on_progress is not None:
            on_progress(len(kept), len(kept), "Writing the dataset")
        if asked.into:
            dataset = datasets.extend(datasets.get(asked.into), kept, kept, remarks, alike)
        else:
            dataset = datasets.create(asked.name, kept, kept, remarks, SplitSettings(), alike)
        signatures.keep(dataset.id, signed)
    return dataset


def _look_alikes(
    under_way: imports.Import, signed: np.ndarray, on_progress: Progress | None, cancelled: Cancelled | None
) -> pd.DataFrame:
    """Pairs of pictures of an import, and of one of it and one of the dataset it goes into, that look alike."""
    into, new = under_way.request.into, under_way.path / "signatures.npy"
    signatures.write(new, signed)
    files = [*(signatures.files_of(into) if into else []), new]
    return likeness.search(files, len(signed), on_progress, cancelled)


def request(source: Source, name: str, into: str = "", labels: str = "") -> imports.Request:
    """What `import_pictures` is asked for, which tells one import from another.

    Raises:
        UploadError: `source-missing`.
    """
    path = source.path.absolute()
    if not path.is_file() and not path.is_dir():
        shown = names.shown(str(source.path))
        raise UploadError("source-missing", f"There is no file or folder '{shown}'. Check the path.")
    status = path.stat()
    stamp, size = (status.st_mtime_ns, status.st_size) if path.is_file() else (0, 0)
    return imports.Request(path=str(path), name=names.title(name), stamp=stamp, size=size, into=into, labels=labels)


def _tables(messages: Iterable[dict[str, Any]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Pictures and remarks, as children told them."""
    pictures: list[tuple[Any, ...]] = []
    remarks: list[tuple[Any, ...]] = []
    for message in messages:
        if message["kind"] == "picture":
            pictures.append(tuple(message[name] for name in RECORDED))
            if message["animated"]:
                remarks.append(
                    (message["path"], "image-animated", "Only the first of its frames or pages is used.", False)
                )
        elif message["kind"] == "remark":
            remarks.append(tuple(message[name] for name in datasets.REMARKS))
    return pd.DataFrame(pictures, columns=RECORDED), pd.DataFrame(remarks, columns=datasets.REMARKS)


def _labels(label_file: Proposal | None, label_path: Path | None) -> str:
    if label_file is None:
        return ""
    label_files.required(label_file)
    outside = None if label_path is None else str(label_path.absolute())
    return json.dumps({"proposal": label_file.as_record(), "label_path": outside})


def take_pictures(paths: list[Path], names: list[str]) -> pd.DataFrame:
    """Take pictures to predict on: their bytes and thumbnails are kept, no dataset is made.

    Returns:
        One row a picture in the order given: path (the name given), sha256 (empty if refused), reason and code (empty
        if accepted).

    Raises:
        UploadError: the child died or took too long.
    """
    numbers = [str(number) for number in range(len(names))]  # two pictures of different folders may have one name
    job = {"kind": "pictures", "paths": [str(path.absolute()) for path in paths], "names": numbers}
    pictures, remarks = _tables(attempts.messages(job, None))
    known = dict(zip(pictures["path"], pictures["sha256"], strict=True))
    refused = {row.path: row for row in remarks[remarks["refused"].astype(bool)].itertuples()}
    rows = [
        _taken(name, known.get(number, ""), refused.get(number)) for number, name in zip(numbers, names, strict=True)
    ]
    return pd.DataFrame(rows, columns=["path", "sha256", "reason", "code"])


def _taken(name: str, sha256: str, refusal: Any) -> tuple[str, str, str, str]:
    return (name, sha256, "", "") if refusal is None else (name, "", refusal.reason, refusal.code)


def _apart(pictures: pd.DataFrame, there: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Pictures without those seen before, and remarks about the latter. Of the same bytes the first stays.

    Args:
        pictures: columns path, sha256, class_name and others.
        there: pictures of the dataset that they go into; the same columns.
    """
    again = pictures["sha256"].duplicated() | pictures["sha256"].isin(there["sha256"])
    kept = pictures[~again].reset_index(drop=True)
    columns = ["sha256", "class_name", "path"]
    first = pd.concat([there[columns], kept[columns]]).drop_duplicates("sha256").set_index("sha256")
    remarks = [
        (row.path, *_duplicate(row.class_name, first.at[row.sha256, "class_name"], first.at[row.sha256, "path"]), True)
        for row in pictures[again].itertuples()
    ]
    return kept, pd.DataFrame(remarks, columns=datasets.REMARKS)


def _duplicate(class_name: str, first_class: str, first_path: str) -> tuple[str, str]:
    if class_name == first_class:
        return "duplicate", f"The same picture as '{first_path}', which was taken."
    return (
        "duplicate-two-classes",
        f"The same picture as '{first_path}', which was taken as '{first_class}'. A picture has one class.",
    )


def _refuse_untrainable(kept: pd.DataFrame, remarks: pd.DataFrame) -> None:
    counts = kept["class_name"].value_counts(sort=False)
    if len(counts) >= 2:
        return  # classes that are too small are refused by the split
    if len(counts) == 1:
        raise DatasetError(
            "dataset-one-class",
            f"All {len(kept)} pictures are in one class, '{counts.index[0]}'; at least 2 classes are needed. "
            f"{labels.LAYOUT}.",
        )
    if (remarks["code"] == "no-class-folder").any():
        raise DatasetError("dataset-no-classes", f"The pictures lie in no class folders. {labels.LAYOUT}.")
    refused = remarks[remarks["refused"]]
    why = (
        f" The first of {len(refused)} refused files: '{refused.iloc[0].path}'. {refused.iloc[0].reason}"
        if len(refused)
        else ""
    )
    raise DatasetError("dataset-empty", f"No picture was found.{why} {labels.LAYOUT}.")


def stage_upload(files: list[tuple[str, BinaryIO]]) -> Path:
    """Write what a browser sent where the child can open it: one archive, or pictures with names such as roses/1.jpg.

    Names are kept in a manifest and used for nothing else. `discard` the folder when done.

    Raises:
        UploadError: `upload-empty`, `upload-several-archives`, `upload-too-many-files`, `upload-too-large`,
            `disk-full`.
    """
    _refuse_upload([name for name, _ in files])
    folder = workspace("uploads", secrets.token_hex(8))
    parent.sweep(folder.parent)
    folder.mkdir(mode=0o700)
    try:
        left = LIMITS.archive_bytes
        for number, (_, stream) in enumerate(files):
            left -= _copy(stream, folder / f"{number:06d}", left)
        (folder / folders.MANIFEST).write_text(json.dumps([name for name, _ in files]), encoding="utf-8")
    except OSError as error:
        discard(folder)
        raise UploadError(
            "disk-full",
            f"The upload could not be written: {error.strerror}. Free space on the server, then send it again.",
        ) from error
    except UploadError:
        discard(folder)
        raise
    return folder


def staged_files(path: Path) -> tuple[list[Path], list[str]]:
    """What `stage_upload` wrote, for `take_pictures`: where each file lies, and the name it was sent under."""
    return folders.staged(path)


def _refuse_upload(given_names: list[str]) -> None:
    if not given_names:
        raise UploadError("upload-empty", f"Nothing was sent. {labels.LAYOUT}, or a zip of that.")
    if len(given_names) > LIMITS.archive_members:
        raise UploadError("upload-too-many-files", f"At most {LIMITS.archive_members:,} files are taken at once.")
    archives = [name for name in given_names if names.is_archive(name)]
    if len(given_names) > 1 and len(archives) == len(given_names):
        raise UploadError(
            "upload-several-archives", "One archive is taken at a time. Put all class folders into one zip."
        )


def _copy(stream: BinaryIO, path: Path, most: int) -> int:
    """Copy at most so many bytes; returns how many."""
    count = 0
    if stream.seekable():
        stream.seek(0)  # a page may have shown it already
    with path.open("wb") as file:
        while chunk := stream.read(CHUNK):
            count += len(chunk)
            if count > most:
                raise UploadError("upload-too-large", f"At most {LIMITS.archive_bytes:,} bytes are taken at once.")
            file.write(chunk)
    return count


def is_staged(path: Path) -> bool:
    """Whether `stage_upload` made this folder."""
    return path.absolute().parent == workspace("uploads")


def discard(path: Path) -> None:
    """Remove a staged upload; anything else is left alone."""
    if is_staged(path):
        shutil.rmtree(path, ignore_errors=True)
