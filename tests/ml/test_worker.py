"""The worker process, asked through its pipe as the web server asks it."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from dashboard.core.errors import BackboneError, RunError, WeightsError, WorkerError
from dashboard.runs import workers
from dashboard.runs.run import Run
from tests.ml.conftest import classified
from tests.ml.finishing import finish

pytestmark = pytest.mark.slow


@pytest.fixture
def worker(workspace: Path) -> Iterator[workers.Worker]:
    worker = workers.Worker()
    yield worker
    worker.close()


def test_it_answers_questions_about_networks_and_lives_on_after_refusals(worker: workers.Worker) -> None:
    assert worker.call("ping") == "pong"
    blocks = workers.topology(worker, backbone="MobileNetV2", alpha=0.35, image_size=96)
    assert (len(blocks), blocks[0]["name"], blocks[-1]["output_shape"]) == (19, "stem", "3 x 3 x 1280")
    assert sum(block["parameters"] for block in blocks) == 410_208
    with pytest.raises(BackboneError, match="at least 32 pixels"):
        worker.call("topology", backbone="MobileNetV2", alpha=1.0, image_size=16)
    with pytest.raises(RunError) as refusal:
        worker.call("classify", run="nobody", arrays=[])
    assert refusal.value.code == "run-unknown"
    with pytest.raises(WorkerError) as mistake:
        worker.call("topology", wrong="argument")
    assert mistake.value.code == "worker-failed"
    recipe = {"dataset": "-", "weights": "file", "weights_file": "0" * 64}
    with pytest.raises(WeightsError) as unknown:
        worker.call("check_weights", recipe=recipe)
    assert unknown.value.code == "weights-file-unknown"
    assert worker.call("ping") == "pong"


def test_it_predicts_what_the_table_says_and_reads_the_model_once(
    make_run: Callable[..., Run], worker: workers.Worker, tmp_path: Path
) -> None:
    run = make_run(backbone="MobileNetV2", alpha=0.35, image_size=96)
    finish(run)
    table = run.predictions()
    shas = list(table["sha256"])
    found = classified(worker, run, shas, tmp_path)
    np.testing.assert_allclose(found, table[[f"probability: {name}" for name in run.class_names]], atol=1e-5)
    weights, written = run.weights_path.read_bytes(), run.weights_path.stat().st_mtime_ns
    run.weights_path.write_bytes(b"not read again")
    os.utime(run.weights_path, ns=(written, written))
    np.testing.assert_allclose(classified(worker, run, shas[:1], tmp_path), found[:1], atol=1e-5)
    run.weights_path.write_bytes(weights)

    if shutil.which("dot"):
        assert "block_16_project" in workers.export(worker, run, "topology-svg").read_text()


def test_without_graphviz_the_drawing_is_refused_with_the_way_to_it(
    make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run = make_run()
    run.weights_path.write_bytes(b"")
    run.model_path.write_bytes(b"")
    monkeypatch.setenv("PATH", str(tmp_path))
    with workers.Worker() as worker, pytest.raises(RunError, match="apt install graphviz") as refusal:
        worker.call("export", run=run.id, format="topology-svg")
    assert refusal.value.code == "graphviz-absent"
