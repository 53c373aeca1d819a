"""Datasets as rows: a version is a list of pictures with their class and split, and never changes afterwards."""

import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa

from dashboard.core import database
from dashboard.core.errors import DatasetError
from dashboard.core.settings import workspace
from dashboard.data import contents, counts, grouping, names, splits
from dashboard.data.splits import SplitSettings

LOOKS = ["brightness", "contrast", "sharpness", "phash"]
ROW = ["path", "sha256", "class_name", "split", "given_split"]
MEMBERS = ["path", "sha256", "class_name", "split", "width", "height", "format", "mode", "size", "brightness"]
DIVIDED = ["path", "sha256", "class_name", "given_split", "group_name"]  # what dividing a version anew needs
STANDING = [*ROW, "group_name"]  # what a version says of a picture
PICTURES = ["sha256", "format", "mode", "width", "height", "size", *LOOKS]
LIKENESSES = ["sha256_a", "sha256_b", "similarity"]
REMARKS = ["path", "code", "reason", "refused"]
IN_USE = ("queued", *database.ACTIVE)  # statuses of runs that still need the dataset
ROWS_AT_ONCE = 5_000
GIVEN, DIVIDED_ANEW = "split given", "split changed"  # why there are versions that are divided in another way


@dataclass(frozen=True)
class Dataset:
    """One version of a dataset. `created_at` is of the dataset, in seconds since 1970, UTC."""

    id: str
    name: str
    version: int
    created_at: float


def create(
    name: str,
    members: pd.DataFrame,
    pictures: pd.DataFrame,
    remarks: pd.DataFrame,
    split: SplitSettings,
    alike: pd.DataFrame | None = None,
) -> Dataset:
    """Write a new dataset, version 1, in one transaction.

    Args:
        name: as the user calls it; taken literally.
        members: columns path, sha256, class_name, given_split (empty where folders gave none) and, where groups were
            named, group_name.
        pictures: columns `PICTURES`, of which those of `LOOKS` may be left out; known ones are left as they are.
        remarks: columns path, code, reason, refused.
        split: how to divide it.
        alike: pairs of pictures that look alike, columns `LIKENESSES`.

    Raises:
        DatasetError: `dataset-class-too-small`; nothing is written then.
    """
    alike = pd.DataFrame(columns=LIKENESSES) if alike is None else alike
    members = members.assign(group_name=members.get("group_name", ""))
    divided = members.assign(split=_divided(members, alike, split))
    dataset = Dataset(secrets.token_hex(6), names.title(name) or "Untitled", 1, time.time())
    with database.database().begin() as connection:
        connection.execute(
            database.datasets.insert().values(id=dataset.id, name=dataset.name, created_at=dataset.created_at)
        )
        _insert_pictures(connection, pictures, alike)
        _write_version(connection, dataset, divided, "imported", split)
        _keep_again(connection, dataset)
        _insert(connection, database.remarks.insert(), remarks[REMARKS].assign(dataset_id=dataset.id))
    return dataset


def _insert_pictures(connection: sa.Connection, pictures: pd.DataFrame, alike: pd.DataFrame) -> None:
    """Write what is not known yet of pictures and of pairs of them."""
    rows = _nulls(pictures.reindex(columns=PICTURES))
    _insert(connection, database.insert_or_ignore(connection, database.pictures), rows)
    _insert(connection, database.insert_or_ignore(connection, database.likenesses), alike[LIKENESSES])


def extend(
    dataset: Dataset, added: pd.DataFrame, pictures: pd.DataFrame, remarks: pd.DataFrame, alike: pd.DataFrame
) -> Dataset:
    """A new version with more pictures; every picture that was there keeps its split.

    Args:
        dataset: its newest version is what is added to.
        added: as the members of `create`; pictures that are there already are left out, and a path that is taken gets
            a number.
        pictures, remarks, alike: as for `create`.

    Raises:
        DatasetError: `dataset-class-too-small`; nothing is written then.
    """
    split = split_settings(get(dataset.id))

    def grown(rows: pd.DataFrame) -> pd.DataFrame:
        new = added[~added["sha256"].isin(rows["sha256"])]
        new = new.assign(path=_untaken(new["path"], set(rows["path"])), group_name=new.get("group_name", ""))
        everything = pd.concat([rows.assign(kept=rows["split"]), new.assign(kept="")], ignore_index=True)
        both = pd.concat([likenesses(dataset), alike[LIKENESSES]], ignore_index=True)
        return everything.assign(split=_divided(everything, both, split))

    with database.database().begin() as connection:
        _insert_pictures(connection, pictures, alike)
        _insert(connection, database.remarks.insert(), remarks[REMARKS].assign(dataset_id=dataset.id))
    return _new_version(dataset, grown, f"{len(added):,} pictures added", split)


