"""Freed memory is used again, also once TensorFlow has been fed from Python."""

import resource

import numpy as np
import pytest
import tensorflow as tf

from dashboard.ml import allocator

PIECES, PIECE = 50, 1 << 20  # bytes


def cleared_pages() -> int:
    """How many pages the system had to clear while pieces of memory came and went."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(PIECES):
        piece = np.empty(PIECE, "uint8")
        piece[:] = 1
        del piece
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def test_freed_memory_is_used_again_after_tensorflow_was_fed_from_python() -> None:
    if allocator.glibc() is None:
        pytest.skip("no glibc here")
    allocator.keep_freed_memory()
    for _ in tf.data.Dataset.from_generator(lambda: iter([0]), output_signature=tf.TensorSpec((), tf.int32)):
        pass
    cleared_pages()  # the first pieces are new
    assert cleared_pages() < PIECES
