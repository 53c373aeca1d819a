"""What is taken home predicts what the page showed; what does not is found out."""

import json
import os
import runpy
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest

from dashboard.core import browser_runtime, certificates, files
from dashboard.core.certificates import Certificate
from dashboard.core.export_formats import EXPORT_FORMATS
from dashboard.core.metrics import PROBABILITY
from dashboard.core.recipe import recipe_from
from dashboard.core.settings import ROOT, settings
from dashboard.data import intake
from dashboard.data.asking import Given
from dashboard.data.images import decode
from dashboard.ml import classifier, export, export_browser, parity, portable, predict, rebuild, recipient, train
from dashboard.ml.backbone import TORCH_DEVIATION, TORCH_MEAN
from dashboard.ml.batches import carry_out
from dashboard.ml.resizing import resize
from dashboard.runs import batch_rows, batches, queue, status
from dashboard.runs.certificates import certificate
from dashboard.runs.run import Run, prepare
from tests.browser import visitor
from tests.making import folder_of
from tests.ml.conftest import CLASSES, SMALL, store_shapes
from tests.ml.exported_page import elsewhere, giving, is_open, named, served
from tests.ml.finishing import finish
from tests.ml.taken_home import fresh_answers
from tests.raw import jpegs, lossless

CERTIFIED = [row.name for row in EXPORT_FORMATS.values() if row.tolerance is not None]
EXACT = [name for name in CERTIFIED if not EXPORT_FORMATS[name].agreement]


def say(done: int, total: int, text: str) -> None:
    pass


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """A finished run in a workspace of this module's own."""
    before = dict(os.environ)
    os.environ["THAW_WORKSPACE"] = str(tmp_path_factory.mktemp("finished") / "workspace")
    settings.cache_clear()
    run = prepare("run", recipe_from({**SMALL, "image_size": 64, "head_width": 0}), store_shapes(16))
    finish(run)
    yield run
    os.environ.clear()
    os.environ.update(before)
    settings.cache_clear()


@pytest.mark.parametrize("shape", [(90, 200), (64, 64), (20, 31), (64, 700), (1, 1), (900, 1200)], ids=str)
def test_plain_operations_resize_as_the_network_does(shape: tuple[int, int]) -> None:
    pictures = np.random.default_rng(0).uniform(0, 255, (2, *shape, 3)).astype("float32")
    expected = np.stack([resize(each, 64) for each in pictures])
    np.testing.assert_allclose(portable.PlainResizing(64)(pictures), expected, atol=1e-3)
    np.testing.assert_allclose(classifier.resizing(64)(pictures), expected, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [  # between float32 and 8 bits is nothing that the two do not have
        pytest.param(name, marks=[pytest.mark.soak] if name == "litert-float16" else []) for name in EXPORT_FORMATS
    ],
)
def test_every_export_is_made_and_what_predicts_is_certified(finished: Run, name: str) -> None:
    row = EXPORT_FORMATS[name]
    steps: list[str] = []
    if row.absent:
        pytest.skip("needs requirements-extras.txt")
    path = finished.path / export.export(finished, name, lambda done, total, text: steps.append(text))
    assert path.name == row.file_name and path.stat().st_size > 50
    found = certificate(finished, row)
    assert (found is not None) == (name in CERTIFIED)
    if found is None:
        return
    assert found.verified or name not in EXACT, found.sentence
    assert found.pictures == 8 and found.split == "test"
    assert found.largest_difference is not None and found.one_grey_level is not None
    assert found.largest_difference < found.one_grey_level or name not in EXACT
    assert found.milliseconds and found.runtime and len(found.files) >= 2
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            members = {member.partition("/")[2]: member for member in archive.namelist()}
            assert set(members) == {*found.files, "certificate.json"}
            assert json.loads(archive.read(members["certificate.json"])) == found.as_record()
            assert json.loads(archive.read(members["labels.json"]))["class_names"] == finished.class_names
        assert any("fresh process" in text for text in steps)
        written = path.stat().st_mtime_ns
        assert export.export(finished, name) == path.relative_to(finished.path) and path.stat().st_mtime_ns == written


