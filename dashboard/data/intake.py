"""From an upload to a dataset. The child (`data.opening`) opens it; this side only ever reads what the child says."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from dashboard.core.errors import DatasetError, UploadError
from dashboard.data import (
    attempts,
    datasets,
    imports,
    label_files,
    labels,
    likeness,
    names,
    signatures,
)
from dashboard.data.attempts import Cancelled, Progress
from dashboard.data.datasets import Dataset
from dashboard.data.label_files import Proposal
from dashboard.data.splits import SplitSettings
from dashboard.data.staging import Source as Source
from dashboard.data.staging import discard, is_staged

RECORDED = ["path", "sha256", "class_name", "given_split", "group_name", *datasets.PICTURES[1:]]

FEW = {"class_name", "given_split", "group_name", "format", "mode"}  # fields with few different values


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
        elif kept.empty:
            raise DatasetError(
                "dataset-nothing-new",
                f"Nothing was added: {len(duplicates):,} pictures are there already, and no other could be taken.",
            )
        alike = _look_alikes(under_way, on_progress, cancelled)
        if on_progress is not None:
            on_progress(len(kept), len(kept), "Writing the dataset")
        if asked.into:
            dataset = datasets.extend(datasets.get(asked.into), kept, kept, remarks, alike)
        else:
            dataset = datasets.create(asked.name, kept, kept, remarks, SplitSettings(), alike)
        signatures.keep(dataset.id, under_way.signed)
    return dataset


def _look_alikes(under_way: imports.Import, on_progress: Progress | None, cancelled: Cancelled | None) -> pd.DataFrame:
    """Pairs of pictures of an import, and of one of it and one of the dataset it goes into, that look alike."""
    into = under_way.request.into
    count = signatures.join(under_way.signature_parts(), under_way.signed)
    files = [*(signatures.files_of(into) if into else []), under_way.signed]
    return likeness.search(files, count, on_progress, cancelled)


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


def _shared(text: str) -> str:
    """One text for all that are equal: a hundred thousand times the name of a class would be as many texts."""
    return sys.intern(text)


def _tables(messages: Iterable[dict[str, Any]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Pictures and remarks, as children told them."""
    pictures: list[tuple[Any, ...]] = []
    remarks: list[tuple[Any, ...]] = []
    for message in messages:
        if message["kind"] == "picture":
            pictures.append(tuple(_shared(message[name]) if name in FEW else message[name] for name in RECORDED))
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