def _untaken(paths: pd.Series, taken: set[str]) -> list[str]:
    """Each path, with a number where it is taken by another picture: `roses/1.jpg`, `roses/1 (2).jpg`."""
    found = []
    for path in paths:
        stem, dot, suffix = path.rpartition(".") if "." in path.rpartition("/")[2] else (path, "", "")
        number, name = 1, path
        while name in taken:
            number += 1
            name = f"{stem} ({number}){dot}{suffix}"
        taken.add(name)
        found.append(name)
    return found


def _divided(members: pd.DataFrame, alike: pd.DataFrame, split: SplitSettings) -> pd.Series:
    """A split for each row; `members` has the columns sha256, path, class_name, group_name, perhaps given_split."""
    named = grouping.named(members, split.group_by, split.group_pattern)
    return splits.stratified(members.assign(together=grouping.together(members, alike, named)), split)


def _write_version(
    connection: sa.Connection,
    dataset: Dataset,
    members: pd.DataFrame,
    reason: str,
    split: SplitSettings,
    parent: int | None = None,
) -> None:
    connection.execute(
        database.dataset_versions.insert().values(
            dataset_id=dataset.id,
            version=dataset.version,
            created_at=time.time(),
            reason=reason,
            split=split.model_dump_json(),
            parent=parent,
        )
    )
    rows = members[ROW].assign(group_name=members.get("group_name", ""))
    _insert(connection, database.members.insert(), rows.assign(dataset_id=dataset.id, version=dataset.version))


def _keep_again(connection: sa.Connection, dataset: Dataset) -> None:
    """Of pictures that were erased once and came again, forget that they were.

    Raises:
        DatasetError: `picture-erased`, when the bytes were erased after this upload had found them in their place.
    """
    table, members = database.pictures, database.members
    own = sa.select(members.c.sha256).where(members.c.dataset_id == dataset.id, members.c.version == dataset.version)
    again = sa.and_(table.c.erased_at.is_not(None), table.c.sha256.in_(own))
    for sha256 in connection.scalars(sa.select(table.c.sha256).where(again)).all():
        if not picture_path(sha256).is_file():
            raise DatasetError(
                "picture-erased", "A picture was deleted for good while it was being added. Add the pictures once more."
            )
    connection.execute(table.update().where(again).values(erased_at=None))


def _insert(connection: sa.Connection, statement: Any, rows: pd.DataFrame) -> None:
    for start in range(0, len(rows), ROWS_AT_ONCE):
        connection.execute(statement, rows.iloc[start : start + ROWS_AT_ONCE].to_dict("records"))


