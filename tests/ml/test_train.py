"""One run from picture files to a model to take home, through the real process."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dashboard.core.lease import Lease
from dashboard.core.settings import ROOT
from dashboard.ml import train
from dashboard.runs import checkpoints, events
from dashboard.runs.run import Run

pytestmark = pytest.mark.slow

COMPUTING = "computing what stays frozen"

RELOAD = """
import sys
import numpy as np
from pathlib import Path
from dashboard.ml import classifier
from dashboard.ml.predict import Classifier
from dashboard.runs.run import Run
from dashboard.data.datasets import picture_path
import keras

run = Run(Path(sys.argv[1]))
whole = keras.models.load_model(run.model_path)
rebuilt = classifier.build(run.recipe, run.class_names)
rebuilt.load_weights(run.weights_path)
from dashboard.data.images import decode
table = run.predictions()
paths = [picture_path(sha) for sha in table["sha256"]]
one_by_one = [model.predict(decode(path)[np.newaxis].astype("float32"), verbose=0)[0]
              for model in (whole, rebuilt) for path in paths[:6]]
np.save(sys.argv[2], np.array(one_by_one).reshape(2, 6, -1))
"""


def probabilities(run: Run) -> np.ndarray:
    table = run.predictions()
    return table[[f"probability: {name}" for name in run.class_names]].to_numpy(float)


def predicts_in_a_fresh_process_what_its_table_says(run: Run) -> None:
    out = run.path / "reloaded.npy"
    subprocess.run([sys.executable, "-c", RELOAD, str(run.path), str(out)], cwd=ROOT, check=True)
    said = probabilities(run)
    assert said.std(axis=0).max() > 1e-4, "outputs must vary, or equality proves nothing"
    for reloaded in np.load(out):
        np.testing.assert_allclose(reloaded, said[:6], atol=1e-4)


def reports_what_it_did(run: Run, epochs: int) -> None:
    report = run.report()
    assert len(run.predictions()) == 32
    assert report["epochs"] == epochs
    assert 0 <= report["accuracy"]["test"]["low"] <= report["test_accuracy"] <= report["accuracy"]["test"]["high"] <= 1
    assert report["seconds"]["total"] > report["seconds"]["training"] > 0
    assert events.read(run.events_path)[-1]["status"] == "finished"
    assert json.loads((run.path / "labels.json").read_text())["class_names"] == run.class_names


def test_a_stop_request_keeps_a_whole_model_with_the_best_weights(
    make_run: Callable[..., Run], start: Any, wait_for: Any, lively: dict[str, Any]
) -> None:
    run = make_run(**lively, epochs=1000, patience=1000)
    process = start(run)
    wait_for(lambda: len(run.history()) >= 2)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 0, run.log_path.read_text()
    said = events.read(run.events_path)
    assert events.last(said, "end")["status"] == "stopped"
    assert "stop" in events.marks(said)["kind"].tolist()
    assert run.has_model
    assert not run.stop_requested
    best = run.history()["validation_loss"].idxmin() + 1
    assert run.report()["best_epoch"] == best
    assert len(run.predictions()) == 32


@pytest.mark.soak
def test_a_killed_run_goes_on_and_ends_like_an_untouched_one_with_a_model_that_predicts_what_its_table_says(
    make_run: Callable[..., Run], start: Any, train_to_end: Any, wait_for: Any, lively: dict[str, Any]
) -> None:
    thawed = {"fine_tune_epochs": 2, "unfreeze_from": "conv_13"}
    fields = {**lively, **thawed, "epochs": 3, "augmentation": ["flip", "zoom"], "batch_size": 4}
    fields |= {"label_smoothing": 0.1, "class_weights": True}
    run = make_run("killed", **fields)
    process = start(run)
    wait_for(lambda: checkpoints.epochs(run.path)[:1] == [2])
    process.kill()
    process.wait()
    train_to_end(run)
    said = events.read(run.events_path)
    assert run.history()["epoch"].tolist() == [1, 2, 3, 4, 5]
    steps = events.batches(said)["step"].tolist()
    assert steps == list(range(1, len(steps) + 1))
    assert [event["phase"] for event in said if event["kind"] == "phase"] == ["feature extraction", "fine-tuning"]
    assert [event["epoch"] for event in said if event["kind"] == "attempt"] == [0, 2]
    untouched = make_run("untouched", **fields)
    train.train(untouched)
    np.testing.assert_allclose(probabilities(run), probabilities(untouched), atol=1e-5)
    assert checkpoints.epochs(run.path)[:2] == [5, 4]
    reports_what_it_did(run, epochs=5)
    predicts_in_a_fresh_process_what_its_table_says(run)


def test_a_run_on_cached_features_ends_like_one_without_and_the_next_computes_none(
    make_run: Callable[..., Run], lively: dict[str, Any]
) -> None:
    def train_here(run: Run) -> Run:
        train.train(run)
        return run

    fields = {**lively, "epochs": 2, "unfreeze_from": "conv_13", "precision": "float32"}
    plain, first = (train_here(make_run(name, **fields, cache=cache)) for name, cache in (("a", False), ("b", True)))
    again = train_here(make_run("c", **fields, learning_rate=3e-3, head_width=8))
    assert probabilities(plain).std(axis=0).max() > 1e-4, "outputs must vary, or equality proves nothing"
    np.testing.assert_allclose(probabilities(first), probabilities(plain), atol=5e-3)  # features are kept in float16
    computed = [
        [event["total"] for event in events.read(run.events_path) if event.get("stage") == COMPUTING]
        for run in (plain, first, again)
    ]
    assert [sorted(set(totals)) for totals in computed] == [[], [28], []]
    assert first.report()["seconds"]["features"] > 0


def test_two_processes_never_train_one_run(make_run: Callable[..., Run], capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run()
    lease = Lease(run.lease_path)
    assert lease.acquire()
    assert train.main(run) == 3
    lease.release()
    assert "Another process is training run" in capsys.readouterr().err
