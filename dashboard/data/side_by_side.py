"""The same function over many pieces of work, in processes side by side where there are many."""

import multiprocessing
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

WORKERS = 2
WORTH_IT = 6  # pieces; fewer are done before a second process has begun

_work: list[tuple[Any, ...]] = []


def results(function: Callable[..., Any], work: list[tuple[Any, ...]]) -> Iterator[Any]:
    """What the function gives for each piece of work, its arguments, in order.

    Arguments are not sent anywhere: processes are forked, and see what there was (arrays of numpy hold no lock that a
    fork would copy). A process that has threads does the work itself: a fork of it could wait for a lock for ever.
    """
    if len(work) < WORTH_IT or threading.active_count() > 1:
        yield from (function(*arguments) for arguments in work)
        return
    _work[:] = work
    try:
        with ProcessPoolExecutor(WORKERS, mp_context=multiprocessing.get_context("fork")) as pool:
            yield from pool.map(_do, [function] * len(work), range(len(work)))
    finally:
        _work.clear()


def _do(function: Callable[..., Any], number: int) -> Any:
    return function(*_work[number])
