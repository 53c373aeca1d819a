"""How the process' memory allocator treats what is freed."""

import ctypes
from functools import cache

import tensorflow as tf

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h of glibc
LARGEST_KEPT = 32 << 20  # bytes; the most glibc takes
KEPT = 128 << 20  # bytes


@cache
def keep_freed_memory() -> None:
    """Let freed memory of up to 32 MB a piece be used again instead of going back to the system. Idempotent.

    The first dataset that TensorFlow feeds from Python, as `fit` does with a `PyDataset`, sets M_TRIM_THRESHOLD of the
    whole process to 128 kB (`generator_dataset_op.cc`, against a leak of Python 3.11), and by that switches off that
    glibc learns how large the pieces are that come and go. From then on every picture and every batch is memory that
    the system has to clear anew: decoding and resizing a photograph of 512 x 384 pixels took 18 ms of processor instead
    of 3. It does so once in a process, so the thresholds are set right after it. Does nothing where there is no glibc.
    """
    for _ in tf.data.Dataset.from_generator(lambda: iter([0]), output_signature=tf.TensorSpec((), tf.int32)):
        pass
    library = glibc()
    if library:
        library.mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT)
        library.mallopt(M_TRIM_THRESHOLD, KEPT)


def glibc() -> ctypes.CDLL | None:
    """The C library, if it is the one whose thresholds TensorFlow sets."""
    library = ctypes.CDLL(None)
    return library if hasattr(library, "gnu_get_libc_version") else None
