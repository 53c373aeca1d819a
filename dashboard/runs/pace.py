"""How fast a run goes and how long it still takes, from its own events."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from dashboard.core.recipe import Recipe
from dashboard.runs import events


@dataclass(frozen=True)
class Pace:
    """Where a run is. Times are in seconds; None while there is nothing to judge by."""

    epoch: int  # the one under way, from 1; 0 before the first
    epochs: int  # the most there can be; early stopping may end sooner
    pictures_per_second: float | None
    elapsed: float
    remaining: float | None  # at the most
    stage: str  # what it is doing, in words


def of(recipe: Recipe, seen: list[events.Event], *, training_pictures: int, now: float) -> Pace:
    """Judge the pace of a run.

    Args:
        recipe: of the run.
        seen: all events so far.
        training_pictures: pictures in the training split.
        now: seconds since 1970, UTC.
    """
    attempt = events.last(seen, "attempt")
    batch = events.last(seen, "batches")
    done = [event for event in seen if event["kind"] == "epoch"]
    phase = events.last(seen, "phase")
    most = recipe.most_epochs
    elapsed = max(0.0, now - attempt["time"]) if attempt else 0.0
    current = min(most, len(done) + 1) if phase else 0
    return Pace(
        epoch=batch["epoch"] if batch else current,
        epochs=most,
        pictures_per_second=_pictures_per_second(seen),
        elapsed=elapsed,
        remaining=_remaining(recipe, seen, steps_an_epoch=math.ceil(training_pictures / recipe.batch_size)),
        stage=_stage(seen),
    )


def minutes(seen: Sequence[events.Event]) -> pd.DataFrame:
    """When each epoch was over, in minutes that processes worked on the run: from its beginning, with all that came
    before the first epoch, and without the time between two attempts.

    Returns:
        Columns minutes, epoch, validation_accuracy.
    """
    rows: list[dict[str, float]] = []
    began, before = 0.0, 0.0
    for event in seen:
        if event["kind"] == "attempt":
            began, before = event["time"], rows[-1]["minutes"] if rows else 0.0
        elif event["kind"] == "epoch":
            at = before + (event["time"] - began) / 60
            rows.append({"minutes": at, **{name: event[name] for name in ("epoch", "validation_accuracy")}})
    return pd.DataFrame(rows, columns=["minutes", "epoch", "validation_accuracy"])


def _pictures_per_second(seen: list[events.Event]) -> float | None:
    said = next((event["pictures_per_second"] for event in reversed(seen) if "pictures_per_second" in event), None)
    return None if said is None else float(said)


def _remaining(recipe: Recipe, seen: list[events.Event], *, steps_an_epoch: int) -> float | None:
    """Seconds until every epoch the recipe allows is done, at the median pace of the phase under way; while what stays
    frozen is computed, seconds until that is."""
    now = next((each for each in reversed(seen) if each["kind"] in ("progress", "batches", "epoch", "phase")), None)
    if now is not None and now["kind"] == "progress" and now["done"] < now["total"]:
        return now.get("remaining")
    phase, batch = events.last(seen, "phase"), events.last(seen, "batches")
    if phase is None or batch is None or _stage(seen).startswith("evaluating"):
        return None
    seconds = [event["seconds"] for event in seen if event["kind"] == "epoch" and event["phase"] == phase["phase"]]
    if not seconds:
        return None
    an_epoch = float(pd.Series(seconds).median())
    names = [each.name for each in recipe.phases]
    position = names.index(phase["phase"])
    later = sum(each.epochs for each in recipe.phases[position + 1 :])
    added = recipe.most_epochs - sum(each.epochs for each in recipe.phases)
    left_here = max(0, recipe.phases[position].epochs + (0 if later else added) - len(seconds))
    steps_done = batch["first_step"] + len(batch["loss"]) - 1 - _last_step(seen)
    started = min(1.0, steps_done / steps_an_epoch) if left_here else 0.0
    return max(0.0, (left_here + later - started) * an_epoch)


def _last_step(seen: Sequence[events.Event]) -> int:
    epoch = events.last(seen, "epoch")
    return int(epoch["step"]) if epoch else 0


def _stage(seen: list[events.Event]) -> str:
    for event in reversed(seen):
        if event["kind"] == "progress":
            return f"{event['stage']} ({event['done']:,} of {event['total']:,})"
        if event["kind"] == "phase":
            return str(event["phase"])
        if event["kind"] in ("batches", "epoch"):
            return str(event["phase"])
    return "starting"
