"""From pressing Train to the first batch on the chart, with a training process kept ready and without."""

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks import ground
from dashboard.core import lease
from dashboard.core.recipe import Recipe
from dashboard.core.settings import settings, workspace
from dashboard.data.datasets import Dataset
from dashboard.runs import events, queue, status, supervisor
from dashboard.runs.run import Run

READY_AFTER = 15.0  # seconds a training process may take to import what it needs


@dataclass(frozen=True)
class Line:
    """Seconds from the press to the first batch that a page could draw, one value a repeat."""

    way: str
    seconds: list[float]


def lines(dataset: Dataset, repeats: int) -> Iterator[Line]:
    """A head on kept features (the network's frozen part ran before), then another network's first run."""
    base = Recipe(dataset=dataset.id, dataset_version=dataset.version, **ground.starting_weights(), epochs=2)
    with _supervisor(ready=True):
        _first_batch(base.replace(seed=1_000_000))  # keeps the features
        time.sleep(READY_AFTER)
        yield Line("kept features, training process ready", [_pressed(base, seed) for seed in range(repeats)])
    with _supervisor(ready=False):
        yield Line(
            "kept features, training process not ready", [_pressed(base, seed + repeats) for seed in range(repeats)]
        )


def _pressed(recipe: Recipe, seed: int) -> float:
    seconds = _first_batch(recipe.replace(seed=seed))
    time.sleep(READY_AFTER)
    return seconds


def _first_batch(recipe: Recipe) -> float:
    """Press Train and wait for the first batch; the run has ended when this returns."""
    began = time.monotonic()
    run = queue.enqueue(recipe)
    supervisor.ensure()
    while not _has_batch(run):
        time.sleep(0.02)
    seconds = time.monotonic() - began
    while queue.row(run.id)["status"] in status.UNDER_WAY:
        time.sleep(0.2)
    return seconds


def _has_batch(run: Run) -> bool:
    return any(event["kind"] == "batches" for event in events.read(run.events_path))


@contextlib.contextmanager
def _supervisor(*, ready: bool) -> Iterator[None]:
    """A supervisor that keeps a training process ready, or none; it has left when this is over."""
    os.environ |= {"THAW_KEEP_READY": str(int(ready)), "THAW_SUPERVISOR_IDLE": "20"}
    settings.cache_clear()
    supervisor.ensure()
    time.sleep(READY_AFTER)
    yield
    while lease.is_held(workspace(supervisor.LEASE)):
        time.sleep(0.2)