@pytest.mark.slow
def test_everything_holds_the_certificates_and_the_code_that_opens_the_weights(finished: Run, tmp_path: Path) -> None:
    with zipfile.ZipFile(finished.path / export.export(finished, "zip")) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path)
    folder = tmp_path / finished.id
    found = {
        name: certificates.Certificate(**each) for name, each in files.read_json(folder / "certificate.json").items()
    }
    assert set(found) == {"weights", "keras"} and all(each.verified for each in found.values())
    assert found["weights"].files["rebuild.py"] == files.sha256(folder / "rebuild.py")
    model = runpy.run_path(str(folder / "rebuild.py"))["load"]()
    ours = predict.open_classifier(finished).model
    assert all((new.numpy() == old.numpy()).all() for new, old in zip(model.weights, ours.weights, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize(
    "fields",
    [{"backbone": "MobileNet", "alpha": 0.25, "head_width": 7}, {"backbone": "VGG16"}, {"backbone": "EfficientNetB0"}],
    ids=str,
)
def test_the_code_beside_the_weights_rebuilds_the_network(fields: dict[str, Any], tmp_path: Path) -> None:
    recipe = recipe_from({**SMALL, "alpha": 1.0, **fields})
    model = classifier.build(recipe, ["ash", "birch", "cedar"])
    for layer in model.layers:  # as ImageNet's weights leave it after their repair, see `weights._repair`
        if isinstance(layer, keras.layers.Normalization):
            layer.adapt_mean.assign(TORCH_MEAN)
            layer.adapt_variance.assign(np.array(TORCH_DEVIATION) ** 2)
            layer.finalize_state()
    rng = np.random.default_rng(0)
    seen = rng.uniform(0, 255, (8, 1, 1, 3)) * rng.uniform(0, 1, (8, 32, 32, 1))
    classifier.settle(classifier.trainable_part(model), [seen.astype("float32")])
    model.save_weights(tmp_path / "model.weights.h5")
    (tmp_path / "labels.json").write_text(json.dumps({"class_names": ["ash", "birch", "cedar"]}))
    (tmp_path / "rebuild.py").write_text(rebuild.script(recipe))
    rebuilt = runpy.run_path(str(tmp_path / "rebuild.py"))["load"]()
    raw = (rng.uniform(0, 255, (3, 1, 1, 3)) * rng.uniform(0, 1, (3, 50, 41, 1))).astype("float32")
    expected = model(raw, training=False).numpy()
    assert np.ptp(expected, axis=0).max() > 1e-4, "a constant output would pass every comparison"
    np.testing.assert_allclose(rebuilt(raw, training=False), expected, atol=1e-6)
    assert all((new.numpy() == old.numpy()).all() for new, old in zip(rebuilt.weights, model.weights, strict=True))


def wrong_scaling(model: keras.Model, labels: export.Labels) -> None:
    model.get_layer("preprocessing").scale = 1 / 255


def bgr(model: keras.Model, labels: export.Labels) -> None:
    """What the first convolution computes of the colours in the other order."""
    first = next(layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D))
    first.kernel.assign(first.kernel[:, :, ::-1, :])


def stale_statistics(model: keras.Model, labels: export.Labels) -> None:
    """BatchNormalization as it was before training."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.moving_mean.assign(np.zeros(layer.moving_mean.shape))
            layer.moving_variance.assign(np.ones(layer.moving_variance.shape))


def swapped_classes(model: keras.Model, labels: export.Labels) -> None:
    labels["class_names"] = labels["class_names"][::-1]


def constant_output(model: keras.Model, labels: export.Labels) -> None:
    model.get_layer(classifier.PROBABILITIES).kernel.assign(np.zeros(model.get_layer("probabilities").kernel.shape))


def nothing(model: keras.Model, labels: export.Labels) -> None:
    pass


def sabotaged(run: Run, name: str, spoil: Callable[[keras.Model, export.Labels], None], folder: Path) -> Certificate:
    """The certificate of an export made of a spoiled model."""
    model, labels = predict.open_classifier(run).model, export.labels_of(run, EXPORT_FORMATS[name])
    spoil(model, labels)
    (folder / "files").mkdir()
    export.WRITERS[name](model, folder / "files", labels, lambda: iter(()))
    (folder / "files" / "labels.json").write_text(json.dumps(labels))
    export.pack(folder / "files", folder / "export.zip", "export")
    return parity.certify(run, {name: folder / "export.zip"}, say)[name]


@pytest.mark.slow
@pytest.mark.parametrize("spoil", [wrong_scaling, bgr, stale_statistics, swapped_classes, constant_output])
def test_a_spoiled_export_is_not_verified(
    finished: Run, spoil: Callable[[keras.Model, export.Labels], None], tmp_path: Path
) -> None:
    pytest.importorskip("openvino")
    found = sabotaged(finished, "openvino", spoil, tmp_path)
    assert not found.verified and found.reason and found.differing, found.sentence
    assert found.largest_difference is not None and found.largest_difference > 0.01


@pytest.mark.slow
def test_the_same_way_without_sabotage_ends_verified(finished: Run, tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    assert sabotaged(finished, "openvino", nothing, tmp_path).verified


@pytest.mark.slow
def test_a_file_that_cannot_be_opened_is_not_verified_and_says_why(finished: Run, tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    (tmp_path / "model.xml").write_text("no graph")
    (tmp_path / "labels.json").write_text(json.dumps(export.labels_of(finished, EXPORT_FORMATS["openvino"])))
    found = parity.certify(finished, {"openvino": tmp_path}, say)["openvino"]
    assert not found.verified and "exit code 1" in found.reason and found.largest_difference is None


def test_the_sample_is_of_pictures_that_were_not_trained_on_and_of_every_class(finished: Run) -> None:
    predictions = finished.predictions()
    sample = parity.held_sample(predictions)
    assert set(sample["split"]) == {"test"} and set(sample["true"]) == set(finished.class_names)
    without = predictions[predictions["split"] != "test"]
    assert set(parity.held_sample(without)["split"]) == {"validation"}
    assert len(parity.held_sample(predictions.assign(sha256="0" * 64))) == 0
    many = parity.held_sample(predictions.loc[predictions.index.repeat(40)])
    assert len(many) == parity.SAMPLE and many["true"].nunique() == 4


def by_batch(run: Run, folder: Path, paths: list[Path]) -> np.ndarray:
    """What the Predict page shows of the pictures of a folder, in the order of `paths`."""
    batch = batches.begin(run, Given(((str(folder), folder.name),)))
    carry_out(batch, lambda: predict.open_classifier(run), say)
    table = pd.concat(batch_rows.each_part(batch.path)).set_index("path")
    return probabilities(table.loc[[f"{folder.name}/{path.relative_to(folder).as_posix()}" for path in paths]], run)


def probabilities(table: pd.DataFrame, run: Run) -> np.ndarray:
    return table[[PROBABILITY + name for name in run.class_names]].to_numpy(float)


def agree(shown: np.ndarray, found: dict[str, np.ndarray]) -> dict[str, float]:
    """The largest difference of each; every top class is the same."""
    assert np.ptp(shown, axis=0).max() > 0.1, "nearly one answer for all of them proves nothing"
    for name, values in found.items():
        assert np.abs(values - shown).max() <= (EXPORT_FORMATS[name].tolerance or 1e-6), name
        np.testing.assert_array_equal(values.argmax(axis=1), shown.argmax(axis=1), err_msg=name)
    return {name: float(np.abs(values - shown).max()) for name, values in found.items()}


@pytest.mark.soak
def test_raw_files_get_the_same_answers_on_the_page_and_from_what_was_taken_home(finished: Run, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="needs requirements-extras.txt")
    folder = folder_of({**lossless(), **jpegs()}, tmp_path / "new")
    paths = sorted(folder.iterdir())
    exports = {"keras": finished.path, "onnx": finished.path / export.export(finished, "onnx")}
    found = fresh_answers(exports, paths, tmp_path)
    shown = by_batch(finished, folder, paths)
    print(agree(shown, found))


@pytest.mark.soak
def test_photographs_get_the_same_answers_on_the_page_from_a_command_and_from_what_was_taken_home(
    workspace: Path, shared_data: Path, keras_home: Path, tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime", reason="needs requirements-extras.txt")
    dataset = intake.import_pictures(intake.Source(shared_data / "flowers_small", "flowers"), name="flowers")
    recipe = recipe_from({"dataset": dataset.id, "backbone": "MobileNetV2", "alpha": 0.35, "epochs": 5})
    run = queue.enqueue(recipe)
    train.train(run)
    queue.change(run.id, status.FINISHED, only_from=(status.QUEUED,))
    exports = {"keras": run.path, "onnx": run.path / export.export(run, "onnx")}
    for name in ("flowers_small", "trashnet_third", "messy/exif_orientation"):
        folder, place = shared_data / name, tmp_path / name
        place.mkdir(parents=True)
        paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
        command = [
            sys.executable,
            "-m",
            "dashboard",
            "predict",
            run.id,
            str(folder),
            "--out",
            str(place / "all.parquet"),
        ]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        table = pd.read_parquet(place / "all.parquet").set_index("path")
        told = table.loc[[str(path) for path in paths]]  # a command says paths as they were given
        shown = by_batch(run, folder, paths)
        np.testing.assert_allclose(probabilities(told, run), shown, atol=1e-5)
        print(name, len(paths), agree(shown, fresh_answers(exports, paths, place)))


@pytest.fixture(scope="module")
def site(finished: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page for a browser, taken out of its zip."""
    pytest.importorskip("onnxruntime", reason="needs requirements-extras.txt")
    if not browser_runtime.is_here():
        pytest.skip("needs onnxruntime-web (make dev, where npm is)")
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(finished.path / export.export(finished, "browser")) as archive:
        archive.extractall(folder)
    return folder / f"{finished.id}-browser"


@pytest.mark.slow
def test_a_browser_names_raw_files_as_the_keras_model_does(
    finished: Run, site: Path, browser: Any, tmp_path: Path
) -> None:
    paths = sorted(folder_of({**lossless(), **jpegs()}, tmp_path).iterdir())
    predict, _ = recipient.keras_model(finished.path)
    expected = {path.name: predict(decode(path)[np.newaxis].astype("float32"))[0] for path in paths}
    assert np.ptp(list(expected.values()), axis=0).max() > 0.1, "nearly one answer for all of them proves nothing"
    (tmp_path / "notes.png").write_bytes(b"not a picture")
    with served(site) as address, visitor.visiting(browser, address) as (page, watch):
        page.goto("/")
        is_open(page)
        found = named(page, [*paths, tmp_path / "notes.png"])
        reason = page.locator("#items > li", has_text="notes.png").inner_text()
        watch.check()
    assert found.pop("notes.png") == {} and "cannot read it as a picture" in reason
    assert set(found) == set(expected)
    answers = {name: np.array([found[name][each] for each in finished.class_names]) for name in expected}
    difference = {name: float(np.abs(answers[name] - expected[name]).max()) for name in expected}
    print({name: f"{value:.1e}" for name, value in difference.items()})
    assert max(difference.values()) <= 1e-3, difference
    assert all(answers[name].argmax() == expected[name].argmax() for name in expected)


@pytest.mark.slow
def test_the_page_has_all_it_needs_beside_it(site: Path) -> None:
    needed = {"index.html", "page.js", "page.css", "icon.svg", "model.onnx", "labels.json", "README.txt"}
    names = {path.name for path in site.iterdir()}
    assert names == needed | {*browser_runtime.DIGESTS, "certificate.json", export_browser.LICENCE}
    page = (site / "index.html").read_text()
    assert browser_runtime.PUBLIC not in page + (site / "README.txt").read_text()
    assert "//" not in page.replace("http://localhost:8000", "")


@pytest.mark.slow
def test_without_the_runtime_beside_it_the_page_loads_the_very_same_from_a_public_host(
    site: Path, browser: Any, tmp_path: Path
) -> None:
    folder = elsewhere(site, tmp_path / "site")
    assert browser_runtime.PUBLIC in (folder / "README.txt").read_text()
    pictures = folder_of({"plain.png": lossless()["plain.png"]}, tmp_path / "pictures")
    with served(folder) as address, visitor.visiting(browser, address) as (page, watch):
        page.context.route(f"{browser_runtime.PUBLIC}*", giving(lambda name, data: data))
        page.goto("/")
        is_open(page)
        assert len(named(page, [pictures / "plain.png"])["plain.png"]) == len(CLASSES)
    assert sorted(watch.abroad) == sorted(browser_runtime.PUBLIC + name for name in browser_runtime.DIGESTS)
    assert not watch.errors and not watch.dialogs


@pytest.mark.slow
@pytest.mark.parametrize("changed", browser_runtime.DIGESTS)
def test_a_changed_runtime_is_not_run(site: Path, browser: Any, tmp_path: Path, changed: str) -> None:
    folder = elsewhere(site, tmp_path / "site")
    with served(folder) as address, visitor.visiting(browser, address) as (page, _):
        spoilt = giving(lambda name, data: data + b" " if name == changed else data)
        page.context.route(f"{browser_runtime.PUBLIC}*", spoilt)
        page.goto("/")
        page.locator("#said", has_text="could not be opened").wait_for()
        assert not page.locator("#ways").is_visible()
