"""A batch of predictions, carried out from where it is: pictures from the child, rows to the disk."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from dashboard.core.errors import RunError
from dashboard.ml import prefix, streaming
from dashboard.ml.predict import Classifier
from dashboard.ml.streaming import Seen, Stream
from dashboard.runs import batch_rows
from dashboard.runs.batch_rows import Row
from dashboard.runs.batches import Batch

ROWS = 256  # written at once at the most
SAY = 0.25  # seconds between two words about progress
SECONDS = 2.0  # between two writes, if there is anything to write; what a kill costs

Progress = Callable[[int, int, str], None]


def carry_out(batch: Batch, classifier: Callable[[], Classifier], progress: Progress) -> None:
    """Predict every picture of a batch that has no row yet; rows are on the disk within seconds of being computed.

    Args:
        batch: new, or left by a process that ended.
        classifier: gives the classifier of its run; asked for once there is something to predict.
        progress: called with pictures done and pictures asked for, with the number of earlier ones first.

    Raises:
        RunError: `batch-unknown`, `batch-under-way`, `batch-weights-changed`; `batch-stopped` when somebody asked for
            that. What was predicted is kept.
        UploadError: as of `ml.streaming`.
    """
    with batch.at_work(), streaming.Stream(batch) as stream:
        progress(batch.done, 0, "Looking at what was given")
        stream.settle()
        start, total = batch.done, batch.total or 0
        if start < total:
            progress(start, total, "Loading the network")
            _go_on(batch, stream, classifier(), lambda done: progress(start + done, total, "Predicting"))
    if batch.stop_requested and not batch.finished:
        raise RunError(
            "batch-stopped",
            f"Cancelled after {batch.done:,} of {batch.total:,} pictures. What was predicted is kept, and can go on.",
        )


def _go_on(batch: Batch, stream: Stream, classifier: Classifier, progress: Callable[[int], None]) -> None:
    start, rows, said = batch.done, _Rows(batch), 0.0
    seen = stream.pictures(start, classifier.image_size)
    try:
        for answers in classifier.answers(rows.batches(seen), (batch.total or 0) - start):
            rows.answer(answers)
            rows.write_if_due()
            if time.monotonic() - said > SAY:
                progress(rows.count)
                said = time.monotonic()
            if batch.stop_requested:
                break
        else:
            rows.rest()
    finally:
        rows.write()
    progress(rows.count)


class _Rows:
    """Rows on their way to the disk, in order: those that wait for an answer, and those that wait to be written."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.count = 0  # answered
        self._unanswered: deque[Row] = deque()
        self._unwritten: list[Row] = []
        self._wrote = time.monotonic()

    def batches(self, seen: Iterator[Seen]) -> Iterator[np.ndarray]:
        """Pictures that could be read, a few together; every picture, read or not, waits for its turn meanwhile."""
        together: list[np.ndarray] = []
        for each in seen:
            self._unanswered.append(
                Row(each.asked.path, each.asked.true, each.sha256, each.code, each.reason, each.thumbnail)
            )
            if each.pixels is not None:
                together.append(each.pixels)
            if len(together) == prefix.BATCH:
                yield np.stack(together)
                together = []
        if together:
            yield np.stack(together)

    def answer(self, probabilities: np.ndarray) -> None:
        """Take the answers to the next pictures that could be read, shape (batch, num_classes)."""
        for values in probabilities:
            while self._unanswered[0].code:
                self._done(self._unanswered.popleft())
            self._done(replace(self._unanswered.popleft(), probabilities=values))

    def rest(self) -> None:
        """Take what is left: pictures at the end that could not be read."""
        while self._unanswered:
            self._done(self._unanswered.popleft())

    def _done(self, row: Row) -> None:
        self._unwritten.append(row)
        self.count += 1

    def write_if_due(self) -> None:
        if len(self._unwritten) >= ROWS or time.monotonic() - self._wrote > SECONDS:
            self.write()

    def write(self) -> None:
        if self._unwritten:
            batch_rows.append(self.batch.path, self._unwritten, self.batch.request.class_names)
        self._unwritten, self._wrote = [], time.monotonic()
