"""Saving and loading by hand: a script of plain Keras for a run, cell by cell, and what came of running it.

The cells are marked as editors and notebooks know them, by lines that start with `# %%`.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dashboard.core import files
from dashboard.core.recipe import Recipe
from dashboard.core.settings import workspace
from dashboard.runs import rendering, sources
from dashboard.runs.run import Run
from dashboard.runs.workers import Worker

Progress = Callable[[int, int, str], None]

FILE_NAME = "save_and_load.py"
MARK = "# %% "
PROGRAM = "dashboard.ml.save_and_load"


@dataclass(frozen=True)
class Cell:
    """A step: what it is called, why it is done, and its code; title and words stand in the script as comments."""

    title: str
    words: str
    code: str


@dataclass(frozen=True)
class Result:
    """What a fresh process got.

    `printed` and `seconds` have one entry a cell; `shapes` are those of `pixels`, `picture`, `batch` and
    `probabilities`; `probabilities` those of the rebuilt network in the order of `class_names`, `difference` the
    largest from those of the finished model.
    """

    printed: list[str]
    seconds: list[float]
    shapes: dict[str, list[int]]
    weights: int
    class_names: list[str]
    probabilities: list[float]
    difference: float


def script(recipe: Recipe) -> str:
    """One file that runs as it is, beside model.keras, labels.json and picture.png; nothing of a user's is in it."""
    row = recipe.backbone_row
    return rendering.script(
        f"{FILE_NAME}.j2",
        recipe=recipe,
        preprocessing=row.preprocessing,
        family=row.family,
        source=rendering.Plain(sources.source(row)),
        has_alpha=len(row.alphas) > 1,
    )


def cells(recipe: Recipe) -> list[Cell]:
    """The script in its steps; their code, one after the other, is all of the script's."""
    found = []
    for text in script(recipe).split(MARK)[1:]:
        title, _, rest = text.partition("\n")
        lines = rest.splitlines()
        words = lines[: _first_code(lines)]
        found.append(
            Cell(title, " ".join(line.removeprefix("# ") for line in words), "\n".join(lines[len(words) :]).strip())
        )
    return found


def _first_code(lines: list[str]) -> int:
    return next((number for number, line in enumerate(lines) if not line.startswith("# ")), len(lines))


def known(run: Run, sha256: str) -> Result | None:
    """What came of it for this picture, unless model or script have changed since."""
    path = _path(run, sha256)
    return Result(**files.read_json(path)) if path.exists() else None


def execute(run: Run, sha256: str, *, on_progress: Progress, cancelled: Callable[[], bool]) -> Result:
    """Run the script in a fresh process and an empty folder, and keep what came of it.

    Args:
        run: with a finished model.
        sha256: of a picture in the workspace.
        on_progress: told of every step.
        cancelled: true ends the process.

    Raises:
        DashboardError: as of `dashboard.ml.save_and_load.execute` and `Worker.call`.
    """
    run.require_model()
    path = _path(run, sha256)
    with Worker(PROGRAM) as worker:
        answer: dict[str, Any] = worker.call(
            "execute", timeout=900.0, on_progress=on_progress, cancelled=cancelled, run=run.id, sha256=sha256
        )
    files.write_json(path, answer)
    return Result(**answer)


def _path(run: Run, sha256: str) -> Path:
    written = run.model_path.stat().st_mtime_ns if run.has_model else 0
    key = hashlib.sha256(f"{run.id} {written} {sha256} {script(run.recipe)}".encode()).hexdigest()
    return workspace("cache", "save-and-load", f"{key}.json")
