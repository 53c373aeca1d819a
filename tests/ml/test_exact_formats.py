"""Networks of every kind of preprocessing predict the same in every format that keeps all their digits."""

import json
import subprocess
import sys
from pathlib import Path

import keras
import pytest

from dashboard.core.backbones import BACKBONES
from dashboard.core.export_formats import EXPORT_FORMATS
from dashboard.core.recipe import recipe_from
from dashboard.core.settings import ROOT
from dashboard.ml import export, parity, rebuild
from dashboard.runs.run import Run, prepare
from tests.ml.conftest import store_shapes
from tests.ml.finishing import finish

# A page for a browser holds the very file of ONNX.
CERTIFIED = [row.name for row in EXPORT_FORMATS.values() if row.tolerance is not None and row.name != "browser"]
EXACT = [name for name in CERTIFIED if not EXPORT_FORMATS[name].agreement]
# Of -1..1 it is the run of `test_export`.
ONE_OF_EACH_KIND = {"MobileNetV3Small": "built_in", "DenseNet121": "torch", "VGG16": "caffe"}
# The converters of these look at each of a network's weights again and again: with 121 layers for the long sweeps.
SLOW_FOR_MANY_LAYERS = ("saved-model", "litert")


def say(done: int, total: int, text: str) -> None:
    pass


def as_it_is_taken_home(run: Run, model: keras.Model, name: str, folder: Path) -> Path:
    """An export without its certificate."""
    folder.mkdir()
    labels = export.labels_of(run, EXPORT_FORMATS[name])
    if name in export.WRITERS:
        export.WRITERS[name](model, folder, labels, lambda: iter(()))
    else:
        (folder / EXPORT_FORMATS[name].file_name).symlink_to((run.path / EXPORT_FORMATS[name].file_name).resolve())
        (folder / "rebuild.py").write_text(rebuild.script(run.recipe))
    (folder / "labels.json").write_text(json.dumps(labels))
    export.pack(folder, folder.with_suffix(".zip"), name)
    return folder.with_suffix(".zip")


@pytest.mark.slow
@pytest.mark.parametrize("name", ONE_OF_EACH_KIND)
def test_a_network_of_every_kind_of_preprocessing_predicts_the_same_in_exact_formats(
    name: str, workspace: Path, tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime")
    assert BACKBONES[name].preprocessing == ONE_OF_EACH_KIND[name]
    size = BACKBONES[name].smallest_image_size
    fields = {"dataset": "-", "backbone": name, "weights": "none", "image_size": size}
    run = prepare(name, recipe_from(fields), store_shapes(8))
    model = finish(run)
    assert EXACT == ["weights", "keras", "saved-model", "onnx", "openvino", "litert"]
    formats = [each for each in EXACT if name != "DenseNet121" or each not in SLOW_FOR_MANY_LAYERS]
    found = parity.certify(run, {each: as_it_is_taken_home(run, model, each, tmp_path / each) for each in formats}, say)
    for each in formats:
        assert EXPORT_FORMATS[each].tolerance == (1e-4 if each in export.AS_TRAINED else 1e-3)
        assert found[each].verified, f"{each}: {found[each].sentence} {found[each].reason}"


# Pixels. With 54 and 75 residual blocks that were only drawn and 2 x 2 positions left at their end, as 48 pixels leave,
# the order of a sum moves a probability by up to 0.0006 within TensorFlow; at these sizes by less than 0.000004.
LARGER_PICTURES = {"EfficientNetV2M": 96, "EfficientNetV2L": 128}

EVERY_FORMAT = """
import sys
from dashboard.ml.importing import import_keras
import_keras()
from dashboard.core.backbones import BACKBONES
from dashboard.core.export_formats import EXPORT_FORMATS
from dashboard.core.recipe import recipe_from
from dashboard.ml import export
from dashboard.runs.certificates import certificate
from dashboard.runs.run import prepare
from tests.ml.conftest import store_shapes
from tests.ml.finishing import finish

row = BACKBONES[sys.argv[1]]
fields = {"dataset": "-", "backbone": row.name, "weights": "none", "image_size": int(sys.argv[2])}
run = prepare(row.name, recipe_from(fields), store_shapes(8))
finish(run)
for name in sys.argv[3:]:
    export.export(run, name)
    found = certificate(run, EXPORT_FORMATS[name])
    print(f"{row.name} {name}: {found.milliseconds:.1f} ms, {found.sentence}" if found.milliseconds else found)
    if not found.verified and not EXPORT_FORMATS[name].agreement:
        sys.exit(f"{row.name} as {name} is not verified: {found.reason}")
"""


def in_every_format(name: str, formats: list[str]) -> None:
    size = LARGER_PICTURES.get(name, max(48, BACKBONES[name].smallest_image_size))
    done = subprocess.run(
        [sys.executable, "-c", EVERY_FORMAT, name, str(size), *formats], cwd=ROOT, capture_output=True, text=True
    )
    print(done.stdout)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.soak
@pytest.mark.parametrize("name", BACKBONES)
def test_every_backbone_predicts_the_same_in_every_format(name: str, workspace: Path) -> None:
    pytest.importorskip("onnxruntime")
    in_every_format(name, CERTIFIED)
