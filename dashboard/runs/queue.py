"""Rows of runs: who waits, who runs, how it ended. The one place that changes a status."""

import secrets
import time
from typing import Any

import pandas as pd
import sqlalchemy as sa

from dashboard.core.database import database
from dashboard.core.database import runs as table
from dashboard.core.errors import RunError
from dashboard.core.recipe import Recipe
from dashboard.data import datasets, weights
from dashboard.runs import lease, status
from dashboard.runs.run import Run, open_run, prepare
from dashboard.runs.status import Status

DEVICE = "cpu"  # one active run a device; a machine with a GPU will be another row here


def enqueue(recipe: Recipe, *, name: str = "") -> Run:
    """Add a run to the queue: first its directory, then its row, so that a row never lacks its directory.

    Raises:
        DatasetError: the dataset or its version does not exist.
        WeightsError: the backbone's weights are not on this machine.
    """
    dataset = datasets.get(recipe.dataset, recipe.dataset_version)
    weights.require(recipe)
    run_id = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(3)}"
    run = prepare(run_id, recipe, datasets.members(dataset))
    with database().begin() as connection:
        connection.execute(
            table.insert().values(
                id=run_id,
                name=name or f"{recipe.network_name} on {dataset.name}",
                dataset_id=dataset.id,
                dataset_version=dataset.version,
                device=DEVICE,
                status=status.QUEUED,
                message="",
                created_at=time.time(),
            )
        )
    return run


def row(run_id: str) -> dict[str, Any]:
    """The row of a run, columns of the table `runs`.

    Raises:
        RunError: there is no such run.
    """
    with database().connect() as connection:
        found = connection.execute(sa.select(table).where(table.c.id == run_id)).mappings().first()
    if found is None:
        raise RunError("run-unknown", f"There is no run '{run_id}' in this workspace.")
    return dict(found)


def find(text: str) -> dict[str, Any]:
    """The row of the run with this id or number.

    Raises:
        RunError: there is no such run.
    """
    if text.isascii() and text.isdigit():
        with database().connect() as connection:
            found = connection.execute(sa.select(table).where(table.c.number == int(text))).mappings().first()
        if found is not None:
            return dict(found)
    return row(text)


def listing() -> pd.DataFrame:
    """All runs, newest first, columns of the table `runs`."""
    with database().connect() as connection:
        rows = connection.execute(sa.select(table).order_by(table.c.number.desc())).mappings().all()
    return pd.DataFrame([dict(each) for each in rows], columns=[column.name for column in table.columns])


def change(run_id: str, to: Status, *, only_from: tuple[Status, ...], **values: Any) -> bool:
    """Move a run to another status if it is in one of `only_from`; returns whether it did."""
    with database().begin() as connection:
        result = connection.execute(
            table.update().where(table.c.id == run_id, table.c.status.in_(only_from)).values(status=to, **values)
        )
    return bool(result.rowcount)


def record_accuracy(run_id: str, *, validation: float, test: float | None) -> None:
    """Keep the figures of the whole model beside the run's name, for tables."""
    with database().begin() as connection:
        connection.execute(
            table.update().where(table.c.id == run_id).values(validation_accuracy=validation, test_accuracy=test)
        )


def claim(device: str = DEVICE) -> Run | None:
    """Make the oldest queued run of a device the running one; None when there is none or one runs already."""
    with database().connect() as connection:
        oldest = connection.scalar(
            sa.select(table.c.id)
            .where(table.c.device == device, table.c.status == status.QUEUED)
            .order_by(table.c.number)
            .limit(1)
        )
    if oldest is None:
        return None
    try:
        won = change(oldest, status.RUNNING, only_from=(status.QUEUED,), started_at=time.time(), message="")
    except sa.exc.IntegrityError:  # another run of this device is active: the partial index says no
        return None
    return open_run(oldest) if won else None


def take(run_id: str) -> None:
    """Make a run the running one, for the worker that holds its lease: whatever the row said, it runs."""
    change(run_id, status.RUNNING, only_from=(status.QUEUED, status.INTERRUPTED), ended_at=None, message="")


def request_stop(run_id: str) -> None:
    """Ask a run to end: a queued one at once, a running one after its batch.

    Raises:
        RunError: the run is over already.
    """
    run = open_run(run_id)
    if change(
        run_id, status.STOPPED, only_from=(status.QUEUED,), ended_at=time.time(), message="Stopped before it began."
    ):
        return
    run.request_stop()
    if not change(run_id, status.STOPPING, only_from=(status.RUNNING, status.STOPPING)):
        run.withdraw_stop()
        raise RunError("run-over", f"Run '{run_id}' is {row(run_id)['status']}; only a run under way can be stopped.")


def resume(run_id: str) -> None:
    """Put an interrupted or failed run back into the queue; it goes on after its last checkpoint.

    Raises:
        RunError: the run is in another state.
    """
    open_run(run_id).withdraw_stop()
    if not change(run_id, status.QUEUED, only_from=status.RESUMABLE, ended_at=None, message=""):
        raise RunError(
            "run-not-resumable",
            f"Run '{run_id}' is {row(run_id)['status']}; only an interrupted or failed run can be resumed.",
        )


def reconcile() -> None:
    """Make every active row without a live worker `interrupted`. The lease decides, never a process id."""
    active = listing().query("status in @status.UNDER_WAY and status != @status.QUEUED")
    for run_id, started in zip(active["id"], active["started_at"], strict=True):
        just_claimed = (
            time.time() - started < 10
        )  # a supervisor claims the row a moment before its worker takes the lease
        if not just_claimed and not lease.is_held(open_run(run_id).lease_path):
            change(
                run_id,
                status.INTERRUPTED,
                only_from=(status.RUNNING, status.STOPPING),
                ended_at=time.time(),
                message="The training process ended without a word. Resume goes on after its last saved epoch.",
            )
