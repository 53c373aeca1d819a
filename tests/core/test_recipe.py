import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.core.backbones import BACKBONES
from dashboard.core.errors import BackboneError, DashboardError, RecipeError
from dashboard.core.recipe import Recipe, read_recipe, recipe_from


def test_every_field_says_what_it_does_and_has_an_advised_value() -> None:
    for name, field in Recipe.model_fields.items():
        assert field.description, name
        assert name == "dataset" or not field.is_required(), name


@pytest.mark.parametrize(
    ("values", "code", "words"),
    [
        ({"backbone": "ResNet5000"}, "backbone-unknown", "There is no backbone 'ResNet5000'"),
        ({"backbone": "resnet50"}, "backbone-unknown", "Did you mean ResNet50?"),
        ({"image_size": 16}, "image-size-too-small", "at least 32 pixels a side; received 16"),
        ({"backbone": "InceptionV3", "image_size": 74}, "image-size-too-small", "at least 75 .* received 74"),
        ({"alpha": 0.4}, "alpha-unknown", "comes in alpha 0.35, .*received 0.4"),
        ({"backbone": "ResNet50", "alpha": 0.5}, "alpha-unknown", "comes in alpha 1.0; received 0.5"),
        ({"optimizer": "Adagrad"}, "optimizer-unknown", "one of Adam"),
        ({"augmentation": ("flip", "swirl")}, "augmentation-unknown", "received 'swirl'"),
        ({"epochs": 0}, "no-epochs", "Nothing to train"),
        ({"weights": "file"}, "weights-file-missing", "weights file"),
        ({"keep_head": True}, "head-without-file", "Only a weights file has a head"),
        ({"learning_rate": 0}, "recipe-invalid", "learning_rate: .* greater than 0; received 0"),
        ({"batch_size": 0}, "recipe-invalid", "batch_size: .*greater than or equal to 1; received 0"),
        ({"epoch": 3}, "recipe-invalid", "epoch: .*not permitted; received 3"),
        ({"learning_rate": float("nan")}, "recipe-invalid", "learning_rate"),
    ],
)
def test_nonsense_is_refused_with_what_was_expected_and_what_came(values: dict, code: str, words: str) -> None:
    with pytest.raises(DashboardError, match=words) as refusal:
        recipe_from({"dataset": "d", **values})
    assert refusal.value.code == code


@pytest.mark.parametrize("row", BACKBONES.values(), ids=lambda row: row.name)
def test_the_defaults_fit_every_backbone_at_its_own_size(row: object) -> None:
    recipe = Recipe(dataset="d", backbone=row.name, image_size=row.image_size)
    assert recipe.backbone_row is row


@given(st.integers(0, 3), st.integers(0, 3))
def test_only_phases_with_epochs_are_run(epochs: int, fine_tune_epochs: int) -> None:
    values = {"dataset": "d", "epochs": epochs, "fine_tune_epochs": fine_tune_epochs}
    if epochs + fine_tune_epochs == 0:
        with pytest.raises(RecipeError):
            recipe_from(values)
    else:
        phases = recipe_from(values).phases
        assert [phase.epochs for phase in phases] == [count for count in (epochs, fine_tune_epochs) if count]


def test_a_recipe_survives_its_file(tmp_path: Path) -> None:
    recipe = Recipe(dataset="d", augmentation=("flip",), unfreeze_from="block_12")
    for stored in (recipe.model_dump(mode="json"), {"recipe": recipe.model_dump(mode="json"), "versions": {}}):
        (tmp_path / "recipe.json").write_text(json.dumps(stored))
        assert recipe_from(read_recipe(tmp_path / "recipe.json")) == recipe


@pytest.mark.parametrize("text", ["", "[1]", "{", "\x00"])
def test_a_file_that_is_no_recipe_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "recipe.json").write_text(text)
    with pytest.raises(RecipeError, match="recipe.json"):
        read_recipe(tmp_path / "recipe.json")


def test_an_unchanged_draft_cannot_be_changed_in_place() -> None:
    recipe = Recipe(dataset="d")
    with pytest.raises(BackboneError):
        recipe.replace(alpha=7.0 / 4)
    assert recipe.alpha == 1.0


def test_alexnet_learns_as_a_whole_at_once_and_going_back_leaves_nothing_of_it() -> None:
    recipe = Recipe(dataset="d", backbone="AlexNet", image_size=227, batch_size=16)
    scratch = recipe.from_scratch()
    assert [phase.name for phase in scratch.phases] == ["fine-tuning"]
    assert (scratch.weights, scratch.unfreeze_from, scratch.dropout) == ("none", None, 0.5)
    assert (scratch.optimizer, scratch.phases[0].learning_rate) == ("Adam", 1e-4)
    assert scratch.pretrained() == recipe


def test_random_weights_thaw_everything_and_going_back_restores_what_is_advised() -> None:
    recipe = Recipe(dataset="d", unfreeze_from="block_12", batch_size=16)
    scratch = recipe.from_scratch()
    assert (scratch.weights, scratch.unfreeze_from, scratch.train_batch_normalization) == ("none", None, True)
    assert scratch.fine_tune_epochs > scratch.epochs
    assert scratch.pretrained() == Recipe(dataset="d", batch_size=16)
