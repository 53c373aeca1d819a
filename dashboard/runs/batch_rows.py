"""The table of a batch of predictions, in parts: Parquet files named for the number of their first row.

Columns: path, predicted (empty where the picture could not be read), `probability: <class>` for each class in index
order (float32), true (the class its folder is named for, else empty), sha256, code and reason (empty where it could be
read). Inside the parts also sure, the probability of the predicted class, and where the thumbnail lies.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dashboard.core import files
from dashboard.core.metrics import PROBABILITY
from dashboard.core.spreadsheets import formula_safe

FEW = ["path", "predicted", "sure", "true", "reason", "start", "size"]  # what a page of many thousand rows needs
HIDDEN = ("sure", "start", "size")
DIGITS = "%.9g"  # all that float32 has


@dataclass(frozen=True)
class Row:
    """What came of one picture. `probabilities` has the shape (num_classes,), or is None where it could not be read."""

    path: str
    true: str = ""
    sha256: str = ""
    code: str = ""
    reason: str = ""
    thumbnail: bytes = b""
    probabilities: np.ndarray | None = None


def parts(folder: Path) -> list[Path]:
    return sorted(folder.glob("rows-*.parquet"))


def count(folder: Path) -> int:
    """How many rows there are."""
    found = parts(folder)
    return _first(found[-1]) + int(pq.read_metadata(found[-1]).num_rows) if found else 0


def _first(part: Path) -> int:
    return int(part.stem.partition("-")[2])


def append(folder: Path, rows: Sequence[Row], class_names: Sequence[str]) -> None:
    """Write rows behind those that are there: all of them, or none if the process is killed."""
    first = count(folder)
    with files.replacing(folder / f"rows-{first:08d}.thumbnails") as aside:
        aside.write_bytes(b"".join(row.thumbnail for row in rows))
    with files.replacing(folder / f"rows-{first:08d}.parquet") as aside:
        pq.write_table(_table(rows, class_names), aside, compression="zstd")


def _table(rows: Sequence[Row], class_names: Sequence[str]) -> pa.Table:
    values = np.full((len(rows), len(class_names)), np.nan, dtype="float32")
    for number, row in enumerate(rows):
        if row.probabilities is not None:
            values[number] = row.probabilities
    read = [row.probabilities is not None for row in rows]
    best = [int(each.argmax()) if known else 0 for each, known in zip(values, read, strict=True)]
    sizes = np.array([len(row.thumbnail) for row in rows])
    text = {
        name: pa.array([getattr(row, name) for row in rows], pa.string())
        for name in ("true", "sha256", "code", "reason")
    }
    return pa.table(
        {
            "path": pa.array([row.path for row in rows], pa.string()),
            "predicted": pa.array(
                [class_names[index] if known else "" for index, known in zip(best, read, strict=True)], pa.string()
            ),
            # NaN is no probability: what is not known is null, an empty cell in every format
            **{
                PROBABILITY + name: pa.array(values[:, index], mask=~np.array(read))
                for index, name in enumerate(class_names)
            },
            **text,
            "sure": pa.array(values[np.arange(len(rows)), best], mask=~np.array(read)),
            "start": pa.array(np.cumsum(sizes) - sizes),
            "size": pa.array(sizes),
        }
    )


def read(folder: Path, columns: list[str] | None = None) -> pd.DataFrame:
    """All rows so far, with some or all of the columns, and `part`: the number of the first row of its part."""
    tables = []
    for part in parts(folder):
        table = pq.read_table(part, columns=columns, partitioning=None)
        tables.append(table.append_column("part", pa.array(np.full(len(table), _first(part)))))
    if not tables:
        return pd.DataFrame(columns=[*(columns or FEW), "part"])
    return pa.concat_tables(tables).to_pandas()


def some(folder: Path, numbers: Sequence[int]) -> pd.DataFrame:
    """Whole rows of these numbers, in that order, columns as of the table; only parts that hold one are read."""
    found = parts(folder)
    firsts = np.array([_first(part) for part in found])
    of_part = np.searchsorted(firsts, numbers, side="right") - 1
    rows = []
    for index in np.unique(of_part):
        own = np.array(numbers)[of_part == index]
        table = pq.read_table(found[index], partitioning=None).take(pa.array(own - firsts[index]))
        rows.append(table.to_pandas().set_index(own))
    return pd.concat(rows).loc[list(numbers)].drop(columns=list(HIDDEN))


def thumbnail(folder: Path, part: int, start: int, size: int) -> bytes:
    """The small JPEG of a row, by what `read` says of it; empty where it has none."""
    with (folder / f"rows-{part:08d}.thumbnails").open("rb") as file:
        file.seek(start)
        return file.read(size)


def forget(folder: Path, shas: Collection[str]) -> None:
    """Blank the thumbnails of pictures of these digests; their rows stay."""
    for part in parts(folder):
        table = pq.read_table(part, partitioning=None)
        its = pc.is_in(table.column("sha256"), pa.array(list(shas), pa.string()))
        blank = pc.and_(its, pc.greater(table.column("size"), 0))
        if not pc.any(blank).as_py():
            continue
        thumbnails = bytearray(part.with_suffix(".thumbnails").read_bytes())
        for row in table.filter(blank).select(["start", "size"]).to_pylist():
            thumbnails[row["start"] : row["start"] + row["size"]] = bytes(row["size"])
        files.write_bytes(part.with_suffix(".thumbnails"), bytes(thumbnails))
        sizes = pc.if_else(blank, 0, table.column("size"))
        with files.replacing(part) as aside:
            pq.write_table(table.set_column(table.column_names.index("size"), "size", sizes), aside, compression="zstd")


def each_part(folder: Path) -> Iterator[pd.DataFrame]:
    """The table, part by part, with all its columns."""
    for part in parts(folder):
        yield _whole(part).to_pandas()


def _whole(part: Path) -> pa.Table:
    return pq.read_table(part, partitioning=None).drop_columns(list(HIDDEN))


def write_csv(folder: Path, target: Path) -> None:
    """The table for a spreadsheet, part by part; no cell of it can be taken for a formula."""
    with files.replacing(target) as aside, aside.open("w", newline="", encoding="utf-8") as file:
        for number, table in enumerate(each_part(folder)):
            formula_safe(table).to_csv(file, index=False, header=number == 0, float_format=DIGITS)


def write_parquet(folder: Path, target: Path) -> None:
    """The table in one file, part by part, every text as it is."""
    found = parts(folder)
    with (
        files.replacing(target) as aside,
        pq.ParquetWriter(aside, _whole(found[0]).schema, compression="zstd") as writer,
    ):
        for part in found:
            writer.write_table(_whole(part))


FORMATS = {".csv": write_csv, ".parquet": write_parquet}
