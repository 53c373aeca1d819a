"""A run's numbers in TensorBoard and MLflow, read back as those programs read them themselves."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from dashboard.core import files
from dashboard.core.settings import ROOT, settings
from dashboard.ml import tracking
from dashboard.ml.tracking import Point, Program
from dashboard.runs import checkpoints, events, status
from dashboard.runs.run import Run
from tests.waiting import wait_until

# MLflow's own, under the newest SQLAlchemy.
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")


class Notebook:
    """A tracker of paper: keeps what it is given, until it shall fail or be slow."""

    def __init__(self, fails_after: int = 1000, blocked: threading.Event | None = None) -> None:
        self.points: list[Point] = []
        self.status: str | None = None
        self.writes, self.fails_after, self.blocked = 0, fails_after, blocked

    def write(self, points: list[Point]) -> None:
        if self.blocked is not None:
            self.blocked.wait(60)
        self.writes += 1
        if self.writes > self.fails_after:
            raise ConnectionError("no way to https://me:secret@tracker.example/api")
        self.points += points

    def close(self, status: str) -> None:
        self.status = status

    def program(self, name: str = "Notebook") -> Program:
        return Program(name, lambda: True, lambda run: self)


def epoch(run: Run, number: int) -> None:
    """What a worker says in an epoch of two batches, told one after the other."""
    here = {"phase": "feature extraction", "epoch": number, "pictures_per_second": 1.0}
    for step, loss in ((2 * number - 1, 1.0), (2 * number, 2.0)):
        run.say("batches", **here, first_step=step, loss=[loss], accuracy=[loss / 10], learning_rate=[0.01])
    figures = dict.fromkeys(("loss", "accuracy", "validation_loss", "validation_accuracy", "learning_rate"), 0.5)
    run.say("epoch", phase=here["phase"], epoch=number, step=2 * number, **figures, seconds=1.0)


def warnings(run: Run, *about: str) -> list[str]:
    """What the run warns of that begins with one of these names."""
    said = [event["text"] for event in events.read(run.events_path) if event["kind"] == "warning"]
    return [text for text in said if text.startswith(about)]


def steps(points: list[Point], name: str) -> list[int]:
    return [point.step for point in points if point.name == name]


def test_every_number_is_handed_on_once_with_its_step(make_run: Callable[..., Run]) -> None:
    run, notebook = make_run(), Notebook()
    with tracking.following(run, [notebook.program()]):
        run.say("attempt", epoch=0, versions={})
        epoch(run, 1)
        epoch(run, 2)
        run.say("end", status="finished", text="")
    for name in ("loss", "accuracy", "learning_rate"):
        assert steps(notebook.points, f"batch/{name}") == [1, 2, 3, 4]
    for name in ("loss", "accuracy", "validation_loss", "validation_accuracy", "learning_rate"):
        assert steps(notebook.points, f"epoch/{name}") == [1, 2]
    assert [point.value for point in notebook.points if point.name == "batch/loss"] == [1.0, 2.0, 1.0, 2.0]
    assert notebook.status == "finished"
    assert warnings(run, "Notebook") == []


def test_a_later_attempt_hands_on_what_stays_of_the_earlier_one_and_nothing_that_is_void(
    make_run: Callable[..., Run],
) -> None:
    run, notebook = make_run(), Notebook()
    run.say("attempt", epoch=0, versions={})
    for number in (1, 2, 3):
        epoch(run, number)
    with tracking.following(run, [notebook.program()]):
        time.sleep(2.5 * tracking.EVERY)
        assert notebook.points == [], "it is not known yet what stays"
        run.say("attempt", epoch=2, versions={})
        epoch(run, 3)
        epoch(run, 4)
    assert steps(notebook.points, "epoch/loss") == [1, 2, 3, 4]
    assert steps(notebook.points, "batch/loss") == list(range(1, 9))
    assert notebook.status == "", "no end was said"


def test_one_that_fails_is_one_warning_and_the_others_go_on(make_run: Callable[..., Run]) -> None:
    run, failing, other = make_run(), Notebook(fails_after=0), Notebook()
    with tracking.following(run, [failing.program("Failing"), other.program()]):
        run.say("attempt", epoch=0, versions={})
        epoch(run, 1)
    assert steps(other.points, "epoch/loss") == [1]
    (text,) = warnings(run, "")
    assert text.startswith("Failing took no more numbers: ConnectionError: no way to https://tracker.example/api.")
    assert "The run goes on" in text


def test_one_that_hangs_is_waited_for_no_longer_than_patience(make_run: Callable[..., Run]) -> None:
    run, blocked = make_run(), threading.Event()
    with tracking.following(run, [Notebook(blocked=blocked).program("Slow")], patience=0.2):
        run.say("attempt", epoch=0, versions={})
        epoch(run, 1)
    blocked.set()
    (text,) = warnings(run, "")
    assert text.startswith("Slow did not take the run's last numbers within 0.2 s")


def test_a_run_that_never_began_is_not_begun_elsewhere(make_run: Callable[..., Run]) -> None:
    run, begun = make_run(), []
    with tracking.following(run, [Program("Eager", lambda: True, begun.append)]):
        run.say("end", status="failed", text="Its pictures are gone.")
    assert begun == []


def test_nothing_is_switched_on_by_itself(workspace: Path) -> None:
    assert [program.name for program in tracking.PROGRAMS if program.is_on()] == []


@pytest.mark.parametrize(
    ("setting", "folder"), [("1", "workspace/tensorboard"), ("curves", "workspace/curves"), ("/srv/tb", "/srv/tb")]
)
def test_a_relative_folder_lies_in_the_workspace(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, setting: str, folder: str
) -> None:
    monkeypatch.setenv("THAW_TENSORBOARD", setting)
    settings.cache_clear()
    assert settings().tensorboard_folder == workspace.parent / folder
    assert [program.name for program in tracking.PROGRAMS if program.is_on()] == ["TensorBoard"]


NOTHING_BUT_NUMBERS = """
import sys
from dashboard.ml.importing import import_keras
import_keras()
import dashboard.ml.train
print([name for name in ("tensorboard", "mlflow") if name in sys.modules])
"""


@pytest.mark.slow
def test_what_is_not_switched_on_is_not_imported(workspace: Path) -> None:
    done = subprocess.run([sys.executable, "-c", NOTHING_BUT_NUMBERS], cwd=ROOT, check=True, capture_output=True)
    assert done.stdout.decode().strip() == "[]"


@pytest.fixture
def tensorboard_folder(workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    pytest.importorskip("tensorboard", reason="needs tensorboard of requirements-extras.txt")
    monkeypatch.setenv("THAW_TENSORBOARD", str(tmp_path / "curves"))
    settings.cache_clear()
    return tmp_path / "curves"


@pytest.fixture
def mlflow_store(workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An MLflow database of its own, without a server; it has its tables, which take MLflow seconds to make."""
    mlflow = pytest.importorskip("mlflow", reason="needs mlflow-skinny of requirements-extras.txt")
    uri = f"sqlite:///{tmp_path / 'mlflow.sqlite'}"
    mlflow.MlflowClient(tracking_uri=uri).search_experiments()
    monkeypatch.setenv("THAW_MLFLOW_TRACKING_URI", uri)
    settings.cache_clear()
    return uri


