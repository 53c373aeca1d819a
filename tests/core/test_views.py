"""One sentence on what keeping costs and gives, whose numbers are those of the recipe."""

from typing import Any

import pytest

from dashboard.core.recipe import Recipe, recipe_from
from dashboard.core.views import what_is_traded


def recipe(**fields: Any) -> Recipe:
    return recipe_from({"dataset": "d", "epochs": 10, **fields})


CASES = [
    (
        {"augmentation": ("flip",)},
        "4 views of 674 pictures: 2,696 pictures through the frozen part once, instead of 674 in each of 10 epochs. "
        "3 of the 4 are changed; each comes again after 4 epochs.",
    ),
    ({}, "1 view of 674 pictures: 674 pictures through the frozen part once, instead of 674 in each of 10 epochs."),
    (
        {"augmentation": ("flip",), "fine_tune_epochs": 5},
        "4 views of 674 pictures: 2,696 pictures through the frozen part once a phase, "
        "instead of 674 in each of 10 and 5 epochs. 3 of the 4 are changed; each comes again after 4 epochs.",
    ),
    (
        {"augmentation": ("flip",), "views": 64},
        "64 views of 674 pictures: 43,136 pictures through the frozen part once, instead of 674 in each of 10 epochs. "
        "That is 43,136 in all and more than the 6,740 without keeping: take fewer views, or more epochs.",
    ),
    (
        {"augmentation": ("flip",), "views": 1},
        "1 view of 674 pictures: 674 pictures through the frozen part once, instead of 674 in each of 10 epochs. "
        "The one view is the picture as it is, so nothing is changed: take 2 or more.",
    ),
    (
        {"augmentation": ("flip",), "cache": False, "fine_tune_epochs": 5},
        "Nothing is kept: 674 pictures through the whole network in each of 15 epochs, with fresh changes each time: "
        "10,110 in all.",
    ),
    (
        {"cache": False, "epochs": 1},
        "Nothing is kept: 674 pictures through the whole network in 1 epoch, the same each time: 674 in all.",
    ),
    (
        {"weights": "none", "epochs": 1, "fine_tune_epochs": 8, "augmentation": ("zoom",)},
        "4 views of 674 pictures: 2,696 pictures through the frozen part once, instead of 674 in 1 epoch. "
        "That is 2,696 in all and more than the 674 without keeping: take fewer views, or more epochs. "
        "Then everything learns and nothing is kept: the whole network in each of 8 epochs, with fresh changes each "
        "time.",
    ),
    (
        {"weights": "none", "epochs": 0, "fine_tune_epochs": 8},
        "Everything learns, so nothing can be kept: 674 pictures through the whole network in each of 8 epochs, "
        "the same each time: 5,392 in all.",
    ),
]


@pytest.mark.parametrize(("fields", "sentence"), CASES, ids=[str(fields) for fields, _ in CASES])
def test_the_sentence_has_the_numbers_of_the_settings(fields: dict[str, Any], sentence: str) -> None:
    assert what_is_traded(recipe(**fields), 674) == sentence


def test_a_block_below_which_nothing_is_frozen_is_said_by_whoever_knows_the_blocks() -> None:
    chosen = recipe(unfreeze_from="stem", epochs=0, fine_tune_epochs=3)
    assert what_is_traded(chosen, 10).startswith("1 view of 10 pictures: 10 pictures through the frozen part once")
    assert what_is_traded(chosen, 10, everything_learns=True).startswith("Everything learns")


def test_one_picture_and_none_are_said_in_their_numbers() -> None:
    assert what_is_traded(recipe(), 1).startswith("1 view of 1 picture: 1 picture through")
    assert what_is_traded(recipe(), 0) == "There are no training pictures yet."
