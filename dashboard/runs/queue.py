"""Rows of runs: who waits, who runs, how it ended. The one place that changes a status."""

import secrets
import shutil
import time
from typing import Any

import pandas as pd
import sqlalchemy as sa

from dashboard.core import lease
from dashboard.core.database import ACTIVE, database, insert_or_ignore
from dashboard.core.database import datasets as datasets_table
from dashboard.core.database import runs as table
from dashboard.core.errors import AlreadyUnderWay, RunError
from dashboard.core.recipe import Recipe
from dashboard.core.steering import MORE_EPOCHS
from dashboard.data import datasets, weights
from dashboard.runs import checkpoints, status, steering
from dashboard.runs.run import ELSEWHERE, Run, open_run, prepare
from dashboard.runs.status import Status

START = 10.0  # seconds a worker may take to its lease
DEVICE = "cpu"  # one active run a device; a machine with a GPU will be another row here


def enqueue(recipe: Recipe, *, name: str = "") -> Run:
    """Add a run to the queue: first its directory, then its row, so that a row never lacks its directory.

    Raises:
        DatasetError: the dataset or its version does not exist.
        WeightsError: the backbone's weights are not on this machine, or the head to be kept has other classes.
        AlreadyUnderWay: a run of the same recipe waits or trains already.
    """
    _refuse_twin(recipe)
    dataset = datasets.get(recipe.dataset, recipe.dataset_version)
    weights.require(recipe)
    members = datasets.members(dataset)
    weights.require_head(recipe, list(members["class_name"].unique()))
    run_id = new_id()
    run = prepare(run_id, recipe, members)
    values = {
        "id": run_id,
        "name": name or f"{recipe.network_name} on {dataset.name}",
        "dataset_id": dataset.id,
        "dataset_version": dataset.version,
        "device": DEVICE,
        "status": status.QUEUED,
        "message": "",
        "created_at": time.time(),
        "position": _last_position(),
        "recipe_digest": recipe.digest,
    }
    try:
        with database().begin() as connection:
            connection.execute(table.insert().values(**values))
    except sa.exc.IntegrityError:  # another tab was faster: the partial index says no
        shutil.rmtree(run.path)
        _refuse_twin(recipe)
        raise
    return run


def new_id() -> str:
    """The id of a new run: when it was made, UTC, and six digits that tell twins apart."""
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(3)}"


def record_brought(run: Run, name: str, message: str) -> None:
    """Add the row of a finished run that was trained on another machine, with the accuracies it came with.

    Its pictures are in no dataset of this workspace; a row that is in no list stands in their place.
    """
    report, now = run.report(), time.time()
    elsewhere = {"id": ELSEWHERE, "name": "another machine", "created_at": now, "deleted_at": now}
    values = {
        "id": run.id,
        "name": name,
        "dataset_id": ELSEWHERE,
        "dataset_version": 1,
        "device": DEVICE,
        "status": status.FINISHED,
        "message": message,
        "created_at": now,
        "started_at": now,
        "ended_at": now,
        "validation_accuracy": report.get("validation_accuracy"),
        "test_accuracy": report.get("test_accuracy"),
        "recipe_digest": run.recipe.digest,
    }
    with database().begin() as connection:
        connection.execute(insert_or_ignore(connection, datasets_table).values(**elsewhere))
        connection.execute(table.insert().values(**values))


def _refuse_twin(recipe: Recipe) -> None:
    """
    Raises:
        AlreadyUnderWay: a run of the same recipe waits or trains already.
    """
    same = sa.select(table.c.id, table.c.number).where(
        table.c.recipe_digest == recipe.digest, table.c.status.in_(status.UNDER_WAY)
    )
    with database().connect() as connection:
        found = connection.execute(same).first()
    if found is not None:
        raise AlreadyUnderWay(found.id, found.number)


def _last_position() -> sa.ScalarSelect[int]:
    """The place behind all that wait; worked out by the statement that takes it."""
    ahead = table.alias()
    return sa.select(sa.func.coalesce(sa.func.max(ahead.c.position), 0) + 1).scalar_subquery()


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
    """Make the first queued run of a device the running one; None when there is none or one runs already."""
    with database().connect() as connection:
        first = connection.scalar(_waiting(table.c.id).where(table.c.device == device).limit(1))
    if first is None:
        return None
    try:
        won = change(first, status.RUNNING, only_from=(status.QUEUED,), started_at=time.time(), message="")
    except sa.exc.IntegrityError:  # another run of this device is active: the partial index says no
        return None
    return open_run(first) if won else None


def _waiting(*columns: sa.Column[Any]) -> sa.Select[Any]:
    """Those that wait, in the order in which they will be taken."""
    return sa.select(*columns).where(table.c.status == status.QUEUED).order_by(table.c.position, table.c.number)


def waiting() -> list[str]:
    """Ids of the runs that wait, the next one first."""
    with database().connect() as connection:
        return list(connection.scalars(_waiting(table.c.id)))


