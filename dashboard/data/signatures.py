"""Signatures of many pictures as one file each import: `signatures/<dataset id>-<number>.npy` of the workspace.

Such a file is one array of `ROW`, so it is read by position, without unpickling and without being read whole.
"""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import numpy as np

from dashboard.core import files
from dashboard.data.looks import SIGNATURE

ROW = np.dtype([("sha256", "S64"), ("signature", np.uint8, (SIGNATURE,))])


def rows(pairs: Iterable[tuple[str, np.ndarray]]) -> np.ndarray:
    """SHA-256 and signature of each picture as an array of `ROW`."""
    return np.array([(sha256.encode(), signature) for sha256, signature in pairs], dtype=ROW)


def path(dataset_id: str, number: int) -> Path:
    """Where an import keeps its signatures; `number` counts what was added to a dataset, from 0."""
    return _folder() / f"{dataset_id}-{number}.npy"


def _folder() -> Path:
    # Not above: a child that opens uploads writes rows too, and settings would take two fifths of its start.
    from dashboard.core.settings import workspace

    return workspace("signatures")


def write(file: Path, rows: np.ndarray) -> None:
    """Write an array of `ROW`, whole or not at all."""
    with files.replacing(file) as aside:
        np.save(aside, rows)


def join(parts: Iterable[Path], file: Path) -> int:
    """Write files of rows, as bytes without a head, into one that `read` reads; of one SHA-256 the first counts.

    A part at a time, because all of a hundred thousand pictures are 120 MB. Returns how many rows there are.
    """
    seen: set[bytes] = set()
    with files.replacing(file) as aside, aside.open("wb") as target:
        _write_head(target, 0)
        for part in parts:
            rows = np.fromfile(part, ROW)
            new = np.array([sha not in seen for sha in rows["sha256"].tolist()], bool)
            new[np.setdiff1d(np.arange(len(rows)), np.unique(rows["sha256"], return_index=True)[1])] = False
            rows = rows[new]
            seen.update(rows["sha256"].tolist())
            target.write(rows.tobytes())
        target.seek(0)
        _write_head(target, len(seen))
    return len(seen)


def _write_head(target: BinaryIO, count: int) -> None:
    """The head of an array of so many rows; its length is the same for any number, as numpy leaves room for growth."""
    head = np.lib.format.header_data_from_array_1_0(np.empty(0, ROW)) | {"shape": (count,)}
    np.lib.format.write_array_header_1_0(target, head)


def keep(dataset_id: str, file: Path) -> None:
    """Keep the signatures of what was added to a dataset, beside those of before."""
    number = 0
    while path(dataset_id, number).exists():
        number += 1
    with files.replacing(path(dataset_id, number)) as aside:
        shutil.copyfile(file, aside)


def read(path: Path) -> np.ndarray:
    """The rows of a file, mapped into memory read-only; none where the file is absent, damaged or of another layout."""
    try:
        found = np.load(path, mmap_mode="r")
    except (OSError, ValueError):
        return np.empty(0, ROW)
    return found if found.dtype == ROW and found.ndim == 1 else np.empty(0, ROW)


def files_of(dataset_id: str) -> list[Path]:
    """The files that imports of a dataset wrote, the oldest first."""
    found = _folder().glob(f"{dataset_id}-*.npy")
    return sorted(found, key=lambda file: int(file.stem.rpartition("-")[2]))


def together(paths: Iterable[Path]) -> np.ndarray:
    """The rows of several files in order; of those with one SHA-256 the first."""
    rows = np.concatenate([np.empty(0, ROW), *(read(path) for path in paths)])
    _, first = np.unique(rows["sha256"], return_index=True)
    return rows if len(first) == len(rows) else rows[np.sort(first)]
