"""What watching costs: a run of a million batches drawn again and again, and a run that is watched while it trains."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, sync_playwright

from benchmarks import ground, sessions
from dashboard.core import lease
from dashboard.core.recipe import FEATURE_EXTRACTION, FINE_TUNING, Recipe
from dashboard.core.settings import settings, workspace
from dashboard.data.datasets import Dataset
from dashboard.runs import cache, events, queue, status, supervisor
from dashboard.runs.run import open_run
from dashboard.ui import curves, resources
from tests.browser import visitor
from tests.browser.server import Server, serving

BATCHES = 1_000_000
AN_EPOCH = 10_000  # of those batches
PEOPLE = 5

Watched = Callable[[str], AbstractContextManager[None]]


@dataclass(frozen=True)
class Line:
    """A work and its seconds.

    `goal` is in seconds; where there are seconds of the same work with nobody watching, the share it may take longer.
    """

    work: str
    seconds: list[float]
    unwatched: list[float] | None
    goal: float | None


def drawing(repeats: int) -> Iterator[Line]:
    """The first reading of a million batches, and the run page's three charts each time some more have come."""
    run = open_run("million")
    run.path.mkdir(parents=True)
    write(run.events_path)
    first = _timed(lambda: resources.run_batches(run.id))
    yield Line(f"read {BATCHES:,} batches the first time", [first], None, None)
    again = []
    for number in range(repeats):
        _say(run.events_path, np.random.default_rng(number), BATCHES + 40 * number, 40)
        again.append(_timed(lambda: drawn(run.id)))
    yield Line("draw the three charts of their page again, 40 batches later", again, None, 1.0)


def drawn(run_id: str) -> list[str]:
    """What a redraw of the run's page makes for the browser: the charts of accuracy, loss and learning rate."""
    figures = curves.of(run_id, under_way=False, now=0.0).figures.values()
    return [figure.to_json(validate=False) for figure in figures]


def write(path: Path) -> None:
    """A file as a run of so many batches leaves it: 20 to 200 of them in an event, one half of them a phase."""
    rng = np.random.default_rng(0)
    step = 0
    events.append(path, "attempt", epoch=0)
    while step < BATCHES:
        if step in (0, BATCHES // 2):
            events.append(path, "phase", phase=_phase(step), epoch=step // AN_EPOCH, step=step)
        size = min(int(rng.integers(20, 201)), AN_EPOCH - step % AN_EPOCH)
        _say(path, rng, step, size)
        step += size
        if step % AN_EPOCH == 0:
            here = {"epoch": step // AN_EPOCH, "step": step}
            values = dict.fromkeys(events.EPOCH_COLUMNS, float(np.exp(-step / BATCHES)))
            events.append(path, "epoch", **values | here | {"phase": _phase(step - 1)})
            events.append(path, "mark", mark="best", text=f"Best: epoch {here['epoch']}", **here)


def _phase(step: int) -> str:
    return FEATURE_EXTRACTION if step < BATCHES // 2 else FINE_TUNING


def _say(path: Path, rng: np.random.Generator, step: int, size: int) -> None:
    """Batches after a step, as a run tells them."""
    noise = rng.normal(0, 0.1, size)
    falling = np.exp(-np.arange(step, step + size) / BATCHES)
    events.append(
        path,
        "batches",
        phase=_phase(step),
        epoch=step // AN_EPOCH + 1,
        first_step=step + 1,
        loss=(2 * falling + noise).tolist(),
        accuracy=np.clip(1 - falling + noise, 0, 1).tolist(),
        learning_rate=(1e-3 * falling).tolist(),
        pictures_per_second=400.0,
    )


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def watching(dataset: Dataset, repeats: int) -> Iterator[Line]:
    """The same run with nobody at its page, with people at it elsewhere, and with their browsers on this machine."""
    fields = {**ground.starting_weights(), "epochs": 10, "fine_tune_epochs": 4, "unfreeze_from": "block_13"}
    alone, elsewhere, here = [], [], []
    with serving(settings().absolute_workspace, settings().keras_home) as server, sync_playwright() as playwright:
        browser = visitor.launch(playwright)
        with supervising():
            for seed in range(repeats):
                recipe = Recipe(dataset=dataset.id, dataset_version=dataset.version, patience=1000, seed=seed, **fields)
                alone.append(trained(recipe, lambda _: nullcontext()))
                elsewhere.append(trained(recipe, lambda run_id: sessions.looking(server.url, run_id, PEOPLE)))
                here.append(trained(recipe, lambda run_id: browsing(browser, server, run_id)))
        browser.close()
    yield Line(f"a run that {PEOPLE} people watch from machines of their own", elsewhere, alone, 0.05)
    yield Line(f"a run that {PEOPLE} browsers on this machine draw", here, alone, None)


@contextmanager
def supervising() -> Iterator[None]:
    """This process is the supervisor, so that a run begins when its page is open, and not before."""
    held = lease.Lease(workspace(supervisor.LEASE))
    if not held.acquire():
        raise RuntimeError("another supervisor is at work in the workspace of the benchmark")
    try:
        yield
    finally:
        held.release()


def trained(recipe: Recipe, watched: Watched) -> float:
    """Seconds of a run from picture files to finished model, imports excluded.

    Args:
        recipe: of the run.
        watched: takes the id of the run and gives the context in which it trains.

    Raises:
        RuntimeError: the run did not finish.
    """
    shutil.rmtree(cache.root())
    queue.enqueue(recipe)
    run = queue.claim()
    if run is None:
        raise RuntimeError("the run that was queued could not be begun")
    with watched(run.id):
        supervisor.supervise(run, supervisor.start_worker(run))
    row = queue.row(run.id)
    if row["status"] != status.FINISHED:
        raise RuntimeError(f"run {run.id} is {row['status']}: {row['message']}")
    return ground.result(run).seconds


@contextmanager
def browsing(browser: Browser, server: Server, run_id: str) -> Iterator[None]:
    """People at the page of a run, each in a fresh profile of a browser on this machine.

    Raises:
        RuntimeError: somebody saw no curve.
    """
    with ExitStack() as stack:
        pages = [stack.enter_context(visitor.visiting(browser, server.url))[0] for _ in range(PEOPLE)]
        for page in pages:
            visitor.go(page, f"/run?run={run_id}")
        yield
        for page in pages:
            visitor.settle(page)
        steps = [visitor.steps_drawn(page) for page in pages]
    if not all(steps):
        raise RuntimeError(f"the last step drawn for each person: {steps}")
