"""Pictures deleted for good, because somebody withdrew their consent, say: bytes and thumbnail, whoever has them.

They leave the newest version of every dataset that holds them, in a version of their own that cannot be undone. Rows of
earlier versions, manifests and figures of runs stay: they name the picture, and can no longer show it.
"""

import time
from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from dashboard.core import database
from dashboard.core.errors import DatasetError
from dashboard.data import datasets, drafts
from dashboard.data.corrections import Correction, changing, table, versions
from dashboard.data.datasets import IN_USE, Dataset
from dashboard.data.drafts import in_parts, so_many

runs, pictures = database.runs, database.pictures


def loss(dataset: Dataset, paths: Sequence[str]) -> str:
    """What erasing these pictures would take away, in sentences to be confirmed.

    Raises:
        DatasetError: `erase-empty`, `erase-in-use`.
    """
    with database.database().connect() as connection:
        shas = _shas(connection, dataset, paths)
        _refuse_in_use(connection, shas)
        others = [f"'{each.name}'" for each in _holders(connection, shas) if each.id != dataset.id and each.name]
        trained = len(set(_runs(connection, shas)))
    sentences = [f"{so_many(len(shas))} will be deleted from this machine for good: the bytes and the thumbnail."]
    if others:
        sentences.append(f"The same bytes are also in {', '.join(others)}: they are taken out there too.")
    if trained:
        sentences.append(
            f"{trained} ended run{'s' if trained != 1 else ''} used them: models and figures stay, but the pictures "
            "can no longer be shown, nor the runs be resumed or repeated."
        )
    return " ".join([*sentences, "This cannot be undone."])


def erase(dataset: Dataset, paths: Sequence[str]) -> Correction:
    """Delete pictures of this dataset, or that were left out of it, wherever their bytes are in use.

    Args:
        dataset: any version of it.
        paths: as uploaded; in the newest version, or the last one that had them.

    Raises:
        DatasetError: `erase-empty`; `erase-in-use` while a run that waits or trains needs them; `dataset-one-class`,
            `dataset-class-too-small` for any dataset they would leave so. Nothing is deleted then.
    """
    datasets.get(dataset.id)
    with changing(dataset) as (connection, _, _):
        shas = _shas(connection, dataset, paths)
        for part in in_parts(shas):  # whoever adds the same picture at this moment waits, or is among the holders
            connection.execute(sa.select(pictures.c.sha256).where(pictures.c.sha256.in_(part)).with_for_update()).all()
        _refuse_in_use(connection, shas)
        reason = f"{so_many(len(shas))} deleted for good"
        for holder in _holders(connection, shas):
            _take_out(connection, holder, shas, reason)
        for part in in_parts(shas):
            gone = pictures.update().where(pictures.c.sha256.in_(part))
            connection.execute(gone.values(erased_at=time.time()))
        # Last: whatever was refused above has deleted nothing; what fails from here on is done again by asking again.
        for sha256 in shas:
            datasets.picture_path(sha256).unlink(missing_ok=True)
            datasets.thumbnail_path(sha256).unlink(missing_ok=True)
    made = datasets.get(dataset.id)
    return Correction(made, f"{reason}. Version {made.version}.")


def _take_out(connection: sa.Connection, holder: Dataset, shas: list[str], reason: str) -> None:
    if connection.dialect.name != "sqlite":  # there the whole database waits already
        datasets.wait_for_others(connection, holder)
    newest, parent = drafts.newest(connection, holder)
    # Undoing this would bring back nothing: undo goes on with what was changed before.
    draft = drafts.begin(connection, holder, of=newest, before=newest, parent=parent)
    for part in in_parts(shas):
        draft.remove(table.c.sha256.in_(part))
    if holder.name:
        drafts.judge(draft)
    drafts.finish(draft, reason)


def _shas(connection: sa.Connection, dataset: Dataset, paths: Sequence[str]) -> list[str]:
    """Digests of the pictures of these paths, of each as the newest version has it that has it at all."""
    own = sa.select(versions.c.version).where(versions.c.dataset_id == dataset.id)
    found: dict[str, str] = {}
    for part in in_parts(paths):
        query = (
            sa.select(table.c.path, table.c.sha256)
            .where(table.c.dataset_id == dataset.id, table.c.version.in_(own), table.c.path.in_(part))
            .order_by(table.c.version)
        )
        found |= {path: sha256 for path, sha256 in connection.execute(query)}
    if not found:
        raise DatasetError("erase-empty", "No picture was chosen that this dataset has or had. Nothing was deleted.")
    return sorted(set(found.values()))


def _holders(connection: sa.Connection, shas: list[str]) -> list[Dataset]:
    """Datasets whose newest version has one of the pictures; deleted ones, which may come back, without a name."""
    sets = database.datasets
    newest = (
        sa.select(versions.c.dataset_id, sa.func.max(versions.c.version).label("version"))
        .group_by(versions.c.dataset_id)
        .subquery()
    )
    found: dict[str, Dataset] = {}
    for part in in_parts(shas):
        query = (
            sa.select(sets.c.id, sets.c.name, newest.c.version, sets.c.created_at, sets.c.deleted_at)
            .join(newest, newest.c.dataset_id == sets.c.id)
            .join(table, sa.and_(table.c.dataset_id == sets.c.id, table.c.version == newest.c.version))
            .where(table.c.sha256.in_(part))
            .distinct()
        )
        for row in connection.execute(query):
            name = row.name if row.deleted_at is None else ""
            found[row.id] = Dataset(row.id, name, row.version, row.created_at)
    return [found[key] for key in sorted(found)]


def _runs(connection: sa.Connection, shas: list[str], *statuses: str) -> Iterator[str]:
    """Names of runs, of all or of some statuses, whose version of a dataset has one of the pictures."""
    its_version = sa.and_(table.c.dataset_id == runs.c.dataset_id, table.c.version == runs.c.dataset_version)
    for part in in_parts(shas):
        query = sa.select(runs.c.number, runs.c.name).join(table, its_version).where(table.c.sha256.in_(part))
        if statuses:
            query = query.where(runs.c.status.in_(statuses))
        yield from (f"run {number} '{name}'" for number, name in connection.execute(query.distinct()))


def _refuse_in_use(connection: sa.Connection, shas: list[str]) -> None:
    name = next(_runs(connection, shas, *IN_USE), None)
    if name is not None:
        raise DatasetError(
            "erase-in-use",
            f"The pictures are needed by {name}, which waits or trains. Stop it or wait for its end first.",
        )
