"""An opener whose forks die of SIGSEGV, or never end, at every picture that says so behind its end."""

import os
import signal
import time
from dataclasses import replace
from typing import BinaryIO

from dashboard.core.limits import SERVING
from dashboard.data import images
from dashboard.ml import opener

CRASHES_HERE, SLEEPS_HERE = b"crash here", b"sleep here"
_read = images.read


def read(file: BinaryIO, at_least: int | None = None, *, longest: int | None = None) -> images.Picture:
    data = file.read()
    if data.endswith(CRASHES_HERE):
        os.kill(os.getpid(), signal.SIGSEGV)
    if data.endswith(SLEEPS_HERE):
        time.sleep(60)
    return _read(file, at_least, longest=longest)


if __name__ == "__main__":
    images.read = read
    opener.SERVING = replace(SERVING, opening_seconds=1)
    opener.main()
