"""The pictures of a large dataset version as one file: read in a tenth of a second, where the database takes half.

A version never changes, so the file cannot become wrong; without it, or with a damaged one, the database is asked.
"""

from contextlib import suppress
from pathlib import Path

import pandas as pd

from dashboard.core import files
from dashboard.core.settings import settings

MANY = 20_000  # pictures; of fewer the database tells as soon


def read(dataset_id: str, version: int, columns: list[str]) -> pd.DataFrame | None:
    """What `keep` kept; None where there is nothing whole of these columns."""
    with suppress(OSError, ValueError):  # what pyarrow raises of a damaged file is one of the two
        found = pd.read_parquet(_path(dataset_id, version))
        if list(found.columns) == columns:
            return found
    return None


def keep(dataset_id: str, version: int, rows: pd.DataFrame) -> None:
    """Keep the rows of a version of `MANY` pictures or more, unless a later one is kept; those of earlier ones go."""
    path = _path(dataset_id, version)
    others = [other for other in path.parent.glob(f"{dataset_id}-*.parquet") if other != path]
    if len(rows) < MANY or any(_version(other) > version for other in others):
        return
    with suppress(OSError):  # a full disk: the database has it all
        with files.replacing(path) as aside:
            rows.to_parquet(aside, index=False)
        for other in others:
            other.unlink(missing_ok=True)


def _version(path: Path) -> int:
    return int(path.stem.rpartition("-")[2])


def _path(dataset_id: str, version: int) -> Path:
    return settings().absolute_workspace / "cache" / "members" / f"{dataset_id}-{version}.parquet"
