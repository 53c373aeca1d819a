"""Batches of predictions, carried out in this process: what the numbers are, and that each picture has one row."""

import io
import os
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dashboard.core.errors import RunError
from dashboard.core.metrics import PROBABILITY
from dashboard.data.asking import Given
from dashboard.ml import batches as work
from dashboard.ml import predict, streaming
from dashboard.ml.predict import Classifier, open_classifier
from dashboard.runs import batch_rows, batches
from dashboard.runs.batches import Batch
from dashboard.runs.run import Run
from tests.data.crashing import CRASHES_HERE
from tests.drawn import CLASS_NAMES, drawn_run
from tests.making import folder_of, picture, pixels, zip_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def kept() -> dict[str, Classifier]:
    return {}


@pytest.fixture
def run(workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return drawn_run(tmp_path_factory)


@pytest.fixture
def carry_out(run: Run, kept: dict[str, Classifier]) -> Callable[..., pd.DataFrame]:
    """Carry a batch out by one classifier for all tests; its table afterwards."""

    def carry_out(batch: Batch, progress: work.Progress = lambda *_: None) -> pd.DataFrame:
        if not kept:
            kept["it"] = open_classifier(run)
        work.carry_out(batch, lambda: kept["it"], progress)
        return table(batch)

    return carry_out


def table(batch: Batch) -> pd.DataFrame:
    return pd.concat(batch_rows.each_part(batch.path), ignore_index=True)


def given(*paths: Path) -> Given:
    return Given(tuple((str(path), path.name) for path in paths))


def pictures(count: int) -> dict[str, bytes]:
    return {f"{CLASS_NAMES[number % 4]}/{number:04d}.png": picture(number) for number in range(count)}


def photograph(seed: int, side: int) -> bytes:
    """A JPEG with fine detail, many times the size the network sees."""
    noise = np.random.default_rng(seed).normal(0, 30, (side, side, 3))
    out = io.BytesIO()
    Image.fromarray(np.clip(pixels(seed, side) + noise, 0, 255).astype("uint8")).save(out, "JPEG", quality=90)
    return out.getvalue()


def columns() -> list[str]:
    return [PROBABILITY + name for name in sorted(CLASS_NAMES)]


def whole_model(run: Run, files: list[bytes]) -> np.ndarray:
    """What the exported file says of raw pictures, in one line of Keras."""
    model = keras.models.load_model(run.model_path)
    raw = [np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), "float32")[np.newaxis] for data in files]
    return np.concatenate([model.predict_on_batch(each) for each in raw])


@pytest.mark.parametrize("count", [6, predict.MANY + 6], ids=["by Keras", "by the engine"])
def test_the_numbers_are_those_of_the_whole_exported_model(
    run: Run, carry_out: Callable[..., pd.DataFrame], tmp_path: Path, count: int
) -> None:
    files = pictures(count - 2) | {"large.jpg": photograph(1, 700), "wide.jpg": photograph(2, 500)}
    found = carry_out(batches.begin(run, given(folder_of(files, tmp_path / "new"))))
    paths = [*list(files)[:: max(1, count // 8)], "large.jpg", "wide.jpg"]
    expected = whole_model(run, [files[path] for path in paths])
    shown = found.set_index("path").loc[[f"new/{path}" for path in paths], columns()].to_numpy()
    assert shown.std(axis=0).max() > 0.05, "a constant output would pass every comparison"
    assert np.abs(shown - expected).max() < 1e-4
    assert list(found["predicted"]) == [sorted(CLASS_NAMES)[index] for index in found[columns()].to_numpy().argmax(1)]


def test_a_batch_goes_on_where_it_was_stopped_and_no_row_is_lost_or_doubled(
    run: Run, carry_out: Callable[..., pd.DataFrame], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "SAY", 0.0)
    files = pictures(300) | {f"circle/{number:04d}.jpg": b"\xff\xd8\xff" for number in (0, 57, 299)}
    archive = zip_of(sorted(files.items()), tmp_path / "new.zip")
    whole = carry_out(batches.begin(run, given(archive)))
    batch = batches.begin(run, given(archive))
    stops = 0
    while not batch.finished:
        before = batch.done

        def stop_soon(done: int, total: int, text: str, before: int = before) -> None:
            if before + 60 < done < 250:
                batch.request_stop()

        try:
            carry_out(batch, stop_soon)
        except RunError as refusal:
            assert refusal.code == "batch-stopped"
            stops += 1
        assert batch.done > before
    assert stops >= 2
    found = table(batch)
    assert list(found["path"]) == sorted(files)
    assert list(found["code"] != "") == [path.endswith(".jpg") for path in sorted(files)]
    text = [column for column in found if column not in columns()]
    pd.testing.assert_frame_equal(found[text], whole[text])
    np.testing.assert_allclose(found[columns()], whole[columns()], atol=1e-5)
    again = carry_out(batch)
    assert len(again) == len(files)


def test_pictures_that_end_the_decoder_cost_themselves_only(
    run: Run, carry_out: Callable[..., pd.DataFrame], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real SIGSEGV of the real child, twice."""
    monkeypatch.setattr(streaming, "DECODING", "tests.ml.crashing")
    files = pictures(40)
    for path in (sorted(files)[11], sorted(files)[29]):
        files[path] += CRASHES_HERE
    found = carry_out(batches.begin(run, given(folder_of(files, tmp_path / "new"))))
    assert list(found["path"]) == [f"new/{path}" for path in sorted(files)]
    assert found.index[found["code"] != ""].to_list() == [11, 29]
    assert set(found["code"]) == {"", "image-crash"}
    assert found["reason"][11].startswith("Opening the file ended the process that opens pictures (SIGSEGV)")


def test_what_is_added_to_a_batch_is_predicted_and_what_was_there_is_not_computed_again(
    run: Run, carry_out: Callable[..., pd.DataFrame], tmp_path: Path
) -> None:
    batch = batches.begin(run, given(zip_of(pictures(5), tmp_path / "first.zip")))
    carry_out(batch)
    parts = {path: path.stat().st_mtime_ns for path in batch_rows.parts(batch.path)}
    folder = folder_of({"one more.png": picture(7)}, tmp_path / "second")
    batch.add(given(folder / "one more.png"))
    assert not batch.finished
    assert list(carry_out(batch)["path"])[4:] == [list(pictures(5))[-1], "one more.png"]
    assert {path: path.stat().st_mtime_ns for path in parts} == parts


def test_a_batch_is_one_networks_and_one_processs_work(
    run: Run, carry_out: Callable[..., pd.DataFrame], tmp_path: Path
) -> None:
    batch = batches.begin(run, given(zip_of(pictures(5), tmp_path / "new.zip")))
    with batch.at_work(), pytest.raises(RunError) as twice:
        carry_out(batch)
    assert twice.value.code == "batch-under-way"
    with batch.at_work(), pytest.raises(RunError) as kept_from:
        batches.discard(batch)
    assert kept_from.value.code == "batch-under-way"
    os.utime(run.weights_path, ns=(1, 1))
    with pytest.raises(RunError) as other:
        carry_out(batch)
    assert other.value.code == "batch-weights-changed"
    batches.discard(batch)
    assert batches.of_run(run) == []
    with pytest.raises(RunError) as gone:
        carry_out(batches.open_batch(batch.id))
    assert gone.value.code == "batch-unknown"
