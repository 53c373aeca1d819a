"""A run as it would have gone on without early stopping: the same engine, seed and order, and more patience.

It begins where the run began, so that its first epochs can be held against the run's own. The run is not changed.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras

from dashboard.core import files
from dashboard.core.errors import RunError
from dashboard.core.steering import LEARNING_RATE
from dashboard.ml import material, standing
from dashboard.ml.finder import begin
from dashboard.ml.fit import fit, lowest_block
from dashboard.ml.material import Data
from dashboard.ml.standing import Standing
from dashboard.ml.train import FEATURES, check_pictures
from dashboard.runs import cache, events, ghosts
from dashboard.runs.run import Run
from dashboard.runs.steering import Plan, write

ENDLESS = 1_000_000  # epochs of patience
GOING_ON = "training on without early stopping"

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Shadow(Run):
    """A run directory aside, whose events are kept in memory and told as progress."""

    said: list[events.Event] = field(default_factory=list, compare=False)
    progress: Progress = lambda *_: None
    last: int = 0  # epochs there will be at most

    def say(self, kind: str, **values: Any) -> None:
        self.said.append({"kind": kind, **values})
        if kind == "epoch":
            self.progress(int(values["epoch"]), self.last, GOING_ON)


def go_on(run: Run, phase: str, progress: Progress) -> None:
    """Train a phase of a run from the run's beginning to beyond where it ended, and keep its epochs in `runs.ghosts`.

    Phases before it are as long as they were. Steps at which somebody set a learning rate are kept; other levers are
    not, because they end or lengthen a phase.

    Raises:
        RunError: `ghost-phase-missing` where the run has no finished epoch of the phase; `not-brought`; `disk-full`.
        DatasetError: as of `train.check_pictures`.
        WeightsError: the weights it started from are gone.
    """
    course = run.history()
    own = course[course["phase"] == phase]
    if own.empty:
        raise RunError("ghost-phase-missing", f"Run '{run.id}' has no finished epoch of {phase}; nothing can go on.")
    check_pictures(run)
    keras.utils.clear_session(free_memory=False)
    last = int(own["epoch"].max()) + ghosts.more(len(own))
    shadow = _shadow(run, progress, last)
    try:
        text = _train(run, shadow, phase, last)
        rows = events.epochs(shadow.said)
        kept = rows[rows["phase"] == phase]
        files.write_json(ghosts.path(run, phase), {"epochs": kept.to_dict("list"), "text": text})
    finally:
        shutil.rmtree(shadow.path, ignore_errors=True)
        cache.give_back()


def _shadow(run: Run, progress: Progress, last: int) -> Shadow:
    """A directory of its own with the run's recipe and pictures, without what ends or lengthens a phase."""
    aside = ghosts.unfinished(run)
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    for name in ("recipe.json", "manifest.csv"):
        shutil.copy2(run.path / name, aside / name)
    shadow = Shadow(aside, progress=progress, last=last)
    write(shadow, tuple(each for each in run.recipe.steering if each.lever == LEARNING_RATE))
    return shadow


def _train(run: Run, shadow: Shadow, phase: str, last: int) -> str:
    """All phases up to the one that goes on; how that ended, in a sentence."""
    ends = {str(name): int(end) for name, end in run.history().groupby("phase")["epoch"].max().items()}
    model = _begin(run, shadow)
    progress, plan = Standing(), Plan(shadow, 0)
    for each in run.recipe.phases:
        if each.name not in ends:
            continue
        progress.begin(each.name)
        # Earlier phases end where they did, whatever ended them; `fit` puts their best weights back.
        progress.patience = ENDLESS
        progress.more_epochs = (last if each.name == phase else ends[each.name]) - progress.last_epoch(each)
        unfreeze_from = lowest_block(model, each, run.recipe)
        data = _data(shadow, model, unfreeze_from)
        try:
            fit(model, data, shadow, each, progress, unfreeze_from, plan=plan)
        except RunError as error:
            if error.code != "loss-not-finite" or each.name != phase:
                raise
            return f"It diverged after epoch {progress.epoch}."
        if each.name == phase:
            break
    return f"It went on to epoch {progress.epoch}."


def _begin(run: Run, shadow: Shadow) -> keras.Model:
    """The network as the run began: random weights are those that the run wrote down."""
    model = begin(material.of_run(shadow), shadow.progress)
    if run.recipe.weights == "none" and standing.has_base(run.path, run.recipe):
        standing.load_base(run.path, model, run.recipe)
    if run.recipe.weights == "none":
        standing.save_base(shadow.path, model)
    return model


def _data(shadow: Shadow, model: keras.Model, unfreeze_from: str | None) -> Data:
    own = material.of_run(shadow)
    if material.nothing_frozen(own, model, unfreeze_from):
        return material.pictures(own, model)
    return material.cached(own, model, unfreeze_from, lambda done, total: shadow.progress(done, total, FEATURES))
