"""Learning rates by depth: what is asked for is what each variable learns at."""

import keras
import numpy as np
import pytest

from dashboard.core.optimizers import OPTIMIZERS
from dashboard.core.recipe import recipe_from
from dashboard.ml import classifier, cut, fit, rates

RECIPE = {
    "dataset": "-",
    "backbone": "MobileNet",
    "alpha": 0.25,
    "weights": "none",
    "image_size": 32,
    "fine_tune_epochs": 1,
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_factor_is_the_same_as_another_learning_rate(name: str) -> None:
    def after(factors: dict[str, float], rate: float) -> np.ndarray:
        variable = keras.Variable(np.ones(3, "float32"), name="kernel")
        if factors:
            factors = {variable.path: factors["kernel"]}
        found = rates.optimizer(name, rate, factors)
        for gradient in ([1.0, -2.0, 0.5], [0.5, 0.5, 0.5]):
            found.apply([keras.ops.convert_to_tensor(np.array(gradient, "float32"))], [variable])
        return np.asarray(variable.numpy())

    reference = after({}, 1e-2)
    np.testing.assert_allclose(after({"kernel": 0.1}, 1e-1), reference, rtol=2e-3)
    assert not np.allclose(after({"kernel": 0.5}, 1e-1), reference, rtol=2e-3)


def test_rates_fall_with_depth_and_the_head_has_its_own() -> None:
    recipe = recipe_from({**RECIPE, "rate_decay": 0.5, "head_rate_factor": 10.0, "unfreeze_from": "conv_11"})
    model = classifier.build(recipe, ["ash", "birch"])
    fit.stage(model, "conv_11", recipe, 0)
    found = rates.factors(model, recipe, recipe.phases[-1])
    names = [block.name for block in cut.blocks(classifier.backbone_of(model))]
    assert names[-3:] == ["conv_11", "conv_12", "conv_13"]
    assert {found[path] for path in found if path.startswith("conv_pw_13/")} == {1.0}
    assert {found[path] for path in found if path.startswith("conv_pw_11/")} == {0.25}
    assert {found[path] for path in found if path.startswith("probabilities/")} == {10.0}
    assert not [path for path in found if path.startswith("conv_pw_10/")], "what is frozen has no rate"
    assert rates.factors(model, recipe, recipe.phases[0]) == {}, "while the backbone is frozen there is one rate"
    plain = recipe.replace(rate_decay=1.0, head_rate_factor=1.0)
    assert rates.factors(model, plain, plain.phases[-1]) == {}


def test_with_gradual_thawing_blocks_wait_from_the_lowest_up_and_the_last_stage_is_the_whole_phase() -> None:
    recipe = recipe_from({**RECIPE, "gradual_thawing": True, "unfreeze_from": "conv_11"})
    model = classifier.build(recipe, ["ash", "birch"])

    def learning() -> set[str]:
        return {layer.name for layer in model.layers if layer.trainable_variables and layer.name.startswith("conv_pw")}

    assert fit.stage(model, "conv_11", recipe, 0) == ["conv_11", "conv_12"]
    assert learning() == {"conv_pw_13"}
    assert fit.stage(model, "conv_11", recipe, 1) == ["conv_11"]
    assert learning() == {"conv_pw_13", "conv_pw_12"}
    assert fit.stage(model, "conv_11", recipe, 2) == fit.stage(model, "conv_11", recipe, 9) == []
    assert learning() == {"conv_pw_13", "conv_pw_12", "conv_pw_11"}
