"""Many real processes that do the same at the same moment."""

import multiprocessing
import multiprocessing.forkserver
import os
from collections.abc import Callable, Iterable
from multiprocessing.synchronize import Barrier
from typing import Any

import sqlalchemy as sa

from dashboard.core import database
from dashboard.core.recipe import Recipe
from dashboard.core.settings import settings
from dashboard.runs import queue
from dashboard.ui import launching


def at_once(processes: int, do: Callable[[Any], Any], jobs: Iterable[Any]) -> list[Any]:
    """What a function of this module gives for each job, in processes that begin when all of them are there.

    They come from one that has imported this module and nothing else, so that they need not import it each.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    try:
        with context.Pool(processes, _begin, [dict(os.environ), context.Barrier(processes)]) as pool:
            return pool.map(do, jobs, chunksize=1)
    finally:
        multiprocessing.forkserver._forkserver._stop()  # the next one begins in another environment


def _begin(environment: dict[str, str], all_here: Barrier) -> None:
    os.environ.clear()
    os.environ.update(environment)
    settings.cache_clear()
    all_here.wait(60)


def press_train(recipe: str) -> str:
    return launching.enqueue(Recipe.model_validate_json(recipe))[0]


def claim(_: int) -> str | None:
    claimed = queue.claim()
    return claimed.id if claimed else None


def open_database(_: int) -> int:
    """Its schema's version."""
    with database.database().connect() as connection:
        return int(connection.scalar(sa.select(database.schema.c.version)) or 0)
