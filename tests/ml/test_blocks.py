"""What is written down of a network for those who have no Keras."""

from collections.abc import Callable

import keras
import pytest

from dashboard.core import files
from dashboard.ml import blocks, classifier
from dashboard.runs.run import Run

pytestmark = pytest.mark.slow


def test_names_are_those_of_a_process_that_builds_nothing_else_before() -> None:
    for _ in range(2):
        images = keras.Input((8, 8, 3))
        x = keras.layers.Conv2D(2, 1, name="own")(images)
        x = keras.layers.Conv2D(2, 1)(x)
        x = keras.layers.ReLU()(x)
        x = keras.layers.Conv2D(2, 1)(x)
        model = keras.Model(images, keras.ops.add(x, keras.layers.Conv2D(2, 1)(x)))
    found = blocks.canonical(model.operations[1:])
    assert list(found.values()) == ["own", "conv2d", "re_lu", "conv2d_1", "conv2d_2", "add"]
    assert list(found) != list(found.values()), "a second network has other names"


def test_a_run_knows_what_it_thawed_and_where_the_network_was_cut(make_run: Callable[..., Run]) -> None:
    run = make_run(unfreeze_from="conv_12", epochs=1, fine_tune_epochs=1)
    blocks.require(run)
    found = files.read_json(run.blocks_path)
    names = [each["name"] for each in found["blocks"]]
    assert (found["unfreeze_from"], found["cut"]) == ("conv_12", ["conv_pw_11_relu"])
    assert names[0] == "stem" and names[names.index("conv_12") :][:2] == ["conv_12", "conv_13"]
    assert sorted(found["layers"]) == sorted(layer for each in found["blocks"] for layer in each["layers"])
    assert set(found["layers"]) <= {layer.name for layer in classifier.build(run.recipe, run.class_names).layers}
    whole, head = make_run("whole", unfreeze_from="stem"), make_run("head", fine_tune_epochs=0)
    for each, lowest in ((whole, "stem"), (head, None)):
        blocks.require(each)
        found = files.read_json(each.blocks_path)
        assert (found["unfreeze_from"], found["cut"]) == (lowest, [])
