"""What became of a dataset over its versions: the log, and the pictures that were left behind."""

from functools import lru_cache

import pandas as pd
import sqlalchemy as sa

from dashboard.core import database
from dashboard.data.datasets import Dataset

LOG = ["version", "created_at", "reason", "pictures", "classes"]
LEFT_OUT = ["path", "sha256", "class_name", "split", "version"]
table, versions, pictures = database.members, database.dataset_versions, database.pictures


def log(dataset: Dataset, most: int | None = None) -> pd.DataFrame:
    """Versions, the newest first, or the newest few of them.

    Returns:
        Columns version, created_at (seconds since 1970), reason (what was done), pictures, classes.
    """
    query = (
        sa.select(versions.c.version, versions.c.created_at, versions.c.reason)
        .where(versions.c.dataset_id == dataset.id)
        .order_by(versions.c.version.desc())
        .limit(most)
    )
    with database.database().connect() as connection:
        rows = [tuple(row) for row in connection.execute(query)]
    return pd.DataFrame([(*row, *_size(dataset.id, row[0])) for row in rows], columns=LOG)


@lru_cache(maxsize=4096)
def _size(dataset_id: str, version: int) -> tuple[int, int]:
    """Pictures and classes of a version; it never changes."""
    query = sa.select(sa.func.count(), sa.func.count(table.c.class_name.distinct())).where(
        table.c.dataset_id == dataset_id, table.c.version == version
    )
    with database.database().connect() as connection:
        images, classes = connection.execute(query).one()
    return images, classes


def left_out(dataset: Dataset) -> pd.DataFrame:
    """Pictures of earlier versions that are not in this one and can be put back, as they were last.

    Returns:
        Columns `LEFT_OUT`; `version` is the last one they were in. In the order of paths.
    """
    now = table.alias()
    here = sa.and_(now.c.dataset_id == dataset.id, now.c.version == dataset.version, now.c.path == table.c.path)
    query = (
        sa.select(*(table.c[name] for name in LEFT_OUT))
        .join(pictures, pictures.c.sha256 == table.c.sha256)
        .where(table.c.dataset_id == dataset.id, table.c.version < dataset.version, pictures.c.erased_at.is_(None))
        .where(~sa.exists().where(here))
        .order_by(table.c.version)
    )
    with database.database().connect() as connection:
        rows = pd.DataFrame([tuple(row) for row in connection.execute(query)], columns=LEFT_OUT)
    return rows.drop_duplicates("path", keep="last").sort_values("path", ignore_index=True)


def can_undo(dataset: Dataset) -> bool:
    """Whether a change is left that this version can take back."""
    query = sa.select(versions.c.parent).where(
        versions.c.dataset_id == dataset.id, versions.c.version == dataset.version
    )
    with database.database().connect() as connection:
        return connection.scalar(query) is not None
