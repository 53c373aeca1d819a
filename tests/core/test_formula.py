"""The weights that come with the program, as a start of a recipe."""

import hashlib

import pytest

from dashboard.core import formula
from dashboard.core.errors import RecipeError
from dashboard.core.recipe import Recipe


def test_the_file_is_there_and_the_one_that_is_named() -> None:
    assert hashlib.sha256(formula.FILE.read_bytes()).hexdigest() == formula.SHA256
    assert formula.FILE.stat().st_size < 2_000_000


def test_they_belong_to_one_network_at_any_size() -> None:
    for size in (32, 96, 224):
        assert Recipe(dataset="-", alpha=0.35, image_size=size, weights="formula").image_size == size
    for fields in ({"alpha": 1.0}, {"backbone": "MobileNet", "alpha": 0.25}):
        with pytest.raises(RecipeError, match="bundled formula weights are for MobileNetV2 0.35"):
            Recipe(dataset="-", weights="formula", **fields)


def test_taking_them_takes_their_network_and_undoes_what_random_weights_needed() -> None:
    recipe = Recipe(dataset="-", backbone="VGG16", epochs=7, dropout=0.4).with_formula()
    assert (recipe.network_name, recipe.weights, recipe.image_size) == ("MobileNetV2 0.35", "formula", 96)
    assert (recipe.epochs, recipe.dropout) == (7, 0.4), "what has nothing to do with it stays"
    assert Recipe(dataset="-").from_scratch().with_formula() == Recipe(dataset="-").with_formula()


def test_what_imagenet_would_give_is_said_with_figures_that_were_measured() -> None:
    assert all(random < own for random, own, _ in formula.MEASURED.values()), formula.MEASURED
    assert formula.beside_imagenet().count("times") == 3
