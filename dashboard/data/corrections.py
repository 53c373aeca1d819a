"""Corrections of a dataset: each makes a new version of the newest one, whatever version its caller last saw.

Earlier versions stay as they are, and with them the runs that were made on them. What a version was made for is its
line in the log; its `parent` is the version that `undo` goes back to.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from dashboard.core import database
from dashboard.core.errors import DatasetError
from dashboard.data import datasets, drafts
from dashboard.data.datasets import Dataset
from dashboard.data.drafts import Draft, in_parts, so_many

table, versions, pictures = database.members, database.dataset_versions, database.pictures


@dataclass(frozen=True)
class Correction:
    """What became of a dataset: its new version, and a sentence that names classes as they are."""

    dataset: Dataset
    sentence: str


def move(dataset: Dataset, paths: Sequence[str], class_name: str) -> Correction:
    """Give pictures another class, one that is there or a new one. Each keeps its split.

    Raises:
        DatasetError: `class-name`, `correction-empty`, `dataset-class-too-small`, `dataset-one-class`. Nothing is
            changed then; so with all corrections.
    """

    def edit(draft: Draft) -> str:
        name = draft.named(class_name)
        there = _at(paths, lambda part: draft.count(table.c.path.in_(part)))
        to_move = table.c.class_name != name
        moved = _at(paths, lambda part: draft.change(table.c.path.in_(part), to_move, class_name=name))
        if not moved:
            raise _empty(f"The pictures are in '{name}' already" if there else _gone(paths, there))
        return f"{so_many(moved)} moved to '{name}'" + _some_gone(paths, there)

    return _correct(dataset, edit)


def leave_out(dataset: Dataset, paths: Sequence[str]) -> Correction:
    """Take pictures out of the dataset; `put_back` knows them. Raises as `move`."""

    def edit(draft: Draft) -> str:
        removed = _at(paths, lambda part: draft.remove(table.c.path.in_(part)))
        if not removed:
            raise _empty(_gone(paths, removed))
        return f"{so_many(removed)} left out" + _some_gone(paths, removed)

    return _correct(dataset, edit)


def put_back(dataset: Dataset, paths: Sequence[str], class_name: str = "") -> Correction:
    """Take pictures in again that were left out: as they were last, or in another class. Raises as `move`."""

    def edit(draft: Draft) -> str:
        name = draft.named(class_name) if class_name else ""
        added = _at(paths, lambda part: _take_in(draft, part, name))
        if not added:
            raise _empty("None of the pictures can be put back: they are in the dataset, or were deleted for good")
        others = len(set(paths)) - added
        why = f"; {others:,} could not be: it is in the dataset, or was deleted for good" if others else ""
        return f"{so_many(added)} put back" + (f" into '{name}'" if name else "") + why

    return _correct(dataset, edit)


def rename_class(dataset: Dataset, old: str, new: str) -> Correction:
    """Call a class otherwise. Raises as `move`, and `class-unknown`, `class-exists`."""

    def edit(draft: Draft) -> str:
        _refuse_unknown(draft, [old])
        name = draft.named(new)
        if name == old:
            raise _empty(f"The class is called '{old}' already")
        if draft.count(table.c.class_name == name):
            raise DatasetError("class-exists", f"There is a class '{name}' already. Merge the two, or choose a name.")
        draft.change(table.c.class_name == old, class_name=name)
        return f"Class '{old}' renamed to '{name}'"

    return _correct(dataset, edit)


def merge_classes(dataset: Dataset, names: Sequence[str], into: str) -> Correction:
    """Make one class of several; `into` is one of them, another one, or new. Raises as `move`, and `class-unknown`."""

    def edit(draft: Draft) -> str:
        _refuse_unknown(draft, names)
        name = draft.named(into)
        merged = [each for each in dict.fromkeys(names) if each != name]
        if not merged:
            raise _empty("Choose at least one class to merge into another one")
        moved = sum(draft.change(table.c.class_name == each, class_name=name) for each in merged)
        listed = ", ".join(f"'{each}'" for each in merged)
        return f"{listed} merged into '{name}', {so_many(moved)}"

    return _correct(dataset, edit)


def undo(dataset: Dataset) -> Correction:
    """Make a version that equals the parent of the newest one; its own parent is the parent's, so that undo goes on.

    What was erased in between stays erased.

    Raises:
        DatasetError: `undo-nothing`, or `undo-other-change` when the newest version is not the one the caller saw.
    """
    with changing(dataset) as (connection, newest, parent):
        if newest != dataset.version:
            raise DatasetError(
                "undo-other-change",
                f"Meanwhile something else was changed: {_reason(connection, dataset, newest)}. "
                "Look at the dataset as it is now, then undo.",
            )
        if parent is None:
            raise DatasetError(
                "undo-nothing", "There is nothing to undo: no change of this dataset is left to take back."
            )
        before = _parent(connection, dataset, parent)
        draft = drafts.begin(connection, dataset, of=parent, before=newest, parent=before)
        if draft.by_class(draft.dataset.version) != draft.by_class(parent):  # something was erased meanwhile
            drafts.judge(draft)
        reason = f"Undone: {_reason(connection, dataset, parent + 1)}"  # a change is written right after its parent
        drafts.finish(draft, reason)
    return _done(draft, reason)


@contextmanager
def changing(dataset: Dataset) -> Iterator[tuple[sa.Connection, int, int | None]]:
    """A transaction in which nobody else makes a version; with it the newest version and its parent."""
    datasets.get(dataset.id)
    with database.database().begin() as connection:
        datasets.wait_for_others(connection, dataset)
        yield connection, *drafts.newest(connection, dataset)


def _correct(dataset: Dataset, edit: Callable[[Draft], str]) -> Correction:
    with changing(dataset) as (connection, newest, _):
        draft = drafts.begin(connection, dataset, of=newest, before=newest, parent=newest)
        reason = edit(draft)
        drafts.judge(draft)
        drafts.finish(draft, reason)
    return _done(draft, reason)


def _done(draft: Draft, reason: str) -> Correction:
    return Correction(draft.dataset, f"{reason}. Version {draft.dataset.version}.")


def _take_in(draft: Draft, paths: list[str], class_name: str) -> int:
    """Insert rows of earlier versions for paths, and pictures, that the draft lacks; returns how many."""
    of_dataset = sa.select(versions.c.version).where(
        versions.c.dataset_id == draft.dataset.id, versions.c.version < draft.dataset.version
    )
    last = (
        sa.select(table.c.path, sa.func.max(table.c.version).label("version"))
        .where(table.c.dataset_id == draft.dataset.id, table.c.version.in_(of_dataset), table.c.path.in_(paths))
        .group_by(table.c.path)
        .subquery()
    )
    query = (
        sa.select(*(table.c[name] for name in drafts.COPIED))
        .join(last, sa.and_(last.c.path == table.c.path, last.c.version == table.c.version))
        .join(pictures, pictures.c.sha256 == table.c.sha256)
        .where(table.c.dataset_id == draft.dataset.id, pictures.c.erased_at.is_(None))
    )
    rows = [dict(row) for row in draft.connection.execute(query).mappings()]
    there = draft.present(table.c.path, paths)
    twins = draft.present(table.c.sha256, [row["sha256"] for row in rows])  # a picture has one class
    own = {"dataset_id": draft.dataset.id, "version": draft.dataset.version}
    own |= {"class_name": class_name} if class_name else {}
    new = [{**row, **own} for row in rows if row["sha256"] not in twins and row["path"] not in there]
    if new:
        draft.connection.execute(table.insert(), new)
    return len(new)


def _at(paths: Sequence[str], work: Callable[[list[str]], int]) -> int:
    return sum(work(part) for part in in_parts(paths))


def _parent(connection: sa.Connection, dataset: Dataset, version: int) -> int | None:
    query = sa.select(versions.c.parent).where(versions.c.dataset_id == dataset.id, versions.c.version == version)
    found: int | None = connection.scalar(query)
    return found


def _reason(connection: sa.Connection, dataset: Dataset, version: int) -> str:
    query = sa.select(versions.c.reason).where(versions.c.dataset_id == dataset.id, versions.c.version == version)
    return connection.scalar(query) or "an earlier change"


def _refuse_unknown(draft: Draft, names: Sequence[str]) -> None:
    there = set(draft.class_names())
    for name in names:
        if name not in there:
            raise DatasetError(
                "class-unknown", f"There is no class '{name}' any more. Look at the classes as they are."
            )


def _empty(what: str) -> DatasetError:
    return DatasetError("correction-empty", f"{what}. Nothing was changed.")


def _gone(paths: Sequence[str], there: int) -> str:
    number = len(set(paths)) - there
    if not number:
        return "No picture was chosen"
    return f"{so_many(number)} {'was' if number == 1 else 'were'} no longer there"


def _some_gone(paths: Sequence[str], there: int) -> str:
    return f"; {_gone(paths, there)}" if there < len(set(paths)) else ""