def _nulls(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows whose missing values are NULL in every database; as NaN they would be numbers."""
    values = rows.astype(object)
    return values.where(values.notna(), None)


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
        return pd.DataFrame(_rows(connection, query), columns=columns)


def _rows(connection: sa.Connection, query: sa.Select) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in connection.execute(query)]


def members(dataset: Dataset) -> pd.DataFrame:
    """The pictures of this version: path, sha256, class_name, split, width, height, format, mode, size, brightness."""
    rows = contents.read(dataset.id, dataset.version, MEMBERS)
    if rows is None:
        rows = _frame(_query(dataset, MEMBERS), MEMBERS)
        contents.keep(dataset.id, dataset.version, rows)
    return rows


def looks(dataset: Dataset) -> pd.DataFrame:
    """The pictures of this version with all that was measured of them: columns of `members`, and `LOOKS`."""
    columns = list(dict.fromkeys([*MEMBERS, *LOOKS]))
    return _frame(_query(dataset, columns), columns)


def _query(dataset: Dataset, columns: list[str]) -> sa.Select:
    table, pictures = database.members, database.pictures
    return (
        sa.select(*(table.c[name] if name in table.c else pictures.c[name] for name in columns))
        .join(pictures, pictures.c.sha256 == table.c.sha256)
        .where(table.c.dataset_id == dataset.id, table.c.version == dataset.version)
        .order_by(_by_letter(table.c.class_name), _by_letter(table.c.path))
    )


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
    """A new version, the newest one divided anew; the old ones are untouched."""

    def divide(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(split=_divided(rows, likenesses(dataset), split))

    return _new_version(dataset, divide, DIVIDED_ANEW, split)


def leaks(dataset: Dataset) -> tuple[int, int]:
    """How many pairs that belong together stand on two sides: as a division blind to them would have it, and here."""
    settings, rows, alike = split_settings(dataset), _frame(_query(dataset, STANDING), STANDING), likenesses(dataset)
    named = grouping.named(rows, settings.group_by, settings.group_pattern)
    blind = splits.stratified(rows, settings.model_copy(update={"use_given": False}))
    return grouping.leaked(rows, alike, named, blind), grouping.leaked(rows, alike, named, rows["split"])


def group_sizes(dataset: Dataset, by: grouping.Named, pattern: str) -> pd.Series:
    """Pictures of each group that has two or more, the largest first; see `grouping.named`."""
    columns = ["path", "group_name"]
    named = grouping.named(_frame(_query(dataset, columns), columns), by, pattern)
    sizes = named[named != ""].value_counts()
    return sizes[sizes > 1]


def add_likenesses(dataset: Dataset, alike: pd.DataFrame) -> int:
    """Write pairs that were found later, columns `LIKENESSES`; returns how many were not known."""
    known = likenesses(dataset)[LIKENESSES[:2]].apply(tuple, axis="columns")
    new = alike[~alike[LIKENESSES[:2]].apply(tuple, axis="columns").isin(set(known))] if len(alike) else alike
    with database.database().begin() as connection:
        _insert(connection, database.insert_or_ignore(connection, database.likenesses), new[LIKENESSES])
    return len(new)


def likenesses(dataset: Dataset) -> pd.DataFrame:
    """Pairs of pictures of any version that look alike: sha256_a, sha256_b, similarity (0..1)."""
    table, mine = database.likenesses, database.members
    here = sa.select(mine.c.sha256).where(mine.c.dataset_id == dataset.id)
    query = sa.select(*(table.c[name] for name in LIKENESSES)).where(
        table.c.sha256_a.in_(here), table.c.sha256_b.in_(here)
    )
    return _frame(query, LIKENESSES)


def resplit_as_given(dataset: Dataset, table: pd.DataFrame) -> Dataset:
    """A new version, the newest one divided as a table with columns path and split says.

    Raises:
        DatasetError: `split-file-columns`, `split-file-duplicate`, `split-file-name`, `split-file-unknown`,
            `split-file-missing`, `split-file-incomplete`.
    """
    return _new_version(dataset, lambda rows: rows.assign(split=splits.as_given(rows, table)), GIVEN, SplitSettings())


def _new_version(
    dataset: Dataset, change: Callable[[pd.DataFrame], pd.DataFrame], reason: str, split: SplitSettings
) -> Dataset:
    """A version after the newest one, as what changes its rows (columns `STANDING`) returns them."""
    versions = database.dataset_versions
    with database.database().begin() as connection:
        wait_for_others(connection, dataset)
        query = sa.select(sa.func.max(versions.c.version)).where(versions.c.dataset_id == dataset.id)
        newest = replace(dataset, version=connection.scalar(query) or dataset.version)
        new = replace(dataset, version=newest.version + 1)
        # What another tab corrected meanwhile is in it.
        rows = pd.DataFrame(_rows(connection, _query(newest, STANDING)), columns=STANDING)
        _write_version(connection, new, change(rows), reason, split, newest.version)
        _keep_again(connection, new)
    return new


def wait_for_others(connection: sa.Connection, dataset: Dataset) -> None:
    """Two tabs may change a dataset at once; each takes its own number, so one waits until the other has written.

    The first statement of a transaction that makes a version.
    """
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


def as_it_came(dataset: Dataset) -> bool:
    """Whether every picture of this version has the split that its folder or its label file named."""
    table = database.members
    parted = sa.select(table.c.path).where(
        table.c.dataset_id == dataset.id,
        table.c.version == dataset.version,
        table.c.given_split != table.c.split,
    )
    with database.database().connect() as connection:
        return connection.execute(parted.limit(1)).first() is None


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
    """Where the thumbnail of an accepted picture lies; raises as `picture_path`."""
    path = workspace("thumbnails", _checked(sha256)[:2], f"{sha256}.jpg")
    before = path.with_suffix(".webp")  # what was written until they became JPEG
    return before if before.exists() else path


def _checked(sha256: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise DatasetError("picture-unknown", f"A picture is named by 64 hexadecimal digits; received '{sha256[:80]}'.")
    return sha256
