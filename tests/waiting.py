"""Waiting for another process, without a blind sleep."""

import time
from collections.abc import Callable


def wait_until(true: Callable[[], bool], *, seconds: float, step: float = 0.25) -> None:
    """Look every `step` seconds until something is true; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not so within {seconds} seconds"
        time.sleep(step)
