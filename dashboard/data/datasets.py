"""Datasets as rows: a version is a list of pictures with their class and split, and never changes afterwards."""

import re
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from dashboard.core import database
from dashboard.core.errors import DatasetError
from dashboard.core.settings import workspace
from dashboard.data import counts, names, splits
from dashboard.data.splits import SplitSettings

ROW = ["path", "sha256", "class_name", "split", "given_split"]
MEMBERS = ["path", "sha256", "class_name", "split", "width", "height", "format", "mode", "size"]
LOOKS = ["brightness", "contrast", "sharpness", "phash"]
PICTURES = ["sha256", "format", "mode", "width", "height", "size", *LOOKS]
REMARKS = ["path", "code", "reason", "refused"]
IN_USE = ("queued", *database.ACTIVE)  # statuses of runs that still need the dataset
ROWS_AT_ONCE = 5_000


@dataclass(frozen=True)
class Dataset:
    """One version of a dataset. `created_at` is of the dataset, in seconds since 1970, UTC."""

    id: str
    name: str
    version: int
    created_at: float


def create(
    name: str, members: pd.DataFrame, pictures: pd.DataFrame, remarks: pd.DataFrame, split: SplitSettings
) -> Dataset:
    """Write a new dataset, version 1, in one transaction.

    Args:
        name: as the user calls it; taken literally.
        members: columns path, sha256, class_name, given_split (empty where folders gave none) and, where groups were
            named, group_name.
        pictures: columns `PICTURES`, of which those of `LOOKS` may be left out; known ones are left as they are.
        remarks: columns path, code, reason, refused.
        split: how to divide it.

    Raises:
        DatasetError: `dataset-class-too-small`; nothing is written then.
    """
    divided = members.assign(split=splits.stratified(members, split))
    dataset = Dataset(secrets.token_hex(6), names.title(name) or "Untitled", 1, time.time())
    with database.database().begin() as connection:
        connection.execute(
            database.datasets.insert().values(id=dataset.id, name=dataset.name, created_at=dataset.created_at)
        )
        _insert(connection, _or_ignore(connection, database.pictures), _nulls(pictures.reindex(columns=PICTURES)))
        _write_version(connection, dataset, divided, "imported", split)
        _insert(connection, database.remarks.insert(), remarks[REMARKS].assign(dataset_id=dataset.id))
    return dataset


def _write_version(
    connection: sa.Connection, dataset: Dataset, members: pd.DataFrame, reason: str, split: SplitSettings
) -> None:
    connection.execute(
        database.dataset_versions.insert().values(
            dataset_id=dataset.id,
            version=dataset.version,
            created_at=time.time(),
            reason=reason,
            split=split.model_dump_json(),
        )
    )
    rows = members.reindex(columns=[*ROW, "group_name"]).fillna({"group_name": ""})
    _insert(connection, database.members.insert(), rows.assign(dataset_id=dataset.id, version=dataset.version))


def _insert(connection: sa.Connection, statement: Any, rows: pd.DataFrame) -> None:
    for start in range(0, len(rows), ROWS_AT_ONCE):
        connection.execute(statement, rows.iloc[start : start + ROWS_AT_ONCE].to_dict("records"))


