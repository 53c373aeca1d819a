"""A version of a dataset while it is written: a copy of an earlier one, corrected inside the database, then judged.

Everything happens in one transaction, so a version is there whole or not at all, and rows never pass through Python:
a correction of ten pictures costs the same whether it is made in a hundred or in a hundred thousand.
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import sqlalchemy as sa

from dashboard.core import database
from dashboard.core.errors import DatasetError
from dashboard.core.limits import LIMITS
from dashboard.data import names, splits
from dashboard.data.datasets import DIVIDED, ROWS_AT_ONCE, Dataset
from dashboard.data.labels import TEST, TRAIN, VALIDATION
from dashboard.data.splits import SplitSettings

table, versions, pictures = database.members, database.dataset_versions, database.pictures
COPIED = [column.name for column in table.columns if column.name not in ("dataset_id", "version")]


@dataclass(frozen=True)
class Draft:
    """The rows of a version that nobody else sees yet. `before` is the version it is judged against."""

    connection: sa.Connection
    dataset: Dataset  # in the version that is being written
    before: int

    def rows(self, *conditions: Any, version: int | None = None) -> Any:
        """The condition that holds for rows of this draft, or of another version of the same dataset."""
        chosen = self.dataset.version if version is None else version
        return sa.and_(table.c.dataset_id == self.dataset.id, table.c.version == chosen, *conditions)

    def change(self, *conditions: Any, **values: Any) -> int:
        """Give columns other values; returns in how many rows."""
        return int(self.connection.execute(table.update().where(self.rows(*conditions)).values(**values)).rowcount)

    def remove(self, *conditions: Any) -> int:
        return int(self.connection.execute(table.delete().where(self.rows(*conditions))).rowcount)

    def count(self, *conditions: Any) -> int:
        return self.connection.scalar(sa.select(sa.func.count()).select_from(table).where(self.rows(*conditions))) or 0

    def present(self, column: sa.Column[str], values: Sequence[str]) -> set[str]:
        """Which of these values the column has."""
        return set(self.connection.scalars(sa.select(column).where(self.rows(column.in_(values)))))

    def split_settings(self) -> SplitSettings:
        of_this = sa.and_(versions.c.dataset_id == self.dataset.id, versions.c.version == self.dataset.version)
        text = self.connection.scalar(sa.select(versions.c.split).where(of_this))
        return SplitSettings.model_validate_json(text or "{}")

    def class_names(self) -> list[str]:
        return sorted(self.by_class(self.dataset.version))

    def by_class(self, version: int) -> dict[str, Counter[str]]:
        """How many pictures of each class are in each split."""
        query = (
            sa.select(table.c.class_name, table.c.split, sa.func.count())
            .where(self.rows(version=version))
            .group_by(table.c.class_name, table.c.split)
        )
        found: dict[str, Counter[str]] = {}
        for class_name, split, number in self.connection.execute(query):
            found.setdefault(class_name, Counter())[split] = number
        return found

    def named(self, class_name: str) -> str:
        """A class as it is to be called: one that is there, letter by letter, or a new name, tidied.

        Raises:
            DatasetError: `class-name`.
        """
        return class_name if self.count(table.c.class_name == class_name) else names.class_name(class_name)


def begin(connection: sa.Connection, dataset: Dataset, *, of: int, before: int, parent: int | None) -> Draft:
    """Copy version `of` of a dataset as its next version; the caller holds the dataset's lock.

    Args:
        connection: in a transaction, after `datasets.wait_for_others`.
        dataset: any version of it.
        of: the version whose rows and split settings are copied; pictures that were erased since are not.
        before: the newest version there is, against which the draft is judged.
        parent: the version that undoing the new one goes back to.
    """
    made = Dataset(dataset.id, dataset.name, before + 1, dataset.created_at)
    split = sa.select(versions.c.split).where(versions.c.dataset_id == dataset.id, versions.c.version == of)
    values = {"dataset_id": made.id, "version": made.version, "created_at": time.time(), "parent": parent}
    connection.execute(versions.insert().values(**values, reason="", split=split.scalar_subquery()))
    erased = sa.select(pictures.c.sha256).where(pictures.c.erased_at.is_not(None))
    rows = sa.select(sa.literal(made.id), sa.literal(made.version), *(table.c[name] for name in COPIED)).where(
        table.c.dataset_id == dataset.id, table.c.version == of
    )
    if of != before:
        rows = rows.where(table.c.sha256.not_in(erased))
    connection.execute(table.insert().from_select(["dataset_id", "version", *COPIED], rows))
    return Draft(connection, made, before)


def finish(draft: Draft, reason: str) -> None:
    """Write the log line of a draft that was judged."""
    this = sa.and_(versions.c.dataset_id == draft.dataset.id, versions.c.version == draft.dataset.version)
    draft.connection.execute(versions.update().where(this).values(reason=reason))


def newest(connection: sa.Connection, dataset: Dataset) -> tuple[int, int | None]:
    """The newest version of a dataset and its parent."""
    query = (
        sa.select(versions.c.version, versions.c.parent)
        .where(versions.c.dataset_id == dataset.id)
        .order_by(versions.c.version.desc())
        .limit(1)
    )
    row = connection.execute(query).one()
    return row.version, row.parent


def judge(draft: Draft) -> None:
    """See that what was corrected can be trained; a class that lacks a split, and no other, is divided anew.

    Raises:
        DatasetError: `dataset-one-class`, `dataset-class-too-small`. The transaction is to be given up then.
    """
    was, now = draft.by_class(draft.before), draft.by_class(draft.dataset.version)
    if len(now) < 2:
        left = f"only the class '{next(iter(now))}'" if now else "no class"
        raise DatasetError(
            "dataset-one-class",
            f"That would leave {left} in '{draft.dataset.name}'; at least 2 classes are needed. Nothing was changed.",
        )
    needed = {TRAIN, VALIDATION} | ({TEST} if all(TEST in each for each in was.values()) else set())
    for class_name, number in now.items():
        if number == was.get(class_name):
            continue
        images, is_new = number.total(), class_name not in was
        if images < LIMITS.images_a_class and (is_new or images < was[class_name].total()):
            raise _too_small(class_name, images, is_new=is_new)
        if needed - set(number):
            _divide(draft, class_name, with_test=TEST in needed)


def _too_small(class_name: str, images: int, *, is_new: bool) -> DatasetError:
    way_out = (
        f"Choose {LIMITS.images_a_class - images} more for it."
        if is_new
        else f"Leave at least {LIMITS.images_a_class} in it, or take all of them: the class then goes with them."
    )
    return DatasetError(
        "dataset-class-too-small",
        f"Class '{class_name}' would have {so_many(images)}; at least {LIMITS.images_a_class} are needed to split it "
        f"into train, validation and test. {way_out} Nothing was changed.",
    )


def _divide(draft: Draft, class_name: str, *, with_test: bool) -> None:
    """Give a class that lacks a split all of them, by the shares of the version."""
    query = sa.select(*(table.c[name] for name in DIVIDED)).where(draft.rows(table.c.class_name == class_name))
    rows = pd.DataFrame([tuple(row) for row in draft.connection.execute(query)], columns=DIVIDED)
    own = draft.split_settings()
    test_share = (own.test_share or SplitSettings().test_share) if with_test else 0.0
    chosen = splits.stratified(rows, own.model_copy(update={"use_given": False, "test_share": test_share}))
    for split, paths in rows["path"].groupby(chosen):
        for part in in_parts(list(paths)):
            draft.change(table.c.path.in_(part), split=split)


def in_parts(values: Sequence[str]) -> Iterator[list[str]]:
    """Each once, as many at a time as a statement may name."""
    once = list(dict.fromkeys(values))
    for start in range(0, len(once), ROWS_AT_ONCE):
        yield once[start : start + ROWS_AT_ONCE]


def so_many(number: int) -> str:
    """`1 picture`, `1,234 pictures`."""
    return f"{number:,} picture{'s' if number != 1 else ''}"
