"""A child that opens uploads and dies of SIGSEGV at every picture that says so behind its end."""

import os
import signal
import sys
from typing import BinaryIO

from dashboard.data import child, images, opening

CRASHES_HERE = b"crash here"
_read = images.read


def read(file: BinaryIO, at_least: int | None = None, *, longest: int | None = None) -> images.Picture:
    if file.read().endswith(CRASHES_HERE):
        os.kill(os.getpid(), signal.SIGSEGV)
    return _read(file, at_least, longest=longest)


if __name__ == "__main__":
    images.read = read
    sys.exit(child.answer(opening.work))
