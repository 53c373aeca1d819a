"""Trains on drawn pictures: `python -m tests.pretraining.killed_training <pictures> <folder> <batches, or 0>`.

The real training in all but that it is killed before its n-th batch, by a signal from within: at a batch, not a time.
"""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf

from pretraining import train

SCHOOLING = train.Schooling(epochs=3, last_large=1, small=32, large=64, batch=8, cooling=2)
left = int(sys.argv[3])
batches = train.batches


def counted(pictures: train.Pictures, schooling: train.Schooling, epoch: int) -> Iterator[tuple[float, train.Batch]]:
    global left
    for each in batches(pictures, schooling, epoch):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        yield each


if __name__ == "__main__":
    tf.config.threading.set_intra_op_parallelism_threads(1)  # sums of several threads come in any order
    tf.config.threading.set_inter_op_parallelism_threads(1)
    train.batches = counted
    train.train(train.Pictures.opened(Path(sys.argv[1])), Path(sys.argv[2]), SCHOOLING)