def curves(folder: Path) -> Any:
    """What TensorBoard has read of a run's folder."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()


def mirror(uri: str) -> Any:
    """The one run that MLflow has; None while it has none."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name(settings().mlflow_experiment)
    found = client.search_runs([experiment.experiment_id]) if experiment else []
    assert len(found) <= 1
    return found[0] if found else None


def reported(uri: str, name: str) -> list[Any]:
    """What MLflow has of a metric, in order of its steps."""
    from mlflow import MlflowClient

    if (found := mirror(uri)) is None:
        return []
    return sorted(MlflowClient(uri).get_metric_history(found.info.run_id, name), key=lambda each: each.step)


def attempts(run: Run) -> list[int]:
    """After which epoch each of them went on."""
    return [event["epoch"] for event in events.read(run.events_path) if event["kind"] == "attempt"]


def keep_aside(run: Run, aside: Path) -> bool:
    """Copy the newest checkpoint of a run that goes on; whether that came out whole."""
    shutil.rmtree(aside, ignore_errors=True)
    newest = [epoch for epoch in checkpoints.epochs(run.path) if epoch][:1]
    with suppress(OSError):  # the run removes old ones
        for epoch in newest:
            shutil.copytree(checkpoints.path(run.path, epoch), checkpoints.path(aside, epoch))
    return bool(newest) and checkpoints.is_whole(checkpoints.path(aside, newest[0]))


