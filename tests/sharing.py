"""What takes long to make is made once for all processes of a test run."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest


def once(tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A file or folder of this test run, made by the first process that asks for it; nobody may change it.

    Args:
        name: of the file or folder; for one name `make` must always make the same.
        make: makes it where it is told to, under a name with the same end.
    """
    base = tmp_path_factory.getbasetemp()
    folder = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    path = folder / name
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            made = path.with_name(f"unfinished-{name}")
            make(made)
            made.rename(path)
    return path
