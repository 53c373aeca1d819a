"""A model of another machine becomes a finished run of this workspace, or nothing at all.

Two children look at what was sent and read it (`data.model_files`); the worker builds the network by its name and
writes every file of the run anew (`ml.bringing`). The run appears when it is whole, first its directory, then its row.
"""

import contextlib
import shutil
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dashboard.core import files
from dashboard.core.errors import UploadError, WeightsError
from dashboard.core.limits import GIB, LIMITS
from dashboard.core.recipe import Recipe, recipe_from
from dashboard.core.settings import workspace
from dashboard.data import names, parent
from dashboard.data.downloads import is_whole_hdf5
from dashboard.runs import queue
from dashboard.runs.run import ELSEWHERE, Run, open_run, prepare_brought, versions
from dashboard.runs.workers import Progress, Worker

MODULE = "dashboard.data.model_files"
BESIDE = ("labels.json", "recipe.json")  # what is looked for beside a weights file
ROOM = 4  # times the sent bytes: unpacked, as plain numbers, and as the two files of a model
PATIENCE = 5  # seconds that a child may take for each it may compute: a disk may be slow, and others at work
Cancelled = Callable[[], bool]


@dataclass(frozen=True)
class Sent:
    """What somebody wants to bring: an export's zip, or its weights with labels and recipe."""

    paths: tuple[Path, ...]
    names: tuple[str, ...]  # as the user calls them


def sent(paths: list[Path]) -> Sent:
    """These files of this machine; of a weights file alone also what an export has beside it."""
    if len(paths) == 1 and paths[0].suffix == ".h5":
        paths = [*paths, *(path for name in BESIDE if (path := paths[0].with_name(name)).is_file())]
    for path in paths:
        if not path.is_file():
            raise UploadError("model-absent", f"There is no file {path}. Check its name and folder.")
    return Sent(tuple(path.absolute() for path in paths), tuple(path.name for path in paths))


def bring(
    worker: Worker,
    what: Sent,
    *,
    name: str = "",
    on_progress: Progress = lambda done, total, text: None,
    cancelled: Cancelled = lambda: False,
) -> Run:
    """Take a model into this workspace; returns its run, finished, with everything that came along.

    Args:
        worker: builds the network; it never sees a byte that was sent.
        what: the files.
        name: of the run; made of its network when left out.
        on_progress: called with done, total and a text.
        cancelled: asked again and again; true ends it.

    Raises:
        DashboardError: what `data.model_files` refuses; `weights-crashed`, `disk-full`; as `Worker.call`. Nothing is
            left of it then.
    """
    _refuse_full_disk(sum(path.stat().st_size for path in what.paths))
    with parent.scratch() as folder:
        on_progress(0, 0, "Looking at the files")
        look = {"kind": "look", "paths": [str(path) for path in what.paths], "names": list(what.names)}
        found = _told(look | {"into": str(folder), "dataset": ELSEWHERE}, "model", on_progress, cancelled)
        recipe = recipe_from(found["recipe"])
        on_progress(0, 0, "Building the network")
        expected = tensors(worker, recipe, len(found["class_names"]), cancelled)
        network = f"{recipe.network_name} with a head for {len(found['class_names'])} classes"
        read = {"kind": "read", "weights": found["weights"], "expected": expected, "network": network}
        _told(read | {"into": str(folder / "values")}, "", on_progress, cancelled)
        run = Run(folder / queue.new_id())
        _write(run, folder, recipe, found, what)
        on_progress(0, 0, "Writing the model")
        worker.call("write_model", folder=str(run.path), values=str(folder / "values"), cancelled=cancelled)
        return _place(run, name, what)


def check_weights(path: Path) -> None:
    """Have a child look at a weights file that somebody gave, before a process reads it that has no limits.

    Raises:
        UploadError, WeightsError: as `hdf5.check`; `weights-crashed`.
    """
    if is_whole_hdf5(path):  # else whoever takes it says what is wrong
        _told({"kind": "check", "path": str(path.absolute())}, "", lambda done, total, text: None, lambda: False)


def tensors(worker: Worker, recipe: Recipe, num_classes: int, cancelled: Cancelled = lambda: False) -> list[list[Any]]:
    """What `ml.bringing.expected` says of a recipe's classifier; computed once, then read from the workspace."""
    path = tensors_path(recipe, num_classes)
    if not path.exists():
        values = recipe.model_dump(mode="json")
        found = worker.call("expected_weights", recipe=values, num_classes=num_classes, cancelled=cancelled)
        files.write_json(path, found)
    return list(files.read_json(path))


def tensors_path(recipe: Recipe, num_classes: int) -> Path:
    """Where `tensors` keeps its answer; what else a recipe says changes no shape."""
    network = f"{recipe.backbone}-{recipe.alpha:g}-{recipe.image_size}-{recipe.head_width}-{num_classes}"
    return workspace("cache", "topology", f"weights-{network}-keras{versions()['keras']}.json")


def _refuse_full_disk(size: int) -> None:
    free = shutil.disk_usage(workspace("scratch").parent).free
    if free < ROOM * size + LIMITS.disk_reserve:
        raise UploadError(
            "disk-full",
            f"The server has {free / GIB:.1f} GB free; this needs {(ROOM * size + LIMITS.disk_reserve) / GIB:.1f} GB. "
            "Free space on the server, then bring it again.",
        )


def _told(job: dict[str, Any], kind: str, on_progress: Progress, cancelled: Cancelled) -> dict[str, Any]:
    """Have a child do a job; the message of this kind, empty where none is wanted."""
    found: dict[str, Any] = {}
    with contextlib.closing(_messages(job, cancelled)) as messages:
        for message in messages:
            if message["kind"] == "progress":
                on_progress(message["done"], message["total"], "Reading the weights (bytes)")
            elif message["kind"] == kind:
                found = message
    return found


def _messages(job: dict[str, Any], cancelled: Cancelled) -> Generator[dict[str, Any], None, None]:
    try:
        yield from parent.messages(MODULE, job, seconds=PATIENCE * LIMITS.weights_seconds, cancelled=cancelled)
    except parent.Crashed as error:
        raise WeightsError(
            "weights-crashed",
            f"Reading the files ended their reader ({error.how}): they are damaged, or made to break it. "
            "Nothing was taken. Export them again.",
        ) from error


def _write(run: Run, folder: Path, recipe: Recipe, found: dict[str, Any], what: Sent) -> None:
    """Everything of the run but its model: what the child told, and the tables it wrote anew."""
    run.path.mkdir()
    about = {
        "files": [names.shown(name) for name in what.names],
        "brought_at": time.time(),
        "is_checked": found["is_checked"],
        "left_out": found["left_out"],
    }
    prepare_brought(run, recipe, found["class_names"], about)
    if found["report"] is not None:
        files.write_json(run.path / "report.json", found["report"])
    for name in ("manifest.csv", "predictions.csv"):
        if (folder / name).exists():
            (folder / name).rename(run.path / name)


def _place(run: Run, name: str, what: Sent) -> Run:
    """Give a whole run directory its place, and then its row."""
    placed = open_run(run.id)
    files.place_folder(run.path, placed.path)
    message = f"Trained on another machine, brought here as {names.shown(what.names[0])}."
    try:
        queue.record_brought(placed, names.title(name) or f"{placed.recipe.network_name} on another machine", message)
    except BaseException:
        files.remove_folder(placed.path)
        raise
    return placed