@pytest.mark.soak
@pytest.mark.slow
def test_a_killed_and_resumed_run_is_in_both_once_and_as_it_is_here(
    make_run: Callable[..., Run],
    start: Any,
    wait_for: Any,
    lively: dict[str, Any],
    tensorboard_folder: Path,
    mlflow_store: str,
    tmp_path: Path,
) -> None:
    run = make_run(**lively, epochs=1000, patience=1000, fine_tune_epochs=0, augmentation=["flip", "zoom"])
    process, aside = start(run), tmp_path / "aside"
    wait_for(lambda: keep_aside(run, aside))
    (before,) = checkpoints.epochs(aside)
    wait_for(lambda: len(reported(mlflow_store, "epoch/loss")) >= before + 2)
    open_all_the_time = curves(tensorboard_folder / run.id)
    process.kill()
    process.wait()
    shutil.rmtree(run.path / "checkpoints")  # and both programs have more than what is not void now
    shutil.move(aside / "checkpoints", run.path)
    void = reported(mlflow_store, "epoch/loss")[-1].step
    process = start(run)
    wait_for(lambda: len(attempts(run)) == 2 and run.history()["epoch"].max() > void)
    process.terminate()
    assert process.wait(timeout=120) == 0, run.log_path.read_text()

    assert attempts(run) == [0, before]
    history, batches = run.history(), events.batches(events.read(run.events_path))
    assert warnings(run, "TensorBoard", "MLflow") == []
    seen = curves(tensorboard_folder / run.id)
    open_all_the_time.Reload()
    figures = {f"epoch/{name}": (history["epoch"], history[name]) for name in tracking.EPOCH}
    figures |= {f"batch/{name}": (batches["step"], batches[name]) for name in tracking.BATCH}
    for name, (at, values) in figures.items():
        in_tensorboard, once_more = seen.Scalars(name), open_all_the_time.Scalars(name)
        for written, exactness in ((in_tensorboard, 1e-6), (once_more, 1e-6), (reported(mlflow_store, name), 1e-3)):
            assert [each.step for each in written] == at.tolist(), name
            assert [each.value for each in written] == pytest.approx(values.tolist(), rel=exactness)
    mirrored = mirror(mlflow_store)
    for split, accuracy in run.report()["accuracy"].items():
        (last,) = seen.Scalars(f"whole/{split}_accuracy")
        assert last.value == pytest.approx(accuracy["value"], rel=1e-6)
        assert mirrored.data.metrics[f"whole/{split}_accuracy"] == pytest.approx(accuracy["value"])
    assert mirrored.info.status == "FINISHED"
    assert mirrored.info.run_name == run.id
    assert mirrored.data.params["backbone"] == "MobileNet"
    assert mirrored.data.params["augmentation"] == "flip, zoom"
    assert set(mirrored.data.params) == set(run.recipe.model_dump())
    hyperparameters = hparams(seen)
    assert hyperparameters["backbone"].string_value == "MobileNet"
    assert hyperparameters["learning_rate"].number_value == run.recipe.learning_rate
    assert set(hyperparameters) == set(run.recipe.model_dump())


@pytest.mark.slow
def test_a_paused_run_waits_in_mlflow_and_what_was_changed_of_its_recipe_is_a_tag(
    make_run: Callable[..., Run], mlflow_store: str
) -> None:
    from dashboard.ml.tracking_mlflow import MLflow

    run = make_run(epochs=3)
    tracker = MLflow(run)
    tracker.write([Point("epoch/loss", 1, 1.0, 0.5)])
    tracker.close(status.PAUSED)
    assert mirror(mlflow_store).info.status == "SCHEDULED"
    written = files.read_json(run.path / "recipe.json")
    written["recipe"]["epochs"] = 5
    files.write_json(run.path / "recipe.json", written)
    tracker = MLflow(Run(run.path))
    assert mirror(mlflow_store).info.status == "RUNNING"
    tracker.write([Point("epoch/loss", step, 2.0, 0.25) for step in (1, 2)])
    tracker.close(status.FAILED)
    mirrored = mirror(mlflow_store)
    assert mirrored.info.status == "FAILED"
    assert (mirrored.data.params["epochs"], mirrored.data.tags["thaw.epochs"]) == ("3", "5")
    assert {name for name in mirrored.data.tags if name.startswith("thaw.")} == {"thaw.epochs", "thaw.run"}
    assert [(each.step, each.value) for each in reported(mlflow_store, "epoch/loss")] == [(1, 0.5), (2, 0.25)]