def move_up(run_id: str) -> None:
    """Let a waiting run change places with the one before it; nothing happens to the first one.

    Raises:
        RunError: the run does not wait.
    """
    with database().begin() as connection:
        rows = connection.execute(_waiting(table.c.id, table.c.position)).all()
        at = next((index for index, each in enumerate(rows) if each.id == run_id), None)
        if at is None:
            raise RunError("run-not-waiting", f"Run '{run_id}' does not wait; only a run in the queue can be moved.")
        if not at:
            return
        order = [each.id for each in rows]
        order[at - 1], order[at] = order[at], order[at - 1]
        # All of them anew: two that were added at the same moment share a place.
        for position, each in enumerate(order, start=min(row.position or 0 for row in rows)):
            connection.execute(table.update().where(table.c.id == each).values(position=position))


def take(run_id: str) -> None:
    """Make a run the running one, for the worker that holds its lease: whatever the row said, it runs."""
    free = (status.QUEUED, status.PAUSED, status.INTERRUPTED)
    began = sa.func.coalesce(table.c.started_at, time.time())
    change(run_id, status.RUNNING, only_from=free, started_at=began, ended_at=None, message="")


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


def request_pause(run_id: str) -> None:
    """Ask a run to give processor and memory back: a queued one at once, a running one after its batch.

    Raises:
        RunError: the run is not under way.
    """
    text = "Paused before it began."
    if change(run_id, status.PAUSED, only_from=(status.QUEUED,), message=text):
        return
    if row(run_id)["status"] != status.RUNNING:
        raise RunError("run-over", f"Run '{run_id}' is {row(run_id)['status']}; only a run under way can be paused.")
    open_run(run_id).request_pause()


def resume(run_id: str) -> None:
    """Put a paused, stopped, interrupted or failed run back into the queue; it goes on after its last checkpoint.

    Raises:
        RunError: the run is in another state.
        AlreadyUnderWay: a run of the same recipe waits or trains already.
    """
    _queue_again(run_id, status.RESUMABLE)


def extend(run_id: str, epochs: int) -> None:
    """Let a run that has ended train on, with its optimizer's state, from the weights of its last epoch.

    Args:
        run_id: of a finished or stopped run.
        epochs: how many more, 1..1000, at the most: early stopping has the last word.

    Raises:
        RunError: the run is in another state, or its checkpoints are gone.
        AlreadyUnderWay: a run of the same recipe waits or trains already.
    """
    run = open_run(run_id)
    if not checkpoints.epochs(run.path):
        raise RunError("run-checkpoints-gone", f"Run '{run_id}' has no checkpoint left to go on from. Start a new run.")
    if row(run_id)["status"] not in status.WITH_MODEL:
        raise RunError(
            "run-not-over", f"Run '{run_id}' is {row(run_id)['status']}; only an ended run can train longer."
        )
    steering.ask(run, MORE_EPOCHS, epochs)
    _queue_again(run_id, status.WITH_MODEL)


def _queue_again(run_id: str, only_from: tuple[Status, ...]) -> None:
    run = open_run(run_id)
    run.withdraw_stop()
    run.withdraw_pause()
    values = {"ended_at": None, "message": "", "position": _last_position()}
    try:
        changed = change(run_id, status.QUEUED, only_from=only_from, **values)
    except sa.exc.IntegrityError:  # the partial index says no
        _refuse_twin(run.recipe)
        raise
    if not changed:
        raise RunError(
            "run-not-resumable",
            f"Run '{run_id}' is {row(run_id)['status']}; only one of these can go on: {', '.join(only_from)}.",
        )


def active(device: str = DEVICE) -> Run | None:
    """The run that a live worker is at on a device; None where there is none."""
    with database().connect() as connection:
        found = connection.scalar(sa.select(table.c.id).where(table.c.device == device, table.c.status.in_(ACTIVE)))
    run = open_run(found) if found else None
    return run if run and lease.is_held(run.lease_path) else None


def last_saved(run: Run) -> str:
    """From where a run would go on, as a sentence."""
    saved = next(iter(checkpoints.epochs(run.path)), 0)
    return (
        f"Last saved: epoch {saved}; it can go on from there." if saved else "No epoch was saved; it would begin anew."
    )


def reconcile() -> None:
    """Make every active row without a live worker `interrupted`. The lease decides, never a process id."""
    active = listing().query("status in @status.UNDER_WAY and status != @status.QUEUED")
    for run_id, started in zip(active["id"], active["started_at"], strict=True):
        path = open_run(run_id).lease_path
        # A supervisor claims the row a moment before its worker takes the lease.
        on_its_way = time.time() - started < START and lease.last_taken(path) < started
        if not on_its_way and not lease.is_held(path):
            change(
                run_id,
                status.INTERRUPTED,
                only_from=(status.RUNNING, status.STOPPING),
                ended_at=time.time(),
                message=f"The training process ended without a word. {last_saved(open_run(run_id))}",
            )