def _nulls(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows whose missing values are NULL in every database; as NaN they would be numbers."""
    values = rows.astype(object)
    return values.where(values.notna(), None)


def _or_ignore(connection: sa.Connection, table: sa.Table) -> Any:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table).on_conflict_do_nothing()


def get(dataset_id: str, version: int | None = None) -> Dataset:
    """A dataset by its id; its newest version when none is named.

    Raises:
        DatasetError: `dataset-unknown`.
    """
    table, versions = database.datasets, database.dataset_versions
    query = (
        sa.select(table.c.id, table.c.name, versions.c.version, table.c.created_at)
        .join(versions, versions.c.dataset_id == table.c.id)
        .where(table.c.id == dataset_id, table.c.deleted_at.is_(None))
        .order_by(versions.c.version.desc())
        .limit(1)
    )
    if version is not None:
        query = query.where(versions.c.version == version)
    with database.database().connect() as connection:
        row = connection.execute(query).one_or_none()
    if row is None:
        what = f"dataset '{dataset_id}'" if version is None else f"version {version} of dataset '{dataset_id}'"
        raise DatasetError("dataset-unknown", f"There is no {what}. It may have been deleted; choose another one.")
    return Dataset(*row)


def find(text: str) -> Dataset:
    """A dataset by its id or its exact name; of several with that name the newest.

    Raises:
        DatasetError: `dataset-unknown`.
    """
    table = database.datasets
    query = (
        sa.select(table.c.id)
        .where(sa.or_(table.c.id == text, table.c.name == text), table.c.deleted_at.is_(None))
        .order_by((table.c.id == text).desc(), table.c.created_at.desc())
        .limit(1)
    )
    with database.database().connect() as connection:
        found = connection.scalar(query)
    return get(found or text)


def listing() -> pd.DataFrame:
    """One row a dataset in its newest version, newest first. `refused` counts what is neither picture nor duplicate."""
    return _frame(counts.of_newest_versions(), counts.COLUMNS)


def _frame(query: sa.Select, columns: list[str]) -> pd.DataFrame:
    with database.database().connect() as connection:
        rows: Iterable[Any] = connection.execute(query).all()
    return pd.DataFrame([tuple(row) for row in rows], columns=columns)


def members(dataset: Dataset) -> pd.DataFrame:
    """The pictures of this version: path, sha256, class_name, split, width, height, format, mode, size."""
    return _members(dataset, MEMBERS)


def _members(dataset: Dataset, columns: list[str]) -> pd.DataFrame:
    table, pictures = database.members, database.pictures
    query = (
        sa.select(*(table.c[name] if name in table.c else pictures.c[name] for name in columns))
        .join(pictures, pictures.c.sha256 == table.c.sha256)
        .where(table.c.dataset_id == dataset.id, table.c.version == dataset.version)
        .order_by(_by_letter(table.c.class_name), _by_letter(table.c.path))
    )
    return _frame(query, columns)


def _by_letter(column: sa.Column[str]) -> Any:
    """For sorting as Python does, in every database: a run's order of pictures must not hang on a server's language."""
    return sa.collate(column, "C" if database.database().dialect.name == "postgresql" else "BINARY")


def class_names(dataset: Dataset) -> list[str]:
    """The classes of this version in sorted order, which is the order of class indices."""
    table = database.members
    query = sa.select(table.c.class_name).where(table.c.dataset_id == dataset.id, table.c.version == dataset.version)
    with database.database().connect() as connection:
        return sorted(connection.scalars(query.distinct()))


def remarks(dataset: Dataset) -> pd.DataFrame:
    """What was not taken (`refused`), or taken with a remark: path, code, reason, refused; in the order it was met."""
    table = database.remarks
    query = sa.select(*(table.c[name] for name in REMARKS)).where(table.c.dataset_id == dataset.id).order_by(table.c.id)
    return _frame(query, REMARKS).astype({"refused": bool})


def resplit(dataset: Dataset, split: SplitSettings) -> Dataset:
    """A new version, divided anew; the old one is untouched."""
    rows = _members(dataset, [*MEMBERS, "given_split"])
    return _new_version(dataset, rows.assign(split=splits.stratified(rows, split)), "split changed", split)


def resplit_as_given(dataset: Dataset, table: pd.DataFrame) -> Dataset:
    """A new version, divided as a table with columns path and split says.

    Raises:
        DatasetError: `split-file-columns`, `split-file-duplicate`, `split-file-name`, `split-file-unknown`,
            `split-file-missing`, `split-file-incomplete`.
    """
    rows = _members(dataset, [*MEMBERS, "given_split"])
    chosen = splits.as_given(rows, table)
    return _new_version(dataset, rows.assign(split=chosen), "split given", SplitSettings())


def _new_version(dataset: Dataset, rows: pd.DataFrame, reason: str, split: SplitSettings) -> Dataset:
    versions = database.dataset_versions
    with database.database().begin() as connection:
        _wait_for_others(connection, dataset)
        query = sa.select(sa.func.max(versions.c.version)).where(versions.c.dataset_id == dataset.id)
        newest = connection.scalar(query) or dataset.version
        new = Dataset(dataset.id, dataset.name, newest + 1, dataset.created_at)
        _write_version(connection, new, rows, reason, split)
    return new


def _wait_for_others(connection: sa.Connection, dataset: Dataset) -> None:
    """Two tabs may split a dataset at once; each takes its own number, so one waits until the other has written."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        table = database.datasets
        connection.execute(sa.select(table.c.id).where(table.c.id == dataset.id).with_for_update())


def split_settings(dataset: Dataset) -> SplitSettings:
    """How this version was divided."""
    versions = database.dataset_versions
    query = sa.select(versions.c.split).where(
        versions.c.dataset_id == dataset.id, versions.c.version == dataset.version
    )
    with database.database().connect() as connection:
        return SplitSettings.model_validate_json(connection.scalar(query) or "{}")


def rename(dataset_id: str, name: str) -> Dataset:
    """Raises DatasetError `dataset-unknown`, or `dataset-name` when nothing but spaces is left of the name."""
    get(dataset_id)
    if not name.strip():
        raise DatasetError("dataset-name", "A dataset needs a name of at least one letter.")
    with database.database().begin() as connection:
        table = database.datasets
        connection.execute(table.update().where(table.c.id == dataset_id).values(name=names.title(name)))
    return get(dataset_id)


def delete(dataset_id: str) -> None:
    """Take a dataset out of every list. Its rows stay, because finished runs refer to them; `restore` undoes it.

    Raises:
        DatasetError: `dataset-unknown`, or `dataset-in-use` while runs on it wait or work.
    """
    name, table, runs = get(dataset_id).name, database.datasets, database.runs
    with database.database().begin() as connection:
        busy = sa.select(runs.c.name).where(runs.c.dataset_id == dataset_id, runs.c.status.in_(IN_USE)).limit(1)
        run = connection.scalar(busy)
        if run is not None:
            raise DatasetError(
                "dataset-in-use",
                f"'{name}' is in use by the run '{run}'. Stop the run, or wait for its end, then delete it.",
            )
        connection.execute(table.update().where(table.c.id == dataset_id).values(deleted_at=time.time()))


def restore(dataset_id: str) -> Dataset:
    """Take a deleted dataset back into the lists."""
    table = database.datasets
    with database.database().begin() as connection:
        connection.execute(table.update().where(table.c.id == dataset_id).values(deleted_at=None))
    return get(dataset_id)


def picture_path(sha256: str) -> Path:
    """Where the bytes of an accepted picture lie.

    Raises:
        DatasetError: `picture-unknown` when this is no SHA-256.
    """
    return workspace("objects", _checked(sha256)[:2], sha256)


def thumbnail_path(sha256: str) -> Path:
    """Where the WEBP thumbnail of an accepted picture lies; raises as `picture_path`."""
    return workspace("thumbnails", _checked(sha256)[:2], f"{sha256}.webp")


def _checked(sha256: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise DatasetError("picture-unknown", f"A picture is named by 64 hexadecimal digits; received '{sha256[:80]}'.")
    return sha256
