"""What people ask of a run while it trains.

    wishes/<time>-<id>.json    one a wish, written by whoever asks
    recipe.json                keeps those that were granted, each with its step

The worker grants a wish at a batch: it writes it into the recipe first and acts on it then, so that a run killed in
between does the same again at the same step.
"""

import secrets
import time
from pathlib import Path

from dashboard.core import files
from dashboard.core.recipe import Recipe
from dashboard.core.steering import Steer
from dashboard.runs.run import Run


def ask(run: Run, lever: str, value: float | None = None) -> None:
    """Wish for a change; the run's next batch grants it.

    Raises:
        RecipeError: `lever-unknown` or `steer-value`.
    """
    wish = Steer(lever=lever, value=value, id=secrets.token_hex(8))
    files.write_json(_folder(run) / f"{time.time_ns():020d}-{wish.id}.json", wish.model_dump(mode="json"))


def waiting(run: Run) -> list[Steer]:
    """Wishes not granted yet, the oldest first."""
    return [Steer(**files.read_json(path)) for path in _paths(run)]


class Plan:
    """What is to be done at which step: what the recipe says, and what is asked meanwhile."""

    def __init__(self, run: Run, step: int) -> None:
        """`step`: mini-batches done; what the recipe has for earlier ones is done already."""
        self.run = run
        self.done = [each for each in run.recipe.steering if each.step < step]
        self.ahead = [each for each in run.recipe.steering if each.step >= step]

    def due(self, step: int, lever: str | None = None) -> list[Steer]:
        """What is to be done now, each once; wishes are granted by this.

        Args:
            step: mini-batches done.
            lever: take only this one, and leave the others for later.
        """
        self._grant(step)
        now = [each for each in self.ahead if each.step <= step and lever in (None, each.lever)]
        self.ahead = [each for each in self.ahead if each not in now]
        self.done += now
        return now

    def _grant(self, step: int) -> None:
        paths = _paths(self.run)
        if not paths:
            return
        known = {each.id for each in (*self.done, *self.ahead)}
        wishes = [Steer(**files.read_json(path)).model_copy(update={"step": step}) for path in paths]
        fresh = [wish for wish in wishes if wish.id not in known]
        self.ahead = sorted([*self.ahead, *fresh], key=lambda each: each.step)
        write(self.run, (*self.done, *self.ahead))
        for path in paths:
            path.unlink()


def write(run: Run, steers: tuple[Steer, ...]) -> None:
    """Make these the steering of a run's recipe; nothing else of it changes."""
    path = run.path / "recipe.json"
    values = files.read_json(path)
    values["recipe"] = Recipe(**{**values["recipe"], "steering": steers}).model_dump(mode="json")
    files.write_json(path, values)


def _folder(run: Run) -> Path:
    return run.path / "wishes"


def _paths(run: Run) -> list[Path]:
    try:
        return sorted(path for path in _folder(run).iterdir() if path.suffix == ".json" and path.name[0] != ".")
    except FileNotFoundError:
        return []
