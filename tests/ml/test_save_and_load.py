"""Saving and loading by hand: what the page shows is what the code gives, here and for whoever takes it home."""

import contextlib
import io
import os
import runpy
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest

from dashboard.core.errors import DatasetError
from dashboard.core.settings import settings
from dashboard.data.datasets import picture_path
from dashboard.data.images import decode
from dashboard.ml import classifier, save_and_load
from dashboard.ml.predict import open_classifier
from dashboard.runs import save_and_load as shown
from dashboard.runs.run import Run
from tests.drawn import drawn_run
from tests.runs.test_save_and_load import recipe_of

pytestmark = pytest.mark.slow

# The one that could come with another layer, and the other ways to prepare pictures than that of the run above.
NETWORKS = ("EfficientNetB0", pytest.param("DenseNet121", marks=pytest.mark.soak), "VGG16")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    before = dict(os.environ)
    os.environ["THAW_WORKSPACE"] = str(tmp_path_factory.mktemp("saved") / "workspace")
    settings.cache_clear()
    yield drawn_run(tmp_path_factory)
    os.environ.clear()
    os.environ.update(before)
    settings.cache_clear()


@pytest.fixture(scope="module")
def sha256(run: Run) -> str:
    return str(run.manifest["sha256"].iloc[0])


@pytest.fixture(scope="module")
def result(run: Run, sha256: str) -> shown.Result:
    said: list[str] = []
    found = save_and_load.execute(lambda done, total, text: said.append(text), run=run.id, sha256=sha256)
    assert said == [cell.title for cell in shown.cells(run.recipe)]
    return shown.Result(**found)


def test_what_was_loaded_predicts_what_the_run_does(run: Run, sha256: str, result: shown.Result) -> None:
    expected = next(iter(open_classifier(run).batches([picture_path(sha256)])))
    np.testing.assert_allclose(result.probabilities, np.ravel(expected), atol=1e-3)
    assert np.std(result.probabilities) > 0.01, "a network that says the same of everything proves nothing"
    assert result.difference <= 1e-6
    assert result.class_names == run.class_names


def test_shapes_and_counts_are_those_of_keras(run: Run, sha256: str, result: shown.Result) -> None:
    model = classifier.build(run.recipe, run.class_names)
    assert result.weights == model.count_params()
    assert f"{model.count_params():,} weights" in result.printed[0]
    size, classes = run.recipe.image_size, len(run.class_names)
    assert result.shapes == {
        "pixels": list(decode(picture_path(sha256)).shape),
        "picture": [size, size, 3],
        "batch": [1, size, size, 3],
        "probabilities": [1, classes],
    }
    assert f"({size}, {size}, 3) -> (1, {size}, {size}, 3)" in result.printed[6]


def test_the_script_taken_home_prints_what_the_page_shows(
    run: Run, sha256: str, result: shown.Result, tmp_path: Path
) -> None:
    save_and_load.furnish(tmp_path, run, sha256)
    (tmp_path / shown.FILE_NAME).write_text(shown.script(run.recipe), encoding="utf-8")
    said = io.StringIO()
    with contextlib.chdir(tmp_path), contextlib.redirect_stdout(said):
        runpy.run_path(shown.FILE_NAME, run_name="__main__")

    def steady(text: str) -> list[str]:  # a zip has the time in it, so its digest is another one each time
        return [line for line in text.splitlines() if not line.startswith("SHA-256")]

    assert steady(said.getvalue()) == steady("\n".join(result.printed))


def test_the_files_of_the_run_are_not_touched(run: Run, sha256: str) -> None:
    before = {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in run.path.iterdir()}
    save_and_load.execute(lambda *_: None, run=run.id, sha256=sha256)
    assert {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in run.path.iterdir()} == before


def test_a_picture_that_is_gone_is_refused(run: Run) -> None:
    with pytest.raises(DatasetError, match="Choose another"):
        save_and_load.execute(lambda *_: None, run=run.id, sha256="0" * 64)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_topology_built_by_hand_is_the_run_s_own(name: str) -> None:
    recipe = recipe_of(name)
    expected = classifier.build(recipe, ["a", "b", "c"])
    names = {"keras": keras, "np": np, "class_names": ["a", "b", "c"], "model": expected}
    with contextlib.redirect_stdout(io.StringIO()) as said:
        exec(next(cell.code for cell in shown.cells(recipe) if cell.title == "Build the same topology"), names)
    assert "the same shapes as before: True" in said.getvalue()
    built = names["rebuilt"]
    assert isinstance(built, keras.Model)
    assert built.count_params() == expected.count_params()
    assert [described(each) for each in built.layers] == [described(each) for each in expected.layers]


def described(layer: keras.Layer) -> tuple[str, dict[str, object]]:
    """What a layer is and does, but for its name, and what only matters to training."""
    own = {key: value for key, value in layer.get_config().items() if key not in ("name", "seed", "momentum")}
    return type(layer).__name__, own