def hparams(seen: Any) -> dict[str, Any]:
    from tensorboard.plugins.hparams import metadata

    content = seen.SummaryMetadata(metadata.SESSION_START_INFO_TAG).plugin_data.content
    ended = seen.SummaryMetadata(metadata.SESSION_END_INFO_TAG).plugin_data.content
    assert metadata.parse_session_end_info_plugin_data(ended).status == 1, "success"
    return dict(metadata.parse_session_start_info_plugin_data(content).hparams)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("package", "name", "variable", "value"),
    [
        ("tensorboard", "TensorBoard", "THAW_TENSORBOARD", "1"),
        pytest.param(
            *("mlflow", "MLflow", "THAW_MLFLOW_TRACKING_URI", "sqlite:///mlflow.sqlite"), marks=pytest.mark.soak
        ),
    ],
)
def test_one_that_is_not_installed_is_one_warning_with_the_way_out(
    package: str,
    name: str,
    variable: str,
    value: str,
    make_run: Callable[..., Run],
    train_to_end: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    lively: dict[str, Any],
) -> None:
    hides = tmp_path / "hides" / f"{package}.py"
    hides.parent.mkdir()
    hides.write_text(f"raise ModuleNotFoundError(\"No module named '{package}'\")\n")
    monkeypatch.setenv("PYTHONPATH", str(hides.parent))
    monkeypatch.setenv(variable, value)
    run = train_to_end(make_run(**lively, fine_tune_epochs=0))
    (text,) = warnings(run, "TensorBoard", "MLflow")
    assert text.startswith(f"{name} is switched on but not installed (No module named '{package}')")
    assert "requirements-extras.txt" in text
    assert events.read(run.events_path)[-1]["status"] == "finished"


QUIET = """
import os
for name in ("CI", "PYTEST_CURRENT_TEST"):
    os.environ.pop(name, None)  # MLflow reports nothing where tests run, which would prove nothing
from dashboard.ml import tracking_mlflow
from mlflow.telemetry.client import get_telemetry_client
print(get_telemetry_client())
"""


@pytest.mark.slow
def test_mlflow_reports_its_use_to_nobody(mlflow_store: str) -> None:
    done = subprocess.run([sys.executable, "-c", QUIET], cwd=ROOT, check=True, capture_output=True)
    assert done.stdout.decode().strip() == "None"


@pytest.fixture
def mlflow_server(mlflow_store: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Callable[[], None]]]:
    """The address of a real server, and how to end it at once."""
    for package in ("aiohttp", "flask", "flask_cors"):
        pytest.importorskip(package, reason="needs what requirements-dev.txt has for MLflow's own server")
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    options = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1", "--backend-store-uri", mlflow_store]
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    process = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", *options], env={**os.environ, **quiet}, start_new_session=True
    )

    def end() -> None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    monkeypatch.setenv("THAW_MLFLOW_TRACKING_URI", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("THAW_MLFLOW_EXPERIMENT", "Shapes and stripes")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    settings.cache_clear()
    try:
        wait_until(lambda: process.poll() is not None or answers(port), seconds=120)
        assert process.poll() is None, "the server did not start; its output says why"
        yield f"http://127.0.0.1:{port}", end
    finally:
        end()


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as said:
            return bool(said.status == 200)
    except OSError:
        return False


@pytest.mark.soak
@pytest.mark.slow
def test_a_run_outlives_the_server_it_reports_to(
    make_run: Callable[..., Run],
    start: Any,
    wait_for: Any,
    lively: dict[str, Any],
    mlflow_store: str,
    mlflow_server: tuple[str, Callable[[], None]],
) -> None:
    address, end = mlflow_server
    run = make_run(**lively, epochs=1000, patience=1000, fine_tune_epochs=0)
    process = start(run)
    wait_for(lambda: len(reported(address, "epoch/loss")) >= 2)
    end()
    wait_for(lambda: bool(warnings(run, "MLflow")))
    at_the_warning = len(run.history())
    wait_for(lambda: len(run.history()) > at_the_warning)
    process.terminate()
    assert process.wait(timeout=60) == 0, run.log_path.read_text()
    assert events.read(run.events_path)[-1]["status"] == "stopped"
    (text,) = warnings(run, "TensorBoard", "MLflow")
    assert text.startswith("MLflow took no more numbers: ")
    history = run.history()
    kept_steps = [metric.step for metric in reported(mlflow_store, "epoch/loss")]
    assert kept_steps == list(range(1, len(kept_steps) + 1)), "what the server had it has"
    assert 2 <= len(kept_steps) < len(history)
