"""How everyone else reaches the processes that import TensorFlow: JSON lines through a pipe, nothing shared.

A `Worker` is kept warm by the web server; the command line starts one for a call. A worker ends when its standard
input closes, so it never outlives whoever started it.
"""

import contextlib
import itertools
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from dashboard.core import files
from dashboard.core.candidates import Score
from dashboard.core.errors import BackboneError, DashboardError, WorkerError, from_record
from dashboard.core.export_formats import ExportFormat
from dashboard.core.range_test import Suggestion
from dashboard.core.recipe import Recipe
from dashboard.core.settings import ROOT, workspace
from dashboard.data import datasets, weights
from dashboard.runs import examples
from dashboard.runs.batches import Batch
from dashboard.runs.run import Run, versions

Progress = Callable[[int, int, str], None]
LOOK = 0.25  # seconds between two looks whether a call was cancelled


class Worker:
    """One `python -m dashboard.ml.worker`, started when first needed and started again after a death.

    Calls from several threads wait for each other: a worker answers one at a time.

    Args:
        module: another program that answers in the same way.
        environment: all that it finds in its environment; that of this process when left out.
    """

    def __init__(self, module: str = "dashboard.ml.worker", environment: dict[str, str] | None = None) -> None:
        self._command = [sys.executable, "-m", module]
        self._environment = environment
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._closed = False
        self._answers: queue.Queue[str | None] = queue.Queue()
        self._numbers = itertools.count(1)

    def start(self) -> None:
        """Start the process without waiting for it: it imports TensorFlow meanwhile."""
        with self._lock:
            self._ensure()

    def close(self) -> None:
        """End the process at once, whatever it is doing: it keeps nothing that is not written aside first."""
        self._closed = True
        if process := self._process:
            _kill(process)
        with self._lock:
            self._end()

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def call(
        self,
        verb: str,
        *,
        timeout: float = 300.0,
        on_progress: Progress | None = None,
        cancelled: Callable[[], bool] = lambda: False,
        **arguments: Any,
    ) -> Any:
        """Ask and wait for the answer.

        Args:
            verb: a name in `dashboard.ml.worker.VERBS`.
            timeout: seconds between two signs of life.
            on_progress: called with done, total and a text for every step the worker reports.
            cancelled: asked again and again; true ends the process, and the next call starts another.
            arguments: JSON-safe values.

        Raises:
            WorkerError: the process died (`worker-died`) or said nothing for `timeout` seconds (`worker-silent`),
                was closed (`worker-closed`), or the call was cancelled (`worker-cancelled`).
            DashboardError: what the worker itself refused, as it raised it.
        """
        with self._lock:
            process = self._ensure()
            number = next(self._numbers)
            try:
                _input(process).write(json.dumps({"id": number, "verb": verb, "arguments": arguments}) + "\n")
                _input(process).flush()
            except OSError:
                raise self._death() from None
            return self._await(number, timeout, on_progress, cancelled)

    def _await(self, number: int, timeout: float, on_progress: Progress | None, cancelled: Callable[[], bool]) -> Any:
        heard = time.monotonic()
        while True:
            if cancelled():
                self._end()
                raise WorkerError("worker-cancelled", "The work was cancelled on request. Nothing was changed.")
            try:
                line = self._answers.get(timeout=min(LOOK, timeout))
                heard = time.monotonic()
            except queue.Empty:
                if time.monotonic() - heard < timeout:
                    continue
                self._end()
                raise WorkerError(
                    "worker-silent",
                    f"The worker process said nothing for {timeout:.0f} seconds and was ended. Try again.",
                ) from None
            if line is None:
                raise self._death()
            answer = json.loads(line)
            if answer["id"] != number:
                continue
            if "progress" in answer:
                if on_progress:
                    on_progress(*answer["progress"])
            elif "error" in answer:
                raise from_record(answer["error"])
            else:
                return answer["result"]

    def _ensure(self) -> subprocess.Popen[str]:
        if self._closed:
            raise WorkerError("worker-closed", "The worker process was ended with the server. Start the server again.")
        if self._process is None or self._process.poll() is not None:
            self._answers = queue.Queue()
            with workspace("worker.log").open("ab") as log:
                self._process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                    cwd=ROOT,
                    env=self._environment,
                    start_new_session=True,
                )
            threading.Thread(target=_pump, args=(self._process, self._answers), daemon=True).start()
        return self._process

    def _death(self) -> DashboardError:
        code = self._process.wait() if self._process else 0
        self._end()
        return WorkerError(
            "worker-died",
            f"The worker process ended while it was working (exit code {code}); most often memory ran out. "
            "Try again, or use a smaller backbone or image size.",
        )

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(BrokenPipeError):  # raised for what was never read; it is closed all the same
            _input(process).close()
        _kill(process)
        process.wait()


def _kill(process: subprocess.Popen[str]) -> None:
    """End a process, and with it what it started."""
    if process.poll() is None:  # once it has been waited for, its number may be another's
        os.killpg(process.pid, signal.SIGKILL)


def _input(process: subprocess.Popen[str]) -> Any:
    """The standard input of a process that was started with a pipe."""
    if process.stdin is None:
        raise ValueError("The worker was started without a pipe.")
    return process.stdin


def _pump(process: subprocess.Popen[str], answers: "queue.Queue[str | None]") -> None:
    if process.stdout is not None:
        with process.stdout as lines:
            for line in lines:
                answers.put(line)
    answers.put(None)


