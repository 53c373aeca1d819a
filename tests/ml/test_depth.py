"""What blocks hand on, and how much training changed them."""

from collections.abc import Callable

import numpy as np
import pytest

from dashboard.core.errors import RunError
from dashboard.core.packing import unpack
from dashboard.ml import classifier, cut, depth, standing
from dashboard.runs.run import Run

CHANGED = 8  # a block in the middle of MobileNet


@pytest.fixture
def changed_run(make_run: Callable[..., Run]) -> Run:
    """A run whose training made every weight of one block larger by a tenth."""
    run = make_run()
    model = classifier.build(run.recipe, run.class_names)
    standing.save_base(run.path, model)
    block = cut.blocks(classifier.backbone_of(model))[CHANGED]
    for name in block.layers:
        layer = model.get_layer(name)
        layer.set_weights([1.1 * value for value in layer.get_weights()])
    model.save_weights(run.weights_path)
    model.save(run.model_path)
    return run


def test_a_block_that_grew_by_a_tenth_has_changed_by_a_tenth_and_those_below_not(changed_run: Run) -> None:
    sha = changed_run.manifest["sha256"].iloc[0]
    found = depth.changes(changed_run, sha)
    weights = [each["weights"] for each in found]
    assert weights[CHANGED] == pytest.approx(0.1, rel=1e-4)
    assert not any(weights[:CHANGED]) and not any(weights[CHANGED + 1 :])
    outputs = [each["outputs"] for each in found]
    assert max(outputs[:CHANGED]) < 1e-6 and outputs[CHANGED] > 0.01


def test_maps_are_what_the_block_computes_and_the_strongest_come_first(changed_run: Run) -> None:
    sha, of = changed_run.manifest["sha256"].iloc[0], {"run": changed_run.id}
    found = depth.feature_maps(of, sha, "conv_2", 5)
    whole = depth.of_specimen(of, sha)["conv_2"]
    maps = unpack(found["maps"])
    assert found["channel_count"] == whole.shape[-1] and maps.shape == (5, *whole.shape[:2])
    np.testing.assert_allclose(maps, np.moveaxis(whole[..., found["channels"]], -1, 0), rtol=1e-3, atol=1e-6)
    strength = np.abs(whole).mean(axis=(0, 1))
    assert found["channels"] == sorted(range(len(strength)), key=lambda at: -strength[at])[:5]
    both = depth.side_by_side(changed_run, sha, "conv_2", found["channels"])
    np.testing.assert_array_equal(unpack(both["before"]), maps)


def test_random_weights_that_were_not_kept_are_said_to_be_unknown(make_run: Callable[..., Run]) -> None:
    with pytest.raises(RunError, match="began with random weights, and they are not kept"):
        depth.before(make_run("other"))
