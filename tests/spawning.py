"""Processes that begin with nothing of this one."""

import multiprocessing
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.context import SpawnContext

import pytest


@contextmanager
def spawning() -> Iterator[SpawnContext]:
    """A context whose processes do not run the main module anew.

    `AppTest` leaves the script of a page in the place of it, and a pool whose processes cannot run that script starts
    new ones without end.
    """
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(sys.modules, "__main__", types.ModuleType("__main__"))
        yield multiprocessing.get_context("spawn")
