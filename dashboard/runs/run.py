"""A run is a directory. The worker writes it, everyone else reads it; nothing else is shared but its row."""

import platform
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pandas as pd

from dashboard.core import files
from dashboard.core.errors import RunError
from dashboard.core.recipe import Recipe, recipe_from
from dashboard.core.settings import workspace
from dashboard.runs import events

MANIFEST_COLUMNS = ["sha256", "path", "class_name", "split"]
ELSEWHERE = "elsewhere"  # in the place of a dataset's id: the pictures are on another machine
PACKAGES = ("keras", "tensorflow", "openvino", "numpy", "pillow")


@dataclass(frozen=True)
class Run:
    """A run directory. Paths inside it are relative, so it may be moved with its workspace."""

    path: Path

    @property
    def id(self) -> str:
        return self.path.name

    @cached_property
    def recipe(self) -> Recipe:
        """What this run computes.

        Raises:
            RunError: there is no such run directory.
        """
        path = self.path / "recipe.json"
        if not path.exists():
            raise RunError("run-unknown", f"There is no run '{self.id}' in this workspace.")
        return recipe_from(files.read_json(path)["recipe"])

    @cached_property
    def manifest(self) -> pd.DataFrame:
        """The pictures of this run as they were when it was made; columns `MANIFEST_COLUMNS`, text only.

        Raises:
            RunError: the run was brought from another machine without it.
        """
        if self.is_brought and not (self.path / "manifest.csv").exists():
            raise self._not_brought("list of pictures")
        return pd.read_csv(self.path / "manifest.csv", dtype=str, keep_default_na=False)

    @property
    def class_names(self) -> list[str]:
        """Names in index order."""
        if self.is_brought:
            return list(files.read_json(self.path / "labels.json")["class_names"])
        return sorted(self.manifest["class_name"].unique())

    @property
    def is_brought(self) -> bool:
        """Whether it was trained on another machine; what of it came along is there, in files of this program."""
        return (self.path / "brought.json").exists()

    def _not_brought(self, what: str) -> RunError:
        return RunError(
            "not-brought",
            f"Run '{self.id}' was trained on another machine and brought here without its {what}. "
            "Bring the whole zip of its Export page instead.",
        )

    @property
    def events_path(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def lease_path(self) -> Path:
        return self.path / "lease"

    @property
    def log_path(self) -> Path:
        return self.path / "log.txt"

    @property
    def weights_path(self) -> Path:
        return self.path / "model.weights.h5"

    @property
    def model_path(self) -> Path:
        return self.path / "model.keras"

    @property
    def blocks_path(self) -> Path:
        return self.path / "blocks.json"

    @property
    def has_model(self) -> bool:
        return self.model_path.exists() and self.weights_path.exists()

    def say(self, kind: str, **values: Any) -> None:
        """Append an event; see `runs.events` for the kinds."""
        events.append(self.events_path, kind, **values)

    def history(self) -> pd.DataFrame:
        """One row per finished epoch; empty before the first one ends."""
        return events.epochs(events.read(self.events_path))

    def predictions(self) -> pd.DataFrame:
        """Every picture of the run as the whole finished model sees it.

        Returns:
            Columns path, sha256, split, true, predicted, and one `probability: <class>` per class.

        Raises:
            RunError: the run has not come to its predictions, or was brought without them.
        """
        path = self.path / "predictions.csv"
        if not path.exists() and self.is_brought:
            raise self._not_brought("predictions")
        if not path.exists():
            raise RunError("run-unfinished", f"Run '{self.id}' has no predictions yet; they are made when it ends.")
        text = dict.fromkeys(["path", "sha256", "split", "true", "predicted"], str)
        return pd.read_csv(path, dtype=text, keep_default_na=False)

    def require_model(self) -> None:
        """
        Raises:
            RunError: the run has not saved its finished model.
        """
        if not self.has_model:
            raise RunError(
                "run-unfinished", f"Run '{self.id}' has no finished model yet; wait until it ends, or stop it."
            )

    def report(self) -> dict[str, Any]:
        """The figures of the finished model; empty before the run ends."""
        path = self.path / "report.json"
        return dict(files.read_json(path)) if path.exists() else {}

    def request_stop(self) -> None:
        files.write_bytes(self.path / "stop", b"")

    def withdraw_stop(self) -> None:
        (self.path / "stop").unlink(missing_ok=True)

    @property
    def stop_requested(self) -> bool:
        return (self.path / "stop").exists()

    def request_pause(self) -> None:
        files.write_bytes(self.path / "pause", b"")

    def withdraw_pause(self) -> None:
        (self.path / "pause").unlink(missing_ok=True)

    @property
    def pause_requested(self) -> bool:
        return (self.path / "pause").exists()


def versions() -> dict[str, str]:
    """Versions of what decides a run's result, without importing it."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def open_run(run_id: str) -> Run:
    """The run of this id in this workspace, whether or not its directory exists."""
    return Run(workspace("runs", run_id))


def prepare(run_id: str, recipe: Recipe, manifest: pd.DataFrame) -> Run:
    """Make the directory of a new run: its recipe and its own copy of the manifest."""
    run = open_run(run_id)
    run.path.mkdir(parents=True, exist_ok=False)
    files.write_text(run.path / "manifest.csv", manifest[MANIFEST_COLUMNS].to_csv(index=False))
    files.write_json(run.path / "recipe.json", {"recipe": recipe.model_dump(mode="json"), "versions": versions()})
    return run


def prepare_brought(run: Run, recipe: Recipe, class_names: list[str], about: dict[str, Any]) -> None:
    """Fill the directory of a run that was trained on another machine: all but its model and its tables.

    Args:
        run: its directory is there and empty.
        recipe: with `ELSEWHERE` for a dataset.
        class_names: in the order of the outputs.
        about: what was sent, and what is known of it.
    """
    files.write_json(run.path / "brought.json", about)
    files.write_json(run.path / "labels.json", {"class_names": class_names})
    files.write_json(run.path / "recipe.json", {"recipe": recipe.model_dump(mode="json"), "versions": {}})