def topology(worker: Worker, *, backbone: str, alpha: float, image_size: int) -> list[dict[str, Any]]:
    """The blocks of a backbone from input to output; computed once, then read from the workspace.

    Returns:
        One record a block: name, layers (count), parameters (count), output_shape (text).
    """
    path = _topology_path(backbone, alpha, image_size)
    if not path.exists():
        files.write_json(path, worker.call("topology", backbone=backbone, alpha=alpha, image_size=image_size))
    return list(files.read_json(path))


def topology_known(*, backbone: str, alpha: float, image_size: int) -> bool:
    """Whether `topology` would answer at once."""
    return _topology_path(backbone, alpha, image_size).exists()


def _topology_path(backbone: str, alpha: float, image_size: int) -> Path:
    return workspace("cache", "topology", f"{backbone}-{alpha:g}-{image_size}-keras{versions()['keras']}.json")


def check(worker: Worker, recipe: Recipe) -> None:
    """Refuse what only a process with Keras can see, before a run exists.

    Raises:
        BackboneError: the backbone has no block of the name in `unfreeze_from`.
        WeightsError: the weights are absent, or of another network.
    """
    weights.require(recipe)
    if recipe.unfreeze_from:
        blocks = topology(worker, backbone=recipe.backbone, alpha=recipe.alpha, image_size=recipe.image_size)
        names = [block["name"] for block in blocks]
        if recipe.unfreeze_from not in names:
            raise BackboneError(
                "block-unknown",
                f"{recipe.network_name} has no block '{recipe.unfreeze_from}'. Its blocks are {', '.join(names)}.",
            )
    if recipe.weights == "file":
        worker.call("check_weights", recipe=recipe.model_dump(mode="json"))


def measure(
    worker: Worker, recipe: Recipe, cuts: list[str | None], *, on_progress: Progress | None = None
) -> dict[str, Any]:
    """Time a few real batches at some cuts; `runs.measures` keeps the answer. Raises as `ml.promise.measure`."""
    values = recipe.model_dump(mode="json")
    return dict(worker.call("measure", timeout=900.0, on_progress=on_progress, recipe=values, cuts=cuts))


def predict_batch(
    worker: Worker,
    batch: Batch,
    *,
    on_progress: Progress | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> None:
    """Carry a batch of predictions out from where it is. Cancelled, it keeps what it has, and so does the worker.

    Raises:
        DashboardError: as of `dashboard.ml.batches.carry_out` and `Worker.call`.
    """

    def report(done: int, total: int, text: str) -> None:
        if cancelled():
            batch.request_stop()
        if on_progress is not None:
            on_progress(done, total, text)

    worker.call("predict_batch", batch=batch.id, timeout=900.0, on_progress=report)


def augmentation_examples(worker: Worker, recipe: Recipe, *, on_progress: Progress | None = None) -> None:
    """See to it that the examples of every augmentation are kept; `runs.examples` reads them.

    Raises:
        DatasetError: the recipe's dataset has no pictures to show.
    """
    if any(examples.known(each) is None for each in examples.rows_of(recipe).values()):
        worker.call("augmentation_examples", recipe=recipe.model_dump(mode="json"), on_progress=on_progress)


def find_learning_rate(
    worker: Worker,
    recipe: Recipe,
    phase: str,
    *,
    on_progress: Progress | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> tuple[pd.DataFrame, Suggestion]:
    """The range test of a phase of a recipe: seconds where its features are kept; writes nothing but features.

    Returns:
        The curve as of `range_test.curve`, and what it suggests.

    Raises:
        DashboardError: as of `dashboard.ml.finder.find` and `Worker.call`.
    """
    values = recipe.model_dump(mode="json")
    found = worker.call("find_learning_rate", recipe=values, phase=phase, on_progress=on_progress, cancelled=cancelled)
    return pd.DataFrame(found["curve"]), Suggestion(**found["suggestion"])


def export(
    worker: Worker,
    run: Run,
    export_format: str,
    *,
    on_progress: Progress | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Path:
    """Make one export of a finished run inside its directory, and its certificate, if it is not there yet; its path.

    Raises:
        DashboardError: as of `dashboard.ml.export.export` and `Worker.call`.
    """
    run.require_model()
    call = worker.call(
        "export", run=run.id, format=export_format, timeout=1800.0, on_progress=on_progress, cancelled=cancelled
    )
    return run.path / str(call["path"])


def exported(run: Run, export_format: ExportFormat) -> Path | None:
    """Where an export lies if it was made since the run last wrote its model, else None."""
    own, made = run.path / export_format.file_name, run.path / "exports" / export_format.file_name
    if own.exists():
        return own
    return made if made.exists() and made.stat().st_mtime >= run.model_path.stat().st_mtime else None


def bake_off(worker: Worker, recipe: Recipe, *, on_progress: Progress | None = None) -> Score:
    """Measure one backbone on the recipe's pictures, as `ml.bake_off`; raises as it does, and as `Worker.call`."""
    call = worker.call("bake_off", recipe=recipe.model_dump(mode="json"), timeout=900.0, on_progress=on_progress)
    return Score(**call)


def look_alikes(
    worker: Worker,
    recipe: Recipe,
    *,
    on_progress: Progress | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> pd.DataFrame:
    """Near-duplicates by the features of a recipe's network, as `ml.look_alikes`; raises as it does, and `Worker.call`.

    Returns:
        Columns sha256_a, sha256_b, similarity.
    """
    values = recipe.model_dump(mode="json")
    found = worker.call("look_alikes", recipe=values, on_progress=on_progress, cancelled=cancelled)
    return pd.DataFrame(found, columns=datasets.LIKENESSES)
